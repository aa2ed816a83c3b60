"""Two to four films side by side in a real browser: what stands in each pane, and that all of them move together."""

import pytest

from core.fusion import METHODS
from tests.browsing import chromium, served, until
from tests.conftest import ROOT
from tests.panes_set import MODELS, TRUTH, write_set
from tests.test_panes_browser import drag, told

PATIENCE = 60_000  # ms; a loaded machine is slow, not wrong


@pytest.fixture(scope="module")
def browser():
    with chromium() as engine:
        yield engine.new_context(viewport={"width": 1440, "height": 900})


@pytest.fixture(scope="module")
def address(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    root = write_set(folder / "films")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GROUNDGLASS_CACHE", str(folder / "cache"))
        with served("viewer/app.py", folder / "log", "--data", str(root), "--predictions", str(root / "predictions"),
                    root=ROOT) as server:
            yield server


class Room:
    """The reading room at a `query`, with its panes; the first is that of the film that is read."""

    def __init__(self, browser, address, query):
        self.page, self.errors = browser.new_page(), []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{address}/?{query}")
        self.page.locator("table.aps").wait_for(timeout=PATIENCE)

    def until(self, condition):
        until(self.page, condition, lambda: [self.told(name) for name in ("film", "state", "boxes")])

    def told(self, name):
        return told(self, name)

    def captions(self):
        """First line of each pane's caption."""
        told = self.page.locator(".film .caption").evaluate_all("all => all.map((each) => each.innerText)")
        return [each.split("\n")[0] for each in told]

    def shows(self, *captions, states=None):
        """Wait until the panes beside the first are these, each in its state."""
        wanted = states or ["ready"] * (len(captions) + 1)
        self.until(lambda: self.captions()[1:] == list(captions) and self.told("state") == wanted)

    def open_chooser(self):
        self.page.locator(".st-key-film_bar").get_by_role("button", name="Side by side").click()

    def choose(self, label, *options):
        """Choose from the multiselect of this label, in this order."""
        box = self.page.get_by_role("combobox", name=label)
        for option in options:
            box.click()
            self.page.get_by_role("option", name=option, exact=True).click()
        self.page.keyboard.press("Escape")


@pytest.fixture
def room(browser, address):
    """Opens the reading room at a query; nothing may have gone wrong by the end."""
    opened = []

    def open_at(query):
        opened.append(Room(browser, address, query))
        return opened[-1]

    yield open_at
    for each in opened:
        assert not each.errors
        assert "Traceback" not in each.page.inner_text("body")
        each.page.close()


def counts(room):
    return [int(each) for each in room.told("boxes")]


def test_models_stand_beside_each_with_its_own_boxes(room):
    """Without a choice the first three; m1 finds one box, m2 two, m3 three."""
    seen = room("film=a&layers=Detections&panes=Models")
    seen.shows("m1", "m2", "m3")
    seen.until(lambda: counts(seen)[1:] == [1, 2, 3])


def test_views_stand_beside_each_with_its_own_boxes(room):
    seen = room("film=a&layers=Detections&panes=Views&beside_views=v4&beside_views=v1&beside_views=v2")
    seen.shows("v4", "v1", "v2")
    seen.until(lambda: counts(seen)[1:] == [4, 1, 2])


def test_the_other_fusion_methods_stand_beside_the_one_of_now(room):
    seen = room("film=a&panes=Fusion+methods&method=nmw")
    assert len(METHODS) == 4
    seen.shows("NMS", "Soft-NMS", "WBF")


def test_a_film_of_the_patient_that_cannot_be_read_says_so_in_its_pane_alone(room):
    """The film of another patient stays away; nothing of another film is left where one cannot be shown."""
    seen = room("film=a&panes=Films+of+the+patient")
    seen.shows("study P", "study P", "study Q", states=["ready", "ready", "error", "ready"])
    assert seen.told("film") == ["a", "b", "broken", "c"]
    pane = seen.page.locator(".film").nth(2)
    assert "broken" in pane.locator(".message").inner_text()
    assert pane.get_attribute("data-boxes") == "0" and pane.locator(".readout").inner_text() == ""
    assert pane.locator("canvas.picture").evaluate("""canvas => {
      const all = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
      return all.every((value, i) => value === (i % 4 === 3 ? 255 : 0));
    }""")
    seen.page.locator(".film").first.focus()
    seen.page.keyboard.press("ArrowRight")  # the next of the list; b has c, a and broken beside it
    seen.until(lambda: seen.told("film")[0] != "a" and "loading" not in seen.told("state"))
    films = seen.told("film")
    assert len(set(films)) == len(films) and ("broken" in films) == ("error" in seen.told("state"))


def test_a_film_without_company_says_that_there_is_none(room):
    seen = room("film=alone&panes=Films+of+the+patient")
    seen.until(lambda: seen.told("state") == ["ready"])
    assert "no other film of this patient here" in seen.page.locator(".film .caption").inner_text()


def test_truth_stands_beside_detections_and_neither_has_the_other(room):
    seen = room("film=a&panes=Truth+beside+detections")
    seen.shows("ground truth")
    seen.until(lambda: counts(seen)[1] == len(TRUTH))
    assert seen.told("truth")[0] != "true" and seen.told("truth")[1] == "true"
    assert seen.told("detections")[0] == "true" and seen.told("detections")[1] != "true"


def test_four_films_of_several_sizes_are_zoomed_moved_and_windowed_together(room):
    """Also past the pane that failed; places are shares of the film, windows are carried from film to film."""
    seen = room("film=a&panes=Films+of+the+patient")
    seen.shows("study P", "study P", "study Q", states=["ready", "ready", "error", "ready"])
    shown = lambda name: [each for place, each in enumerate(seen.told(name)) if place != 2]  # noqa: E731
    fitted = [float(each) for each in shown("zoom")]
    drag(seen)
    seen.until(lambda: all(shown("window")))
    seen.page.mouse.wheel(0, -240)
    seen.until(lambda: len({round(float(now) / then, 6) for now, then in zip(shown("zoom"), fitted, strict=True)}) == 1
               and float(shown("zoom")[0]) > fitted[0])
    assert shown("linked") == ["window"] * 3
    seen.page.keyboard.press("w")
    seen.until(lambda: shown("linked") == ["view"] * 3)
    before = shown("window")
    drag(seen)
    seen.until(lambda: shown("window")[0] != before[0])
    assert shown("window")[1:] == before[1:]


def test_the_reader_chooses_what_stands_beside_and_the_address_restores_it(room):
    seen = room("film=a&layers=Detections&panes=Models")
    seen.shows(*MODELS[:3])
    seen.open_chooser()
    seen.choose("Models beside", "m4", "m2")
    seen.shows("m4", "m2")
    seen.until(lambda: counts(seen)[1:] == [4, 2])
    seen.until(lambda: "beside_models=m4&beside_models=m2" in seen.page.url and "panes=Models" in seen.page.url)
    again = room(seen.page.url.split("?")[1])
    again.shows("m4", "m2")
    again.until(lambda: counts(again)[1:] == [4, 2])


def test_no_more_than_three_stand_beside(room):
    seen = room("film=a&panes=Models&" + "&".join(f"beside_models={each}" for each in (*MODELS, "gone")))
    seen.shows("m1", "m2", "m3")


def test_a_method_that_has_become_the_one_of_now_leaves_the_choice(room):
    seen = room("film=a&panes=Fusion+methods&beside_methods=WBF&beside_methods=NMW&method=nms")
    seen.shows("WBF", "NMW")
    seen.page.locator(".st-key-method").get_by_role("radio", name="WBF").click()
    seen.shows("NMW")
