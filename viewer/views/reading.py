"""The reading room, one page: worklist, film with its boxes, probabilities, score and settings."""

import streamlit as st

from core.errors import GroundglassError
from viewer import charts, judged, links, resources, state, tuning
from viewer.views import film, filters, first_read, frame, results, settings, worklist


def page():
    """Lay out the page; everything below the top bar is one fragment, so that a click redraws no more than it must."""
    top = st.container(key="top", horizontal=True, vertical_alignment="center")
    opened = resources.identify(state.place())
    try:
        _, problem = resources.cases(opened)
    except GroundglassError as error:
        frame.show(top, None, (str(error),))
        with st.container(key="room", horizontal=True), st.container(key="film_side"):
            frame.nothing(str(error))
        return
    dataset = resources.data_set(opened)
    said = [each for each in (problem, *judged.folds_problems(), links.problem()) if each]
    frame.show(top, dataset, said if first_read.is_on() else (*said, *dataset.problems))  # these tell of labels
    _room(opened)


@st.fragment
def _room(opened):
    """The three sides, filled in the order in which the reader looks at them."""
    with st.container(key="room", horizontal=True):
        left, centre, right = (st.container(key=name) for name in ("list_side", "film_side", "panel_side"))
    predictions = resources.cases(opened)[0].predictions
    with right:
        first_read.switch(opened)
        score_side = st.container(key="scores")
        if not first_read.is_on():
            settings.show(predictions)
    with centre:
        frame.wait_for_kernels()
    with right:
        try:
            chosen = tuning.settings(predictions)
            resources.fused(opened, chosen.fusion)
        except GroundglassError as error:
            st.html(charts.problems(error))
            chosen = None
    if chosen is None:
        with centre:
            frame.nothing("The settings leave nothing to show: see beside.")
        return
    with left:
        wanted = filters.settings_of(opened, judged.facts_of(opened, chosen.fusion, chosen.score))
    links.open_study(opened)
    film_id = worklist.place(opened, chosen, wanted)
    links.tell(opened)
    with centre:
        film.show(opened, chosen, judged.listed(opened, chosen, wanted)[1], film_id)
    with score_side:
        if first_read.is_on():
            first_read.panel(opened, chosen, film_id)
        if not first_read.hides(film_id):
            results.show(opened, chosen, film_id)
    with left:  # last: it takes longest to send
        worklist.show(opened, chosen, wanted, film_id)
