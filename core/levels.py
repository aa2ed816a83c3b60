"""What the levels of an answer say of each other: film and study probabilities, and the boxes.

An opacity on a film, a film that is not `none` and a study that is not `negative` are one finding told three times, by
networks that err apart. So a film's p(opacity) re-weights its boxes, and p(none) takes in what the study classifier
and the detector say. This module knows nothing of ground truth, files or display.
"""

from dataclasses import dataclass, fields

import numpy as np

from core.errors import BadSettings
from core.fusion import selected_positions

_CLOSEST = 1e-6  # log-odds are taken of probabilities this far from 0 and 1 at least


@dataclass(frozen=True)
class ScoreSettings:
    """How the levels bear on each other. The first settings are a round choice near the best on patient fold 0.

    exponent         n in score x p(opacity)^n, >= 0; 0 leaves scores as they are. (The diary's best was .3.)
    none_study       weight of the study's p(negative) in p(none), 0..1; the film's own p(none) has the rest.
    none_boxes       weight of the film's best detection score in p(none), >= 0; 0 leaves the boxes out.
    opacity_sources  names of the classifiers whose mean is p(opacity); None = all.
    study_sources    the same for the study classes.

    Raises `BadSettings` when a value is out of range.
    """

    exponent: float = 0.3
    none_study: float = 0.5
    none_boxes: float = 0.5
    opacity_sources: tuple[str, ...] | None = None
    study_sources: tuple[str, ...] | None = None

    def __post_init__(self):
        for each in fields(self)[:3]:
            _check(each.name, getattr(self, each.name))
        if self.none_study > 1:
            raise BadSettings(f"none_study is {self.none_study}, but must lie in 0 to 1: 1 takes the study's word "
                              "alone.")


def _check(name, value):
    if not (np.isfinite(value) and value >= 0):
        raise BadSettings(f"{name} is {value}, but must be a number of at least 0: 0 switches it off.")


def film_factors(predictions, settings):
    """What every score of a film is multiplied by, float64 [F]: p(opacity)^n under `settings` (`ScoreSettings`)."""
    p_opacity = mean_over_sources(predictions.opacity, predictions.opacity_sources, settings.opacity_sources)
    return _factors(np.asarray(p_opacity, np.float64), settings.exponent)


def _factors(p_opacity, exponent):
    return np.where(np.isnan(p_opacity), 1, p_opacity) ** exponent


def reweight(fused, p_opacity, exponent):
    """Scores [M] float32 of `fused`, each times p_opacity^exponent of its film.

    p_opacity [F], 0..1; NaN means no probability and leaves that film's scores as they are. The order
    inside a film never changes, so neither fusion nor matching needs to be done again. Raises `BadSettings`
    for a probability or an exponent out of range.
    """
    _check("exponent", exponent)
    p_opacity = np.asarray(p_opacity, np.float64)
    outside = p_opacity[(p_opacity < 0) | (p_opacity > 1)]
    if len(outside):
        raise BadSettings(f"an opacity probability is {outside[0]}, but must lie in 0 to 1: check the "
                          "classifier.")
    return (fused.scores * np.repeat(_factors(p_opacity, exponent), np.diff(fused.offsets))).astype(np.float32)


def mean_over_sources(values, sources, names=None):
    """Mean [R,...] float32 of `values` [R,A,...] over sources (axis 1), NaN left out; NaN where none has a
    value.

    sources: the A sources, each with a `.name`; names: those that count, None = all. Raises `BadSettings` for
    an unknown name or an empty choice.
    """
    values = np.asarray(values, np.float64)[:, selected_positions(sources, names)]
    present = ~np.isnan(values)
    count = present.sum(axis=1)
    total = np.where(present, values, 0).sum(axis=1)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0).astype(np.float32)


def blended_none(p_opacity, negative, fused, settings):
    """p(none) [F] float32 from three witnesses: the film's classifier, its study's and the detector.

    p_opacity [F], negative [F] (p(negative) of the film's study) and the scores of `fused`, before any re-weighting.
    A weighted sum of log-odds (logarithmic opinion pool; Genest and Zidek 1986, Statistical Science 1:114):
    (1 - a) logit(1 - p_opacity) + a logit(negative) - b logit(best score), a and b as in `settings` (`ScoreSettings`).
    A film without a detection has no third witness to fear: its best score counts as .01. Without
    p(opacity) the answer is NaN; without p(negative) the film's own p(none) has the whole weight.
    """
    own = -_log_odds(p_opacity)
    study = np.where(np.isnan(negative), own, _log_odds(negative))
    total = (1 - settings.none_study) * own + settings.none_study * study
    if settings.none_boxes and len(fused.scores):
        total = total - settings.none_boxes * _log_odds(_best_scores(fused))
    return (1 / (1 + np.exp(-total))).astype(np.float32)


def _log_odds(probability):
    probability = np.clip(np.asarray(probability, np.float64), _CLOSEST, 1 - _CLOSEST)
    return np.log(probability / (1 - probability))


def _best_scores(fused):
    """The first score of each film [F], the least kept one (.01) where it has none."""
    filled = np.diff(fused.offsets) > 0
    best = np.full(len(filled), 0.01)
    best[filled] = np.maximum(fused.scores[fused.offsets[:-1][filled]], 0.01)
    return best
