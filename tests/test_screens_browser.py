"""The reading room on a 4K monitor, in a real browser: readable, sharp, and nothing over anything else.

Once at the monitor's own pixels, where the page draws itself larger, and once where the system has two pixels for each.
"""

import itertools

import pytest

from tests.browsing import chromium
from tests.panes_set import STUDIES, TRUTH
from tests.test_panes_four_browser import Room, address  # noqa: F401

SCREENS = [(3840, 2160, 1), (1920, 1080, 2)]  # CSS pixels, and pixels of the monitor to each
SMALLEST = 15  # pixels of the monitor: at the 0.16 mm of a 27 inch 4K monitor letters are 2.4 mm high
FILM = (240, 320)  # width and height of film a
PARTS = (".st-key-top", ".st-key-list_side", ".st-key-film_bar", ".st-key-alone", ".st-key-below", ".st-key-panel_side")
ON_FILM = (".caption", ".readout", ".warning", ".tools", ".minimap")
WALK = """const walk = (root) => [...root.querySelectorAll("*")].flatMap((each) =>
  [each, ...(each.shadowRoot ? walk(each.shadowRoot) : [])]);
const seen = (each) => each.checkVisibility({ visibilityProperty: true }) && each.getBoundingClientRect().width > 2;
"""
TEXTS = "() => {" + WALK + """
  const own = (each) => [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const size = (each) => parseFloat(getComputedStyle(each).fontSize) * each.currentCSSZoom * devicePixelRatio;
  return walk(document.body).filter((each) => seen(each) && own(each)).map((each) => [size(each), each.textContent]);
}"""
OUTSIDE = "() => {" + WALK + """
  const above = (each) => each.parentElement ?? each.getRootNode().host;
  const rolls = (each) => ["auto", "scroll"].includes(getComputedStyle(each).overflowY);
  const scrolls = (each) => each && (rolls(each) || scrolls(above(each)));
  const controls = walk(document.body).filter((each) => each.matches("button, input, a, [role=tab]") && seen(each));
  return controls.filter((each) => {
    const { left, right, top, bottom } = each.getBoundingClientRect();
    return left < 0 || right > innerWidth || !scrolls(above(each)) && (top < 0 || bottom > innerHeight);
  }).map((each) => each.textContent);
}"""
PAINTED = """(canvas, [x, y, width, height]) => canvas.getContext("2d").getImageData(x, y, width, height).data
  .some((value, i) => i % 4 === 3 && value > 0)"""


@pytest.fixture(scope="module", params=SCREENS, ids=lambda screen: f"{screen[0]}x{screen[1]} at {screen[2]}")
def screen(request):
    return request.param


@pytest.fixture(scope="module")
def browser(screen):
    with chromium() as engine:
        width, height, density = screen
        yield engine.new_context(viewport={"width": width, "height": height}, device_scale_factor=density)


@pytest.fixture(scope="module")
def room(browser, address):  # noqa: F811
    seen = Room(browser, address, "film=a&layers=Ground truth")
    seen.until(lambda: seen.told("state") == ["ready"] and seen.told("boxes") == [str(len(TRUTH))])
    yield seen
    assert not seen.errors
    seen.page.close()


def boxes_of(room, names):
    """Name -> the rectangle of the one element of that class that is to be seen."""
    return {name: room.page.locator(name).first.bounding_box() for name in names}


def apart(a, b):
    return (a["x"] + a["width"] <= b["x"] + .5 or b["x"] + b["width"] <= a["x"] + .5
            or a["y"] + a["height"] <= b["y"] + .5 or b["y"] + b["height"] <= a["y"] + .5)


def assert_all_apart(boxes):
    for (one, a), (other, b) in itertools.combinations(boxes.items(), 2):
        assert apart(a, b), (one, a, other, b)


def test_the_parts_of_the_page_lie_beside_each_other_and_the_film_fills_its_column(room, screen):
    parts = boxes_of(room, PARTS)
    assert_all_apart(parts)
    for name, box in parts.items():
        assert box["x"] >= 0 and box["x"] + box["width"] <= screen[0], (name, box)
        assert box["y"] >= 0 and box["y"] + box["height"] <= screen[1], (name, box)
    film, column = (room.page.locator(name).first.bounding_box() for name in (".film", ".st-key-film_side"))
    assert abs(film["width"] - column["width"]) <= 1 and abs(film["x"] - column["x"]) <= 1
    assert film["height"] > .6 * screen[1]


def test_no_control_is_out_of_the_window(room):
    assert room.page.evaluate(OUTSIDE) == []


def test_no_text_is_smaller_than_can_be_read(room):
    texts = room.page.evaluate(TEXTS)
    assert len(texts) > 60
    assert [text for size, text in texts if size < SMALLEST] == []


def test_the_rows_of_the_list_are_as_high_as_its_letters_ask(room, screen):
    rows = len(STUDIES) + 1  # with the columns' names
    height = rows * (42 if screen[2] == 1 else 28)
    room.until(lambda: room.page.locator(".st-key-list canvas").first.bounding_box()["height"] >= height)


def test_canvases_have_a_pixel_for_each_of_the_monitor(room, screen):
    for name in ("picture", "marks"):
        made, shown = room.page.locator(f".film canvas.{name}").evaluate(
            "canvas => [[canvas.width, canvas.height], [canvas.clientWidth, canvas.clientHeight]]")
        assert made == [round(side * screen[2]) for side in shown]


def test_boxes_lie_where_they_belong_and_the_pointer_finds_them(room, screen):
    """The film is in the middle of its canvas, `zoom` pixels of the monitor to one of its own."""
    marks, density = room.page.locator(".film canvas.marks"), screen[2]
    place, zoom = marks.bounding_box(), float(room.told("zoom")[0])
    left, top = (place[side] * density / 2 - length * zoom / 2 for side, length in zip(("width", "height"), FILM,
                                                                                       strict=True))
    x0, y0, x1, y1 = TRUTH[1]
    across, height = left + x0 * zoom, (y1 - y0) * zoom / 3
    for by, painted in ((0, True), (-12 * density, False), (12 * density, False)):
        strip = [round(across + by - 3), round(top + y0 * zoom + height), 7, round(height)]
        assert marks.evaluate(PAINTED, strip) == painted, (by, strip)
    room.page.mouse.move(place["x"] + across / density, place["y"] + (top + (y0 + y1) / 2 * zoom) / density)
    room.until(lambda: room.told("hovered") == ["t1"])


def test_what_stands_on_the_zoomed_film_lies_apart(room):
    place = room.page.locator(".film").bounding_box()
    room.page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    room.page.mouse.wheel(0, -480)
    room.page.locator(".minimap").wait_for()
    assert_all_apart(boxes_of(room, ON_FILM))
