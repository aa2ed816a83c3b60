"""The commands sweep, best, conventions and curves: figures of evaluate, as text, JSON and CSV, with their stamp."""

import csv
import io
import json

import pytest

from core import search as searching
from core.__main__ import main
from core.evaluation import CLASSES
from tests.conftest import ROOT
from tests.reading_set import write_answers, write_set


@pytest.fixture
def run(tmp_path, capsys):
    write_set(tmp_path / "set")
    write_answers(tmp_path / "answers")

    def call(command, *options):
        code = main([command, "--data", str(tmp_path / "set"), "--predictions", str(tmp_path / "answers"), *options])
        return code, *capsys.readouterr()
    return call


def test_a_sweep_holds_what_evaluate_prints(run):
    code, out, _ = run("sweep", "--rows", "iou=.4,.6", "--columns", "views=0:1", "--json")
    found = json.loads(out)
    assert code == 0 and len(found["rows"]) == 4 and found["stamp"]["data set"] == "set"
    direct = json.loads(run("evaluate", "--iou", ".6", "--json")[1])
    cell = next(row for row in found["rows"] if (row["iou"], row["views"]) == (.6, 1))
    assert {name: cell[name] for name in direct} == pytest.approx(direct)
    text = run("sweep", "--rows", "iou=.4,.6", "--columns", "views=0:1")[1]
    assert text.startswith("opacity: iou by views") and f"{direct['opacity']:.4f}" in text


@pytest.mark.parametrize(("options", "sentence"), [
    (("--rows", "size=1"), "an axis is 'size'"), (("--columns", "views=0:7"), "views is 2"),
    (("--figure", "dice"), "figure is 'dice'")])
def test_what_is_wrong_is_one_sentence(run, options, sentence):
    code, out, err = run("sweep", *options)
    assert code == 2 and out == "" and sentence in err and err.count("\n") == 1


def test_conventions_begin_with_the_metric_and_carry_their_stamp(run):
    rows = list(csv.DictReader(io.StringIO(run("conventions", "--csv")[1])))
    direct = json.loads(run("evaluate", "--json")[1])
    assert rows[0]["convention"] == "the metric" and float(rows[0]["opacity"]) == pytest.approx(direct["opacity"])
    assert all(json.loads(row["settings"])["method"] and row["date"] and row["data set"] == "set" for row in rows)


def test_curves_of_every_class(run):
    found = json.loads(run("curves", "--json", "--display", ".3")[1])
    assert [row["class"] for row in found["rows"]] == list(CLASSES) and found["stamp"]["settings"]["display"] == .3
    assert len(found["froc"]["sensitivity"]) == 7 and "sensitivity" in run("curves")[1]


@pytest.mark.parametrize("table, columns, why", [
    ("points", {"class", "confidence", "recall", "precision"}, "the curves themselves"),
    ("froc", {"confidence", "false positives per film", "sensitivity"}, "of the detections"),
    ("reliability", {"class", "from", "to", "predictions", "mean probability", "share", "error"}, "bin by bin"),
    ("patients", {"part", "films", *CLASSES, "mean"}, "with mean and spread")])
def test_every_curve_and_table_can_be_had_with_its_stamp(run, table, columns, why):
    rows = list(csv.DictReader(io.StringIO(run("curves", "--csv", "--table", table)[1])))
    assert set(rows[0]) == columns | {"data set", "date", "settings", "weights"}, why
    found = json.loads(run("curves", "--json", "--table", table)[1])
    assert len(found["rows"]) == len(rows) and found["stamp"]["settings"]["method"]


def test_the_bootstrap_compares_two_settings_on_the_same_patients(run):
    same = json.loads(run("bootstrap", "--json")[1])["rows"]
    assert [row["figure"] for row in same] == [*CLASSES, "mean"]
    assert all(row["change"] in (0, None) and not row["more than chance"] for row in same)
    found = json.loads(run("bootstrap", "--method", "nms", "--against", "method=wbf", "iou=.9", "--json")[1])
    direct = [json.loads(run("evaluate", *given, "--json")[1]) for given in
              (("--method", "nms"), ("--method", "wbf", "--iou", ".9"))]
    row = found["rows"][0]
    assert (row["value"], row["other"]) == pytest.approx((direct[0]["opacity"], direct[1]["opacity"]))
    assert found["stamp"]["settings"]["against"]["fusion"]["iou"] == .9
    assert "95 % of draws" in run("bootstrap")[1]


def narrowed(monkeypatch):
    for name in ("IOUS", "SKIPS", "SIGMAS", "EXPONENTS", "NONE_STUDY", "NONE_BOXES"):
        monkeypatch.setattr(searching, name, getattr(searching, name)[:1])


def test_best_says_which_patients_chose(monkeypatch, capsys):
    narrowed(monkeypatch)
    sample = ROOT / "assets" / "sample"
    given = ["--data", str(sample), "--predictions", str(sample / "predictions")]
    assert main(["best", *given, "--json"]) == 0
    found = json.loads(capsys.readouterr()[0])
    assert "parts" in found["how"] and len(found["rows"]) > 1 and found["stamp"]["weights"]
    assert found["honest"] == pytest.approx(sum(row["mean"] for row in found["rows"]) / len(found["rows"]))
    assert main(["best", *given]) == 0 and "honest mean" in capsys.readouterr()[0]


def test_best_needs_patients_enough(run, monkeypatch):
    narrowed(monkeypatch)
    code, out, err = run("best")
    assert code == 2 and out == "" and "1 part of the patients holds films" in err
