"""The benchmarks run, at a small size, and print what they promise; no time is asserted."""

import json

import pytest

from benchmarks.__main__ import NAMES, main

SMALL = {"fusion": ["--films", "64", "--rounds", "1", "--peer-films", "3"]}


@pytest.mark.parametrize("name", NAMES)
def test_json_is_the_only_thing_on_standard_output(name, capsys):
    assert main([name, *SMALL[name], "--json"]) == 0
    assert isinstance(json.loads(capsys.readouterr().out), dict)


def test_fusion_measures_the_same_work_as_its_peer(capsys):
    assert main(["fusion", *SMALL["fusion"], "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    whole, peer = figures["whole set, 8 sources, wbf"], figures["ensemble_boxes, the same"]
    assert whole["candidates"] == 64 * 8 * 100 and 0 < whole["detections"] < whole["candidates"]
    assert peer["films timed"] == peer["films equal to 1e-6"] == 3
    assert figures["one fold, 3 sources, wbf"]["candidates"] == 1267 * 3 * 100
    assert list(figures["seconds by films"]) == ["8", "16", "32", "64"]


def test_text_names_every_figure(capsys):
    assert main(["fusion", *SMALL["fusion"]]) == 0
    printed = capsys.readouterr().out
    assert "times faster" in printed and "MiB above the arrays" in printed


def test_an_unknown_benchmark_is_refused():
    with pytest.raises(SystemExit) as refused:
        main(["nothing"])
    assert refused.value.code == 2
