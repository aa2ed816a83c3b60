"""The Tune page without a browser: sliders move boxes and scores, tabs explain them, and nothing raises."""

import json
from html import unescape

import pytest
from streamlit.testing.v1 import AppTest

from core.fusion import FusionSettings
from core.labels import read_truth
from core.levels import ScoreSettings
from core.predictions import read_predictions
from core.scoring import answer, score
from tests import reading_set
from tests.reading_set import write_answers, write_set
from tests.test_experiments import write_run
from viewer import resources, tuning
from viewer.views import explain, grids


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write_set(tmp_path / "set")
    write_answers(tmp_path / "answers")
    monkeypatch.setenv("GROUNDGLASS_DATA", str(tmp_path / "set"))
    monkeypatch.setenv("GROUNDGLASS_PREDICTIONS", str(tmp_path / "answers"))
    return tmp_path


def script():
    from viewer import state
    from viewer.views import tune

    state.follow_address("tune")
    tune.page()


class Page:
    """The Tune page as AppTest runs it, with settings (keys of `tuning.START`) in the address, and a tab."""

    def __init__(self, tab="Film", **settings):
        self.test = AppTest.from_function(script, default_timeout=120)
        for name, value in settings.items():
            self.test.query_params[name] = str(value)
        self.test.session_state["tune tab"] = tab
        self.run()

    def run(self):
        self.test.run()
        assert not self.test.exception, self.test.exception[0].stack_trace
        return self

    def press(self, label):
        next(button for button in self.test.button if button.label.startswith(label)).click()
        return self.run()

    def html(self, part=""):
        return unescape("\n".join(each.value for each in self.test.get("html") if part in each.value))

    @property
    def components(self):
        return [json.loads(each.proto.json) for each in self.test.get("bidi_component")]

    @property
    def mean(self):
        return self.html('<tr class="mean">').split('<tr class="mean">')[1].split('class="number">')[1].split("<")[0]


def expected(folder, fusion, scoring):
    truth = read_truth(folder / "set")
    return score(truth, answer(read_predictions(folder / "answers"), fusion, scoring)).evaluation.summary()


@pytest.mark.parametrize("settings", [{}, {"method": "nms", "iou": .9, "n": 1.0}, {"none_boxes": 0.0}])
def test_the_score_is_that_of_the_settings(folder, settings):
    page = Page(**settings)
    fusion = FusionSettings(**{name: value for name, value in settings.items() if name in ("method", "iou")})
    scoring = ScoreSettings(**{{"n": "exponent"}.get(name, name): value for name, value in settings.items()
                               if name not in ("method", "iou")})
    assert page.mean == f"{expected(folder, fusion, scoring)['mean']:.3f}"


def test_every_slider_says_what_it_means_and_shows_its_value(folder):
    sliders = [each for each in Page(iou=.62, method="soft_nms").components if "low" in each]
    assert {each["label"] for each in sliders} >= {"IoU threshold", "Sigma of the decay", "Display confidence"}
    assert all(each["meaning"].endswith(".") and each["low"] <= each["value"] <= each["high"] for each in sliders)
    assert next(each for each in sliders if each["label"] == "IoU threshold")["value"] == .62


def test_the_film_follows_the_display_confidence(folder):
    for display, shown in ((.3, 2), (.7, 1), (.95, 0)):
        canvas = next(each for each in Page(show=display).components if "layers" in each)
        layers = {layer["kind"]: layer["marks"] for layer in canvas["layers"]}
        assert len(layers["truth"]) == 2 and len(layers["detections"]) == shown


@pytest.mark.parametrize("tab", [*explain.TABS, *grids.TABS])
def test_every_tab_opens(folder, tab):
    assert Page(tab, method="wbf").html('class="heading"')


@pytest.mark.parametrize("tab, names", [
    ("Curves", ("curves", "points", "froc")), ("Calibration", ("reliability",)), ("Patients", ("patients",)),
    ("Conventions", ("conventions",))])
def test_every_table_and_curve_can_be_saved(folder, tab, names):
    labels = [each.proto.label for each in Page(tab).test.get("download_button")]
    assert labels == [f"Save {name} as {kind}" for name in names for kind in ("CSV", "JSON")]


def test_a_change_is_told_against_what_was_pinned(folder):
    page = Page(method="nms")
    told = "These are the settings that changes are told against"
    assert told not in page.html() and "against the default settings" in page.html(" aps")
    assert told in page.press("Pin").html() and "against the pinned settings" in page.html(" aps")
    assert page.press("Defaults").test.segmented_control(key="method").value == tuning.START["method"]
    assert told in page.html() and "method" not in page.test.query_params


@pytest.mark.parametrize("moved, fused, matched, why", [
    ({"show": .6}, 0, 0, "it only hides"), ({"n": 1.5}, 0, 0, "no order inside a film changes"),
    ({"none_study": .2}, 0, 0, "boxes have no part in it"), ({"none_boxes": 1.}, 0, 0, "scores are read, not changed"),
    ({"iou": .77}, 1, 1, "this is what fuses")])
def test_a_setting_that_did_not_change_is_not_computed_again(folder, monkeypatch, moved, fused, matched, why):
    page, calls = Page(), []
    fuse, judge = resources.fusion.fuse, resources.verdicts.judge
    monkeypatch.setattr(resources.fusion, "fuse", lambda *given: calls.append("fuse") or fuse(*given))
    monkeypatch.setattr(resources.verdicts, "judge", lambda *given: calls.append("judge") or judge(*given))
    for name, value in moved.items():
        page.test.query_params[name] = str(value)
    page.run()
    assert (calls.count("fuse"), calls.count("judge")) == (fused, matched), why


def test_a_sweep_fills_its_table(folder):
    page = Page("Sweep")
    page.test.text_input(key="rows").set_value("iou=.4,.6")
    page.test.text_input(key="columns").set_value("method=nms,wbf")
    page.press("Compute")
    table = page.test.dataframe[0].value
    assert table.shape == (2, 2) and not table.isna().any().any()
    direct = expected(folder, FusionSettings("wbf", .6), ScoreSettings())["opacity"]
    assert table.iloc[1, 1] == pytest.approx(direct)


def test_a_wrong_axis_is_a_sentence(folder):
    page = Page("Sweep")
    page.test.text_input(key="rows").set_value("size=1")
    assert "an axis is 'size'" in page.press("Compute").html('class="problems"')


def test_without_labels_there_is_a_sentence(folder):
    (folder / "set" / "train_image_level.csv").unlink()
    (folder / "set" / "train_study_level.csv").unlink()
    assert "Tuning needs labelled films" in Page().html('class="nothing"')


def canvases(page):
    """The captions and the detections' verdicts of each film on the page."""
    return [(each["caption"], [mark["verdict"] for layer in each["layers"] if layer["kind"] == "detections"
                               for mark in layer["marks"]]) for each in page.components if "layers" in each]


def test_what_changed_shows_both_answers(folder):
    """The least confidence shown hides the false positive of film one, which is .5 in two of three sources."""
    page = Page("What changed", method="WBF", iou=.6, show=.3)
    page.press("Pin")
    page.test.query_params["show"] = ".7"
    page.run()
    first = page.test.dataframe[0].value["image_id"].tolist()[0]
    assert [caption for caption, _ in canvases(page)] == [["now", first], ["before", first]]
    assert "best first" in page.html()
    page.test.session_state["film"] = page.test.dataframe[0].value["image_id"].tolist()[-1]
    page.test.query_params["film"] = page.test.session_state["film"]
    (caption, now), (other, before) = canvases(page.run())
    assert (caption[0], other[0]) == ("now", "before") and len(now) < len(before)


def test_changes_are_told_against_another_run(folder, monkeypatch):
    """A run whose detector was silent on film one: its box was found since, and its false positive appeared."""
    write_run(folder / "runs" / "less", 1)
    monkeypatch.setitem(reading_set.DETECTED, "one", [])
    write_answers(folder / "runs" / "less" / "predictions")
    monkeypatch.setenv("GROUNDGLASS_RUNS", str(folder / "runs"))
    page = Page("What changed", method="WBF", iou=.6, show=.3)
    page.test.selectbox(key="changed_against").set_value("run less")
    page.run()
    rows = page.test.dataframe[0].value[["image_id", "found", "lost", "appeared", "gone"]].values.tolist()
    assert rows == [["one", 1, 0, 1, 0]] and "against run less" in page.html()
