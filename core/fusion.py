"""Candidates of several sources fused into detections, each with its provenance.

This module knows nothing of ground truth, files or display: a filter of display confidence is the viewer's
and is no part of fusion or of the metric. Four methods, all compiled (`core.fusion_kernels`):

    nms       the best box suppresses those that overlap it          (greedy NMS)
    soft_nms  ... or lowers their scores instead                     (Bodla et al. 2017, arXiv:1704.04503)
    nmw       boxes around the best one are averaged, score kept     (Zhou et al. 2017, CAD)
    wbf       boxes and scores of a cluster are averaged as it grows (Solovyev et al. 2021, arXiv:1910.13302)

The reference is `ensemble_boxes` 1.0.9, met to 1e-6. Where that library is wrong this module differs:

- Coordinates are pixels and are neither clipped nor normalised; results do not depend on the frame.
- Inputs are never changed (its `nms` writes weighted scores into the caller's list).
- A film, a source or a whole set without boxes is an empty result (its `nms` and `soft_nms` raise).
- Wrong settings raise `BadSettings` (it calls `exit()`, or prints and goes on with other weights).
- Soft-NMS returns the decayed scores, in their order (it returns the scores from before).
- Ties are stable: score descending, then source order, then row order (it reverses an unstable sort).
- A score equal to `skip` stays in all methods (its Soft-NMS drops it, its others keep it).
- Candidates of score 0 leave a cluster's box as it is (it divides 0 by 0).
- Its NMS does not skip low scores; here `skip` holds for every method.
- A box without area or with a NaN is left out silently; readers of files refuse them earlier.
"""

from dataclasses import dataclass

import numpy as np

from core import fusion_kernels
from core.errors import BadSettings
from core.parallel import over_films, read_only
from core.predictions import Candidates

METHODS = ("nms", "soft_nms", "nmw", "wbf")
DECAYS = ("linear", "gaussian")
CONF_TYPES = ("avg", "max", "box_and_model_avg", "absent_model_aware_avg")


def _check_choice(name, value, choices):
    if value not in choices:
        raise BadSettings(f"{name} is {value!r}, but must be one of {', '.join(choices)}: choose one.")


def _check_number(name, value, low, high, remedy):
    if not low <= value <= high:
        raise BadSettings(f"{name} is {value}, but must lie in {low} to {high}: {remedy}.")


def _check_factors(name, values):
    if values is not None and not all(np.isfinite(value) and value > 0 for value in values):
        raise BadSettings(f"{name} are {values}, but each must be a number above 0: leave a source out "
                          "through sources instead.")


@dataclass(frozen=True)
class FusionSettings:
    """How candidates become detections.

    The first settings are those of the bundled detectors' best opacity AP on the patient fold they never saw, in two
    views: .479 with WBF at .45 and the largest score of a cluster, .464 with NMW at .45, .43 with WBF at .55 and the
    mean score (n = .3).

    method     one of METHODS.
    iou        boxes match when their IoU is strictly above this, 0..1.
    skip       candidates whose score is below this are left out, 0..1 (compared in float32, as scores are
               stored); Soft-NMS also drops what has decayed below it.
    decay      Soft-NMS: 'linear' times 1 - IoU where that is above `iou`, 'gaussian' times exp(-IoU^2 /
               sigma).
    sigma      Soft-NMS gaussian, > 0; smaller is harsher.
    conf_type  WBF: the score of a cluster, from the scores s and weights w of its members and the weights W
               of all sources. 'avg': mean(s w) * min(members, sources) / sum(W). 'max': max(s w) / max(W).
               'box_and_model_avg': sum(s w) / sum(w) * sum(W of sources in it) / sum(W).
               'absent_model_aware_avg': sum(s w) / (sum(w) + sum(W of sources not in it)).
    sources    names of the sources that take part, None = all; one without boxes on a film still counts.
    weights    one number > 0 per source that takes part, in the order of `sources`; None = all 1. NMS and
               Soft-NMS multiply scores by w / sum(W) when weights are given, NMW by w / max(W).
    scales     one factor > 0 per source that takes part, on its scores before anything else; None = all 1.

    Raises `BadSettings` when a value is out of range.
    """

    method: str = "wbf"
    iou: float = 0.45
    skip: float = 0.01
    decay: str = "gaussian"
    sigma: float = 0.5
    conf_type: str = "max"
    sources: tuple[str, ...] | None = None
    weights: tuple[float, ...] | None = None
    scales: tuple[float, ...] | None = None

    def __post_init__(self):
        _check_choice("method", self.method, METHODS)
        _check_choice("decay", self.decay, DECAYS)
        _check_choice("conf_type", self.conf_type, CONF_TYPES)
        _check_number("iou", self.iou, 0, 1, "choose an overlap between none and full")
        _check_number("skip", self.skip, 0, 1, "choose a score, 0 keeps every candidate")
        if not (np.isfinite(self.sigma) and self.sigma > 0):
            raise BadSettings(f"sigma is {self.sigma}, but must be a number above 0: .5 is usual.")
        for name in ("sources", "weights", "scales"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else tuple(value))
        _check_factors("weights", self.weights)
        _check_factors("scales", self.scales)

    @property
    def method_code(self):
        """The method as `core.fusion_kernels` numbers it."""
        if self.method == "soft_nms":
            return fusion_kernels.SOFT_LINEAR if self.decay == "linear" else fusion_kernels.SOFT_GAUSSIAN
        return {"nms": fusion_kernels.NMS, "nmw": fusion_kernels.NMW, "wbf": fusion_kernels.WBF}[self.method]


@dataclass(frozen=True, eq=False)
class Fused:
    """Detections of the same films as the candidates, flat.

    boxes      [M,4] float32, xyxy, pixels of the original image.
    scores     [M] float32, descending inside each film; equal scores by the rank of their leaders.
    offsets    [F+1] int64: the detections of film f are rows offsets[f] to offsets[f+1].
    leader     [M] int32: the candidate row that began the detection, its best-scored member.
    member_of  [N] int32: for each candidate the row of the detection it went into, or by which it was
               suppressed (NMS) or decayed below `skip` (Soft-NMS: the one that overlaps it most); -1 when
               `skip`, the choice of sources or a missing area left it out. After NMS and Soft-NMS candidate n
               itself survives where leader[member_of[n]] == n.
    """

    boxes: np.ndarray
    scores: np.ndarray
    offsets: np.ndarray
    leader: np.ndarray
    member_of: np.ndarray

    def __len__(self):
        return len(self.scores)

    def members(self, row):
        """Candidate rows [K] int64 that went into, or were suppressed by, detection `row`."""
        return np.flatnonzero(self.member_of == row)


def selected_positions(sources, names):
    """Positions [K] int64 of the sources (each with a `.name`) called in `names`, in that order; None = all.

    Raises `BadSettings` when a name is unknown or given twice, or none is given.
    """
    if names is None:
        return np.arange(len(sources))
    known = {source.name: position for position, source in enumerate(sources)}
    for name in names:
        if name not in known:
            raise BadSettings(f"source {name!r} is not in the predictions, which hold "
                              f"{', '.join(known) or 'none'}: choose among these.")
    if not names or len(set(names)) != len(names):
        raise BadSettings(f"sources are {tuple(names)}, but at least one must be chosen and none twice: mend "
                          "the choice.")
    return np.array([known[name] for name in names])


def _factors(name, values, count):
    if values is None:
        return np.ones(count)
    if len(values) != count:
        raise BadSettings(f"{len(values)} {name} are given for {count} sources, but each source needs one: "
                          f"give {count}.")
    return np.array(values, np.float64)


def _weights(settings, count):
    weights = _factors("weights", settings.weights, count)
    if settings.weights is None or settings.method == "wbf":
        return weights
    return weights / (weights.max() if settings.method == "nmw" else weights.sum())


def _check_crowd(offsets):
    crowd = np.diff(offsets).max(initial=0)
    if crowd > fusion_kernels.PLACES:
        raise BadSettings(f"a film has {crowd} candidates, but at most {fusion_kernels.PLACES} can be fused: predict "
                          "with fewer sources or a higher score threshold.")


def fuse(candidates, settings):
    """`Fused` detections of `candidates` (`core.predictions.Candidates`) under `settings` (`FusionSettings`).

    Raises `BadSettings` for unknown sources, a wrong number of weights or scales, or more than 65,535 candidates on
    one film.
    """
    chosen = selected_positions(candidates.sources, settings.sources)
    slot_of = np.full(len(candidates.sources), -1)
    slot_of[chosen] = np.arange(len(chosen))
    boxes, scores = read_only(candidates.boxes, np.float32), read_only(candidates.scores, np.float32)
    offsets = read_only(candidates.offsets, np.int64)
    _check_crowd(offsets)
    drafts = _empty_detections(len(scores))
    member_of, counts = np.empty(len(scores), np.int32), np.zeros(len(offsets) - 1, np.int64)
    scales, weights = _factors("scales", settings.scales, len(chosen)), _weights(settings, len(chosen))
    over_films(fusion_kernels.draft_films, offsets, _ranked(candidates, scales, weights), boxes, scores,
               read_only(candidates.source, np.int16), offsets, slot_of, scales, weights, settings.method_code,
               CONF_TYPES.index(settings.conf_type), float(settings.iou), float(np.float32(settings.skip)),
               float(settings.sigma), *drafts, member_of, counts)
    packed = np.r_[0, np.cumsum(counts)]
    fused_boxes, fused_scores, leader = _empty_detections(packed[-1])
    over_films(fusion_kernels.pack_films, offsets, offsets, *drafts, packed, fused_boxes, fused_scores, leader,
               member_of)
    return Fused(*(read_only(array) for array in (fused_boxes, fused_scores, packed, leader, member_of)))


def _ranked(candidates, scales, weights):
    """Rows [N] int32 by score, which need no sorting when all sources count alike, else in their order: equal weighted
    scores are settled by it."""
    alike = (scales == scales[:1]).all() and (weights == weights[:1]).all()
    return candidates.ranked if alike else read_only(np.arange(len(candidates.scores), dtype=np.int32))


def _empty_detections(count):
    return np.empty((count, 4), np.float32), np.empty(count, np.float32), np.empty(count, np.int32)


def warm():
    """Compiles what `fuse` needs, or loads it from numba's cache; seconds the first time, so call it early."""
    none = np.zeros(0)
    fuse(Candidates(np.zeros((0, 4)), none, none, np.zeros(2), ()), FusionSettings())
