"""Ground truth: the boxes of films and the class of studies, as the competition's two CSVs give them.

It knows nothing of films on disk; labels can be scored against where there are none.
"""

from dataclasses import dataclass

import numpy as np

from core.errors import BadDataset

STUDY_CLASSES = ("negative", "typical", "indeterminate", "atypical")


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """Labels of F films and S studies; ids are text without the suffixes `_image` and `_study`.

    `image_study` int32 [F] indexes `study_ids` (-1: the study is not among them). The boxes of film f are
    `boxes[offsets[f]:offsets[f + 1]]`, float32 [G,4] xyxy in pixels of the original image as the label gives
    them, also where they reach beyond the image; `offsets` int64 [F+1]. `study_class` int8 [S] indexes
    `STUDY_CLASSES`, -1 where it is unknown. All arrays are read-only.
    """

    image_ids: tuple[str, ...]
    study_ids: tuple[str, ...]
    image_study: np.ndarray
    boxes: np.ndarray
    offsets: np.ndarray
    study_class: np.ndarray

    def __post_init__(self):
        films = len(self.image_ids)
        shapes = {"image_study": (np.int32, (films,)), "offsets": (np.int64, (films + 1,)),
                  "boxes": (np.float32, (len(self.boxes), 4)),
                  "study_class": (np.int8, (len(self.study_ids),))}
        for name, (dtype, shape) in shapes.items():
            array = np.asarray(getattr(self, name), dtype).view()
            if array.shape != shape:
                raise BadDataset(f"{name} has shape {array.shape}, but must be {shape}: use read_truth.")
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def boxes_of(self, film):
        """Boxes float32 [.,4] of the film at row `film`."""
        return self.boxes[self.offsets[film]:self.offsets[film + 1]]

    def subset(self, image_ids, study_ids):
        """The labels of these films and studies alone, in the order given.

        Raises `BadDataset` for an unknown id.
        """
        films, studies = _rows(self.image_ids, image_ids, "image"), _rows(self.study_ids, study_ids, "study")
        place = np.full(len(self.study_ids) + 1, -1, np.int32)  # the last entry answers for image_study -1
        place[studies] = np.arange(len(studies))
        counts = np.diff(self.offsets)[films]
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        rows = np.repeat(self.offsets[films] - offsets[:-1], counts) + np.arange(offsets[-1])
        return GroundTruth(tuple(image_ids), tuple(study_ids), place[self.image_study[films]],
                           self.boxes[rows], offsets, self.study_class[studies])


def _rows(known, wanted, level):
    row_of = {each: row for row, each in enumerate(known)}
    try:
        return np.array([row_of[each] for each in wanted], np.int64)
    except KeyError as missing:
        raise BadDataset(f"{level} id {missing.args[0]!r} has no label, but only labelled ids can be scored: "
                         f"leave it out, or add it to train_{level}_level.csv.") from None
