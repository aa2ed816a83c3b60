"""The sliders: what leads from candidates to detections and probabilities."""

import streamlit as st

from core.errors import BadSettings
from core.fusion import METHODS, FusionSettings
from core.levels import ScoreSettings
from viewer import charts
from viewer.state import Settings, chosen_sources

NAMES = {"nms": "NMS", "soft_nms": "Soft-NMS", "nmw": "NMW", "wbf": "WBF"}
FUSION, SCORE, SETTINGS = FusionSettings(), ScoreSettings(), Settings()
DEFAULTS = {"method": FUSION.method, "iou": FUSION.iou, "skip": FUSION.skip, "show": SETTINGS.display,
            "n": SCORE.exponent, "none_study": SCORE.none_study,
            "none_boxes": SCORE.none_boxes, "models": [], "folds": [], "views": []}


def settings(predictions):
    """The widgets, and the `Settings` they stand for with the sources of `predictions`; without any, the defaults.

    Raises `BadSettings` when the chosen sources leave nothing of a task.
    """
    if not any(_tasks(predictions).values()):
        return SETTINGS
    with st.container(horizontal=True, vertical_alignment="center", key="settings_head"):
        st.html(charts.heading("Settings"))
        st.button("Defaults", on_click=_reset, type="tertiary", help="Put every setting back to where it starts.")
    display = _slider("Display confidence", "show", 0.0, 1.0, 0.01,
                      "Hides less confident detections on the film and in the counts; the AP does not depend on it.")
    method = st.segmented_control(
        "Fusion", METHODS, key="method", default=FUSION.method, required=True, format_func=NAMES.get, width="stretch",
        bind="query-params", help="How overlapping candidates become one detection: the best suppresses (NMS) or fades "
                                  "(Soft-NMS) the others, or boxes are averaged around the best (NMW) or all (WBF).")
    iou = _slider("IoU threshold", "iou", 0.0, 1.0, 0.01,
                  "Candidates that overlap by more than this are taken for the same finding.")
    skip = _slider("Skip threshold", "skip", 0.0, 0.5, 0.005,
                   "Candidates less confident than this are dropped before fusion.", "%.3f")
    exponent = _slider("Exponent n of p(opacity)ⁿ", "n", 0.0, 2.0, 0.05,
                       "Every confidence is multiplied by the film's opacity probability to the power n; 0 leaves it.")
    none_study = _slider("Study in p(none)", "none_study", 0.0, 1.0, 0.05,
                         "Weight of the study's negative probability in a film's none probability; 0 leaves it out.")
    none_boxes = _slider("Boxes in p(none)", "none_boxes", 0.0, 2.0, 0.05,
                         "How much a film's best detection speaks against none; 0 leaves it out.")
    parts = _sources(predictions)
    chosen = [_chosen(task, sources, parts) for task, sources in _tasks(predictions).items()]
    return Settings(FusionSettings(method=method, iou=iou, skip=skip, sources=chosen[0]),
                    ScoreSettings(exponent, none_study, none_boxes, chosen[1], chosen[2]), display)


def _slider(label, key, low, high, step, meaning, form="%.2f"):
    return st.slider(label, low, high, DEFAULTS[key], step, form, key=key, help=meaning, bind="query-params")


def _tasks(predictions):
    return {"detector": predictions.candidates.sources, "opacity": predictions.opacity_sources,
            "study": predictions.study_sources}


def _sources(predictions):
    """Three multiselects; the chosen models, folds and views."""
    everything = [source for sources in _tasks(predictions).values() for source in sources]
    models, folds, views = st.columns(3, gap="xsmall")
    with models:
        chosen_models = _choice("Models", "models", {source.model for source in everything},
                                "Only these models; a task of which none is chosen keeps all of its own.")
    with folds:
        chosen_folds = _choice("Folds", "folds", {source.fold for source in everything if source.fold},
                               "Only models trained without these patient folds; none chosen means all.")
    with views:
        chosen_views = _choice("Views", "views", {source.view for source in everything},
                               "Only answers to these views of a film (flipped, moved, scaled); none chosen means all.")
    return chosen_models, chosen_folds, chosen_views


def _choice(label, key, options, meaning):
    options = sorted(options)
    return st.multiselect(label, options, key=key, help=meaning, bind="query-params", placeholder=f"all {len(options)}",
                          disabled=len(options) < 2)


def _chosen(task, sources, parts):
    try:
        return chosen_sources(sources, *parts)
    except BadSettings as error:
        raise BadSettings(f"For the {task}, {error}") from None


def _reset():
    for key, value in DEFAULTS.items():
        st.session_state[key] = value
