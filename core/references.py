"""A film as DICOM objects refer to it: its patient, study and identity as clean attributes, or its file whole.

The reports, presentations and captures that are made of a film belong to its patient and study and name it. Films lack
attributes that those objects must have, or hold values that break their VR: here each is clean or empty. This module
knows nothing of what refers to the film.
"""

import re
from datetime import datetime
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import ComputedRadiographyImageStorage, generate_uid

from core.attributes import quiet, text
from core.errors import BadExport, UnreadableFilm
from core.parsing import read_attributes
from core.reported import NAME

# Of the patient and the study (PS3.3 C.7.1.1, C.7.2.1), with the text that their VR allows (PS3.5 6.2)
_DATE, _WORDS = r"\d{8}", r"[^\\\x00-\x1f]*"
_TIME = r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?"
_NAME = r"[^\\\x00-\x1f^=]*(\^[^\\\x00-\x1f^=]*){0,4}"
_NAMES = rf"{_NAME}(={_NAME}){{0,2}}"
SHARED = {"PatientName": _NAMES, "PatientID": _WORDS, "PatientBirthDate": _DATE, "PatientSex": "[MFO]",
          "StudyDate": _DATE, "StudyTime": _TIME, "AccessionNumber": _WORDS, "StudyID": _WORDS,
          "ReferringPhysicianName": _NAMES}
LENGTHS = {"AccessionNumber": 16, "StudyID": 16, "PatientID": 64}
UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_UID = re.compile(r"[0-2](\.(0|[1-9]\d*))+")  # X.660: three roots
READ = (*SHARED, *UIDS, "Rows", "Columns", "Modality", "BurnedInAnnotation", "PatientOrientation", "Laterality",
        "ImageLaterality", "BodyPartExamined", "ViewPosition", "PixelSpacing", "PhotometricInterpretation",
        "SamplesPerPixel", "NumberOfFrames", "ImageType", "ConversionType", "SpecificCharacterSet")


def reference(path):
    """The attributes of the film at `path` that other objects take over or refer to, a pydicom data set, and the
    keywords of those that are left out, since their values break their VR.

    Raises `UnreadableFilm`, and `BadExport` for a film that cannot be referred to.
    """
    path = Path(path)
    try:
        with quiet():
            given = read_attributes(path, READ, before_pixels=True)
            found = cleaned(given, path.name)
            return found, tuple(each for each in SHARED if text(given, each).strip() and not found[each].value)
    except UnreadableFilm as failure:
        raise UnreadableFilm(f"{path.name} {failure}") from None


def equipment(origin):
    """What made an object, as an item of its Contributing Equipment Sequence (PS3.3 C.12.1.1.5).

    origin: `core.reported.Origin`, whose weights stand there by file and whole hash, as many as fit.
    """
    purpose, found = Dataset(), Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator, purpose.CodeMeaning = "109102", "DCM", "Processing Equipment"
    found.PurposeOfReferenceCodeSequence = [purpose]
    found.Manufacturer = found.ManufacturerModelName = NAME
    found.SoftwareVersions = origin.version
    told = [each for number, each in enumerate(origin.hashes) if len("; ".join(origin.hashes[:number + 1])) <= 1024]
    found.ContributionDescription = "; ".join(told) or "weights unknown"
    return found


def whole(path):
    """Every attribute of the film at `path`, pixels included, a pydicom data set. Raises `UnreadableFilm`."""
    path = Path(path)
    try:
        with quiet():
            return read_attributes(path, None)
    except UnreadableFilm as failure:
        raise UnreadableFilm(f"{path.name} {failure}") from None


def cleaned(dataset, name):
    """The attributes of `dataset` that `reference` gives. Raises `BadExport` when its UIDs are none."""
    found = Dataset()
    for keyword, allowed in SHARED.items():
        given = text(dataset, keyword)[:LENGTHS.get(keyword, 64)].strip()
        setattr(found, keyword, given if re.fullmatch(allowed, given) and _in_calendar(given, allowed) else "")
    for keyword in ("PatientName", "ReferringPhysicianName"):
        if (name_given := str(found[keyword].value)) and "^" not in name_given:
            setattr(found, keyword, f"{name_given[:63]}^")  # a family name alone (PS3.5 6.2.1.2)
    for keyword in UIDS:
        given = text(dataset, keyword)
        if not (_UID.fullmatch(given) and len(given) <= 64):
            given = _stand_in(keyword, given, dataset, name)
        setattr(found, keyword, given)
    for keyword in ("Rows", "Columns"):
        setattr(found, keyword, int(text(dataset, keyword)))
    for keyword in ("Modality", "BurnedInAnnotation", "BodyPartExamined", "ViewPosition", "ConversionType"):
        setattr(found, keyword, text(dataset, keyword)[:16].upper())
    found.PatientOrientation = text(dataset, "PatientOrientation").split("\\")
    found.Laterality = text(dataset, "ImageLaterality") or text(dataset, "Laterality")
    found.SamplesPerPixel = 1  # a colour film is refused where it is read
    found.ImageType = text(dataset, "ImageType").split("\\")
    return found


def _in_calendar(given, allowed):
    """Whether the text, where it is a date, is one of the calendar."""
    if allowed is not _DATE:
        return True
    try:
        return bool(datetime.strptime(given, "%Y%m%d"))
    except ValueError:
        return False


def _stand_in(keyword, given, dataset, name):
    """What stands for the UID `keyword`, which is `given` and none: a class that fits, or a series of its own."""
    instance = text(dataset, "SOPInstanceUID")
    if keyword == "SOPClassUID":
        return ComputedRadiographyImageStorage
    if keyword == "SeriesInstanceUID" and _UID.fullmatch(instance):
        return generate_uid(entropy_srcs=[instance, "series"])
    raise BadExport(f"{name} has the {keyword} {given[:64]!r}, but what is exported must name its film and study by "
                    "UIDs: repair the header.")
