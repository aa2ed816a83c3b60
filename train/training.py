"""One run from settings to weights and out-of-fold predictions, top to bottom."""

from pathlib import Path

from core.inference import NamedModel, make_manifest
from core.models import open_model, pick_device
from core.predictions import write_predictions
from core.views import first_views
from train.classifier import ClassifierTask
from train.data import load_films, mixed
from train.detector import DetectorTask
from train.engine import fit
from train.judging import held_rows, predict_rows
from train.runs import RunFolder


def train(settings, data, also, folder, *, device="auto", views=2):
    """Train as `settings` say on the data set at `data` (and those in `also`), in the run folder `folder`.

    Leaves settings.json, metrics.csv, log, checkpoint.pt, weights.safetensors and, when a fold is held out,
    predictions/ there. A folder with an unfinished run of the same settings is gone on with.
    """
    device = pick_device(device)
    run = RunFolder(folder, settings, {"data": str(Path(data)), "also": [str(each) for each in also]})
    size = (settings.size, settings.size)
    films = load_films(data, size, folds=settings.folds, seed=settings.seed)
    for extra in also:
        films = mixed(films, load_films(extra, size, folds=settings.folds, seed=settings.seed))
    task = DetectorTask(settings) if settings.task == "detector" else ClassifierTask(settings)
    fit(task, films, settings, run, device)
    named = NamedModel(run.path.name, open_model(run.weights, device))
    seen = first_views(views)
    manifest = make_manifest(films.dataset, [named.described(run.weights)], seen, {}, [])
    predictions = predict_rows([named], films, held_rows(films, settings.fold), seen, manifest)
    if predictions is not None:
        write_predictions(run.predictions, predictions)
