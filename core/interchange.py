"""COCO, YOLO and PASCAL VOC read back in: as predictions, or as ground truth in the competition's CSVs.

It knows nothing of how a format is written.
"""

import csv
from pathlib import Path

import numpy as np

from core.boxed import LEVELS, as_answer, as_truth, levels_of_truth, truth_of
from core.coco import FILE, read_coco, write_coco
from core.errors import BadExport, BadTable
from core.files import cell, whole_file
from core.labels import IMAGE_COLUMNS, IMAGE_CSV, STUDY_COLUMNS, STUDY_CSV
from core.predictions import Candidates, Predictions, Source, write_predictions
from core.submission import read_submission, write_submission
from core.voc import FOLDER, read_voc, write_voc
from core.yolo import FILMS, read_yolo, write_yolo

READERS = {"coco": read_coco, "yolo": read_yolo, "voc": read_voc}


def recognised(path):
    """Which of `READERS` the files at `path` are for, None for anything else."""
    path = Path(path)
    if path.is_file():
        return "coco" if path.suffix.lower() == ".json" else None
    for name, sign in (("coco", FILE), ("yolo", FILMS), ("voc", FOLDER)):
        if (path / sign).exists():
            return name
    return None


def _levels(path):
    """What stands beside the boxes at `path`, an `Answer` without boxes, or None."""
    place = (path if path.is_dir() else path.parent) / LEVELS
    return read_submission(place) if place.exists() else None


def read_answer(path, kind=None):
    """The `core.scoring.Answer` of the detections at `path`. Raises `BadExport` or `BadTable`."""
    path, kind = Path(path), kind or recognised(path)
    if kind is None:
        raise BadExport(f"{path} is neither a COCO file nor a YOLO or VOC folder, but must be one of these: name "
                        "another.")
    return as_answer(READERS[kind](path), _levels(path))


def imported(answer, study_of, name):
    """`Predictions` of one source called `name` that say what `answer` does; `study_of`: image id -> study id."""
    studies = tuple(dict.fromkeys([*answer.study_ids, *(study_of[each] for each in answer.image_ids
                                                        if each in study_of)]))
    row_of = {each: row for row, each in enumerate(studies)}
    study = np.full((len(studies), 1, 4), np.nan)
    study[[row_of[each] for each in answer.study_ids], 0] = answer.study
    source = (Source(name, "", "plain"),)
    found = Candidates(answer.boxes, answer.scores, np.zeros(len(answer.boxes), np.int16), answer.offsets, source)
    return Predictions(answer.image_ids, studies, found, 1 - np.asarray(answer.p_none)[:, None], source, study, source,
                       {"imported": name}, [row_of.get(study_of.get(each), -1) for each in answer.image_ids])


def import_predictions(path, kind, study_of, out):
    """Take the detections at `path` in as predictions at `out`: a competition CSV, or a directory of predictions."""
    answer, out = read_answer(path, kind), Path(out)
    if out.suffix.lower() == ".csv":
        write_submission(out, answer)
    else:
        write_predictions(out, imported(answer, study_of, kind))
    return out


def import_truth(path, kind, study_of, out):
    """Take the boxes at `path` in as ground truth: the competition's two CSVs in the directory `out`."""
    truth = as_truth(READERS[kind](Path(path)), _levels(Path(path)), study_of)
    write_truth(out, truth)
    return Path(out)


def export_truth(truth, sizes, kind, out, lines, stamp):
    """Write a `GroundTruth` in the format `kind` to the directory `out`; `sizes`: image id -> (width, height)."""
    boxed, out = truth_of(truth, sizes), Path(out)
    if kind == "coco":
        write_coco(out, boxed, lines, stamp)
    elif kind == "yolo":
        write_yolo(out, boxed, lines, stamp)
    else:
        write_voc(out, boxed, lines)
    write_submission(out / LEVELS, levels_of_truth(truth))


def write_truth(directory, truth):
    """Write a `GroundTruth` as the competition's two CSVs. Raises `BadTable` when they cannot be written."""
    films = []
    for row, image_id in enumerate(truth.image_ids):
        boxes = truth.boxes_of(row).astype(np.float64).tolist()
        listed = [{"x": x, "y": y, "width": right - x, "height": low - y} for x, y, right, low in boxes]
        label = " ".join(f"opacity 1 {' '.join(map(repr, box))}" for box in boxes) or "none 1 0 0 1 1"
        study = truth.image_study[row]
        films.append((cell(f"{image_id}_image"), str(listed) if boxes else "", label,
                      cell(truth.study_ids[study]) if study >= 0 else ""))
    studies = [(cell(f"{study_id}_study"), *(int(place == known) for place in range(4)))
               for study_id, known in zip(truth.study_ids, truth.study_class, strict=True) if known >= 0]
    for name, columns, rows in ((IMAGE_CSV, IMAGE_COLUMNS, films), (STUDY_CSV, STUDY_COLUMNS, studies)):
        with whole_file(Path(directory) / name, BadTable) as temporary, \
                temporary.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([columns, *rows])
