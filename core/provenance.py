"""Why a detection is there: the candidates that made it, and how its score came out of theirs, in words and numbers.

This module knows nothing of ground truth or display.
"""

from dataclasses import dataclass

import numpy as np

from core.boxes import Boxes, iou_matrix
from core.fusion import selected_positions


@dataclass(frozen=True)
class Member:
    """A candidate that went into a detection, or was suppressed by it.

    `source` is model/fold/view; `score` is the detector's own, `weighted` after the source's scale and weight; `xyxy`
    in pixels of the original image; `iou` with the detection; `leader` began the detection.
    """

    row: int
    source: str
    score: float
    weighted: float
    xyxy: tuple[float, float, float, float]
    iou: float
    leader: bool


@dataclass(frozen=True)
class Provenance:
    """A detection's members, most confident first, its score after fusion and at last, and one sentence for each step
    that led to it."""

    members: tuple[Member, ...]
    fused: float
    score: float
    steps: tuple[str, ...]


def provenance(candidates, fused, settings, row, score, p_opacity, exponent):
    """The `Provenance` of detection `row` of `fused` (`core.fusion.Fused` of `candidates` under `settings`).

    score: its score at last; p_opacity: the film's probability of opacity, NaN unknown; exponent: n of p(opacity)^n.
    """
    rows = fused.members(row)
    rows = rows[np.argsort(-candidates.scores[rows], kind="stable")]
    weight, scale = _per_source(candidates.sources, settings)
    overlaps = iou_matrix(Boxes(candidates.boxes[rows]), Boxes(fused.boxes[row:row + 1]))[:, 0]
    members = tuple(Member(
        int(each), candidates.sources[candidates.source[each]].name, float(candidates.scores[each]),
        float(candidates.scores[each]) * scale[candidates.source[each]] * weight[candidates.source[each]],
        tuple(candidates.boxes[each].tolist()), float(iou), bool(each == fused.leader[row]))
        for each, iou in zip(rows, overlaps, strict=True))
    before = float(fused.scores[row])
    steps = [_said(settings, members, before, weight, candidates)]
    if settings.method == "soft_nms":
        steps += _decay(settings, fused, row, before)
    if np.isfinite(p_opacity) and exponent:
        steps.append(f"Times p(opacity)^n: {before:.4f} x {p_opacity:.4f}^{exponent:g} = {score:.4f}.")
    return Provenance(members, before, float(score), tuple(steps))


def _per_source(sources, settings):
    """Weight and scale, float64 [A], of every source; 0 for those that take no part."""
    chosen = selected_positions(sources, settings.sources)
    weight, scale = np.zeros(len(sources)), np.zeros(len(sources))
    scale[chosen] = 1 if settings.scales is None else settings.scales
    weight[chosen] = 1 if settings.weights is None else settings.weights
    if settings.weights is not None and settings.method != "wbf":
        weight /= weight.max() if settings.method == "nmw" else weight.sum()
    return weight, scale


def _said(settings, members, score, weight, candidates):
    """The sentence on how `members` gave `score`."""
    leader = next(each for each in members if each.leader)
    others = len(members) - 1
    if settings.method == "nms":
        return (f"NMS: the most confident candidate ({leader.source}, {leader.weighted:.4f}) keeps its box and score; "
                f"it suppressed {others} that overlap it by more than {settings.iou:g}.")
    if settings.method == "soft_nms":
        return (f"Soft-NMS ({settings.decay}): the candidate of {leader.source} keeps its box and began with "
                f"{leader.weighted:.4f}. {others} others decayed below the skip threshold and overlap it most.")
    if settings.method == "nmw":
        return (f"NMW: the box is the mean of {len(members)} candidates, weighed by score x IoU with the best; the "
                f"score is that of the best ({leader.source}): {score:.4f}.")
    return f"WBF: the box is the mean of {len(members)} candidates, weighed by score. " + _wbf(
        settings.conf_type, members, score, weight, candidates)


def _decay(settings, fused, row, score):
    """The sentence on how the detections taken before `row` on its film lowered its score; none when none did.

    Bodla et al. 2017, arXiv:1704.04503: times 1 - IoU above the threshold, or exp(-IoU^2 / sigma) for any overlap.
    """
    start = int(fused.offsets[np.searchsorted(fused.offsets, row, side="right") - 1])
    factors = []
    overlaps = iou_matrix(Boxes(fused.boxes[start:row]), Boxes(fused.boxes[row:row + 1]))[:, 0].tolist()
    for place, iou in enumerate(overlaps, start=1):
        if settings.decay == "gaussian" and iou > 0:
            factors.append((np.exp(-iou * iou / settings.sigma), iou, place))
        elif settings.decay == "linear" and iou > settings.iou:
            factors.append((1 - iou, iou, place))
    if factors:
        rule = "1 - IoU" if settings.decay == "linear" else f"exp(-IoU^2 / {settings.sigma:g})"
        told = " x ".join(f"{factor:.4f} (detection {number}, IoU {iou:.2f})" for factor, iou, number in factors)
        yield f"Times {rule} for each more confident detection that it overlaps: {told} = {score:.4f}."


def _wbf(conf_type, members, score, weight, candidates):
    """How the four ways of `core.fusion.CONF_TYPES` make the score of a cluster."""
    own = np.array([weight[[source.name for source in candidates.sources].index(each.source)] for each in members])
    total, summed, count = weight.sum(), sum(each.weighted for each in members), len(members)
    inside = {each.source: value for each, value in zip(members, own, strict=True)}
    if conf_type == "max":
        return f"Its score is the largest weighted one over the largest weight: {score:.4f}."
    if conf_type == "avg":
        sources = int((weight > 0).sum())
        return (f"Its score is their mean times how many of the sources agree: {summed / count:.4f} x min({count}, "
                f"{sources}) / {total:g} = {score:.4f}.")
    if conf_type == "box_and_model_avg":
        return (f"Its score is their weighted mean times the share of the sources in it: {summed / own.sum():.4f} x "
                f"{sum(inside.values()):g} / {total:g} = {score:.4f}.")
    absent = total - sum(inside.values())
    return (f"Its score is their sum over their weights and those of the absent sources: {summed:.4f} / ("
            f"{own.sum():g} + {absent:g}) = {score:.4f}.")
