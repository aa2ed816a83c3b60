"""The gallery in a real browser: crops come, filters narrow them, one opens its film, an unreadable one says why."""

import shutil

import pytest

from tests.browsing import PATIENCE, chromium, served, until
from tests.conftest import ROOT

SAMPLE = ROOT / "assets" / "sample"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery")
    shutil.copytree(SAMPLE, folder / "set")
    for film in (folder / "set" / "train").rglob("*.dcm"):
        if film.stem == _spoilt():
            film.write_bytes(film.read_bytes()[:-3000])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GROUNDGLASS_CACHE", str(folder / "cache"))
        with served("viewer/app.py", folder / "log", "--data", str(folder / "set"), "--predictions",
                    str(folder / "set" / "predictions"), root=ROOT) as address, chromium() as browser:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(PATIENCE * 1000)
            page.address = address
            yield page


def _spoilt():
    """A film with two boxes: it is in the gallery at a display confidence that hides all detections."""
    for line in (SAMPLE / "train_image_level.csv").read_text().splitlines()[1:]:
        if line.count("'x'") == 2:
            return line.split("_image")[0]
    raise AssertionError("the sample set has no film with two boxes")


def opened(page, query=""):
    page.goto(f"{page.address}/gallery{query}")
    page.locator(".tile img").first.wait_for()


def test_crops_are_pictures_with_the_box_they_are_about(page):
    opened(page, "?gallery_set=false+positives")
    first = page.locator(".tile").first
    until(page, lambda: first.locator("img").evaluate("image => image.complete && image.naturalWidth > 0"))
    assert first.locator("rect[stroke='#ff9152']").count() >= 1
    assert first.get_attribute("aria-label").startswith("FP ")
    assert "FP" in first.locator(".letters").all_inner_texts()
    frame = first.locator(".frame").bounding_box()
    for box in (each.bounding_box() for each in first.locator(".letters").all()):
        assert box["x"] >= frame["x"] - 1 and box["x"] + box["width"] <= frame["x"] + frame["width"] + 1
        assert box["y"] >= frame["y"] - 1 and box["y"] + box["height"] <= frame["y"] + frame["height"] + 1


DETECTIONS = """(tiles) => [...tiles.querySelectorAll(".tile:has(svg)")].map((tile) => {
  const [, , width, height] = tile.querySelector("svg").getAttribute("viewBox").split(" ").map(Number);
  const boxes = [...tile.querySelectorAll("rect[stroke-opacity='1']:not([stroke-dasharray])")].map(
    (each) => ["x", "y", "width", "height"].map((name) => Number(each.getAttribute(name))));
  const inside = boxes.filter(([x, y, w, h]) => x < width && y < height && x + w > 0 && y + h > 0);
  const letters = [...tile.querySelectorAll(".letters")].filter((each) => ["TP", "FP"].includes(each.textContent));
  return [letters.length, inside.length, boxes.length];
})"""


def test_a_box_outside_the_crop_has_no_letters(page):
    opened(page, "?gallery_set=false+positives&show=0.05&gallery_order=size")
    tiles = page.locator(".tiles").first.evaluate(DETECTIONS)
    assert all(letters == inside for letters, inside, _ in tiles)
    assert any(inside < boxes for _, inside, boxes in tiles)


def test_a_kind_narrows_the_crops(page):
    opened(page, "?gallery_set=false+positives")
    before = page.locator(".heading h2").filter(has_text="boxes").inner_text()
    page.get_by_role("button", name="localisation", exact=True).click()
    until(page, lambda: set(page.locator(".tile .line:nth-child(2)").all_inner_texts()) == {"localisation"})
    assert before not in page.locator(".heading h2").all_inner_texts()


def test_a_crop_opens_its_film_in_the_reading_room(page):
    opened(page, "?gallery_set=false+positives")
    tile = page.locator(".tile").nth(1)
    wanted = tile.locator(".title").inner_text().removeprefix("FP ")
    tile.focus()
    page.keyboard.press("Enter")
    page.locator(f".film[data-state=ready][data-film='{wanted}']").wait_for()
    assert f"film={wanted}" in page.url
    page.locator(".film[data-picked^='d']").wait_for()
    until(page, lambda: page.get_by_role("tab", name="Why this box").get_attribute("aria-selected") == "true")


def test_a_film_that_cannot_be_read_says_so_in_its_crop_and_the_others_stay(page):
    opened(page, "?gallery_set=missed&show=1&gallery_order=film")
    spoilt = page.locator(".tile").filter(has_text=_spoilt())
    while not spoilt.count():
        page.get_by_role("button", name="Next").click()
        page.wait_for_timeout(500)
    spoilt.first.scroll_into_view_if_needed()
    spoilt.first.locator(".problem").wait_for()
    assert len(spoilt.first.locator(".problem").inner_text()) > 10
    assert spoilt.first.locator("svg").count() == 0 and page.locator(".tile img").count() > 2


def test_a_click_on_a_zone_keeps_its_crops_alone(page):
    opened(page, "?gallery_set=missed&show=1")
    plot = page.locator(".js-plotly-plot .nsewdrag").first
    plot.scroll_into_view_if_needed()
    place = plot.bounding_box()
    before = page.locator(".heading h2").filter(has_text="boxes").inner_text()
    page.mouse.click(place["x"] + place["width"] * .12, place["y"] + place["height"] * .56)  # right middle
    until(page, lambda: before not in page.locator(".heading h2").all_inner_texts())
    chosen = page.locator(".st-key-gallery_zones [aria-checked=true], .st-key-gallery_zones [aria-pressed=true]")
    until(page, lambda: chosen.all_inner_texts() == ["right middle"])
