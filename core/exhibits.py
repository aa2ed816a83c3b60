"""Predictions as the doctor takes them: whatever stands in the files, also what a strict reader refuses.

It knows nothing of ground truth or of what may be wrong.
"""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import BadPredictions
from core.files import open_plain, plain_bytes
from core.labels import STUDY_CLASSES
from core.predictions import DETECTION, MANIFEST, MOST_MANIFEST, Candidates, Predictions, Source, write_predictions
from core.scoring import Answer
from core.submission import COLUMNS, write_submission
from core.tables import MOST_CELL, read_table


@dataclass(frozen=True, eq=False)
class Exhibit:
    """The predictions of F films and S studies, unchecked.

    boxes float64 [N,4] in whatever frame and order they are, `scores` float64 [N], `film` and `source` int64 [N], by
    film and inside a film in the order of the file. `p_none` float64 [F,B] and `study` float64 [S,C,4] for the
    `opacity_sources` and `study_sources`, NaN where nothing is said. `sources` are the detectors. A CSV is one source
    of each kind, of view "". `repeated` names images and studies that have several rows. `faults` are sentences on
    what could not be read at all. `manifest` is {} for a CSV.
    """

    path: Path
    image_ids: tuple[str, ...]
    study_ids: tuple[str, ...]
    boxes: np.ndarray
    scores: np.ndarray
    film: np.ndarray
    source: np.ndarray
    sources: tuple[Source, ...]
    p_none: np.ndarray
    opacity_sources: tuple[Source, ...]
    study: np.ndarray
    study_sources: tuple[Source, ...]
    repeated: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    manifest: dict = field(default_factory=dict)

    @property
    def is_csv(self):
        return not self.manifest

    @property
    def counts(self):
        """Detections of each film, int64 [F]."""
        return np.bincount(self.film, minlength=len(self.image_ids))

    @property
    def offsets(self):
        """The detections of film f are rows offsets[f] to offsets[f + 1], int64 [F+1]."""
        return np.r_[0, np.cumsum(self.counts)]

    def rows(self, kept):
        """The exhibit with the detections `kept`, bool [N] or int [.] by film, alone."""
        return replace(self, boxes=self.boxes[kept], scores=self.scores[kept], film=self.film[kept],
                       source=self.source[kept])


def mean(values):
    """Mean over axis 1 without NaN; NaN where there is no value."""
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    return np.divide(np.where(known, values, 0).sum(axis=1), count, out=np.full(count.shape, np.nan), where=count > 0)


def read_exhibit(path):
    """The `Exhibit` at `path`, a predictions directory or a competition CSV. Raises `BadPredictions` or `BadTable`."""
    path = Path(path)
    if path.is_dir():
        return _directory(path)
    if not path.exists():
        raise BadPredictions(f"{path} does not exist, but predictions are needed: name a directory that predict "
                             "wrote, or a competition CSV.")
    return _csv(path)


def _csv(path):
    table = read_table(path, COLUMNS)
    rows = {"image": {}, "study": {}}
    p_none, study, found, repeated, faults = [], [], [], [], list(table.faults)
    for position, (text, cell) in enumerate(table.records()):
        stem, _, level = text.removeprefix("'").rpartition("_")
        said = _words(cell)
        if level not in rows or said is None:
            faults.append(table.fault(position, COLUMNS[said is None], "cannot be read, but must be an id that ends in "
                                      "_image or _study, and a class and five numbers for each box: mend it"))
            continue
        repeated += [stem] if stem in rows[level] else []
        row = rows[level].setdefault(stem, len(rows[level]))
        probabilities = {name: numbers[0] for name, numbers in said}
        if level == "study":
            study[row:row + 1] = [[probabilities.get(name, np.nan) for name in STUDY_CLASSES]]
        else:
            p_none[row:row + 1] = [probabilities.get("none", np.nan)]
            found += [(row, *numbers) for name, numbers in said if name == "opacity"]
    if not rows["image"] and not rows["study"]:
        raise BadPredictions(f"{path} holds no row that can be read, but predictions are needed: "
                             f"{faults[0] if faults else 'name another file.'}")
    found = np.array(found, float).reshape(-1, 6)
    found = found[np.isfinite(found).all(axis=1)][:, :6]
    found = found[np.argsort(found[:, 0], kind="stable")]
    own = (Source(path.stem, "", "csv"),)
    return Exhibit(path, tuple(rows["image"]), tuple(rows["study"]), found[:, 2:], found[:, 1],
                   found[:, 0].astype(np.int64), np.zeros(len(found), np.int64), own,
                   np.array(p_none, float).reshape(-1, 1), own, np.array(study, float).reshape(-1, 1, 4), own,
                   tuple(dict.fromkeys(repeated)), tuple(faults))


def _words(cell):
    """[(class, five numbers)] of a cell, None where it is none."""
    words = cell.split() if len(cell) <= MOST_CELL else [""]
    if len(words) % 6:
        return None
    try:
        return [(words[at], tuple(map(float, words[at + 1:at + 6]))) for at in range(0, len(words), 6)]
    except ValueError:
        return None


def _table(path, name):
    if Path(name).name != name:
        raise ValueError(f"{name[:80]!r} is no name of a file")
    with open_plain(path / name) as file:
        return pq.read_table(file)


def _directory(path):
    try:
        manifest = json.loads(plain_bytes(path / MANIFEST, MOST_MANIFEST))
        tables = {part: _table(path, name) for part, name in manifest["files"].items()}
        sources = {part: [Source(**each) for each in group] for part, group in manifest["sources"].items()}
        images = _ids(manifest["image_ids"], tables["candidates"], tables["opacity"], "image_id")
        studies = _ids(manifest["study_ids"], tables["study"], tables["study"], "study_id")
        film, source, values = _columns(tables["candidates"], "image_id", images, sources["candidates"], DETECTION)
        opacity, twice = _dense(tables["opacity"], "image_id", images, sources["opacity"], ("probability",))
        study, again = _dense(tables["study"], "study_id", studies, sources["study"], STUDY_CLASSES)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException, BadPredictions) as error:
        raise BadPredictions(f"{path} cannot be read as predictions ({str(error).splitlines()[0]}), but must hold "
                             f"{MANIFEST} and the files that it names: name another directory.") from None
    good = np.flatnonzero(np.isfinite(values).all(axis=1))
    order = good[np.argsort(film[good], kind="stable")]
    seen = set()
    names = [each for each in manifest["image_ids"] if each in seen or seen.add(each)]
    faults = [f"{len(values) - len(good)} candidates hold NaN or infinity and are left out."] if len(good) < len(
        values) else []
    return Exhibit(path, images, studies, values[order, :4], values[order, 4], film[order], source[order],
                   tuple(sources["candidates"]), 1 - opacity[..., 0], tuple(sources["opacity"]), study,
                   tuple(sources["study"]), tuple(dict.fromkeys([*names, *twice, *again])), tuple(faults), manifest)


def _ids(told, *tables_and_name):
    """The ids that the manifest tells, then those that only the tables hold."""
    *tables, name = tables_and_name
    return tuple(dict.fromkeys([*told, *(each for table in tables for each in table[name].unique().to_pylist())]))


def _columns(table, level, ids, sources, names):
    """Row among `ids` and place among `sources` int64 [N], and the columns `names` float64 [N,C]."""
    places = [_places(table[level], ids), _places(table["source"], [source.name for source in sources])]
    return *places, np.stack([table[name].to_numpy().astype(float) for name in names], axis=1)


def _places(column, known):
    column = column.cast(pa.string()).dictionary_encode().unify_dictionaries().combine_chunks()
    row_of = {each: row for row, each in enumerate(known)}
    rows = np.array([row_of[each] for each in column.dictionary.to_pylist()], np.int64)
    return rows[column.indices.to_numpy()] if len(column) else np.zeros(0, np.int64)


def _dense(table, level, ids, sources, names):
    """float64 [R,A,C], and the ids that one source names twice."""
    row, source, values = _columns(table, level, ids, sources, names)
    dense = np.full((len(ids), len(sources), len(names)), np.nan)
    dense[row, source] = values
    _, first, times = np.unique(row * max(1, len(sources)) + source, return_index=True, return_counts=True)
    return dense, [ids[each] for each in row[first[times > 1]].tolist()]


def as_predictions(exhibit):
    """The `core.predictions.Predictions` of an exhibit that is none of a CSV.

    Boxes without area are left out, scores and probabilities are held in 0..1, and a study row with a gap says nothing.
    """
    found = exhibit.rows((exhibit.boxes[:, 2:] > exhibit.boxes[:, :2]).all(axis=1))
    found = found.rows(np.lexsort((-found.scores, found.source, found.film)))
    told = exhibit.manifest.get("film_study")
    study = np.where(np.isnan(exhibit.study).any(axis=2, keepdims=True), np.nan, exhibit.study)
    return Predictions(
        found.image_ids, found.study_ids,
        Candidates(found.boxes, found.scores.clip(0, 1), found.source, found.offsets, found.sources),
        1 - found.p_none.clip(0, 1), found.opacity_sources, study.clip(0, 1), found.study_sources, exhibit.manifest,
        told if isinstance(told, list) and len(told) == len(found.image_ids) else None)


def as_answer(exhibit):
    """The `core.scoring.Answer` of an exhibit as it stands, detections in the order of the file."""
    return Answer(exhibit.image_ids, exhibit.study_ids, exhibit.boxes.astype(np.float32), exhibit.scores,
                  exhibit.offsets, mean(exhibit.p_none), mean(exhibit.study))


def write_exhibit(place, exhibit):
    """Write `exhibit`, cured, to the directory `place`: a CSV as a CSV in it, predictions as predictions.

    Boxes without area after the cure are dropped. Returns the path written.
    """
    place = Path(place)
    if not exhibit.is_csv:
        write_predictions(place, as_predictions(exhibit))
        return place
    found = exhibit.rows((exhibit.boxes[:, 2:] > exhibit.boxes[:, :2]).all(axis=1))
    write_submission(place / exhibit.path.name, as_answer(found.rows(np.lexsort((-found.scores, found.film)))))
    return place / exhibit.path.name
