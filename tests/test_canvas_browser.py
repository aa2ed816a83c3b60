"""The film canvas in a real browser, alone on a small page: what the reader sees is what was stored."""

import numpy as np

from core.display import grey_levels, grey_table, linear_exact
from tests.canvas_page import HEIGHT, read


def expected(name, look=None):
    film = read(f"{name}.dcm")
    return grey_table(film, look)[film.pixels.astype(int) + 32_768]


def test_first_look_is_exactly_the_grey_table(reader):
    """Signed values, a rescale and MONOCHROME1: every pixel as core.display has it."""
    assert np.array_equal(reader.greys(), expected("first"))
    assert "Research use only. Not for diagnosis." in reader.text("warning")
    assert reader.text("caption") == "first<i>caption</i>"  # text, never markup


def test_drag_sets_window_and_level(reader):
    """Right widens, down raises the level, and the greys are those of the window on the readout."""
    reader.drag(reader.at(20, 20), (reader.at(20, 20)[0] + 60, reader.at(20, 20)[1] + 30))
    center, width = map(float, reader.data("window").split("/"))
    assert center > 1000
    assert width > 3500
    film = read("first.dcm")
    values = film.pixels * film.slope + film.intercept
    assert np.array_equal(reader.greys(), grey_levels(linear_exact(values, center, width), film.inverted))
    reader.press(" ")
    reader.wait(window="", look="0")
    assert np.array_equal(reader.greys(), expected("first"))


def test_keys_change_the_picture(reader):
    """Looks by number, i inverts, space undoes both; no click is needed first."""
    reader.press("2")
    reader.wait(look="2")
    assert np.array_equal(reader.greys(), expected("first", read("first.dcm").looks[2]))
    reader.press("i")
    reader.wait(inverted="true")
    assert np.array_equal(reader.greys(), 255 - expected("first", read("first.dcm").looks[2]))
    reader.press("6")  # no such look
    reader.press(" ")
    reader.wait(inverted="false", look="0")
    assert np.array_equal(reader.greys(), expected("first"))


def test_layers_hide_by_key(reader):
    """a takes the AI's boxes, g the truth's, both come back; the canvas says what is hidden."""
    for key, boxes in (("a", "2"), ("g", "0"), ("a", "2"), ("g", "4")):
        reader.press(key)
        reader.wait(boxes=boxes)
    reader.press("a")
    reader.wait(detections="false")
    assert "AI hidden (a)" in reader.text("readout")


def test_wheel_zooms_at_the_cursor_and_right_drag_pans(reader):
    """The film's point under the cursor stays there, or goes with the hand."""
    start = reader.at(10.5, 30.5)
    reader.page.mouse.move(*start)
    before = reader.under_cursor()
    assert before.startswith("x 10  y 30  value")
    fitted = reader.data("zoom")
    reader.page.mouse.wheel(0, -240)
    reader.until(lambda: reader.data("zoom") != fitted)
    reader.wait(hurry="false")  # the wheel's turn is spread over some frames
    near = reader.data("zoom")
    assert float(near) > float(fitted)
    reader.page.mouse.move(start[0], start[1] + 1)
    assert reader.under_cursor() == before
    seq = reader.data("seq")
    reader.drag(start, (start[0] + 50, start[1] + 20), button="right")
    reader.until(lambda: reader.data("seq") != seq)
    reader.page.mouse.move(start[0] + 50, start[1] + 21)
    assert reader.under_cursor() == before
    assert reader.data("zoom") == near
    reader.press("=")
    reader.wait(zoom=fitted)


def test_hover_tells_and_click_picks(reader):
    """A mark's numbers as text, and its id in Python; only for the film it lies on."""
    reader.page.mouse.move(*reader.at(8, 25))
    reader.wait(hovered="d0")
    assert reader.text("tooltip") == "Detection: true positiveconfidence 0.900IoU 0.750<b>bold</b>"
    reader.page.mouse.click(*reader.at(44, 50))
    reader.says("picked d1")
    reader.press("Escape")
    reader.says("picked None")


def test_error_leaves_nothing_of_the_film_before(reader):
    """An unreadable film in the middle of the list: its sentence, no picture, no box; the keys go on."""
    reader.press("ArrowRight")
    reader.wait(state="error", film="broken", boxes="0")
    assert reader.text("message") == "broken.dcm has 0 pixels, but a film has some: <b>send</b> it again."
    assert reader.painted() == [0, 0, 0]
    assert reader.text("readout") == ""
    reader.press("PageDown")
    reader.wait(state="ready", film="last", boxes="4")
    assert reader.text("message") == ""
    assert np.array_equal(reader.greys(), expected("last"))


def test_quick_steps_add_up_and_the_ends_hold(reader):
    """Presses before Python answers are that many films; a step beyond the end does not have to be undone."""
    reader.press(*["ArrowRight"] * 4)
    reader.wait(film="absent too", state="error")
    assert reader.text("message") == "The film is not in the data set: add it."
    reader.press("ArrowDown", "ArrowLeft")
    reader.wait(film="absent", state="error")  # the same sentence, yet another film
    reader.press("ArrowUp")
    reader.wait(film="last", state="ready")


def test_keys_stay_with_the_field_in_use(reader):
    """Writing hides no layer, a slider's arrows turn no page, yet letters still work beside a slider."""
    reader.page.get_by_label("note").fill("")
    reader.page.get_by_label("note").press_sequentially("again")
    reader.page.locator("[data-testid=stSlider] input").first.focus()
    reader.press("ArrowRight", "g")
    reader.wait(truth="false", film="first")
    reader.press("n")
    reader.wait(film="broken")
    reader.press("p")
    reader.wait(film="first", state="ready")
    assert reader.data("detections") == "true"


def test_slider_changes_boxes_and_fetches_no_pixels(reader):
    """A film's pixels come once, whatever happens to its boxes."""
    fetched = [url for url in reader.page.fetched if "/film/pixels/" in url]
    reader.page.locator("[data-testid=stSlider] input").first.focus()
    reader.press(*["PageUp"] * 5)
    reader.wait(boxes="3", film="first")
    assert [url for url in reader.page.fetched if "/film/pixels/" in url] == fetched


def test_resize_keeps_fit_and_picture(reader):
    """A lower canvas shows the whole film again, exactly."""
    reader.page.get_by_text("low", exact=True).click()
    reader.until(lambda: reader.film.bounding_box()["height"] == 400)
    reader.wait(zoom=str(400 / HEIGHT))
    assert np.array_equal(reader.greys(), expected("first"))


def test_one_listener_that_leaves_with_the_canvas(reader):
    """Unmounted, keys do nothing; mounted again, one press is one step."""
    reader.page.get_by_text("canvas", exact=True).click()
    reader.film.wait_for(state="detached")
    reader.press("ArrowRight", "i")
    reader.page.get_by_text("canvas", exact=True).click()
    reader.wait(state="ready", film="first", inverted="false")
    reader.press("ArrowRight")
    reader.wait(film="broken")
    reader.says("place 1")


def test_help_names_keys_and_steps(reader):
    """The question mark opens it, Escape closes it; it says how the picture was made."""
    reader.press("?")
    help_page = reader.film.locator(".help")
    assert help_page.is_visible()
    assert "Modality: values as stored." in help_page.text_content()
    assert help_page.evaluate("page => page.scrollWidth <= page.clientWidth")  # it is read from top to bottom
    groups = help_page.locator("h2").all_text_contents()
    assert groups == ["Films", "Zoom", "Brightness", "Layers", "Tools", "Signs", "How this picture was made"]
    told = {key for term in help_page.locator("dt").all_text_contents() for key in term.split(", ")}
    assert told >= {"n", "p", "=", "0", "9", "i", "l", "e", "v", "z", "m", "a", "g", "?", "1", "2", "3", "4", "5"}
    reader.press("Escape")
    assert not help_page.is_visible()
    assert reader.film.get_attribute("role") == "application"
    assert "48 by 64 pixels. 2 ground-truth boxes, 2 detections" in reader.film.get_attribute("aria-label")


FILM, ZOOM, TOOL = {"film": "broken"}, {"zoom": None}, {"tool": None}  # what follows a key; None: another value
DONE = {  # a term of the help page -> for each of its keys: those pressed before, what they do, the key, its deed
    "n, Right, Down, Page Down": [([], {}, key, FILM) for key in ("n", "ArrowRight", "ArrowDown", "PageDown")],
    "p, Left, Up, Page Up": [(["n"], FILM, key, {"film": "first", "state": "ready"})
                             for key in ("p", "ArrowLeft", "ArrowUp", "PageUp")],
    "Wheel, + and -": [([], {}, "+", ZOOM), ([], {}, "-", ZOOM)], "=": [(["0"], ZOOM, "=", ZOOM)],
    "0": [([], {}, "0", ZOOM)], "9": [([], {}, "9", ZOOM)], "Space, double click": [(["0"], ZOOM, " ", ZOOM)],
    "1": [(["2"], {"look": "2"}, "1", {"look": "0"})], **{key: [([], {}, key, {"look": None})] for key in "2345"},
    "i": [([], {}, "i", {"inverted": "true"})], "l": [([], {}, "l", {"local": "true"})],
    "e": [([], {}, "e", {"edge": "true"})], "z": [([], {}, "z", TOOL)], "m": [([], {}, "m", TOOL)],
    "v": [(["n", "n"], {"film": "last", "state": "ready"}, "v", {"plain": "true"})],
    "a": [([], {}, "a", {"detections": "false"})], "g": [([], {}, "g", {"truth": "false"})],
    "d": [([], {}, "d", {"detections": "false"})],
}
TOGGLES = "ilevzmagd"
ELSEWHERE = {"Left drag", "Middle, right or shift drag", "Click", "?",  # above: the mouse, and the help page
             "w", "x", "b", "s", "h", "y"}  # what this page has none of: panes, drawing, and the other layers


def test_every_key_that_the_help_page_names_does_something(reader):
    """A term that neither this table nor another test knows is a key that nobody has tried."""
    names = ("film", "state", "zoom", "look", "inverted", "local", "edge", "tool", "plain", "detections", "truth")

    def told():
        return {name: reader.data(name) for name in names}

    def follows(was, deed):
        def done():
            now = told()
            return all(now[name] == value if value else now[name] != was[name] for name, value in deed.items())
        reader.until(done)

    reader.press("?")
    terms = reader.film.locator(".help section:not(:nth-last-child(-n+2)) dt").all_text_contents()
    assert set(terms) - ELSEWHERE == set(DONE)
    reader.press("Escape")
    first = told()
    for before, between, key, deed in (each for row in DONE.values() for each in row):
        reader.press(*before)
        follows(first, between)
        was = told()
        reader.press(key)
        follows(was, deed)
        if key in TOGGLES:
            reader.press(key)
            follows(was, {name: was[name] for name in deed})
        reader.press(*["p"] * ["first", "broken", "last"].index(reader.data("film")))
        follows(first, {"film": "first", "state": "ready"})
        reader.press(" ")
        follows(first, first)
