"""Verdicts and probabilities -> the six-class SIIM mAP and its curves.

The metric is the mean of six average precisions (PASCAL VOC 2010, all points under the precision envelope):
`opacity` over detections, `none` over films, `negative`, `typical`, `indeterminate` and `atypical` over
studies. What is predicted without ground truth of its class counts as a false positive; a class absent from
the ground truth is left out of the mean, with a warning.

This module knows nothing of files, fusion or display; a filter of display confidence is no part of the
metric.
"""

from dataclasses import dataclass, field

import numpy as np

from core.errors import BadPredictions
from core.labels import STUDY_CLASSES
from core.matching import Matches, match
from core.ordering import compiled, descending

CLASSES = ("opacity", "none", *STUDY_CLASSES)


@dataclass(frozen=True, eq=False)
class Curve:
    """Precision against recall, one point per prediction by descending confidence; three [P] float64
    arrays."""

    recall: np.ndarray
    precision: np.ndarray
    confidence: np.ndarray


@dataclass(frozen=True, eq=False)
class Ranking:
    """The predictions of one class in the order of rows, before sorting.

    confidence [P] float32 or float64; true_positive [P] bool; positives: ground-truth instances, found or not.
    rows [P] int32: the film or study that a prediction is about; positive_rows [F] or [S]: the instances in each.
    """

    confidence: np.ndarray
    true_positive: np.ndarray
    positives: int
    rows: np.ndarray
    positive_rows: np.ndarray

    def curve(self):
        """The `Curve`; empty when there is no prediction; recall is NaN when there is no positive."""
        order = descending(self.confidence)
        found = np.cumsum(self.true_positive[order], dtype=np.float64)
        recall = found / self.positives if self.positives else np.full(len(found), np.nan)
        return Curve(recall, found / np.arange(1, len(found) + 1), self.confidence[order].astype(np.float64))

    def among(self, inside):
        """The `Ranking` of just those films or studies that are `inside`, bool [F] or [S]."""
        kept = inside[self.rows]
        positive_rows = np.where(inside, self.positive_rows, 0)
        return Ranking(self.confidence[kept], self.true_positive[kept], int(positive_rows.sum()), self.rows[kept],
                       positive_rows)

    def average_precision(self):
        """AP in 0..1, or None when the class is absent from the ground truth."""
        if not self.positives:
            return None
        return average_precision(self.confidence, self.true_positive, self.positives)


@compiled
def _area(ranks, positives):
    """Area under the envelope when the k-th true positive has rank ranks[k - 1] (1-based) among all
    predictions."""
    area, envelope = 0.0, 0.0
    for k in range(len(ranks) - 1, -1, -1):
        envelope = max(envelope, (k + 1) / ranks[k])
        area += envelope
    return area / positives


def average_precision(confidence, true_positive, positives):
    """Average precision in 0..1, all-point interpolation with precision envelope (PASCAL VOC 2010).

    confidence [P], true_positive [P] bool, in the order of rows: equal confidences keep it; positives: how
    many instances the ground truth holds, > 0. Recall rises by 1 / positives at each true positive, so the
    area is the mean over positives of the envelope there, 0 for those not found. Raises `BadPredictions`
    when a confidence is NaN.
    """
    confidence = np.asarray(confidence)
    if np.isnan(confidence).any():
        raise BadPredictions(f"the confidence of prediction {int(np.isnan(confidence).argmax())} is NaN, but "
                             "predictions are ordered by it: drop it or give it a number.")
    ranks = np.flatnonzero(np.asarray(true_positive, bool)[descending(confidence)]) + 1
    return float(_area(ranks, positives))


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The result of `evaluate`.

    aps       class name -> AP in 0..1, in the order of CLASSES; None for a class absent from the ground
              truth.
    mean      mean of the APs of the present classes; None when all are absent.
    warnings  one sentence for each class left out and each kind of missing prediction.
    matches   `Matches` of the detections: the verdicts that `opacity` was computed from.
    rankings  class name -> `Ranking`, which gives the curve.
    """

    aps: dict
    mean: float | None
    warnings: tuple[str, ...]
    matches: Matches = field(repr=False)
    rankings: dict = field(repr=False)

    def summary(self):
        """`aps` and `mean` as one dictionary, for JSON."""
        return {**self.aps, "mean": self.mean}


def _ranking(probability, is_positive, known=True):
    """Ranking of one probability per film or study [R], `known` [R] or all; NaN means no prediction, the instance is
    then missed."""
    predicted = ~np.isnan(probability) & known
    is_positive = is_positive & known
    return Ranking(probability[predicted], is_positive[predicted], int(is_positive.sum()),
                   np.flatnonzero(predicted).astype(np.int32), is_positive)


def _opacity_ranking(truth, detections, scores, matches):
    films = np.repeat(np.arange(len(truth.offsets) - 1, dtype=np.int32), np.diff(detections.offsets).astype(np.int64))
    return Ranking(scores, matches.true_positive, len(truth.boxes), films, np.diff(truth.offsets))


def _check_rows(name, values, count, unit):
    if len(values) != count:
        raise BadPredictions(f"{name} has {len(values)} rows for {count} {unit}, but must have one for each, in their "
                             "order: take the ground truth of the same subset.")


def _missing(name, probability, unit):
    missing = int(np.isnan(probability).any(axis=tuple(range(1, probability.ndim))).sum())
    if not missing:
        return ()
    return (f"{missing} of {len(probability)} {unit} have no {name} probability and count as not predicted.",)


def evaluate(truth, detections, p_none, study, *, scores=None, matches=None):
    """`Evaluation` of predictions of exactly the films and studies of `truth` (`core.dataset.GroundTruth`).

    detections: `boxes` [M,4], `scores` [M], `offsets` [F+1] (a `core.fusion.Fused` or alike);
    p_none [F]: probability of `none`; study [S,4]: probabilities in the order of STUDY_CLASSES; NaN = not
    predicted. scores [M]: re-weighted scores to use instead of the detections' own; they must not change
    the order inside a film. matches: those of a previous `match` of the same detections, so that nothing is
    matched twice. Studies whose class is unknown (-1) take no part. Raises `BadPredictions` when lengths
    differ or a score is NaN.
    """
    p_none, study = np.asarray(p_none, float), np.asarray(study, float).reshape(-1, len(STUDY_CLASSES))
    _check_rows("p_none", p_none, len(truth.offsets) - 1, "films")
    _check_rows("study", study, len(truth.study_class), "studies")
    if matches is None:
        matches = match(truth.boxes, truth.offsets, detections.boxes, detections.offsets, detections.scores)
    scores = np.asarray(detections.scores if scores is None else scores)
    _check_rows("scores", scores, len(matches.verdict), "detections")
    known = truth.study_class >= 0
    rankings = {"opacity": _opacity_ranking(truth, detections, scores, matches),
                "none": _ranking(p_none, np.diff(truth.offsets) == 0)}
    for position, name in enumerate(STUDY_CLASSES):
        rankings[name] = _ranking(study[:, position], truth.study_class == position, known)
    aps = {name: ranking.average_precision() for name, ranking in rankings.items()}
    present = [ap for ap in aps.values() if ap is not None]
    warnings = [f"No {name} in the ground truth: left out of the mean."
                for name in CLASSES if aps[name] is None]
    warnings += _missing("none", p_none, "films") + _missing("study", study[known], "studies")
    if not known.all():
        warnings.append(f"{int((~known).sum())} studies have no label and take no part in the study classes.")
    return Evaluation(aps, float(np.mean(present)) if present else None, tuple(warnings), matches, rankings)
