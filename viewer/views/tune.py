"""The Tune page: every setting as a live slider, the six APs beside them, and what explains them in tabs."""

from dataclasses import asdict

import streamlit as st

from core.changes import ap_changes
from core.errors import GroundglassError
from viewer import analyses, charts, films, judged, live, resources, state, tuning
from viewer.canvas.component import film_canvas
from viewer.views import blame, explain, frame, grids, layers, settings, worklist

CHOSEN = "tune tab"


def page():
    """Lay out the page; everything below the top bar is one fragment, so that a click redraws no more than it must."""
    if (found := frame.open_cases()) is None:
        return
    opened, _, cases, problem = found
    if cases.truth is None or not cases.films:
        frame.nothing(problem or "Tuning needs labelled films with predictions: start with --data and --predictions.")
        return
    _body(opened)


@st.fragment
def _body(opened):
    with st.container(key="tune", horizontal=True):
        left, right = st.container(key="tune_settings"), st.container(key="tune_result")
    predictions = resources.cases(opened)[0].predictions
    with left:
        score_side = st.container(key="tune_scores")  # above: seen in every window while a slider is dragged
        settings.show(predictions)
    with right:
        frame.wait_for_kernels()
    with left:
        try:
            chosen = tuning.settings(predictions)
            resources.fused(opened, chosen.fusion)
        except GroundglassError as error:
            st.html(charts.problems(error))
            return
        pinned = tuning.pinned(predictions)
        _chance(opened, chosen, pinned)  # below: it comes and goes, and would move the sliders under the finger
    with score_side:
        _scores(opened, chosen, pinned)
    with right:
        tab = st.segmented_control("What to look at", list(TABS), key=CHOSEN, default="Film", required=True,
                                   label_visibility="collapsed")
        TABS[tab](opened, chosen)


def _scores(opened, chosen, pinned):
    """The six APs as bars with their change against the baseline; they follow the sliders."""
    cases, baseline = resources.cases(opened)[0], tuning.baseline()
    before = resources.evaluation(opened, pinned.fusion, pinned.score)

    def aps(moved):
        now = resources.evaluation(opened, moved.fusion, moved.score)
        return (charts.heading("Whole set: AP", f"{cases.films:,} films")
                + charts.ap_table(now.summary(), ap_changes(now, before), baseline))
    live.html("tune scores", aps, chosen, cases.predictions)


def _chance(opened, chosen, pinned):
    """Whether the change against the baseline is more than patients explain."""
    if (chosen.fusion, chosen.score) == (pinned.fusion, pinned.score):
        st.html(charts.sentences(["These are the settings that changes are told against: move a slider."]))
    elif st.toggle("Is the change more than chance?", key="tune_chance",
                   help="A paired bootstrap of 1,000 draws of patients, when a slider comes to rest."):
        found = analyses.compared(opened, chosen, pinned)
        st.html(charts.difference_table(found))
        explain.export(opened, chosen, found.records, "changes", ({"against": asdict(pinned)},))


def _film(opened, chosen):
    """The film that the reader has open, with its boxes under the settings of now, and the way to the next."""
    cases = resources.cases(opened)[0]
    ids = tuple(image.image_id for image in cases.images[:cases.films])
    if state.film_id() not in ids:
        state.show_film(_telling(cases, ids))
    film_id = state.film_id()
    with st.container(horizontal=True, key="film_bar", vertical_alignment="center"):
        for label, icon, by, key in (("Previous", "chevron_left", -1, "p"), ("Next", "chevron_right", 1, "n")):
            st.button(label, icon=f":material/{icon}:", on_click=worklist.step, args=(by, ids), shortcut=key)
    row = resources.row_of(opened)[film_id]
    _, where, problem = films.opened(cases.images[row])
    found = judged.findings(opened, chosen, row)
    film_canvas("tune_canvas", where, () if problem else layers.judged_layers(found), problem=problem,
                caption=[film_id], height="calc(100dvh - 130px)",
                live="" if problem else live.address("tune film", layers.followed(opened, row), cases.predictions))


def _telling(cases, ids):
    """The first film with a box, which tells more than one without."""
    return next((image_id for row, image_id in enumerate(ids) if len(cases.truth.boxes_of(row))), ids[0])


TABS = {"Film": _film, **blame.TABS, **explain.TABS, **grids.TABS}
