"""The optional looks in a real browser: local contrast is OpenCV's CLAHE, edge is an unsharp mask."""

import cv2
import numpy as np

from core.display import shown
from tests.canvas_page import read


def clahe(greys):
    return cv2.createCLAHE(2.5, (8, 8)).apply(greys).astype(int)


def unsharp(greys):
    mean = cv2.blur(greys.astype(np.float64), (3, 3), borderType=cv2.BORDER_REPLICATE)  # one pixel around, on 64
    return np.clip(greys + 1.5 * (greys - mean), 0, 255)


def test_local_contrast_is_clahe_of_the_windowed_film(reader):
    greys = shown(read("first.dcm"))
    reader.press("l")
    reader.wait(local="true")
    assert np.abs(reader.greys() - clahe(greys)).max() <= 1
    assert "local contrast on (l)" in reader.text("readout")
    reader.press("4")  # it follows the window
    reader.wait(look="3")
    narrow = shown(read("first.dcm"), read("first.dcm").looks[3])
    assert np.abs(reader.greys() - clahe(narrow)).max() <= 1
    reader.press("l", "1")
    reader.wait(local="false", look="0")
    assert np.array_equal(reader.greys(), greys)
    assert "local contrast" not in reader.text("readout")


def test_edge_sharpens_the_windowed_film(reader):
    greys = shown(read("first.dcm"))
    reader.page.get_by_role("button", name="Edge, key e").click()
    reader.wait(edge="true")
    assert "edge on (e)" in reader.text("readout")
    assert np.abs(reader.greys() - unsharp(greys)).max() <= 1
    reader.press("l")
    reader.wait(local="true", edge="true")
    reader.press("?")
    assert "local contrast on (l), edge on (e)." in reader.text("help")
    reader.press("Escape", " ")
    reader.wait(local="false", edge="false")
    assert np.array_equal(reader.greys(), greys)


def test_a_new_film_is_shown_as_it_is(reader):
    reader.press("l", "e")
    reader.wait(local="true", edge="true")
    reader.press("ArrowRight", "ArrowRight")
    reader.wait(film="last", state="ready", local="false", edge="false")
    assert np.array_equal(reader.greys(), shown(read("last.dcm")))
