"""The real server and a real browser on the sample set: what a reader does, and what the reader then sees.

GROUNDGLASS_TEST_DATA and GROUNDGLASS_TEST_PREDICTIONS point the tests to another data set with labels and predictions.
"""

import os
import shutil
from pathlib import Path

import pytest

from tests.browsing import chromium, served, until
from tests.conftest import ROOT

WINDOWS = [(1440, 900), (1024, 768)]
PATIENCE = 60  # seconds; a loaded machine is slow, not wrong


@pytest.fixture(scope="module")
def places():
    """(data set, predictions) to read."""
    data = Path(os.environ.get("GROUNDGLASS_TEST_DATA", ROOT / "assets" / "sample"))
    predictions = Path(os.environ.get("GROUNDGLASS_TEST_PREDICTIONS", data / "predictions"))
    if not (predictions / "manifest.json").exists():
        pytest.skip(f"no predictions at {predictions}: the sample set is not there")
    return data, predictions


@pytest.fixture(scope="module")
def browser():
    with chromium() as engine:
        yield engine.new_context()


@pytest.fixture(scope="module")
def spoilt(places, tmp_path_factory):
    """The data set with a film in its middle that cannot be read, and that film's id."""
    return spoil(places[0], tmp_path_factory.mktemp("spoilt") / "films")


def spoil(data, root):
    """Make `root` a copy of the data set `data` whose middle film cannot be read; (root, that film's id)."""
    root.mkdir()
    for name in ("train_image_level.csv", "train_study_level.csv"):
        shutil.copy(data / name, root)
    films = sorted(data.glob("train/*/*/*.dcm"))
    for path in films:
        place = root / path.relative_to(data)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(path)
    broken = root / films[len(films) // 2].relative_to(data)
    broken.unlink()
    broken.write_bytes(b"what was once a film")
    return root, broken.stem


@pytest.fixture(scope="module")
def address(spoilt, places, browser, tmp_path_factory):
    """Address of the server that has the spoilt data set open."""
    folder = tmp_path_factory.mktemp("server")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GROUNDGLASS_CACHE", str(folder / "cache"))
        with served("viewer/app.py", folder / "log", "--data", str(spoilt[0]), "--predictions", str(places[1]),
                    root=ROOT) as server:
            yield server


class Reader:
    """A reader with the page open; `asked` are the addresses that the browser has fetched from."""

    def __init__(self, browser, address, query="", size=WINDOWS[0], ready=""):
        self.page = browser.new_page()
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.asked, self.errors = [], []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{address}/?{query}")
        self.film = self.page.locator(".film")
        self.film.wait_for(timeout=PATIENCE * 1000)
        self.until(lambda: self.data("state") in ("ready", "error"))
        self.page.locator(ready or ("table.aps" if "blind" not in query else ".hidden")).wait_for()

    def until(self, condition):
        until(self.page, condition)

    def data(self, name):
        return self.film.get_attribute(f"data-{name}")

    def shows(self, image_id):
        self.until(lambda: self.data("film") == image_id and self.data("state") in ("ready", "error"))

    @property
    def mean(self):
        return self.page.locator("tr.mean td.number").inner_text()

    @property
    def heading(self):
        return self.page.locator(".st-key-list_side h2").inner_text()

    def slide(self, key, *keys):
        self.page.locator(f".st-key-set_{key} input[type=range]").focus()
        for each in keys:
            self.page.keyboard.press(each)

    def click_row(self, row):
        grid = self.page.locator(".st-key-list canvas").first.bounding_box()
        place = grid["x"] + 80, grid["y"] + 32 + 28 * row + 14
        self.page.mouse.move(*place)
        self.page.wait_for_timeout(300)  # a hand does not jump; the tip of a button it left closes meanwhile
        self.page.mouse.click(*place)


@pytest.fixture
def reader(browser, address):
    """The page as it opens."""
    reader = Reader(browser, address)
    yield reader
    assert not reader.errors
    assert "Traceback" not in reader.page.inner_text("body")
    reader.page.close()


def test_the_next_film_is_shown_before_its_boxes_and_never_with_those_of_another(reader):
    reader.page.wait_for_timeout(2000)  # the next film is decoded ahead
    reader.film.evaluate("""film => {
      window.told = [];
      new MutationObserver(() => window.told.push([film.dataset.film, film.dataset.state, film.dataset.boxes]))
        .observe(film, { attributes: true, attributeFilter: ["data-film", "data-state", "data-boxes"] });
    }""")
    here = reader.data("film")
    reader.page.keyboard.press("n")
    reader.until(lambda: reader.data("film") != here and reader.data("state") == "ready")
    reader.until(lambda: reader.data("boxes") != "0")
    there, told = reader.data("film"), reader.page.evaluate("window.told")
    assert {film for film, state, _ in told if state == "foreseen"} == {there}
    assert {boxes for _, state, boxes in told if state == "foreseen"} == {"0"}
    assert there in reader.film.locator(".caption").inner_text()
    alone = reader.data("boxes")
    reader.page.reload()
    reader.shows(there)
    reader.until(lambda: reader.data("boxes") == alone)


def test_a_slider_moves_the_boxes_on_the_film_and_the_score_of_the_set(reader):
    boxes, mean, here = reader.data("boxes"), reader.mean, reader.data("film")
    reader.slide("show", "Home")
    reader.until(lambda: int(reader.data("boxes")) > int(boxes))
    assert reader.mean == mean, "what is shown is no part of the score"
    shown = reader.data("boxes")
    reader.slide("iou", "Home")
    reader.until(lambda: reader.data("boxes") != shown and reader.mean != mean)
    assert reader.page.locator("tr.mean td.change").inner_text().startswith(("+", "−"))
    assert reader.data("film") == here
    assert "show=0" in reader.page.url and "iou=0" in reader.page.url


def test_the_page_says_what_it_is_not_for_and_asks_no_other_host(reader, address):
    assert reader.page.locator(".research").inner_text() == "Research use only. Not for diagnosis."
    assert all(url.startswith((address, address.replace("http", "ws"), "data:", "blob:")) for url in reader.asked)


def test_the_error_film_is_in_the_list_and_says_why_and_the_next_opens(browser, address, spoilt):
    reader = Reader(browser, address, "kind=unread")
    assert reader.heading.startswith("Film 1 of 1 (")
    reader.shows(spoilt[1])
    assert reader.data("state") == "error" and reader.data("boxes") == "0"
    assert f"{spoilt[1]}.dcm is not a DICOM file" in reader.film.locator(".message").inner_text()
    assert "cannot be read" in reader.page.locator(".problem").inner_text()
    reader.page.goto(f"{address}/?film={spoilt[1]}")
    reader.shows(spoilt[1])
    reader.page.get_by_role("button", name="Previous").click()
    reader.until(lambda: reader.data("film") != spoilt[1] and reader.data("state") == "ready")
    reader.page.close()


def test_the_reader_goes_along_the_list_by_key_button_and_click(reader):
    """Each way moves the list's own mark too."""
    first = reader.data("film")
    reader.page.keyboard.press("ArrowRight")
    reader.until(lambda: reader.heading.startswith("Film 2 of"))
    second = reader.data("film")
    reader.page.keyboard.press("p")
    reader.shows(first)
    reader.page.get_by_role("button", name="Next").click()
    reader.shows(second)
    reader.click_row(3)
    reader.until(lambda: reader.heading.startswith("Film 4 of") and reader.data("film") not in (first, second))
    fourth = reader.data("film")
    reader.page.keyboard.press("ArrowDown")
    reader.until(lambda: reader.heading.startswith("Film 5 of"))
    reader.until(lambda: reader.data("film") != fourth and reader.data("state") == "ready")
    reader.page.keyboard.press("n")
    reader.until(lambda: reader.heading.startswith("Film 6 of"))
    reader.until(lambda: f"film={reader.data('film')}" in reader.page.url)


def test_a_fresh_page_heeds_the_first_click_on_its_list(reader):
    """Widgets that were drawn after the list was marked have not been moved by the reader."""
    reader.click_row(3)
    reader.until(lambda: reader.heading.startswith("Film 4 of"))


def test_next_and_previous_work_while_a_slider_has_the_focus(reader):
    first = reader.data("film")
    reader.page.locator("input[type=range]").first.focus()
    reader.page.keyboard.press("n")
    reader.until(lambda: reader.heading.startswith("Film 2 of"))
    reader.page.keyboard.press("p")
    reader.shows(first)


def test_the_address_opens_the_same_film_and_settings_in_another_window(reader, browser):
    reader.slide("show", "Home", *["ArrowRight"] * 5)
    reader.slide("n", "Home")
    reader.page.keyboard.press("Tab")
    reader.until(lambda: "show=0.05" in reader.page.url and "n=0" in reader.page.url)
    reader.page.wait_for_timeout(1000)
    place, query = reader.page.url.split("?")
    other = Reader(browser, place.rstrip("/"), query)
    other.until(lambda: (other.data("film"), other.data("boxes"), other.mean) ==
                (reader.data("film"), reader.data("boxes"), reader.mean))
    other.page.close()


def test_a_click_on_a_box_says_what_made_it_and_draws_its_candidates(reader):
    reader.slide("show", "Home")
    reader.until(lambda: int(reader.data("boxes")) > 2)
    place, below = reader.film.bounding_box(), reader.page.locator(".st-key-below")
    why = reader.page.get_by_role("tab", name="Why this box")
    assert why.get_attribute("aria-selected") == "false"
    alone = int(reader.data("boxes"))
    for step in range(5, 95):  # across the film until a detection is hit; truth tells of itself, too
        reader.page.mouse.click(place["x"] + place["width"] * step / 100, place["y"] + place["height"] * .45)
        if (reader.data("picked") or "").startswith("d"):
            break
    reader.until(lambda: "candidate of" in below.inner_text() and "p(opacity)" in below.inner_text())
    assert why.get_attribute("aria-selected") == "true"
    reader.until(lambda: int(reader.data("boxes")) > alone)
    reader.page.keyboard.press("Escape")
    reader.until(lambda: int(reader.data("boxes")) == alone)


def test_layers_can_be_left_out_by_name(reader):
    truth = int(reader.data("boxes"))
    reader.slide("show", "Home")
    reader.until(lambda: int(reader.data("boxes")) > truth)
    boxes = int(reader.data("boxes"))
    reader.page.get_by_role("button", name="Detections").click()
    reader.until(lambda: int(reader.data("boxes")) < boxes)
    reader.page.get_by_role("button", name="Ground truth").click()
    reader.until(lambda: reader.data("boxes") == "0")


def test_a_column_name_sorts_the_list_for_next_and_previous_too(reader):
    grid = reader.page.locator(".st-key-list canvas").first.bounding_box()
    reader.page.mouse.click(grid["x"] + 40, grid["y"] + 16)
    reader.until(lambda: "order=id" in reader.page.url)
    reader.click_row(0)
    reader.until(lambda: reader.heading.startswith("Film 1 of"))
    reader.until(lambda: f"film={reader.data('film')}" in reader.page.url)  # the canvas hears of it last
    first = reader.data("film")
    reader.page.keyboard.press("n")
    reader.until(lambda: reader.data("film") > first)


@pytest.mark.parametrize(("query", "place", "told"), [("", 254, "order=TP"), ("order=FP", 284, "backwards=true")])
def test_a_name_of_a_narrow_column_sorts_the_list_and_opens_no_menu(browser, address, query, place, told):
    reader = Reader(browser, address, query)
    grid = reader.page.locator(".st-key-list canvas").first.bounding_box()
    reader.page.mouse.click(grid["x"] + place, grid["y"] + 16)
    reader.until(lambda: told in reader.page.url)
    assert not reader.page.get_by_text("Sort ascending").count()
    assert not reader.errors
    reader.page.close()


@pytest.mark.parametrize("size", WINDOWS)
def test_everything_fits_the_window_and_the_film_is_the_largest(browser, address, size, tmp_path):
    reader = Reader(browser, address, size=size)
    reader.page.wait_for_timeout(500)
    reader.page.screenshot(path=tmp_path / f"reading-{size[0]}x{size[1]}.png")
    root = "document.documentElement"
    assert reader.page.evaluate(f"[{root}.scrollWidth, {root}.scrollHeight]") == [*size]
    sides = {name: reader.page.locator(place).bounding_box() for name, place in {
        "film": ".film", "list": ".st-key-list_side", "panel": ".st-key-panel_side"}.items()}
    areas = {name: box["width"] * box["height"] for name, box in sides.items()}
    assert max(areas, key=areas.get) == "film"
    assert sides["list"]["x"] + sides["list"]["width"] <= sides["film"]["x"]
    assert sides["film"]["x"] + sides["film"]["width"] <= sides["panel"]["x"]
    wide = reader.page.evaluate("""[...document.querySelectorAll('.stMainBlockContainer *')].filter((each) => {
        const box = each.getBoundingClientRect();
        return box.width && box.right > innerWidth + 1 && !each.closest('.st-key-list, input');
    }).length""")
    assert wide == 0
    reader.page.close()
