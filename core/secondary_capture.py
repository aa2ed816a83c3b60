"""A film with its boxes burnt in: as a picture, and as a DICOM Secondary Capture.

It knows nothing of files or of de-identification.
"""

import cv2
import numpy as np
from highdicom.enum import PatientOrientationValuesBiped
from highdicom.sc import SCImage
from pydicom.uid import JPEGLSLossless

from core.display import shown
from core.labels import STUDY_CLASSES
from core.references import equipment
from core.reported import NAME, WARNING

AMBER, SKY = (255, 176, 0), (86, 180, 233)  # RGB
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def burnt_in(told, origin, film):
    """The film as the viewer first shows it with boxes, confidences and what must be legible: uint8 [H,W,3] RGB.

    told: `core.reported.Reported`; origin: `core.reported.Origin`; film: its `core.film.Film`.
    """
    picture = np.repeat(shown(film)[..., None], 3, axis=2)
    scale = max(0.35, min(film.width, film.height) / 1000)
    width = max(1, round(2 * scale))
    for box, score in zip(told.boxes, told.scores, strict=True):
        left, top, right, bottom = (round(float(corner)) for corner in box)
        cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), SKY, width)
        _write(picture, f"opacity {score:.2f}", left + width, top + round(24 * scale), scale, SKY)
    lines = [*_probabilities(told), *origin.lines]
    for number, line in enumerate(reversed(lines)):
        _write(picture, line, round(8 * scale), film.height - round((10 + 26 * number) * scale), scale, AMBER)
    return picture


def _write(picture, words, x, y, scale, colour):
    """Words in `colour` on a dark ground, their lower left corner at x, y; made smaller until they fit the film."""
    thickness = max(1, round(scale))
    (length, _), _ = cv2.getTextSize(words, _FONT, 0.8 * scale, thickness)
    size = 0.8 * scale * min(1, (picture.shape[1] - x) / max(1, length))
    (length, height), below = cv2.getTextSize(words, _FONT, size, thickness)
    ground = picture[max(0, y - height - below // 2):y + below, max(0, x):x + length]
    ground[:] = ground // 4
    cv2.putText(picture, words, (x, y), _FONT, size, colour, thickness, cv2.LINE_AA)


def _probabilities(told):
    if not np.isnan(told.study).any():
        yield ", ".join(f"{name} {value:.2f}" for name, value in zip(STUDY_CLASSES, told.study, strict=True))
    if not np.isnan(told.p_none):
        yield f"none {told.p_none:.2f}"


def secondary_capture(told, origin, reference, film, series_uid, instance_uid):
    """The burnt-in picture as a Secondary Capture, a pydicom data set with JPEG-LS pixels, lossless.

    reference: the film as `core.references` gives it.
    """
    capture = SCImage(
        burnt_in(told, origin, film), "RGB", 8, "PATIENT", reference.StudyInstanceUID, series_uid, 1, instance_uid, 1,
        NAME, patient_id=reference.PatientID, patient_name=reference.PatientName,
        patient_birth_date=reference.PatientBirthDate, patient_sex=reference.PatientSex or None,
        accession_number=reference.AccessionNumber, study_id=reference.StudyID, study_date=reference.StudyDate,
        study_time=reference.StudyTime, referring_physician_name=reference.ReferringPhysicianName,
        patient_orientation=_orientation(reference), transfer_syntax_uid=JPEGLSLossless)
    capture.SeriesDescription = f"{NAME}: {WARNING}"[:64]
    capture.ManufacturerModelName, capture.SoftwareVersions = NAME, origin.version
    capture.DerivationDescription = "; ".join((*origin.lines, origin.settings))[:1024]
    capture.ContributingEquipmentSequence = [equipment(origin)]
    capture.Laterality = ""
    capture.BurnedInAnnotation = "NO" if reference.BurnedInAnnotation == "NO" else "YES"
    return capture


def _orientation(reference):
    """Patient Orientation as the film gives it, or the frontal film's usual one where it gives none that is allowed."""
    given = [part for part in reference.PatientOrientation if part]
    allowed = {each.value for each in PatientOrientationValuesBiped}
    known = len(given) == 2 and all(part in allowed for part in given)
    return tuple(given) if known else ("L", "F")
