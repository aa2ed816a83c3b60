"""Pixels to greys, in numbers that were worked by hand from PS3.3 C.11 and C.7.6.3."""

import math

import numpy as np
import pytest

from core import display
from core.display import (
    apply_table,
    between,
    grey_levels,
    grey_table,
    histogram,
    linear,
    linear_exact,
    look_up,
    modality_values,
    model_picture,
    shown,
    sigmoid,
    spread,
    stored_values,
)
from core.errors import BadSettings
from core.film import Film, Look, LookupTable
from core.looks import choose, data_looks, presets


def film_of(pixels, **changes):
    fields = {
        "pixels": np.asarray(pixels), "slope": 1.0, "intercept": 0.0, "modality_lut": None,
        "looks": (Look("header VOI", 128, 256),), "photometric": "MONOCHROME2", "inverted": False, "bits_stored": 16,
        "padding": None, "spacing_mm": None, "spacing_kind": None, "orientation": None, "image_id": "film",
        "sop_instance_uid": "", "study_instance_uid": "", "patient_id": "", "modality": "CR", "view_position": "",
        "laterality": "", "transfer_syntax": "", "steps": ()}
    return Film(**fields | changes)


@pytest.mark.parametrize("voi, center, width, value, output, reason", [
    (linear, 2048, 4096, 0, 0, "the lower edge c - .5 - (w - 1) / 2 is 0"),
    (linear, 2048, 4096, 4095, 1, "the upper edge c - .5 + (w - 1) / 2 is 4095"),
    (linear, 2048, 4096, 1365, 1 / 3, "a third of the way from 0 to 4095"),
    (linear, 0, 100, -50, 0, "the standard's second example begins at -50"),
    (linear, 0, 100, 49, 1, "and ends at 49, one short of symmetric"),
    (linear, 0, 100, -0.5, 0.5, "its middle lies half a value below the centre"),
    (linear, 2048, 1, 2047.5, 0, "a width of 1 is a step: black up to c - .5"),
    (linear, 2048, 1, 2048, 1, "and white above it"),
    (linear_exact, 2048, 4096, 0, 0, "the lower edge c - w / 2 is 0"),
    (linear_exact, 2048, 4096, 4096, 1, "the upper edge c + w / 2 is 4096, not 4095"),
    (linear_exact, 2048, 4096, 1024, 0.25, "a quarter of the width up"),
    (linear_exact, 0.5, 0.2, 0.55, 0.75, "fractions of a modality unit are allowed"),
    (sigmoid, 2048, 4096, 2048, 0.5, "the centre is the middle grey"),
    (sigmoid, 0, 4, 1, 1 / (1 + 1 / math.e), "exponent -4 (1 - 0) / 4 = -1"),
    (sigmoid, 0, 4, -1, 1 / (1 + math.e), "point symmetric about the centre"),
    (sigmoid, 0, 0.001, 60000, 1, "a steep sigmoid does not overflow"),
    (sigmoid, 0, 0.001, -60000, 0, "on either side"),
])
def test_voi_functions_give_the_values_of_the_standard(voi, center, width, value, output, reason):
    assert voi(np.array([float(value)]), center, width)[0] == pytest.approx(output, abs=1e-12), reason


def test_modality_is_a_rescale_or_a_table_and_the_table_wins():
    stored = np.array([0.0, 10.0])
    assert modality_values(stored, 0.5, -1000).tolist() == [-1000, -995]
    assert modality_values(stored, 0.5, -1000, LookupTable(9, 8, (7, 8))).tolist() == [7, 8]


def test_a_table_holds_its_ends_and_may_start_below_zero():
    table = LookupTable(-2, 8, (10, 20, 30))
    assert look_up(np.array([-99.0, -2, -1, 0, 1]), table).tolist() == [10, 10, 20, 30, 30]


def test_greys_are_rounded_half_up_and_turned_over_after_voi():
    output = np.array([0, 0.5 / 255, 0.49 / 255, 1])
    assert grey_levels(output, False).tolist() == [0, 1, 0, 255]
    assert grey_levels(output, True).tolist() == [255, 254, 255, 0]


@pytest.mark.parametrize("dtype, pixels, index", [
    (np.uint8, [[0, 0, 255]], [0, 0, 255]),
    (np.uint16, [[0, 7, 65535]], [0, 7, 65535]),
    (np.int16, [[-32768, -1, 32767]], [0, 32767, 65535]),
])
def test_histogram_and_grey_table_share_their_index(dtype, pixels, index):
    pixels = np.array(pixels, dtype)
    counts = histogram(pixels)
    assert counts.sum() == 3 and all(counts[i] > 0 for i in index)
    assert stored_values(dtype)[index].tolist() == pixels.ravel().tolist()
    table = (np.arange(65536) % 251).astype(np.uint8)
    assert apply_table(pixels, table).ravel().tolist() == table[index].tolist()


def test_histogram_counts_every_pixel_when_it_works_in_strips(monkeypatch):
    pixels = np.random.default_rng(5).integers(0, 4096, (37, 11), dtype=np.uint16)
    monkeypatch.setattr(display, "EXACT_COUNT", 40)  # three rows at a time, one left over
    assert np.array_equal(histogram(pixels), np.bincount(pixels.ravel(), minlength=65536))


@pytest.mark.parametrize("values, counts, found, reason", [
    (range(100), [1] * 100, (0, 98), "the first and the ninety-ninth of a hundred"),
    (range(100), [0] * 50 + [1] * 50, (50, 99), "values that do not occur are nobody's percentile"),
    ([5, 3, 4], [1, 1, 98], (3, 4), "values need not ascend: a negative slope turns them over"),
    ([0, 100, 4095], [1, 998, 1], (0, 4095), "both percentiles agree, so the whole range is taken"),
    ([42], [10], (42, 42), "one grey is all there is"),
])
def test_spread_is_the_percentiles_of_what_occurs(values, counts, found, reason):
    assert spread(np.array(values, float), np.array(counts)) == found, reason


def test_a_look_changes_the_picture_and_shown_is_the_table_read_at_each_pixel():
    film = film_of(np.array([[0, 64, 255]], np.uint8), looks=(between("all", 0, 255),))
    assert shown(film).tolist() == [[0, 64, 255]]
    assert shown(film, between("upper", 64, 255)).tolist() == [[0, 0, 255]]
    assert np.array_equal(shown(film), grey_table(film)[film.pixels])


def test_signed_pixels_are_rescaled_before_the_window():
    film = film_of(np.array([[-1024, 0]], np.int16), slope=2.0, intercept=100.0, looks=(between("w", -1948, 100),))
    assert shown(film).tolist() == [[0, 255]]


def test_monochrome1_is_inverted_after_the_window_and_padding_stays_black():
    pixels = np.array([[0, 100, 200, 4095]], np.uint16)
    film = film_of(pixels, inverted=True, looks=(between("w", 100, 200),), padding=(4000, 4095))
    assert shown(film).tolist() == [[255, 255, 0, 0]]
    assert shown(film_of(pixels, looks=film.looks, padding=(4000, 4095))).tolist() == [[0, 0, 255, 0]]
    assert shown(film_of(pixels, looks=film.looks)).tolist() == [[0, 0, 255, 255]]


@pytest.mark.parametrize("changes, expected, reason", [
    ({}, [0, 128, 255, 255], "black at 100, white at 300, the marker beyond"),
    ({"inverted": True}, [255, 127, 0, 0], "dense is bright"),
    ({"slope": -1.0}, [255, 128, 0, 0], "a negative slope turns the modality values over"),
    ({"looks": (Look("header VOI", 1, 2),)}, [0, 128, 255, 255], "the header's window is not asked"),
    ({"modality_lut": LookupTable(0, 16, (0,) * 150 + (50,) * 100 + (400,))}, [0, 32, 255, 255],
     "a modality table comes before the stretch"),
])
def test_model_picture_stretches_percentiles_and_knows_dense_from_thin(changes, expected, reason):
    pixels = np.repeat(np.array([100, 200, 300, 60000], np.uint16), [500, 500, 500, 1]).reshape(-1, 19)
    picture = model_picture(film_of(pixels, **changes)).ravel()
    assert picture[[0, 500, 1000, 1500]].tolist() == expected, reason


def test_model_picture_leaves_padding_out_of_the_stretch():
    pixels = np.repeat(np.array([100, 300, 65535], np.uint16), [400, 400, 800]).reshape(40, 40)
    padded = model_picture(film_of(pixels, padding=(65535, 65535))).ravel()
    assert padded[[0, 400, 800]].tolist() == [0, 255, 0]
    assert model_picture(film_of(pixels)).ravel()[[0, 400, 800]].tolist() == [0, 1, 255]


@pytest.mark.parametrize("inverted, grey", [(False, 128), (True, 127)])
def test_a_film_of_one_value_is_one_middle_grey(inverted, grey):
    assert np.unique(model_picture(film_of(np.full((4, 4), 9, np.uint8), inverted=inverted))).tolist() == [grey]


def test_a_film_of_nothing_but_padding_is_black():
    assert not model_picture(film_of(np.full((4, 4), 9, np.uint8), padding=(9, 9))).any()


def test_the_pixels_of_a_film_are_frozen_but_the_callers_are_not():
    pixels = np.zeros((2, 2), np.uint16)
    film = film_of(pixels)
    assert not film.pixels.flags.writeable and pixels.flags.writeable
    assert (film.width, film.height) == (2, 2)


@pytest.mark.parametrize("pixels", [np.zeros((2, 2), np.float32), np.zeros((0, 4), np.uint8), np.zeros(4, np.uint8)])
def test_a_film_is_one_picture_of_whole_numbers(pixels):
    with pytest.raises(BadSettings, match="must be a picture"):
        film_of(pixels)


@pytest.mark.parametrize("center, width, function, fault", [
    (1, 0.5, "LINEAR", "at least 1"), (1, 0, "LINEAR_EXACT", "above 0"), (1, -3, "SIGMOID", "above 0"),
    (math.nan, 10, "LINEAR", "finite"), (1, math.inf, "LINEAR", "finite"), (None, 5, "LINEAR", "finite"),
    (1, 5, "CUBIC", "CUBIC"),
])
def test_a_look_is_a_window_that_the_standard_allows(center, width, function, fault):
    with pytest.raises(BadSettings, match=fault):
        Look("w", center, width, function)


@pytest.mark.parametrize("first, bits, entries, fault", [
    (0, 8, (), "0 entries"), (0, 17, (1,), "17 bits"), (0, 8, (256,), "end at 255"), (0, 8, (-1,), "from -1")])
def test_a_look_up_table_fits_its_bits(first, bits, entries, fault):
    with pytest.raises(BadSettings, match=fault):
        LookupTable(first, bits, entries)


VALUES, COUNTS = np.arange(4096.0), np.where(np.arange(4096) < 1000, 5, 0)  # a film of 0..999, evenly
COUNTS[4095] = 1  # and a marker


@pytest.mark.parametrize("tables, windows, first, remark, reason", [
    ([], [(500, 1000, "LINEAR", "")], "header VOI", "", "a good window is shown first"),
    ([], [(500, 1000, "LINEAR", "NORMAL"), (400, 300, "LINEAR", "HARDER")], "header VOI 1: NORMAL", "",
     "the first of several, by its maker's name"),
    ([], [(500, -1, "LINEAR", ""), (400, 300, "SIGMOID", "")], "header VOI", "width -1",
     "the next one that can be used"),
    ([(LookupTable(0, 12, tuple(range(1000))), "")], [(500, 1000, "LINEAR", "")], "header VOI 1", "",
     "a table goes before the windows"),
    ([], [], "1-99 %", "no window and no table", "nothing in the header"),
    ([], [(500, 0, "LINEAR", "")], "1-99 %", "width 0", "no window is 0 wide"),
    ([], [(500, 0.5, "LINEAR", "")], "1-99 %", "at least 1", "LINEAR starts at 1"),
    ([], [(math.nan, 100, "LINEAR", "")], "1-99 %", "finite", "NaN"),
    ([], [(1, math.inf, "LINEAR_EXACT", "")], "1-99 %", "finite", "infinity"),
    ([], [(1, 1, "S-CURVE", "")], "1-99 %", "S-CURVE", "a function that nobody knows"),
    ([], [(-5000, 100, "LINEAR", "")], "1-99 %", "single grey", "wholly below the data"),
    ([], [(3000, 500, "LINEAR", "")], "1-99 %", "single grey", "between the film and its marker"),
    ([], [(30000, 500, "SIGMOID", "")], "1-99 %", "single grey", "a sigmoid far above the data"),
    ([(LookupTable(2000, 8, (0, 255)), "")], [], "1-99 %", "single grey", "a table that the data do not reach"),
])
def test_the_first_look_shows_something_and_remarks_say_why(tables, windows, first, remark, reason):
    looks, remarks = choose(tables, windows, VALUES, COUNTS)
    assert looks[0].name == first, reason
    assert remark in " ".join(remarks) and bool(remark) == bool(remarks), reason
    assert len({look.name for look in looks}) == len(looks)


def test_every_film_is_offered_looks_of_its_own():
    edges = {look.name: (look.center - look.width / 2, look.center + look.width / 2)
             for look in data_looks(VALUES, COUNTS)}
    assert edges == {"1-99 %": (10, 990), "min-max": (0, 4095), "narrow": (255, 745),  # 5001 counted: 51st, 4951st
                     "bone": (500, 999), "soft tissue": (5, 750)}
    low = {look.name: look.center - look.width / 2 for look in data_looks(VALUES, COUNTS, inverted=True)}
    assert (low["bone"], low["soft tissue"]) == (1, 250)  # where low values are dense


def test_presets_are_the_header_and_the_films_own_in_the_order_of_the_keys():
    looks, _ = choose([], [(500, 1000, "LINEAR", ""), (400, 300, "LINEAR", "HARDER")], VALUES, COUNTS)
    assert [[looks[place].name for place in places] for places in presets(looks)] == [
        ["header VOI 1", "header VOI 2: HARDER"], ["min-max"], ["1-99 %"], ["narrow"], ["bone", "soft tissue"]]
    assert presets(data_looks(VALUES, COUNTS))[0] == (0,), "without a header's look the first one"


def test_a_film_of_one_grey_keeps_its_header_window():
    looks, remarks = choose([], [(500, 100, "LINEAR", "")], VALUES, np.where(VALUES == 7, 100, 0))
    assert looks[0].name == "header VOI" and not remarks
