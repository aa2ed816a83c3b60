"""The labels as readers corrected them, on cases that are worked by hand, and the commands about verdicts."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from core.__main__ import main
from core.corrected import ADDED, FILM, REMOVED, REPLACED, STUDY, beside, corrected
from core.labels import GroundTruth
from core.reviews import Review
from core.reviews_store import ReviewStore
from core.reviews_told import COLUMNS, as_csv, told_of_films
from core.scoring import Answer
from core.tables import read_table
from tests.reading_set import FOUND, MISSED, write_answers, write_set

A, B, C = (0, 0, 10, 10), (20, 20, 40, 40), (50, 50, 60, 60)
NEAR_B = (21, 20, 40, 40)  # IoU .95 with B
LOOSE_A = (0, 0, 10, 16)  # IoU .625 with A
NMS = {"settings": {"method": "nms"}, "weights": {}}


@pytest.fixture
def truth():
    """Films one (A, B) and two (none) of studies s (typical) and t (negative)."""
    return GroundTruth(("one", "two"), ("s", "t"), [0, 1], np.array([A, B]), np.array([0, 2, 2]), np.array([1, 0]))


def box(verdict, xyxy, film="one", side="detection", **more):
    return Review("ann", "set", "box", film, verdict, side=side, box=xyxy, stamp=NMS, **more)


def level(kind, target, verdict="agree with model", **more):
    return Review("ann", "set", kind, target, verdict, **more)


@pytest.mark.parametrize(("said", "one", "two", "what"), [
    ([box("truth missing", C)], [A, B, C], [], ADDED),
    ([box("truth missing", C, film="two")], [A, B], [C], ADDED),
    ([box("truth missing", C, instead=[B, C])], [A, B, C], [], ADDED),  # the reader's boxes, B is there already
    ([box("truth missing", NEAR_B)], [A, B], [], None),
    ([box("truth missing", C, side="reader")], [A, B, C], [], ADDED),  # drawn where nothing is
    ([box("truth missing", C, film="two", side="reader", instead=[B])], [A, B], [B], ADDED),  # drawn anew since
    ([box("truth missing", NEAR_B, side="reader")], [A, B], [], None),
    ([box("false", C, side="reader")], [A, B], [], None),
    ([box("truth too tight or loose", LOOSE_A, side="reader")], [A, B], [], None),  # a drawn box replaces none
    ([box("truth missing", C, side="reader"), box("truth missing", (50, 50, 60, 61), side="reader")], [A, B, C], [],
     ADDED),  # two readers drew the same
    ([box("truth missing", A, side="truth")], [A, B], [], None),
    ([box("truth too tight or loose", LOOSE_A)], [LOOSE_A, B], [], REPLACED),
    ([box("truth too tight or loose", LOOSE_A, instead=[C])], [C, B], [], REPLACED),
    ([box("truth too tight or loose", C)], [A, B], [], None),  # overlaps nothing
    ([box("truth too tight or loose", B, side="truth")], [A, B], [], None),
    ([box("truth too tight or loose", B, side="truth", instead=[NEAR_B])], [A, NEAR_B], [], REPLACED),
    ([box("false", A, side="truth")], [B], [], REMOVED),
    ([box("heart", B, side="truth")], [A], [], REMOVED),
    ([box("false", A, film="two", side="truth")], [A, B], [], None),
    ([box("false", LOOSE_A)], [A, B], [], None),  # a detection that is false changes no label
    ([box("true finding", C), box("other", A, side="truth")], [A, B], [], None),
    ([level("film", "one", instead=[C])], [C], [], FILM),
    ([level("film", "one", instead=[])], [], [], FILM),
    ([level("film", "one")], [A, B], [], None),  # nobody knows what the model said
    ([level("film", "one", "agree with truth", instead=[C])], [A, B], [], None),
    ([box("false", C), level("film", "one", instead=[C, B])], [B], [], FILM),  # boxes are gone through after films
    ([box("truth missing", C), box("truth missing", (50, 50, 60, 61))], [A, B, C], [], ADDED),
    ([box("truth missing", (5, 5, 5, 9))], [A, B], [], None),  # no area, which nothing can match
    ([box("truth missing", C, film="unknown")], [A, B], [], None),
])
def test_each_verdict_corrects_the_boxes_as_is_written(truth, said, one, two, what):
    found = corrected(truth, [replace(each, number=number) for number, each in enumerate(said, start=1)])
    assert found.truth.boxes_of(0).tolist() == [list(map(float, each)) for each in one]
    assert found.truth.boxes_of(1).tolist() == [list(map(float, each)) for each in two]
    assert [each for each, _ in found.changes][:1] == ([what] if what else [])
    assert found.truth.study_class.tolist() == [1, 0] and truth.boxes.tolist() == [list(A), list(B)]


def test_a_study_gets_the_class_of_the_model(truth):
    said = [level("study", "s", instead="atypical"), level("study", "t"), level("study", "t", "agree with truth"),
            level("study", "elsewhere", instead="typical")]
    found = corrected(truth, said)
    assert found.truth.study_class.tolist() == [3, 0] and found.changes == ((STUDY, "s"),)


def test_the_score_beside_the_corrected_one(truth):
    """One detection A (.9), one C (.8), one on film two (.7); two boxes: AP of opacity is 1/2 as given.

    With C added, two of three boxes are found by the first two detections: 2/3. With `two` boxed as the model shows,
    three of four by three: 3/4, and no film is `none` any more, so that its AP is absent.
    """
    answer = Answer(("one", "two"), ("s", "t"), np.array([A, C, B], np.float32), np.array([.9, .8, .7]),
                    np.array([0, 2, 3]), np.array([.1, .9]), np.array([[.1, .7, .1, .1], [.2, .6, .1, .1]]))
    nothing = beside(truth, answer, ())
    assert nothing.corrected is nothing.given and nothing.given.aps["opacity"] == 1 / 2
    assert nothing.given.aps["typical"] == 1 and nothing.given.aps["none"] == 1
    one = beside(truth, answer, [box("truth missing", C)])
    assert one.corrected.aps["opacity"] == pytest.approx(2 / 3) and one.given.aps == nothing.given.aps
    both = beside(truth, answer, [box("truth missing", C), level("film", "two", instead=[B]),
                                  level("study", "t", instead="typical")])
    assert both.corrected.aps["opacity"] == pytest.approx(3 / 4) and both.corrected.aps["none"] is None
    assert both.corrected.aps["typical"] == 1 and both.corrected.aps["negative"] is None
    assert both.summary()["changes"] == {FILM: 1, STUDY: 1, ADDED: 1}
    assert both.summary()["ids"] == ["two", "t", "one"]


@pytest.fixture
def opened(tmp_path):
    """The reading set, its predictions, and a place with three verdicts."""
    data, answers = write_set(tmp_path / "set"), write_answers(tmp_path / "answers")
    place = tmp_path / "reviews.sqlite"
    store = ReviewStore(place)
    store.save(box("false", MISSED, side="truth", note="=HYPERLINK(1)\nsecond"))
    store.save(Review("=bob", "set", "study", "B", "agree with model", instead="typical"))
    store.undo(store.save(box("heart", FOUND)))
    store.save(Review("bob", "another set", "film", "one", "agree with truth"))
    return data, answers, place


def test_the_command_reviews_counts_and_exports(opened, tmp_path, capsys):
    data, _, place = opened
    assert main(["reviews", "--reviews", str(place), "--data", str(data), "--csv", str(tmp_path / "r.csv"), "--json",
                 str(tmp_path / "r.json")]) == 0
    said = capsys.readouterr().out
    assert "box    false                          1" in said and "2 verdicts and notes of 2 readers" in said
    rows = list(csv.DictReader(io.StringIO((tmp_path / "r.csv").read_text("utf-8"))))
    assert list(rows[0]) == list(COLUMNS) and [row["stands"] for row in rows] == ["True", "True", "False", "False"]
    assert rows[0]["note"] == "'=HYPERLINK(1)\nsecond" and rows[1]["reader"] == "'=bob" and rows[3]["undoes"] == "3"
    assert rows[1]["instead"] == '"typical"' or rows[1]["instead"] == "typical"
    told = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert told["counts"]["box"]["false"] == 1 and told["reviews"][0]["note"] == "=HYPERLINK(1)\nsecond"
    assert told["reviews"][0]["x_min"] == 60 and told["reviews"][0]["settings"] == {"method": "nms"}
    assert main(["reviews", "--reviews", str(place), "--data", str(data), "--reader", "ann"]) == 0
    assert "1 verdicts and notes of 1 readers" in capsys.readouterr().out


def test_the_command_corrected_gives_both_scores(opened, capsys):
    """Of two boxes one is found by the most confident detection but one: removing the other doubles its AP."""
    data, answers, place = opened
    common = ["corrected", "--data", str(data), "--predictions", str(answers), "--reviews", str(place)]
    assert main([*common, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["corrected"]["opacity"] == pytest.approx(2 * told["given"]["opacity"])
    assert told["changes"] == {REMOVED: 1, STUDY: 1} and told["stamp"]["data set"] == "set"
    assert told["given"]["negative"] is not None and told["corrected"]["negative"] is None
    assert main(common) == 0
    printed = capsys.readouterr().out
    assert f"{told['corrected']['opacity']:.5f}" in printed and "box removed 1" in printed


def test_a_report_holds_what_readers_said(opened, tmp_path, capsys):
    data, answers, place = opened
    (tmp_path / "ids").write_text("one\n")
    assert main(["report", "--data", str(data), "--predictions", str(answers), "--reviews", str(place), "--ids",
                 str(tmp_path / "ids"), "--out", str(tmp_path / "r.html")]) == 0
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "truth at x 60 to 90, y 60 to 90: false, =HYPERLINK(1)" in page


def test_sentences_name_the_film_its_boxes_and_its_study():
    class Film:
        image_id, study_id = "one", "s"

    said = [replace(each, number=number) for number, each in enumerate(
        [level("study", "s"), box("device", A), level("film", "two")])]
    [(image_id, sentences)] = told_of_films(said, [Film]).items()
    assert image_id == "one" and sentences[0].endswith("study: agree with model: the model is right")
    assert sentences[1].endswith("detection at x 0 to 10, y 0 to 10: device")
    drawn = box("truth missing", A, side="reader", instead=[B], note="faint")
    assert told_of_films([replace(drawn, number=1)], [Film])["one"][0].endswith(
        "box drawn at x 0 to 10, y 0 to 10: truth missing, should be at x 20 to 40, y 20 to 40, faint")


def test_the_csv_is_a_table_that_the_project_reads(tmp_path):
    (tmp_path / "r.csv").write_text(as_csv([replace(box("false", A), number=1)]), "utf-8")
    assert read_table(tmp_path / "r.csv", ("verdict", "x_max")).cells == {"verdict": ["false"], "x_max": ["10.0"]}


@pytest.mark.parametrize("place", ["postgresql://ann:word@127.0.0.1:1/none", "/proc/none/reviews.sqlite"])
def test_a_place_that_cannot_be_read_is_one_sentence(place, tmp_path, capsys):
    data = write_set(tmp_path / "set")
    code = main(["reviews", "--reviews", place, "--data", str(data)])
    said = capsys.readouterr()
    assert code == 2 and said.err.count("\n") == 1 and "word" not in said.err


def test_before_the_first_verdict_there_are_none(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GROUNDGLASS_REVIEWS", str(tmp_path / "reviews.sqlite"))
    assert main(["reviews", "--data", str(write_set(tmp_path / "set"))]) == 0
    assert "0 verdicts" in capsys.readouterr().out and not (tmp_path / "reviews.sqlite").exists()
