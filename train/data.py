"""Training films in memory: decoded once, uint8, at the network's size, with their labels and folds.

Pictures are kept in a file of the cache directory, so that a second run starts at once. Boxes are xyxy in pixels of
the network's input.
"""

import hashlib
import os
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from core.dataset import open_dataset
from core.dicom import read_film
from core.display import model_picture, resized
from core.errors import BadDataset, GroundglassError
from core.files import cache_directory, whole_file
from core.labels import STUDY_CLASSES
from train.folds import class_shares, leaks, patient_folds

HANDFUL = 4  # films of each sort in a smoke run


@dataclass(frozen=True, eq=False)
class FilmSet:
    """N labelled films: `pictures` uint8 [N,S,S], ids and patients as text [N], original `widths`, `heights` [N].

    Boxes of film i are `boxes[offsets[i]:offsets[i + 1]]` float32 [.,4]; `study_class` int8 [N] (-1 unknown);
    `doubtful` bool [N] marks a boxless film in a study where another film is boxed (label noise); `fold` int64 [N],
    -1 for films that are mixed in for training only.
    """

    dataset: str
    truth: object
    pictures: np.ndarray
    image_ids: np.ndarray
    study_ids: np.ndarray
    patient_ids: np.ndarray
    widths: np.ndarray
    heights: np.ndarray
    boxes: np.ndarray
    offsets: np.ndarray
    study_class: np.ndarray
    doubtful: np.ndarray
    fold: np.ndarray

    def __len__(self):
        return len(self.pictures)

    @property
    def boxed(self):
        """bool [N]: the film has at least one box."""
        return np.diff(self.offsets) > 0

    def boxes_of(self, row):
        """Boxes float32 [.,4] of film `row` in pixels of the network's input."""
        return self.boxes[self.offsets[row]:self.offsets[row + 1]]


def load_films(root, size, *, folds, seed, handful=None):
    """The labelled, readable films of the data set at `root` at `size` (height, width), as a `FilmSet`.

    `handful` names a fold: only `HANDFUL` films are then taken of each sort, in it and outside, with boxes and without.
    """
    dataset = open_dataset(root, progress=tqdm)
    truth = dataset.truth
    images, study_class = _labelled(dataset)
    patients = np.array([image.patient_id for image in images])
    fold = patient_folds(patients, study_class, folds=folds, seed=seed)
    if handful is not None:
        few = _few(truth, images, fold.astype(str) == handful)
        images, study_class, patients, fold = [images[row] for row in few], study_class[few], patients[few], fold[few]
    pictures, readable = _pictures(dataset, images, size)
    images = [image for image, fine in zip(images, readable, strict=True) if fine]
    boxes, offsets = _network_boxes(truth, images, size)
    study = np.array([image.study_id for image in images])
    boxed = np.diff(offsets) > 0
    return FilmSet(
        dataset=dataset.name, truth=truth, pictures=pictures,
        image_ids=np.array([image.image_id for image in images]), study_ids=study, patient_ids=patients[readable],
        widths=np.array([i.width for i in images]), heights=np.array([i.height for i in images]),
        boxes=boxes, offsets=offsets, study_class=study_class[readable],
        doubtful=~boxed & np.isin(study, study[boxed]), fold=fold[readable])


def unlabelled_films(root, image_ids, boxes, study_class, size):
    """The unlabelled films `image_ids` of the data set at `root` as a `FilmSet` for `mixed`, labelled by the caller.

    boxes: a list of float32 [.,4] xyxy in pixels of the originals; study_class int8 [N]. Films that cannot be read are
    left out. Raises `BadDataset` when a film has labels of its own, or is not there.
    """
    dataset = open_dataset(root, progress=tqdm)
    labelled = set(dataset.truth.image_ids if dataset.truth else ())
    films = {image.image_id: image for image in dataset.images if image.path and image.image_id not in labelled}
    if unknown := [each for each in image_ids if each not in films]:
        raise BadDataset(f"{len(unknown)} films such as {unknown[0]!r} are labelled in {dataset.name} or not there, "
                         "but only its unlabelled films can be given labels: predict those.")
    images = [films[each] for each in image_ids]
    pictures, readable = _pictures(dataset, images, size)
    kept = [(image, each, label) for image, each, label, fine in zip(images, boxes, study_class, readable, strict=True)
            if fine]
    scaled = [each * np.array([size[1] / image.width, size[0] / image.height] * 2, np.float32)
              for image, each, _ in kept]
    return FilmSet(
        dataset=dataset.name, truth=None, pictures=pictures,
        image_ids=np.array([image.image_id for image, *_ in kept]),
        study_ids=np.array([image.study_id for image, *_ in kept]),
        patient_ids=np.array([image.patient_id for image, *_ in kept]),
        widths=np.array([image.width for image, *_ in kept]), heights=np.array([image.height for image, *_ in kept]),
        boxes=np.concatenate([np.zeros((0, 4), np.float32), *scaled]).astype(np.float32),
        offsets=np.r_[0, np.cumsum([len(each) for each in scaled])].astype(np.int64),
        study_class=np.array([label for *_, label in kept], np.int8), doubtful=np.zeros(len(kept), bool),
        fold=np.full(len(kept), -1))


def _few(truth, images, held):
    """Rows of the first films of each sort, in order."""
    boxed = dict(zip(truth.image_ids, np.diff(truth.offsets) > 0, strict=True))
    sort = 2 * held + np.array([boxed[image.image_id] for image in images])
    return np.sort(np.concatenate([np.flatnonzero(sort == each)[:HANDFUL] for each in range(4)]))


def mixed(films, extra):
    """`films` with those of `extra` behind them; the extra ones have fold -1: trained on, never validated."""
    joined = {name: np.concatenate([getattr(films, name), getattr(extra, name)])
              for name in ("pictures", "image_ids", "study_ids", "patient_ids", "widths", "heights", "boxes",
                           "study_class", "doubtful")}
    offsets = np.concatenate([films.offsets, films.offsets[-1] + extra.offsets[1:]])
    fold = np.concatenate([films.fold, np.full(len(extra), -1)])
    return FilmSet(dataset=films.dataset, truth=films.truth, offsets=offsets, fold=fold, **joined)


def held_images(root, fold, *, folds, seed):
    """Image ids of the data set at `root` that lie in patient fold `fold`: what weights of that fold never saw."""
    dataset = open_dataset(root, progress=tqdm)
    images, study_class = _labelled(dataset)
    patients = np.array([image.patient_id for image in images])
    held = patient_folds(patients, study_class, folds=folds, seed=seed) == fold
    return [image.image_id for image, each in zip(images, held, strict=True) if each]


def fold_proof(root, *, folds, seed):
    """Lines that prove the patient folds of the data set at `root`, and say what other splits would have leaked."""
    dataset = open_dataset(root, progress=tqdm)
    images, study_class = _labelled(dataset)
    patients, studies, ids = (np.array([getattr(image, name) for image in images])
                              for name in ("patient_id", "study_id", "image_id"))
    fold = patient_folds(patients, study_class, folds=folds, seed=seed)
    count = dict(zip(dataset.truth.image_ids, np.diff(dataset.truth.offsets).tolist(), strict=True))
    yield f"{'fold':8}{'films':>7}{'patients':>10}" + "".join(f"{name:>15}" for name in STUDY_CLASSES)
    for number, shares in enumerate(class_shares(fold, study_class, len(STUDY_CLASSES))):
        held = fold == number
        yield f"{number:<8}{held.sum():>7}{len(set(patients[held])):>10}" + "".join(f"{each:>15.1%}" for each in shares)
    yield f"{'folds over':14}{'images':>9}{'studies':>9}{'patients':>10}  in more than one fold"
    boxes = np.array([count[each] for each in ids])
    for leak in leaks(fold, ids, studies, patients, boxes, folds=folds, seed=seed):
        yield f"{leak.unit:14}{leak.images:>9}{leak.studies:>9}{leak.patients:>10}"


def _labelled(dataset):
    """The images that have a film and labels, and the study class int8 [N] of each. Raises `BadDataset`."""
    truth = dataset.truth
    if truth is None:
        raise BadDataset(f"{dataset.root} has no labels, but training needs train_image_level.csv and "
                         "train_study_level.csv: name a labelled data set.")
    labelled = {image_id: row for row, image_id in enumerate(truth.image_ids)}
    images = [image for image in dataset.images if image.path is not None and image.image_id in labelled]
    rows = np.array([labelled[image.image_id] for image in images], np.int64)
    return images, truth.study_class[truth.image_study[rows]]


def _network_boxes(truth, images, size):
    row_of = {image_id: row for row, image_id in enumerate(truth.image_ids)}
    parts = [truth.boxes[truth.offsets[row]:truth.offsets[row + 1]]
             * np.array([size[1] / image.width, size[0] / image.height] * 2, np.float32)
             for image in images for row in [row_of[image.image_id]]]
    counts = [len(part) for part in parts]
    boxes = np.concatenate([np.zeros((0, 4), np.float32), *parts]).clip(0, np.array([size[1], size[0]] * 2, np.float32))
    return boxes.astype(np.float32), np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _pictures(dataset, images, size):
    """uint8 [N,H,W] of the readable `images`, and which of them are readable; kept in the cache directory."""
    stamp = [(image.image_id, stat.st_size, stat.st_mtime_ns)
             for image in images for stat in [Path(image.path).stat()]]
    key = hashlib.sha256(repr((str(dataset.root), size, stamp)).encode()).hexdigest()[:20]
    place = cache_directory() / f"pictures-{key}.npz"
    if (stored := _stored(place)) is not None:
        return stored
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        decoded = list(tqdm(pool.map(lambda image: _decode(image.path, size), images), total=len(images),
                            desc=f"decode {dataset.name}"))
    readable = np.array([picture is not None for picture in decoded])
    pictures = np.stack([picture for picture in decoded if picture is not None])
    with whole_file(place) as temporary:
        np.savez(temporary, pictures=pictures, readable=readable)
    return pictures, readable


def _stored(place):
    """What the cache holds at `place`, None when it is absent or damaged, which is said."""
    try:
        with place.open("rb") as file, np.load(file) as stored:  # its parts have checksums
            return stored["pictures"], stored["readable"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as fault:
        tqdm.write(f"{place} was damaged ({type(fault).__name__}), but must hold what was written: it is made again.")
        return None


def _decode(path, size):
    try:
        return resized(model_picture(read_film(path)), size)
    except GroundglassError as error:
        tqdm.write(f"{Path(path).name} is left out: {error}")
        return None
