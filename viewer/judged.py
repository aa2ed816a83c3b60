"""What is computed of failures and of the worklist, each thing once per settings.

As in `resources`, every result is kept under what it was computed from. This module knows nothing of pages.
"""

import os

import streamlit as st

from core import (
    changes,
    costs,
    error_ap,
    failures,
    film_facts,
    gallery,
    kinds,
    levels,
    neighbours,
    own_films,
    provenance,
    worklist,
)
from core.errors import GroundglassError
from core.fold_probes import read_folds
from core.judgement import Judged
from core.tables import ON_A_PAGE, some, told
from viewer import charts, resources, reviewed

KEPT = 12


@st.cache_resource(show_spinner=False, max_entries=KEPT, hash_funcs=resources.BY_TEXT)
def weighed(opened, settings):
    """`core.failures.Failures` of all films under `settings` (`viewer.state.Settings`)."""
    return failures.weigh(resources.cases(opened)[0], resources.answer(opened, settings.fusion, settings.score),
                          resources.matches(opened, settings.fusion), settings.display,
                          diagnosis(opened, settings).films)


_compared = {}


def is_compared(opened):
    """Whether the films of studies that are boxed in part were compared with each other."""
    return (opened.data, opened.data_digest) in _compared


def compare_films(opened, progress=None):
    """Decode and compare them once; from then on `diagnosis` knows which boxless films look like a boxed one."""
    _compared[opened.data, opened.data_digest] = neighbours.neighbours(resources.cases(opened)[0], progress)


def diagnosis(opened, settings):
    """`core.kinds.Diagnosis` of all films under `settings` (`viewer.state.Settings`)."""
    return _diagnosis(opened, settings, is_compared(opened))


@st.cache_resource(show_spinner=False, max_entries=KEPT, hash_funcs=resources.BY_TEXT)
def _diagnosis(opened, settings, compared):
    return kinds.diagnose(
        resources.cases(opened)[0], resources.fused(opened, settings.fusion),
        resources.answer(opened, settings.fusion, settings.score), resources.matches(opened, settings.fusion),
        settings.fusion, settings.score, settings.display,
        _compared[opened.data, opened.data_digest] if compared else None)


def everything(opened, settings):
    """What is found of all films, as a `core.judgement.Judged`."""
    return Judged(resources.cases(opened)[0], resources.answer(opened, settings.fusion, settings.score),
                  resources.matches(opened, settings.fusion), settings.display, diagnosis(opened, settings))


def findings(opened, settings, row):
    """The `core.failures.Finding`s on the film at `row`."""
    return failures.findings(resources.cases(opened)[0], resources.answer(opened, settings.fusion, settings.score),
                             resources.matches(opened, settings.fusion), row, settings.display,
                             diagnosis(opened, settings))


def provenance_of(opened, settings, film, detection):
    """The `core.provenance.Provenance` of a film's detection, counted from 0, most confident first."""
    told, given = resources.answer(opened, settings.fusion, settings.score), resources.cases(opened)[0].predictions
    row = int(told.offsets[film]) + detection
    p_opacity = levels.mean_over_sources(given.opacity, given.opacity_sources, settings.score.opacity_sources)
    return provenance.provenance(given.candidates, resources.fused(opened, settings.fusion), settings.fusion, row,
                                 float(told.scores[row]), float(p_opacity[film]), settings.score.exponent)


@st.cache_resource(show_spinner=False, max_entries=KEPT, hash_funcs=resources.BY_TEXT)
def costs_of(opened, fusion_settings, score_settings):
    """What each film and its study cost, float64 [F] (`core.costs.Costs.of_cases`), None when nothing is scored."""
    found = resources.evaluation(opened, fusion_settings, score_settings)
    return None if found is None else costs.costs(found).of_cases(resources.cases(opened)[0])


def folds(opened):
    """Rows (id, fold) of the folds file named at the start, None without one or for other films.

    A file that cannot be read is told by `folds_problems`.
    """
    return _folds_file()[0] if opened.data == os.environ.get("GROUNDGLASS_DATA") else None


def folds_problems():
    """Sentences on what is wrong with the folds file named at the start."""
    return _folds_file()[1]


@st.cache_resource(show_spinner=False)
def _folds_file():
    named = os.environ.get("GROUNDGLASS_FOLDS")
    try:
        rows, faults = read_folds(named) if named else (None, ())
        return rows, some(faults, most=ON_A_PAGE)
    except GroundglassError as error:
        return None, told(error)


def facts_of(opened, fusion_settings, score_settings):
    """The `core.worklist.Facts` of all films: what each costs, its fold, and the state of its review."""
    return _facts(opened, fusion_settings, score_settings, reviewed.known(opened))


@st.cache_resource(show_spinner=False, max_entries=KEPT, hash_funcs=resources.BY_TEXT)
def _facts(opened, fusion_settings, score_settings, mark):
    return film_facts.facts_of(resources.cases(opened)[0], costs_of(opened, fusion_settings, score_settings),
                               folds(opened), reviewed.states(opened, mark))


def listed(opened, settings, list_settings):
    """Rows [R] of the films on the worklist (`core.worklist.ListSettings`), and their ids in that order."""
    return _listed(opened, settings, list_settings, reviewed.known(opened))


@st.cache_resource(show_spinner=False, max_entries=KEPT, hash_funcs=resources.BY_TEXT)
def _listed(opened, settings, list_settings, mark):
    rows = worklist.listed(resources.cases(opened)[0], weighed(opened, settings), list_settings,
                           _facts(opened, settings.fusion, settings.score, mark))
    images = resources.cases(opened)[0].images
    return rows, tuple(images[row].image_id for row in rows)


def list_frame(opened, settings, list_settings):
    """The worklist as a data frame."""
    return _list_frame(opened, settings, list_settings, reviewed.known(opened))


@st.cache_resource(show_spinner=False, max_entries=KEPT, hash_funcs=resources.BY_TEXT)
def _list_frame(opened, settings, list_settings, mark):
    return charts.worklist_frame(resources.cases(opened)[0], weighed(opened, settings),
                                 _listed(opened, settings, list_settings, mark)[0],
                                 _facts(opened, settings.fusion, settings.score, mark))


def list_columns(opened, settings, list_settings):
    """The columns of the worklist that say anything of any film."""
    return _list_columns(opened, settings, list_settings, reviewed.known(opened))


@st.cache_resource(show_spinner=False, max_entries=KEPT, hash_funcs=resources.BY_TEXT)
def _list_columns(opened, settings, list_settings, mark):
    frame = _list_frame(opened, settings, list_settings, mark)
    return [name for name in frame.columns if frame[name].notna().any() and (frame[name] != "").any()]


@st.cache_resource(show_spinner=False, max_entries=KEPT, hash_funcs=resources.BY_TEXT)
def _gains(opened, settings, compared):
    return error_ap.gains(resources.cases(opened)[0], resources.evaluation(opened, settings.fusion, settings.score),
                          diagnosis(opened, settings))


def gains_of(opened, settings):
    """The `core.error_ap.KindGain`s of the scored films."""
    return _gains(opened, settings, is_compared(opened))


@st.cache_resource(show_spinner=False, max_entries=KEPT, hash_funcs=resources.BY_TEXT)
def confusions_of(opened, fusion_settings, score_settings):
    """The `core.error_ap.Confusion`s of the scored studies."""
    return error_ap.confusions(resources.cases(opened)[0],
                               resources.evaluation(opened, fusion_settings, score_settings),
                               resources.answer(opened, fusion_settings, score_settings).study)


@st.cache_resource(show_spinner=False, max_entries=KEPT, hash_funcs=resources.BY_TEXT)
def changes_of(opened, settings, other, other_settings):
    """The `core.changes.FilmChange`s from what is `other` (`viewer.resources.Opened`) to what is `opened`."""
    return changes.film_changes(everything(opened, settings), everything(other, other_settings))


@st.cache_resource(show_spinner=False, max_entries=KEPT, hash_funcs=resources.BY_TEXT)
def gallery_of(opened, settings):
    """The `core.gallery.Gallery` of the scored films."""
    return gallery.gallery(everything(opened, settings), costs_of(opened, settings.fusion, settings.score))


@st.cache_resource(show_spinner=False, max_entries=2, hash_funcs=resources.BY_TEXT)
def doubts(opened):
    """image id -> why it may be no frontal chest film (`core.own_films.read_doubts`), of films predicted all the same;
    () for a film that nobody doubts."""
    return own_films.read_doubts(opened.predictions) if opened.predictions else {}
