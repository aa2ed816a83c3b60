"""Predictions and settings -> the answer that is handed in, and its score against the labels it is about.

The one way from candidates to detections and probabilities: `evaluate`, `submit` and the viewer all take it.
It knows nothing of files or display.
"""

from dataclasses import dataclass

import numpy as np

from core.errors import BadPredictions
from core.evaluation import Evaluation, evaluate
from core.fusion import fuse
from core.labels import GroundTruth
from core.levels import blended_none, mean_over_sources, reweight


@dataclass(frozen=True, eq=False)
class Answer:
    """What is said of F films and S studies in the end, ids as text without suffixes.

    `boxes` float32 [M,4] xyxy in pixels of the original image, `scores` [M], those of film f in rows
    `offsets[f]:offsets[f + 1]` by score descending (stable); `p_none` [F] and `study` [S,4] probabilities,
    NaN where nothing is said. Scores and probabilities are float32 from `conclude` and float64 from a CSV,
    whose digits decide the order. Raises `BadPredictions` when shapes do not fit.
    """

    image_ids: tuple[str, ...]
    study_ids: tuple[str, ...]
    boxes: np.ndarray
    scores: np.ndarray
    offsets: np.ndarray
    p_none: np.ndarray
    study: np.ndarray

    def __post_init__(self):
        films, count = len(self.image_ids), len(self.boxes)
        for name, shape in {"boxes": (count, 4), "scores": (count,), "offsets": (films + 1,), "p_none": (films,),
                            "study": (len(self.study_ids), 4)}.items():
            array = np.asarray(getattr(self, name)).view()
            if array.shape != shape:
                raise BadPredictions(f"{name} has shape {array.shape}, but must be {shape}: mend the program "
                                     "that made it.")
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def about(self, image_ids, study_ids):
        """The answer for just these films and studies, in this order; nothing is said of an unknown one."""
        films, studies = _places(self.image_ids, image_ids), _places(self.study_ids, study_ids)
        counts = np.where(films < 0, 0, np.append(np.diff(self.offsets), 0)[films])
        offsets = np.concatenate([[0], np.cumsum(counts)])
        rows = np.repeat(self.offsets[films] - offsets[:-1], counts) + np.arange(offsets[-1])
        nothing = np.full((1, 4), np.nan, self.study.dtype)
        return Answer(tuple(image_ids), tuple(study_ids), self.boxes[rows], self.scores[rows], offsets,
                      np.append(self.p_none, self.p_none.dtype.type(np.nan))[films],
                      np.concatenate([self.study, nothing])[studies])


def _places(known, wanted):
    """Row of each of `wanted` among `known`, int64; -1 for one that is not there."""
    row_of = {each: row for row, each in enumerate(known)}
    return np.array([row_of.get(each, -1) for each in wanted], np.int64)


def conclude(predictions, fused, settings):
    """The `Answer` of `predictions`, whose candidates were fused to `fused`, under `settings`
    (`ScoreSettings`).

    p(opacity) and a study's probabilities are the means of the chosen sources. Scores are multiplied by
    p(opacity)^n, p(none) is blended from three witnesses (`core.levels.blended_none`). Raises `BadSettings`
    for unknown sources.
    """
    p_opacity = mean_over_sources(predictions.opacity, predictions.opacity_sources, settings.opacity_sources)
    study = mean_over_sources(predictions.study, predictions.study_sources, settings.study_sources)
    negative = np.append(study[:, 0], np.float32(np.nan))[predictions.film_study]
    return Answer(predictions.image_ids, predictions.study_ids, fused.boxes,
                  reweight(fused, p_opacity, settings.exponent), fused.offsets,
                  blended_none(p_opacity, negative, fused, settings), study)


def answer(predictions, fusion, settings):
    """The `Answer` of `predictions` under `fusion` (`FusionSettings`) and `settings` (`ScoreSettings`)."""
    return conclude(predictions, fuse(predictions.candidates, fusion), settings)


@dataclass(frozen=True, eq=False)
class Scored:
    """An answer beside the labels it was scored on: both about the same films and studies, in the labels' order.

    `remarks` are sentences on what was left out; verdicts in `evaluation` are aligned with `answer` and `truth`.
    """

    truth: GroundTruth
    answer: Answer
    evaluation: Evaluation
    remarks: tuple[str, ...]


def score(truth, given, image_ids=None, study_ids=None):
    """The `Answer` `given`, `Scored` on its own labelled films and studies.

    With `image_ids` and `study_ids`, on these instead: one without an answer then counts as not predicted.
    Rows are taken in the order of `truth`, so ties do not depend on the order of the predictions. Raises
    `BadPredictions` when nothing is left to score.
    """
    films = _kept(truth.image_ids, given.image_ids if image_ids is None else image_ids)
    known = tuple(np.array(truth.study_ids, object)[truth.study_class >= 0])
    studies = _kept(known, given.study_ids if study_ids is None else study_ids)
    if not films and not studies:
        raise BadPredictions(f"none of the {len(given.image_ids)} films and {len(given.study_ids)} studies "
                             "predicted is among those to be scored, but one must be: name predictions of "
                             "this data set.")
    remarks = [remark for level, all_ids, kept, said in (
        ("films", truth.image_ids, films, given.image_ids), ("studies", known, studies, given.study_ids))
        for remark in _coverage(level, all_ids, kept, said)]
    part, about = truth.subset(films, studies), given.about(films, studies)
    return Scored(part, about, evaluate(part, about, about.p_none, about.study), tuple(remarks))


def _kept(labelled, wanted):
    wanted = set(wanted)
    return tuple(each for each in labelled if each in wanted)


def _coverage(level, labelled, kept, said):
    """Sentences on the ids that are labelled but not scored, answered but not labelled, scored but not
    answered."""
    unlabelled, unanswered = set(said) - set(labelled), set(kept) - set(said)
    if len(kept) < len(labelled):
        yield f"{len(kept)} of the {len(labelled)} labelled {level} are scored."
    if unlabelled:
        yield f"{len(unlabelled)} predicted {level} such as {min(unlabelled)!r} have no label: left out."
    if unanswered:
        yield f"{len(unanswered)} {level} such as {min(unanswered)!r} are not predicted: counted as missed."
