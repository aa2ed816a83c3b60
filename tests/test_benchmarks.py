"""The benchmarks run, at a small size, and print what they promise; no time is asserted."""

import contextlib
import io
import json
import shutil

import pytest

from benchmarks.__main__ import NAMES, main
from benchmarks.sliders import updates
from tests.conftest import ROOT

SMALL = {"familiarity": ["--films", "4"],
         "fusion": ["--films", "64", "--rounds", "1", "--peer-films", "3"],
         "inference": ["--films", "3", "--views", "1", "--parts", "2", "--weights",
                       str(ROOT / "assets/weights/opacity-lite0-f0.safetensors")],
         "tuning": ["--films", "12", "--whole", "12"],
         "sliders": ["--seconds", "0.5", "--releases", "1"],
         "load": ["--readers", "2", "--seconds", "1", "--pause", "0.1", "--after", "0"],
         "viewer": ["--rounds", "1", "--page", "1", "--large", "0", "--no-peers"],
         "training": ["--architecture", "mobilenetv3_small_050", "--size", "64", "--batch", "4", "--steps", "2",
                      "--turns", "1"]}


@pytest.fixture(scope="module")
def fusion_told():
    """What `python -m benchmarks fusion --json` prints, read."""
    sink = io.StringIO()
    with contextlib.redirect_stdout(sink):
        assert main(["fusion", *SMALL["fusion"], "--json"]) == 0
    return json.loads(sink.getvalue())


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"fusion"}))
def test_json_is_the_only_thing_on_standard_output(name, capsys):
    if name in ("sliders", "viewer") and not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    assert main([name, *SMALL[name], "--json"]) == 0
    assert isinstance(json.loads(capsys.readouterr().out), dict)


def test_fusion_measures_the_same_work_as_its_peer(fusion_told):
    figures = fusion_told
    whole, peer = figures["whole set, 8 sources, wbf"], figures["ensemble_boxes, the same"]
    assert whole["candidates"] == 64 * 8 * 100 and 0 < whole["detections"] < whole["candidates"]
    assert peer["films timed"] == peer["films equal to 1e-6"] == 3
    assert figures["one fold, 3 sources, wbf"]["candidates"] == 1267 * 3 * 100
    assert list(figures["seconds by films"]) == ["8", "16", "32", "64"]


def test_text_names_every_figure(fusion_told, capsys, monkeypatch):
    monkeypatch.setattr("benchmarks.fusion.run", lambda _: fusion_told)
    assert main(["fusion"]) == 0
    printed = capsys.readouterr().out
    assert "times faster" in printed and "MiB above the arrays" in printed


def test_inference_gives_the_answers_of_its_peer(capsys):
    assert main(["inference", *SMALL["inference"], "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["films"] == 3 and figures["runtime"] == "onnx"
    assert 0 < figures["largest difference of a probability"] < 1e-3 and figures["difference of the mAP"] < 0.002
    ratio = figures["plain eager fp32, ms a film"] / figures["product, ms a film"]
    assert figures["times faster"] == pytest.approx(ratio)


def test_training_measures_the_same_step_with_and_without_its_input(capsys):
    assert main(["training", *SMALL["training"], "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    ratio = figures["real training, steps/s"] / figures["fixed batch, steps/s"]
    assert figures["films a step"] == 4 and figures["real to fixed"] == pytest.approx(ratio)


def test_an_unknown_benchmark_is_refused():
    with pytest.raises(SystemExit) as refused:
        main(["nothing"])
    assert refused.value.code == 2


@pytest.mark.parametrize(("times", "count"), [([], 0), ([7], 1), ([0, 30, 60, 90, 120], 3), ([0, 20, 100, 120], 2)])
def test_what_shows_within_50_ms_is_one_update(times, count):
    """A table and a film that change in turn are neither counted twice nor taken for one that never ends."""
    assert updates(times) == count
