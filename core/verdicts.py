"""The scored part of a data set's cases: its verdicts and its score.

`core.cases` puts what can be scored first, so both are views of the beginning. This module knows nothing of what is
shown to whom.
"""

from dataclasses import dataclass

import numpy as np

from core.evaluation import evaluate
from core.matching import match


@dataclass(frozen=True, eq=False)
class _Beginning:
    """The detections of the first films of a `core.fusion.Fused` or `core.scoring.Answer`, as `evaluate` takes them."""

    boxes: np.ndarray
    scores: np.ndarray
    offsets: np.ndarray


def _first(detections, films):
    offsets = detections.offsets[:films + 1]
    return _Beginning(detections.boxes[:offsets[-1]], detections.scores[:offsets[-1]], offsets)


def judge(cases, fused):
    """`core.matching.Matches` of the scored films of `cases` and their detections in `fused`, None without any.

    `fused` (`core.fusion.Fused`) is about all films of `cases`. Re-weighting its scores leaves the verdicts as they
    are, since it changes no order inside a film.
    """
    if not cases.films:
        return None
    found = _first(fused, cases.films)
    return match(cases.truth.boxes, cases.truth.offsets, found.boxes, found.offsets, found.scores)


def rate(cases, answer, matches):
    """`core.evaluation.Evaluation` of `answer` (`core.scoring.Answer`) on what can be scored of `cases`, or None.

    It is the figure of `core.scoring.score` for the same predictions. `matches`: what `judge` gave.
    """
    if cases.truth is None:
        return None
    return evaluate(cases.truth, _first(answer, cases.films), answer.p_none[:cases.films], answer.study[:cases.studies],
                    matches=matches)
