"""What went wrong on each film, which kinds of trouble that is, and how much it weighs.

    trouble = 1 for each missed box
            + the confidence of each false positive that is shown
            + the probability given to the wrong study class, when it is the most probable one
            + the probability of the wrong answer to "is there any opacity", when it is the more probable one

A detection is shown from the display confidence up. Verdicts are those of the whole set's matching: hiding the less
confident detections of a film changes none of the others. This module knows nothing of display, and of the metric only
that it does not depend on what is shown.
"""

from dataclasses import dataclass

import numpy as np

from core.matching import TRUE_POSITIVE, VERDICTS

KINDS = {
    "missed box": "a ground-truth box that no detection shown finds",
    "false positive": "a detection shown that finds no box, or one already found",
    "wrong class": "the study's most probable class is not the labelled one",
    "wrong none": "opacity is called more probable than not on a film without a box, or less on one with a box",
    "boxless": "a film without a box in a study that is not negative: the label may be at fault, not the detector",
    "unread": "a film that is absent or that could not be read",
}
FLAGS = {
    "": "nothing is the matter",
    "absent": "the label names a film that is not there",
    "unreadable": "the film's file cannot be read",
}
READABLE, ABSENT, UNREADABLE = range(len(FLAGS))
HALF = 0.5


@dataclass(frozen=True, eq=False)
class Failures:
    """One row for each film of a `core.cases.Cases`, read-only arrays of length F.

    `truth_boxes`, `shown` (detections), `tp`, `fp`, `fn` int32, -1 where there is no label, prediction or both to
    count; `truth_class`, `predicted_class` int8 index `STUDY_CLASSES`, -1 unknown; `p_opacity` float32, NaN unknown;
    `kinds` bool [F,K] in the order of KINDS; `flag` int8 in the order of FLAGS; `trouble` float32 >= 0.
    """

    truth_boxes: np.ndarray
    shown: np.ndarray
    tp: np.ndarray
    fp: np.ndarray
    fn: np.ndarray
    truth_class: np.ndarray
    predicted_class: np.ndarray
    p_opacity: np.ndarray
    kinds: np.ndarray
    flag: np.ndarray
    trouble: np.ndarray

    def __post_init__(self):
        for array in vars(self).values():
            array.flags.writeable = False


def weigh(cases, answer, matches, display):
    """The `Failures` of `cases` under `answer` (`core.scoring.Answer` about all of its films and studies).

    `matches` are the verdicts of the first `cases.films` films, None when there are none; `display`: detections with a
    lower confidence are not shown, 0..1.
    """
    visible = answer.scores >= display
    shown = _per_film(visible, answer.offsets)
    tp, fp, fn, weight = _counted(cases, answer, matches, visible)
    truth_boxes = _of_labels(np.diff(cases.labels.offsets) if cases.labels else (), cases.label_row)
    truth_class = cases.study_class[cases.film_study]
    predicted_class, wrong = _class_error(truth_class, answer.study[cases.film_study])
    p_opacity = 1 - answer.p_none
    doubt = np.where(truth_boxes > 0, answer.p_none, p_opacity)  # the probability of the wrong answer
    doubt = np.where((truth_boxes >= 0) & (doubt > HALF), doubt, 0)
    flag = _flags(cases)
    kinds = np.stack([fn > 0, fp > 0, wrong > 0, doubt > 0, (truth_boxes == 0) & (truth_class > 0),
                      flag != READABLE], axis=1)
    trouble = weight + np.maximum(fn, 0) + wrong + doubt
    return Failures(truth_boxes, np.where(cases.predicted, shown, -1).astype(np.int32), tp, fp, fn, truth_class,
                    predicted_class, p_opacity, kinds, flag, trouble.astype(np.float32))


def _per_film(values, offsets):
    """Sum of `values` over the rows of each film, in the dtype numpy sums them in."""
    return np.diff(np.concatenate([[0], np.cumsum(values)])[offsets])


def _of_labels(values, label_row):
    """`values` of the labels at each film's row there, int32; -1 without a label."""
    return np.append(values, -1)[label_row].astype(np.int32)


def _counted(cases, answer, matches, visible):
    """(TP, FP, FN) int32 [F], -1 where nothing is judged, and the summed confidence of the false positives [F]."""
    films = len(cases.images)
    tp, fp, fn, weight = *np.full((3, films), -1, np.int32), np.zeros(films)
    if matches is not None:
        offsets = answer.offsets[:cases.films + 1]
        seen, scores = visible[:offsets[-1]], answer.scores[:offsets[-1]]
        false = seen & (matches.verdict != TRUE_POSITIVE)
        tp[:cases.films] = _per_film(seen & (matches.verdict == TRUE_POSITIVE), offsets)
        fp[:cases.films] = _per_film(false, offsets)
        fn[:cases.films] = _per_film(~found(matches, visible), cases.truth.offsets)
        weight[:cases.films] = _per_film(np.where(false, scores, 0).astype(np.float64), offsets).clip(0)
    return tp, fp, fn, weight


def found(matches, visible):
    """For each ground-truth box [G], whether a detection that is `visible` [M] finds it."""
    return (matches.found_by >= 0) & np.append(visible, False)[matches.found_by]


def _class_error(truth_class, study):
    """Most probable class int8 [F] of `study` [F,4], -1 unknown, and its probability [F] where it is wrong, else 0."""
    known = ~np.isnan(study).any(axis=1)
    predicted = np.where(known, np.where(known[:, None], study, 0).argmax(axis=1), -1).astype(np.int8)
    wrong = known & (truth_class >= 0) & (predicted != truth_class)
    return predicted, np.where(wrong, study.max(axis=1, initial=0, where=known[:, None]), 0)


def _flags(cases):
    """The flag of FLAGS that holds for each film, int8 [F]."""
    flag = np.full(len(cases.images), READABLE, np.int8)
    for row, image in enumerate(cases.images):
        if image.path is None:
            flag[row] = ABSENT
        elif not image.width or image.image_id in cases.refused:
            flag[row] = UNREADABLE
    return flag


@dataclass(frozen=True)
class Finding:
    """One box on a film: a detection, or a ground-truth box (`truth`), with its verdict.

    `row` counts the film's boxes of that sort from 0. `verdict` is 'TP', 'FP', 'FN' or '', which is a ground-truth box
    that was found, or a box that nobody judged. `confidence` is None for a ground-truth box; `partner` is the row of
    the box on the other side that it is matched with or overlaps most, `iou` their overlap; a missed box has no
    partner, its `iou` is the best of any detection. Both are None without overlap. `reason` says in words what led to
    the verdict.
    """

    truth: bool
    row: int
    xyxy: tuple[float, float, float, float]
    verdict: str
    confidence: float | None = None
    partner: int | None = None
    iou: float | None = None
    reason: str = ""


def findings(cases, answer, matches, film, display):
    """The `Finding`s on the film at row `film`: detections shown, most confident first, then ground-truth boxes.

    Arguments as in `weigh`.
    """
    start, stop = answer.offsets[film:film + 2]
    stop = start + int((answer.scores[start:stop] >= display).sum())  # they descend, so the shown ones stand first
    boxes, labelled = answer.boxes[start:stop], cases.boxes_of(film)
    if matches is None or film >= cases.films:
        reason = "not judged: the film has no label" if labelled is None else "not judged: the film is not predicted"
        plain = [Finding(False, row, _corners(box), "", float(answer.scores[start + row]), reason=reason)
                 for row, box in enumerate(boxes)]
        return (*plain, *(Finding(True, row, _corners(box), "", reason=reason)
                          for row, box in enumerate(() if labelled is None else labelled)))
    first = cases.truth.offsets[film]
    return (*(_detection(matches, answer, row, start, first) for row in range(start, stop)),
            *(_truth(matches, answer, cases.truth.boxes, row, start, stop, first)
              for row in range(first, cases.truth.offsets[film + 1])))


def _detection(matches, answer, row, start, first):
    verdict, near = int(matches.verdict[row]), int(matches.truth_row[row])
    return Finding(False, int(row - start), _corners(answer.boxes[row]), "TP" if verdict == TRUE_POSITIVE else "FP",
                   float(answer.scores[row]), None if near < 0 else int(near - first),
                   None if near < 0 else float(matches.iou[row]), VERDICTS[verdict].split(": ")[1])


def _truth(matches, answer, boxes, row, start, stop, first):
    by, best = int(matches.found_by[row]), float(matches.best_iou[row])
    if 0 <= by < stop:
        return Finding(True, int(row - first), _corners(boxes[row]), "", None, int(by - start), float(matches.iou[by]),
                       "found")
    reason = "no detection overlaps it" if best == 0 else f"the best overlap of any detection is {best:.2f}"
    if by >= 0:
        reason = f"found only by a detection of confidence {answer.scores[by]:.2f}, which is not shown"
    return Finding(True, int(row - first), _corners(boxes[row]), "FN", None, None, best or None, reason)


def _corners(box):
    return tuple(box.tolist())
