"""What differs between two evaluations of the same films.

This module knows nothing of how either came about.
"""

from dataclasses import dataclass

from core.boxes import Boxes, iou_matrix
from core.matching import TRUE_POSITIVE

SAME = 0.5  # IoU above which two false positives are one that moved


def ap_changes(now, before):
    """Class -> change of its AP from `before` to `now` (`core.evaluation.Evaluation`), and `mean`; None where either
    has none."""
    now, before = now.summary(), before.summary()
    return {name: None if now[name] is None or before.get(name) is None else now[name] - before[name] for name in now}


@dataclass(frozen=True)
class FilmChange:
    """How the verdicts on one film differ: ground-truth boxes `found` or `lost` since, false positives that `appeared`
    or are `gone`, all among the detections shown.

    `gain` is boxes found less boxes lost, and the confidence of what is gone less that of what appeared.
    """

    image_id: str
    found: int
    lost: int
    appeared: int
    gone: int
    gain: float


def film_changes(now, before):
    """A `FilmChange` for each film scored on both sides (`core.judgement.Judged`) whose verdicts differ, best first."""
    if now.matches is None or before.matches is None:
        return ()
    earlier = {image.image_id: row for row, image in enumerate(before.cases.images[:before.cases.films])}
    changed = []
    for row, image in enumerate(now.cases.images[:now.cases.films]):
        if image.image_id in earlier:
            each = _change(image.image_id, _told(now, row), _told(before, earlier[image.image_id]))
            if each.found or each.lost or each.appeared or each.gone:
                changed.append(each)
    return tuple(sorted(changed, key=lambda each: -each.gain))


def _told(side, row):
    """Places of the film's ground-truth boxes that detections shown find, its false positives and their scores."""
    start, stop = side.answer.offsets[row:row + 2]
    first, last = side.cases.truth.offsets[row:row + 2]
    scores = side.answer.scores[start:stop]
    shown = scores >= side.display
    finders = side.matches.found_by[first:last]
    found = {place for place, by in enumerate(finders) if by >= 0 and side.answer.scores[by] >= side.display}
    false = shown & (side.matches.verdict[start:stop] != TRUE_POSITIVE)
    return found, side.answer.boxes[start:stop][false], scores[false]


def _change(image_id, now, before):
    same = iou_matrix(Boxes(now[1]), Boxes(before[1])) > SAME
    appeared, gone = now[2][~same.any(axis=1)], before[2][~same.any(axis=0)]
    found, lost = len(now[0] - before[0]), len(before[0] - now[0])
    gain = found - lost + float(gone.sum()) - float(appeared.sum())
    return FilmChange(image_id, found, lost, len(appeared), len(gone), gain)
