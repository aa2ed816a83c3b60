"""What classifiers looked at on a film, reckoned when a canvas asks for it and kept in memory: the heat map's route.

`heat_url` notes networks and class and signs their address (`viewer.addresses`); `heat_routes` answers it. So no page
waits for a network, and what cannot be reckoned is a sentence on the canvas.
"""

import hashlib
import json
import threading
from collections import OrderedDict

import numpy as np
import streamlit as st
from starlette.responses import Response
from starlette.routing import Route

from core.errors import GroundglassError
from core.files import file_state
from viewer import addresses, resources

NAME = "heat"
MAPS, NETWORKS = 500, 3  # maps kept, of a few hundred bytes each, and networks kept open

_published: dict[str, tuple] = {}  # detail of an address -> (((name, weights' path), ...), class)
_maps: OrderedDict[tuple, bytes] = OrderedDict()
_models: OrderedDict[tuple, object] = OrderedDict()
_turn = threading.Lock()  # one map at a time: a network takes all cores


def classifiers(opened):
    """(name -> path of the classifiers to choose from, sentence on those that are missing or "").

    Those that the predictions name, by their hash, as far as they are among `viewer.resources.weights`; without any of
    them, all classifiers that are.
    """
    here = {name: each.path for name, each in resources.weights().items() if _task(each.path, file_state(each.path))}
    manifest = resources.cases(opened)[0].predictions.manifest.get("weights")
    told = [each for each in manifest if isinstance(each, dict) and each.get("task") != "detector"] if isinstance(
        manifest, list) else []
    hashes = {_sha256(path, file_state(path)): name for name, path in here.items()}
    named = [hashes[each["sha256"]] for each in told if each.get("sha256") in hashes]
    missing = [str(each.get("file")) for each in told if each.get("sha256") not in hashes]
    if missing:
        return ({name: here[name] for name in named} or here,
                f"The predictions were made with {', '.join(missing)}, but such weights are not here: start with "
                "--weights DIR to see what they looked at.")
    return {name: here[name] for name in named} or here, ""


@st.cache_data(show_spinner=False, max_entries=100)
def _task(path, stamp):
    """The task of a classifier's weights, "" for those of a detector and for what cannot be read."""
    from core.weights import read_card  # imports torch, which most readers never need

    try:
        task = read_card(path).task
    except GroundglassError:
        return ""
    return "" if task == "detector" else task


@st.cache_data(show_spinner=False, max_entries=100)
def _sha256(path, stamp):
    from core.weights import sha256

    return sha256(path)


def heat_url(path, networks, asked) -> str:
    """Signed address of the map of class `asked` on the film in the file `path`, the mean over `networks` (name ->
    weights' path) that know the class."""
    given = tuple((name, str(each)) for name, each in networks.items())
    parts = [asked, *(f"{name} {each} {file_state(each)}" for name, each in given)]
    detail = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]
    _published[detail] = given, asked
    return addresses.signed(NAME, path, detail)


def heat_routes(read_film) -> list[Route]:
    """The route of the maps, for `st.App(routes=...)`; `read_film(path)` gives a `core.film.Film`.

    JSON with `grid` (rows of 0..1, see `core.attention.Attention`), `title` and `probability`; refuses as
    `viewer.addresses.route` does.
    """
    def heat(path, detail, reader):
        return Response(_map(path, detail, read_film), media_type="application/json", headers=addresses.kept(reader))

    return [addresses.route(NAME, heat)]


def _map(path, detail, read_film):
    key = path, file_state(path), detail
    with _turn:
        if key not in _maps:
            _maps[key] = _reckoned(read_film(path), *_published[detail])
        _maps.move_to_end(key)
        while len(_maps) > MAPS:
            _maps.popitem(last=False)
        return _maps[key]


def _reckoned(film, networks, asked):
    from core.attention import attention

    found = attention(film, {name: _model(path) for name, path in networks}, asked)
    return json.dumps({"grid": np.round(found.grid, 3).tolist(), "title": found.title,
                       "probability": round(found.probability, 4)}).encode()


def _model(path):
    from core.models import open_model, pick_device

    key = path, file_state(path)
    if key not in _models:
        _models[key] = open_model(path, pick_device("cpu"))
    _models.move_to_end(key)
    while len(_models) > NETWORKS:
        _models.popitem(last=False)
    return _models[key]
