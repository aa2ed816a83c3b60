"""De-identification by the Basic Application Level Confidentiality Profile of PS3.15 Annex E.

Which attribute is removed, emptied, replaced or given another UID is told by table E.1-1, in the edition that the
package dicom-anonymizer carries; its actions are applied here, so that one key gives one film the same new UIDs
wherever it occurs in an export. Attributes that are private or in no dictionary, curves and overlays are removed. What
is written into the pixels is not looked at: `pixel_doubts` says where it may be. This module knows nothing of files.
"""

import hmac

from dicomanonymizer.dicom_anonymization_databases import dicomfields_2024b as table
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID_dictionary, generate_uid

from core.attributes import quiet, text
from core.reported import NAME

METHOD = ("113100", "DCM", "Basic Application Confidentiality Profile")  # PS3.16 CID 7050
_DUMMY = {"DA": "19000101", "DT": "19000101000000", "TM": "000000", "PN": "ANONYMOUS^", "AS": "000Y", "DS": "0",
          "IS": "0", "FD": 0.0, "FL": 0.0, "SL": 0, "SS": 0, "UL": 0, "US": 0, "UR": "", "UN": b"", "OB": b"",
          "OW": b""}
_ACTIONS = {tag: action for name, action in (
    ("X_TAGS", "X"), ("Z_TAGS", "Z"), ("X_Z_TAGS", "Z"), ("D_TAGS", "D"), ("Z_D_TAGS", "D"), ("X_D_TAGS", "D"),
    ("X_Z_D_TAGS", "D"), ("X_Z_U_STAR_TAGS", "U"), ("U_TAGS", "U")) for tag in getattr(table, name) if len(tag) == 2}
_ACTIONS |= {(0x0010, 0x0033): "X", (0x0010, 0x0034): "X"}  # birth and death dates in another calendar
_REPEATING = (0x50, 0x60)  # groups of curves and overlays


def new_uid(uid, key):
    """The UID that stands for `uid` wherever `key` (bytes) is used; the standard's own UIDs stay what they are."""
    if not uid or str(uid) in UID_dictionary:
        return uid
    return generate_uid(entropy_srcs=[hmac.new(key, str(uid).encode(), "sha256").hexdigest()])


def pseudonym(patient_id, key):
    """What stands for a Patient ID wherever `key` is used: 12 hexadecimal digits after GG-."""
    return f"GG-{hmac.new(key, patient_id.encode('utf-8', 'surrogateescape'), 'sha256').hexdigest()[:12]}"


def deidentified(dataset, key):
    """A copy of the pydicom data set without what table E.1-1 takes away; `key`: bytes known to this export alone.

    Patients stay apart by a pseudonym in Patient ID and Patient's Name.
    """
    with quiet():
        patient = pseudonym(text(dataset, "PatientID"), key)
        found = _cleared(dataset, key)
    found.PatientID, found.PatientName = patient, f"{patient}^"
    found.PatientIdentityRemoved = "YES"
    found.LongitudinalTemporalInformationModified = "REMOVED"
    found.DeidentificationMethod = f"{NAME}: PS3.15 Basic Profile, table E.1-1 of 2024b"
    method = Dataset()
    method.CodeValue, method.CodingSchemeDesignator, method.CodeMeaning = METHOD
    found.DeidentificationMethodCodeSequence = Sequence([method])
    if getattr(dataset, "file_meta", None) is not None:
        found.file_meta = FileMetaDataset()
        found.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
        found.file_meta.MediaStorageSOPClassUID = found.get("SOPClassUID", "")
        found.file_meta.MediaStorageSOPInstanceUID = found.get("SOPInstanceUID", "")
        found.preamble = b"\0" * 128
    return found


def _cleared(dataset, key):
    found = Dataset()
    for element in dataset:
        if element.tag.is_private or element.tag.group >> 8 in _REPEATING or not dictionary_has_tag(element.tag):
            continue
        action = _ACTIONS.get((element.tag.group, element.tag.element), "K")
        if action == "X":
            continue
        if element.VR == "SQ":
            items = [] if action == "Z" else [_cleared(item, key) for item in element.value]
            found.add_new(element.tag, "SQ", Sequence(items))
        elif element.VR == "UI":
            found.add_new(element.tag, "UI", _uids(element.value, key))
        elif action == "Z":
            found.add_new(element.tag, element.VR, None)
        elif action == "D":
            found.add_new(element.tag, element.VR, _DUMMY.get(dictionary_VR(element.tag), "REMOVED"))
        else:
            found[element.tag] = element
    return found


def _uids(value, key):
    if value is None or isinstance(value, str):
        return new_uid(value, key)
    return [new_uid(each, key) for each in value]


def pixel_doubts(dataset):
    """Sentences on why the pixels of a film may carry text that names the patient; none when it says they do not."""
    name = text(dataset, "BurnedInAnnotation").upper()
    kinds = text(dataset, "ImageType").upper()
    doubts = []
    if name == "YES":
        doubts.append("Burned In Annotation is YES: words in the picture may name the patient, and are not removed.")
    elif name != "NO":
        doubts.append("Burned In Annotation is not given, so words in the picture may name the patient, and are not "
                      "removed: look at the film.")
    if "SECONDARY" in kinds or text(dataset, "ConversionType") or text(dataset, "Modality") in ("SC", "OT"):
        doubts.append("The film was captured or scanned, which often carries words from its source: look at the film.")
    return tuple(doubts)
