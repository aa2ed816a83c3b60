"""Patient folds: every film of a patient lies in one fold, and folds are alike in their study classes.

A fold is decided by the patients, the classes and the seed alone, so that anyone with the data can name again the
films that a set of weights never saw.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from core.errors import BadSettings


def patient_folds(patient_ids, strata, *, folds=5, seed=0):
    """Fold of each row, int64 [N] in 0..folds-1, for `patient_ids` [N] (text) and `strata` [N] (int, class of the row).

    Rows are sorted by patient before the draw, so their order does not matter. Raises `BadSettings` when there are
    fewer patients than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    patient_ids, strata = np.asarray(patient_ids), np.asarray(strata)
    patients = len(np.unique(patient_ids))
    if not 2 <= folds <= patients:
        raise BadSettings(f"folds is {folds}, but must be 2 to the number of patients ({patients}): choose another.")
    order = np.lexsort((strata, patient_ids))
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    fold = np.empty(len(patient_ids), np.int64)
    with warnings.catch_warnings():  # a class with fewer rows than folds is spread as far as it goes
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        for number, (_, held) in enumerate(splitter.split(order, strata[order], patient_ids[order])):
            fold[order[held]] = number
    return fold


@dataclass(frozen=True)
class Leak:
    """How many images, studies and patients lie in more than one fold when folds are drawn over `unit`s."""

    unit: str
    images: int
    studies: int
    patients: int


def leaks(fold, images, studies, patients, boxes, *, folds=5, seed=0):
    """What the patient folds `fold` [N] leak, and what folds drawn over studies, images and box rows would have leaked.

    images, studies, patients: ids [N] of each film; boxes [N]: how many box rows it has (a film without one has one
    row, as in tables made by one row per box). A `Leak` each, the patient folds first.
    """
    levels = [np.unique(each, return_inverse=True)[1] for each in (images, studies, patients)]
    row = np.repeat(np.arange(len(fold)), np.maximum(1, boxes))
    rng = np.random.default_rng(seed)
    found = [Leak("patient", *(_in_several(fold, level) for level in levels))]
    for unit, number in (("study", levels[1][row]), ("image", levels[0][row]), ("box row", np.arange(len(row)))):
        drawn = rng.permutation(np.arange(number.max() + 1) % folds)[number]
        found.append(Leak(unit, *(_in_several(drawn, level[row]) for level in levels)))
    return tuple(found)


def _in_several(fold, group):
    """How many groups have rows in more than one fold."""
    pairs = np.unique(np.stack([group, fold], axis=1), axis=0)
    return int((np.bincount(pairs[:, 0]) > 1).sum())


def class_shares(fold, strata, classes):
    """Share of each class among the rows of each fold, float64 [folds,classes]."""
    return np.array([[np.mean(strata[fold == number] == each) for each in range(classes)]
                     for number in range(fold.max() + 1)])
