"""What the reader has asked for; everything on the pages is computed from this and nothing else is remembered.

The address bar names it: each widget is bound to the query parameter that bears its key, and the film's is kept here.
So a copied address opens the same film with the same settings. This module knows nothing of results.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.errors import BadSettings
from core.fusion import FusionSettings
from core.levels import ScoreSettings
from core.own_films import FILMS
from core.predictions import MANIFEST

SAMPLE = Path(__file__).resolve().parent.parent / "assets" / "sample"
FILM = "film"  # the query parameter that names the film, and its place in the session
RUN = "run on show"  # in the session: the predictions of the run on show
OWN = "own films on show"  # in the session: the directory of the reader's own films, see `viewer.own`
ON_ITS_WAY = "film on its way"  # in the session: 2 the film was put into the address, 1 it has not come back, 0 it has
LAYERS = ("Ground truth", "Detections")
WIDGETS = ("find", "class", "kind", "order", "layers", "show", "method", "iou", "skip", "n",
           "none_study", "none_boxes", "models", "folds", "views")


@dataclass(frozen=True)
class Place:
    """Where to look: the data set's directory, and its predictions' or None."""

    data: str
    predictions: str | None


@dataclass(frozen=True)
class Settings:
    """What leads from candidates to what is shown: `display` is the least confidence shown, 0..1."""

    fusion: FusionSettings = FusionSettings()
    score: ScoreSettings = ScoreSettings()
    display: float = 0.25


def place():
    """The `Place` named when the server was started (see `viewer.app`); without any, the bundled sample set.

    The predictions of a run that the reader has put on show take the place of those named, and the reader's own films
    that of everything.
    """
    if own := own_on_show():
        return Place(str(Path(own) / FILMS), own if (Path(own) / MANIFEST).exists() else None)
    data, predictions = os.environ.get("GROUNDGLASS_DATA"), os.environ.get("GROUNDGLASS_PREDICTIONS")
    predictions = chosen_run() or predictions
    if not data:
        return Place(str(SAMPLE), predictions or str(SAMPLE / "predictions"))
    return Place(data, predictions or None)


def runs_directory():
    """Where runs are looked for, absolute text: as named when the server was started, else `runs` beside it."""
    return str(Path(os.environ.get("GROUNDGLASS_RUNS") or "runs").absolute())


def chosen_run():
    """The predictions of a run that this reader has put on show, None for those named at the start."""
    return st.session_state.get(RUN)


def choose_run(predictions):
    """Put the predictions at this path on show from now on; None goes back to those named at the start."""
    st.session_state[RUN] = predictions
    show_own(None)


def own_on_show():
    """The directory of the reader's own films while they are on show, None while the data set named at the start is."""
    own = st.session_state.get(OWN)
    return own if own and (Path(own) / FILMS).is_dir() else None


def show_own(directory):
    """Put the own films in this directory on show from now on; None goes back to the data set named at the start."""
    if st.session_state.get(OWN) != directory:
        st.session_state[OWN] = directory
        show_film(None)


def film_folders():
    """Directories on the server from which readers may predict films, resolved; as named when it was started."""
    named = os.environ.get("GROUNDGLASS_FILMS", "").split(os.pathsep)
    return tuple(Path(each).resolve() for each in named if each)


def inputs():
    """What the widgets hold now, to tell whether the reader has moved one of them."""
    return tuple(repr(st.session_state.get(key)) for key in WIDGETS)


def film_id():
    """Id of the film to show, None when none is named."""
    return st.session_state.get(FILM)


def show_film(image_id):
    """Show the film from now on, and name it in the address; None: the first of the list."""
    st.session_state[FILM] = image_id
    st.session_state[ON_ITS_WAY] = 2
    if image_id is None:
        st.query_params.pop(FILM, None)
    else:
        st.query_params[FILM] = image_id


def follow_address():
    """Show the film that the address names, if the reader has come by a link or gone back; first thing on a page.

    What this session has put into the address comes back from the browser only some runs later: in the run that put it
    there it says nothing, and in the next ones an old address may still be under way.
    """
    named, on_its_way = st.query_params.get(FILM) or None, st.session_state.get(ON_ITS_WAY, 0)
    if on_its_way == 2:
        st.session_state[ON_ITS_WAY] = 1
    elif on_its_way == 0 or named == film_id():
        st.session_state.update({FILM: named, ON_ITS_WAY: 0})
    elif film_id() is not None:
        st.query_params[FILM] = film_id()


def stepped(image_ids, image_id, by):
    """The id `by` places after `image_id` in the list, held at its ends; from outside the list its first or last."""
    if not image_ids:
        return image_id
    if image_id not in image_ids:
        return image_ids[0 if by > 0 else -1]
    return image_ids[min(max(image_ids.index(image_id) + by, 0), len(image_ids) - 1)]


def chosen_sources(sources, models=(), folds=(), views=()):
    """Names of those `sources` (`core.predictions.Source`, of one task) that are chosen, None when all are.

    An empty choice means any, and so does one that names nothing of this task: who chooses a detector has not
    chosen between classifiers. Raises `BadSettings` when the choices leave nothing.
    """
    kept = list(sources)
    for part, wanted in (("model", models), ("fold", folds), ("view", views)):
        if set(wanted) & {getattr(source, part) for source in sources}:
            kept = [source for source in kept if getattr(source, part) in wanted]
    if sources and not kept:
        raise BadSettings(f"no source is of {', '.join([*models, *folds, *views])} all at once, but one must be left: "
                          "widen the choice of models, folds or views.")
    return None if len(kept) == len(sources) else tuple(source.name for source in kept)
