"""Blinded first reads: how they are judged, counted beside the model, and that a hidden film gives nothing away."""

import json
import re

import pytest

from core.cases import arrange
from core.errors import BadSettings
from core.first_reads import FirstRead, judged, records, tally
from tests import reading_set
from tests.test_failures import FOUND, a_dataset, concluded, some_predictions
from tests.test_viewer import Page, folder  # noqa: F401  (a fixture)
from viewer.views import first_read

NEAR, FAR = (0, 0, 100, 80), (300, 300, 400, 400)


@pytest.fixture
def given():
    return arrange(a_dataset(), some_predictions())


def read(image_id, boxes=(), study_class="typical", seconds=10.0):
    return FirstRead(image_id, tuple(boxes), study_class, seconds, "", "2026-01-01T00:00:00+00:00")


def test_boxes_hit_as_detections_do_and_a_second_one_on_the_same_box_does_not(given):
    verdict = judged(given, 0, read("a", [NEAR, FOUND, FAR]))
    assert verdict.hits == (True, False, False) and verdict.iou == pytest.approx((.8, 1, 0))
    assert verdict.missed == 1 and verdict.right is True
    assert judged(given, 2, read("c")).right is False, "study N is negative"


def test_a_film_without_label_has_no_verdict(given):
    verdict = judged(given, 3, read("u", [NEAR]))
    assert (verdict.hits, verdict.iou, verdict.missed, verdict.right) == (None, None, None, None)


def test_reader_and_model_are_counted_on_the_same_films(given):
    _, _, failures = concluded(given, .5)
    reads = [read("a", [NEAR, FAR]), read("c", [], "negative", 30.0), read("u", [NEAR]), read("stranger"),
             read("d", [FAR])]  # u has no label, d was not predicted
    found = tally(given, reads, failures)
    assert (found.films, found.boxes, found.seconds) == (2, 2, 20)
    assert (found.reader.sensitivity, found.reader.false_positives, found.reader.right) == (.5, .5, 1)
    assert (found.model.sensitivity, found.model.false_positives, found.model.right) == (.5, 1, .5)


def test_without_reads_there_is_nothing_to_count(given):
    found = tally(given, [], concluded(given, .5)[2])
    assert (found.films, found.boxes, found.seconds) == (0, 0, None)
    assert found.reader == found.model and found.reader.sensitivity is None


def test_reads_are_handed_on_with_their_verdicts(given):
    rows = records(given, [read("a", [NEAR, FAR]), read("u", [NEAR]), read("stranger")])
    assert [(row["film"], row["hits"], row["false positives"], row["missed"], row["labelled"]) for row in rows] == [
        ("a", 1, 1, 1, "typical"), ("u", None, None, None, None)]
    assert json.loads(rows[0]["boxes"]) == [list(NEAR), list(FAR)]


@pytest.mark.parametrize("wrong", [{"study_class": ""}, {"seconds": float("nan")}, {"seconds": -1.0},
                                   {"boxes": [(0, 0, 1, 1)] * 101}])
def test_what_is_no_answer_is_refused(wrong):
    with pytest.raises(BadSettings, match="must be|at most"):
        read("a", **wrong)


def sent(page):
    """All that a page sends to the browser, as text; but for the numbers that downloads are given by chance."""
    return [re.sub(r'deferred_file_id: "\w+"', "", str(each.proto)) for each in page.test._tree.main
            if hasattr(each, "proto")]


def test_a_hidden_film_sends_the_same_whatever_truth_and_predictions_are(folder):  # noqa: F811
    """Two data sets of the same films with other labels and other predictions: not a byte may differ."""
    page = Page(blind="true", film="one")
    before = sent(page)
    assert page.canvas["layers"] == [] and page.canvas["caption"] == ["one"]
    images, studies = (folder / "set" / f"train_{level}_level.csv" for level in ("image", "study"))
    images.write_text("\n".join(line if number == 0 else f'{line.split(",")[0]},,none 1 0 0 1 1,{line.split(",")[-1]}'
                                for number, line in enumerate(images.read_text().splitlines())) + "\n")
    studies.write_text(studies.read_text().replace("A_study,0,1,0,0", "A_study,0,0,1,0"))
    reading_set.write_answers(folder / "answers", ("two", "extra"))
    again = Page(blind="true", film="one")
    assert sent(again) == before
    assert sent(Page(film="one")) != before, "what is not hidden differs"


def test_a_read_is_taken_with_boxes_or_none_and_a_class_and_then_all_is_shown(folder):  # noqa: F811
    page = Page(blind="true", film="one")
    assert page.canvas["drawing"] == {"film": "one", "boxes": [], "words": [], "fixed": False, "purpose": ""}
    reveal = next(each for each in page.test.button if each.label == "Reveal")
    assert reveal.disabled
    page.test.session_state[first_read.DRAWN] = {(str(folder / "set"), "one"): ((10, 10, 50, 45), (0, 0, 5, 5))}
    page.test.pills(key="first class one").set_value("typical")
    page.run().press("Reveal")
    assert page.marks("truth") == [("", None), ("FN", None)]
    assert page.canvas["drawing"]["fixed"] and page.canvas["drawing"]["words"] == [
        "yours: hit, IoU 0.88", "yours: no hit, IoU 0.00"]
    told = page.html("Your FROC point")
    assert "<td>0.50</td>" in told and "hits" in page.html("Your read of this film")
    page.press("Next")
    assert page.film != "one" and page.canvas["layers"] == []


def test_filters_and_orders_that_tell_of_films_are_not_heeded_while_blinded(folder):  # noqa: F811
    page = Page(blind="true", kind="background", order="trouble", **{"class": "typical"})
    assert page.listed["film"].tolist() == sorted(page.listed["film"]) and len(page.listed) == 6
    assert set(page.listed.columns) == {"film", "read", "study"}
    assert page.html('class="bars') == "" and not page.sliders
