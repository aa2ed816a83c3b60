"""What the reader has asked for; everything on the pages is computed from this and nothing else is remembered.

The address bar names it, so a copied address opens the same film with the same settings on any page. Film and settings
are kept here as the texts that the address holds (`viewer.tuning` reads the settings out of them); the worklist's
widgets are bound to query parameters of their own. This module knows nothing of results.
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
FILM = "film"  # the query parameter that names the film
SETTINGS = ("show", "method", "iou", "skip", "decay", "sigma", "conf_type", "n", "none_study", "none_boxes", "models",
            "folds", "views", "weights", "scales")  # the query parameters of the settings
STUDY, MODEL = "study", "model"  # the query parameters that say more of what is on show, see `viewer.links`
FIRST = {}  # parameter -> text of the settings that a reader begins with; `viewer.tuning` knows them
BESIDE = "address beside"  # in the session: a function that gives STUDY and MODEL as texts for a film's id
RUN = "run on show"  # in the session: the predictions of the run on show
OWN = "own films on show"  # in the session: the directory of the reader's own films, see `viewer.own`
KEPT = "address kept"  # in the session: parameter -> text, of the film and of the settings that are not the first ones
SAID = "address said"  # what the browser's address said when it was last listened to
UNDER_WAY = "addresses under way"  # what this session has put into the address since, and has not come back yet
OURS = "address ours"  # whether this session has put something into the address since it last listened
PAGE = "page"  # the page that the address was about
LIVE = "live_"  # how the keys of live sliders begin
UNIT = "page's unit"  # in the session: how many CSS pixels the page is drawn to one of its own, see `viewer/style.css`
LAYERS = ("Ground truth", "Detections", "Candidates", "Sources", "Heat map")
FIRST_LAYERS = LAYERS[:2]  # those that are shown at first
WIDGETS = ("find", "class", "predicted", "kind", "fold", "review", "films", "cost", "worst", "within", "order",
           "backwards", "look", "layers", "blind", "heat_by", "heat_of",
           "panes", "beside_models", "beside_views", "beside_methods")


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
    return named_place(chosen_run())


def named_place(run=None):
    """The `Place` named when the server was started, with the predictions of `run` in place of those named."""
    data, predictions = os.environ.get("GROUNDGLASS_DATA"), run or os.environ.get("GROUNDGLASS_PREDICTIONS")
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
    """What the widgets say now, to tell whether the reader has moved one of them; known before any callback has run."""
    moved = [key for key in st.session_state if key in (*WIDGETS, *SETTINGS) or str(key).startswith(LIVE)]
    return tuple((key, repr(st.session_state[key])) for key in sorted(moved))


def kept():
    """Parameter -> text of the film and of each setting that is not the first one; not to be changed."""
    return st.session_state.get(KEPT, {})


def keep(**texts):
    """Keep the texts of some parameters, None for one that is as at first, and name them in the address."""
    st.session_state[KEPT] = {key: text for key, text in {**kept(), **texts}.items() if text is not None}
    _name()
    st.session_state[OURS] = True


def film_id():
    """Id of the film to show, None when none is named."""
    return kept().get(FILM)


def show_film(image_id):
    """Show the film from now on, and name it in the address; None: the first of the list."""
    keep(**{FILM: image_id})


def follow_address(page=""):
    """Take over what the address names, if the reader has come by a link or gone back; first thing in a run.

    What this session has put into the address comes back from the browser only some runs later, and until then an
    older address may be under way. Another `page` begins without an address: film and settings go along.
    """
    session, named = st.session_state, {key: text for key in (FILM, *SETTINGS)
                                        if (text := st.query_params.get(key)) and text != FIRST.get(key)}
    turned, ours = session.get(PAGE, page) != page, session.get(OURS)
    session.update({PAGE: page, OURS: False})
    late = named == session.get(SAID) or named in session.get(UNDER_WAY, ())
    if turned:
        session.update({KEPT: {**kept(), **({} if late else named)}, SAID: named, UNDER_WAY: []})
        _name()
    elif named == kept():
        if not ours:  # else it may be this very run that has put it there
            session.update({SAID: named, UNDER_WAY: []})
    elif not late:
        session.update({KEPT: named, SAID: named, UNDER_WAY: []})
    else:
        _name()


def name_beside(of_film):
    """From now on the address names, beside what is kept, the first settings and what the function `of_film` gives for
    a film's id: parameter (STUDY, MODEL) -> text, None for one that is unknown."""
    st.session_state[BESIDE] = of_film
    if any(st.query_params.get(key) != text for key, text in _named().items()):
        _name()


def _named():
    """Parameter -> text, or None, of all that the address names."""
    of_film = st.session_state.get(BESIDE)
    beside = {} if of_film is None else {**FIRST, **of_film(film_id())}
    return {**dict.fromkeys((FILM, *SETTINGS)), **beside, **kept()}


def _name():
    """Put what is kept into the address, at once: the browser takes each change for a page."""
    told = _named()
    for key, text in told.items():
        if text is None and key in st.query_params:
            st.query_params.pop(key)
    if moved := {key: text for key, text in told.items() if text is not None and st.query_params.get(key) != text}:
        st.query_params.update(moved)
    st.session_state[UNDER_WAY] = [*st.session_state.get(UNDER_WAY, ()), kept()][-100:]


def stepped(image_ids, image_id, *moves):
    """The id so many places after `image_id` in the list as each of `moves` says, one after the other, held at its
    ends; from outside the list its first or last."""
    last = len(image_ids) - 1
    for by in moves if image_ids else ():
        if image_id in image_ids:
            image_id = image_ids[min(max(image_ids.index(image_id) + by, 0), last)]
        else:
            image_id = image_ids[0 if by > 0 else last]
    return image_id


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
