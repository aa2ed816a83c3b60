"""The worklist in a real browser: the grid with its thumbnails and boxes, its sheets, and lists that are kept."""

from pathlib import Path

import pytest

from tests.browsing import chromium, served
from tests.conftest import ROOT
from tests.test_browser import Reader, spoil

SAMPLE = ROOT / "assets" / "sample"


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory):
    return spoil(SAMPLE, tmp_path_factory.mktemp("spoilt") / "films")


@pytest.fixture(scope="module")
def browser():
    with chromium() as engine:
        yield engine.new_context(accept_downloads=True)


@pytest.fixture(scope="module")
def address(spoilt, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CACHE", "LISTS", "AUDIT"):
            patch.setenv(f"GROUNDGLASS_{name}", str(folder / name))
        with served("viewer/app.py", folder / "log", "--data", str(spoilt[0]), "--predictions",
                    str(SAMPLE / "predictions"), root=ROOT) as server:
            yield server


def open_page(browser, address, query):
    reader = Reader(browser, address, query)
    reader.tiles = reader.page.locator(".tile")
    return reader


def close(reader):
    assert not reader.errors
    assert "Traceback" not in reader.page.inner_text("body")
    reader.page.close()


def test_the_grid_shows_films_with_their_boxes_and_goes_along_the_same_list(browser, address):
    reader = open_page(browser, address, "look=grid")
    reader.until(lambda: reader.tiles.count() == 24)
    here = reader.page.locator(".tile[aria-current]")
    assert here.get_attribute("data-id") == reader.data("film")
    reader.until(lambda: here.locator("img").evaluate("image => image.complete && image.naturalWidth > 0"))
    assert here.locator("rect").count() == 2 * int(reader.data("boxes")), "each has a dark rim"
    assert here.locator("rect[stroke-dasharray]").count() >= 2, "ground truth is dashed"
    told = [each for each in reader.page.locator("tr td:nth-child(2)").all_inner_texts() if each in ("TP", "FP", "FN")]
    assert told and sorted(here.locator(".letters").all_inner_texts()) == sorted(told)
    second = reader.tiles.nth(1).get_attribute("data-id")
    reader.page.keyboard.press("ArrowRight")
    reader.shows(second)
    reader.until(lambda: here.get_attribute("data-id") == second)
    reader.tiles.nth(4).click()
    reader.until(lambda: reader.heading.startswith("Film 5 of"))
    reader.page.get_by_role("button", name="Next sheet").click()
    reader.until(lambda: reader.tiles.count() == 44 - 24)
    reader.tiles.nth(0).click()
    reader.until(lambda: reader.heading.startswith("Film 25 of"))
    reader.page.keyboard.press("ArrowLeft")  # to the sheet before
    reader.until(lambda: reader.tiles.count() == 24 and reader.heading.startswith("Film 24 of"))
    close(reader)


def test_a_film_that_cannot_be_read_in_the_middle_of_the_grid_is_one_tile_with_words(browser, address, spoilt):
    reader = open_page(browser, address, f"look=grid&order=id&film={spoilt[1]}")
    reader.until(lambda: reader.tiles.count() > 0)
    tile = reader.page.locator(f'.tile[data-id="{spoilt[1]}"]')
    assert "The film cannot be read." in tile.inner_text() and tile.locator("img").count() == 0
    assert reader.data("state") == "error"
    reader.page.keyboard.press("ArrowRight")
    reader.until(lambda: reader.data("state") == "ready")
    close(reader)


def test_filters_are_in_the_address_and_a_list_is_kept_handed_on_and_opened_again(browser, address, tmp_path):
    reader = open_page(browser, address, "class=typical&order=worst&backwards=true")
    count = reader.heading.split(" of ")[1].split()[0]
    page = reader.page
    page.get_by_role("button", name="Lists").click()
    page.get_by_label("Keep the films listed now as").fill("to <b>show</b>")
    page.get_by_role("button", name="Keep", exact=True).click()
    reader.until(lambda: "within=" in page.url)
    assert "class=typical" in page.url and "order=worst" in page.url and "backwards=true" in page.url
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a file").click()
    download.value.save_as(tmp_path / "mine.txt")
    ids = Path(tmp_path / "mine.txt").read_text().split()
    assert len(ids) == int(count) and ids[0] == reader.data("film")
    close(reader)

    again = open_page(browser, address, "")
    again.page.get_by_role("button", name="Lists").click()
    again.page.locator("input[type=file]").set_input_files(tmp_path / "mine.txt")
    again.until(lambda: f"of {count} (44 in all)" in again.heading)
    assert "within=mine" in again.page.url
    close(again)


@pytest.mark.parametrize("size", [(1440, 900), (1024, 768)])
def test_grid_and_filter_fit_the_window(browser, address, size, tmp_path):
    reader = open_page(browser, address, "look=grid")
    reader.page.set_viewport_size({"width": size[0], "height": size[1]})
    reader.until(lambda: reader.tiles.count() == 24)
    reader.page.wait_for_timeout(500)
    root = "document.documentElement"
    assert reader.page.evaluate(f"[{root}.scrollWidth, {root}.scrollHeight]") == [*size]
    pager = reader.page.locator(".st-key-pager").bounding_box()
    assert pager["y"] + pager["height"] <= size[1]
    wide = reader.tiles.first.bounding_box()["width"]
    assert 120 < wide < 220
    reader.page.get_by_role("button", name="Filter").click()
    popover = reader.page.get_by_role("combobox", name="Order by").bounding_box()
    assert popover["y"] + popover["height"] <= size[1]
    reader.page.screenshot(path=tmp_path / f"grid-{size[0]}.png")
    close(reader)
