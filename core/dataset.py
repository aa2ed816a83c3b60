"""The competition layout on disk: films, their labels, and what is wrong with either.

`train/STUDY/SERIES/IMAGE.dcm` and `test/...` beside the CSVs. It knows nothing of predictions.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import UnreadableFilm
from core.index import SPLITS, read_index
from core.labels import IMAGE_CSV, STUDY_CSV, GroundTruth, read_labels
from core.tables import shown, some


@dataclass(frozen=True)
class Image:
    """One film of a data set.

    `path` is absolute, None when only its label exists; then the last four are unknown. `width` and
    `height` in pixels of the original; unknown text is "", an unknown side 0. `study_id` is the folder
    below train/ or test/, or the label's study where there is no film.
    """

    image_id: str
    study_id: str
    path: str | None
    patient_id: str
    width: int
    height: int
    photometric: str

    @property
    def file(self):
        """`path`, where there is one. Raises `UnreadableFilm`."""
        if self.path is None:
            raise UnreadableFilm(f"The film of {self.image_id!r} is not in the data set, only its label: add it below "
                                 "train/.")
        return self.path


@dataclass(frozen=True, eq=False)
class Dataset:
    """A directory in the competition layout.

    `images[:len(truth.image_ids)]` are the labelled ones in the order of `truth.image_ids`, unlabelled films
    follow. `truth` is None when there are no labels at all; `problems` are sentences for the reader.
    """

    root: str
    name: str
    images: tuple[Image, ...]
    truth: GroundTruth | None
    problems: tuple[str, ...]


def open_dataset(root, *, progress=None):
    """The `Dataset` at `root`: its labels, and its films through the header index.

    What is wrong becomes a sentence in `problems`, and the rest still opens. `progress` wraps the headers to
    read, as `tqdm` does, and takes `total`. Raises `BadDataset` when `root` is no directory.
    """
    root = Path(root).absolute()
    labels = read_labels(root)
    entries, unread = read_index(root, progress=progress)
    found = {}
    for entry in entries:
        found.setdefault(Path(entry.path).stem, []).append(entry)
    study_of = _study_of_images(labels.truth)
    films = {image_id: _chosen(entries, study_of.get(image_id)) for image_id, entries in found.items()}
    images = [_image(root, image_id, study, films.get(image_id)) for image_id, study in study_of.items()]
    images += [_image(root, image_id, _folder(entry) or image_id, entry)
               for image_id, entry in films.items() if image_id not in study_of]
    faults = () if _is_unlabelled(root) else some(labels.faults)
    problems = [*faults, *labels.remarks, *unread]
    if not films:
        problems.append(f"{root.name} holds no film below {' or '.join(f'{split}/' for split in SPLITS)}, so "
                        "there is nothing to look at: put them there as STUDY/SERIES/IMAGE.dcm.")
    else:
        problems += _film_problems(found, films, study_of)
        problems += _label_problems(labels.truth, study_of, films)
        problems += _outside(labels, films)
    return Dataset(str(root), root.name, tuple(images), labels.truth, tuple(problems))


def _is_unlabelled(root):
    """Whether there are films to be predicted alone: neither CSV and no training films are there to be missed."""
    return (root / "test").is_dir() and not any((root / name).exists() for name in (IMAGE_CSV, STUDY_CSV, "train"))


def _study_of_images(truth):
    """image id -> study id of the labelled images, in the order of the labels."""
    if truth is None:
        return {}
    return {image_id: truth.study_ids[study] for image_id, study in
            zip(truth.image_ids, truth.image_study.tolist(), strict=True)}


def _folder(entry):
    """The study folder of a film, "" when it lies directly in train/ or test/."""
    parts = entry.path.split("/")
    return parts[1] if len(parts) > 2 else ""


def _chosen(entries, study_id):
    """The film meant by an id that several carry: the one in its study's folder, else the first."""
    return next((entry for entry in entries if _folder(entry) == study_id), entries[0])


def _image(root, image_id, study_id, entry):
    if entry is None:
        return Image(image_id, study_id, None, "", 0, 0, "")
    return Image(image_id, study_id, str(root / entry.path), entry.patient_id, entry.width, entry.height,
                 entry.photometric)


def _film_problems(found, films, study_of):
    """Sentences on films: unreadable, of one id, in the wrong place, without patient."""
    unreadable, doubled, misplaced, nameless = [], [], [], []
    for image_id, entry in films.items():
        path, folder = shown(entry.path), _folder(entry)
        study_id = study_of.get(image_id, folder)
        if entry.error:
            unreadable.append(f"{path} cannot be read: {entry.error}")
        elif not entry.patient_id:
            nameless.append(path)
        if len(found[image_id]) > 1:
            doubled.append(f"image {shown(image_id)} has {len(found[image_id])} films, but an id names one: "
                           f"{path} is used, remove the others.")
        if folder != study_id:
            misplaced.append(f"{path} lies in the folder of study {shown(folder)}, but its label names study "
                             f"{shown(study_id)}, which is used: move the film or mend the label.")
    patients = [f"{len(nameless)} films such as {nameless[0]} carry no PatientID, but folds are drawn over "
                "patients: do not train on them."] if nameless else []
    return [*some(unreadable), *some(doubled), *some(misplaced), *patients]


def _outside(labels, films):
    """Sentences on boxes that reach beyond their film by more than a pixel; they are used as they are."""
    if labels.truth is None:
        return []
    found = []
    for film, (image_id, row) in enumerate(zip(labels.truth.image_ids, labels.image_rows, strict=True)):
        boxes, entry = labels.truth.boxes_of(film), films.get(image_id)
        if len(boxes) and entry is not None and entry.width:
            beyond = (boxes < -1) | (boxes > np.array([entry.width, entry.height] * 2) + 1)
            if beyond.any():
                box = boxes[beyond.any(axis=1)][0].tolist()
                found.append(f"{IMAGE_CSV} row {row}, column label: the box {box} reaches beyond its film of "
                             f"{entry.width} x {entry.height} pixels, but must lie on it: mend it.")
    return some(found)


def _label_problems(truth, study_of, films):
    """Sentences on labels without film and training films without label."""
    if not study_of:
        return []
    studies = set(study_of.values())
    missing = [f"image {shown(image_id)} of {IMAGE_CSV} has no film and cannot be shown: add it below train/."
               for image_id in study_of if image_id not in films]
    empty = [f"study {shown(study_id)} of {STUDY_CSV} has no image in {IMAGE_CSV} and cannot be shown: add "
             "one." for study_id in truth.study_ids if study_id not in studies]
    unlabelled = [f"{shown(entry.path)} has no valid row in {IMAGE_CSV} and is shown without truth: add it."
                  for image_id, entry in films.items()
                  if image_id not in study_of and entry.path.startswith("train/")]
    return [*some(missing), *some(empty), *some(unlabelled)]
