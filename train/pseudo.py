"""Pseudo-labels: what earlier networks are sure of on unlabelled films is taken for their labels (Lee 2013, ICML)."""

from pathlib import Path

import numpy as np

from core.errors import BadSettings
from core.fusion import FusionSettings
from core.levels import ScoreSettings
from core.predictions import read_predictions
from core.scoring import answer
from train.data import unlabelled_films

_BOX = 0.5  # a box is taken from this share of the confidence asked for


def pseudo_films(data, settings):
    """The films of the data set at `data` that the predictions `settings.pseudo` are sure of, as a `FilmSet`.

    A film is taken when its study's most probable class, and its p(none) or its opposite, reach
    `settings.pseudo_confidence`; one with opacities keeps the detections of at least half of that, and needs one of
    them. Raises `BadSettings` when the predictions are by networks that saw the held fold, or none is sure enough.
    """
    predictions = read_predictions(settings.pseudo)
    _check_folds(predictions.manifest, settings)
    told = answer(predictions, FusionSettings(), ScoreSettings())
    ids, boxes, classes = [], [], []
    for row, image_id in enumerate(told.image_ids):
        label = _label(told, row, predictions.film_study[row], settings.pseudo_confidence)
        if label is not None:
            ids.append(image_id)
            boxes.append(label[0])
            classes.append(label[1])
    if not ids:
        raise BadSettings(f"none of the {len(told.image_ids)} films in {settings.pseudo} is told with confidence "
                          f"{settings.pseudo_confidence}, but one must be: lower --pseudo-confidence.")
    return unlabelled_films(Path(data), ids, boxes, np.array(classes, np.int8), (settings.size, settings.size))


def _label(told, row, study, sure):
    """(boxes [.,4], study class) of the film at `row`, or None when the answer is not sure enough."""
    probability = told.study[study] if study >= 0 else np.full(4, np.nan)
    if not probability.max() >= sure:
        return None
    start, stop = told.offsets[row:row + 2]
    boxes = told.boxes[start:stop][told.scores[start:stop] >= sure * _BOX]
    if told.p_none[row] >= sure:
        return boxes[:0], int(probability.argmax())
    return (boxes, int(probability.argmax())) if told.p_none[row] <= 1 - sure and len(boxes) else None


def _check_folds(manifest, settings):
    folds = {str(row.get("fold")) for row in manifest.get("weights", ())}
    if settings.fold != "all" and folds != {settings.fold}:
        raise BadSettings(f"{settings.pseudo} was predicted by networks that held out fold "
                          f"{', '.join(sorted(folds)) or 'unknown'}, but this run holds out {settings.fold}: what they "
                          "learned of its patients would leak; predict with weights of the same fold.")
