"""One run from settings to weights and out-of-fold predictions, top to bottom."""

from dataclasses import asdict
from pathlib import Path

from core.inference import NamedModel, make_manifest
from core.models import open_model
from core.predictions import write_predictions
from core.views import first_views
from train.classifier import ClassifierTask
from train.data import load_films, mixed
from train.detector import DetectorTask
from train.engine import fit
from train.judging import held_rows, predict_rows
from train.pseudo import pseudo_films
from train.ranks import start_ranks
from train.runs import RunFolder
from train.tracking import tracking


def train(settings, data, also, folder, *, device="auto", views=2, checkpoint_seconds=180, track=None,
          recipe=None, smoke=False):
    """Train as `settings` say on the data set at `data` (and those in `also`), in the run folder `folder`.

    Leaves settings.json, metrics.csv, log, checkpoint.pt, weights.safetensors and, when a fold is held out,
    predictions/ there. A folder with an unfinished run of the same settings is gone on with, from a checkpoint at most
    `checkpoint_seconds` and a step old. `track` names who else is told the figures of each epoch ("wandb"). Under
    torchrun several processes share the work. `recipe` is kept beside the settings, `smoke` takes a handful of films.
    Returns the folder's path, which is the lead's in all of them.
    """
    with start_ranks(device) as (ranks, device):
        folder = ranks.agreed(folder)
        with ranks.lead_first():
            inputs = {"data": str(Path(data)), "also": [str(each) for each in also]}
            run = RunFolder(folder, settings, {**inputs, "smoke": True} if smoke else inputs, recipe)
        with ranks.alone(run.path), tracking(track if ranks.leads else None, run, asdict(settings)) as tell:
            with ranks.lead_first():
                films = _films(settings, data, also, settings.fold if smoke else None)
            task = DetectorTask(settings) if settings.task == "detector" else ClassifierTask(settings)
            fit(task, films, settings, run, device, ranks=ranks, track=tell, checkpoint_seconds=checkpoint_seconds)
        if ranks.leads:
            _predict_held_fold(run, films, settings, device, views)
        ranks.wait()
    return run.path


def _films(settings, data, also, handful):
    how = {"folds": settings.folds, "seed": settings.fold_seed, "handful": handful}
    films, *others = (load_films(each, (settings.size, settings.size), **how) for each in (data, *also))
    for extra in others:
        films = mixed(films, extra)
    return mixed(films, pseudo_films(data, settings)) if settings.pseudo != "none" else films


def _predict_held_fold(run, films, settings, device, views):
    named = NamedModel(run.path.name, open_model(run.weights, device))
    seen = first_views(views)
    manifest = make_manifest(films.dataset, [named.described(run.weights)], seen, {}, [])
    predictions = predict_rows([named], films, held_rows(films, settings.fold), seen, manifest)
    if predictions is not None:
        write_predictions(run.predictions, predictions)
