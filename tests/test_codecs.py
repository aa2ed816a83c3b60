"""Every decoder against reference pixels, and against data that are damaged, cut short or lie about themselves."""

import os
from pathlib import Path

import cv2
import gdcm
import numpy as np
import pydicom
import pytest
from film_files import empty_htj2k, encoded, film_file, lossless_jpeg_file
from pydicom import uid

from core import decoding
from core.codecs import codestream
from core.dicom import read_film
from core.display import modality_values, shown
from core.errors import UnreadableFilm
from core.pixels import Layout, masked_values, signed_values

NOISE = np.random.default_rng(7).integers(0, 2 ** 16, (37, 53), dtype=np.uint16)  # odd sides, every bit in use
SYNTAXES = [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian,
            uid.ExplicitVRBigEndian, uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.RLELossless]
PICTURES = {"8 bit": (NOISE >> 8).astype(np.uint8), "12 bit": NOISE >> 4, "16 bit": NOISE,
            "signed 16 bit": NOISE.view(np.int16)}
CODED = [uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.RLELossless, uid.JPEGLossless, uid.JPEGBaseline8Bit]


def real_films():
    """The directory of the pydicom-data package, a test dependency."""
    return Path(pytest.importorskip("data_store", reason="pydicom-data carries the films").__file__).parent / "data"


def small_file(tmp_path, syntax):
    """A film of 40 x 64 pixels in any syntax of `CODED`, and its codestream."""
    smooth = np.add.outer(np.arange(40), np.arange(64)).astype(np.uint8) * 2
    path = tmp_path / "film.dcm"
    if syntax == uid.JPEGLossless:
        lossless_jpeg_file(path, film_file(tmp_path / "native.dcm", smooth), gdcm.TransferSyntax.JPEGLosslessProcess14)
    elif syntax == uid.JPEGBaseline8Bit:
        film_file(path, smooth, syntax, cv2.imencode(".jpg", smooth)[1].tobytes())
    else:
        film_file(path, smooth, syntax)
    data = pydicom.dcmread(path).PixelData
    return path, data[data.index(b"\xfe\xff\x00\xe0", 8) + 8:-8] if b"\xfe\xff\x00\xe0" in data[8:] else data


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: uid.UID(syntax).name)
def test_lossless_syntaxes_give_back_every_pixel(tmp_path, syntax, name):
    pixels = PICTURES[name]
    film = read_film(film_file(tmp_path / "film.dcm", pixels, syntax))
    assert film.pixels.dtype == pixels.dtype and np.array_equal(film.pixels, pixels)
    assert film.transfer_syntax == syntax and uid.UID(syntax).name in film.steps[0]


@pytest.mark.parametrize("process", [gdcm.TransferSyntax.JPEGLosslessProcess14,
                                     gdcm.TransferSyntax.JPEGLosslessProcess14_1], ids=["57", "70"])
@pytest.mark.parametrize("name", ["8 bit", "12 bit", "16 bit", "signed 16 bit"])
def test_jpeg_lossless_gives_back_every_pixel(tmp_path, process, name):
    pixels = np.ascontiguousarray(PICTURES[name][:36, :52])  # GDCM's encoder wants an even number of bytes
    native = film_file(tmp_path / "native.dcm", pixels)
    film = read_film(lossless_jpeg_file(tmp_path / "film.dcm", native, process))
    assert film.pixels.dtype == pixels.dtype and np.array_equal(film.pixels, pixels)


def test_baseline_jpeg_is_near_what_went_in(tmp_path):
    smooth = np.add.outer(np.arange(64), np.arange(48)).astype(np.uint8)
    frame = cv2.imencode(".jpg", smooth, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    film = read_film(film_file(tmp_path / "film.dcm", smooth, uid.JPEGBaseline8Bit, frame))
    assert np.abs(film.pixels.astype(int) - smooth).max() <= 2


def test_twelve_bit_jpeg_gives_the_values_that_other_decoders_publish():
    film = read_film(Path(pydicom.__file__).parent / "data/test_files/JPGExtended.dcm")
    assert film.pixels.shape == (1024, 256) and film.bits_stored == 12
    assert (film.pixels[420, 140], film.pixels[230, 120]) == (244, 95)  # as pydicom's own tests have them


@pytest.mark.parametrize("syntax", [uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K])
def test_high_throughput_jpeg_2000_of_nothing_is_the_middle_grey(tmp_path, syntax):
    film = read_film(film_file(tmp_path / "film.dcm", np.zeros((20, 30), np.uint16), syntax, empty_htj2k(20, 30, 12),
                               BitsStored=12, HighBit=11))
    assert film.pixels.shape == (20, 30) and np.unique(film.pixels).tolist() == [2048]


@pytest.mark.parametrize("twin", ["RG1_J2KR.dcm", "RG3_J2KR.dcm", "MR2_J2KR.dcm", "693_J2KR.dcm"])
def test_real_films_and_their_compressed_twins_are_equal(twin):
    place = real_films()
    compressed, native = read_film(place / twin), read_film(place / twin.replace("J2KR", "UNCR"))
    assert np.array_equal(compressed.pixels, native.pixels)


def test_the_real_chest_film_is_read_as_published():
    place = real_films()
    film = read_film(place / "RG1_UNCR.dcm")
    assert (film.height, film.width, film.bits_stored, film.pixels.dtype) == (1955, 1841, 15, np.uint16)
    assert film.photometric == "MONOCHROME1" and film.inverted and film.view_position == "PA"
    assert film.spacing_mm is None  # its header says 0 mm
    assert film.orientation == ("R", "L", "H", "F")
    lossy = read_film(place / "RG1_J2KI.dcm")
    assert 0 < np.abs(lossy.pixels.astype(int) - film.pixels).mean() < 100


@pytest.mark.parametrize("words, allocated, stored, high_bit, signed, values, strays, reason", [
    ([0xF123], 16, 12, 11, False, [0x123], 1, "the four bits above are not the value's"),
    ([0x0FFF], 16, 12, 11, True, [-1], 0, "bit 11 is the sign"),
    ([0xFFFF], 16, 12, 11, True, [-1], 0, "filled up with the sign is in order"),
    ([0x77FF], 16, 12, 11, True, [2047], 1, "stray bits above a positive value"),
    ([0x1230], 16, 12, 15, False, [0x123], 0, "the value sits at the top of its word"),
    ([0x123F], 16, 12, 15, False, [0x123], 1, "with something below it"),
    ([0x8000], 16, 12, 15, True, [-2048], 0, "the lowest value, at the top"),
    ([0x5123], 16, 10, 11, False, [0x048], 1, "two bits below and four above"),
    ([0xFF], 8, 7, 6, False, [0x7F], 1, "seven bits in a byte"),
    ([0x40], 8, 7, 6, True, [-64], 0, "signed seven bits"),
    ([0xFFFF], 16, 16, 15, False, [0xFFFF], 0, "nothing to mask"),
    ([0xFFFF], 16, 16, 15, True, [-1], 0, "nothing to mask but a sign"),
])
def test_only_the_bits_of_a_value_count(words, allocated, stored, high_bit, signed, values, strays, reason):
    words = np.array([words], np.uint8 if allocated == 8 else np.uint16)
    before = words.copy()
    found, count = masked_values(words, Layout(allocated, stored, high_bit, signed))
    assert found.tolist() == [values] and count == strays, reason
    assert found.dtype == (np.int16 if signed else words.dtype) and np.array_equal(words, before)


@pytest.mark.parametrize("found, stored, signed, precision, values, reason", [
    ([0x0FFF], 12, True, 16, [-1], "a 12-bit sign in a 16-bit codestream"),
    ([0xFFFF], 12, True, 16, [-1], "the same, filled up with the sign"),
    ([0x1830], 16, True, 13, [-2000], "the codestream has fewer bits than the header says"),
    ([0xF830], 12, False, 12, [0x830], "signed codestream, unsigned header"),
    ([0x1001], 12, False, 16, [0x1001], "a lossy codec overshot; cutting would turn white into black"),
])
def test_codestreams_and_headers_may_differ_in_bits(found, stored, signed, precision, values, reason):
    pixels, _ = signed_values(np.array(found, np.uint16), Layout(16, stored, stored - 1, signed), precision)
    assert pixels.tolist() == values, reason


def test_big_endian_words_of_bytes_are_swapped_back(tmp_path):
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    path = film_file(tmp_path / "film.dcm", pixels, uid.ExplicitVRBigEndian)
    dataset = pydicom.dcmread(path)
    dataset["PixelData"].VR = "OW"
    dataset.PixelData = pixels.view(">u2").byteswap().tobytes()
    dataset.save_as(path)
    assert np.array_equal(read_film(path).pixels, pixels)


@pytest.mark.parametrize("syntax", CODED, ids=lambda syntax: uid.UID(syntax).name)
def test_a_frame_cut_short_is_refused(tmp_path, syntax):
    path, frame = small_file(tmp_path, syntax)
    pixels = read_film(path).pixels
    film_file(path, pixels, syntax, frame[:len(frame) // 2 // 2 * 2])
    with pytest.raises(UnreadableFilm, match="film.dcm holds .* copy it again"):
        read_film(path)


@pytest.mark.parametrize("syntax", CODED, ids=lambda syntax: uid.UID(syntax).name)
def test_damaged_frames_give_a_sentence_or_a_film_and_the_next_film_opens(tmp_path, syntax):
    path, frame = small_file(tmp_path, syntax)
    good = read_film(path).pixels.copy()
    random, refused = np.random.default_rng(11), 0
    for _ in range(12):  # some of these make GDCM end its process and the RLE decoder panic
        damaged = bytearray(frame)
        for at in random.integers(0, min(len(frame), 300), 6):
            damaged[at] = random.integers(256)
        film_file(tmp_path / "damaged.dcm", good, syntax, bytes(damaged))
        try:
            assert read_film(tmp_path / "damaged.dcm").pixels.shape == good.shape
        except UnreadableFilm:
            refused += 1
    assert refused > 0
    assert np.array_equal(read_film(path).pixels, good)


def test_a_codestream_of_another_size_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    def never(*_):
        raise AssertionError("decoded what should have been refused")

    small, large = np.zeros((8, 8), np.uint16), np.zeros((64, 4096), np.uint16)
    for syntax in (uid.JPEGLSLossless, uid.JPEG2000Lossless):
        path = film_file(tmp_path / "film.dcm", small, syntax, encoded(large, syntax))
        monkeypatch.setattr("core.codecs.decode", never)
        with pytest.raises(UnreadableFilm, match="64 rows, 4096 columns .* header promises 8, 8 and 1"):
            read_film(path)


def test_colour_in_a_grey_header_is_refused(tmp_path):
    frame = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    with pytest.raises(UnreadableFilm, match="3 components"):
        read_film(film_file(tmp_path / "film.dcm", np.zeros((8, 8), np.uint8), uid.JPEGBaseline8Bit, frame))


@pytest.mark.parametrize("frame", [b"\0" * 64, b"\xff\xd8", b"\xff\xd8\xff\xc0", b"\xff\x4f\xff\x51\0", b"\xff" * 99])
def test_what_is_no_codestream_is_refused(frame):
    with pytest.raises(UnreadableFilm, match="JPEG begins with"):
        codestream(frame)


def test_compressed_data_that_are_not_encapsulated_are_refused(tmp_path):
    path = film_file(tmp_path / "film.dcm", NOISE, uid.JPEG2000Lossless)
    head = path.read_bytes().split(b"\xe0\x7f\x10\x00")[0]
    path.write_bytes(head + b"\xe0\x7f\x10\x00OW\0\0" + NOISE.nbytes.to_bytes(4, "little") + NOISE.tobytes())
    with pytest.raises(UnreadableFilm, match="must be encapsulated"):
        read_film(path)


def test_a_small_codestream_in_a_large_word_keeps_the_word(tmp_path):
    dark = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    film = read_film(film_file(tmp_path / "film.dcm", dark.astype(np.uint16), uid.JPEG2000Lossless,
                               encoded(dark, uid.JPEG2000Lossless), BitsStored=12, HighBit=11))
    assert film.pixels.dtype == np.uint16 and np.array_equal(film.pixels, dark)


def test_a_decoder_that_takes_too_long_is_stopped(monkeypatch):
    monkeypatch.setattr(decoding, "LONGEST_SECONDS", 0)
    with pytest.raises(decoding.DecoderFailed, match="took longer than 0 s"):
        decoding.decode("JPEG 2000", encoded(np.tile(NOISE, (20, 20)), uid.JPEG2000Lossless), 740, 1060, 16)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_a_decoder_of_its_own():
    frame = encoded(NOISE, uid.JPEGLSLossless)
    decoding.decode("JPEG-LS", frame, *NOISE.shape, 16)
    here = [child.pid for child in decoding._nursery.resting]
    with decoding._nursery.lock:  # as if another thread were decoding
        process = os.fork()
        if not process:
            same = decoding.decode("JPEG-LS", frame, *NOISE.shape, 16) == NOISE.tobytes()
            os._exit(0 if same and decoding._nursery.resting[0].pid not in here else 1)
    assert os.waitpid(process, 0)[1] == 0
    assert [child.pid for child in decoding._nursery.resting] == here


@pytest.mark.parametrize("name", ["mlut_18.dcm", "vlut_04.dcm", "693_UNCR.dcm", "MR-SIEMENS-DICOM-WithOverlays.dcm"])
def test_tables_rescales_and_windows_of_real_files_act_as_in_pydicom(name):
    path = real_films() / name
    film, dataset = read_film(path), pydicom.dcmread(path)
    modality = pydicom.pixels.apply_modality_lut(dataset.pixel_array, dataset)
    ours = modality_values(film.pixels.astype(float), film.slope, film.intercept, film.modality_lut)
    assert np.array_equal(ours, modality)
    if film.looks[0].name.startswith("header VOI"):
        voi = pydicom.pixels.apply_voi_lut(modality, dataset).astype(float)
        most = 2 ** film.looks[0].table.bits - 1 if film.looks[0].table else np.ptp(voi)
        grey = np.floor((voi - (0 if film.looks[0].table else voi.min())) / most * 255 + 0.5)
        image = np.ones(grey.shape, bool) if film.padding is None else film.pixels != film.padding[0]
        assert np.array_equal(shown(film)[image], grey[image])
