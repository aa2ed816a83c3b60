"""The values a radiograph is made of once it has left its file: pixels as stored, and the ways to show them.

    LookupTable   a Modality or VOI LUT
    Look          one way to turn modality values into grey: a window or a table
    Header        what a data set's index needs to know of a file
    Film          everything the viewer and the networks need

It knows nothing of files, of DICOM encodings or of the arithmetic that turns pixels into greys.
"""

import math
from dataclasses import dataclass

import numpy as np

from core.errors import BadSettings

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")  # VOI LUT Function, PS3.3 C.11.2.1.2 and C.11.2.1.3


@dataclass(frozen=True)
class LookupTable:
    """`entries[i]` is the output for the input value `first + i`; inputs beyond an end take the end's entry.

    Outputs span 0 .. 2**bits - 1 (PS3.3 C.11.1.1 and C.11.2.1.1). Raises `BadSettings` when empty, when `bits` is not
    1..16 or when an entry does not fit.
    """

    first: int
    bits: int
    entries: tuple[int, ...]

    def __post_init__(self):
        if not self.entries or not 1 <= self.bits <= 16:
            raise BadSettings(f"a look-up table of {len(self.entries)} entries of {self.bits} bits was given, but one "
                              "entry or more of 1 to 16 bits is the rule: leave the table out.")
        if not 0 <= min(self.entries) <= max(self.entries) < 2 ** self.bits:
            raise BadSettings(f"a look-up table holds entries from {min(self.entries)} to {max(self.entries)}, but "
                              f"{self.bits} bits end at {2 ** self.bits - 1}: give the bits the entries need.")


@dataclass(frozen=True)
class Look:
    """One way to show a film, applied to modality values: a window (`center`, `width`, `function`) or a `table`.

    `name` is what a menu shows. Raises `BadSettings` unless the window obeys PS3.3 C.11.2.1.2: finite, width >= 1 for
    LINEAR, > 0 for LINEAR_EXACT and SIGMOID.
    """

    name: str
    center: float | None = None
    width: float | None = None
    function: str = "LINEAR"
    table: LookupTable | None = None

    def __post_init__(self):
        if self.table is None and (fault := window_fault(self.center, self.width, self.function)):
            raise BadSettings(f"The window '{self.name}' has {fault}.")


def window_fault(center, width, function):
    """Why no window can be made of these three, as `value, but rule: remedy` without a full stop; '' when it can."""
    if function not in FUNCTIONS:
        return f"the function {function!r}, but {', '.join(FUNCTIONS)} are known: choose one of them"
    if center is None or width is None or not (math.isfinite(center) and math.isfinite(width)):
        return f"centre {center} and width {width}, but both must be finite numbers: give two"
    least = "at least 1" if function == "LINEAR" else "above 0"
    if width <= 0 or (function == "LINEAR" and width < 1):
        return f"the width {width:g}, but {function} needs a width {least}: widen it"
    return ""


@dataclass(frozen=True)
class Header:
    """The identity of one file; text is '' where the header says nothing. `rows` and `columns` are > 0."""

    patient_id: str
    study_instance_uid: str
    sop_instance_uid: str
    rows: int
    columns: int
    photometric: str
    modality: str
    view_position: str


@dataclass(frozen=True, eq=False)
class Film:
    """One radiograph.

    `pixels` [H,W] uint8, uint16 or int16: stored values after the unused bits were masked; read-only. Modality values
    are `slope * pixels + intercept`, or `modality_lut` applied to `pixels` when there is one. `looks[0]` is what the
    viewer shows first. `inverted`: low values are bright. `padding`: lowest and highest stored value, both inside,
    that mean "no image here". `spacing_mm`: distance between rows and between columns, None when unknown;
    `spacing_kind`: 'at detector' (not corrected for magnification) or 'calibrated'. `orientation`: letters at the
    left, right, top and bottom edge, None when unknown. `steps`: how the first picture was made, one sentence each.
    Unknown text is ''. Raises `BadSettings` when `pixels` or `looks` break this.
    """

    pixels: np.ndarray
    slope: float
    intercept: float
    modality_lut: LookupTable | None
    looks: tuple[Look, ...]
    photometric: str
    inverted: bool
    bits_stored: int
    padding: tuple[int, int] | None
    spacing_mm: tuple[float, float] | None
    spacing_kind: str | None
    orientation: tuple[str, str, str, str] | None
    image_id: str
    sop_instance_uid: str
    study_instance_uid: str
    patient_id: str
    modality: str
    view_position: str
    laterality: str
    transfer_syntax: str
    steps: tuple[str, ...]

    def __post_init__(self):
        if self.pixels.ndim != 2 or self.pixels.dtype not in (np.uint8, np.uint16, np.int16) or not self.pixels.size:
            raise BadSettings(f"film pixels are {self.pixels.dtype} {self.pixels.shape}, but must be a picture [H,W] "
                              "of uint8, uint16 or int16: convert them.")
        if not self.looks:
            raise BadSettings(f"the film {self.image_id} has 0 looks, but the viewer needs one: add a window.")
        pixels = np.ascontiguousarray(self.pixels).view()  # a view: the caller's own array stays writeable
        pixels.flags.writeable = False
        object.__setattr__(self, "pixels", pixels)

    @property
    def height(self):
        return self.pixels.shape[0]

    @property
    def width(self):
        return self.pixels.shape[1]
