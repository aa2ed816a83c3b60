"""How a network is judged while it trains: its predictions for the held fold, and their APs by the metric itself."""

import numpy as np

from core.evaluation import average_precision
from core.fusion import FusionSettings, fuse
from core.inference import Collector, NamedModel
from core.matching import match
from core.models import Model
from core.views import first_views
from core.weights import TASKS
from train.teaching import shown

BATCH = 32
SAMPLE = 400  # films at most that are judged beside the held fold


def network_predictions(card, network, films, rows):
    """`Predictions` of `network` for `rows` of `films`, seen as they are; None when there are no rows."""
    device = next(network.parameters()).device
    return predict_rows([NamedModel("network", Model(network, card, device))], films, rows, first_views(1), {})


def held_rows(films, fold):
    """Rows int64 of the films in the fold named `fold`; none for "all"."""
    return np.flatnonzero(films.fold.astype(str) == fold)


def sampled_rows(films, fold, seed):
    """Rows int64 of films outside the fold named `fold`, drawn by `seed`: what the held fold is compared with.

    Whole studies, as many films at most as the fold holds, and never more than `SAMPLE`. Films that are mixed in for
    training only are left out.
    """
    outside = np.flatnonzero((films.fold >= 0) & (films.fold.astype(str) != fold))
    most = min(SAMPLE, len(held_rows(films, fold)) or SAMPLE)
    studies, study, counts = np.unique(films.study_ids[outside], return_inverse=True, return_counts=True)
    order = np.random.default_rng([seed, 3]).permutation(len(studies))
    return outside[np.isin(study, order[np.cumsum(counts[order]) <= most])]


def predict_rows(named_models, films, rows, views, manifest):
    """`Predictions` for `rows` of `films`, from the pictures in memory; None when there are no rows.

    A teacher sees the true boxes painted on them, as it did in training.
    """
    if len(rows) == 0:
        return None
    collector = Collector(named_models, views)
    paint = named_models[0].model.card.paint
    for start in range(0, len(rows), BATCH):
        some = rows[start:start + BATCH]
        pictures = dict.fromkeys(collector.sizes, shown(films, some, paint))
        collector.add(films.image_ids[some].tolist(), pictures, films.widths[some], films.heights[some])
    return collector.predictions(dict(zip(films.image_ids[rows], films.study_ids[rows], strict=True)), manifest)


def opacity_ap(films, predictions):
    """Opacity AP of `predictions` on their own films, fused by the default settings.

    NaN without predictions, and where no film has a box.
    """
    if predictions is None:
        return float("nan")
    truth = films.truth.subset(predictions.image_ids, predictions.study_ids)
    if len(truth.boxes) == 0:
        return float("nan")
    fused = fuse(predictions.candidates, FusionSettings())
    matches = match(truth.boxes, truth.offsets, fused.boxes, fused.offsets, fused.scores)
    return average_precision(fused.scores, matches.true_positive, len(truth.boxes))


def class_aps(questions, films, predictions):
    """AP by class name of the probabilities for `questions` ("opacity", "study"); "study" is the mean of its four.

    NaN throughout without predictions; a study class that no study has is left out.
    """
    aps = {}
    truth = predictions and films.truth.subset(predictions.image_ids, predictions.study_ids)
    if "opacity" in questions:
        aps["none"] = _none_ap(truth, predictions) if predictions else float("nan")
    if "study" in questions:
        unknown = dict.fromkeys((*TASKS["study"], "study"), float("nan"))
        aps |= _study_aps(truth, predictions) if predictions else unknown
    return aps


def _none_ap(truth, predictions):
    boxless = np.diff(truth.offsets) == 0
    positives = int(boxless.sum())
    return average_precision(1 - predictions.opacity.mean(axis=1), boxless, positives) if positives else float("nan")


def _study_aps(truth, predictions):
    probability = predictions.study.mean(axis=1)
    true = [truth.study_class == index for index in range(len(TASKS["study"]))]
    aps = {name: average_precision(probability[:, index], true[index], int(true[index].sum()))
           for index, name in enumerate(TASKS["study"]) if true[index].any()}
    return {**aps, "study": float(np.mean(list(aps.values()))) if aps else float("nan")}
