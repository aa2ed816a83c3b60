"""Boxes of films as other programs exchange them: detections with scores, or ground truth without.

What those formats cannot say, p(none) and the study classes, stands beside them in `LEVELS`, a competition CSV without
boxes. This module knows nothing of any format.
"""

import hashlib
import re
from dataclasses import dataclass

import numpy as np

from core.errors import BadExport
from core.labels import STUDY_CLASSES, GroundTruth
from core.scoring import Answer

LEVELS = "levels.csv"
MOST_SIDE = 65535  # pixels, as in DICOM
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, eq=False)
class Boxed:
    """Boxes of F films, those of film f in rows `offsets[f]:offsets[f + 1]`.

    `widths`, `heights` int64 [F]; `boxes` float32 [N,4] xyxy in pixels of the original image; `scores` float64 [N], or
    None for ground truth.
    """

    image_ids: tuple[str, ...]
    widths: np.ndarray
    heights: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray | None
    offsets: np.ndarray

    def films(self):
        """(id, width, height, boxes [n,4], scores [n] or None) of each film."""
        for row, image_id in enumerate(self.image_ids):
            part = slice(self.offsets[row], self.offsets[row + 1])
            yield (image_id, int(self.widths[row]), int(self.heights[row]), self.boxes[part],
                   None if self.scores is None else self.scores[part])


def gathered(films):
    """`Boxed` of (id, width, height, boxes, scores or None) for each film; most confident first inside a film.

    Raises `BadExport` when some boxes have a score and others none, for a score outside 0..1, for sides that no film
    has, and for a box that is reversed or not finite.
    """
    films = list(films)
    told = {scores is None for *_, boxes, scores in films if len(boxes)}
    if len(told) > 1:
        raise BadExport("some boxes have a score and others none, but all must be detections or all ground truth: "
                        "separate them.")
    boxes, scores = [np.zeros((0, 4))], [np.zeros(0)]
    for image_id, width, height, some, given in films:
        if not (0 <= width <= MOST_SIDE and 0 <= height <= MOST_SIDE):
            raise BadExport(f"the film {image_id[:80]!r} has {str(width)[:20]} x {str(height)[:20]} pixels, but at "
                            f"most {MOST_SIDE} a side are possible: mend it.")
        some = np.asarray(some, np.float64).reshape(-1, 4)
        if not (np.isfinite(some).all() and (some[:, 2:] >= some[:, :2]).all()):
            raise BadExport(f"the film {image_id[:80]!r} has a box that is reversed or not finite, but x_min <= x_max "
                            "and y_min <= y_max must hold: mend it.")
        sure = np.zeros(len(some)) if given is None else np.asarray(given, np.float64)
        if not ((sure >= 0) & (sure <= 1)).all():
            raise BadExport(f"the film {image_id[:80]!r} has a confidence that is no number in 0..1: mend it.")
        order = slice(None) if given is None else np.argsort(-sure, kind="stable")
        boxes.append(some[order])
        scores.append(sure[order])
    counts = [len(each) for each in boxes[1:]]
    return Boxed(tuple(film[0] for film in films), np.array([film[1] for film in films], np.int64),
                 np.array([film[2] for film in films], np.int64), np.concatenate(boxes).astype(np.float32),
                 None if told == {True} else np.concatenate(scores), np.r_[0, np.cumsum(counts)].astype(np.int64))


def detections_of(told):
    """`Boxed` of the detections of some `core.reported.Reported`."""
    return gathered((each.image_id, each.width, each.height, each.boxes, each.scores) for each in told)


def truth_of(truth, sizes):
    """`Boxed` of those films of a `core.labels.GroundTruth` whose (width, height) `sizes` knows by their id."""
    return gathered((image_id, *sizes[image_id], truth.boxes_of(row), None)
                    for row, image_id in enumerate(truth.image_ids) if image_id in sizes)


def as_answer(boxed, levels):
    """The `Answer` of boxes with scores and of `levels`, an `Answer` without boxes (None: nothing is said).

    Raises `BadExport` for boxes without scores.
    """
    if boxed.scores is None and len(boxed.boxes):
        raise BadExport("the boxes have no scores, but predictions need one each: read them as truth.")
    scores = np.zeros(0) if boxed.scores is None else boxed.scores
    said = dict(zip(levels.image_ids, levels.p_none, strict=True)) if levels else {}
    p_none = np.array([said.get(each, np.nan) for each in boxed.image_ids], np.float64)
    return Answer(boxed.image_ids, levels.study_ids if levels else (), boxed.boxes, scores, boxed.offsets, p_none,
                  levels.study if levels else np.zeros((0, 4)))


def as_truth(boxed, levels, study_of):
    """The `GroundTruth` of boxes without scores; `study_of` maps image ids to study ids.

    A study's class is that to which `levels` gives probability 1, else unknown. Raises `BadExport` for boxes with
    scores.
    """
    if boxed.scores is not None and len(boxed.boxes):
        raise BadExport("the boxes have scores, but ground truth has none: read them as predictions.")
    said = dict(zip(levels.study_ids, levels.study, strict=True)) if levels else {}
    studies = tuple(dict.fromkeys([*(study_of[each] for each in boxed.image_ids if each in study_of), *said]))
    row_of = {each: row for row, each in enumerate(studies)}
    classes = [int(np.argmax(said[each] == 1)) if each in said and (said[each] == 1).any() else -1 for each in studies]
    return GroundTruth(boxed.image_ids, studies, [row_of.get(study_of.get(each), -1) for each in boxed.image_ids],
                       boxed.boxes, boxed.offsets, np.array(classes, np.int8).reshape(-1))


def levels_of_truth(truth):
    """The studies of a `GroundTruth` as an `Answer` that gives its class probability 1, and its films p(none)."""
    counts = np.diff(truth.offsets)
    study = np.full((len(truth.study_ids), len(STUDY_CLASSES)), np.nan)
    known = truth.study_class >= 0
    study[known] = np.eye(len(STUDY_CLASSES))[truth.study_class[known]]
    return Answer(truth.image_ids, truth.study_ids, np.zeros((0, 4), np.float32), np.zeros(0),
                  np.zeros(len(counts) + 1, np.int64), (counts == 0).astype(np.float64), study)


def file_name(image_id):
    """A name for a file about the film: its id where that is plain, else a digest of it, never a path."""
    if _PLAIN.fullmatch(image_id):
        return image_id
    return f"film-{hashlib.sha256(image_id.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"
