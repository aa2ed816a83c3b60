"""One state for all pages: film and settings are the texts of the address."""

import pytest

from core.errors import BadSettings
from core.fusion import FusionSettings
from core.levels import ScoreSettings
from core.predictions import read_predictions
from core.sweeps import changed
from tests.reading_set import write_answers
from viewer import state, tuning


@pytest.fixture
def address(monkeypatch):
    """The browser's address as a dictionary, beside a session of its own."""
    named = {}
    monkeypatch.setattr("streamlit.session_state", {})
    monkeypatch.setattr("streamlit.query_params", named)
    return named


@pytest.fixture
def predictions(tmp_path):
    return read_predictions(write_answers(tmp_path / "answers"))


def test_the_address_names_what_differs_from_the_first_settings(address):
    for value in (.6, .62):
        tuning.put(iou=value)
        state.follow_address()
        assert (address["iou"], tuning.value("iou")) == (f"{value:g}", value)
    tuning.put(iou=tuning.START["iou"])
    assert address == {}


def test_a_slider_under_the_finger_moves_one_setting_and_keeps_nothing(address, predictions):
    tuning.put(method="nms", iou=.6)
    texts, sources = state.kept(), predictions.candidates.sources
    moved = tuning.moved(texts, predictions, "iou", .3)
    assert moved == {"method": "nms", "iou": "0.3"} and tuning.value("iou") == .6
    assert tuning.moved(texts, predictions, "iou", tuning.START["iou"]) == {"method": "nms"}
    weighed = tuning.settings(predictions, tuning.moved(texts, predictions, "weights.1", 2.5)).fusion
    assert weighed.weights == (1, 2.5, 1) and weighed.iou == .6 and len(sources) == 3
    with pytest.raises(BadSettings, match="there are 3"):
        tuning.moved(texts, predictions, "scales.3", 2)


def test_another_page_takes_film_and_settings_along(address):
    address.update(film="a", n="0.5")
    state.follow_address("read")
    address.clear()  # as the way to another page does
    state.follow_address("tune")
    assert address == {"film": "a", "n": "0.5"} and tuning.value("n") == .5
    address.clear()
    address.update(film="b")  # a link of the other page
    state.follow_address("read")
    assert address == {"film": "b", "n": "0.5"}


def test_another_page_does_not_bring_back_a_film_that_the_browser_has_not_heard_the_end_of(address):
    address.update(film="a")
    state.follow_address("read")
    state.show_film(None)
    address["film"] = "a"  # late
    state.follow_address("predict")
    assert state.film_id() is None and address == {}


@pytest.mark.parametrize("name, text, value, why", [
    ("iou", "0.7", .7, "a number"), ("iou", "1.2", .45, "no overlap"), ("iou", "nan", .45, "no number"),
    ("iou", "<b>", .45, "no number either"), ("method", "Soft-NMS", "soft_nms", "the name that pages show"),
    ("method", "best", "wbf", "no method"), ("weights", "1~2", (1., 2.), "several"), ("weights", "1~-2", (), "below 0"),
    ("models", "a~b", ("a", "b"), "names"), ("n", "3", 3., "more than the slider offers")])
def test_a_text_that_is_no_value_counts_as_not_given(address, name, text, value, why):
    address[name] = text
    state.follow_address()
    assert tuning.value(name) == value, why


def test_factors_are_of_the_sources_that_are_chosen(address, predictions):
    sources = predictions.candidates.sources
    tuning.put_factor("weights", 2, sources, 2.5)
    assert tuning.settings(predictions).fusion.weights == (1., 1., 2.5) and address == {"weights": "1~1~2.5"}
    tuning.put(models=("right",))
    fusion = tuning.settings(predictions).fusion
    assert (fusion.sources, fusion.weights) == (("right/1/plain",), (2.5,))
    tuning.put_factor("weights", 2, sources, 1)
    assert tuning.settings(predictions).fusion.weights is None and "weights" not in address


def test_adopted_settings_are_the_settings(address, predictions):
    fusion, score = FusionSettings("wbf", .65, .05, conf_type="max"), ScoreSettings(.75, .25, 1.)
    fusion, score = changed(predictions, fusion, score, "views", 0)
    tuning.adopt(fusion, score, predictions.candidates.sources)
    found = tuning.settings(predictions)
    assert found.fusion == fusion and (found.score.exponent, found.score.none_boxes) == (.75, 1.)
    tuning.pin()
    tuning.put(iou=.1)
    assert tuning.pinned(predictions).fusion == fusion and "pinned" in tuning.baseline()
    tuning.reset()
    assert tuning.pinned(predictions) == tuning.settings(predictions) == state.Settings()
