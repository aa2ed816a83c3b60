"""The reading room, one page: worklist, film with its boxes, probabilities, score and settings."""

import streamlit as st

from core.errors import GroundglassError
from viewer import charts, resources, state
from viewer.views import film, frame, results, settings, worklist


def page():
    """Lay out the page and fill it from the address."""
    state.follow_address()
    top = st.container(key="top", horizontal=True, vertical_alignment="center")
    with st.container(key="room", horizontal=True):
        left, centre, right = (st.container(key=name) for name in ("list_side", "film_side", "panel_side"))
    opened = resources.identify(state.place())
    try:
        cases, problem = resources.cases(opened)
    except GroundglassError as error:
        frame.show(top, None, (str(error),))
        with centre:
            frame.nothing(str(error))
        return
    dataset = resources.data_set(opened)
    frame.show(top, dataset, (*((problem,) if problem else ()), *dataset.problems))
    with right:
        score_side = st.container(key="scores")
        try:
            chosen = settings.settings(cases.predictions)
        except GroundglassError as error:
            st.html(charts.sentences([str(error)], "problems"))
            chosen = None
    if chosen is None:
        with centre:
            frame.nothing("The settings leave nothing to show: see beside.")
        return
    with left:
        wanted = worklist.list_settings()
        ids = resources.listed(opened, chosen, wanted)[1]
        film_id = state.film_id() or (ids[0] if ids else None)
        if film_id and not state.film_id():
            state.show_film(film_id)  # so that a change of the order does not change the film
    with centre:
        layers = film.bar(ids, film_id)
    with left:
        worklist.show(opened, chosen, wanted, film_id)
    with centre:
        film.show(opened, chosen, film_id, ids, layers)
    with score_side:
        row = resources.row_of(opened).get(film_id)
        if row is not None:
            results.probabilities(opened, chosen, row)
        results.scores(opened, chosen)
