"""What follows a slider under the finger: who is told what, and that it goes with the session that offers it."""

import gc
import json

import pytest
from starlette.requests import Request

from core.predictions import read_predictions
from tests.reading_set import write_answers
from viewer import live, tuning

START = tuning.START["n"]


@pytest.fixture
def session(monkeypatch):
    """A reader's session."""
    held = {}
    monkeypatch.setattr("streamlit.session_state", held)
    monkeypatch.setattr("streamlit.query_params", {})
    return held


@pytest.fixture
def predictions(tmp_path):
    return read_predictions(write_answers(tmp_path / "answers"))


def ask(tokens, setting="iou", value="0.3"):
    """Status and answer of the route."""
    query = f"setting={setting}&value={value}".encode()
    given = live.live_routes()[0].endpoint(Request(
        {"type": "http", "headers": [], "path_params": {"tokens": tokens}, "query_string": query}))
    return given.status_code, json.loads(given.body) if given.status_code == 200 else given.body.decode()


def offered(key, of, predictions, **more):
    return live.address(key, of, predictions, **more).rsplit("/", 1)[1]


def told(settings):
    return {"html": f"{settings.fusion.method} {settings.fusion.iou:g} {settings.score.exponent:g}"}


def test_several_things_are_told_at_once_under_the_settings_of_now_with_one_moved(session, predictions):
    tuning.put(method="nms", n=.7)
    tokens = [offered("a", told, predictions), offered("b", told, predictions, texts={"method": "nmw"})]
    assert ask("~".join([*tokens, "nobody"])) == (200, [{"html": "nms 0.3 0.7"}, {"html": f"nmw 0.3 {START:g}"}, None])
    assert tuning.value("iou") == tuning.START["iou"], "the session has moved nothing"
    tuning.put(n=.2)
    assert offered("a", told, predictions) == tokens[0], "a page that runs again keeps its address"
    assert ask(tokens[0], "n", "2") == (200, [{"html": f"nms {tuning.START['iou']:g} 2"}])


@pytest.mark.parametrize("setting, value", [
    ("method", "1"), ("iou", "nan"), ("iou", "2"), ("iou", "x"), ("", "1"), ("weights", "1"), ("weights.-1", "1"),
    ("weights.x", "1"), ("weights.1234567", "1"), ("iou.0", ".5")])
def test_what_no_slider_says_is_refused_in_one_sentence(session, predictions, setting, value):
    status, sentence = ask(offered("a", told, predictions), setting, value)
    assert status == 400 and "ask for a slider of the page" in sentence


def test_settings_that_leave_nothing_and_sources_that_are_not_there_are_told_nothing(session, predictions):
    token = offered("a", told, predictions, texts={"models": "left", "views": "nowhere~flip", "folds": "1"})
    assert ask(token) == (200, [None])
    assert ask(offered("a", told, predictions), "weights.9", "1") == (200, [None])


def test_nobody_else_is_told_and_nothing_stays_when_the_session_is_gone(session, predictions, monkeypatch):
    token = offered("a", told, predictions)
    monkeypatch.setattr("viewer.login.reader_of", lambda request: "another")
    assert ask(token) == (200, [None])
    monkeypatch.setattr("viewer.login.reader_of", lambda request: None)
    assert ask(token)[0] == 403
    monkeypatch.undo()
    assert ask(token)[1] != [None]
    session.clear()
    gc.collect()
    assert ask(token) == (200, [None])
