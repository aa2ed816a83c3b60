"""Curves beside the six APs: operating points, FROC, reliability of probabilities, and the APs part by part.

All are functions of a `core.evaluation.Evaluation`; nothing is matched again. This module knows nothing of display.
"""

from dataclasses import asdict, dataclass

import numpy as np

from core.evaluation import CLASSES

RATES = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8)  # false positives per film at which sensitivities are averaged (LUNA16)
BINS = 10


@dataclass(frozen=True)
class OperatingPoint:
    """What a least confidence leaves: how many predictions, their precision and the recall (NaN: undefined)."""

    confidence: float
    predictions: int
    precision: float
    recall: float


def operating_point(curve, confidence):
    """The `OperatingPoint` of a `core.evaluation.Curve` when only predictions of at least `confidence` stay."""
    count = int((curve.confidence >= np.float64(confidence)).sum())
    if not count:
        return OperatingPoint(confidence, 0, float("nan"), 0.0 if not np.isnan(curve.recall).any() else float("nan"))
    return OperatingPoint(confidence, count, float(curve.precision[count - 1]), float(curve.recall[count - 1]))


def point_records(evaluation, confidence):
    """A dictionary per class of an `Evaluation`: its AP and the `OperatingPoint` at `confidence`."""
    return [{"class": name, "ap": evaluation.aps[name], **asdict(operating_point(ranking.curve(), confidence))}
            for name, ranking in evaluation.rankings.items()]


def curve_records(evaluation):
    """A dictionary per prediction of every class, by descending confidence: precision and recall down to there."""
    return [{"class": name, "confidence": confidence, "recall": recall, "precision": precision}
            for name, ranking in evaluation.rankings.items() for curve in [ranking.curve()]
            for confidence, recall, precision in zip(curve.confidence.tolist(), curve.recall.tolist(),
                                                     curve.precision.tolist(), strict=True)]


@dataclass(frozen=True, eq=False)
class Froc:
    """Free-response ROC of the detections: one point per confidence that occurs, float64 [P] each.

    `false_positives` per film and `sensitivity` 0..1 of all detections of at least `confidence`. `at_rates` are the
    sensitivities at `RATES` false positives per film, `score` their mean.
    """

    false_positives: np.ndarray
    sensitivity: np.ndarray
    confidence: np.ndarray
    at_rates: tuple[float, ...]
    score: float

    def point(self, confidence):
        """(false positives per film, sensitivity) of the detections of at least `confidence`."""
        count = int((self.confidence >= confidence).sum())
        return (float(self.false_positives[count - 1]), float(self.sensitivity[count - 1])) if count else (0.0, 0.0)

    def records(self):
        """A dictionary per point."""
        return [{"confidence": confidence, "false positives per film": false, "sensitivity": found}
                for confidence, false, found in zip(self.confidence.tolist(), self.false_positives.tolist(),
                                                    self.sensitivity.tolist(), strict=True)]


def froc(evaluation):
    """The `Froc` of an `Evaluation`; sensitivity is NaN without a ground-truth box, points are none without films."""
    ranking = evaluation.rankings["opacity"]
    order = np.argsort(-ranking.confidence.astype(np.float64), kind="stable")
    confidence, hit = ranking.confidence[order].astype(np.float64), ranking.true_positive[order]
    last = np.flatnonzero(np.r_[np.diff(confidence) != 0, True][:len(confidence)])
    films = len(ranking.positive_rows)
    false = np.cumsum(~hit)[last] / max(films, 1)
    sensitivity = np.cumsum(hit)[last] / (ranking.positives or np.nan)
    reached = np.r_[0.0, sensitivity][np.searchsorted(false, RATES, side="right")]
    return Froc(false, sensitivity, confidence[last], tuple(reached.tolist()), float(reached.mean()))


@dataclass(frozen=True, eq=False)
class Reliability:
    """Predicted probabilities against how often the thing was there, in bins of equal width.

    `edges` [B+1]; per bin: `count` int64 [B], mean `probability` and `share` float64 [B], NaN where empty. `error`
    (expected calibration error, Naeini et al. 2015) is the mean of |probability - share| over predictions.
    """

    edges: np.ndarray
    count: np.ndarray
    probability: np.ndarray
    share: np.ndarray
    error: float


def reliability(probability, happened, bins=BINS):
    """The `Reliability` of `probability` [P] in 0..1 (NaN: left out) and whether it `happened` [P]."""
    probability, happened = np.asarray(probability, np.float64), np.asarray(happened, bool)
    known = ~np.isnan(probability)
    probability, happened = probability[known], happened[known]
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, probability, side="right") - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(place, probability, bins) / count
        share = np.bincount(place, happened, bins) / count
    error = float(np.nansum(np.abs(mean - share) * count) / len(place)) if len(place) else float("nan")
    return Reliability(edges, count, mean, share, error)


def reliabilities(evaluation, bins=BINS):
    """Class -> `Reliability` of p(none) and of the four study probabilities of an `Evaluation`; `opacity` is the film's
    p(opacity), 1 - p(none)."""
    found = {}
    for name in CLASSES[1:]:
        ranking = evaluation.rankings[name]
        found[name] = reliability(ranking.confidence, ranking.true_positive, bins)
    none = evaluation.rankings["none"]
    return {"opacity": reliability(1 - none.confidence.astype(np.float64), ~none.true_positive, bins), **found}


def reliability_records(found):
    """A dictionary per class and bin of class -> `Reliability`, with the class's calibration error."""
    return [{"class": name, "from": each.edges[place], "to": each.edges[place + 1], "predictions": each.count[place],
             "mean probability": each.probability[place], "share": each.share[place], "error": each.error}
            for name, each in found.items() for place in range(len(each.count))]


@dataclass(frozen=True, eq=False)
class PartTable:
    """The six APs and their mean in each of P parts: `values` float64 [P,7], NaN where absent, in the order of
    `columns`; `mean` and `spread` (sample standard deviation) [7] over the parts; `films` [P] in each."""

    names: tuple[str, ...]
    columns: tuple[str, ...]
    values: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    films: np.ndarray

    def records(self):
        """A dictionary per part, then of the mean and of the spread, whose films are None."""
        lines = [*zip(self.names, self.films.tolist(), self.values.tolist(), strict=True),
                 ("mean", None, self.mean.tolist()), ("spread", None, self.spread.tolist())]
        return [{"part": name, "films": films, **dict(zip(self.columns, values, strict=True))}
                for name, films, values in lines]


def part_table(evaluation, parts):
    """The `PartTable` of an `Evaluation` in `parts` (`core.parts.Parts`)."""
    values = np.full((len(parts.names), len(CLASSES) + 1), np.nan)
    for place in range(len(parts.names)):
        for column, name in enumerate(CLASSES):
            inside = (parts.films if name in ("opacity", "none") else parts.studies) == place
            ap = evaluation.rankings[name].among(inside).average_precision()
            values[place, column] = np.nan if ap is None else ap
    present = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        values[:, -1] = np.where(present, values, 0)[:, :-1].sum(axis=1) / present[:, :-1].sum(axis=1)
        count = (~np.isnan(values)).sum(axis=0)
        mean = np.nansum(values, axis=0) / count
        spread = np.sqrt(np.nansum((values - mean) ** 2, axis=0) / (count - 1))
    films = np.bincount(parts.films[parts.films >= 0], minlength=len(parts.names))
    return PartTable(parts.names, (*CLASSES, "mean"), values, mean, spread, films)
