"""Which film something was said of, and whether a data set holds that film, whatever its directory is called.

A film is known by its id, its study's and its size, for boxes are in its pixels: a smaller copy of it is another film.
Where its size is unknown, as in a directory of labels alone, the ids decide. This module knows nothing of what is said.
"""

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """The film that was on show: its id, its study's id, and its size in pixels, 0 where that is unknown."""

    film: str
    study: str
    width: int
    height: int

    def as_text(self):
        """As one line of JSON, for `read_origin`."""
        return json.dumps([self.film, self.study, self.width, self.height])

    def same(self, other):
        """Whether `other` is about the same film."""
        sizes = (self.width, self.height), (other.width, other.height)
        return (self.film, self.study) == (other.film, other.study) and (sizes[0] == sizes[1] or (0, 0) in sizes)


def read_origin(text):
    """The `Origin` of what `Origin.as_text` gave; None for None."""
    return None if text is None else Origin(*json.loads(text))


def origin_of(image):
    """The `Origin` of a `core.dataset.Image`."""
    return Origin(image.image_id, image.study_id, image.width, image.height)


@dataclass(frozen=True, eq=False)
class Holding:
    """The films of a data set: its `name`, by which alone older versions knew it, and film id -> `Origin`."""

    name: str
    films: dict[str, Origin]

    def holds(self, data_set, origin):
        """Whether what was said of the film `origin` in the data set of that name is about one of these films.

        Without an origin, as older versions wrote it, the name decides.
        """
        if origin is None:
            return data_set == self.name
        return origin.film in self.films and self.films[origin.film].same(origin)


def holding(dataset):
    """The `Holding` of a `core.dataset.Dataset`."""
    return Holding(dataset.name, {image.image_id: origin_of(image) for image in dataset.images})
