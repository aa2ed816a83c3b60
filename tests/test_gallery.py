"""Tests of the galleries and of the zones that boxes lie in."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.cases import arrange
from core.costs import costs
from core.dataset import open_dataset
from core.errors import BadSettings
from core.failures import findings
from core.fusion import FusionSettings
from core.gallery import ORDERS, SETS, chosen, gallery, records, surroundings, within
from core.judgement import judge_cases
from core.levels import ScoreSettings
from core.predictions import read_predictions
from core.verdicts import rate
from core.zones import CELLS, ZONES, middles, spread, zone_counts, zone_of

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "assets" / "sample"


@pytest.fixture(scope="module")
def seen():
    cases = arrange(open_dataset(SAMPLE), read_predictions(SAMPLE / "predictions"))
    judged = judge_cases(cases, FusionSettings(), ScoreSettings(), 0.25)
    cost = costs(rate(cases, judged.answer, judged.matches)).of_cases(cases)
    return judged, gallery(judged, cost)


def test_the_galleries_hold_what_the_films_say_one_by_one(seen):
    judged, found = seen
    expected = {name: [] for name in SETS}
    for film in range(judged.cases.films):
        for each in findings(judged.cases, judged.answer, judged.matches, film, 0.25, judged.diagnosis):
            if each.verdict == "FN":
                expected["missed"].append((film, each.row, each.kind))
            if each.verdict == "FP":
                expected["false positives"].append((film, each.row, each.kind))
            if each.kind == "localisation" and not each.truth:
                expected["localisation"].append((film, each.row, each.kind))
    for name, wanted in expected.items():
        told = records(found, chosen(found, name), judged.cases.images)
        ids = [image.image_id for image in judged.cases.images]
        assert sorted((ids.index(each["film"]), each["box"], each["kind"]) for each in told) == sorted(wanted)
    assert expected["missed"] and expected["false positives"] and expected["localisation"]


def test_each_order_sorts_by_what_it_names(seen):
    _, found = seen
    for order, of in {"confidence": found.confidence, "IoU": found.iou, "size": found.size, "cost": found.cost}.items():
        rows = chosen(found, "false positives", order)
        assert len(rows) > 2 and (np.diff(of[rows]) <= 0).all()
    assert (np.diff(found.film[chosen(found, "missed", "film")]) >= 0).all()
    assert set(ORDERS) == {"confidence", "IoU", "size", "cost", "film"}


def test_filters_by_kind_and_zone_keep_just_those(seen):
    _, found = seen
    everything = chosen(found, "false positives")
    parts = [chosen(found, "false positives", zones=(name,)) for name in ZONES]
    assert sorted(np.concatenate(parts)) == sorted(everything)
    kept = records(found, chosen(found, "false positives", kinds=("background",)), seen[0].cases.images)
    assert kept and {each["kind"] for each in kept} == {"background"}


def test_zones_are_told_by_the_middle_of_the_box():
    boxes = [[0, 0, 20, 20], [0, 45, 20, 55], [0, 80, 20, 100], [80, 0, 100, 20], [60, 45, 100, 55], [60, 70, 99, 99]]
    points = middles(boxes, [100] * 6, [100] * 6)
    assert points[1].tolist() == [0.1, 0.5]
    assert zone_of(points).tolist() == [0, 1, 2, 3, 4, 5]
    assert zone_of(middles([[0, 80, 20, 100]], [400], [400])).tolist() == [0]  # in shares of the film


def test_a_zone_counts_truth_misses_and_false_positives():
    zone = np.array([0, 0, 0, 5])
    first, *others, last = zone_counts(zone, np.array([1, 1, 0, 0], bool), np.array([1, 0, 0, 0], bool),
                                       np.array([0, 0, 1, 1], bool))
    assert (first.truth, first.missed, first.false_positives, first.miss_rate) == (2, 1, 1, 0.5)
    assert (last.truth, last.false_positives, last.miss_rate) == (0, 1, None)
    assert not any(each.truth or each.false_positives for each in others)


def test_a_spread_counts_every_point_once_also_on_the_far_edge():
    counts = spread([[0, 0], [1, 1], [0.5, 0]])
    assert counts.sum() == 3 and counts[0, 0] == 1 and counts[-1, -1] == 1 and counts[0, CELLS // 2] == 1


def test_the_zones_of_the_set_add_up_to_its_boxes(seen):
    judged, found = seen
    told = found.zones()
    assert sum(each.truth for each in told) == len(judged.cases.truth.boxes)
    assert sum(each.missed for each in told) == len(chosen(found, "missed"))
    assert sum(each.false_positives for each in told) == len(chosen(found, "false positives"))


def test_the_command_tells_the_same(seen):
    judged, found = seen
    done = subprocess.run([sys.executable, "-m", "core", "gallery", "missed", "--data", SAMPLE, "--predictions",
                           SAMPLE / "predictions", "--order", "size", "--json"], cwd=ROOT, capture_output=True,
                          text=True, check=True)
    told = json.loads(done.stdout)
    rows = chosen(found, "missed", "size")
    assert [each["film"] for each in told["boxes"]] == [judged.cases.images[found.film[row]].image_id for row in rows]
    assert sum(each["truth"] for each in told["zones"]) == len(judged.cases.truth.boxes)
    assert told["stamp"]["settings"]["iou"] == 0.45


@pytest.mark.parametrize("box", [(0, 0, 5, 5), (95, 70, 100, 80), (10, 10, 90, 70), (40, 40, 41, 41)])
def test_a_crop_lies_in_the_film_and_holds_the_box(box):
    left, top, right, bottom = surroundings(box, 100, 80)
    assert 0 <= left < right <= 100 and 0 <= top < bottom <= 80
    assert left <= box[0] and top <= box[1] and right >= box[2] and bottom >= box[3]


def test_a_box_is_told_in_shares_of_a_part_that_it_may_leave():
    assert within((20, 10, 60, 50), (20, 30, 100, 70)) == (0, -0.5, 0.5, 0.5)


@pytest.mark.parametrize("asked", [("hits", "cost"), ("missed", "colour")])
def test_a_gallery_that_there_is_not_is_refused(seen, asked):
    with pytest.raises(BadSettings, match="must be by one of"):
        chosen(seen[1], *asked)
