"""What every exported figure carries: the settings, weights, data set and date that it came from.

It knows nothing of figures.
"""

import csv
import io
import json
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime

from core.files import cell


def stamp(manifest, data_set, *settings):
    """Where a figure came from, as a dictionary for JSON.

    manifest: that of the predictions (`core.predictions.Predictions.manifest`, {} for a CSV without one); data_set: its
    name; settings: frozen settings, whose fields that are None are left out. Weights are named by file and SHA-256.
    """
    given = {}
    for each in settings:
        given.update(asdict(each) if is_dataclass(each) else each)
    weights = manifest.get("weights")
    return {"data set": data_set, "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "settings": {name: value for name, value in given.items() if value is not None},
            "weights": {str(each.get("file")): str(each.get("sha256")) for each in weights if isinstance(each, dict)}
            if isinstance(weights, list) else {}}


def stamped_csv(rows, given):
    """`rows`, dictionaries of the same keys, as the text of a CSV whose last columns repeat the stamp `given`."""
    told = {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}
    text = io.StringIO()
    writer = csv.DictWriter(text, [*(rows[0] if rows else ()), *told], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in {**row, **told}.items()} for row in rows)
    return text.getvalue()


def stamped_json(rows, given):
    """`rows`, dictionaries, as the text of one JSON object beside the stamp `given`; null where a number is NaN."""
    known = [{name: None if value != value else value for name, value in row.items()} for row in rows]
    return json.dumps({"rows": known, "stamp": given}, default=_plain, allow_nan=False)


def _plain(value):
    """A number of numpy as Python's own."""
    return value.item()
