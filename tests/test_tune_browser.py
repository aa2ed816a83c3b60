"""Sliders under the mouse, in a real browser: the page follows the drag, and the last value is the one shown."""

import pytest

from core.fusion import FusionSettings
from core.labels import read_truth
from core.levels import ScoreSettings
from core.predictions import read_predictions
from core.scoring import answer, score
from tests.browsing import PATIENCE, chromium, served, until
from tests.conftest import ROOT

SAMPLE = ROOT / "assets" / "sample"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GROUNDGLASS_CACHE", str(folder / "cache"))
        with served("viewer/app.py", folder / "log", root=ROOT) as address, chromium() as browser:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(PATIENCE * 1000)
            page.address, page.log = address, folder / "log"
            yield page


def opened(page, path):
    page.goto(f"{page.address}/{path}")
    page.locator(".film[data-state=ready]").wait_for()
    page.locator("table.aps").wait_for()


def mean(page):
    return page.locator("tr.mean td.number").inner_text()


def drag(page, label, shares, on_the_way=lambda: None):
    """Drag the slider through the `shares` of its track; `on_the_way` is called before it is let go."""
    slider = page.get_by_label(label, exact=True)
    box = slider.bounding_box()
    for place, share in enumerate(shares):
        page.mouse.move(box["x"] + 8 + share * (box["width"] - 16), box["y"] + box["height"] / 2)
        if not place:
            page.mouse.down()
        page.wait_for_timeout(30)
    on_the_way()
    page.mouse.up()
    return float(slider.input_value())


def expected(**fusion):
    given = read_predictions(SAMPLE / "predictions")
    found = score(read_truth(SAMPLE), answer(given, FusionSettings(**fusion), ScoreSettings()))
    return f"{found.evaluation.mean:.3f}"


def test_page_and_address_show_the_last_value_of_a_drag(page):
    opened(page, "tune?method=nms")
    assert mean(page) == expected(method="nms")
    shares = [.5, .6, .7, .8, .9, .97, .9, .7, .5, .3, .2, .15, .12, .1]

    def on_the_way():
        held = float(page.get_by_label("IoU threshold", exact=True).input_value())
        until(page, lambda: mean(page) == expected(method="nms", iou=held))
        assert "iou=" not in page.url
    value = drag(page, "IoU threshold", shares, on_the_way)
    until(page, lambda: mean(page) == expected(method="nms", iou=value))
    until(page, lambda: f"iou={value:g}" in page.url and "method=nms" in page.url)
    page.wait_for_timeout(1000)  # nothing late undoes it
    assert mean(page) == expected(method="nms", iou=value) and value < .2
    assert page.get_by_label("IoU threshold", exact=True).input_value() == f"{value:g}"
    assert "Traceback" not in page.log.read_text()


def test_who_drags_a_slider_away_and_back_sees_what_was_there_before(page):
    opened(page, "tune?method=nms")
    slider = page.get_by_label("IoU threshold", exact=True)
    box, start, before = slider.bounding_box(), float(slider.input_value()), mean(page)
    places = {share: (box["x"] + 8 + share * (box["width"] - 16), box["y"] + box["height"] / 2)
              for share in (start, .05)}
    page.mouse.move(*places[start])
    page.mouse.down()
    page.mouse.move(*places[.05])
    until(page, lambda: mean(page) != before)
    page.mouse.move(*places[start])
    until(page, lambda: float(slider.input_value()) == start and mean(page) == before)
    page.mouse.up()
    page.wait_for_timeout(500)  # nothing late undoes it
    assert mean(page) == before and "iou=" not in page.url


def test_a_slider_follows_the_arrow_keys_and_is_reported_when_the_key_is_let_go(page):
    opened(page, "tune?method=nms&iou=0.3")
    page.get_by_label("IoU threshold", exact=True).focus()
    for _ in range(3):
        page.keyboard.down("ArrowRight")
    until(page, lambda: mean(page) == expected(method="nms", iou=.33))
    assert "iou=0.3&" in f"{page.url}&"
    page.keyboard.up("ArrowRight")
    until(page, lambda: "iou=0.33" in page.url and mean(page) == expected(method="nms", iou=.33))


def test_film_and_settings_go_along_to_the_other_page_and_back(page):
    opened(page, "tune?method=nms&iou=0.3")
    film, there = page.locator(".film").get_attribute("data-film"), mean(page)
    page.get_by_role("link", name="Reading room").click()
    page.locator(".st-key-list_side").wait_for()
    until(page, lambda: page.locator(".film").get_attribute("data-film") == film and mean(page) == there)
    until(page, lambda: "iou=0.3" in page.url and f"film={film}" in page.url)
    assert page.get_by_label("IoU threshold", exact=True).input_value() == "0.3"


def test_in_the_reading_room_boxes_follow_the_drag_and_the_list_waits_for_its_end(page):
    opened(page, "?method=nms&show=0.9")
    film, table, first = page.locator(".film"), page.locator("table.boxes"), page.locator(".stDataFrame").bounding_box()
    boxes, rows = film.get_attribute("data-boxes"), table.inner_text()

    def on_the_way():
        until(page, lambda: film.get_attribute("data-boxes") != boxes and table.inner_text() != rows)
        assert "show=0.9" in page.url and page.locator(".stDataFrame").bounding_box() == first
    value = drag(page, "Display confidence", [.9, .7, .4, .2, .1, .05], on_the_way)
    until(page, lambda: f"show={value:g}" in page.url)
    assert "Traceback" not in page.log.read_text()


def test_a_cell_of_a_sweep_is_adopted_by_a_click(page, tmp_path):
    opened(page, "tune?method=wbf&iou=0.5")
    page.get_by_text("Sweep", exact=True).first.click()
    page.get_by_role("textbox", name="Rows").fill("iou=.3,.6")
    page.get_by_role("textbox", name="Columns").fill("method=nms,wbf")
    page.get_by_role("button", name="Compute").click()
    page.get_by_text("A click on a cell names its settings").wait_for()
    grid = page.locator(".st-key-heat canvas").first
    grid.scroll_into_view_if_needed()
    place = grid.bounding_box()
    page.mouse.click(place["x"] + place["width"] * .5, place["y"] + 35 * 1.5)  # the first row, the method nms
    page.get_by_role("button", name="Adopt iou 0.3, method nms").click()
    until(page, lambda: "iou=0.3" in page.url and "method=nms" in page.url and mean(page) == expected(
        method="nms", iou=.3))
    page.screenshot(path=tmp_path / "sweep.png")
    assert "Traceback" not in page.log.read_text()


def test_a_sweep_is_cancelled_while_it_runs_and_another_one_leaves_nothing_of_it(page):
    opened(page, "tune?method=wbf")
    page.get_by_text("Sweep", exact=True).first.click()
    page.get_by_role("textbox", name="Rows").fill("iou=.3:.7:.005")
    page.get_by_role("textbox", name="Columns").fill("skip=0:.3:.005")
    page.get_by_role("button", name="Compute").click()
    cancel, said = page.get_by_role("button", name="Cancel the sweep"), page.get_by_text("The sweep was cancelled")
    cancel.click()
    said.wait_for()
    done = int(said.inner_text().split(": ")[1].split(" of ")[0])
    assert done < 81 * 61 and not cancel.count()
    page.get_by_role("textbox", name="Rows").fill("iou=.3,.6")
    page.get_by_role("textbox", name="Columns").fill("method=nms,wbf")
    page.get_by_role("button", name="Compute").click()
    page.get_by_role("heading", name="opacity: iou by method").wait_for()
    until(page, lambda: not said.count() and not cancel.count())
    assert "skip" not in page.locator(".heading h2").last.inner_text()
    assert "Traceback" not in page.log.read_text()


def test_a_search_is_cancelled_while_it_runs_and_tells_what_it_has_found_so_far(page):
    opened(page, "tune")
    page.get_by_text("Find the best", exact=True).first.click()
    page.get_by_role("button", name="Find the best settings").click()
    cancel = page.get_by_role("button", name="Cancel the search")
    cancel.click()
    page.get_by_text("settings tried, stopped early").wait_for()
    until(page, lambda: not cancel.count())
    assert "Traceback" not in page.log.read_text()
