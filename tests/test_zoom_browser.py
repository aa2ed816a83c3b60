"""Fit, 1:1, 2:1 and the minimap in a real browser."""

import numpy as np
import pytest

from tests.canvas_page import HEIGHT, WIDTH


def test_buttons_and_keys_show_film_pixels_one_to_one_and_two_to_one(reader):
    """Each button is named, does what its key does, and says whether it is on."""
    button = reader.page.get_by_role("button", name="One film pixel per screen pixel, key 0")
    button.click()
    reader.wait(zoom="1")
    assert button.get_attribute("aria-pressed") == "true"
    reader.press("9")
    reader.wait(zoom="2")
    assert button.get_attribute("aria-pressed") == "false"
    reader.page.get_by_role("button", name="Fit the film to the canvas, key =").click()
    reader.wait(zoom="10")
    reader.press("0", " ")  # a button that was clicked keeps no key
    reader.wait(zoom="10")


def test_space_presses_a_button_that_the_keyboard_has_reached(reader):
    reader.page.get_by_role("button", name="Two screen pixels per film pixel, key 9").focus()
    reader.press(" ")
    reader.wait(zoom="2")


def in_view(reader):
    """The part of the film that the page shows, told by the readout under two corners of the canvas."""
    frame = reader.film.bounding_box()
    corners = []
    for x, y in ((4, 4), (frame["width"] - 4, frame["height"] - 4)):
        reader.page.mouse.move(frame["x"] + x, frame["y"] + y)
        words = reader.under_cursor().split()
        corners += [int(words[1]), int(words[3])]
    return np.array(corners)


def test_minimap_shows_the_part_in_view_and_moves_it(reader):
    """Only while zoomed; its frame lies where the readout says, and a drag in it moves the film along."""
    minimap = reader.film.locator(".minimap")
    assert not minimap.is_visible()
    reader.page.mouse.move(*reader.at(24, 32))
    for _ in range(6):
        reader.page.mouse.wheel(0, -240)
    minimap.wait_for()
    reader.wait(hurry="false")
    frame = minimap.evaluate(
        """canvas => {
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            const yellow = [...Array(canvas.width * canvas.height).keys()].filter((i) =>
                data[4 * i] > data[4 * i + 2] + 40);
            const xs = yellow.map((i) => i % canvas.width), ys = yellow.map((i) => Math.floor(i / canvas.width));
            return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
        }""")
    assert np.abs(np.array(frame) - in_view(reader)).max() <= 2  # the page's film is its own smallest level
    box = minimap.bounding_box()
    assert box["width"] / box["height"] == pytest.approx(WIDTH / HEIGHT, rel=.02)
    start = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    reader.drag(start, (box["x"] + box["width"] * .75, box["y"] + box["height"] * .25))
    x0, y0, x1, y1 = in_view(reader)
    assert abs((x0 + x1 + 1) / 2 - WIDTH * .75) <= 2
    assert abs((y0 + y1 + 1) / 2 - HEIGHT * .25) <= 2
    reader.press("=")
    reader.until(lambda: not minimap.is_visible())
