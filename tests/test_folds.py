"""Folds keep patients apart and classes even, whatever the order of the rows."""

import numpy as np
import pytest

from core.errors import BadSettings
from train.__main__ import main
from train.folds import class_shares, leaks, patient_folds


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


def test_leaks_are_counted_level_by_level():
    """Four films: a and b are a study, c another of the same patient, d of another patient; a has two boxes."""
    images, studies, patients = "abcd", ("s", "s", "t", "u"), ("P", "P", "P", "Q")
    columns = [np.array(list(each)) for each in (images, studies, patients)]
    found = leaks(np.array([0, 0, 1, 1]), *columns, np.array([2, 1, 0, 1]), folds=2)
    assert [(leak.unit, leak.images, leak.studies, leak.patients) for leak in found[:1]] == [("patient", 0, 0, 1)]
    by = {leak.unit: leak for leak in found}
    assert by["study"].studies == by["study"].images == by["image"].images == 0


def test_other_splits_leak_what_patient_folds_do_not(rows):
    patients, strata = rows
    films = np.arange(len(patients))
    found = {leak.unit: leak for leak in leaks(patient_folds(patients, strata), films, films // 2, patients,
                                               np.full(len(films), 2))}
    assert (found["patient"].images, found["patient"].patients) == (0, 0)
    assert found["study"].patients > 100 and found["image"].studies > 100 and found["box row"].images > 500


def test_shares_are_of_each_fold():
    assert class_shares(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist() == [[0.5, 0.5], [0, 1]]


def test_a_command_proves_the_folds(phantoms, capsys):
    assert main(["folds", "--data", str(phantoms), "--folds", "3", "--prove"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(int(line.split()[1]) for line in lines[1:4]) == 24
    assert lines[5].split() == ["patient", "0", "0", "0"]
    assert main(["folds", "--data", str(phantoms)]) == 2
