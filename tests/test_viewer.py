"""The pages without a browser: settings move boxes and scores, problems are sentences, and nothing raises."""

import json
import math
import subprocess
import sys
from html import unescape

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import BadSettings
from core.failures import KINDS
from core.predictions import Source, read_predictions
from core.scoring import answer, score
from tests.conftest import ROOT
from tests.reading_set import write_answers, write_labels, write_set
from viewer import charts, judged, resources, state, tuning
from viewer.canvas.component import CanvasState, Step
from viewer.views import film, layers, selection, settings
from viewer.views.worklist import COLUMNS as LIST_COLUMNS
from viewer.views.worklist import SORTED_BY


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data set in set/ and its predictions in answers/, which the pages are told to open."""
    write_set(tmp_path / "set")
    write_answers(tmp_path / "answers")
    monkeypatch.setenv("GROUNDGLASS_DATA", str(tmp_path / "set"))
    monkeypatch.setenv("GROUNDGLASS_PREDICTIONS", str(tmp_path / "answers"))
    return tmp_path


WBF = {"method": "WBF", "iou": "0.6", "show": "0.3"}  # what the counts below are worked out for, not the defaults


class Page:
    """The reading room, as AppTest runs it, at `address`; without a method it is that of WBF above."""

    def __init__(self, **address):
        address = address if "method" in address else {**WBF, **address}
        self.test = AppTest.from_file(str(ROOT / "viewer" / "contents.py"), default_timeout=120)
        for name, value in address.items():
            self.test.query_params[name] = value
        self.run()

    def run(self):
        self.test.run()
        assert not self.test.exception, self.test.exception[0].stack_trace
        return self

    def slide(self, **values):
        """Set settings as a link does: what a drag of their sliders does is for a browser to show."""
        for key, value in values.items():
            self.test.query_params[key] = str(value)
        return self.run()

    @property
    def sliders(self):
        """Label -> what the slider was given."""
        given = [json.loads(each.proto.json) for each in self.test.get("bidi_component")]
        return {each["label"]: each for each in given if "low" in each}

    def press(self, label):
        next(button for button in self.test.button if button.label == label).click()
        return self.run()

    @property
    def canvas(self):
        given = [json.loads(each.proto.json) for each in self.test.get("bidi_component")]
        return next(each for each in given if "layers" in each)

    def marks(self, kind):
        """(verdict, confidence) of the boxes of one layer on the canvas, None when the layer is not there."""
        layers = {layer["kind"]: layer["marks"] for layer in self.canvas["layers"]}
        return [(mark["verdict"], mark["confidence"]) for mark in layers[kind]] if kind in layers else None

    @property
    def film(self):
        film = self.test.query_params.get("film")
        return film[0] if isinstance(film, list) else film

    def bodies(self):
        """All HTML on the page."""
        return [each.proto.body for each in self.test.get("html")]

    def html(self, part=""):
        return unescape("\n".join(each.value for each in self.test.get("html") if part in each.value))

    @property
    def mean(self):
        return self.html('<tr class="mean">').split('<tr class="mean">')[1].split('class="number">')[1].split("<")[0]

    @property
    def listed(self):
        return self.test.dataframe[0].value if self.test.dataframe else None


def test_the_page_opens_on_the_film_with_most_trouble_and_names_it_in_the_address(folder):
    page = Page()
    assert (page.film, page.canvas["film"]["id"]) == ("one", "one")
    assert page.marks("truth") == [("", None), ("FN", None)]
    assert [verdict for verdict, _ in page.marks("detections")] == ["TP", "FP"]
    assert page.canvas["caption"] == ["one", "study A", "labelled typical", "predicted typical"]


def test_every_page_says_what_it_is_not_for(folder):
    assert "Research use only. Not for diagnosis." in Page().html('class="research"')


def test_the_score_is_that_of_the_evaluate_command(folder):
    truth = write_labels_and_read(folder)
    start = state.Settings()
    expected = score(truth, answer(read_predictions(folder / "answers"), start.fusion, start.score)).evaluation
    page = Page(method=settings.NAMES[start.fusion.method])
    assert page.mean == f"{expected.mean:.3f}"
    assert f'class="number">{expected.aps["opacity"]:.3f}<' in page.html('class="bars aps"')


def write_labels_and_read(folder):
    from core.labels import read_truth

    write_labels(folder / "set")
    return read_truth(folder / "set")


def test_the_display_confidence_hides_boxes_and_leaves_the_score(folder):
    page = Page()
    before = page.mean
    page.slide(show=.6)
    assert [verdict for verdict, _ in page.marks("detections")] == ["TP"] and page.mean == before
    page.slide(show=.9)
    assert page.marks("detections") == [] and page.mean == before
    assert page.marks("truth") == [("FN", None), ("FN", None)]
    assert page.listed.set_index("film").loc["one", ["TP", "FP", "FN"]].tolist() == [0, 0, 2]


@pytest.mark.parametrize("film, key, value, expected", [
    ("two", "skip", 0.45, []),  # its candidates have .4
    ("two", "n", 0.0, [("FP", pytest.approx(.4, abs=1e-3))]),  # the best of its two candidates, and no p(opacity)
    ("two", "n", 2.0, [("FP", pytest.approx(.4 * .3 ** 2, abs=1e-3))]),
    ("one", "iou", 1.0, [("TP", pytest.approx(.9 * .9 ** .3, abs=1e-3))] * 1),
])
def test_thresholds_and_exponent_change_the_boxes(folder, film, key, value, expected):
    page = Page(film=film, show="0.01")
    before = page.marks("detections")
    after = page.slide(**{key: value}).marks("detections")
    assert after != before and after[:len(expected) or None] == expected


def test_the_method_changes_boxes_and_score_and_the_change_is_shown(folder):
    page = Page(method=settings.NAMES[tuning.FUSION.method])
    before = page.marks("detections"), page.mean
    page.test.segmented_control(key="method").set_value("nms")
    page.run().slide(n=0.0)  # then the scores are the sources' own, and the lone .95 stands above all
    assert page.marks("detections") == [("TP", pytest.approx(.9)), ("FP", pytest.approx(.5))]
    assert '0.250</td><td class="change down" title="against the default settings">−0.250</td>' in page.html(" aps")
    page.press("Defaults")
    assert (page.marks("detections"), page.mean) == before and "change down" not in page.html(" aps")


def test_sources_can_be_left_out(folder):
    page = Page()
    page.test.multiselect(key="models").set_value(["right"])
    page.run()
    assert len(page.marks("detections")) == 2
    assert page.marks("detections")[0][1] == pytest.approx(.9 * .9 ** .3, abs=1e-3)  # one source, its own score


def test_sources_that_leave_nothing_are_refused_in_one_sentence_and_nothing_stale_stays(folder):
    page = Page()
    page.test.multiselect(key="models").set_value(["right"])
    page.test.multiselect(key="views").set_value(["flip"])
    page.run()
    assert "For the detector, no source is of right, flip all at once" in page.html('class="problems"')
    assert page.sliders and len(page.sliders) == len(page.test.get("bidi_component")) and not page.html('class="bars')


def test_next_and_previous_follow_the_list_and_stop_at_its_ends(folder):
    page = Page()
    order = page.listed["film"].tolist()
    assert order[0] == "one" and len(order) == 6
    assert page.press("Previous").film == order[0]
    assert page.press("Next").film == order[1] == page.canvas["film"]["id"]
    for _ in order:
        page.press("Next")
    assert page.film == order[-1]


def test_next_goes_on_from_a_film_that_a_key_has_opened_since_the_button_was_drawn(folder):
    page = Page()
    order = page.listed["film"].tolist()
    kept = page.test.session_state[state.KEPT]
    page.test.session_state[state.KEPT] = {**kept, state.FILM: order[3]}
    assert page.press("Next").film == order[4]


def test_the_address_opens_the_same_film_and_settings(folder):
    page = Page(film="two", show="0.1", method="NMS", layers="Detections", order="id")
    assert page.film == "two" and page.sliders["Display confidence"]["value"] == .1
    assert page.test.segmented_control(key="method").value == "nms"
    assert page.marks("truth") is None and [verdict for verdict, _ in page.marks("detections")] == ["FP"]
    assert page.listed["film"].tolist() == sorted(page.listed["film"])


@pytest.mark.parametrize("film, sentence, why", [
    ("broken", "broken.dcm is not a DICOM file", "a file that is no film"),
    ("gone", "The film of 'gone' is not in the data set, only its label: add it below train/.", "a label alone"),
    ("nowhere", "The address names film 'nowhere', which is not in this data set", "an id that does not exist"),
])
def test_a_film_that_cannot_be_shown_is_a_sentence_in_its_place_without_boxes(folder, film, sentence, why):
    page = Page(film=film)
    assert sentence in page.canvas["problem"], why
    assert page.canvas["layers"] == []
    page.test.query_params["film"] = "one"
    assert page.run().canvas["problem"] == "" and page.marks("truth")


def test_unreadable_films_are_flagged_in_the_list_and_can_be_filtered(folder):
    page = Page(kind="unread")
    assert dict(page.listed[["film", "flag"]].values.tolist()) == {"broken": "unreadable", "gone": "absent"}


def test_search_and_filter_narrow_the_list_and_say_when_nothing_is_left(folder):
    page = Page()
    page.test.text_input(key="find").set_value("THREE")
    page.run()
    assert page.listed["film"].tolist() == ["<b>three*"] and "1 films (6 in all)" in page.html('class="heading"')
    page.test.text_input(key="find").set_value("zzz")
    page.run()
    assert page.listed is None and "No film fits" in page.html()
    page.test.text_input(key="find").set_value("")
    page.test.pills(key="class").set_value(["negative"])
    assert page.run().listed["film"].tolist() == ["<b>three*", "broken"]


def test_ids_are_never_taken_for_markup(folder):
    page = Page(film="<b>three*")
    assert page.canvas["caption"][0] == "<b>three*"
    assert "<b>" not in page.html() and not page.test.markdown
    page = Page(film="<b>nowhere</b>")
    assert "<b>nowhere</b>" in page.canvas["problem"]


def test_without_predictions_there_are_films_and_truth_and_one_sentence(folder, monkeypatch):
    monkeypatch.delenv("GROUNDGLASS_PREDICTIONS")
    page = Page(film="one")
    assert page.marks("truth") == [("", None), ("", None)] and page.marks("detections") == []
    assert "No predictions were named" in page.html() and 'class="bars aps"' not in page.html()


@pytest.mark.parametrize("spoil, sentence", [
    (lambda answers: (answers / "manifest.json").unlink(), "manifest.json cannot be read"),
    (lambda answers: (answers / "manifest.json").write_text("{}"), "holds no usable 'format'"),
    (lambda answers: next(answers.glob("candidates*")).write_bytes(b"no"), "candidates"),
    (lambda answers: write_answers(answers, ("of", "another")), "none of the 2 films predicted, such as 'of', is in"),
])
def test_predictions_that_do_not_fit_are_a_sentence_and_the_films_still_open(folder, spoil, sentence):
    spoil(folder / "answers")
    page = Page(film="one")
    assert sentence in page.html('role="alert"') and sentence in page.html('class="notes"')
    assert page.marks("truth") == [("", None), ("", None)] and page.marks("detections") == []


def test_without_labels_there_are_detections_without_verdict_and_no_score(folder):
    for name in ("train_image_level.csv", "train_study_level.csv"):
        (folder / "set" / name).unlink()
    page = Page(film="one")
    assert [verdict for verdict, _ in page.marks("detections")] == ["", ""] and page.marks("truth") == []
    assert "This data set has no labels, so there are no verdicts and no AP" in page.html()
    assert "train_image_level.csv does not exist" in page.html('role="alert"')
    assert page.listed["TP"].isna().all()


def test_a_missing_column_is_named_and_the_rest_opens(folder):
    path = folder / "set" / "train_study_level.csv"
    path.write_text(path.read_text().replace("Typical Appearance", "Typical", 1))
    page = Page(film="one")
    assert "Typical Appearance" in page.html('role="alert"')
    assert [verdict for verdict, _ in page.marks("detections")] == ["TP", "FP"]


def test_a_data_set_that_is_not_there_is_one_sentence(folder, monkeypatch):
    monkeypatch.setenv("GROUNDGLASS_DATA", str(folder / "nowhere"))
    page = Page()
    assert "nowhere is no directory" in page.html('class="nothing"') and not page.test.get("bidi_component")


def test_changed_labels_are_read_again(folder):
    page = Page(film="one")
    path = folder / "set" / "train_image_level.csv"
    path.write_text("\n".join(line for line in path.read_text().split("\n") if not line.startswith("two")))
    assert "3 films" in page.html('class="heading"') and "2 films" in page.run().html('class="heading"')


def test_the_viewer_starts_without_the_training_libraries(folder):
    """They take seconds to import, and a reader of stored predictions needs none of them."""
    code = ("import sys; import viewer.app; from viewer.views import reading; "
            "print([name for name in ('torch', 'effdet', 'timm', 'matplotlib') if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


SOURCES = (Source("a", "0", "plain"), Source("a", "0", "flip"), Source("b", "1", "plain"))


@pytest.mark.parametrize("choice, names, why", [
    ({}, None, "nothing chosen is everything"),
    ({"models": ["a"]}, ("a/0/plain", "a/0/flip"), "one model"),
    ({"models": ["elsewhere"]}, None, "a model of another task says nothing here"),
    ({"models": ["a", "elsewhere"], "views": ["flip"]}, ("a/0/flip",), "both must hold"),
    ({"folds": ["1"]}, ("b/1/plain",), "one fold"),
    ({"models": ["a", "b"], "views": ["plain", "flip"]}, None, "all of them by name are all of them"),
])
def test_sources_are_chosen_by_model_fold_and_view(choice, names, why):
    assert state.chosen_sources(SOURCES, **choice) == names, why


def test_a_choice_that_leaves_no_source_is_refused():
    with pytest.raises(BadSettings, match="no source is of b, flip all at once"):
        state.chosen_sources(SOURCES, models=["b"], views=["flip"])


@pytest.mark.parametrize("moved, film, why", [
    ({}, "g", "a click or an arrow key"),
    ({"live_show": {"moved": {"value": .5}}}, "a", "a slider moved, and the message brought along the mark of before"),
    ({"find": "o"}, "a", "so did the search"),
    ({"film": "b"}, "b", "a step has already gone on to another film"),
])
def test_the_list_is_heeded_only_when_nothing_else_has_moved(monkeypatch, moved, film, why):
    session = {state.KEPT: {"film": "a", "show": "0.3"}, "find": ""}
    monkeypatch.setattr("streamlit.session_state", session)
    monkeypatch.setattr("streamlit.query_params", {})
    selection.mark(3, "a", "abcdefgh")
    assert selection.marked() == 3
    session[selection.KEY] = {"selection": {"rows": [], "columns": [], "cells": [(6, "truth")]}}
    film_moved = moved.pop("film", None)
    session.update(moved)
    if film_moved:
        state.show_film(film_moved)
    selection.heed()
    assert state.film_id() == film, why


@pytest.fixture
def listed(monkeypatch):
    """A list of the films a, b and c, the first of which is on show: calls tell it the row that the browser marks."""
    session = {state.KEPT: {"film": "a"}}
    monkeypatch.setattr("streamlit.session_state", session)
    monkeypatch.setattr("streamlit.query_params", {})
    selection.mark(0, "a", "abc")

    def told(row):
        session[selection.KEY] = {"selection": {"rows": [], "columns": [], "cells": [(row, "film")]}}
        selection.heed()
        return state.film_id()
    return told


def test_a_second_key_is_heeded_although_it_cut_the_first_ones_page_short(listed):
    assert [listed(row) for row in (1, 2)] == ["b", "c"]


def test_a_mark_that_the_page_has_just_moved_away_from_is_no_click(listed, monkeypatch):
    """The reader went from film a to b and clicked something that is no part of the list before b was marked in it."""
    now = [100.0]
    monkeypatch.setattr(selection.time, "monotonic", lambda: now[0])
    state.show_film("b")
    selection.mark(1, "b", "abc")
    for seconds, shown, why in [(0.5, "b", "late"), (1, "a", "a click")]:
        now[0] += seconds
        assert listed(0) == shown, why


def test_a_row_of_another_order_is_a_click_at_once(listed):
    selection.mark(2, "a", "cba")
    assert listed(0) == "c"


def test_the_address_leads_unless_it_is_only_late(monkeypatch):
    """Each step: what the browser says, what the reader does in this run, and which film is shown then."""
    session = {}
    monkeypatch.setattr("streamlit.session_state", session)
    for said, opened, shown, why in [
        ("a", None, "a", "a link"), ("a", "b", "b", "a click"), ("a", None, "b", "the browser has not heard of it yet"),
        ("a", "c", "c", "another click"), ("b", None, "c", "late again"), ("c", None, "c", "now it has"),
        ("b", None, "b", "the reader went back"), ("x", None, "x", "and wrote an address")]:
        address = {"film": said}
        monkeypatch.setattr("streamlit.query_params", address)
        if opened:
            state.show_film(opened)
        state.follow_address()
        assert state.film_id() == shown, why
        assert address["film"] == shown, why


def test_the_page_leaves_a_mark_that_is_right_alone(monkeypatch):
    """Setting it again would make the browser forget a key pressed meanwhile."""
    told = {"selection": {"rows": [], "columns": [], "cells": [(6, "truth")]}}
    session = {selection.KEY: told}
    monkeypatch.setattr("streamlit.session_state", session)
    monkeypatch.setattr("streamlit.query_params", {})
    selection.mark(6, "a", ())
    assert session[selection.KEY] is told
    selection.mark(None, "a", ())
    assert selection.marked() is None


@pytest.mark.parametrize("image_id, moves, expected", [
    ("b", [1], "c"), ("b", [-1], "a"), ("c", [1], "c"), ("a", [-5], "a"), ("x", [1], "a"), ("x", [-1], "c"),
    ("c", [1, -1], "b"), ("a", [1, -1], "a"), ("x", [1, 1], "b"), ("b", [], "b")])
def test_steps_along_the_list_stop_at_its_ends_and_enter_it_from_outside(image_id, moves, expected):
    assert state.stepped(("a", "b", "c"), image_id, *moves) == expected


def test_every_column_of_the_list_is_explained_and_sorts():
    assert set(SORTED_BY) | {"flag", "study"} == set(LIST_COLUMNS)


def test_bars_escape_their_text_and_show_unknown_numbers_as_a_dash():
    table = charts.probability_table([float("nan")] * 4, -1, float("nan"), float("nan"), None)
    assert table.count("–") == 6 and "truth" not in table.replace("with the truth", "")
    assert charts.sentences(["<script>"]) == '<ul class="notes"><li>&lt;script&gt;</li></ul>'
    assert all(KINDS.values())


def test_the_list_says_what_each_film_costs(folder):
    table = Page(order="cost").listed.set_index("film")["cost"]
    assert table.dropna().is_monotonic_decreasing and table["one"] > 0 and math.isnan(table["extra"])


def test_the_candidates_of_a_box_are_drawn_beside_it(folder):
    opened, chosen = resources.identify(state.Place(str(folder / "set"), str(folder / "answers"))), state.Settings()
    row = resources.row_of(opened)["one"]
    found = judged.findings(opened, chosen, row)
    (layer,) = layers.members(opened, chosen, row, found, "d0")
    assert [layers.owner(mark.id) for mark in layer.marks] == ["d0", "d0"]
    assert {mark.details[1] for mark in layer.marks} == {"left/0/plain", "right/1/plain"}
    assert layers.members(opened, chosen, row, found, "t0") == layers.members(opened, chosen, row, found, None) == ()


def test_a_film_that_was_doubted_and_predicted_all_the_same_bears_a_mark(folder):
    (folder / "answers" / "doubts.json").write_text(json.dumps({"one": ["Its view is <b>lateral</b>."], "two": []}))
    marked, plain = Page(film="one"), Page(film="two")
    assert "Its view is &lt;b&gt;lateral&lt;/b&gt;." in "".join(marked.bodies())
    assert "lateral" not in "".join(plain.bodies())


@pytest.mark.parametrize(("on_canvas", "moves", "stepped", "there"), [
    ("a", (1,), None, "c"),  # the list has opened b since
    ("b", (1,), None, "c"),
    ("a", (1, 1), ("a", "b"), "c"),  # the second of two steps that add up, the first of which has led to b
    ("c", (-1,), ("a", "b"), "a"),
])
def test_steps_are_from_the_film_of_now_and_quick_ones_add_up(monkeypatch, on_canvas, moves, stepped, there):
    session, shown = {film.STEPPED: stepped}, []
    monkeypatch.setattr(film.st, "session_state", session)
    monkeypatch.setattr(film, "canvas_state", lambda _: CanvasState(step=Step(on_canvas, moves)))
    monkeypatch.setattr(state, "film_id", lambda: "b")
    monkeypatch.setattr(state, "show_film", shown.append)
    film._step(("a", "b", "c"))()
    assert shown == [there]
