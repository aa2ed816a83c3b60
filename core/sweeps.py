"""The six APs over a grid of any two settings: IoU threshold x number of views, method x n, and so on.

Cells come one by one, so that whoever asks can show progress and stop; candidates are fused again only where a setting
of fusion has changed. This module knows nothing of files or display.
"""

from dataclasses import dataclass, replace

import numpy as np

from core.errors import BadSettings
from core.evaluation import CLASSES
from core.fusion import CONF_TYPES, DECAYS, METHODS, FusionSettings, fuse
from core.levels import ScoreSettings
from core.scoring import conclude
from core.verdicts import judge, rate

VIEWS = "views"
FUSION = ("method", "iou", "skip", "decay", "sigma", "conf_type")
SCORE = ("exponent", "none_study", "none_boxes")
AXES = {
    "method": "how overlapping candidates become one detection",
    "iou": "the overlap above which candidates are taken for the same finding",
    "skip": "the score below which candidates are left out",
    "decay": "how Soft-NMS lowers the scores of neighbours",
    "sigma": "how gently gaussian Soft-NMS lowers them",
    "conf_type": "what a WBF detection's score is made of",
    "exponent": "n in score x p(opacity)^n",
    "none_study": "the weight of the study's p(negative) in p(none)",
    "none_boxes": "the weight of the best detection in p(none)",
    VIEWS: "how many views of test-time augmentation are taken beside the plain one",
}
_TEXTS = {"method": METHODS, "decay": DECAYS, "conf_type": CONF_TYPES}


@dataclass(frozen=True)
class Axis:
    """One side of a grid: the `name` of a setting, a key of AXES, and the `values` it takes. Raises `BadSettings`."""

    name: str
    values: tuple

    def __post_init__(self):
        if self.name not in AXES:
            raise BadSettings(f"an axis is {self.name!r}, but must be one of {', '.join(AXES)}: choose one.")
        if not self.values:
            raise BadSettings(f"the axis {self.name} has no values, but needs one at least: name them.")


def read_axis(text):
    """The `Axis` of a text like `iou=.40:.75:.05` (both ends count), `views=0:7` or `method=nms,wbf`.

    Raises `BadSettings`.
    """
    name, _, told = text.partition("=")
    try:
        if name in _TEXTS:
            return Axis(name, tuple(part for part in told.split(",") if part))
        if ":" in told:
            low, high, step = ([float(part) for part in told.split(":")] + [1.0])[:3]
            count = int(np.floor((high - low) / step + 1e-9)) + 1
            values = [round(low + step * place, 10) for place in range(count)]
        else:
            values = [float(part) for part in told.split(",") if part]
        return Axis(name, tuple(int(value) if name == VIEWS else value for value in values))
    except (ValueError, ZeroDivisionError, OverflowError):
        raise BadSettings(f"an axis is given as {text!r}, but must be NAME=FROM:TO:STEP or NAME=A,B,C: write it so.") \
            from None


@dataclass(frozen=True)
class Cell:
    """One cell of a grid: its place, its settings, the APs (class -> 0..1 or None) and their mean."""

    row: int
    column: int
    fusion: FusionSettings
    score: ScoreSettings
    aps: dict
    mean: float | None

    def figure(self, name):
        """The AP of a class, or the mean by the name 'mean'."""
        return self.mean if name == "mean" else self.aps[name]


@dataclass(frozen=True, eq=False)
class Sweep:
    """A grid of APs: two axes and the cells computed so far, in the order they were."""

    rows: Axis
    columns: Axis
    cells: tuple[Cell, ...]

    def table(self, name="opacity"):
        """float64 [rows,columns] of the AP of a class, or of 'mean'; NaN where absent or not computed."""
        values = np.full((len(self.rows.values), len(self.columns.values)), np.nan)
        for cell in self.cells:
            if cell.figure(name) is not None:
                values[cell.row, cell.column] = cell.figure(name)
        return values

    def best(self, name="opacity"):
        """The `Cell` with the largest figure, None without any."""
        known = [cell for cell in self.cells if cell.figure(name) is not None]
        return max(known, key=lambda cell: cell.figure(name), default=None)

    def records(self):
        """A dictionary per cell: the two settings, the six APs and the mean."""
        return [{self.rows.name: self.rows.values[cell.row], self.columns.name: self.columns.values[cell.column],
                 **{name: cell.figure(name) for name in (*CLASSES, "mean")}} for cell in self.cells]


def changed(predictions, fusion, score, setting, value):
    """(`FusionSettings`, `ScoreSettings`) with `setting`, a key of AXES, at `value`. Raises `BadSettings`.

    `views` are counted in the order in which the sources of each task name them, the first being the plain one.
    """
    if setting in FUSION:
        return replace(fusion, **{setting: value}), score
    if setting in SCORE:
        return fusion, replace(score, **{setting: value})
    views = list(dict.fromkeys(source.view for source in predictions.candidates.sources))
    if views and not 0 <= value < len(views):
        raise BadSettings(f"views is {value}, but must be 0 to {len(views) - 1}, as the predictions have "
                          f"{len(views)} views: predict with more, or choose fewer.")
    return _viewed(predictions, fusion, score, value)


def _viewed(predictions, fusion, score, count):
    """Of the sources that take part just those of the first `count` + 1 views of each task, with their factors."""
    chosen = []
    for sources, names in ((predictions.candidates.sources, fusion.sources),
                           (predictions.opacity_sources, score.opacity_sources),
                           (predictions.study_sources, score.study_sources)):
        views = list(dict.fromkeys(source.view for source in sources))[:count + 1]
        part = [source for source in sources if names is None or source.name in names]
        kept = tuple(source.name for source in part if source.view in views)
        chosen.append(None if len(kept) == len(sources) else kept or names)
    given = fusion.sources or [source.name for source in predictions.candidates.sources]
    factors = {name: None if (values := getattr(fusion, name)) is None else tuple(
        each for source, each in zip(given, values, strict=True) if chosen[0] is None or source in chosen[0])
        for name in ("weights", "scales")}
    return replace(fusion, sources=chosen[0], **factors), replace(score, opacity_sources=chosen[1],
                                                                  study_sources=chosen[2])


def sweep(cases, fusion, score, rows, columns):
    """Yields the `Cell`s of a grid over `rows` and `columns` (`Axis`), other settings as in `fusion` and `score`.

    `cases`: a `core.parts.Scorable` or `core.cases.Cases`. All settings are checked before the first cell.
    Raises `BadSettings`.
    """
    if rows.name == columns.name:
        raise BadSettings(f"both axes are {rows.name}, but a grid needs two settings: choose another.")
    todo = {}
    for row, value in enumerate(rows.values):
        part = changed(cases.predictions, fusion, score, rows.name, value)
        for column, other in enumerate(columns.values):
            ways = changed(cases.predictions, *part, columns.name, other)
            todo.setdefault(ways[0], []).append((row, column, ways[1]))
    return _cells(cases, todo)


def _cells(cases, todo):
    for fusion, places in todo.items():
        fused = fuse(cases.predictions.candidates, fusion)
        matches = judge(cases, fused)
        for row, column, score in places:
            result = rate(cases, conclude(cases.predictions, fused, score), matches)
            yield Cell(row, column, fusion, score, result.aps, result.mean)
