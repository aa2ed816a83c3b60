"""What was told of films written in the formats that others read; one film's failure costs one sentence.

    sr gsps sc dicom png     a file for each film: Structured Report, Grayscale Softcopy Presentation State, Secondary
                             Capture, the film itself (de-identified exports alone), the burnt-in picture
    submission               the competition's CSV
    coco yolo voc            boxes for other programs, and beside them `core.boxed.LEVELS` for what they cannot say

The DICOM objects but the film itself belong to the film's patient and name it, unless the export is de-identified
(`core.deidentify`), in which case all of an export share its new identifiers. The others never carry a patient's
identity. This module knows nothing of audit trails or of pages.
"""

import io
import json
import secrets
import warnings
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydicom.uid import generate_uid

from core.boxed import LEVELS, detections_of, file_name
from core.coco import write_coco
from core.deidentify import deidentified, pixel_doubts
from core.dicom import read_film
from core.errors import BadExport, BadSettings, GroundglassError
from core.files import locked, whole_file
from core.png import write_png
from core.presentation import presentation_state
from core.references import cleaned, reference, whole
from core.reported import Reported
from core.scoring import Answer
from core.secondary_capture import burnt_in, secondary_capture
from core.structured_report import structured_report
from core.submission import write_submission
from core.voc import write_voc
from core.yolo import write_yolo

NAMES = {"sr": "Structured Report", "gsps": "Presentation State", "sc": "Secondary Capture", "png": "PNG",
         "dicom": "DICOM film", "submission": "Submission CSV", "coco": "COCO", "yolo": "YOLO", "voc": "Pascal VOC"}
FORMATS = {
    "sr": "DICOM Structured Report (TID 1500): boxes as regions, probabilities as measurements",
    "gsps": "DICOM Grayscale Softcopy Presentation State: boxes over the film, in its window",
    "sc": "DICOM Secondary Capture: the film with the boxes burnt in",
    "png": "the film with the boxes burnt in, as a picture",
    "dicom": "the film itself, de-identified",
    "submission": "the competition's CSV",
    "coco": "COCO: one JSON file",
    "yolo": "YOLO: one text file a film",
    "voc": "PASCAL VOC: one XML file a film",
}
ORIGIN = "origin.json"  # beside the competition's CSV, which has no room for who tells it
OF_A_FILM = ("sr", "gsps", "sc", "png", "dicom")


@dataclass(frozen=True)
class Exported:
    """The files written, image id -> why a film could not be exported, and sentences that the user must read."""

    files: tuple[Path, ...]
    failed: dict[str, str]
    remarks: tuple[str, ...]


def export(told, origin, formats, out, *, deidentify=False, progress=None):
    """Write `told` (`core.reported.Reported` of each film) in `formats` below the directory `out`; an `Exported`.

    origin: `core.reported.Origin`. With `deidentify` everything bears new identifiers, the same within this export
    alone, and films come along as format "dicom". Raises `BadSettings` for an unknown format, `BadExport` when `out`
    cannot be written.
    """
    _check(formats, deidentify)
    out, key = Path(out), secrets.token_bytes(32)
    if deidentify:  # the folder's name may be a patient's
        origin = replace(origin, stamp={name: value for name, value in origin.stamp.items() if name != "data set"})
    written, failed, remarks, kept = [], {}, {}, []
    for each in progress(told) if progress else told:
        try:
            source = _Source(each, key if deidentify else None)
            names = [name for name in formats if name in OF_A_FILM]
            for name in names:
                written.append(_one(name, out, source, origin, key))
            kept.append(source.told)
            for doubt in source.doubts if names else ():
                remarks.setdefault(doubt, []).append(source.told.image_id)
        except GroundglassError as failure:
            failed[each.image_id] = str(failure)
    for name in formats:
        if name not in OF_A_FILM and kept:
            written += _set(name, out / name, kept, origin)
    return Exported(tuple(written), failed, _counted(remarks))


def _set(name, out, told, origin):
    """The files of all films in the format `name`; those of two exports at a time are not mixed."""
    with suppress(OSError):  # the first file that is written says what is wrong
        out.mkdir(parents=True, exist_ok=True)
    with locked(out, BadExport):
        return _SETS[name](out, told, origin)


def _counted(remarks):
    """Sentences from a map of a sentence to the films that it is about."""
    return tuple(f"{len(films)} films such as {films[0]!r}: {doubt}" for doubt, films in remarks.items())


def _check(formats, deidentify):
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise BadSettings(f"the format is {unknown[0] if unknown else ''!r}, but must be one of {', '.join(FORMATS)}: "
                          "choose one.")
    if "dicom" in formats and not deidentify:
        raise BadSettings("the format is 'dicom' without de-identification, but that would copy the film as it is: "
                          "copy the file, or de-identify.")


class _Source:
    """A film as it is exported: read once, with the identifiers that the export uses."""

    def __init__(self, told, key):
        self.told, self._path, self._film, self._reference = told, told.path, None, None
        self.dataset, self.doubts = None, ()
        if key is not None:
            self._need_file()
            self.doubts, self.dataset, self._reference = self._without_patient(key)
            self.told = replace(told, image_id=file_name(self._reference.SOPInstanceUID),
                                study_id=self._reference.StudyInstanceUID)

    def _without_patient(self, key):
        """Doubts about the pixels, the film and its reference, all de-identified. Raises `BadExport`."""
        original = whole(self._path)
        try:
            found = deidentified(original, key)
            return pixel_doubts(original), found, cleaned(found, self._path.name)
        except GroundglassError:
            raise
        except Exception as fault:  # pydicom raises what it likes on elements that are read one by one
            raise BadExport(f"{self._path.name} has attributes that cannot be read ({type(fault).__name__}), but each "
                            "must be, to take the patient out of it: repair the header.") from None

    def _need_file(self):
        if self._path is None:
            raise BadExport(f"the film {self.told.image_id!r} is not in the data set, only what is said of it, but "
                            "this format needs it: add the film.")

    @property
    def film(self):
        self._need_file()
        self._film = self._film or read_film(self._path)
        return self._film

    @property
    def reference(self):
        self._need_file()
        if self._reference is None:
            self._reference, left_out = reference(self._path)
            self.doubts += tuple(f"the header's {keyword} breaks DICOM's rules and is left out of what is exported."
                                 for keyword in left_out)
        return self._reference

    def uid(self, kind, key):
        """UID of the object of `kind` about this film, or of the series of its study; new in each export."""
        return generate_uid(entropy_srcs=[key.hex(), self.reference.SOPInstanceUID, kind])

    def series(self, kind, key):
        return generate_uid(entropy_srcs=[key.hex(), self.reference.StudyInstanceUID, kind])


def _one(name, out, source, origin, key):
    """The file of one film in the format `name`; whatever foreign code raises on its header is a `BadExport`."""
    try:
        return _WRITERS[name](out, source, origin, key)
    except GroundglassError:
        raise
    except Exception as fault:  # highdicom raises what it likes on values it does not know
        raise BadExport(f"the film {source.told.image_id!r} has attributes of which no {name} can be made "
                        f"({type(fault).__name__}), but an export must be valid: repair the header.") from None


def _sr(out, source, origin, key):
    return _save(out, "sr", source, structured_report(source.told, origin, source.reference, source.series("sr", key),
                                                      source.uid("sr", key)))


def _gsps(out, source, origin, key):
    return _save(out, "gsps", source, presentation_state(
        source.told, origin, source.reference, source.film, source.series("gsps", key), source.uid("gsps", key)))


def _sc(out, source, origin, key):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(highdicom|pydicom)\b")
        made = secondary_capture(source.told, origin, source.reference, source.film, source.series("sc", key),
                                 source.uid("sc", key))
    return _save(out, "sc", source, made)


def _dicom(out, source, origin, key):
    return _save(out, "dicom", source, source.dataset)


def _png(out, source, origin, key):
    place = out / "png" / f"{file_name(source.told.image_id)}.png"
    write_png(place, burnt_in(source.told, origin, source.film))
    return place


def _save(out, kind, source, dataset):
    place, memory = out / kind / f"{file_name(source.told.image_id)}.dcm", io.BytesIO()
    if dataset is not source.dataset:
        dataset.SpecificCharacterSet = "ISO_IR 192"  # the film's own names, whatever their script
    try:
        dataset.save_as(memory, enforce_file_format=True)
    except Exception as fault:  # pydicom raises what it likes on values it could read but cannot write
        raise BadExport(f"the film {source.told.image_id!r} has attributes that cannot be written again "
                        f"({' '.join(str(fault).split())[:80]}), but an export must be valid: repair the header."
                        ) from None
    with whole_file(place, BadExport) as temporary:
        temporary.write_bytes(memory.getvalue())
    return place


def answer_of(told, *, boxes=True):
    """The `core.scoring.Answer` that some `Reported` make; without detections when not `boxes`."""
    studies = {each.study_id: each.study for each in told}
    found = [each.boxes if boxes else each.boxes[:0] for each in told]
    scores = [each.scores[:len(some)] for each, some in zip(told, found, strict=True)]
    return Answer(tuple(each.image_id for each in told), tuple(studies), np.concatenate(found),
                  np.concatenate(scores), np.r_[0, np.cumsum([len(some) for some in found])],
                  np.array([each.p_none for each in told]), np.array(list(studies.values())).reshape(-1, 4))


def _submission(out, told, origin):
    write_submission(out / "submission.csv", answer_of(told))
    with whole_file(out / ORIGIN, BadExport) as temporary:
        temporary.write_text(json.dumps({"told by": origin.lines, "threshold": origin.threshold, **origin.stamp}),
                             "utf-8")
    return [out / "submission.csv", out / ORIGIN]


def _levels(out, told):
    write_submission(out / LEVELS, answer_of(told, boxes=False))
    return out / LEVELS


def _coco(out, told, origin):
    return [write_coco(out, detections_of(told), origin.lines, origin.stamp), _levels(out, told)]


def _yolo(out, told, origin):
    return [*write_yolo(out, detections_of(told), origin.lines, origin.stamp), _levels(out, told)]


def _voc(out, told, origin):
    return [*write_voc(out, detections_of(told), (*origin.lines, *origin.hashes)), _levels(out, told)]


_WRITERS = {"sr": _sr, "gsps": _gsps, "sc": _sc, "png": _png, "dicom": _dicom}
_SETS = {"submission": _submission, "coco": _coco, "yolo": _yolo, "voc": _voc}


def copy_without_patients(files, out):
    """De-identified copies of the DICOM `files` in the directory `out`, named by their new UIDs; an `Exported`."""
    key, written, failed, remarks = secrets.token_bytes(32), [], {}, {}
    for path in files:
        try:
            told = Reported(Path(path).stem, "", Path(path), 0, 0, np.zeros((0, 4)), np.zeros(0), np.nan, np.zeros(4))
            source = _Source(told, key)
            written.append(_save(Path(out), ".", source, source.dataset))
            for doubt in source.doubts:
                remarks.setdefault(doubt, []).append(written[-1].name)
        except GroundglassError as failure:
            failed[Path(path).name] = str(failure)
    return Exported(tuple(written), failed, _counted(remarks))
