"""The films of a data set joined with what was predicted for them, in one order for everything that follows.

Film f of the labels, the candidates, the verdicts and the worklist is then row f, and what can be scored comes
first. This module knows nothing of fusion, verdicts or display.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from core.dataset import Image
from core.errors import BadPredictions
from core.labels import GroundTruth
from core.predictions import Candidates, Predictions


@dataclass(frozen=True, eq=False)
class Cases:
    """F films and S studies, scored ones first, each in the order of the labels.

    `images` [F] and `study_ids` [S]; `film_study` int32 [F] is the film's row of `study_ids`. The first `films`
    films and the first `studies` studies are both labelled and predicted: `truth` holds just their labels (None
    when there are none). `labels` holds all of them, `label_row` int32 [F] is the film's row there, -1 without
    a label; `study_class` int8 [S] indexes `STUDY_CLASSES`, -1 unknown. `predictions` is about exactly these
    films and studies, `predicted` [F] says which films it is about. `refused` maps the image ids that `predict` could
    not read to its sentence. `remarks` are sentences on what does not fit together.
    """

    images: tuple[Image, ...]
    study_ids: tuple[str, ...]
    film_study: np.ndarray
    films: int
    studies: int
    truth: GroundTruth | None
    labels: GroundTruth | None
    label_row: np.ndarray
    study_class: np.ndarray
    predictions: Predictions
    predicted: np.ndarray
    refused: dict[str, str]
    remarks: tuple[str, ...]

    def boxes_of(self, film):
        """Ground-truth boxes float32 [.,4] of the film at row `film`, None when it has no label."""
        row = int(self.label_row[film])
        return None if row < 0 else self.labels.boxes_of(row)

    @cached_property
    def absent(self):
        """Whether the label names a film that is not there, bool [F]."""
        return np.array([image.path is None for image in self.images], bool)

    @cached_property
    def unreadable(self):
        """Whether a film is there that could not be read, bool [F]."""
        return np.array([not image.width or image.image_id in self.refused for image in self.images],
                        bool) & ~self.absent

    @cached_property
    def longer_side(self):
        """Pixels of the longer side of each film, float64 [F]; 0 where it is unknown."""
        return np.array([max(image.width, image.height) for image in self.images], np.float64)


NOTHING = Predictions((), (), Candidates(np.zeros((0, 4)), np.zeros(0), np.zeros(0), np.zeros(1), ()),
                      np.zeros((0, 0)), (), np.zeros((0, 0, 4)), ())
NO_LABELS = GroundTruth((), (), np.zeros(0), np.zeros((0, 4)), np.zeros(1), np.zeros(0))


def arrange(dataset, predictions=None):
    """The `Cases` of `dataset` (`core.dataset.Dataset`) and its `Predictions`; None stands for none at all.

    Raises `BadPredictions` when `predictions` are about none of the data set's films.
    """
    predictions = NOTHING if predictions is None else predictions
    images = {image.image_id: image for image in dataset.images}
    _insist(dataset, predictions, images)
    labels = NO_LABELS if dataset.truth is None else dataset.truth
    films = _both(labels.image_ids, predictions.image_ids)
    studies = _both([labels.study_ids[row] for row in np.flatnonzero(labels.study_class >= 0)], predictions.study_ids)
    film_ids = _first(films, predictions.image_ids, images)
    study_ids = _first(studies, predictions.study_ids,
                       dict.fromkeys([*labels.study_ids, *(image.study_id for image in dataset.images)]))
    study_class = np.append(labels.study_class, np.int8(-1))[_rows(labels.study_ids, study_ids)]
    return Cases(
        tuple(images[each] for each in film_ids), study_ids,
        _rows(study_ids, [images[each].study_id for each in film_ids]).astype(np.int32), len(films), len(studies),
        labels.subset(films, studies) if films or studies else None, dataset.truth,
        _rows(labels.image_ids, film_ids).astype(np.int32), study_class,
        rearranged(predictions, film_ids, study_ids), _rows(predictions.image_ids, film_ids) >= 0,
        _refused(predictions.manifest), tuple(_remarks(images, dataset.truth, films, predictions)))


def _insist(dataset, predictions, images):
    if predictions.image_ids and not images.keys() & set(predictions.image_ids):
        raise BadPredictions(f"none of the {len(predictions.image_ids)} films predicted, such as "
                             f"{predictions.image_ids[0]!r}, is in {dataset.name}, but they must be its films: "
                             "name the predictions of this data set.")


def rearranged(predictions, image_ids, study_ids):
    """`Predictions` about just these films and studies, in this order; nothing is said of one that is unknown."""
    films = _rows(predictions.image_ids, image_ids)
    found = predictions.candidates
    counts = np.where(films < 0, 0, np.append(np.diff(found.offsets), 0)[films])
    offsets = np.concatenate([[0], np.cumsum(counts)])
    rows = np.repeat(found.offsets[films] - offsets[:-1], counts) + np.arange(offsets[-1])
    return replace(
        predictions, image_ids=tuple(image_ids), study_ids=tuple(study_ids),
        candidates=Candidates(found.boxes[rows], found.scores[rows], found.source[rows], offsets, found.sources),
        opacity=_picked(predictions.opacity, films),
        study=_picked(predictions.study, _rows(predictions.study_ids, study_ids)),
        film_study=np.append(_rows(study_ids, predictions.study_ids), -1)[np.append(predictions.film_study, -1)[films]])


def _picked(values, rows):
    """`values` [R,...] at `rows`, NaN where the row is -1."""
    return np.concatenate([values, np.full((1, *values.shape[1:]), np.nan, values.dtype)])[rows]


def _rows(known, wanted):
    """Row of each of `wanted` among `known`, int64; -1 for one that is not there."""
    row_of = {each: row for row, each in enumerate(known)}
    return np.array([row_of.get(each, -1) for each in wanted], np.int64)


def _both(labelled, predicted):
    predicted = set(predicted)
    return tuple(each for each in labelled if each in predicted)


def _first(scored, predicted, known):
    """The ids `known`: those `scored`, then those only `predicted`, then the others."""
    predicted = set(predicted)
    return tuple(dict.fromkeys([*scored, *(each for each in known if each in predicted), *known]))


def _refused(manifest):
    """image id -> sentence, from the manifest's list of errors; entries that are no such pair are passed over."""
    errors = manifest.get("errors")
    return {str(each["image"]): str(each["error"]) for each in errors if isinstance(each, dict)
            and {"image", "error"} <= each.keys()} if isinstance(errors, list) else {}


def _remarks(images, labels, scored, predictions):
    """Sentences on films that are predicted but not in the data set, or labelled but not predicted."""
    strange = [each for each in predictions.image_ids if each not in images]
    if strange:
        yield (f"{len(strange)} predicted films such as {strange[0]!r} are not in this data set and are left out: "
               "name the predictions of this data set, or add the films.")
    if predictions.image_ids and labels is not None and len(scored) < len(labels.image_ids):
        yield f"{len(scored)} of the {len(labels.image_ids)} labelled films are predicted, and the score is theirs."
