"""The address names study, film, model and settings; opening a copy of it shows the same thing."""

import json
from urllib.parse import quote_plus

import pytest
from streamlit.testing.v1 import AppTest

from tests.browsing import PATIENCE, chromium, served, until
from tests.conftest import ROOT
from tests.reading_set import write_answers, write_set
from viewer import resources, state, tuning


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The reading set, its predictions, and a run that has others."""
    write_set(tmp_path / "set")
    write_answers(tmp_path / "answers")
    run = tmp_path / "runs" / "second run"
    write_answers(run / "predictions", ("one", "two"))
    (run / "settings.json").write_text(json.dumps({"settings": {}, "inputs": {}}))
    for name in ("SET", "ANSWERS", "RUNS"):
        variable = {"SET": "DATA", "ANSWERS": "PREDICTIONS"}.get(name, name)
        monkeypatch.setenv(f"GROUNDGLASS_{variable}", str(tmp_path / name.lower()))
    resources.runs.clear()
    return tmp_path


def opened(**address):
    test = AppTest.from_file(str(ROOT / "viewer" / "contents.py"), default_timeout=120)
    for name, value in address.items():
        test.query_params[name] = value
    test.run()
    assert not test.exception, test.exception[0].stack_trace
    return test


def canvas(test):
    given = [json.loads(each.proto.json) for each in test.get("bidi_component")]
    return next(each for each in given if "layers" in each)


def test_the_address_names_everything_from_the_first_page_on(folder):
    test = opened()
    film = canvas(test)["film"]["id"]
    assert dict(test.query_params) == {**state.FIRST, "film": film, "study": "A" if film in ("one", "two") else "B",
                                       "model": "answers"}


def test_settings_that_are_named_as_at_first_stay_the_first_ones(folder):
    first = opened()
    again = opened(**dict(first.query_params))
    assert dict(again.query_params) == dict(first.query_params) and canvas(again)["layers"] == canvas(first)["layers"]


def test_another_film_takes_its_study_along(folder):
    test = opened(film="one")
    test.query_params["film"] = "<b>three*"
    test.run()
    assert test.query_params["study"] == "B" and test.query_params["film"] == "<b>three*"


def test_a_study_alone_opens_its_first_film(folder):
    assert canvas(opened(study="D"))["film"]["id"] == "extra"


def test_a_run_that_the_address_names_is_put_on_show(folder, monkeypatch):
    run, = (each for each in resources.runs(str(folder / "runs"))[0])
    test = opened(model=run.name)
    assert test.session_state[state.RUN] == str(run.predictions) and test.query_params["model"] == run.name


def test_a_model_that_the_server_has_not_is_said(folder):
    test = opened(model="<b>other</b>")
    written = "".join(each.proto.body for each in test.get("html"))
    assert "The address names the model &#x27;&lt;b&gt;other" in written and "<b>other</b>" not in written
    assert test.query_params["model"] == "answers"


def test_every_number_and_choice_of_the_settings_is_named():
    assert set(state.FIRST) == {name for name, given in tuning.START.items() if not isinstance(given, tuple)}
    assert all(tuning.value(name, {name: text}) == tuning.START[name] for name, text in state.FIRST.items())


def ready(page):
    page.set_default_timeout(PATIENCE * 1000)
    page.locator(".film[data-state=ready]").wait_for()
    page.locator("table.aps").wait_for()


def shown(page):
    film = page.locator(".film")
    return (film.get_attribute("data-film"), film.get_attribute("data-boxes"), film.get_attribute("aria-label"),
            page.locator("table.aps").inner_text())


def test_a_copied_address_opens_the_same_in_another_browser(folder):
    """One reader goes to another film and moves two settings; another reader, with a browser of their own, opens the
    address."""
    with chromium() as engine, served("viewer/app.py", folder / "log", root=ROOT) as address:
        page = engine.new_context().new_page()
        page.goto(f"{address}/?film=two&order=id")  # before it comes the film "one"
        ready(page)
        for key, keys in (("show", ["Home"]), ("iou", ["Home", *["ArrowRight"] * 3])):
            page.locator(f".st-key-set_{key} input[type=range]").focus()
            for each in keys:
                page.keyboard.press(each)
            page.wait_for_timeout(700)
        page.keyboard.press("Tab")
        page.locator(".film").click(position={"x": 5, "y": 60})
        page.keyboard.press("p")
        until(page, lambda: shown(page)[0] != "two" and f"film={quote_plus(shown(page)[0])}" in page.url)
        until(page, lambda: "show=0&" in f"{page.url}&")
        page.wait_for_timeout(1500)
        for each in ("film=", "study=", "model=answers", "show=0", "method=", "iou=", "n=", "skip="):
            assert each in page.url
        other = engine.new_context().new_page()
        other.goto(page.url)
        ready(other)
        until(other, lambda: shown(other) == shown(page))
        assert shown(page)[0] != "two" and int(shown(page)[1]) > 0
