"""A data set's pixel attributes (PS3.3 C.7.6.3) -> stored values, decoded, masked and signed.

It refuses what is not one grey picture of 8 or 16 bits. It knows nothing of windows, looks or files; errors are
`UnreadableFilm` whose text continues after a file's name.
"""

from dataclasses import dataclass

import numpy as np
from pydicom.tag import Tag
from pydicom.uid import UID

from core.attributes import has, integer, number, stored, text
from core.codecs import JPEG, JPEG2000, Shape, samples
from core.display import strips
from core.errors import UnreadableFilm

MOST_PIXELS = 64_000_000  # more than three of the largest detectors in a row: beyond is a damaged header or an attack
MOST_STRAYS = 0.01  # share of pixels with bits set where none belong, without an overlay that explains them
PIXEL_DATA = Tag("PixelData")
OVERLAYS = tuple(Tag(group, 0x0102) for group in range(0x6000, 0x6020, 2))  # Overlay Bit Position, PS3.3 C.9.2


@dataclass(frozen=True)
class Layout:
    """How samples lie in their words: PS3.5 8.1.1; `signed` is two's complement."""

    allocated: int
    stored: int
    high_bit: int
    signed: bool


def sides(dataset):
    """Rows and columns, both > 0 and together within `MOST_PIXELS`."""
    rows, columns = integer(dataset, "Rows"), integer(dataset, "Columns")
    if not rows or not columns or rows < 0 or columns < 0:
        raise UnreadableFilm(f"has Rows {_said(rows)} and Columns {_said(columns)}, but a film needs both above 0: "
                             "choose an image file.")
    if rows * columns > MOST_PIXELS:
        raise UnreadableFilm(f"promises {rows} x {columns} pixels, but at most {MOST_PIXELS // 10 ** 6} megapixels are "
                             "shown: check its header, or reduce the film.")
    return rows, columns


def photometric(dataset):
    """'MONOCHROME1' or 'MONOCHROME2' of a data set that holds one grey picture."""
    if has(dataset, "FloatPixelData") or has(dataset, "DoubleFloatPixelData"):
        raise UnreadableFilm("has floating-point pixel data, but films hold whole numbers: export the original.")
    if PIXEL_DATA not in dataset:
        raise UnreadableFilm("has no Pixel Data, but a film needs them: choose an image file, or copy it again.")
    found = text(dataset, "PhotometricInterpretation").upper()
    if not found:
        raise UnreadableFilm("has no Photometric Interpretation, but it says which values are white: repair the "
                             "header.")
    if found not in ("MONOCHROME1", "MONOCHROME2"):
        raise UnreadableFilm(f"has the Photometric Interpretation {found}, but radiographs are MONOCHROME1 or "
                             "MONOCHROME2 and colour has no window: export the grey original.")
    if (count := number(dataset, "SamplesPerPixel", 1)) != 1:
        raise UnreadableFilm(f"has {count:g} samples per pixel, but {found} has 1: export the grey original.")
    if has(dataset, "NumberOfFrames") and number(dataset, "NumberOfFrames") not in (0, 1):
        raise UnreadableFilm(f"has {text(dataset, 'NumberOfFrames')} frames, but a film is a single one: export the "
                             "frame that is wanted.")
    return found


def stored_pixels(dataset, syntax):
    """Stored values [H,W] uint8, uint16 or int16, Bits Stored, and sentences on how they were got.

    `syntax`: transfer syntax UID.
    """
    rows, columns = sides(dataset)
    layout, remarks = _layout(dataset)
    element = stored(dataset, PIXEL_DATA)
    if element is None or not isinstance(element.value or b"", bytes):
        raise UnreadableFilm("has Pixel Data that are none, but a film needs them as bytes: copy it again.")
    found, precision = samples(element.value or b"", syntax, Shape(rows, columns, layout.allocated, layout.signed),
                               element.VR == "OW")
    if layout.allocated == 16:
        found = found.astype(np.uint16, copy=False)
    coded = syntax in JPEG or syntax in JPEG2000
    pixels, masked = signed_values(found, layout, precision) if coded else masked_values(found, layout)
    if masked > MOST_STRAYS * pixels.size and not any(tag in dataset for tag in OVERLAYS):
        raise UnreadableFilm(f"has bits set outside its Bits Stored {layout.stored} and High Bit {layout.high_bit} in "
                             f"{masked} of {pixels.size} pixels, but they must be empty or an overlay's: its header "
                             "and its pixels contradict each other, export it again.")
    if masked:
        remarks += (f"Bits above Bits Stored {layout.stored} were set in {masked} pixels and are masked.",)
    kind = "signed" if layout.signed else "unsigned"
    return pixels, layout.stored, (f"Decoded from {UID(syntax).name}: {columns} x {rows} pixels, {layout.stored} of "
                                   f"{layout.allocated} bits, {kind}.", *remarks)


def _layout(dataset):
    allocated = integer(dataset, "BitsAllocated")
    if allocated not in (8, 16):
        raise UnreadableFilm(f"has Bits Allocated {_said(allocated)}, but radiographs have 8 or 16: export it again.")
    stored = integer(dataset, "BitsStored") if has(dataset, "BitsStored") else allocated
    if stored is None or not 1 <= stored <= allocated:
        raise UnreadableFilm(f"has Bits Stored {_said(stored)}, but 1 to {allocated} fit into Bits Allocated "
                             f"{allocated}: export it again.")
    representation = number(dataset, "PixelRepresentation", 0)
    if representation not in (0, 1):
        raise UnreadableFilm(f"has Pixel Representation {representation:g}, but 0 (unsigned) or 1 (signed) is the "
                             "rule: export it again.")
    high_bit, remarks = integer(dataset, "HighBit"), ()
    if high_bit is None or not stored - 1 <= high_bit < allocated:
        if has(dataset, "HighBit"):
            remarks = (f"High Bit {_said(high_bit)} does not go with Bits Stored {stored}: {stored - 1} is assumed.",)
        high_bit = stored - 1
    return Layout(allocated, stored, high_bit, representation == 1), remarks


def masked_values(words, layout):
    """Stored values of native `words` (uint8 or uint16, any shape), and in how many other bits were set.

    Only the bits from `high_bit` down belong to a value, `stored` of them (PS3.5 8.1.1).
    """
    if layout.stored == layout.allocated:
        return signed_values(words, layout, layout.stored)[0], 0
    flat, strays = words.ravel(), 0
    found = np.empty(words.size, np.int16 if layout.signed else words.dtype)
    for part in strips(words.size):
        found[part], more = _masked(flat[part], layout)
        strays += more
    return found.reshape(words.shape), strays


def _masked(words, layout):
    shift = layout.high_bit + 1 - layout.stored
    values = words >> shift if shift else words
    over = values >> layout.stored
    if layout.signed:  # a word filled up with the value's own sign has no stray bits
        sign = over == 2 ** (layout.allocated - layout.stored - shift) - 1
        over = np.where(sign & (values >> (layout.stored - 1) & 1 == 1), 0, over)
    below = words & (2 ** shift - 1) if shift else 0
    strays = int(np.count_nonzero(over | below))
    mask = words.dtype.type(2 ** layout.stored - 1)
    return signed_values(values & mask if over.any() or layout.signed else values, layout, layout.stored)[0], strays


def signed_values(found, layout, precision):
    """Samples as a codestream of `precision` bits gave them (uint8 or uint16) with their sign; 0 are masked.

    A signed value has its sign at the top of Bits Stored, or of the codestream's precision where that is less. An
    unsigned one keeps what the codestream could hold: a lossy codec may overshoot Bits Stored.
    """
    if not layout.signed:
        most = 2 ** max(layout.stored, precision) - 1
        return (found & found.dtype.type(most) if most < np.iinfo(found.dtype).max else found), 0
    spare, values = 16 - min(layout.stored, precision), found.astype(np.uint16)
    values <<= spare
    values = values.view(np.int16)
    values >>= spare
    return values, 0


def _said(found):
    return "missing" if found in (None, "") else found
