"""The folders that trainings leave, found and read: settings, figures per epoch, how far they are, their predictions.

A folder that cannot be read is a sentence, and the others are still found. This module knows nothing of training.
"""

import csv
import json
import time
from dataclasses import dataclass
from pathlib import Path

from core.predictions import MANIFEST

SETTINGS, METRICS, LOG, PREDICTIONS = "settings.json", "metrics.csv", "log", "predictions"
DEEPEST = 4  # folders below the root that are looked into
SILENT = 900  # seconds without a new file after which an unfinished run is taken for stopped
FINISHED, RUNNING, STOPPED = "finished", "running", "stopped"


@dataclass(frozen=True)
class Run:
    """One run's folder as it is now.

    `settings` and `inputs` are dicts as stored, `recipe` and `commit` text or "". `metrics` holds a dict of numbers for
    each finished epoch. `state` is `FINISHED`, `RUNNING` or `STOPPED`; `predictions` is the directory of its
    out-of-fold predictions, or None.
    """

    path: Path
    name: str
    settings: dict
    inputs: dict
    recipe: str
    commit: str
    metrics: tuple[dict, ...]
    state: str
    predictions: Path | None

    @property
    def last(self):
        """The figures of the last epoch; none yet: empty."""
        return self.metrics[-1] if self.metrics else {}

    def log(self, lines=20):
        """The last lines of its log."""
        try:
            return (self.path / LOG).read_text("utf8", errors="replace").splitlines()[-lines:]
        except OSError:
            return []


def find_runs(root, *, now=None):
    """The `Run`s below the directory `root`, the youngest first, and sentences on those that cannot be read."""
    root, runs, problems = Path(root), [], []
    for depth in range(DEEPEST + 1):
        for place in root.glob("/".join(["*"] * depth + [SETTINGS])):
            try:
                runs.append((place.stat().st_mtime, read_run(place.parent, root=root, now=now)))
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                problems.append(f"{place.parent} is no run that can be read ({error}), but holds {SETTINGS}: mend or "
                                "remove it.")
    return tuple(run for _, run in sorted(runs, key=lambda pair: (-pair[0], pair[1].name))), tuple(problems)


def read_run(path, *, root=None, now=None):
    """The `Run` in the folder at `path`.

    Raises `OSError`, `ValueError`, `KeyError`, `TypeError` or `AttributeError` when it holds none.
    """
    path = Path(path)
    record = json.loads((path / SETTINGS).read_text("utf8"))
    settings = dict(record["settings"])
    metrics = _metrics(path / METRICS)
    found = path / PREDICTIONS
    name = path.name if root is None else str(path.relative_to(root))
    return Run(path, name, settings, dict(record.get("inputs") or {}), record.get("recipe") or "",
               record.get("commit") or "", metrics, _state(path, settings, metrics, now or time.time()),
               found if (found / MANIFEST).is_file() else None)


def _metrics(path):
    if not path.is_file():
        return ()
    with path.open(newline="", encoding="utf8") as file:
        return tuple({name: float(value) for name, value in row.items() if name and value}
                     for row in csv.DictReader(file))


def _state(path, settings, metrics, now):
    if metrics and metrics[-1].get("epoch", 0) >= settings.get("epochs", float("inf")):
        return FINISHED
    newest = max((each.stat().st_mtime for each in path.iterdir() if each.is_file()), default=0)
    return RUNNING if now - newest < SILENT else STOPPED


def differing(runs):
    """Names of the settings in which `runs` are not all alike, sorted; one that is missing differs from none."""
    names = sorted({name for run in runs for name in run.settings})
    return [name for name in names if len({repr(run.settings[name]) for run in runs if name in run.settings}) > 1]


def figures(runs):
    """Names of the APs and of the validation loss that any of `runs` reports, in their order."""
    names = dict.fromkeys(name for run in runs for name in run.last)
    return [name for name in names if name not in ("epoch", "lr") and not name.startswith("train_")]
