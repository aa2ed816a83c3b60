"""The scored films in parts that share no patient: the folds that their predictions name, or parts drawn by patient.

This module knows nothing of settings or scores.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from core.cases import rearranged
from core.labels import GroundTruth
from core.predictions import Predictions

PARTS = 5  # parts that the patients of a single fold are dealt to


@dataclass(frozen=True, eq=False)
class Scorable:
    """Labels and the predictions for them: the first `films` films and `studies` studies of `predictions` are those of
    `truth`, in its order; studies that have no label follow. `core.verdicts` takes it as it takes `core.cases.Cases`.
    """

    truth: GroundTruth
    predictions: Predictions
    films: int
    studies: int


def scorable(truth, predictions):
    """The `Scorable` of a `GroundTruth` and `Predictions`: the films and studies that both are about."""
    films = _both(truth.image_ids, predictions.image_ids)
    known = np.array(truth.study_ids, object)[truth.study_class >= 0]
    studies = _both(known, predictions.study_ids)
    scored = set(studies)
    others = [each for each in predictions.study_ids if each not in scored]
    return Scorable(truth.subset(films, studies), rearranged(predictions, films, (*studies, *others)), len(films),
                    len(studies))


def _both(labelled, predicted):
    predicted = set(predicted)
    return tuple(each for each in labelled if each in predicted)


@dataclass(frozen=True, eq=False)
class Parts:
    """`names` [P], the part of each scored film int32 [F] and study int32 [S], -1 where it is in none; `how` is one
    sentence on where they come from, `folds` whether they are the folds that models were trained without."""

    names: tuple[str, ...]
    films: np.ndarray
    studies: np.ndarray
    folds: bool
    how: str


def parts_of(cases, film_patients, study_patients, count=PARTS):
    """The `Parts` of a `Scorable` or `Cases`.

    film_patients [F], study_patients [S] int32, as `core.bootstrap.patients_of` numbers them. Where the predictions
    are of several folds, each film answered by models of one of them, these are the parts; otherwise patients are
    dealt to `count` parts by a digest of their number, always alike.
    """
    films, names = _folds(cases)
    if len(names) > 1:
        of_patient = np.full(1 + max([*film_patients, *study_patients], default=-1), -1, np.int32)
        of_patient[film_patients] = films
        return Parts(names, films, of_patient[study_patients], True,
                     f"Patient folds {', '.join(names)}, as the predictions name them.")
    dealt = np.array([_digest(each) % count for each in range(1 + max([*film_patients, *study_patients], default=-1))],
                     np.int32)
    return Parts(tuple(f"part {number + 1}" for number in range(count)), dealt[film_patients], dealt[study_patients],
                 False, f"The predictions cover one patient fold, so its patients are dealt to {count} parts.")


def _digest(number):
    return int.from_bytes(hashlib.sha256(str(int(number)).encode()).digest()[:4], "big")


def _folds(cases):
    """As `film_folds`; no names unless each film has a fold and each fold a film."""
    films, names = film_folds(cases)
    return films, names if (films >= 0).all() and set(films.tolist()) == set(range(len(names))) else ()


def film_folds(cases):
    """The fold of each scored film int32 [F], -1 where its sources are of none or several, and the folds' names."""
    given, films = cases.predictions, cases.films
    names = sorted({source.fold for source in (*given.candidates.sources, *given.opacity_sources) if source.fold})
    told = np.zeros((films, len(names)), bool)
    rows = given.candidates.offsets[films]
    film = np.repeat(np.arange(films), np.diff(given.candidates.offsets[:films + 1]))
    for place, name in enumerate(names):
        mine = np.array([source.fold == name for source in given.candidates.sources], bool)
        told[film[mine[given.candidates.source[:rows]]], place] = True
        for column, source in enumerate(given.opacity_sources):
            if source.fold == name:
                told[:, place] |= ~np.isnan(given.opacity[:films, column])
    single = told.sum(axis=1) == 1
    return np.where(single, told.argmax(axis=1) if names else -1, -1).astype(np.int32), tuple(names)
