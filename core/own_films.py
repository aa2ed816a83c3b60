"""Films of one's own from files to predictions, in one directory that every page and command can open.

    OUT/films/test/STUDY/series/IMAGE.dcm     the films, see `core.intake`
    OUT/doubts.json                           image id -> why it may be no frontal chest film
    OUT/manifest.json and its Parquet files   the predictions

A film in doubt is predicted only when it was confirmed. Predictions are written group by group, so that what was done
is there when the rest is cancelled, and only what is missing is predicted when the same is asked for again.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from core.cases import rearranged
from core.dataset import open_dataset
from core.dicom import read_film
from core.display import model_picture
from core.doubts import header_doubts, origin_of_synthetic
from core.errors import BadPredictions, UnreadableFilm
from core.files import whole_file
from core.joining import joined
from core.predictions import MANIFEST, read_predictions, write_predictions

FILMS, DOUBTS = "films", "doubts.json"
GROUP = 16  # films that are predicted before the predictions are written again
ALL = ("all",)  # every film in doubt is confirmed


@dataclass(frozen=True)
class Outcome:
    """How many films are predicted now, the ids of those that wait for a confirmation, and those that failed."""

    predicted: int
    waiting: tuple[str, ...]
    failed: dict[str, str]


def read_doubts(out):
    """image id -> sentences, of the films of `out` that were examined; () for a film that is in no doubt."""
    try:
        found = json.loads((Path(out) / DOUBTS).read_text("utf-8"))
        return {str(image_id): tuple(map(str, why)) for image_id, why in found.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}  # they can be found again


def examine(out, images, progress=None, judge=None):
    """Look at the films that were not looked at yet; returns `read_doubts` of all `images` (`core.dataset.Image`).

    `judge()` gives a function of a grey picture (`core.display.model_picture`) to sentences; None: headers alone count.
    """
    known = read_doubts(out)
    fresh = [image for image in images if image.path is not None and image.image_id not in known]
    judged = judge() if judge and fresh else None
    for image in progress(fresh, total=len(fresh)) if progress else fresh:
        try:
            why = header_doubts(image.path)
            if judged:
                why += tuple(judged(model_picture(read_film(image.path))))
            known[image.image_id] = (*origin_of_synthetic(image.path), *why) if why else ()
        except UnreadableFilm:
            known[image.image_id] = ()  # the prediction says why
    if fresh:
        with whole_file(Path(out) / DOUBTS, mode=0o600) as temporary:
            temporary.write_text(json.dumps(known), "utf-8")
    return {image.image_id: known.get(image.image_id, ()) for image in images}


def predict_own(out, open_predictor, *, confirmed=(), examining=None, progress=None, judge=None):
    """Predict the films below `out` that no prediction is there for; returns the `Outcome`.

    `open_predictor()` gives the `core.inference.Predictor`, asked for when there is something to predict; `confirmed`
    are ids of films in doubt to be predicted none the less, or `ALL`. `examining` and `progress` wrap films and
    groups, as `tqdm` does. `judge` is that of `examine`.
    """
    out = Path(out)
    images = [image for image in open_dataset(out / FILMS).images if image.path is not None]
    doubts = examine(out, images, examining, judge)
    waiting = () if confirmed == ALL else tuple(
        each for each, why in doubts.items() if why and each not in confirmed)
    wanted = [image for image in images if image.image_id not in waiting]
    if not wanted:
        return Outcome(0, waiting, {})
    predictor = open_predictor()
    known, failed = _known(out, predictor, wanted)
    groups = _groups(wanted, set(known.image_ids) | failed.keys() if known else failed.keys())
    for group in progress(groups, total=len(groups)) if progress else groups:
        known = _predicted(predictor, known, group, failed)
        if known is not None:
            write_predictions(out, known)
    return Outcome(len(known.image_ids) if known else 0, waiting, failed)


def _known(out, predictor, wanted):
    """What is predicted already by the same weights in the same views, and what failed; (None, {}) when nothing is."""
    if not (out / MANIFEST).exists():
        return None, {}
    try:
        found = read_predictions(out)
    except BadPredictions:
        return None, {}  # they are made again
    stated = found.manifest.get("weights"), (found.manifest.get("settings") or {}).get("views")
    if stated != (list(predictor.described), [view.name for view in predictor.views]):
        return None, {}
    films = {image.image_id for image in wanted}
    kept = [each for each in found.image_ids if each in films]
    failed = {each["image"]: each["error"] for each in found.manifest.get("errors", ()) if each["image"] in films}
    return (_only(found, kept) if kept else None), failed


def _only(predictions, image_ids):
    """`predictions` of these films and their studies alone."""
    row_of = {image_id: row for row, image_id in enumerate(predictions.image_ids)}
    studies = dict.fromkeys(int(predictions.film_study[row_of[image_id]]) for image_id in image_ids)
    return rearranged(predictions, image_ids, tuple(predictions.study_ids[row] for row in studies if row >= 0))


def _groups(images, done):
    """Lists of films to predict at a time; a study that lacks one is predicted whole, as its answer is their mean."""
    studies = {}
    for image in images:
        studies.setdefault(image.study_id, []).append(image)
    groups = [[]]
    for films in studies.values():
        if any(image.image_id not in done for image in films):
            if len(groups[-1]) + len(films) > GROUP and groups[-1]:
                groups.append([])
            groups[-1] += films
    return [group for group in groups if group]


def _predicted(predictor, known, group, failed):
    """`known` predictions with those of the `group` of images in place of what was said of them; `failed` grows."""
    collector, errors = predictor.gather(group)
    failed.update({each["image"]: each["error"] for each in errors})
    told = [{"image": image_id, "error": error} for image_id, error in failed.items()]
    manifest = predictor.manifest(FILMS, told)
    parts = []
    if known is not None:
        again = {image.image_id for image in group}
        if kept := [each for each in known.image_ids if each not in again]:
            parts.append(_only(known, kept))
    if collector.image_ids:
        parts.append(collector.predictions({image.image_id: image.study_id for image in group}, manifest))
    return replace(joined(parts), manifest=manifest) if parts else None
