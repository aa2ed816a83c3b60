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

from core.edges import edges_off
from core.kinds import KINDS, class_error, none_error, truth_counts
from core.matching import TRUE_POSITIVE, VERDICTS

NAMES = tuple(KINDS)

FLAGS = {
    "": "nothing is the matter",
    "absent": "the label names a film that is not there",
    "unreadable": "the film's file cannot be read",
}
READABLE, ABSENT, UNREADABLE = range(len(FLAGS))


@dataclass(frozen=True, eq=False)
class Failures:
    """One row for each film of a `core.cases.Cases`, read-only arrays of length F.

    `truth_boxes`, `shown` (detections), `tp`, `fp`, `fn` int32, -1 where there is no label, prediction or both to
    count; `truth_class`, `predicted_class` int8 index `STUDY_CLASSES`, -1 unknown; `p_opacity` float32, NaN unknown;
    `kinds` bool [F,K] in the order of `core.kinds.KINDS`; `flag` int8 in the order of FLAGS; `trouble` float32 >= 0;
    `worst` float32 0..1: the greatest confidence of a wrong answer, be it a false positive shown, a study class or an
    answer to "is there any opacity", NaN without any (a missed box is no answer).
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
    worst: np.ndarray

    def __post_init__(self):
        for array in vars(self).values():
            array.flags.writeable = False


def weigh(cases, answer, matches, display, kinds):
    """The `Failures` of `cases` under `answer` (`core.scoring.Answer` about all of its films and studies).

    `matches` are the verdicts of the first `cases.films` films, None when there are none; `display`: detections with a
    lower confidence are not shown, 0..1; `kinds` bool [F,K]: those of the same answer (`core.kinds.Diagnosis.films`).
    """
    visible = answer.scores >= display
    shown = _per_film(visible, answer.offsets)
    tp, fp, fn, weight, boldest = _counted(cases, answer, matches, visible)
    truth_boxes, truth_class = truth_counts(cases), cases.study_class[cases.film_study]
    predicted_class, wrong = class_error(truth_class, answer.study[cases.film_study])
    doubt = none_error(truth_boxes, answer.p_none)
    flag = np.select([cases.absent, cases.unreadable], [ABSENT, UNREADABLE], READABLE).astype(np.int8)
    trouble = weight + np.maximum(fn, 0) + wrong + doubt
    worst = np.maximum(np.maximum(boldest, wrong), doubt)
    return Failures(truth_boxes, np.where(cases.predicted, shown, -1).astype(np.int32), tp, fp, fn, truth_class,
                    predicted_class, 1 - answer.p_none, np.array(kinds), flag, trouble.astype(np.float32),
                    np.where(worst > 0, worst, np.nan).astype(np.float32))


def _per_film(values, offsets):
    """Sum of `values` over the rows of each film, in the dtype numpy sums them in."""
    return np.diff(np.concatenate([[0], np.cumsum(values)])[offsets])


def _counted(cases, answer, matches, visible):
    """(TP, FP, FN) int32 [F], -1 where nothing is judged, and the false positives' confidences [F]: sum, and greatest.
    """
    films = len(cases.images)
    tp, fp, fn, weight, boldest = *np.full((3, films), -1, np.int32), *np.zeros((2, films))
    if matches is not None:
        offsets = answer.offsets[:cases.films + 1]
        seen, scores = visible[:offsets[-1]], answer.scores[:offsets[-1]]
        false = seen & (matches.verdict != TRUE_POSITIVE)
        tp[:cases.films] = _per_film(seen & (matches.verdict == TRUE_POSITIVE), offsets)
        fp[:cases.films] = _per_film(false, offsets)
        fn[:cases.films] = _per_film(~found(matches, visible), cases.truth.offsets)
        weight[:cases.films] = _per_film(np.where(false, scores, 0).astype(np.float64), offsets).clip(0)
        np.maximum.at(boldest, np.repeat(np.arange(cases.films), np.diff(offsets))[false], scores[false])
    return tp, fp, fn, weight, boldest


def found(matches, visible):
    """For each ground-truth box [G], whether a detection that is `visible` [M] finds it."""
    return (matches.found_by >= 0) & np.append(visible, False)[matches.found_by]


@dataclass(frozen=True)
class Finding:
    """One box on a film: a detection, or a ground-truth box (`truth`), with its verdict.

    `row` counts the film's boxes of that sort from 0. `verdict` is 'TP', 'FP', 'FN' or '', which is a ground-truth box
    that was found, or a box that nobody judged. `confidence` is None for a ground-truth box; `partner` is the row of
    the box on the other side that it is matched with or overlaps most, `iou` their overlap; a missed box has no
    partner, its `iou` is the best of any detection. Both are None without overlap. `kind` is one of `core.kinds.KINDS`
    for a false positive or a missed box, else ''; `doubtful` says that the label may be to blame rather than the
    detector. `reason` says in words what led to the verdict.
    """

    truth: bool
    row: int
    xyxy: tuple[float, float, float, float]
    verdict: str
    confidence: float | None = None
    partner: int | None = None
    iou: float | None = None
    reason: str = ""
    kind: str = ""
    doubtful: bool = False


def findings(cases, answer, matches, film, display, diagnosis=None):
    """The `Finding`s on the film at row `film`: detections shown, most confident first, then ground-truth boxes.

    Arguments as in `weigh`; diagnosis: the `core.kinds.Diagnosis` that names their kinds, None for none.
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
    judged = _Judged(cases, answer, matches, diagnosis, start, stop, first)
    return (*map(judged.detection, range(start, stop)),
            *map(judged.truth, range(first, cases.truth.offsets[film + 1])))


@dataclass(frozen=True, eq=False)
class _Judged:
    """One film's detections shown, rows `start` to `stop`, and its ground-truth boxes from row `first` on."""

    cases: object
    answer: object
    matches: object
    diagnosis: object
    start: int
    stop: int
    first: int

    def detection(self, row):
        verdict, near = int(self.matches.verdict[row]), int(self.matches.truth_row[row])
        kind = self._kind("detections", row) if verdict != TRUE_POSITIVE else ""
        reason, doubtful = VERDICTS[verdict].split(": ")[1], bool(kind and self.diagnosis.doubtful[row])
        if kind == "localisation":
            reason = ", ".join(edges_off(self.answer.boxes[row], self.cases.truth.boxes[near])) or reason
        if doubtful:
            reason += "; the label may be at fault"
        return Finding(False, int(row - self.start), _corners(self.answer.boxes[row]),
                       "TP" if verdict == TRUE_POSITIVE else "FP", float(self.answer.scores[row]),
                       None if near < 0 else int(near - self.first),
                       None if near < 0 else float(self.matches.iou[row]), reason, kind, doubtful)

    def truth(self, row):
        by, best = int(self.matches.found_by[row]), float(self.matches.best_iou[row])
        box = _corners(self.cases.truth.boxes[row])
        if 0 <= by < self.stop:
            return Finding(True, int(row - self.first), box, "", None, int(by - self.start),
                           float(self.matches.iou[by]), "found")
        reason = "no detection overlaps it" if best == 0 else f"the best overlap of any detection is {best:.2f}"
        if by >= 0:
            reason = f"found only by a detection of confidence {self.answer.scores[by]:.2f}, which is not shown"
        kind = self._kind("boxes", row)
        if kind == "missed suppressed":
            reason = (f"a candidate of confidence {self.diagnosis.own[row]:.2f} overlaps it, but went into "
                      f"{self._called(int(self.diagnosis.taker[row]))}")
        return Finding(True, int(row - self.first), box, "FN", None, None, best or None, reason, kind)

    def _kind(self, part, row):
        code = -1 if self.diagnosis is None else int(getattr(self.diagnosis, part)[row])
        return NAMES[code] if code >= 0 else ""

    def _called(self, row):
        return f"detection {row - self.start + 1}" if row < self.stop else "a detection that is not shown"


def _corners(box):
    return tuple(box.tolist())
