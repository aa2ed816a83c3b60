"""The Tune page: every setting as a live slider, the six APs beside them, and what explains them in tabs."""

import streamlit as st

from core import failures
from core.changes import ap_changes
from core.errors import GroundglassError
from core.fusion import CONF_TYPES, DECAYS, METHODS
from viewer import analyses, charts, resources, state, tuning
from viewer.canvas.component import film_canvas
from viewer.slider.component import live_slider
from viewer.views import explain, film, frame, grids
from viewer.views.settings import NAMES

SLIDERS = {  # setting -> label, low, high, step, digits, meaning
    "display": ("Display confidence", 0.0, 1.0, 0.01, 2,
                "Hides less confident detections on the film; the AP does not depend on it."),
    "iou": ("IoU threshold", 0.0, 1.0, 0.01, 2,
            "Candidates that overlap by more than this are taken for the same finding."),
    "skip": ("Skip threshold", 0.0, 0.5, 0.005, 3, "Candidates less confident than this are dropped before fusion."),
    "sigma": ("Sigma of the decay", 0.05, 2.0, 0.05, 2,
              "How gently Soft-NMS lowers overlapping scores; smaller is harsher."),
    "exponent": ("Exponent n of p(opacity)ⁿ", 0.0, 2.0, 0.05, 2,
                 "Every confidence is multiplied by the film's opacity probability to the power n; 0 leaves it."),
    "none_study": ("Study in p(none)", 0.0, 1.0, 0.05, 2,
                   "Weight of the study's negative probability in a film's none probability; 0 leaves it out."),
    "none_boxes": ("Boxes in p(none)", 0.0, 2.0, 0.05, 2,
                   "How much a film's best detection speaks against none; 0 leaves it out."),
}
METHOD = ("How overlapping candidates become one detection: the best suppresses (NMS) or fades (Soft-NMS) the others, "
          "or boxes are averaged around the best (NMW) or all (WBF).")
DECAY = "Soft-NMS lowers scores by 1 - IoU above the threshold (linear), or by exp(-IoU²/sigma) everywhere (gaussian)."
CONF_TYPE = ("A WBF score is the mean of its members weakened where sources are silent (avg), the largest (max), or "
             "one of two means that count the silent sources by weight.")
TABS = {"Film": "film", **explain.TABS, **grids.TABS}
CHOSEN = "tune tab"


def page():
    """Lay out the page; everything below the top bar is one fragment, so that a slider redraws no more than it must."""
    state.follow_address()
    tuning.borrow()
    top = st.container(key="top", horizontal=True, vertical_alignment="center")
    opened = resources.identify(state.place())
    try:
        cases, problem = resources.cases(opened)
    except GroundglassError as error:
        frame.show(top, None, (str(error),))
        frame.nothing(str(error))
        return
    dataset = resources.data_set(opened)
    frame.show(top, dataset, (*((problem,) if problem else ()), *dataset.problems))
    if cases.truth is None or not cases.films:
        frame.nothing(problem or "Tuning needs labelled films with predictions: start with --data and --predictions.")
        return
    _body(opened)


@st.fragment
def _body(opened):
    with st.container(key="tune", horizontal=True):
        left, right = st.container(key="tune_settings"), st.container(key="tune_result")
    with left:
        _controls(resources.cases(opened)[0].predictions)
        try:
            resources.fused(opened, tuning.settings().fusion)
        except GroundglassError as error:
            st.html(charts.sentences([str(error)], "problems"))
            return
        _scores(opened, tuning.settings())
    with right:
        chosen = st.segmented_control("What to look at", list(TABS), key=CHOSEN, default="Film", required=True,
                                      label_visibility="collapsed")
        if chosen == "Film":
            _film(opened, tuning.settings())
        elif chosen in explain.TABS:
            explain.TABS[chosen](opened, tuning.settings())
        else:
            grids.TABS[chosen](opened, tuning.settings())


def _controls(predictions):
    with st.container(horizontal=True, vertical_alignment="center", key="settings_head"):
        st.html(charts.heading("Settings"))
        st.button("Pin", on_click=tuning.pin, type="tertiary", help="Tell changes against the settings of now.")
        st.button("Reset", on_click=tuning.reset, type="tertiary", help="Put every setting back to where it starts.")
    method = _choice("Fusion", "method", METHODS, METHOD, NAMES.get)
    for name in ("display", "iou", "skip"):
        _slider(name)
    if method == "soft_nms" and _choice("Decay", "decay", DECAYS, DECAY) == "gaussian":
        _slider("sigma")
    if method == "wbf":
        _conf_type()
    if predictions.opacity_sources:
        _slider("exponent")
    if predictions.study_sources:
        _slider("none_study")
    _slider("none_boxes")


def _slider(name):
    label, low, high, step, digits, meaning = SLIDERS[name]
    live_slider(f"live_{name}", label, tuning.value(name), low, high, step, meaning=meaning, digits=digits,
                on_move=lambda value: tuning.put(**{name: value}))


def _choice(label, name, options, meaning, words=str):
    key = f"tune_{name}"
    st.session_state[key] = tuning.value(name)
    return st.segmented_control(label, options, key=key, required=True, format_func=words, width="stretch",
                                help=meaning, on_change=lambda: tuning.put(**{name: st.session_state[key]}))


def _conf_type():
    st.session_state["tune_conf_type"] = tuning.value("conf_type")
    st.selectbox("Score of a WBF detection", CONF_TYPES, key="tune_conf_type", help=CONF_TYPE,
                 on_change=lambda: tuning.put(conf_type=st.session_state["tune_conf_type"]))


def _scores(opened, settings):
    """The six APs as bars with their change against the baseline, and whether patients explain it."""
    pinned = tuning.pinned()
    evaluation, before = (resources.evaluation(opened, each.fusion, each.score) for each in (settings, pinned))
    cases = resources.cases(opened)[0]
    st.html(charts.heading("Whole set: AP", f"{cases.films:,} films"))
    st.html(charts.ap_table(evaluation.summary(), ap_changes(evaluation, before), "against the pinned settings"))
    if (settings.fusion, settings.score) == (pinned.fusion, pinned.score):
        st.html(charts.sentences(["These are the pinned settings: move a slider to see what changes."]))
    elif st.toggle("Is the change more than chance?", key="tune_chance",
                   help="A paired bootstrap of 1,000 draws of patients; it takes a moment after each change."):
        st.html(charts.difference_table(analyses.compared(opened, settings, pinned)))


def _film(opened, settings):
    """The film that the reader has open, with its boxes under the settings of now, and the way to the next."""
    cases = resources.cases(opened)[0]
    ids = tuple(image.image_id for image in cases.images[:cases.films])
    if state.film_id() not in ids:
        state.show_film(_telling(cases, ids))
    film_id = state.film_id()
    with st.container(horizontal=True, key="film_bar", vertical_alignment="center"):
        for label, icon, by, key in (("Previous", "chevron_left", -1, "p"), ("Next", "chevron_right", 1, "n")):
            st.button(label, icon=f":material/{icon}:", on_click=_step, args=(ids, by), shortcut=key)
    row = resources.row_of(opened)[film_id]
    image, shown, problem = cases.images[row], None, ""
    try:
        shown = film.read(image)
    except GroundglassError as error:
        problem = str(error)
    answer, matches = (resources.answer(opened, settings.fusion, settings.score),
                       resources.matches(opened, settings.fusion))
    found = failures.findings(cases, answer, matches, row, settings.display)
    film_canvas("tune_canvas", film.address(image, shown), () if problem else film.layers(found, state.LAYERS),
                problem=problem, caption=[image.image_id], height="calc(100dvh - 130px)")


def _telling(cases, ids):
    """The first film with a box, which tells more than one without."""
    return next((image_id for row, image_id in enumerate(ids) if len(cases.truth.boxes_of(row))), ids[0])


def _step(ids, by):
    state.show_film(state.stepped(ids, state.film_id(), by))
