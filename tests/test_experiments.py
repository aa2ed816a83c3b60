"""Runs found on disk, and the pages that show them and the data, without a browser."""

import json
import os
import time

import pytest
from streamlit.testing.v1 import AppTest

from core.runs import FINISHED, RUNNING, SILENT, STOPPED, differing, figures, find_runs
from tests.conftest import ROOT
from tests.reading_set import write_answers, write_labels, write_set


def write_run(folder, epochs, *, of=3, predictions=False, **settings):
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps({
        "settings": {"task": "study", "epochs": of, "lr": 1e-3, **settings}, "inputs": {"data": "set"}, "recipe": "004",
        "commit": "abc"}))
    lines = [f"{n},0.001,{2 / n},{1.5 / n},{n / 10},{n / 8}" for n in range(1, epochs + 1)]
    (folder / "metrics.csv").write_text("\n".join(["epoch,lr,train_loss,loss,study,train_study", *lines]) + "\n")
    (folder / "log").write_text("one\n<b>two</b>\n")
    if predictions:
        write_answers(folder / "predictions")


@pytest.fixture
def place(tmp_path, monkeypatch):
    write_set(tmp_path / "set")
    write_labels(tmp_path / "set")
    write_answers(tmp_path / "answers")
    for name in ("set", "answers", "runs"):
        monkeypatch.setenv({"set": "GROUNDGLASS_DATA", "answers": "GROUNDGLASS_PREDICTIONS",
                            "runs": "GROUNDGLASS_RUNS"}[name], str(tmp_path / name))
    return tmp_path


def shown(script):
    """The page whose view is the module `script` of viewer.views."""
    test = AppTest.from_string(f"from viewer.views import {script}\n{script}.page()\n", default_timeout=120)
    return run(test)


def run(test):
    test.run()
    assert not test.exception, test.exception[0].stack_trace
    return test


def html(test):
    return " ".join(each.proto.body for each in test.get("html"))


def test_runs_are_found_whatever_state_they_are_in(tmp_path):
    write_run(tmp_path / "done", 3, predictions=True)
    write_run(tmp_path / "deep" / "fold-0" / "013", 1, lr=1e-4)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "settings.json").write_text("{")
    runs, problems = find_runs(tmp_path)
    by = {each.name: each for each in runs}
    assert set(by) == {"done", "deep/fold-0/013"} and "broken" in problems[0] and len(problems) == 1
    assert by["done"].state == FINISHED and by["deep/fold-0/013"].state == RUNNING
    assert find_runs(tmp_path, now=time.time() + SILENT + 9)[0][0].state in (STOPPED, FINISHED)
    assert {each.state for each in find_runs(tmp_path, now=time.time() + SILENT + 9)[0]} == {FINISHED, STOPPED}
    assert by["done"].last["study"] == 0.3 and by["deep/fold-0/013"].predictions is None
    assert differing(runs) == ["lr"] and figures(runs) == ["loss", "study"]


def test_the_youngest_run_comes_first(tmp_path):
    for age, name in enumerate(("new", "old")):
        write_run(tmp_path / name, 1)
        os.utime(tmp_path / name / "settings.json", (1e9 - age, 1e9 - age))
    assert [each.name for each in find_runs(tmp_path)[0]] == ["new", "old"]


def test_without_runs_the_page_says_how_to_make_one(place):
    assert "train one" in html(shown("experiments"))


def test_runs_stand_beside_each_other_with_differences(place):
    write_run(place / "runs" / "first", 3)
    write_run(place / "runs" / "second", 2, lr=1e-2)
    test = shown("experiments")
    table = test.dataframe[0].value
    assert set(table["run"]) == {"first", "second"} and set(table["lr"]) == {"0.001", "0.01"}
    other = table[table["Δ study"] != ""].iloc[0]
    assert other["Δ study"] in ("-0.1000", "+0.1000") and set(table["state"]) == {"finished", "running"}
    assert "&lt;b&gt;two" in html(test) and len(test.get("plotly_chart")) == 2
    bundled = test.dataframe[len(test.dataframe) - 1].value
    assert "joint-lite1-f0" in set(bundled["weights"])


def test_a_runs_predictions_are_put_on_show_and_taken_back(place):
    write_run(place / "runs" / "first", 3, predictions=True)
    test = shown("experiments")
    next(each for each in test.button if each.label == "Put its predictions on show").click()
    run(test)
    wanted = str(place / "runs" / "first" / "predictions")
    assert wanted in html(test)
    from viewer import state

    assert test.session_state[state.RUN] == wanted
    next(each for each in test.button if each.label.startswith("Back to")).click()
    assert test.run().session_state[state.RUN] is None and wanted not in html(test)


def test_the_data_page_counts_the_open_set(place):
    test = shown("exploration")
    assert "labelled films" in html(test) and len(test.get("plotly_chart")) == 8


def test_the_data_page_says_that_there_is_nothing_to_count(place):
    for name in ("train_image_level.csv", "train_study_level.csv"):
        (place / "set" / name).unlink(missing_ok=True)
    assert "has no labels" in html(shown("exploration"))


def test_pages_are_in_the_table_of_contents():
    text = (ROOT / "viewer" / "contents.py").read_text()
    assert "experiments.page" in text and "exploration.page" in text
