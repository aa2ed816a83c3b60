"""A film's detections as a DICOM Grayscale Softcopy Presentation State: boxes and words over the film, in its window.

The state says in full how the film is shown (PS3.3 A.33.1): Modality LUT, VOI and Presentation LUT as
`core.dicom.read_film` understood them. It knows nothing of files or of de-identification.
"""

import numpy as np
from highdicom import LUT, VOILUT, ModalityLUTTransformation, PresentationLUTTransformation, pr

from core.display import modality_values, spread, stored_values
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
    if film.modality_lut is not None:
        return ModalityLUTTransformation(modality_lut=_table(LUT, film.modality_lut))
    if (film.slope, film.intercept) == (1, 0):
        return None
    return ModalityLUTTransformation(rescale_slope=film.slope, rescale_intercept=film.intercept, rescale_type="US")


def _voi(film):
    """The film's first look; a table whose inputs are negative, which no table may be here, as the window it spans."""
    look = film.looks[0]
    if look.table is not None and look.table.first >= 0:
        return pr.SoftcopyVOILUTTransformation(voi_luts=[_table(VOILUT, look.table)])
    if look.table is not None:
        values = modality_values(stored_values(film.pixels.dtype), film.slope, film.intercept, film.modality_lut)
        look = spread(values, np.ones(len(values)), 0, 100)
    return pr.SoftcopyVOILUTTransformation(window_center=look.center, window_width=look.width,
                                           window_explanation=look.name[:64], voi_lut_function=look.function)


def _table(kind, table):
    dtype = np.uint8 if table.bits <= 8 else np.uint16
    return kind(table.first, np.array(table.entries, dtype))
