"""What is opened and computed, each thing once: the only place that caches.

Every result is kept under what it was computed from: the identity of the files (`Opened`) and just those settings that
it depends on. So the display confidence never fuses again, and the exponent never matches again. Results are shared by
all sessions and must not be changed; their arrays are read-only. This module knows nothing of pages.
"""

import gc
import hashlib
import os
import threading
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from core import bootstrap, dataset, dicom, fusion, scoring, verdicts
from core import cases as joining
from core.errors import GroundglassError
from core.exploration import explore
from core.files import file_state, plain_bytes, readable
from core.fusion import FusionSettings
from core.labels import IMAGE_CSV, STUDY_CSV, GroundTruth
from core.levels import ScoreSettings
from core.predictions import MANIFEST, MOST_MANIFEST, Candidates, Source, read_predictions
from core.runs import find_runs
from core.worklist import ListSettings
from viewer.state import Settings

KEPT = 12  # settings whose results are kept; a fused data set of 6,000 films and 8 sources takes some 20 MB
WEIGHTS = Path(__file__).resolve().parent.parent / "assets" / "weights"
DEEPEST_FOLDER, MOST_FOLDERS = 3, 300  # of those that are listed for readers to choose from
SETS = 8  # data sets that are kept open: the one named at the start, and readers' own films
SHELF, SHELF_PIXELS = 8, 100_000_000  # films kept decoded: the one read, those ahead and the last few


@dataclass(frozen=True)
class Opened:
    """Identity of what is open: two directories, and a digest of what they held when the page was made."""

    data: str
    data_digest: str
    predictions: str | None
    predictions_digest: str


# What results are kept under, as text: Streamlit's own way through a dataclass takes a millisecond.
BY_TEXT = dict.fromkeys((Opened, Settings, FusionSettings, ScoreSettings, ListSettings), repr)


def identify(place):
    """The `Opened` of a `viewer.state.Place` as the files stand now."""
    root, directory = Path(place.data), place.predictions
    stamps = [file_state(root / name) for name in (IMAGE_CSV, STUDY_CSV, "train", "test")]
    manifest = b"" if directory is None else _content(Path(directory) / MANIFEST)
    return Opened(place.data, _digest(repr(stamps).encode()), directory, _digest(manifest))


def _content(path):
    try:
        return plain_bytes(path, MOST_MANIFEST)
    except OSError:
        return b""


def _digest(content):
    return hashlib.sha256(content).hexdigest()


@st.cache_resource(show_spinner="Reading labels and headers …", max_entries=SETS, hash_funcs=BY_TEXT)
def _data_set(data, digest):
    return dataset.open_dataset(data)


def data_set(opened):
    """The `core.dataset.Dataset`. Raises `BadDataset` when there is no such directory."""
    return _data_set(opened.data, opened.data_digest)


@st.cache_resource(show_spinner="Reading predictions …", max_entries=SETS, hash_funcs=BY_TEXT)
def _cases(opened):
    """The `Cases`, and the sentence of what kept the predictions out of them ("" when nothing did)."""
    opened_set, found, problem = data_set(opened), None, ""
    if opened.predictions is not None:
        try:
            found = joining.arrange(opened_set, read_predictions(opened.predictions))
        except GroundglassError as error:
            problem = str(error)
    found = joining.arrange(opened_set) if found is None else found
    _spare_the_collector()
    return found, problem


def _spare_the_collector():
    """Take what there is now out of the garbage collector's sight: Streamlit has it go through everything after each
    run, which for a set of some thousand films takes longer than the run."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def cases(opened):
    """(`core.cases.Cases`, sentence of what is wrong with the predictions or ""); such predictions are left out."""
    return _cases(opened)


@st.cache_resource(show_spinner=False, max_entries=KEPT, hash_funcs=BY_TEXT)
def fused(opened, settings):
    """`core.fusion.Fused` of all films under `settings` (`FusionSettings`)."""
    return fusion.fuse(cases(opened)[0].predictions.candidates, settings)


@st.cache_resource(show_spinner=False, max_entries=KEPT, hash_funcs=BY_TEXT)
def matches(opened, settings):
    """`core.matching.Matches` of the scored films under `settings` (`FusionSettings`), None without any."""
    return verdicts.judge(cases(opened)[0], fused(opened, settings))


@st.cache_resource(show_spinner=False, max_entries=KEPT, hash_funcs=BY_TEXT)
def answer(opened, fusion_settings, score_settings):
    """`core.scoring.Answer` about all films."""
    return scoring.conclude(cases(opened)[0].predictions, fused(opened, fusion_settings), score_settings)


@st.cache_resource(show_spinner=False, max_entries=KEPT, hash_funcs=BY_TEXT)
def evaluation(opened, fusion_settings, score_settings):
    """`core.evaluation.Evaluation` of the scored films, None without any."""
    return verdicts.rate(cases(opened)[0], answer(opened, fusion_settings, score_settings),
                         matches(opened, fusion_settings))


@st.cache_resource(show_spinner=False, max_entries=SETS, hash_funcs=BY_TEXT)
def row_of(opened):
    """Image id -> row of the `Cases`."""
    return {image.image_id: row for row, image in enumerate(cases(opened)[0].images)}


@st.cache_data(show_spinner=False, ttl=2)
def runs(directory):
    """The `core.runs.Run`s below `directory`, and sentences on folders that cannot be read; looked at every 2 s."""
    return find_runs(directory)


@dataclass(frozen=True)
class Weights:
    """A weights file that readers may predict with."""

    path: Path
    bundled: bool


@st.cache_data(show_spinner=False, ttl=10)
def weights():
    """Name -> `Weights`: those that the project brings, and those in the directories named at the server's start."""
    named = [Path(each) for each in os.environ.get("GROUNDGLASS_WEIGHTS", "").split(os.pathsep) if each]
    found = {}
    for folder in (WEIGHTS, *named):
        for path in sorted(folder.glob("*.safetensors")):
            found.setdefault(path.stem, Weights(path, folder == WEIGHTS))
    return found


@st.cache_data(show_spinner=False, ttl=10)
def folders(roots):
    """Folders that readers may predict films from, as text -> path: `roots` and those below, the first few hundred."""
    found = {}
    for root in roots:
        for directory, below, _ in os.walk(root):
            below[:] = sorted(each for each in below if readable(each) == each)
            if len(Path(directory).relative_to(root).parts) >= DEEPEST_FOLDER or len(found) >= MOST_FOLDERS:
                below.clear()
            found[directory] = Path(directory)
    return dict(list(found.items())[:MOST_FOLDERS])


def allowed_folder(named, roots):
    """The folder called `named` with all links resolved, when it lies in one of `roots`; else None."""
    try:
        path = Path(named).resolve()
        return path if path.is_dir() and any(path.is_relative_to(root) for root in roots) else None
    except (OSError, ValueError, RuntimeError):
        return None


@st.cache_data(show_spinner=False, max_entries=KEPT)
def _predicted_ids(place, digest):
    try:
        return frozenset(read_predictions(place).image_ids)
    except GroundglassError:
        return frozenset()


def predicted_ids(directory):
    """Ids of the films that the predictions in `directory` are about; none when there are no predictions."""
    return _predicted_ids(str(directory), _digest(_content(Path(directory) / MANIFEST)))


@st.cache_resource(show_spinner=False)
def bundled_cards():
    """(name, `core.weights.ModelCard`) of each of the weights that the project brings."""
    from core.weights import read_card  # imports torch, which most readers never need

    return [(path.stem, read_card(path)) for path in sorted(WEIGHTS.glob("*.safetensors"))]


_explored = {}


def is_explored(opened):
    """Whether `explored` answers at once."""
    return (opened.data, opened.data_digest) in _explored


@st.cache_resource(show_spinner=False, max_entries=4)
def _exploration(data, digest, sample):
    found = explore(_data_set(data, digest), sample=sample)
    if sample is None:
        _explored[data, digest] = True
    return found


def explored(opened, sample=None):
    """The `core.exploration.Exploration` of the data set, `sample` of whose films are decoded, None for all.

    Raises `BadDataset` without labels.
    """
    return _exploration(opened.data, opened.data_digest, sample)


_films: OrderedDict[tuple, Future] = OrderedDict()
_shelf_lock = threading.Lock()


def film(path):
    """The `core.film.Film` in the file `path`, decoded once for page and canvas. Raises `UnreadableFilm`."""
    key = os.fspath(path), file_state(path)
    with _shelf_lock:
        future = _films.get(key)
        missing = future is None
        if missing:
            future = _films[key] = Future()
        _films.move_to_end(key)
        while len(_films) > SHELF:
            _films.popitem(last=False)
    if missing:
        _decode(key, future)
    return future.result()


def _decode(key, future):
    try:
        future.set_result(dicom.read_film(key[0]))
        _clear_shelf()
    except GroundglassError as error:
        future.set_exception(error)
    except BaseException as defect:
        future.set_exception(defect)
        with _shelf_lock:
            _films.pop(key, None)


def _clear_shelf():
    """Take the films used longest ago from the shelf while all together are too large, but for the last."""
    with _shelf_lock:
        pixels = {key: future.result().pixels.size for key, future in _films.items()
                  if future.done() and future.exception() is None}
        for key in list(pixels)[:-1]:
            if sum(pixels.values()) > SHELF_PIXELS:
                del _films[key], pixels[key]


@st.cache_resource(show_spinner=False)
def warm():
    """Let the compiled kernels load, or compile after an installation, while the page is being made.

    The thread ends when fusion and score are ready; what only a button asks for goes on by itself.
    """
    thread = threading.Thread(target=_load_kernels, name="kernels", daemon=True)
    thread.start()
    return thread


def _load_kernels():
    box, one = np.array([[0, 0, 1, 1]], np.float32), np.zeros(1, np.int32)
    truth = GroundTruth(("film",), ("study",), one, box, np.array([0, 1]), one)
    found = fusion.fuse(Candidates(box, np.ones(1), np.zeros(1), np.array([0, 1]), (Source("m", "", "v"),)),
                        FusionSettings())
    result = verdicts.evaluate(truth, found, np.zeros(1), np.ones((1, 4)))
    threading.Thread(target=bootstrap.bootstrap, args=([result], one, one), kwargs={"resamples": 1}, name="bootstrap",
                     daemon=True).start()
