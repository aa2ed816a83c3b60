"""The reading room, one page: worklist, film with its boxes, probabilities, score and settings."""

import streamlit as st

from core.errors import GroundglassError
from viewer import charts, resources, state, tuning
from viewer.views import film, frame, results, settings, worklist


def page():
    """Lay out the page, then fill it, what the reader looks at first."""
    state.follow_address()
    tuning.take_along()
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
    film_id = worklist.place(opened, chosen, wanted)
    with centre:
        film.show(opened, chosen, wanted, film_id)
    with score_side:
        results.show(opened, chosen, film_id)
    with left:  # last: of all that a slider moves, the list takes longest to send
        worklist.show(opened, chosen, wanted, film_id)
