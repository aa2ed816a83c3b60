"""A blinded first read in a real browser: boxes by drag, nothing given away before, all revealed after."""

import ast
import csv
import io
import re

import pytest

from tests.browsing import chromium, served
from tests.conftest import ROOT
from tests.test_browser import Reader

SAMPLE = ROOT / "assets" / "sample"


@pytest.fixture(scope="module")
def browser():
    with chromium() as engine:
        yield engine.new_context(accept_downloads=True)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CACHE", "LISTS", "AUDIT", "REVIEWS"):
            patch.setenv(f"GROUNDGLASS_{name}", str(folder / name))
        with served("viewer/app.py", folder / "log", root=ROOT) as server:
            yield server


def labels():
    return list(csv.DictReader(io.StringIO((SAMPLE / "train_image_level.csv").read_text())))


@pytest.fixture(scope="module")
def boxed():
    """Id of a film with ground-truth boxes, and the first of these as (x, y, width, height)."""
    row = next(each for each in labels() if each["boxes"])
    box = ast.literal_eval(row["boxes"])[0]
    return row["id"].removesuffix("_image"), tuple(float(box[name]) for name in ("x", "y", "width", "height"))


def drag(reader, start, end):
    """Draw by left drag from one point of the film to another, in its own pixels."""
    place, zoom = reader.film.bounding_box(), float(reader.data("zoom"))
    width, height = map(int, re.search(r"(\d+) by (\d+) pixels", reader.film.get_attribute("aria-label")).groups())
    left, top = place["x"] + (place["width"] - width * zoom) / 2, place["y"] + (place["height"] - height * zoom) / 2
    points = [(left + x * zoom, top + y * zoom) for x, y in (start, end)]
    reader.page.mouse.move(*points[0])
    reader.page.mouse.down()
    reader.page.mouse.move((points[0][0] + points[1][0]) / 2, (points[0][1] + points[1][1]) / 2, steps=3)
    reader.page.mouse.move(*points[1], steps=3)
    reader.page.mouse.up()


def test_a_blinded_read_gives_nothing_away_and_is_revealed_with_its_hits(browser, address, boxed):
    film, (x, y, width, height) = boxed
    frames = []
    browser.on("page", lambda page: page.on("websocket", lambda socket: socket.on(
        "framereceived", lambda data: frames.append(data if isinstance(data, bytes) else data.encode()))))
    reader = Reader(browser, address, f"blind=true&film={film}")
    page = reader.page
    page.wait_for_timeout(1500)
    assert frames, "the page's messages were seen"
    for secret in (b'"verdict"', b'"confidence"', b"labelled ", b"p(op)", b"Ground truth", b"bars aps", b"trouble"):
        assert not any(secret in each for each in frames), secret
    body = page.content()
    assert "labelled " not in body and "predicted " not in body and reader.data("boxes") == "0"
    assert not page.locator("table.aps").count() and not page.locator("table.probabilities").count()
    for key in ("a", "g"):
        page.keyboard.press(key)
        page.keyboard.press(key)
    assert reader.data("boxes") == "0", "no key shows what is not there"

    reveal = page.get_by_role("button", name="Reveal")
    assert reveal.is_disabled()
    drag(reader, (x, y), (x + width, y + height))
    drag(reader, (2, 2), (30, 30))
    reader.until(lambda: reader.data("drawn") == "2")
    reader.until(lambda: "2 boxes marked" in page.locator(".st-key-panel_side").inner_text())
    drag(reader, (60, 2), (80, 30))
    reader.until(lambda: reader.data("drawn") == "3")
    page.keyboard.press("Delete")
    reader.until(lambda: reader.data("drawn") == "2")
    page.keyboard.press("ArrowRight")  # what is drawn is kept for the way back
    reader.until(lambda: reader.data("film") != film and reader.data("state") == "ready")
    assert reader.data("drawn") == "0"
    page.keyboard.press("ArrowLeft")
    reader.shows(film)
    reader.until(lambda: reader.data("drawn") == "2")
    typical = page.locator(".st-key-panel_side").get_by_role("radio", name="typical", exact=True)
    side = page.locator(".st-key-panel_side")  # the form of the film between goes a moment after its picture
    reader.until(lambda: f"film={film}" in page.url and "2 boxes marked" in side.inner_text() and typical.count() == 1)
    typical.click()
    reader.until(lambda: reveal.is_enabled())
    reveal.click()
    reader.until(lambda: int(reader.data("boxes")) > 0)
    page.locator("table.aps").wait_for()
    told = page.locator(".st-key-panel_side").inner_text()
    assert "Your reads: 1" in told and "sensitivity" in told and "FP per film" in told
    assert reader.data("drawn") == "2" and reader.data("tool") == "window"
    with page.expect_download() as download:
        page.get_by_role("button", name="Save reads as CSV").click()
    (row,) = csv.DictReader(io.StringIO(download.value.path().read_text()))
    assert (row["film"], row["hits"], row["false positives"], row["class"]) == (film, "1", "1", "typical")
    assert float(row["seconds"]) > 1
    assert not reader.errors
    page.close()

    again = Reader(browser, address, f"blind=true&film={film}", ready="table.aps")  # in a new session
    assert again.data("drawn") == "2" and int(again.data("boxes")) > 0
    again.page.get_by_placeholder("Your name").fill("somebody else")
    again.page.keyboard.press("Enter")
    again.until(lambda: again.data("boxes") == "0" and again.data("drawn") == "0")
    again.page.close()


@pytest.mark.parametrize("size", [(1440, 900), (1024, 768)])
def test_the_blinded_page_fits_the_window(browser, address, size, tmp_path):
    unread = labels()[-1]["id"].removesuffix("_image")
    reader = Reader(browser, address, f"blind=true&film={unread}", size)
    reader.page.wait_for_timeout(500)
    root = "document.documentElement"
    assert reader.page.evaluate(f"[{root}.scrollWidth, {root}.scrollHeight]") == [*size]
    assert reader.page.get_by_role("button", name="Reveal").bounding_box()["y"] < size[1] - 40
    reader.page.close()
