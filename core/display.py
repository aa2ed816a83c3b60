"""From stored pixels to greys: Modality -> VOI -> Presentation (PS3.4 N.2), always through a table of 65,536 entries.

The first half is functions of numbers, the second puts them together for a `Film`. Nothing here knows of files.
"""

import cv2
import numpy as np

from core.film import Look

WHOLE = 65536  # entries of a grey table: every value that 16 bits can store
STRIP = 2 ** 20  # pixels worked on at a time where that takes several times their memory
EXACT_COUNT = 2 ** 24  # cv2 counts in float32, which is exact up to here


def stored_values(dtype):
    """The stored value [65536] float64 behind each index of a grey table: 0.. for unsigned, -32768.. for signed."""
    return np.arange(WHOLE, dtype=np.float64) - (32768 if np.issubdtype(dtype, np.signedinteger) else 0)


def look_up(values, table):
    """Outputs (float64, shape of `values`) of a `LookupTable`; inputs are rounded, and held at the table's ends."""
    index = np.rint(values - table.first).clip(0, len(table.entries) - 1).astype(np.int64)
    return np.asarray(table.entries, np.float64)[index]


def modality_values(stored, slope, intercept, table=None):
    """Modality values (float64, shape of `stored`): `table` where there is one, else the rescale (PS3.3 C.11.1.1)."""
    return stored * slope + intercept if table is None else look_up(stored, table)


def linear(values, center, width):
    """VOI output 0..1 (float64) of the function LINEAR, PS3.3 C.11.2.1.2.1; `width` >= 1, a step at width 1."""
    if width == 1:
        return np.where(values <= center - 0.5, 0.0, 1.0)
    return ((values - (center - 0.5)) / (width - 1) + 0.5).clip(0, 1)


def linear_exact(values, center, width):
    """VOI output 0..1 (float64) of the function LINEAR_EXACT, PS3.3 C.11.2.1.3.2; `width` > 0."""
    return ((values - center) / width + 0.5).clip(0, 1)


def sigmoid(values, center, width):
    """VOI output 0..1 (float64) of the function SIGMOID, PS3.3 C.11.2.1.3.1; `width` > 0."""
    return 1 / (1 + np.exp((-4 * ((values - center) / width)).clip(-700, 700)))  # exp overflows beyond 709


VOI = {"LINEAR": linear, "LINEAR_EXACT": linear_exact, "SIGMOID": sigmoid}


def voi_output(values, look):
    """VOI output 0..1 (float64, shape of `values`) of modality `values` under a `Look`."""
    if look.table is not None:
        return look_up(values, look.table) / (2 ** look.table.bits - 1)
    return VOI[look.function](values, look.center, look.width)


def grey_levels(output, inverted):
    """Grey levels uint8 of VOI output 0..1, rounded half up; `inverted` turns them over (PS3.3 C.7.6.3.1.2)."""
    levels = np.floor(output * 255 + 0.5).astype(np.uint8)
    return 255 - levels if inverted else levels


def histogram(pixels):
    """How often each stored value occurs, [65536] int64 in the order of `stored_values`; `pixels` as in `Film`."""
    if pixels.dtype == np.uint8:
        bins, signed = 256, False
    else:
        bins, signed = WHOLE, pixels.dtype == np.int16
    pixels = pixels.view(np.uint16) if signed else pixels
    rows = max(1, EXACT_COUNT // max(1, pixels.shape[1]))
    counts = np.zeros(WHOLE, np.int64)
    for start in range(0, len(pixels), rows):
        strip = np.ascontiguousarray(pixels[start:start + rows])
        counts[:bins] += cv2.calcHist([strip], [0], None, [bins], [0, bins]).ravel().astype(np.int64)
    return np.roll(counts, 32768) if signed else counts  # the bit pattern 0x8000 is the lowest signed value


def spread(values, counts, low=1.0, high=99.0):
    """The percentiles `low` and `high` (floats) of `values` [N] that occur `counts` [N] times each.

    A percentile p is the smallest value that p % of all reach or stay below. Where both agree (a film that is nearly
    all one grey) the smallest and largest value are given instead. `counts` must hold one above 0.
    """
    present = np.flatnonzero(counts)
    values, counts = values[present], counts[present]
    order = np.argsort(values, kind="stable")
    values, reached = values[order], np.cumsum(counts[order])
    first, last = np.searchsorted(reached, np.array([low, high]) / 100 * reached[-1])
    first, last = float(values[first]), float(values[min(last, len(values) - 1)])
    return (first, last) if first < last else (float(values[0]), float(values[-1]))


def between(name, low, high):
    """The `Look` that runs from black at the modality value `low` to white at `high`; one grey when they agree."""
    return Look(name, (low + high) / 2, high - low if high > low else 1.0, "LINEAR_EXACT")


def without_padding(counts, dtype, padding):
    """`counts` [65536] with 0 at the stored values of `padding` (lowest, highest); a copy, or `counts` for None."""
    if padding is None:
        return counts
    counts = counts.copy()
    counts[_entries(dtype, padding)] = 0
    return counts


def grey_table(film, look=None):
    """Grey level 0..255 on screen, uint8 [65536], for each stored value under `look` (the film's first when None).

    The index is the stored value; for int16 pixels the stored value + 32768. Padding is black whatever the look.
    """
    values = modality_values(stored_values(film.pixels.dtype), film.slope, film.intercept, film.modality_lut)
    table = grey_levels(voi_output(values, look or film.looks[0]), film.inverted)
    if film.padding is not None:
        table[_entries(film.pixels.dtype, film.padding)] = 0
    return table


def apply_table(pixels, table):
    """uint8 [H,W]: `table` (as `grey_table` makes it) read at each of `pixels` (as in `Film`)."""
    if pixels.dtype == np.uint8:
        return cv2.LUT(pixels, table[:256])
    if pixels.dtype == np.int16:
        pixels, table = pixels.view(np.uint16), np.roll(table, 32768)
    found, flat = np.empty(pixels.size, np.uint8), pixels.ravel()
    for part in strips(pixels.size):  # numpy makes eight bytes of each index
        found[part] = table[flat[part]]
    return found.reshape(pixels.shape)


def strips(count):
    """Slices that cut `count` pixels into pieces of `STRIP`, in their order."""
    return [slice(start, start + STRIP) for start in range(0, count, STRIP)]


def shown(film, look=None):
    """The film as the viewer shows it, uint8 [H,W]; with no `look` as it shows it first."""
    return apply_table(film.pixels, grey_table(film, look))


def model_picture(film):
    """The film as networks see it, uint8 [H,W]: dense is bright, the 1st and 99th percentile are black and white.

    The header's windows are not used, since they differ from maker to maker; padding does not count and is black.
    """
    dtype = film.pixels.dtype
    values = modality_values(stored_values(dtype), film.slope, film.intercept, film.modality_lut)
    counts = without_padding(histogram(film.pixels), dtype, film.padding)
    if not counts.any():
        return np.zeros_like(film.pixels, np.uint8)
    return shown(film, between("1-99 %", *spread(values, counts)))


def resized(picture, size):
    """The grey picture [H,W] uint8 squeezed to `size` (height, width), aspect not kept, area-averaged when smaller."""
    height, width = size
    if picture.shape == (height, width):
        return picture
    smaller = picture.shape[0] > height or picture.shape[1] > width
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def _entries(dtype, padding):
    base = 32768 if np.issubdtype(dtype, np.signedinteger) else 0
    low, high = (min(max(value + base, 0), WHOLE) for value in (padding[0], padding[1] + 1))
    return slice(low, high)
