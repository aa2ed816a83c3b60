"""Patient folds: every film of a patient lies in one fold, and folds are alike in their study classes.

A fold is decided by the patients, the classes and the seed alone, so that anyone with the data can name again the
films that a set of weights never saw.
"""

import warnings

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
