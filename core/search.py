"""The best settings, chosen honestly: searched on some patients, scored on others.

For every part of the patients (`core.parts`) the settings with the best mean on the other parts are scored on it, so
no figure comes from films that chose the settings. The grid is exhaustive: the mean of six APs falls apart into
opacity (fusion and n), none (fusion, none_study and none_boxes) and the study classes (neither), so every fusion is
tried with every n and every way to p(none) at the cost of their sum. This module knows nothing of files or display.
"""

from dataclasses import dataclass, replace

import numpy as np

from core.errors import BadPredictions
from core.evaluation import CLASSES, average_precision
from core.fusion import FusionSettings, fuse
from core.levels import ScoreSettings, blended_none, mean_over_sources, reweight
from core.scoring import conclude
from core.verdicts import judge, rate

IOUS = (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75)
SKIPS = (0.01, 0.05)
SIGMAS = (0.1, 0.3, 0.5)
EXPONENTS = (0.0, 0.15, 0.3, 0.5, 0.75, 1.0)
NONE_STUDY, NONE_BOXES = (0.0, 0.25, 0.5, 0.75), (0.0, 0.25, 0.5, 1.0)


@dataclass(frozen=True, eq=False)
class Trial:
    """One fusion with every n and every way to p(none): APs inside and outside each of P parts.

    opacity [N,P+1,2] over `EXPONENTS` and none [A,P+1,2] over the pairs of `NONE_STUDY` and `NONE_BOXES`, float64;
    last axis: on all other parts, on the part itself. The last part is empty: its 'other parts' are everything.
    """

    fusion: FusionSettings
    opacity: np.ndarray
    none: np.ndarray


@dataclass(frozen=True, eq=False)
class Held:
    """A part of the patients, the settings that the others chose, and the APs they give on it: honest ones.

    `default_aps` and `default_mean` are those of the settings that the search began from, on the same part.
    """

    name: str
    films: int
    fusion: FusionSettings
    score: ScoreSettings
    aps: dict
    mean: float | None
    default_aps: dict
    default_mean: float | None


@dataclass(frozen=True, eq=False)
class Best:
    """What a search found.

    `held` says for each part how settings chosen on the others do; `honest` is the mean over parts, `default` the same
    of the settings it began from. `fusion` and `score` are the best on everything, to adopt; `optimistic` is their mean
    AP on just the films that chose them, and so too high. `how` is the sentence on where the parts come from.
    """

    held: tuple[Held, ...]
    honest: float
    default: float
    fusion: FusionSettings
    score: ScoreSettings
    optimistic: float
    how: str
    tried: int


def fusions(base):
    """The `FusionSettings` that are tried, with the sources, weights and scales of `base`."""
    found = [replace(base, method=method, iou=iou, skip=skip, conf_type="avg")
             for method in ("nms", "nmw", "wbf") for iou in IOUS for skip in SKIPS]
    found += [replace(base, method="wbf", iou=iou, skip=SKIPS[0], conf_type=kind)
              for kind in ("max", "box_and_model_avg", "absent_model_aware_avg") for iou in IOUS[::2]]
    found += [replace(base, method="soft_nms", decay="gaussian", sigma=sigma, skip=SKIPS[0]) for sigma in SIGMAS]
    found += [replace(base, method="soft_nms", decay="linear", iou=iou, skip=SKIPS[0]) for iou in IOUS[::2]]
    return tuple(dict.fromkeys(found))


def ways(base):
    """The `ScoreSettings` of every way to p(none), with the sources of `base`."""
    return tuple(replace(base, none_study=study, none_boxes=boxes) for study in NONE_STUDY for boxes in NONE_BOXES)


def search(cases, parts, fusion=None, score=None):
    """Yields a `Trial` for each of `fusions`: `len(fusions(fusion))` in all, so that progress can be shown.

    `cases`: a `core.parts.Scorable` or `core.cases.Cases`; `parts`: its `core.parts.Parts`. Raises `BadPredictions`
    when fewer than two parts hold films.
    """
    fusion, score = fusion or FusionSettings(), score or ScoreSettings()
    filled = np.unique(parts.films[parts.films >= 0])
    if len(filled) < 2:
        raise BadPredictions(f"{len(filled)} part of the patients holds films, but settings are chosen on one and "
                             "scored on another: predict more films.")
    return (_trial(cases, parts, each, score) for each in fusions(fusion))


def _trial(cases, parts, fusion, score):
    given, films = cases.predictions, cases.films
    fused = fuse(given.candidates, fusion)
    matches = judge(cases, fused)
    count = len(matches.verdict)
    film = np.repeat(parts.films, np.diff(fused.offsets[:films + 1]))
    boxes = np.repeat(parts.films, np.diff(cases.truth.offsets))
    p_opacity = mean_over_sources(given.opacity, given.opacity_sources, score.opacity_sources)
    opacity = [_inside_out(reweight(fused, p_opacity, n)[:count], matches.true_positive, film, boxes, len(parts.names))
               for n in EXPONENTS]
    study = mean_over_sources(given.study, given.study_sources, score.study_sources)
    negative = np.append(study[:, 0], np.float32(np.nan))[given.film_study]
    empty = np.diff(cases.truth.offsets) == 0
    none = []
    for way in ways(score):
        told = blended_none(p_opacity, negative, fused, way)[:films]
        known = ~np.isnan(told)
        none.append(_inside_out(told[known], empty[known], parts.films[known], parts.films[empty], len(parts.names)))
    return Trial(fusion, np.array(opacity), np.array(none))


def _inside_out(confidence, hit, part, positive_part, count):
    """AP [P+1,2] outside and inside each part, and of everything last; NaN without a positive."""
    order = np.argsort(-confidence, kind="stable")
    confidence, hit, part = confidence[order], hit[order], part[order]
    aps = np.full((count + 1, 2), np.nan)
    for place in range(count + 1):
        for column, inside in enumerate((part != place, part == place)):
            positives = int(((positive_part == place) == bool(column)).sum())
            if positives and (place < count or not column):
                aps[place, column] = average_precision(confidence[inside], hit[inside], positives)
    return aps


def choose(cases, parts, trials, fusion=None, score=None):
    """The `Best` of the `trials` of `search` on the same cases and parts. Raises `BadPredictions` without a trial."""
    if not trials:
        raise BadPredictions("no trial was made, but the best of some is asked for: search first.")
    fusion, score = fusion or FusionSettings(), score or ScoreSettings()
    names = [place for place in range(len(parts.names)) if (parts.films == place).any()]
    default = _evaluation(cases, fusion, score)
    held = tuple(_held(cases, parts, place, *_pick(trials, place, score), default) for place in names)
    chosen = _pick(trials, len(parts.names), score)
    return Best(held, _mean([each.mean for each in held]), _mean([each.default_mean for each in held]), *chosen,
                float(_evaluation(cases, *chosen).mean), parts.how, len(trials) * len(EXPONENTS) * len(trials[0].none))


def _pick(trials, place, score):
    """The fusion and scoring with the best opacity and none on everything but part `place`."""
    totals = np.array([(_most(trial.opacity[:, place, 0])[1] + _most(trial.none[:, place, 0])[1]) for trial in trials])
    trial = trials[int(totals.argmax())]
    n, way = _most(trial.opacity[:, place, 0])[0], _most(trial.none[:, place, 0])[0]
    return trial.fusion, replace(ways(score)[way], exponent=EXPONENTS[n])


def _most(values):
    values = np.nan_to_num(values)
    return int(values.argmax()), float(values.max())


def _evaluation(cases, fusion, score):
    fused = fuse(cases.predictions.candidates, fusion)
    return rate(cases, conclude(cases.predictions, fused, score), judge(cases, fused))


def _held(cases, parts, place, fusion, score, default):
    mine, before = (_aps_of(each, parts, place) for each in (_evaluation(cases, fusion, score), default))
    films = int((parts.films == place).sum())
    return Held(parts.names[place], films, fusion, score, mine, _mean(mine.values()), before, _mean(before.values()))


def _aps_of(evaluation, parts, place):
    return {name: evaluation.rankings[name].among(
        (parts.films if name in CLASSES[:2] else parts.studies) == place).average_precision() for name in CLASSES}


def _mean(values):
    known = [each for each in values if each is not None]
    return float(np.mean(known)) if known else None
