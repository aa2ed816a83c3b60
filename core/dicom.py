"""One DICOM file -> `Film`, or `Header` where only its identity is wanted; every failure is one `UnreadableFilm`.

The pipeline is Modality -> VOI -> Presentation (PS3.4 N.2); each stage adds a sentence to `Film.steps`. It knows
nothing of data sets, of networks or of the screen.
"""

import math
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import numpy as np
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from core.attributes import integer, items, lookup_table, number, numbers, quiet, text, texts, value
from core.display import histogram, modality_values, stored_values, without_padding
from core.errors import BadSettings, UnreadableFilm
from core.film import Film, Header
from core.looks import choose, shown_first
from core.parsing import read_attributes
from core.pixels import OVERLAYS, photometric, sides, stored_pixels
from core.room import films

HEADER = ("PatientID", "StudyInstanceUID", "SOPInstanceUID", "Rows", "Columns", "PhotometricInterpretation",
          "Modality", "ViewPosition")
FILM = (*HEADER, "SamplesPerPixel", "NumberOfFrames", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
        "PixelPaddingValue", "PixelPaddingRangeLimit", "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence",
        "WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "VOILUTFunction", "VOILUTSequence",
        "PresentationLUTShape", "PixelSpacing", "ImagerPixelSpacing", "PixelSpacingCalibrationType",
        "PatientOrientation", "ImageLaterality", "Laterality", "PixelData", "FloatPixelData", "DoubleFloatPixelData",
        *OVERLAYS)
MOST_LOOKS = 16  # windows, and tables, that a header may offer; no maker gives more than a handful
OPPOSITE = {"L": "R", "R": "L", "A": "P", "P": "A", "H": "F", "F": "H"}


def read_header(path):
    """`Header` of the DICOM file `path`; its pixel data are not touched. Raises `UnreadableFilm`."""
    path = Path(path)
    with _naming(path), quiet():
        dataset = read_attributes(path, HEADER, before_pixels=True)
        rows, columns = sides(dataset)
        return Header(text(dataset, "PatientID"), text(dataset, "StudyInstanceUID"), text(dataset, "SOPInstanceUID"),
                      rows, columns, text(dataset, "PhotometricInterpretation").upper(), text(dataset, "Modality"),
                      text(dataset, "ViewPosition"))


def read_film(path):
    """`Film` of the DICOM file `path`, decoded. Raises `UnreadableFilm` for what cannot be shown truthfully."""
    path = Path(path)
    with film_room(path), _naming(path), quiet():
        return _film(read_attributes(path, FILM), path.stem)


def film_room(path):
    """A block within which the film in the file `path` may be read and worked on; see `core.room`.

    So much is waited for as the header promises, or as the file is long; nothing is raised.
    """
    if films.held:
        return nullcontext()
    needed = 0
    with suppress(UnreadableFilm, OSError), quiet():
        needed = Path(path).stat().st_size // 2
        rows, columns = sides(read_attributes(path, ("Rows", "Columns"), before_pixels=True))
        needed = max(needed, rows * columns)
    return films.taken(needed)


@contextmanager
def _naming(path):
    """Put the file's name before the sentence of any `UnreadableFilm` raised inside."""
    try:
        yield
    except UnreadableFilm as failure:
        raise UnreadableFilm(f"{path.name} {failure}") from None


def _syntax(dataset):
    """Transfer syntax UID (str); files without one are taken as pydicom could parse them."""
    if stated := dataset.file_meta.get("TransferSyntaxUID"):
        return str(stated)
    implicit, little = dataset.original_encoding
    return str(ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian)


def _film(dataset, image_id):
    scheme, syntax = photometric(dataset), _syntax(dataset)
    pixels, bits_stored, decoding = stored_pixels(dataset, syntax)
    signed, big_endian = pixels.dtype == np.int16, syntax == ExplicitVRBigEndian
    slope, intercept, modality_lut, modality = _modality(dataset, signed, big_endian)
    values = modality_values(stored_values(pixels.dtype), slope, intercept, modality_lut)
    padding, counts, padded = _padding(dataset, pixels)
    tables, broken = _tables(dataset, signed and modality_lut is None, big_endian)
    inverted, presentation = polarity(scheme, text(dataset, "PresentationLUTShape").upper())
    looks, remarks = choose(tables, _windows(dataset), values, counts, inverted)
    spacing, kind = _spacing(dataset)
    return Film(
        pixels=pixels, slope=slope, intercept=intercept, modality_lut=modality_lut, looks=looks,
        photometric=scheme, inverted=inverted, bits_stored=bits_stored, padding=padding, spacing_mm=spacing,
        spacing_kind=kind, orientation=_orientation(texts(dataset, "PatientOrientation")), image_id=image_id,
        sop_instance_uid=text(dataset, "SOPInstanceUID"), study_instance_uid=text(dataset, "StudyInstanceUID"),
        patient_id=text(dataset, "PatientID"), modality=text(dataset, "Modality"),
        view_position=text(dataset, "ViewPosition"),
        laterality=text(dataset, "ImageLaterality") or text(dataset, "Laterality"), transfer_syntax=syntax,
        steps=(*decoding, *padded, modality, *broken, *remarks, shown_first(looks[0]), presentation))


def _modality(dataset, signed, big_endian):
    """Slope, intercept, `LookupTable` or None, and the stage's sentence (PS3.3 C.11.1)."""
    if tables := items(dataset, "ModalityLUTSequence"):
        try:
            table = lookup_table(tables[0], signed, big_endian)
        except BadSettings as fault:
            raise UnreadableFilm(f"has a Modality LUT without which its values mean nothing: {fault}") from None
        return 1.0, 0.0, table, f"Modality: look-up table of {len(table.entries)} entries."
    if isinstance(value(dataset, "ModalityLUTSequence"), str):
        raise UnreadableFilm("has a Modality LUT Sequence that is none, without which its values mean nothing: repair "
                             "the header.")
    slope, intercept = number(dataset, "RescaleSlope", 1.0), number(dataset, "RescaleIntercept", 0.0)
    if not math.isfinite(slope) or not math.isfinite(intercept):
        raise UnreadableFilm(f"has Rescale Slope {slope:g} and Intercept {intercept:g}, but both must be finite "
                             "numbers: repair the header.")
    if slope == 0:
        return 1.0, 0.0, None, "Modality: Rescale Slope 0 would make every pixel the same and is not applied."
    most = abs(slope) * 65536 + abs(intercept)
    if abs(slope) < 1e-30 or most > 1e30 or math.ulp(most) > abs(slope) / 4:
        raise UnreadableFilm(f"has Rescale Slope {slope:g} and Intercept {intercept:g}, but with these its values "
                             "cannot be told apart: repair the header.")
    if (slope, intercept) == (1, 0):
        return 1.0, 0.0, None, "Modality: values as stored."
    sign = "-" if intercept < 0 else "+"
    return slope, intercept, None, f"Modality: stored value x {slope:g} {sign} {abs(intercept):g}."


def _padding(dataset, pixels):
    """Padding (lowest, highest) or None, the histogram without it, and sentences (PS3.3 C.7.5.1.1.2)."""
    counts = histogram(pixels)
    first, limit = integer(dataset, "PixelPaddingValue"), integer(dataset, "PixelPaddingRangeLimit")
    if first is None:
        return None, counts, ()
    low, high = sorted(_as_stored(one, pixels.dtype) for one in (first, first if limit is None else limit))
    kept = without_padding(counts, pixels.dtype, (low, high))
    padded = int(counts.sum() - kept.sum())
    if not kept.any():
        return None, counts, (f"Padding: all pixels have the padding value {low} to {high}, which is not believed.",)
    stated = f"{low}" if low == high else f"{low} to {high}"
    remark = f"Padding: {padded} pixels of value {stated} are black and do not count."
    return (low, high), kept, (remark,) if padded else ()


def _as_stored(padding, dtype):
    """A padding value in the sign of the pixels: headers state it as US and as SS for the same 16 bits."""
    if dtype == np.int16:
        return padding - 65536 if padding > 32767 else padding
    return padding + 65536 if padding < 0 else padding


def _tables(dataset, signed, big_endian):
    """VOI LUTs as (`LookupTable`, explanation), and sentences on those that are broken (PS3.3 C.11.2.1.1)."""
    tables, broken = [], []
    given = items(dataset, "VOILUTSequence")
    if len(given) > MOST_LOOKS:
        broken.append(f"VOI: of {len(given)} tables of the header the first {MOST_LOOKS} are offered.")
    for item in given[:MOST_LOOKS]:
        try:
            tables.append((lookup_table(item, signed, big_endian), text(item, "LUTExplanation")))
        except BadSettings as fault:
            broken.append(f"VOI: a table of the header was not used, since {fault}")
    return tables, broken


def _windows(dataset):
    """Windows as (center, width, function, explanation); a center without a width gets NaN."""
    centers, widths = numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth")
    explanations = texts(dataset, "WindowCenterWidthExplanation")
    function = text(dataset, "VOILUTFunction").upper() or "LINEAR"

    def at(values, n, absent):
        return values[n] if n < len(values) else absent

    return [(at(centers, n, math.nan), at(widths, n, math.nan), function, at(explanations, n, ""))
            for n in range(min(MOST_LOOKS, max(len(centers), len(widths))))]


def polarity(scheme, shape):
    """Whether low values are bright, and the sentence that says why.

    `scheme`: Photometric Interpretation; `shape`: Presentation LUT Shape or ''. In an image, INVERSE is how
    MONOCHROME1 is restated (PS3.3 C.8.11.3: "INVERSE ... shall be used if ... MONOCHROME1"), so the two together are
    one inversion and not two.
    """
    stated = f"{scheme} with Presentation LUT Shape {shape}" if shape else scheme
    inverted = scheme == "MONOCHROME1" or shape == "INVERSE"
    contradiction = shape in ("IDENTITY", "INVERSE") and (scheme == "MONOCHROME1") != (shape == "INVERSE")
    meaning = "low values are bright, inverted after VOI" if inverted else "high values are bright"
    doubt = ", though the two contradict each other" if contradiction else ""
    return inverted, f"Presentation: {stated}: {meaning}{doubt}."


def _spacing(dataset):
    """(between rows, between columns) in mm and what they measure, or (None, None) (PS3.3 10.7.1)."""
    at_detector, stated = (_pair(numbers(dataset, name)) for name in ("ImagerPixelSpacing", "PixelSpacing"))
    if stated and ((at_detector and stated != at_detector) or text(dataset, "PixelSpacingCalibrationType")):
        return stated, "calibrated"
    found = at_detector or stated
    return found, "at detector" if found else None


def _pair(values):
    usable = len(values) == 2 and all(math.isfinite(one) and one > 0 for one in values)
    return tuple(values) if usable else None


def _orientation(directions):
    """Letters at the left, right, top and bottom edge from Patient Orientation (PS3.3 C.7.6.1.1.1), or None."""
    if len(directions) != 2 or not all(one and set(one) <= OPPOSITE.keys() for one in directions):
        return None
    right, bottom = directions
    return "".join(OPPOSITE[one] for one in right), right, "".join(OPPOSITE[one] for one in bottom), bottom
