"""The ruler in a real browser."""

import re


def pink(reader):
    """[left, top, bottom] of the rulers' ink, in CSS pixels of the page; None without any."""
    return reader.film.locator("canvas.marks").evaluate(
        """canvas => {
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            const ink = [...Array(canvas.width * canvas.height).keys()].filter((i) =>
                data[4 * i] > 240 && Math.abs(data[4 * i + 1] - 158) < 12 && Math.abs(data[4 * i + 2] - 229) < 12);
            const xs = ink.map((i) => i % canvas.width), ys = ink.map((i) => Math.floor(i / canvas.width));
            const box = canvas.getBoundingClientRect();
            return ink.length ? [Math.min(...xs) + box.x, Math.min(...ys) + box.y, Math.max(...ys) + box.y] : null;
        }""")


def test_ruler_measures_in_millimetres_at_the_detector(reader):
    """Rows .4 mm and columns .2 mm apart: 20 columns and 10 rows are 4 and 4 mm; the ink is where the hand was."""
    window = reader.data("window")
    reader.press("m")
    reader.wait(tool="ruler")
    assert "left drag measures (m)" in reader.text("readout")
    start, end = reader.at(10, 30), reader.at(30, 40)
    reader.drag(start, end)
    reader.wait(rulers="5.7 mm at the detector")
    left, top, bottom = pink(reader)
    assert abs(left - start[0]) < 8 and abs(top - start[1]) < 8 and abs(bottom - end[1]) < 12
    assert "Ruler: 5.7 mm at the detector." in reader.film.get_attribute("aria-label")
    reader.drag(reader.at(5, 50), reader.at(5, 60))
    reader.wait(rulers="5.7 mm at the detector; 4.0 mm at the detector")
    assert reader.data("window") == window  # a drag that measures leaves the window alone


def test_ruler_stays_on_the_film_while_it_moves(reader):
    """Zoomed and panned, it measures the same."""
    reader.press("m")
    reader.drag(reader.at(10, 30), reader.at(30, 40))
    reader.wait(rulers="5.7 mm at the detector")
    before = pink(reader)
    reader.drag(reader.at(20, 20), (reader.at(20, 20)[0] + 40, reader.at(20, 20)[1] + 30), button="right")
    reader.until(lambda: abs(pink(reader)[1] - before[1] - 30) <= 1)
    assert reader.data("rulers") == "5.7 mm at the detector"


def test_escape_removes_the_last_ruler_and_the_next_film_has_none(reader):
    """Rulers belong to the film; the tool stays. Without a spacing lengths are in pixels."""
    reader.press("m")
    for row in (30, 40):
        reader.drag(reader.at(10, row), reader.at(30, row))
    reader.wait(rulers="4.0 mm at the detector; 4.0 mm at the detector")
    reader.press("Escape")
    reader.wait(rulers="4.0 mm at the detector")
    reader.press("Escape")
    reader.wait(rulers="")
    assert pink(reader) is None
    reader.drag(reader.at(10, 30), reader.at(30, 30))
    reader.press("ArrowRight", "ArrowRight")
    reader.wait(state="ready", film="last", rulers="", tool="ruler")
    assert pink(reader) is None
    reader.drag(reader.at(10, 10), reader.at(13, 14))
    reader.until(lambda: reader.data("rulers"))
    assert re.fullmatch(r"(4\.9|5\.0|5\.1) pixels", reader.data("rulers"))
    reader.press("m")
    reader.wait(tool="window")
