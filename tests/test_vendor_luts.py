"""Films without the tables of their maker: the same pixels, other looks, polarity and sentences."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from core.dicom import read_film
from core.vendor_luts import WISH, without_vendor_luts
from tests.film_files import film_file

RAMP = np.arange(1000, dtype=np.uint16).reshape(20, 50)


def voi_lut(entries):
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), 0, 16])
    item.add_new("LUTData", "OW", np.asarray(entries, "<u2").tobytes())
    return [item]


def opened(tmp_path, **attributes):
    return read_film(film_file(tmp_path / "film.dcm", RAMP, **attributes))


def test_a_bad_voi_lut_gives_way_to_the_headers_window(tmp_path):
    film = opened(tmp_path, VOILUTSequence=voi_lut([0, 65535] * 500), WindowCenter="500", WindowWidth="1000")
    plain = without_vendor_luts(film)
    assert film.looks[0].table is not None
    assert (plain.looks[0].center, plain.looks[0].width) == (500, 1000)
    assert all(look.table is None for look in plain.looks)
    assert f"VOI: VOI LUT Sequence {WISH}." in plain.steps
    assert len([step for step in plain.steps if step.startswith("VOI: shown first")]) == 1
    assert plain.pixels is film.pixels or np.array_equal(plain.pixels, film.pixels)


def test_without_a_window_the_films_own_percentiles_are_shown(tmp_path):
    plain = without_vendor_luts(opened(tmp_path, VOILUTSequence=voi_lut([0, 65535] * 500)))
    assert plain.looks[0].name == "1-99 %"


def test_a_presentation_lut_that_turns_the_film_over_is_left_out(tmp_path):
    film = opened(tmp_path, PresentationLUTShape="INVERSE")
    plain = without_vendor_luts(film)
    assert film.inverted and not plain.inverted
    assert plain.steps[-1] == (f"Presentation: MONOCHROME2, Presentation LUT Shape {WISH}: high values are bright.")
    bone = {film.inverted: next(look for look in film.looks if look.name == "bone") for film in (film, plain)}
    assert bone[False].center > 500 > bone[True].center  # the denser half is at the other end


@pytest.mark.parametrize("attributes", [
    {}, {"WindowCenter": "500", "WindowWidth": "1000"},
    {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
])
def test_a_film_without_such_tables_is_itself(tmp_path, attributes):
    film = opened(tmp_path, **attributes)
    assert without_vendor_luts(film) is film
