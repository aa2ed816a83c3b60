"""Folds keep patients apart and classes even, whatever the order of the rows."""

import numpy as np
import pytest

from core.errors import BadSettings
from train.folds import patient_folds


@pytest.fixture
def rows():
    rng = np.random.default_rng(5)
    patients = np.array([f"p{n:03d}" for n in rng.integers(0, 300, 900)])
    return patients, rng.choice(4, 900, p=[0.28, 0.47, 0.17, 0.08])


def test_no_patient_lies_in_two_folds(rows):
    patients, strata = rows
    fold = patient_folds(patients, strata)
    assert all(len(set(fold[patients == patient])) == 1 for patient in set(patients))
    assert set(fold) == {0, 1, 2, 3, 4}


def test_classes_are_spread_evenly(rows):
    patients, strata = rows
    fold = patient_folds(patients, strata)
    shares = np.array([[np.mean(strata[fold == number] == value) for value in range(4)] for number in range(5)])
    assert np.abs(shares - shares.mean(axis=0)).max() < 0.05


def test_the_order_of_rows_does_not_matter(rows):
    patients, strata = rows
    fold = patient_folds(patients, strata)
    order = np.random.default_rng(1).permutation(len(patients))
    assert np.array_equal(patient_folds(patients[order], strata[order]), fold[order])


def test_more_folds_than_patients_are_refused():
    with pytest.raises(BadSettings, match="folds is 5"):
        patient_folds(np.array(["a", "a", "b"]), np.zeros(3, int))
