"""Presentation states shown by another program, dcmtk's dcmp2pgm, beside the film as the viewer shows it."""

import shutil
import subprocess

import cv2
import numpy as np
import pydicom
import pytest
from film_files import film_file
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from test_exports import errors_of

from core.dicom import read_film
from core.display import grey_levels, modality_values, shown, voi_output
from core.exports import export
from core.reported import Reported, origin_of

RAMP = np.add.outer(np.arange(40) * 50, np.arange(64) * 31).astype(np.uint16)  # 12 bits
CURVE = np.linspace(0, 1, 4096) ** 2
PATIENT = {"PatientName": "A^B", "PatientBirthDate": "19500101", "PatientSex": "F", "StudyID": "1",
           "StudyDate": "20200101", "StudyTime": "120000", "AccessionNumber": "1", "ReferringPhysicianName": "C^D",
           "SeriesInstanceUID": "1.2.3.4"}
WINDOW = {"WindowCenter": "2000", "WindowWidth": "3000"}


def table(descriptor, bits, part=slice(None)):
    """A look-up table of CURVE with entries of `bits` bits."""
    item = Dataset()
    item.add_new(Tag("LUTDescriptor"), "US", descriptor)
    item.add_new(Tag("LUTData"), "OW", np.rint(CURVE[part] * (2 ** bits - 1)).astype("<u2").tobytes())
    return item


FILMS = {
    "a window": WINDOW,
    "LINEAR_EXACT": {**WINDOW, "VOILUTFunction": "LINEAR_EXACT"},
    "SIGMOID, which dcmtk does not know": {**WINDOW, "VOILUTFunction": "SIGMOID"},
    "no window": {},
    "a narrow window beside a slope": {"WindowCenter": "800", "WindowWidth": "900", "RescaleSlope": "0.5",
                                       "RescaleIntercept": "-100"},
    "a VOI table of 16 bits": {"VOILUTSequence": [table([4096, 0, 16], 16)]},
    "a VOI table of 12 bits": {"VOILUTSequence": [table([4096, 0, 12], 12)]},
    "a VOI table that begins late": {"VOILUTSequence": [table([2000, 1000, 10], 10, slice(1000, 3000))]},
    "a Modality table": {"ModalityLUTSequence": [table([4096, 0, 12], 12)], **WINDOW},
    "both tables": {"ModalityLUTSequence": [table([4096, 0, 12], 12)], "VOILUTSequence": [table([4096, 0, 16], 16)]},
    "MONOCHROME1": {**WINDOW, "PhotometricInterpretation": "MONOCHROME1"},
    "MONOCHROME1 with a table": {"VOILUTSequence": [table([4096, 0, 16], 16)],
                                 "PhotometricInterpretation": "MONOCHROME1"},
}


def presented(place, attributes):
    """The film's file, its presentation state's, and what dcmp2pgm makes of the two, uint8 [H,W]."""
    film = film_file(place / "film.dcm", RAMP, BitsStored=12, HighBit=11, **PATIENT, **attributes)
    told = Reported("film", "s", film, 64, 40, np.zeros((0, 4), np.float32), np.zeros(0), 0.2, np.full(4, 0.25))
    done = export([told], origin_of({}, 0.25), ("gsps",), place)
    assert done.failed == {}
    subprocess.run(["dcmp2pgm", "-q", "-p", done.files[0], film, place / "theirs.pgm"], check=True)
    return film, done.files[0], cv2.imread(str(place / "theirs.pgm"), cv2.IMREAD_UNCHANGED)


@pytest.mark.skipif(not shutil.which("dcmp2pgm"), reason="dcmtk is not installed: apt-get install dcmtk")
@pytest.mark.parametrize("name", FILMS)
def test_another_program_shows_the_state_as_the_viewer_shows_the_film(name, tmp_path):
    """The same grey level, but for dcmtk's cutting off where the viewer rounds."""
    place, state, theirs = presented(tmp_path, FILMS[name])
    film = read_film(place)
    assert theirs.shape == film.pixels.shape and np.ptp(theirs) > 100
    assert np.abs(theirs.astype(int) - shown(film)).max() <= 1
    if name in ("a window", "MONOCHROME1"):  # all of the difference is the cut: without it the two are equal
        output = voi_output(modality_values(film.pixels, film.slope, film.intercept), film.looks[0])
        assert np.array_equal(theirs, np.floor(255 * (1 - output if film.inverted else output) + 1e-9))
    if shutil.which("dciodvfy"):
        assert errors_of(state) == []


def test_a_sigmoid_is_written_as_a_table_where_that_is_exact_and_else_as_the_function(tmp_path):
    from core.presentation import _voi

    for number, (slope, as_table) in enumerate((("1", True), ("0.5", False))):
        film = read_film(film_file(tmp_path / f"{number}.dcm", RAMP, BitsStored=12, HighBit=11, RescaleSlope=slope,
                                   RescaleIntercept="0", VOILUTFunction="SIGMOID", **WINDOW))
        voi = _voi(film)
        assert ("VOILUTSequence" in voi) is as_table and ("VOILUTFunction" in voi) is not as_table
        if as_table:
            entries = np.frombuffer(voi.VOILUTSequence[0].LUTData, "<u2")
            assert np.abs(grey_levels(entries[film.pixels] / 65535, False).astype(int) - shown(film)).max() <= 1


def test_a_table_of_negative_inputs_is_written_as_the_window_that_it_spans(tmp_path):
    item = Dataset()
    item.add_new(Tag("LUTDescriptor"), "SS", [4096, -2048, 12])
    item.add_new(Tag("LUTData"), "OW", np.arange(4096, dtype="<u2").tobytes())
    place = film_file(tmp_path / "film.dcm", RAMP.astype(np.int16) - 2000, VOILUTSequence=[item], **PATIENT)
    told = Reported("film", "s", place, 64, 40, np.zeros((0, 4), np.float32), np.zeros(0), 0.2, np.full(4, 0.25))
    done = export([told], origin_of({}, 0.25), ("gsps",), tmp_path)
    voi = pydicom.dcmread(*done.files).SoftcopyVOILUTSequence[0]
    assert (voi.WindowCenter, voi.WindowWidth, voi.VOILUTFunction) == (-0.5, 4095, "LINEAR_EXACT")


def test_signed_values_with_a_modality_table_are_refused_in_words(tmp_path):
    place = film_file(tmp_path / "film.dcm", RAMP.astype(np.int16) - 2000, **PATIENT,
                      ModalityLUTSequence=[table([4096, 0, 12], 12)])
    told = Reported("film", "s", place, 64, 40, np.zeros((0, 4), np.float32), np.zeros(0), 0.2, np.full(4, 0.25))
    done = export([told], origin_of({}, 0.25), ("gsps", "png"), tmp_path)
    assert "signed values and a Modality LUT" in done.failed["film"]


def test_a_table_of_twelve_bits_keeps_its_brightness(tmp_path):
    """Entries of 12 bits in a table that says 16 would be sixteen times too dark."""
    place = film_file(tmp_path / "film.dcm", RAMP, BitsStored=12, HighBit=11, **PATIENT,
                      VOILUTSequence=[table([4096, 0, 12], 12)])
    told = Reported("film", "s", place, 64, 40, np.zeros((0, 4), np.float32), np.zeros(0), 0.2, np.full(4, 0.25))
    state, = export([told], origin_of({}, 0.25), ("gsps",), tmp_path).files
    item = pydicom.dcmread(state).SoftcopyVOILUTSequence[0].VOILUTSequence[0]
    assert item.LUTDescriptor == [4096, 0, 16] and np.frombuffer(item.LUTData, "<u2").max() == 65535
