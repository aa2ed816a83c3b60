"""Runs beside each other: what differs, and whether patients explain it."""

import pytest

from core.errors import BadSettings
from train.__main__ import main
from train.compare import differences, read_run, table
from train.settings import TrainSettings
from train.training import train

SMALL = {"architecture": "mobilenetv3_small_050", "size": 32, "batch": 8, "folds": 3, "fold": "1", "pretrained": "none"}


@pytest.fixture(scope="module")
def runs(phantoms, tmp_path_factory):
    """Three runs: of the study classes, of the same at another rate, and of opacity on another fold."""
    root = tmp_path_factory.mktemp("runs")
    for name, given in (("first", {"task": "study", "lr": 1e-3}), ("second", {"task": "study", "lr": 1e-2}),
                        ("third", {"task": "opacity", "lr": 1e-3}), ("fourth", {"task": "study", "fold": "2"})):
        train(TrainSettings(**{**SMALL, "epochs": 1, **given}), phantoms, [], root / name, device="cpu", views=1,
              recipe="004")
    return [read_run(root / name) for name in ("first", "second", "third", "fourth")]


def test_the_table_names_what_differs_and_what_came_of_it(runs):
    head, first, second = table(runs[:2])
    assert head.split()[:3] == ["run", "recipe", "lr"] and "architecture" not in head and "study" in head.split()
    assert first.split()[:3] == ["first", "004", "0.001"] and f"{runs[1].last['study']:.4f}" in second


def test_differences_come_with_what_patients_explain(runs):
    lines = list(differences(runs[:2], resamples=50))
    assert lines[0].startswith("second less first") and len(lines) == 5
    assert all("patients explain" in line for line in lines[1:])


def test_runs_that_cannot_be_compared_say_why(runs):
    told = list(differences([runs[0], *runs[2:]], resamples=5))
    assert told == ["third: answers other classes than first", "fourth: held out other patients than first"]


def test_a_run_does_not_differ_from_itself(runs, capsys):
    assert main(["compare", str(runs[0].path), str(runs[0].path), "--resamples", "20"]) == 0
    assert capsys.readouterr().out.count("+0.0000  [+0.0000, +0.0000]  within") == 4


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(BadSettings, match="holds no run"):
        read_run(tmp_path)
