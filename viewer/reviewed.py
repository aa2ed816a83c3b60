"""What readers have said of what is open: read when a row was added, saved at once, and what is computed from it.

Who reads is known by the log-in where there is one that names people, else by the name that the reader gives. Films
that readers bring themselves go with their session, so nothing is kept of them. This module knows nothing of pages.
"""

import time

import streamlit as st

from core.corrected import beside as both_scores
from core.errors import BadReview
from core.origins import holding
from core.reviews import current, of_boxes, review_states
from core.reviews_store import ReviewStore, default_place
from core.reviews_told import as_csv, as_json, told_of_films
from core.stamp import stamp
from viewer import login, resources, state

NAME = "reader"  # in the session, and the key of the field: who reads
NOBODY = "reader"  # until the reader gives a name
REST = 5  # seconds for which a database that failed is not asked again
FRESH = 0.25  # seconds that others' verdicts may take to be seen; one's own are seen at once
KEPT = 12
OWN = ("Verdicts on films of your own are not kept, because these go with your session: put them into a data set of "
       "the server to review them.")


@st.cache_resource(show_spinner=False)
def _store(place):
    return ReviewStore(place)


_marks = {}  # place -> (until when it holds, what `ReviewStore.mark` gave)
_failed = {}  # place -> (until when it is not asked, sentence)


def _ask(of_store, *, anyway=False):
    """What `of_store` gives for the store of now. Raises `BadReview`, for some seconds without asking again unless
    `anyway`."""
    place = default_place()
    until, sentence = _failed.get(place, (0, ""))
    if time.monotonic() < until and not anyway:
        raise BadReview(sentence)
    try:
        given = of_store(_store(place))
        _failed.pop(place, None)
        return given
    except BadReview as error:
        _failed[place] = time.monotonic() + REST, str(error)
        raise


def _tell(of_store):
    try:
        return _ask(of_store, anyway=True)
    finally:
        _marks.clear()


def reader():
    """Who reads, as the log-in or the reader says."""
    return login.person() or st.session_state.get(NAME, "").strip() or NOBODY


def mark(opened):
    """What changes when anybody says anything. Raises `BadReview`."""
    if state.own_on_show():
        raise BadReview(OWN)
    place = default_place()
    until, found = _marks.get(place, (0, None))
    if time.monotonic() >= until:
        found = _ask(lambda store: store.mark())
        _marks[place] = time.monotonic() + FRESH, found
    return place, found


def known(opened):
    """As `mark`, but None where the reviews cannot be read."""
    try:
        return mark(opened)
    except BadReview:
        return None


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=resources.BY_TEXT)
def held(opened):
    """The `core.origins.Holding` of the open data set: by which films it is known."""
    return holding(resources.data_set(opened))


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=resources.BY_TEXT)
def rows(opened, mark):
    """All rows about the open data set, as `core.reviews.Review`s. Raises `BadReview`."""
    return _ask(lambda store: store.rows(held(opened)))


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=resources.BY_TEXT)
def _standing(opened, mark):
    said = {}
    for each in current(rows(opened, mark)):
        said.setdefault((each.level == "study", each.target), []).append(each)
    return said


def standing(opened, mark):
    """What stands now, as a dictionary of `core.reviews.Review`s: (whether it is about a study, id) -> reviews."""
    return {} if mark is None else _standing(opened, mark)


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=resources.BY_TEXT)
def states(opened, mark):
    """The state of each film of the `Cases`, keys of `core.reviews.STATES`; None while nobody has said anything."""
    cases = resources.cases(opened)[0]
    if not standing(opened, mark):
        return None
    everything = [each for reviews in standing(opened, mark).values() for each in reviews]
    return tuple(review_states(everything, [image.image_id for image in cases.images],
                               [image.study_id for image in cases.images]))


def seen(opened, settings):
    """The stamp of what the reader sees: settings and weights."""
    manifest, name = resources.cases(opened)[0].predictions.manifest, resources.data_set(opened).name
    return stamp(manifest, name, settings.fusion, settings.score, {"display": settings.display})


def said_of(opened, mark, film_id, study_id):
    """The standing reviews of a film and its boxes, and those of its study."""
    said = standing(opened, mark)
    return tuple(said.get((False, film_id), ())), tuple(said.get((True, study_id), ()))


def by_box(reviews, found, stamp):
    """For each `core.failures.Finding` of a film, the standing reviews about it; `reviews` are the film's."""
    given = [None] * len(found)
    for side in ("detection", "truth"):
        places = [place for place, each in enumerate(found) if each.truth == (side == "truth")]
        told = of_boxes(reviews, [found[place].xyxy for place in places], side, stamp)
        for place, about in zip(places, told, strict=True):
            given[place] = about
    return given


def save(review):
    """Save the `Review`. Raises `BadReview`."""
    return _tell(lambda store: store.save(review))


def undo(review):
    """Undo the saved `Review`. Raises `BadReview`."""
    return _tell(lambda store: store.undo(review))


def last(opened, mark, name):
    """The review that the reader of this name gave last and has not undone, None without any."""
    undone = {each.undoes for each in rows(opened, mark)}
    own = (each for each in reversed(rows(opened, mark))
           if each.reader == name and each.undoes is None and each.number not in undone)
    return next(own, None)


@st.cache_resource(show_spinner=False, max_entries=KEPT, hash_funcs=resources.BY_TEXT)
def beside(opened, fusion_settings, score_settings, mark, name):
    """The `core.corrected.Beside` of the labels as given and as the reader of this name corrected them, None where
    nothing is scored or nothing corrected."""
    cases, given = resources.cases(opened)[0], resources.evaluation(opened, fusion_settings, score_settings)
    own = [each for reviews in standing(opened, mark).values() for each in reviews if each.reader == name]
    if given is None or not own:
        return None
    told = resources.answer(opened, fusion_settings, score_settings).about(cases.truth.image_ids, cases.truth.study_ids)
    found = both_scores(cases.truth, told, sorted(own, key=lambda each: each.number), given)
    return found if found.changes else None


def told(opened):
    """Image id -> sentences of readers, as `core.report` takes them; none where the reviews cannot be read."""
    everything = [each for reviews in standing(opened, known(opened)).values() for each in reviews]
    return told_of_films(everything, resources.cases(opened)[0].images)


def exported(opened, mark, kind):
    """All rows as the text of a file of this kind, "csv" or "json". Raises `BadReview`."""
    return {"csv": as_csv, "json": as_json}[kind](rows(opened, mark))
