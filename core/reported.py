"""What is told of one film, and who tells it: the values that every export is made of.

It knows nothing of formats or files.
"""

import hashlib
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from core.errors import BadSettings

NAME = "Groundglass"
_UNPRINTED = re.compile(r"[^\w .+-]")  # of a file's name, in what leaves
WARNING = "Research use only. Not for diagnosis."


@dataclass(frozen=True)
class Origin:
    """Who tells it.

    `weights` is the SHA-256 over those of all weights files, in hexadecimal, "" when they are unknown. Detections are
    told from the confidence `threshold` up. `stamp` is that of `core.stamp.stamp`. Raises `BadSettings`.
    """

    version: str
    weights: str
    threshold: float
    stamp: dict

    def __post_init__(self):
        if not 0 <= self.threshold <= 1:
            raise BadSettings(f"the confidence threshold is {self.threshold}, but must lie in 0 to 1: choose another.")

    @property
    def settings(self):
        """The thresholds and other settings, as one line of text."""
        told = {"confidence >=": f"{self.threshold:g}", **self.stamp.get("settings", {})}
        return ", ".join(f"{name} {value}" for name, value in told.items())

    @property
    def hashes(self):
        """The file and the whole SHA-256 of each of the weights."""
        return tuple(f"{_UNPRINTED.sub('_', name)[:100]} SHA-256 {told[:64]}"
                     for name, told in self.stamp.get("weights", {}).items())

    @property
    def lines(self):
        """What must be legible on anything that leaves: algorithm and version, weights, thresholds, the warning."""
        return (f"{NAME} {self.version}, weights {self.weights[:12] or 'unknown'}",
                f"Detections of confidence {self.threshold:g} and more", WARNING)


@dataclass(frozen=True, eq=False)
class Reported:
    """What is told of a film of `width` x `height` pixels, at `path` (None: no file).

    boxes float32 [N,4] xyxy in pixels of the original image with `scores` [N] in 0..1, most confident first; `p_none`
    and `study` [4] (`core.labels.STUDY_CLASSES`) are probabilities, NaN where nothing is said.
    """

    image_id: str
    study_id: str
    path: Path | None
    width: int
    height: int
    boxes: np.ndarray
    scores: np.ndarray
    p_none: float
    study: np.ndarray


@cache
def version():
    """The project's version, as pyproject.toml names it."""
    place = Path(__file__).resolve().parent.parent / "pyproject.toml"
    return tomllib.loads(place.read_text("utf8"))["project"]["version"]


def origin_of(stamp, threshold):
    """The `Origin` of what bears `stamp` and is told from the confidence `threshold` up."""
    hashes = sorted(stamp.get("weights", {}).values())
    return Origin(version(), hashlib.sha256("".join(hashes).encode()).hexdigest() if hashes else "", threshold, stamp)


def reported(answer, images, threshold):
    """A `Reported` for each of `images` (`core.dataset.Image`) that the `core.scoring.Answer` `answer` is about."""
    film_of, study_of = ({each: row for row, each in enumerate(ids)} for ids in (answer.image_ids, answer.study_ids))
    found = []
    for image in images:
        row = film_of.get(image.image_id)
        if row is None:
            continue
        start, stop = answer.offsets[row:row + 2]
        kept = slice(start, start + int((answer.scores[start:stop] >= threshold).sum()))  # they descend
        study = study_of.get(image.study_id)
        found.append(Reported(image.image_id, image.study_id, None if image.path is None else Path(image.path),
                              image.width, image.height, answer.boxes[kept], answer.scores[kept],
                              float(answer.p_none[row]), np.full(4, np.nan) if study is None else answer.study[study]))
    return found
