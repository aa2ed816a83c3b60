"""The prediction store: candidates from before NMS and plain probabilities, per film or study and source.

A directory with a manifest and the three Parquet files that it names:

    manifest.json              format, files, image_ids, study_ids, film_study, sources, what `predict` tells of itself
    candidates-HASH.parquet    image_id, source, x_min, y_min, x_max, y_max, score
    opacity-HASH.parquet       image_id, source, probability
    study-HASH.parquet         study_id, source, negative, typical, indeterminate, atypical

Ids are text, a source is its name. Files are named after their content and the manifest is written last, so
an interrupted write leaves the predictions of before. This module knows nothing of fusion or ground truth.
"""

import json
import re
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from core.columns import ANEW, read_columns, write_columns
from core.errors import BadPredictions
from core.files import locked, plain_bytes, whole_file
from core.labels import STUDY_CLASSES
from core.ordering import descending_by_film

FORMAT = 1
MANIFEST, MOST_MANIFEST = "manifest.json", 64 * 2 ** 20  # and its most bytes
DETECTION = ("x_min", "y_min", "x_max", "y_max", "score")
_PARTS = ("candidates", "opacity", "study")
_FILE = re.compile(r"(candidates|opacity|study)-[0-9a-f]{12}\.parquet")

@dataclass(frozen=True)
class Source:
    """Who answered: a model, the patient fold it never saw ("" when it saw all), and the view it was
    shown."""

    model: str
    fold: str
    view: str

    def __post_init__(self):
        for name in ("model", "fold", "view"):
            part = getattr(self, name)
            if not isinstance(part, str) or "/" in part or (not part and name != "fold"):
                raise BadPredictions(f"the {name} of a source is {part!r}, but must be text without '/': "
                                     "rename it.")

    @property
    def name(self):
        """`model/fold/view`, unique among the sources of one answer."""
        return f"{self.model}/{self.fold}/{self.view}"


@dataclass(frozen=True, eq=False)
class Candidates:
    """Detections of F films before NMS, flat: those of film f are rows `offsets[f]:offsets[f + 1]`.

    `boxes` float32 [N,4] xyxy in pixels of the original image, `scores` float32 [N] in 0..1, `source` int16
    [N] into `sources`, `offsets` int64 [F+1]. Within a film by source, then by score descending. All arrays
    are read-only. Raises `BadPredictions` for NaN, infinity, a reversed box or a score outside 0..1.
    """

    boxes: np.ndarray
    scores: np.ndarray
    source: np.ndarray
    offsets: np.ndarray
    sources: tuple[Source, ...]

    def __post_init__(self):
        count = len(self.boxes)
        _keep(self, boxes=(np.float32, (count, 4)), scores=(np.float32, (count,)),
              source=(np.int16, (count,)), offsets=(np.int64, (len(self.offsets),)))
        _distinct([source.name for source in self.sources], "source")
        _all_rows(np.isfinite(self.boxes).all(axis=1), self.boxes, "candidate box", "finite")
        _all_rows((self.boxes[:, 2:] >= self.boxes[:, :2]).all(axis=1), self.boxes, "candidate box",
                  "corners with x_max >= x_min and y_max >= y_min")
        _all_rows((self.scores >= 0) & (self.scores <= 1), self.scores, "candidate score", "in 0..1")
        _all_rows((self.source >= 0) & (self.source < len(self.sources)), self.source, "candidate source",
                  f"a row of the {len(self.sources)} sources")
        climbs = len(self.offsets) and (np.diff(self.offsets) >= 0).all()
        if not climbs or self.offsets[0] != 0 or self.offsets[-1] != count:
            raise BadPredictions(f"offsets do not climb from 0 to the {count} candidates, but must: {ANEW}")

    @cached_property
    def ranked(self):
        """Rows int32 [N], film after film, by score descending, equal scores in their order."""
        return descending_by_film(self.scores, self.offsets)


@dataclass(frozen=True, eq=False)
class Predictions:
    """What was predicted for F films and S studies, ids as text without suffixes.

    `candidates` is aligned with `image_ids`, and so is `film_study` int32 [F], the film's row in `study_ids` (-1
    unknown, the default for all). `opacity` float32 [F,A] is p(opacity) per film and opacity
    source, and `study` float32 [S,B,4] the probabilities per study, study source and class of
    `STUDY_CLASSES`; NaN where the source says nothing. `manifest` is the JSON object stored beside them: data
    set, weights, versions, settings, errors ([{"image", "error"}]). Raises `BadPredictions`.
    """

    image_ids: tuple[str, ...]
    study_ids: tuple[str, ...]
    candidates: Candidates
    opacity: np.ndarray
    opacity_sources: tuple[Source, ...]
    study: np.ndarray
    study_sources: tuple[Source, ...]
    manifest: dict = field(default_factory=dict)
    film_study: np.ndarray | None = None

    def __post_init__(self):
        films, studies = len(self.image_ids), len(self.study_ids)
        if self.film_study is None:
            object.__setattr__(self, "film_study", np.full(films, -1))
        _keep(self, film_study=(np.int32, (films,)), opacity=(np.float32, (films, len(self.opacity_sources))),
              study=(np.float32, (studies, len(self.study_sources), 4)))
        for values, level in ((self.image_ids, "image id"), (self.study_ids, "study id"),
                              ([source.name for source in self.opacity_sources], "opacity source"),
                              ([source.name for source in self.study_sources], "study source")):
            _distinct(values, level)
        if len(self.candidates.offsets) != films + 1:
            raise BadPredictions(f"candidates are for {len(self.candidates.offsets) - 1} films, but there "
                                 f"are {films} image ids: {ANEW}")
        for values, name in ((self.opacity, "opacity probability"), (self.study, "study probability")):
            values = values.reshape(-1)
            _all_rows(np.isnan(values) | ((values >= 0) & (values <= 1)), values, name, "in 0..1")
        _all_rows((self.film_study >= -1) & (self.film_study < studies), self.film_study, "the study of film",
                  f"a row of the {studies} studies, or -1")
        flat = self.study.reshape(-1, 4)
        _all_rows(np.isin(np.isnan(flat).sum(axis=1), (0, 4)), flat, "study answer", "four numbers or none")


def _keep(owner, **shapes):
    """Replace the arrays of the frozen `owner` by read-only views with the dtype and shape named for each."""
    for name, (dtype, shape) in shapes.items():
        array = np.asarray(getattr(owner, name), dtype).view()
        if array.shape != shape:
            raise BadPredictions(f"{name} has shape {array.shape}, but must be {shape}: {ANEW}")
        array.flags.writeable = False
        object.__setattr__(owner, name, array)


def _all_rows(good, values, name, rule):
    if not good.all():
        row = int(np.argmin(good))
        raise BadPredictions(f"{name} {row} is {values[row].tolist()}, but must be {rule}: {ANEW}")


def _distinct(values, name):
    if len(set(values)) < len(values):
        seen = set()
        twice = next(each for each in values if each in seen or seen.add(each))
        raise BadPredictions(f"{name} {twice!r} occurs twice, but must occur once: {ANEW}")


def write_predictions(directory, predictions):
    """Write `predictions` to `directory`, in place of any that are there; old and new are never mixed.

    Of two that write at once the last one's stay. Raises `BadPredictions` when the directory cannot be written.
    """
    directory = Path(directory)
    with suppress(OSError):  # the first file that is written says what is wrong
        directory.mkdir(parents=True, exist_ok=True)
    with locked(directory, BadPredictions):
        files = _write_tables(directory, predictions)
        manifest = {
            **predictions.manifest, "format": FORMAT, "files": files, "image_ids": predictions.image_ids,
            "study_ids": predictions.study_ids, "film_study": predictions.film_study.tolist(),
            "sources": {part: [asdict(source) for source in group] for part, group in _sources(predictions).items()}}
        with whole_file(directory / MANIFEST, BadPredictions) as temporary:
            temporary.write_text(json.dumps(manifest, indent=1))
        for old in directory.iterdir():
            if _FILE.fullmatch(old.name) and old.name not in files.values():
                old.unlink(missing_ok=True)


def _write_tables(directory, predictions):
    """Write the Parquet files; their names by part."""
    found = predictions.candidates
    film = np.repeat(np.arange(len(predictions.image_ids)), np.diff(found.offsets))
    opacity = _long(predictions.opacity[..., None])
    study = _long(predictions.study)
    names = {part: [source.name for source in group] for part, group in _sources(predictions).items()}
    return {
        "candidates": write_columns(
            directory, "candidates",
            {"image_id": (predictions.image_ids, film), "source": (names["candidates"], found.source)},
            dict(zip(DETECTION, (*found.boxes.T, found.scores), strict=True))),
        "opacity": write_columns(
            directory, "opacity",
            {"image_id": (predictions.image_ids, opacity[0]), "source": (names["opacity"], opacity[1])},
            {"probability": opacity[2][0]}),
        "study": write_columns(
            directory, "study",
            {"study_id": (predictions.study_ids, study[0]), "source": (names["study"], study[1])},
            dict(zip(STUDY_CLASSES, study[2], strict=True)))}


def _sources(predictions):
    return dict(zip(_PARTS, (predictions.candidates.sources, predictions.opacity_sources,
                             predictions.study_sources), strict=True))


def _long(values):
    """Row [P], source [P] and the values [C,P] of `values` [R,A,C] that are there."""
    row, source = np.nonzero(~np.isnan(values).any(axis=2))
    return row, source, values[row, source].T


def read_predictions(directory):
    """The `Predictions` in `directory`. Raises `BadPredictions` naming what is missing or breaks a rule."""
    directory = Path(directory)
    with locked(directory, shared=True):  # whoever writes anew deletes what is being read
        return _read(directory)


def _read(directory):
    manifest = _read_manifest(directory)
    image_ids, study_ids = tuple(manifest["image_ids"]), tuple(manifest["study_ids"])
    sources = {part: tuple(Source(**each) for each in manifest["sources"][part]) for part in _PARTS}
    tables = {}
    for part, level, ids, names in (("candidates", "image_id", image_ids, DETECTION),
                                    ("opacity", "image_id", image_ids, ("probability",)),
                                    ("study", "study_id", study_ids, STUDY_CLASSES)):
        tables[part] = read_columns(directory / manifest["files"][part], {
            level: ids, "source": [source.name for source in sources[part]]}, names)
    opacity = _dense(tables["opacity"], len(image_ids), len(sources["opacity"]), "opacity")
    return Predictions(
        image_ids, study_ids, _candidates(tables["candidates"], len(image_ids), sources["candidates"]),
        opacity[..., 0], sources["opacity"],
        _dense(tables["study"], len(study_ids), len(sources["study"]), "study"), sources["study"], manifest,
        _film_study(manifest))


def _film_study(manifest):
    """The list of the manifest; a store of before it was kept says nothing."""
    given = manifest.get("film_study")
    if given is not None and not (isinstance(given, list) and all(
            isinstance(each, int) and -1 <= each < len(manifest["study_ids"]) for each in given)):
        raise BadPredictions(f"film_study is {str(given)[:40]!r}, but must be a list of rows of study_ids: {ANEW}")
    return given


def _read_manifest(directory):
    path = directory / MANIFEST
    try:
        manifest = json.loads(plain_bytes(path, MOST_MANIFEST))
    except OSError as error:
        raise BadPredictions(f"{path} cannot be read ({error.strerror}), but a directory of predictions "
                             "begins with it: name one that `python -m core predict` wrote.") from None
    except (ValueError, RecursionError) as error:
        raise BadPredictions(f"{path} is no JSON ({error}), but must be: {ANEW}") from None
    rules = {
        "format": lambda value: value == FORMAT,
        "image_ids": _texts, "study_ids": _texts,
        "files": lambda value: set(value) == set(_PARTS) and all(map(_FILE.fullmatch, value.values())),
        "sources": lambda value: set(value) == set(_PARTS) and all(
            set(each) == {"model", "fold", "view"} for group in value.values() for each in group)}
    for key, rule in rules.items():
        try:
            fits = rule(manifest[key])
        except (TypeError, KeyError, AttributeError):
            fits = False
        if not fits:
            raise BadPredictions(f"{path} holds no usable {key!r}, but each of {', '.join(rules)} is needed "
                                 f"in format {FORMAT}: {ANEW}")
    return manifest


def _texts(values):
    return isinstance(values, list) and all(isinstance(each, str) for each in values)


def _candidates(table, films, sources):
    film, source, numbers = table
    scores = numbers[:, 4]
    place = film * max(len(sources), 1) + source
    step = np.diff(place)
    if (step < 0).any() or (np.diff(scores)[step == 0] > 0).any():
        order = np.lexsort((-scores, place))
        film, source, numbers = film[order], source[order], numbers[order]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(film, minlength=films))])
    return Candidates(numbers[:, :4].copy(), numbers[:, 4].copy(), source, offsets, sources)


def _dense(table, rows, sources, part):
    """float32 [R,A,C] from a table with at most one row for each id and source; NaN where there is none."""
    row, source, numbers = table
    place = row * max(sources, 1) + source
    if len(np.unique(place)) < len(place):
        raise BadPredictions(f"an id occurs twice for one source in the {part} file, but is predicted once: "
                             f"{ANEW}")
    if np.isnan(numbers).any():
        raise BadPredictions(f"a probability in the {part} file is NaN, but must be in 0..1: {ANEW}")
    values = np.full((rows * sources, numbers.shape[1]), np.nan, np.float32)
    values[place] = numbers
    return values.reshape(rows, sources, numbers.shape[1])
