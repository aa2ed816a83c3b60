"""A film's detections as a DICOM Grayscale Softcopy Presentation State: boxes and words over the film, in its window.

The state says in full how the film is shown (PS3.3 A.33.1): Modality LUT, VOI and Presentation LUT as
`core.dicom.read_film` understood them. It knows nothing of files or of de-identification.
"""

import numpy as np
from highdicom import VOILUT, ModalityLUTTransformation, PresentationLUTTransformation, pr

from core.display import between, modality_values, stored_values, voi_output
from core.errors import BadExport
from core.references import equipment
from core.reported import NAME, WARNING

PIXEL = pr.AnnotationUnitsValues.PIXEL
DISPLAY = pr.AnnotationUnitsValues.DISPLAY


def presentation_state(told, origin, reference, film, series_uid, instance_uid):
    """The presentation state, a pydicom data set.

    told: `core.reported.Reported`; origin: `core.reported.Origin`; reference: the film as `core.references` gives it;
    film: its `core.film.Film`.
    """
    layer = pr.GraphicLayer("AI", 1, description=WARNING)
    annotation = pr.GraphicAnnotation([reference], layer, graphic_objects=[*_outlines(told)] or None,
                                      text_objects=[*_words(told), _footer(origin)])
    state = pr.GrayscaleSoftcopyPresentationState(
        [reference], series_uid, 1, instance_uid, 1, manufacturer=NAME, manufacturer_model_name=NAME,
        software_versions=origin.version, device_serial_number=origin.weights[:16] or "unknown",
        content_label="GROUNDGLASS", content_description=WARNING, graphic_annotations=[annotation],
        graphic_layers=[layer], modality_lut_transformation=_modality(film), voi_lut_transformations=[_voi(film)],
        presentation_lut_transformation=PresentationLUTTransformation(
            presentation_lut_shape="INVERSE" if film.inverted else "IDENTITY"))
    state.ContributingEquipmentSequence = [equipment(origin)]
    state.SeriesDescription, state.Laterality = f"{NAME}: {WARNING}"[:64], ""
    return state


def _outlines(told):
    """Boxes as closed polylines; edges are pixel coordinates, the film's corner being 0, 0 (PS3.3 C.10.5.1.2)."""
    for left, top, right, bottom in _inside(told):
        yield pr.GraphicObject(pr.GraphicTypeValues.POLYLINE, np.array(
            [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]), PIXEL)


def _inside(told):
    return np.clip(np.asarray(told.boxes, np.float64), 0, [told.width, told.height] * 2)


def _words(told):
    for (left, top, *_), score in zip(_inside(told), told.scores, strict=True):
        yield pr.TextObject(f"opacity {score:.2f}", PIXEL, anchor_point=(float(left), float(top)),
                            anchor_point_visible=False)


def _footer(origin):
    return pr.TextObject("\r\n".join(origin.lines), DISPLAY, bounding_box=(0.01, 0.9, 0.6, 0.99),
                         text_justification=pr.TextJustificationValues.LEFT)


def _modality(film):
    """Slope and intercept; None where there are none, or `_voi` says it all."""
    if (film.slope, film.intercept) == (1, 0) or film.modality_lut is not None:
        return None
    return ModalityLUTTransformation(rescale_slope=film.slope, rescale_intercept=film.intercept, rescale_type="US")


def _voi(film):
    """The film's first look, in a way that every viewer shows.

    Many read over SIGMOID and show a line, and a Modality LUT may here have 8 or 16 bits alone (PS3.3 C.11.1.1.1): both
    are written as one table from stored values, or as the function, where values are negative or no whole numbers and
    so no inputs of a table. A table of such inputs becomes the window that it spans.
    """
    look, stored = film.looks[0], stored_values(film.pixels.dtype)
    values = modality_values(stored, film.slope, film.intercept, film.modality_lut)
    plain = film.modality_lut is not None or (film.slope, film.intercept) == (1, 0)
    if stored[0] == 0 and (film.modality_lut is not None or (plain and look.function == "SIGMOID")):
        entries = np.rint(65535 * voi_output(values[:2 ** film.bits_stored], look)).astype(np.uint16)
        return pr.SoftcopyVOILUTTransformation(voi_luts=[VOILUT(0, entries, look.name[:64])])
    if film.modality_lut is not None:
        raise BadExport(f"the film {film.image_id!r} has signed values and a Modality LUT, but the table of a "
                        "presentation has no signed inputs: export it as sc or png.")
    if look.table is not None and look.table.first >= 0:
        return pr.SoftcopyVOILUTTransformation(voi_luts=[_full(look.table)])
    if look.table is not None:
        look = between(look.name, look.table.first, look.table.first + len(look.table.entries) - 1)
    return pr.SoftcopyVOILUTTransformation(window_center=look.center, window_width=look.width,
                                           window_explanation=look.name[:64], voi_lut_function=look.function)


def _full(table):
    """A VOI table whose outputs take all of 16 bits: others than 8 and 16 are read in as many ways as viewers."""
    entries = np.array(table.entries, np.float64)
    return VOILUT(table.first, np.rint(entries * 65535 / (2 ** table.bits - 1)).clip(0, 65535).astype(np.uint16))
