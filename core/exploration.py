"""What a data set is made of: classes, boxes, patients, sizes, near-duplicates, and where on the film boxes lie.

This module knows nothing of predictions or display.
"""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from core.dicom import read_film
from core.display import model_picture, resized
from core.errors import BadDataset, GroundglassError
from core.labels import STUDY_CLASSES

GRID = 64  # cells along each side of the density
SIDE = 128  # pixels along each side of the mean film
_SMALL = 32  # pixels along each side of the pictures that are compared
ALIKE = 0.98  # correlation from which two such pictures count as near-duplicates


@dataclass(frozen=True)
class Pair:
    """Two films that look alike: image ids, correlation `r` of their small pictures, and what they share."""

    first: str
    second: str
    r: float
    same_study: bool
    same_patient: bool


@dataclass(frozen=True, eq=False)
class Exploration:
    """The figures of F labelled films, S studies and G boxes.

    Dicts map a value to how often it occurs: `classes` (studies), `boxes_per_film`, `films_per_study`,
    `studies_per_patient`, `sizes` ((width, height) in pixels), `photometric`. `boxless_in_positive` counts films
    without a box in studies that are not negative. `boxes` float32 [G,4] xyxy in fractions of the film's sides;
    `density` float32 [64,64], the share of boxed films that have a box over each cell; `mean_film` uint8 [128,128];
    `pairs` the near-duplicates, most alike first, None when only a sample of the films was decoded; `unread` the films
    that could not be.
    """

    dataset: str
    films: int
    studies: int
    patients: int
    classes: dict
    boxes_per_film: dict
    films_per_study: dict
    studies_per_patient: dict
    sizes: dict
    photometric: dict
    boxless_in_positive: int
    boxes: np.ndarray
    density: np.ndarray
    mean_film: np.ndarray
    pairs: tuple[Pair, ...] | None
    unread: tuple[str, ...]

    def as_dict(self):
        """Everything but the mean film as plain lists and numbers, for JSON."""
        counts = {name: {str(key): value for key, value in getattr(self, name).items()} for name in (
            "classes", "boxes_per_film", "films_per_study", "studies_per_patient", "sizes", "photometric")}
        return {"dataset": self.dataset, "films": self.films, "studies": self.studies, "patients": self.patients,
                **counts, "boxless_in_positive": self.boxless_in_positive, "box_area": _quantiles(self.box_areas()),
                "density": np.round(self.density, 4).tolist(), "pairs": [vars(pair) for pair in self.pairs or ()],
                "unread": list(self.unread)}

    def box_areas(self):
        """Area of each box [G] as a fraction of its film."""
        return (self.boxes[:, 2] - self.boxes[:, 0]) * (self.boxes[:, 3] - self.boxes[:, 1])

    def lines(self):
        """The figures as lines of text."""
        yield f"{self.dataset}: {self.films} labelled films, {self.studies} studies, {self.patients} patients"
        for label, counts in (("study classes", self.classes), ("boxes per film", self.boxes_per_film),
                              ("films per study", self.films_per_study), ("photometric", self.photometric),
                              ("studies per patient", self.studies_per_patient)):
            yield f"{label}: " + ", ".join(f"{key} x {value}" for key, value in counts.items())
        common = list(self.sizes.items())[:5]
        yield f"sizes: {len(self.sizes)}, most often " + ", ".join(f"{w} x {h} ({n})" for (w, h), n in common)
        areas = _quantiles(self.box_areas())
        yield "box area, share of the film: " + ", ".join(f"{name} {value:.3f}" for name, value in areas.items())
        yield f"films without a box in a study that is not negative: {self.boxless_in_positive}"
        if self.pairs is not None:
            across = sum(not pair.same_patient for pair in self.pairs)
            yield f"near-duplicates: {len(self.pairs)} pairs, {across} of them between patients"
        yield f"films that cannot be read: {len(self.unread)}"


def explore(dataset, *, sample=None, progress=None):
    """The `Exploration` of the labelled films of `dataset` (`core.dataset.Dataset`).

    sample: how many films, evenly spread, are decoded for the mean film, and no near-duplicates are sought then; None =
    all. `progress` wraps the films to decode, as `tqdm` does, and takes `total`. Raises `BadDataset` without labels.
    """
    truth = dataset.truth
    if truth is None:
        raise BadDataset(f"{dataset.name} has no labels, but exploring it needs them: add train_image_level.csv and "
                         "train_study_level.csv.")
    images = dataset.images[:len(truth.image_ids)]
    wanted = [image for image in images if image.path and image.width]
    if sample is not None and sample < len(wanted):
        wanted = [wanted[row] for row in np.linspace(0, len(wanted) - 1, sample).astype(int)]
    pictures = _pictures(wanted, progress)
    readable = [image for image in images if image.width and (sample is not None or image.image_id in pictures)]
    read_ids = {image.image_id for image in readable}
    counts, boxed = np.diff(truth.offsets), np.diff(truth.offsets) > 0
    known = truth.study_class[truth.study_class >= 0]
    patient_of = {image.study_id: image.patient_id for image in images}
    positive = np.append(truth.study_class, -1)[truth.image_study] > 0
    boxes = _relative(truth, images)
    return Exploration(
        dataset=dataset.name, films=len(images), studies=len(truth.study_ids), patients=len(set(patient_of.values())),
        classes={name: int((known == index).sum()) for index, name in enumerate(STUDY_CLASSES)},
        boxes_per_film=_counted(counts.tolist()),
        films_per_study=_counted(np.bincount(truth.image_study, minlength=len(truth.study_ids)).tolist()),
        studies_per_patient=_counted(Counter(patient_of.values()).values()),
        sizes=dict(Counter((image.width, image.height) for image in readable).most_common()),
        photometric=dict(Counter(image.photometric for image in readable).most_common()),
        boxless_in_positive=int((positive & ~boxed).sum()), boxes=boxes,
        density=_density(boxes, np.repeat(np.arange(len(images)), counts)),
        mean_film=_mean_film(list(pictures.values())),
        pairs=None if sample is not None else _pairs(
            readable, near_duplicates(np.array([_small(pictures[image.image_id]) for image in readable]))),
        unread=tuple(image.image_id for image in images if image.image_id not in read_ids))


def _counted(values):
    return dict(sorted(Counter(values).items()))


def _quantiles(values):
    names = {"5 %": 0.05, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "95 %": 0.95}
    return {name: float(np.quantile(values, each)) for name, each in names.items()} if len(values) else {}


def _pictures(images, progress):
    """image id -> uint8 [128,128] of each readable film."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        decoded = pool.map(_decoded, images)
        decoded = progress(decoded, total=len(images)) if progress else decoded
        return {image.image_id: picture for image, picture in zip(images, decoded, strict=True) if picture is not None}


def small_pictures(images, progress=None):
    """image id -> uint8 [32,32] of each readable film among `images`, as `near_duplicates` compares them."""
    return {image_id: _small(picture) for image_id, picture in _pictures(images, progress).items()}


def _small(picture):
    return resized(picture, (_SMALL, _SMALL))


def _decoded(image):
    try:
        return resized(model_picture(read_film(image.path)), (SIDE, SIDE))
    except GroundglassError:
        return None


def _relative(truth, images):
    """Boxes [G,4] in fractions of their film's sides, clipped to it; a film of unknown size has none."""
    sides = np.array([[image.width, image.height] * 2 for image in images], np.float32)
    sides = sides[np.repeat(np.arange(len(images)), np.diff(truth.offsets))].reshape(-1, 4)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sides > 0, truth.boxes / sides, 0).clip(0, 1).astype(np.float32)


def _density(boxes, film):
    """Share of boxed films with a box over each cell, float32 [64,64]; `film` [G] is the film of each box."""
    total = np.zeros((GRID, GRID), np.float32)
    films = np.unique(film)
    for each in films:
        covered = np.zeros((GRID, GRID), bool)
        for x_min, y_min, x_max, y_max in np.rint(boxes[film == each] * GRID).astype(int):
            covered[y_min:y_max, x_min:x_max] = True
        total += covered
    return total / max(1, len(films))


def _mean_film(pictures):
    return np.mean(pictures, axis=0).round().astype(np.uint8) if pictures else np.zeros((SIDE, SIDE), np.uint8)


def near_duplicates(pictures, alike=ALIKE):
    """Pairs (i, j, r), i < j, of `pictures` uint8 [N,S,S] whose correlation r (Pearson) is `alike` at least, best
    first."""
    if len(pictures) < 2:
        return []
    values = pictures.reshape(len(pictures), -1).astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6)
    found = []
    for start in range(0, len(values), 512):
        r = values[start:start + 512] @ values[start:].T
        rows, columns = np.nonzero(r >= alike)
        found += [(start + i, start + j, float(r[i, j]))
                  for i, j in zip(rows.tolist(), columns.tolist(), strict=True) if i < j]
    return sorted(found, key=lambda pair: -pair[2])


def _pairs(images, found):
    return tuple(Pair(images[i].image_id, images[j].image_id, r, images[i].study_id == images[j].study_id,
                      images[i].patient_id == images[j].patient_id) for i, j, r in found)
