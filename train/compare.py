"""Runs beside each other, in a table like the diary's, with differences and whether patients explain them.

Networks are compared by themselves: no exponent, and p(none) from the film's own classifier alone.
"""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from core.bootstrap import RESAMPLES, bootstrap, patients_of
from core.dataset import open_dataset
from core.errors import BadSettings
from core.fusion import FusionSettings
from core.labels import STUDY_CLASSES
from core.levels import ScoreSettings
from core.predictions import read_predictions
from core.scoring import answer, score
from core.weights import HEADS

_PLAIN = ScoreSettings(exponent=0, none_study=0, none_boxes=0)
_CLASSES = {"detector": ("opacity",), "opacity": ("none",), "study": STUDY_CLASSES}


@dataclass(frozen=True)
class Run:
    """A run's folder as it was found: `settings`, `recipe`, `last` row of its metrics, `predictions` or None."""

    path: Path
    settings: dict
    recipe: str
    data: str
    last: dict
    predictions: Path | None

    @property
    def classes(self):
        """The classes of the metric that its network answers for."""
        task = self.settings["task"]
        return _CLASSES[task] if task in _CLASSES else tuple(name for head in HEADS[task] for name in _CLASSES[head])


def read_run(path):
    """The `Run` in the folder at `path`. Raises `BadSettings` when it holds none."""
    path = Path(path)
    try:
        record = json.loads((path / "settings.json").read_text("utf8"))
        settings, data = dict(record["settings"]), record["inputs"]["data"]
        with (path / "metrics.csv").open(newline="", encoding="utf8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadSettings(f"{path} holds no run ({error}), but settings.json and metrics.csv must be there: name the "
                          "folder of a run with at least one epoch.") from None
    found = path / "predictions"
    last = {name: float(value) for name, value in rows[-1].items() if value} if rows else {}
    return Run(path, settings, record.get("recipe") or "", data, last, found if found.is_dir() else None)


def table(runs):
    """Lines: one row for each `Run`, with the settings in which they differ and the APs of their last epoch."""
    names = sorted({name for run in runs for name in run.settings})
    differing = [name for name in names if len({repr(run.settings.get(name)) for run in runs}) > 1]
    figures = [name for name in dict.fromkeys(name for run in runs for name in run.last)
               if name not in ("lr", "epoch") and not name.startswith("train_") or name == "train_loss"]
    head = ["run", "recipe", *differing, *figures]
    rows = [[run.path.name, run.recipe, *(str(run.settings.get(name, "")) for name in differing),
             *(f"{run.last[name]:.4f}" if name in run.last else "" for name in figures)] for run in runs]
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    return ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (head, *rows)]


def differences(runs, resamples=RESAMPLES):
    """Lines: of each further run, its APs less those of the first on the films that both held out, with intervals."""
    first = runs[0]
    for run in runs[1:]:
        shared = [name for name in run.classes if name in first.classes]
        if not (first.predictions and run.predictions):
            yield f"{run.path.name}: no out-of-fold predictions to compare with {first.path.name}"
        elif not shared:
            yield f"{run.path.name}: answers other classes than {first.path.name}"
        else:
            yield from _difference(first, run, shared, resamples)


def _difference(first, run, shared, resamples):
    dataset = open_dataset(run.data)
    told = [answer(read_predictions(each.predictions), FusionSettings(), _PLAIN) for each in (first, run)]
    films = set(told[0].image_ids) & set(told[1].image_ids)
    studies = set(told[0].study_ids) & set(told[1].study_ids)
    if not films:
        yield f"{run.path.name}: held out other patients than {first.path.name}"
        return
    scored = [score(dataset.truth, each, films, studies) for each in told]
    drawn = bootstrap([each.evaluation for each in scored], *patients_of(dataset.images, scored[0].truth),
                      resamples=resamples)
    yield f"{run.path.name} less {first.path.name}, {len(films)} films, 95 % of {resamples} patient resamples:"
    for name in shared:
        found = drawn.difference(1, 0, name)
        yield (f"  {name:14}{found.value:+.4f}  [{found.low:+.4f}, {found.high:+.4f}]  "
               f"{'more than patients explain' if found.told else 'within what patients explain'}")
