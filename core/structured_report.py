"""A film's detections and probabilities as a DICOM Structured Report: TID 1500, one measurement group a box.

Boxes are regions (polylines) in pixel coordinates of the film, confidences and probabilities measurements in percent.
Codes are the standard's where it has them (PS3.16 CID 6102 and 6048) and the project's own scheme, 99GROUNDGLASS,
where it has none. This module knows nothing of files or of de-identification.
"""

import numpy as np
from highdicom import sr
from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from core.labels import STUDY_CLASSES
from core.reported import NAME, WARNING

SCHEME = "99GROUNDGLASS"
OPACITY = CodedConcept("112001", "DCM", "Opacity")
CERTAINTY = CodedConcept("111012", "DCM", "Certainty of Finding")
COMMENT = CodedConcept("121106", "DCM", "Comment")
CHEST_FILM = CodedConcept("399208008", "SCT", "Plain X-ray of chest")
WHOLE_STUDY = CodedConcept("study", SCHEME, "Appearance of the study")
WHOLE_FILM = CodedConcept("film", SCHEME, "Appearance of the film")
MOST_PROBABLE = CodedConcept("most-probable", SCHEME, "Most probable appearance")
APPEARANCES = {"negative": "Negative for pneumonia", "typical": "Typical appearance of COVID-19",
               "indeterminate": "Indeterminate appearance of COVID-19", "atypical": "Atypical appearance of COVID-19"}


def structured_report(told, origin, reference, series_uid, instance_uid):
    """The report, a pydicom data set of the class Comprehensive SR.

    told: `core.reported.Reported`; origin: `core.reported.Origin`; reference: the film as `core.references` gives it.
    """
    algorithm = sr.AlgorithmIdentification(NAME, origin.version, [f"weights SHA-256 {origin.weights or 'unknown'}",
                                                                  *origin.hashes, origin.settings, WARNING])
    observer = sr.ObserverContext(codes.DCM.Device, sr.DeviceObserverIdentifyingAttributes(
        uid=generate_uid(entropy_srcs=[NAME, origin.version, origin.weights]), name=NAME, manufacturer_name=NAME,
        model_name=f"{NAME} {origin.version}", serial_number=origin.weights[:16] or "unknown"))
    groups = [*_boxes(told, algorithm, reference, instance_uid),
              *_probabilities(told, algorithm, reference, instance_uid)]
    content = sr.MeasurementReport(sr.ObservationContext(observer_device_context=observer), CHEST_FILM,
                                   imaging_measurements=groups or None, title=codes.DCM.ImagingMeasurementReport)
    content[0].ContentSequence.append(sr.TextContentItem(COMMENT, " | ".join(origin.lines),
                                                         sr.RelationshipTypeValues.CONTAINS))
    report = sr.ComprehensiveSR([reference], content[0], series_uid, 1, instance_uid, 1, manufacturer=NAME)
    report.SeriesDescription = f"{NAME}: {WARNING}"[:64]
    report.SoftwareVersions, report.ManufacturerModelName = origin.version, NAME
    return report


def _boxes(told, algorithm, reference, instance_uid):
    source = sr.SourceImageForRegion(reference.SOPClassUID, reference.SOPInstanceUID)
    for number, (box, score) in enumerate(zip(told.boxes, told.scores, strict=True), start=1):
        left, top, right, bottom = _inside(box, reference)
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom], [left, top]])
        yield sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            sr.TrackingIdentifier(generate_uid(entropy_srcs=[instance_uid, f"box {number}"]), f"opacity {number}"),
            referenced_region=sr.ImageRegion(sr.GraphicTypeValues.POLYLINE, corners, source),
            finding_type=OPACITY, algorithm_id=algorithm, measurements=[_percent(CERTAINTY, score)])


def _inside(box, reference):
    """The box clipped to the film, as the standard's coordinates may not leave it (PS3.3 C.18.6.1)."""
    return np.clip(np.asarray(box, np.float64), 0, [reference.Columns, reference.Rows] * 2)


def _percent(name, probability):
    return sr.Measurement(name, round(100 * float(probability), 4), codes.UCUM.Percent)


def _probabilities(told, algorithm, reference, instance_uid):
    source = [sr.SourceImageForMeasurementGroup(reference.SOPClassUID, reference.SOPInstanceUID)]

    def group(name, finding, measurements, evaluations=None):
        return sr.MeasurementsAndQualitativeEvaluations(
            sr.TrackingIdentifier(generate_uid(entropy_srcs=[instance_uid, name]), name), finding_type=finding,
            algorithm_id=algorithm, measurements=measurements, qualitative_evaluations=evaluations,
            source_images=source)

    if not np.isnan(told.p_none):
        name = CodedConcept("p-none", SCHEME, "Probability of no opacity on the film")
        yield group("film", WHOLE_FILM, [_percent(name, told.p_none)])
    if not np.isnan(told.study).any():
        likeliest = APPEARANCES[STUDY_CLASSES[int(np.argmax(told.study))]]
        yield group("study", WHOLE_STUDY, [
            _percent(CodedConcept(f"p-{each}", SCHEME, f"Probability: {APPEARANCES[each]}"), probability)
            for each, probability in zip(STUDY_CLASSES, told.study, strict=True)],
            [sr.QualitativeEvaluation(MOST_PROBABLE, CodedConcept(likeliest.split()[0].lower(), SCHEME, likeliest))])
