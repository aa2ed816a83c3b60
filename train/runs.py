"""The folder of a run: settings, metrics per epoch, log, checkpoint, weights, out-of-fold predictions.

Every file is written whole: to a temporary in the same folder, synced, then put in place.
"""

import csv
import io
import json
import secrets
import subprocess
from dataclasses import MISSING, asdict, fields
from pathlib import Path

import torch

from core.errors import BadSettings
from core.files import whole_file
from train.settings import TrainSettings

# What a setting was in runs from before there was such a setting.
_DEFAULTS = {field.name: field.default for field in fields(TrainSettings) if field.default is not MISSING}


class RunFolder:
    """The folder at `path`; made, with `settings.json`, or found again with the same settings.

    Raises `BadSettings` when it holds a run of other settings.
    """

    def __init__(self, path, settings, inputs, recipe=None):
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        record = {"settings": asdict(settings), "inputs": inputs}
        place = self.path / "settings.json"
        if place.exists():
            before = _record(place)
            if {**_DEFAULTS, **before["settings"]} != record["settings"] or before["inputs"] != inputs:
                raise BadSettings(f"{self.path} holds a run with other settings, but a run goes on with its own: "
                                  "name another folder with --run.")
        else:
            _write_text(place, json.dumps({**record, "recipe": recipe, "commit": _commit()}, indent=1, sort_keys=True))

    @property
    def weights(self):
        """Where the averaged weights of the last finished epoch are kept."""
        return self.path / "weights.safetensors"

    @property
    def predictions(self):
        """Where the predictions for the held fold are kept."""
        return self.path / "predictions"

    def tracking_id(self):
        """The name under which this run is tracked elsewhere: drawn once, then kept in the folder."""
        place = self.path / "tracking_id"
        if not place.exists():
            _write_text(place, secrets.token_hex(8))
        return place.read_text("utf8")

    def log(self, line):
        """Add a line to the run's log."""
        with (self.path / "log").open("a", encoding="utf8") as file:
            file.write(line + "\n")

    def save_checkpoint(self, state):
        """Keep `state` (nested dicts of tensors and numbers), whole or not at all."""
        kept = io.BytesIO()  # torch tells of a full disk in an error of its own
        torch.save(state, kept)
        with whole_file(self.path / "checkpoint.pt") as temporary:
            temporary.write_bytes(kept.getbuffer())

    def load_checkpoint(self):
        """The state last kept, or None."""
        place = self.path / "checkpoint.pt"
        if not place.exists():
            return None
        try:
            return torch.load(place, map_location="cpu", weights_only=True)
        except Exception as fault:  # torch raises what it likes on damaged files
            raise BadSettings(f"{place} cannot be read ({type(fault).__name__}), but a run goes on from it: delete it "
                              "to begin the run anew, or name another folder with --run.") from None

    def write_metrics(self, rows):
        """metrics.csv from `rows`, one dict per epoch; a figure that a row lacks is left empty."""
        names = list(dict.fromkeys(name for row in rows for name in row))
        lines = [",".join(names)] + [",".join(str(row.get(name, "")) for name in names) for row in rows]
        _write_text(self.path / "metrics.csv", "\n".join(lines) + "\n")

    def read_metrics(self):
        """The rows of metrics.csv as dicts of numbers; none when there is no such file yet."""
        place = self.path / "metrics.csv"
        if not place.exists():
            return []
        with place.open(newline="", encoding="utf8") as file:
            return [{name: int(value) if name == "epoch" else float(value) for name, value in row.items() if value}
                    for row in csv.DictReader(file)]


def _record(place):
    """The settings and inputs at `place`. Raises `BadSettings` when they are damaged."""
    try:
        found = json.loads(place.read_text("utf8"))
        return {"settings": dict(found["settings"]), "inputs": found["inputs"]}
    except (ValueError, KeyError, TypeError):
        raise BadSettings(f"{place} is damaged, but it says what the run is: delete the folder to begin anew, or name "
                          "another with --run.") from None


def _write_text(path, text):
    with whole_file(path) as temporary:
        temporary.write_text(text, "utf8")


def _commit():
    """The commit of the code, marked when files differ from it; "unknown" outside a checkout."""
    root = Path(__file__).resolve().parent
    try:
        done = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=root, check=True,
                              capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
