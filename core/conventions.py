"""The conventions by which programs score the same predictions differently, each as a departure from the metric.

The metric (`core.evaluation`) is the first of `CONVENTIONS`; every other one changes one rule of it, and `combined`
joins two. So a figure that another program printed can be traced to the rule that gives it. This module knows nothing
of files or of how predictions came about.
"""

from dataclasses import dataclass, fields, replace

import numpy as np

from core.errors import BadPredictions
from core.evaluation import CLASSES, Ranking
from core.labels import STUDY_CLASSES
from core.ordering import compiled

SHUFFLES = 5  # random orders whose mean stands for an order that nobody knows


@dataclass(frozen=True)
class Convention:
    """How a program scores. The first settings are the metric's; each convention's `meaning` is one sentence.

    thresholds  IoUs to reach; opacity's AP is the mean over them.
    at_least    whether an IoU of just the threshold is enough.
    pixel       added to widths and heights, in pixels; corners are then those of pixels, not of areas.
    rounded     whether boxes are rounded to whole pixels first.
    free        whether a detection takes the best box still free instead of the best of all.
    lenient     whether a second hit on a box is left out instead of being a false positive.
    order       how a film's detections take boxes: 'score', 'rows' as given, 'ascending' by score, 'shuffled'.
    ranked      whether all predictions are ranked by confidence over the set; otherwise they stay in rows.
    ties        equal confidences: 'rows' as given, 'best' true positives first, 'worst' last.
    area        'envelope' of precision at every recall, '11' or '101' recalls, 'steps' or 'trapezoid' without envelope.
    films       'all', or only 'boxed' ones.
    repeated    whether a film counts once for each of its boxes, at least once.
    least       detections with a lower confidence are left out.
    most        only this many detections of a film count.
    mean        over the classes 'present' in the ground truth, all 'six' (absent: 0), those 'predicted', or one of
                'image' and 'study' (absent or not predicted: 0).
    """

    name: str
    meaning: str
    thresholds: tuple[float, ...] = (0.5,)
    at_least: bool = False
    pixel: float = 0.0
    rounded: bool = False
    free: bool = False
    lenient: bool = False
    order: str = "score"
    ranked: bool = True
    ties: str = "rows"
    area: str = "envelope"
    films: str = "all"
    repeated: bool = False
    least: float = 0.0
    most: int = 0
    mean: str = "present"


METRIC = Convention("the metric", "All-point AP with IoU strictly above .5 over every film, as the competition scores.")
CONVENTIONS = (
    METRIC,
    Convention("IoU at least", "A detection is right when its IoU is at least .5, not strictly above.", at_least=True),
    Convention("one pixel more", "Widths and heights count one pixel more than the difference of corners, as the first "
                                 "PASCAL VOC code does.", pixel=1.0),
    Convention("whole pixels", "Boxes are rounded to whole pixels before they are matched.", rounded=True),
    Convention("best free box", "A detection takes the best box that is still free, as COCO does, not the best of all.",
               free=True),
    Convention("second hits forgiven", "A second hit on a box is left out instead of counted as a false positive.",
               lenient=True),
    Convention("11-point", "Precision is averaged at the 11 recalls 0, .1 to 1, as PASCAL VOC did before 2010.",
               area="11"),
    Convention("101-point", "Precision is averaged at the 101 recalls 0, .01 to 1, as COCO does.", area="101"),
    Convention("steps without envelope", "Precision is summed at each step of recall without an envelope, as "
                                         "scikit-learn's average_precision_score does.", area="steps"),
    Convention("trapezoid", "The area under the bare precision-recall curve is taken by trapezoids.", area="trapezoid"),
    Convention("IoU .4", "A detection is right when its IoU is above .4.", thresholds=(0.4,)),
    Convention("IoU .5 to .95", "Opacity's AP is the mean over the IoUs .5, .55 to .95, as COCO's.",
               thresholds=tuple(round(0.5 + step / 20, 2) for step in range(10))),
    Convention("ties, best order", "Among equal confidences the right predictions stand first.", ties="best"),
    Convention("ties, worst order", "Among equal confidences the wrong predictions stand first.", ties="worst"),
    Convention("not sorted inside the film", "A film's detections take boxes in the order of the file, not of their "
                                             "confidence.", order="rows"),
    Convention("shuffled inside the film", "A film's detections take boxes in no order at all; the mean of five "
                                           "shuffles.", order="shuffled"),
    Convention("least confident first inside the film", "A film's least confident detection takes its box first.",
               order="ascending"),
    Convention("not sorted over the set", "Predictions are ranked in the order of the file, not of their confidence.",
               order="rows", ranked=False),
    Convention("only boxed films", "Only films with a ground-truth box are scored for opacity.", films="boxed"),
    Convention("films repeated per box", "A film is counted once for each of its boxes, as rows of boxes are.",
               repeated=True),
    Convention("confidence .05 up", "Detections with a confidence below .05 are left out.", least=0.05),
    Convention("confidence .25 up", "Detections with a confidence below .25 are left out.", least=0.25),
    Convention("confidence .5 up", "Detections with a confidence below .5 are left out.", least=0.5),
    Convention("one detection a film", "Only a film's most confident detection is scored.", most=1),
    Convention("absent class counted 0", "A class absent from the ground truth is averaged in as 0.", mean="six"),
    Convention("only predicted classes", "The mean is over the classes that are predicted at all.", mean="predicted"),
    Convention("mean of the image classes", "The mean is over opacity and none alone, one without AP counted 0.",
               mean="image"),
    Convention("mean of the study classes", "The mean is over the four study classes alone, one without AP counted 0.",
               mean="study"),
)


@dataclass(frozen=True)
class Reading:
    """The figures that `convention` gives: `aps` class -> AP in 0..1 or None, and their `mean`; `spread` is how far
    the opacity AP of single shuffles lies from the one given, 0 where nothing is drawn."""

    convention: Convention
    aps: dict
    mean: float | None
    spread: float = 0.0

    def figure(self, name):
        """The AP of a class, or the mean by the name 'mean'; None when absent."""
        return self.mean if name == "mean" else self.aps[name]


def read_all(truth, answer, conventions=CONVENTIONS):
    """A `Reading` for each of `conventions`; see `read`."""
    return tuple(read(truth, answer, each) for each in conventions)


def combined(first, second):
    """The `Convention` of both departures, None where they change the same rule."""
    changed = [{field.name: getattr(each, field.name) for field in fields(each)[2:]
                if getattr(each, field.name) != getattr(METRIC, field.name)} for each in (first, second)]
    if changed[0].keys() & changed[1].keys() or not all(changed):
        return None
    name, meaning = f"{first.name} + {second.name}", f"{first.meaning} {second.meaning}"
    return replace(METRIC, name=name, meaning=meaning, **changed[0], **changed[1])


def explaining(readings, name, figure, slack=0.0005):
    """Those of `readings` whose figure `name` (a class or 'mean') is within `slack` of `figure`, closest first.

    A drawn order is given its spread as further slack.
    """
    known = [(abs(each.figure(name) - figure), each) for each in readings if each.figure(name) is not None]
    near = [(far, each) for far, each in known if far <= slack + (each.spread if name in ("opacity", "mean") else 0)]
    return tuple(each for _, each in sorted(near, key=lambda pair: pair[0]))


def read(truth, answer, convention):
    """The `Reading` of `answer` (`core.scoring.Answer`) about just the films and studies of `truth`, in its order.

    Detections may stand in any order inside a film: it is what 'rows' means. Raises `BadPredictions` when the films
    differ in number.
    """
    if len(answer.offsets) != len(truth.offsets) or len(answer.study) != len(truth.study_class):
        raise BadPredictions(f"the answer is about {len(answer.offsets) - 1} films and {len(answer.study)} studies, "
                             f"but must be about the {len(truth.offsets) - 1} and {len(truth.study_class)} of the "
                             "ground truth: take the subset first.")
    opacity, spread = _opacity(truth, answer, convention)
    aps = {"opacity": opacity, "none": _none(truth, answer, convention)}
    known = truth.study_class >= 0
    for place, name in enumerate(STUDY_CLASSES):
        aps[name] = _ap(answer.study[known, place], truth.study_class[known] == place, convention)
    return Reading(convention, aps, _mean(aps, answer, convention.mean), spread)


def _none(truth, answer, convention):
    counts = np.diff(truth.offsets)
    times = np.maximum(counts, 1) if convention.repeated else np.ones_like(counts)
    return _ap(np.repeat(answer.p_none, times), np.repeat(counts == 0, times), convention)


def _ap(probability, positive, convention):
    """AP of a probability per film or study; NaN is no prediction. None without a positive."""
    predicted = ~np.isnan(probability)
    return _area(probability[predicted], positive[predicted], int(positive.sum()), convention)


def _mean(aps, answer, rule):
    predicted = {"opacity": len(answer.scores) > 0, "none": not np.isnan(answer.p_none).all(),
                 **dict.fromkeys(STUDY_CLASSES, not np.isnan(answer.study).all())}
    names = {"image": CLASSES[:2], "study": CLASSES[2:]}.get(rule, CLASSES)
    kept = [aps[name] for name in names if rule in ("six", "image", "study") or (
        aps[name] is not None and (rule == "present" or predicted[name]))]
    return float(np.mean([each or 0.0 for each in kept])) if kept else None


def _opacity(truth, answer, convention):
    """AP of the detections, and its spread over shuffles."""
    found = _Detections(truth, answer, convention)
    draws = SHUFFLES if convention.order == "shuffled" else 1
    aps = [[found.ap(threshold, draw) for threshold in convention.thresholds] for draw in range(draws)]
    if aps[0][0] is None:
        return None, 0.0
    means = np.mean(aps, axis=1)
    return float(means.mean()), float(np.abs(means - means.mean()).max())


class _Detections:
    """The detections that a convention looks at, of films repeated or left out as it says."""

    def __init__(self, truth, answer, convention):
        counts = np.diff(truth.offsets)
        times = np.maximum(counts, 1) if convention.repeated else np.ones_like(counts)
        times = np.where(counts == 0, 0, times) if convention.films == "boxed" else times
        rows, film = _repeated(answer.offsets, times)
        self.truth_rows, truth_film = _repeated(truth.offsets, times)
        kept = answer.scores[rows] >= convention.least if convention.least else np.ones(len(rows), bool)
        kept &= _rank(answer.scores[rows], film) < convention.most if convention.most else True
        self.rows, self.film, self.convention = rows[kept], film[kept], convention
        self.scores = answer.scores[self.rows]
        self.offsets = np.r_[0, np.cumsum(np.bincount(truth_film, minlength=times.sum()))].astype(np.int64)
        self.boxes, self.truth = (_sides(each, convention) for each in (answer.boxes[self.rows],
                                                                        truth.boxes[self.truth_rows]))

    def ap(self, threshold, draw):
        """AP at one IoU threshold; None without a ground-truth box."""
        keys = {"score": -self.scores, "ascending": self.scores, "rows": np.zeros(len(self.rows)),
                "shuffled": np.random.default_rng(draw).random(len(self.rows))}[self.convention.order]
        verdict = np.zeros(len(self.rows), np.int8)
        _match(np.lexsort((keys, self.film)), self.film, self.boxes, self.truth, self.offsets, threshold,
               self.convention.at_least, self.convention.free, verdict)
        kept = verdict < 2 if self.convention.lenient else np.ones(len(verdict), bool)
        return _area(self.scores[kept], verdict[kept] == 1, len(self.truth), self.convention)


def _repeated(offsets, times):
    """Rows and films (numbered anew) of the films cut by `offsets`, film f `times[f]` times in a row."""
    films = np.repeat(np.arange(len(times)), times)
    counts = np.diff(offsets)[films]
    starts = np.r_[0, np.cumsum(counts)][:-1]
    rows = np.repeat(offsets[:-1][films] - starts, counts) + np.arange(counts.sum())
    return rows.astype(np.int64), np.repeat(np.arange(len(films)), counts)


def _rank(scores, film):
    """Place of each detection in its film by descending score, from 0."""
    order = np.lexsort((-scores, film))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - np.searchsorted(film, film[order])
    return place


def _sides(boxes, convention):
    boxes = boxes.astype(np.float64)
    return (np.round(boxes) if convention.rounded else boxes) + [0, 0, convention.pixel, convention.pixel]


@compiled
def _match(order, film, boxes, truth, offsets, threshold, at_least, free, verdict):
    """Verdicts 0 background, 1 true positive, 2 second hit, of the detections in `order`."""
    taken = np.zeros(len(truth), np.bool_)
    for row in order:
        best, nearest = 0.0, -1
        for one in range(offsets[film[row]], offsets[film[row] + 1]):
            width = min(boxes[row, 2], truth[one, 2]) - max(boxes[row, 0], truth[one, 0])
            height = min(boxes[row, 3], truth[one, 3]) - max(boxes[row, 1], truth[one, 1])
            if width <= 0 or height <= 0 or (free and taken[one]):
                continue
            own = (boxes[row, 2] - boxes[row, 0]) * (boxes[row, 3] - boxes[row, 1])
            other = (truth[one, 2] - truth[one, 0]) * (truth[one, 3] - truth[one, 1])
            overlap = width * height / (own + other - width * height)
            if overlap > best:
                best, nearest = overlap, one
        if nearest >= 0 and (best > threshold or (at_least and best == threshold)):
            verdict[row] = 2 if taken[nearest] else 1
            taken[nearest] = True


def _area(confidence, hit, positives, convention):
    """AP in 0..1 of predictions in the order of rows; None without a positive."""
    if not positives:
        return None
    nothing = np.zeros(0, np.int32)
    if convention.ranked:
        tie = {"rows": np.arange(len(hit)), "best": ~hit, "worst": hit}[convention.ties]
        order = np.lexsort((tie, -confidence.astype(np.float64)))
        confidence, hit = confidence[order], hit[order]
    else:
        confidence = -np.arange(len(hit))
    ranking = Ranking(confidence.astype(np.float64), hit, positives, nothing, nothing)
    if convention.area == "envelope":
        return ranking.average_precision()
    curve = ranking.curve()
    recall, precision = np.r_[0, curve.recall], np.r_[1, curve.precision]
    if convention.area == "trapezoid":
        return float((np.diff(recall) * (precision[1:] + precision[:-1]) / 2).sum())
    if convention.area == "steps":
        return float((np.diff(recall) * precision[1:]).sum())
    envelope = np.r_[np.maximum.accumulate(curve.precision[::-1])[::-1], 0]
    at = np.linspace(0, 1, int(convention.area))
    return float(envelope[np.searchsorted(curve.recall, at - 1e-12)].mean())
