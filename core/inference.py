"""Films to predictions: batches, views, device, progress, and an error per film instead of a stop.

What comes out are candidates from before NMS and plain probabilities, in pixels of the original images; how they
are fused is decided later. This module knows nothing of fusion or ground truth.
"""

import datetime
import platform
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from core.dicom import film_room, read_film
from core.display import model_picture, resized
from core.errors import BadDataset, BadWeights, GroundglassError
from core.models import open_model, pick_device
from core.predictions import Candidates, Predictions, Source
from core.views import first_views
from core.weights import HEADS, sha256


@dataclass(frozen=True, eq=False)
class NamedModel:
    """A model and the name under which its answers are stored."""

    name: str
    model: object

    def described(self, path):
        """The manifest's row for these weights, read from `path`."""
        card = self.model.card
        return {"file": Path(path).name, "sha256": sha256(path), "task": card.task, "architecture": card.architecture,
                "fold": card.fold, "image_size": list(card.image_size), "mean": card.mean, "std": card.std}


class Collector:
    """Gathers the answers of `named_models` under `views`, film by film, into `Predictions`."""

    def __init__(self, named_models, views):
        self._models, self._views = tuple(named_models), tuple(views)
        self._sources = {question: tuple(Source(each.name, each.model.card.fold, view.name) for each in self._models
                                         if question in _questions(each.model.card) for view in self._views)
                         for question in ("detector", "opacity", "study")}
        self._boxes, self._opacity, self._study = [], [], []
        self.image_ids = []

    @property
    def sizes(self):
        """The input sizes (height, width) that `add` needs pictures in."""
        return {tuple(each.model.card.image_size) for each in self._models}

    def add(self, image_ids, pictures, widths, heights):
        """Predict a batch: `pictures` maps an input size to uint8 [B,H,W]; widths, heights [B] of the originals."""
        self.image_ids.extend(image_ids)
        found = [[] for _ in image_ids]
        probabilities = {"opacity": [], "study": []}
        for each in self._models:
            size = tuple(each.model.card.image_size)
            for view in self._views:
                seen = np.stack([view.apply(picture) for picture in pictures[size]])
                if each.model.card.task != "detector":
                    for question, answers in each.model.probabilities(seen).items():
                        probabilities[question].append(answers)
                    continue
                for film, (boxes, scores) in enumerate(each.model.candidates(seen)):
                    back = view.back(boxes, *size)
                    found[film].append((_in_original_pixels(back, size, widths[film], heights[film]), scores))
        self._boxes.extend(found)
        self._opacity.extend(np.stack(probabilities["opacity"], axis=1)[..., 0] if probabilities["opacity"]
                             else np.zeros((len(image_ids), 0), np.float32))
        self._study.extend(np.stack(probabilities["study"], axis=1) if probabilities["study"]
                           else np.zeros((len(image_ids), 0, 4), np.float32))

    def predictions(self, study_of, manifest):
        """Everything gathered as `Predictions`; `study_of` maps an image id to its study id.

        A study's probabilities are the mean over its images (the diary's 007).
        """
        if not self.image_ids:
            raise BadDataset("no film could be predicted, but at least one must be readable: see the errors above.")
        films_of = defaultdict(list)
        for row, image_id in enumerate(self.image_ids):
            films_of[study_of[image_id]].append(row)
        row_of = {study_id: row for row, study_id in enumerate(films_of)}
        per_film = np.stack(self._study)  # [F,B,4]
        study = np.stack([per_film[rows].mean(axis=0) for rows in films_of.values()])
        return Predictions(
            image_ids=tuple(self.image_ids), study_ids=tuple(films_of), candidates=self._candidates(),
            opacity=np.stack(self._opacity).astype(np.float32), opacity_sources=self._sources["opacity"],
            study=study.astype(np.float32), study_sources=self._sources["study"], manifest=manifest,
            film_study=[row_of[study_of[image_id]] for image_id in self.image_ids])

    def _candidates(self):
        rows = [(boxes, scores, index) for film in self._boxes for index, (boxes, scores) in enumerate(film)]
        counts = [sum(len(scores) for _, scores in film) for film in self._boxes]
        return Candidates(
            boxes=np.concatenate([np.zeros((0, 4), np.float32), *(boxes for boxes, _, _ in rows)]),
            scores=np.concatenate([np.zeros(0, np.float32), *(scores for _, scores, _ in rows)]),
            source=np.concatenate([np.zeros(0, np.int16),
                                   *(np.full(len(scores), index, np.int16) for _, scores, index in rows)]),
            offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), sources=self._sources["detector"])


def _questions(card):
    """What the model of `card` answers: "detector", or the questions of its heads."""
    return ("detector",) if card.task == "detector" else tuple(HEADS[card.task])


def _in_original_pixels(boxes, size, width, height):
    """Boxes float32 [N,4] of the network's input `size` (height, width) in pixels of the original, clipped to it."""
    scale = np.array([width / size[1], height / size[0]] * 2, np.float32)
    return (boxes * scale).clip(0, np.array([width, height] * 2, np.float32))


@dataclass(frozen=True, eq=False)
class Predictor:
    """Opened weights and how they are used: `named` models, `described` rows of the manifest, `views`, films at a time.

    `settings` go into the manifest.
    """

    named: tuple[NamedModel, ...]
    described: tuple[dict, ...]
    views: tuple
    batch: int
    settings: dict

    @property
    def remarks(self):
        """Sentences on weights that are not computed as was asked for."""
        return tuple(each.model.remark for each in self.named if each.model.remark)

    def manifest(self, dataset, errors):
        """The manifest of predictions for the data set named `dataset`."""
        return make_manifest(dataset, list(self.described), self.views, self.settings, errors)

    def gather(self, images, progress=None):
        """See `gather`."""
        return gather(self.named, self.views, images, self.batch, progress)


def open_predictor(weights, *, views=2, device="auto", runtime="auto", batch=16):
    """The `Predictor` of the weights files `weights`.

    `views` is how many of `core.views.VIEWS` each film is seen in, `runtime` one of `core.runtime.RUNTIMES`. Raises
    `BadWeights` and `BadSettings`.
    """
    torch_device, seen = pick_device(device), first_views(views)
    named = _open_all(weights, torch_device, runtime)
    described = tuple(each.described(path) for path, each in zip(weights, named, strict=True))
    settings = {"device": str(torch_device), "batch": batch, "runtime": [each.model.runtime for each in named]}
    predictor = Predictor(tuple(named), described, seen, batch, settings)
    if predictor.remarks:
        settings["remarks"] = list(predictor.remarks)
    return predictor


def predict(dataset, weights, *, views=2, device="auto", runtime="auto", batch=16, image_ids=None, progress=None):
    """Predictions of the weights files `weights` for the films of `dataset` (all, or those in `image_ids`).

    The settings are those of `open_predictor`; `progress` is a callable like `tqdm` that wraps an iterable and takes
    `total`. A film that cannot be read is left out and named in the manifest's `errors`. Raises `BadWeights`,
    `BadSettings`, and `BadDataset` when no film remains.
    """
    images = _chosen(dataset, image_ids)
    predictor = open_predictor(weights, views=views, device=device, runtime=runtime, batch=batch)
    errors = [{"image": image.image_id, "error": "no film for this id, but a labelled id needs one: add the file."}
              for image in images if image.path is None]
    images = [image for image in images if image.path is not None]
    collector, unread = predictor.gather(images, progress)
    return collector.predictions({image.image_id: image.study_id for image in images},
                                 predictor.manifest(dataset.name, errors + unread))


def gather(named_models, views, images, batch=16, progress=None):
    """A `Collector` with the answers of `named_models` for `images`, and [{"image", "error"}] of those unread."""
    collector, errors = Collector(named_models, views), []
    for group in _decoded(images, batch, collector.sizes, progress):
        readable = [(image, film) for image, film in group if not isinstance(film, str)]
        errors += [{"image": image.image_id, "error": film} for image, film in group if isinstance(film, str)]
        if readable:
            pictures = {size: np.stack([film[0][size] for _, film in readable]) for size in collector.sizes}
            collector.add([image.image_id for image, _ in readable], pictures,
                          [film[1] for _, film in readable], [film[2] for _, film in readable])
    return collector, errors


def make_manifest(dataset, weights, views, settings, errors):
    """What the predictions are: data set, `weights` as `NamedModel.described`, views, settings, versions, errors."""
    packages = ("torch", "timm", "effdet", "numpy", "pydicom", "opencv-python-headless")
    return {"created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), "dataset": dataset,
            "weights": weights, "settings": {**settings, "views": [view.name for view in views]},
            "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
            "errors": errors}


def _open_all(weights, device, runtime):
    if not weights:
        raise BadWeights("no weights were named, but at least one file is needed: pass --weights FILE.")
    names = [Path(path).stem for path in weights]
    if len(set(names)) < len(names):
        raise BadWeights(f"weights are named {names}, but each file name must occur once: rename one, or drop the "
                         "second mention.")
    named = [NamedModel(name, open_model(path, device, runtime)) for name, path in zip(names, weights, strict=True)]
    for path, each in zip(weights, named, strict=True):
        if each.model.card.paint:
            raise BadWeights(f"{path} is a teacher, trained on films with the true boxes painted on them, but films to "
                             "be predicted have none: name the weights of its student.")
    return named


def _chosen(dataset, image_ids):
    if image_ids is None:
        return list(dataset.images)
    wanted = set(image_ids)
    images = [image for image in dataset.images if image.image_id in wanted]
    if len(images) < len(wanted):
        unknown = sorted(wanted - {image.image_id for image in images})
        raise BadDataset(f"{len(unknown)} ids such as {unknown[0]!r} are not in {dataset.name}, but only its films can "
                         "be predicted: mend the list of ids.")
    return images


def _decoded(images, batch, sizes, progress):
    """Groups of (image, (pictures by size, width, height)) or (image, sentence), decoded one group ahead."""
    groups = [images[start:start + batch] for start in range(0, len(images), batch)]
    with ThreadPoolExecutor(2) as pool:
        ahead = [pool.submit(_picture, image, sizes) for image in groups[0]] if groups else []
        for index, group in enumerate(progress(groups, total=len(groups)) if progress else groups):
            now, coming = ahead, groups[index + 1] if index + 1 < len(groups) else []
            ahead = [pool.submit(_picture, image, sizes) for image in coming]
            yield [(image, future.result()) for image, future in zip(group, now, strict=True)]


def _picture(image, sizes):
    try:
        with film_room(image.path):
            picture = model_picture(read_film(image.path))
            return {size: resized(picture, size) for size in sizes}, picture.shape[1], picture.shape[0]
    except GroundglassError as error:
        return str(error)
