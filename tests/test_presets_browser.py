"""Presets, and the switch for bad LUTs of makers, in a real browser."""

import re

import numpy as np
import pytest

from core.display import shown
from core.vendor_luts import without_vendor_luts
from tests.canvas_page import read

KEYS = {"1": ["header VOI"], "2": ["min-max"], "3": ["1-99 %"], "4": ["narrow"], "5": ["bone", "soft tissue"]}


@pytest.mark.parametrize("key", KEYS)
def test_each_key_shows_its_preset_and_says_which(reader, key):
    """The greys are core.display's; a key with several looks goes through them and begins again."""
    film = read("first.dcm")
    names = [look.name for look in film.looks]
    reader.press("4" if key != "4" else "1")
    for name in [*KEYS[key], KEYS[key][0]]:
        look = names.index(name)
        reader.press(key)
        reader.wait(look=str(look))
        assert np.array_equal(reader.greys(), shown(film, film.looks[look]))
        said = reader.film.locator(".readout div").first.text_content()
        assert said.startswith(f"{name}  ·  W ")
        width, level = map(int, re.search(r"W (-?\d+)  L (-?\d+)", said).groups())
        assert abs(width - film.looks[look].width) <= .5
        assert abs(level - film.looks[look].center) <= .5


def test_a_bad_lut_is_switched_off_and_said_so(reader):
    """The picture, the readout and the sentences on how it was made follow; the switch stays for the next films."""
    reader.press("ArrowRight", "ArrowRight")
    reader.wait(state="ready", film="last")
    film, plain = read("last.dcm"), without_vendor_luts(read("last.dcm"))
    assert np.array_equal(reader.greys(), shown(film))
    assert reader.text("readout").startswith("header VOI 1  ·  by a table")
    button = reader.page.get_by_role("button", name="Heed the VOI LUT and presentation LUT of the film's maker, key v")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    reader.wait(plain="true")
    assert button.get_attribute("aria-pressed") == "false"
    assert np.array_equal(reader.greys(), shown(plain))
    assert "maker's LUTs left out (v)header VOI 2  ·  W 3000  L 900" in reader.text("readout")
    reader.says("plain True")
    reader.press("?")
    made = reader.text("help")
    assert all(step in made for step in plain.steps)
    assert "On the screen: header VOI 2, W 3000  L 900." in made
    reader.press("Escape", "ArrowLeft", "ArrowLeft")
    reader.wait(state="ready", film="first", plain="false")
    assert "no maker's LUT to leave out (v)" in reader.text("readout")
    assert not button.is_visible()
    reader.press("v")
    reader.says("plain False")
