"""One file -> one film: what headers say, what they should have said, and the sentence when nothing can be shown."""

import threading
import warnings

import cv2
import numpy as np
import pydicom
import pytest
from film_files import IMAGE, STUDY, film_file
from pydicom import uid
from pydicom.dataset import Dataset

from core.attributes import quiet
from core.dicom import polarity, read_film, read_header
from core.display import grey_table, model_picture, shown
from core.errors import BadSettings, GroundglassError
from core.png import write_png

RAMP = np.arange(1000, dtype=np.uint16).reshape(25, 40)


def item(descriptor, data, **more):
    """An item of a Modality or VOI LUT Sequence."""
    table = Dataset()
    table.LUTDescriptor, table.LUTData = descriptor, data
    table["LUTDescriptor"].VR = "SS" if descriptor[1] < 0 else "US"
    table["LUTData"].VR = "OW" if isinstance(data, bytes) else "US"
    for keyword, value in more.items():
        setattr(table, keyword, value)
    return table


def film(tmp_path, pixels=RAMP, **attributes):
    return read_film(film_file(tmp_path / "film.dcm", pixels, **attributes))


def greys(tmp_path, **attributes):
    """Grey levels of the stored values 0, 250, 500, 750 and 999 of a film of 0..999."""
    return grey_table(film(tmp_path, **attributes))[[0, 250, 500, 750, 999]].tolist()


@pytest.mark.parametrize("scheme, shape, inverted, reason", [
    ("MONOCHROME2", "", False, "high values are bright"),
    ("MONOCHROME1", "", True, "low values are bright"),
    ("MONOCHROME2", "IDENTITY", False, "as the standard pairs them"),
    ("MONOCHROME1", "INVERSE", True, "as the standard pairs them: one inversion, stated twice"),
    ("MONOCHROME2", "INVERSE", True, "a contradiction, in which the inversion was somebody's wish"),
    ("MONOCHROME1", "IDENTITY", True, "a contradiction, in which the inversion was somebody's wish"),
])
def test_polarity_comes_from_both_attributes(scheme, shape, inverted, reason):
    found, sentence = polarity(scheme, shape)
    assert found is inverted, reason
    assert ("contradict" in sentence) == ("contradiction" in reason)
    assert scheme in sentence and shape in sentence


WINDOW = {"WindowCenter": "500", "WindowWidth": "1000"}
HALVES = [0] * 500 + [4095] * 500


@pytest.mark.parametrize("attributes, levels, step, reason", [
    (WINDOW, [0, 64, 128, 191, 255], "centre 500, width 1000, LINEAR", "a linear window of the whole ramp"),
    (WINDOW | {"PhotometricInterpretation": "MONOCHROME1"}, [255, 191, 127, 64, 0], "low values are bright",
     "turned over after the window"),
    (WINDOW | {"VOILUTFunction": "LINEAR_EXACT"}, [0, 64, 128, 191, 255], "LINEAR_EXACT", "500 is the middle here"),
    (WINDOW | {"VOILUTFunction": "SIGMOID"}, [30, 69, 128, 186, 224], "SIGMOID", "1 / (1 + e^2) of 255 is 30.4"),
    (WINDOW | {"RescaleSlope": "2", "RescaleIntercept": "-500"}, [0, 0, 128, 255, 255], "x 2 - 500",
     "modality values run from -500 to 1498"),
    (WINDOW | {"RescaleSlope": "0"}, [0, 64, 128, 191, 255], "Slope 0", "a slope of 0 is not applied"),
    ({"ModalityLUTSequence": [item([1000, 0, 12], HALVES)], "WindowCenter": "2048", "WindowWidth": "4096"},
     [0, 0, 255, 255, 255], "look-up table of 1000 entries", "a modality table before the window"),
    (WINDOW | {"VOILUTSequence": [item([1000, 0, 12], HALVES, LUTExplanation="LUNG")]}, [0, 0, 255, 255, 255],
     "header VOI 1: LUNG", "a VOI table goes before a window"),
    ({"VOILUTSequence": [item([1000, 0, 12], np.array(HALVES, "<u2").tobytes())]}, [0, 0, 255, 255, 255],
     "header VOI", "table data as bytes"),
    ({"VOILUTSequence": [item([4, 0, 8], b"\0\x10\x20\xff")], "RescaleSlope": "0.003"}, [0, 16, 32, 32, 255],
     "table of 4 entries", "8-bit entries, one a byte, and modality values 0, .75, 1.5, 2.25, 2.997: 1.5 rounds to 2"),
    ({"VOILUTSequence": [item([1000, 0, 8], HALVES)]}, [0, 0, 255, 255, 255], "12 bits",
     "entries wider than the descriptor says are believed"),
    ({"VOILUTSequence": [item([1000, 0, 12], [1, 2, 3])]}, [0, 63, 128, 193, 255], "6 bytes",
     "a table too short falls back to the percentiles 9 and 989"),
    ({}, [0, 63, 128, 193, 255], "the percentiles of the film itself", "so do films without any VOI"),
    ({"WindowCenter": "500", "WindowWidth": "0"}, [0, 63, 128, 193, 255], "width 0", "and impossible windows"),
    ({"WindowCenter": "500"}, [0, 63, 128, 193, 255], "must be finite", "and a centre without a width"),
    ({"WindowCenter": "40000", "WindowWidth": "100"}, [0, 63, 128, 193, 255], "single grey", "and windows elsewhere"),
    ({"WindowCenter": ["500", "250"], "WindowWidth": ["-1", "500"]}, [0, 128, 255, 255, 255], "width -1",
     "the second of two windows is used when the first cannot be"),
])
def test_the_first_picture_follows_the_header_and_its_steps_say_how(tmp_path, attributes, levels, step, reason):
    assert greys(tmp_path, **attributes) == levels, reason
    assert step in " ".join(film(tmp_path, **attributes).steps)


@pytest.mark.parametrize("keyword, value", [("WindowWidth", "nan"), ("WindowCenter", "inf"), ("WindowWidth", "1e999"),
                                            ("WindowCenter", "wide"), ("WindowWidth", "0,5")])
def test_windows_that_are_no_numbers_fall_back_to_percentiles(tmp_path, keyword, value):
    path = film_file(tmp_path / "film.dcm", RAMP, **WINDOW)
    length, raw = (4, b"500 ") if keyword == "WindowCenter" else (4, b"1000")
    tag = b"\x28\0\x50\x10DS" if keyword == "WindowCenter" else b"\x28\0\x51\x10DS"
    new = value.encode() + b" " * (len(value) % 2)
    data = path.read_bytes()
    old = tag + length.to_bytes(2, "little") + raw
    assert data.count(old) == 1
    path.write_bytes(data.replace(old, tag + len(new).to_bytes(2, "little") + new))
    found = read_film(path)
    assert found.looks[0].name == "1-99 %" and "finite" in " ".join(found.steps)


@pytest.mark.parametrize("pixels, value, limit, black, reason", [
    (RAMP, 0, None, [0], "one value"),
    (RAMP, 998, 999, [998, 999], "a range"),
    (RAMP, 999, 998, [998, 999], "a range stated downwards"),
    (RAMP.astype(np.int16) - 500, -500, None, [0], "a signed value"),
])
def test_padding_is_black_and_left_out_of_the_percentiles(tmp_path, pixels, value, limit, black, reason):
    more = {"PixelPaddingValue": value} | ({} if limit is None else {"PixelPaddingRangeLimit": limit})
    found = film(tmp_path, pixels, PhotometricInterpretation="MONOCHROME1", **more)
    picture = shown(found).ravel()
    assert not picture[black].any() and picture[500] > 0, reason
    assert f"{len(black)} pixels" in " ".join(found.steps)
    kept = np.delete(pixels.ravel(), black)
    low = found.looks[0].center - found.looks[0].width / 2
    assert low == np.sort(kept)[int(np.ceil(len(kept) / 100)) - 1]


def test_padding_that_would_leave_nothing_is_not_believed(tmp_path):
    found = film(tmp_path, np.full((4, 4), 7, np.uint16), PixelPaddingValue=7)
    assert found.padding is None and "not believed" in " ".join(found.steps)


@pytest.mark.parametrize("attributes, millimetres, kind, reason", [
    ({}, None, None, "no spacing"),
    ({"ImagerPixelSpacing": ["0.15", "0.2"]}, (0.15, 0.2), "at detector", "between rows, between columns"),
    ({"PixelSpacing": ["0.1", "0.1"]}, (0.1, 0.1), "at detector", "nothing says that it was calibrated"),
    ({"ImagerPixelSpacing": ["0.15", "0.15"], "PixelSpacing": ["0.15", "0.15"]}, (0.15, 0.15), "at detector",
     "the same number twice is no calibration"),
    ({"ImagerPixelSpacing": ["0.15", "0.15"], "PixelSpacing": ["0.13", "0.13"]}, (0.13, 0.13), "calibrated",
     "corrected for magnification"),
    ({"PixelSpacing": ["0.13", "0.13"], "PixelSpacingCalibrationType": "FIDUCIAL"}, (0.13, 0.13), "calibrated",
     "the header says so"),
    ({"PixelSpacing": ["0", "0"]}, None, None, "0 mm is no spacing"),
    ({"PixelSpacing": ["0", "0"], "ImagerPixelSpacing": ["0.2", "0.2"]}, (0.2, 0.2), "at detector",
     "the other one is sound"),
    ({"PixelSpacing": ["-0.1", "0.1"]}, None, None, "nor is a negative one"),
    ({"PixelSpacing": ["0.1"]}, None, None, "both sides are needed"),
])
def test_spacing_says_what_it_measures(tmp_path, attributes, millimetres, kind, reason):
    found = film(tmp_path, **attributes)
    assert (found.spacing_mm, found.spacing_kind) == (millimetres, kind), reason


@pytest.mark.parametrize("directions, letters, reason", [
    (["L", "F"], ("R", "L", "H", "F"), "a PA film seen as usual"),
    (["R", "F"], ("L", "R", "H", "F"), "a mirrored one is not put right"),
    (["LP", "FA"], ("RA", "LP", "HP", "FA"), "oblique directions"),
    (["L"], None, "one direction is not enough"),
    (["LEFT", "F"], None, "words are not letters"),
])
def test_orientation_letters_stand_at_the_edges(tmp_path, directions, letters, reason):
    assert film(tmp_path, PatientOrientation=directions).orientation == letters, reason


def test_identity_is_the_same_in_film_and_header(tmp_path):
    path = film_file(tmp_path / "abc123.dcm", RAMP, PatientID="007", ViewPosition="AP", ImageLaterality="U")
    found, header = read_film(path), read_header(path)
    assert (found.image_id, found.patient_id, found.view_position, found.laterality) == ("abc123", "007", "AP", "U")
    assert (header.study_instance_uid, header.sop_instance_uid) == (STUDY, IMAGE)
    assert (header.rows, header.columns, header.photometric, header.modality) == (25, 40, "MONOCHROME2", "CR")
    for field in ("patient_id", "study_instance_uid", "sop_instance_uid", "photometric", "modality", "view_position"):
        assert getattr(found, field) == getattr(header, field)


def test_a_header_is_read_without_its_pixels(tmp_path):
    path = film_file(tmp_path / "film.dcm", RAMP)
    path.write_bytes(path.read_bytes()[:-RAMP.nbytes])
    assert read_header(path).rows == 25


def test_a_film_without_preamble_or_transfer_syntax_is_read(tmp_path):
    path = film_file(tmp_path / "film.dcm", RAMP, uid.ExplicitVRLittleEndian)
    whole = path.read_bytes()
    bare = whole[whole.index(b"\x08\0\x16\0"):]
    path.write_bytes(bare)
    assert np.array_equal(read_film(path).pixels, RAMP)
    assert read_film(path).transfer_syntax == uid.ExplicitVRLittleEndian


def test_no_warning_of_pydicom_escapes(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom already minds when such a file is written
        path = film_file(tmp_path / "film.dcm", RAMP, PatientID="x" * 80, ViewPosition="lower case, far too long")
    assert read_film(path).patient_id == read_header(path).patient_id == "x" * 80
    with pytest.warns(UserWarning):
        pydicom.dcmread(path).PatientID  # noqa: B018  (the warning is what is looked for)


def test_quiet_blocks_of_two_threads_leave_the_filters_as_they_were():
    before, inside, leave = list(warnings.filters), threading.Event(), threading.Event()

    def other():
        with quiet():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with quiet():
        thread.start()
        inside.wait(10)
    leave.set()  # the first block has ended before the second
    thread.join()
    assert warnings.filters == before


def test_a_png_is_the_picture_and_is_written_whole(tmp_path, monkeypatch):
    picture = np.arange(256, dtype=np.uint8).reshape(8, 32)
    write_png(tmp_path / "new" / "film.png", picture)
    assert np.array_equal(cv2.imread(str(tmp_path / "new" / "film.png"), cv2.IMREAD_UNCHANGED), picture)
    before = (tmp_path / "new" / "film.png").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(GroundglassError, match="No space left"):
        write_png(tmp_path / "new" / "film.png", picture[::-1])
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["film.png"]
    assert (tmp_path / "new" / "film.png").read_bytes() == before


@pytest.mark.parametrize("picture", [np.zeros((2, 2)), np.zeros((2, 2, 4), np.uint8), np.zeros((0, 2), np.uint8)])
def test_a_png_is_grey_or_rgb_and_not_empty(tmp_path, picture):
    with pytest.raises(BadSettings, match="uint8"):
        write_png(tmp_path / "film.png", picture)


@pytest.mark.parametrize("name, lung, dense", [
    ("films/pylibjpeg_966_fixed.dcm", (500, 1000, 250, 600), (1200, 1800, 850, 1100)),
    ("films/wg04_RG1_J2KI.dcm", (500, 800, 350, 600), (900, 1300, 800, 1000)),
    ("films/dwv_gdcm-CR-MONO1-10-chest.dcm", (120, 260, 60, 130), (150, 350, 190, 230)),
    ("train/dadc2e3842e5/e7866b8dd3df/00b8180bd3a8.dcm", (1000, 1500, 700, 1000), (1500, 2200, 1350, 1600)),
    ("train/5776db0cec75/81456c9c5423/000a312787f2.dcm", (1300, 1900, 1100, 1500), (1500, 2300, 1900, 2200)),
])
def test_lungs_are_dark_and_spines_bright_on_real_films(shared, name, lung, dense):
    found = read_film(shared / "fullres" / name)
    for picture in (shown(found), model_picture(found)):
        dark, bright = (float(np.median(picture[top:bottom, left:right])) for top, bottom, left, right in (lung, dense))
        assert dark + 30 < bright


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_lungs_are_darker_than_the_middle_of_the_chest_in_both_schemes(shared, photometric):
    paths = (path for path in sorted((shared / "siim256/train").glob("*/*/*.dcm"))[:400:3]
             if read_header(path).photometric == photometric)
    differences = []
    for path in [next(paths) for _ in range(20)]:
        picture = model_picture(read_film(path)).astype(float)
        height, width = picture.shape
        band = picture[height // 3:height * 2 // 3]
        middle, sides = band[:, int(width * .45):int(width * .55)], band[:, int(width * .22):int(width * .35)]
        differences.append(middle.mean() - sides.mean())
    assert np.mean(np.array(differences) > 0) >= 0.8
