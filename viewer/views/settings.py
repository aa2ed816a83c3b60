"""The settings, on whichever page: what leads from candidates to detections and probabilities, and what each means."""

import streamlit as st

from core.fusion import CONF_TYPES, DECAYS, METHODS
from viewer import charts, tuning
from viewer.slider.component import live_slider
from viewer.state import LIVE

NAMES = {"nms": "NMS", "soft_nms": "Soft-NMS", "nmw": "NMW", "wbf": "WBF"}
SLIDERS = {  # setting -> label, low, high, step, digits, meaning
    "show": ("Display confidence", 0.0, 1.0, 0.01, 2,
             "Hides less confident detections on the film and in the counts; the AP does not depend on it."),
    "iou": ("IoU threshold", 0.0, 1.0, 0.01, 2,
            "Candidates that overlap by more than this are taken for the same finding."),
    "skip": ("Skip threshold", 0.0, 0.5, 0.005, 3, "Candidates less confident than this are dropped before fusion."),
    "sigma": ("Sigma of the decay", 0.05, 2.0, 0.05, 2,
              "How gently Soft-NMS lowers overlapping scores; smaller is harsher."),
    "n": ("Exponent n of p(opacity)ⁿ", 0.0, 2.0, 0.05, 2,
          "Every confidence is multiplied by the film's opacity probability to the power n; 0 leaves it."),
    "none_study": ("Study in p(none)", 0.0, 1.0, 0.05, 2,
                   "Weight of the study's negative probability in a film's none probability; 0 leaves it out."),
    "none_boxes": ("Boxes in p(none)", 0.0, 2.0, 0.05, 2,
                   "How much a film's best detection speaks against none; 0 leaves it out."),
}
FACTORS = {  # the same for what one source has; the lowest weight all but silences it
    "weights": ("Weight", 0.05, 4.0, 0.05, 2,
                "How much this source counts beside the others in fusion; at 1 for all, none counts more."),
    "scales": ("Score scale", 0.1, 3.0, 0.05, 2,
               "Factor on this source's scores before fusion, for sources that are more or less sure than the others."),
}
METHOD = ("How overlapping candidates become one detection: the best suppresses (NMS) or fades (Soft-NMS) the others, "
          "or boxes are averaged around the best (NMW) or all (WBF).")
DECAY = "Soft-NMS lowers scores by 1 - IoU above the threshold (linear), or by exp(-IoU²/sigma) everywhere (gaussian)."
CONF_TYPE = ("A WBF score is the mean of its members weakened where sources are silent (avg), the largest (max), or "
             "one of two means that count the silent sources by weight.")
SOURCE = "The source that the weight and the score scale below are about: a model, its fold and a view."


def show(predictions):
    """The widgets of all settings that bear on `predictions`; what they are set to is `viewer.tuning.settings`."""
    tasks = tuning.tasks(predictions)
    if not any(tasks.values()):
        return
    with st.container(horizontal=True, vertical_alignment="center", key="settings_head"):
        st.html(charts.heading("Settings"))
        st.button("Pin", on_click=tuning.pin, type="tertiary", help="Tell changes against the settings of now.")
        st.button("Defaults", on_click=tuning.reset, type="tertiary", help="Put every setting back to where it starts.")
    _slider("show")
    method = _choice("Fusion", "method", METHODS, METHOD, NAMES.get)
    _slider("iou")
    _slider("skip")
    if method == "soft_nms" and _choice("Decay", "decay", DECAYS, DECAY) == "gaussian":
        _slider("sigma")
    if method == "wbf":
        st.session_state["conf_type"] = tuning.value("conf_type")
        st.selectbox("Score of a WBF detection", CONF_TYPES, key="conf_type", help=CONF_TYPE, on_change=_chosen,
                     args=("conf_type",))
    if tasks["opacity"]:
        _slider("n")
    if tasks["study"]:
        _slider("none_study")
    _slider("none_boxes")
    _sources([source for sources in tasks.values() for source in sources])
    if len(tasks["detector"]) > 1:
        _factors(tasks["detector"])


def _slider(name):
    label, low, high, step, digits, meaning = SLIDERS[name]
    with st.container(key=f"set_{name}"):
        live_slider(f"{LIVE}{name}", label, tuning.value(name), low, high, step, setting=name, meaning=meaning,
                    digits=digits, on_move=lambda value: tuning.put(**{name: value}))


def _choice(label, name, options, meaning, words=str):
    st.session_state[name] = tuning.value(name)
    return st.segmented_control(label, options, key=name, required=True, format_func=words, width="stretch",
                                help=meaning, on_change=_chosen, args=(name,))


def _chosen(name):
    tuning.put(**{name: st.session_state[name]})


def _sources(everything):
    """Three multiselects: which models, folds and views take part."""
    parts = (("Models", "models", {source.model for source in everything},
              "Only these models; a task of which none is chosen keeps all of its own."),
             ("Folds", "folds", {source.fold for source in everything if source.fold},
              "Only models trained without these patient folds; none chosen means all."),
             ("Views", "views", {source.view for source in everything},
              "Only answers to these views of a film (flipped, moved, scaled); none chosen means all."))
    for place, (label, name, options, meaning) in zip(st.columns(3, gap="xsmall"), parts, strict=True):
        options = sorted(options)
        st.session_state[name] = [each for each in tuning.value(name) if each in options]
        with place:
            st.multiselect(label, options, key=name, help=meaning, placeholder=f"all {len(options)}",
                           disabled=len(options) < 2, on_change=_chosen, args=(name,))


def _factors(sources):
    """Weight and score scale of one detector source at a time, and what all of them have."""
    names = [source.name for source in sources]
    with st.expander("Weights and score scales", key="factors"):
        place = names.index(st.selectbox("Source", names, key="factor_of", help=SOURCE))
        for name, (label, low, high, step, digits, meaning) in FACTORS.items():
            live_slider(f"{LIVE}{name}_{place}", label, tuning.factor(name, place, sources), low, high, step,
                        setting=f"{name}.{place}", meaning=meaning, digits=digits,
                        on_move=lambda value, name=name: tuning.put_factor(name, place, sources, value))
        st.html(charts.plain_table(("source", "weight", "scale"), [
            (each, *(f"{tuning.factor(name, row, sources):.2f}" for name in FACTORS))
            for row, each in enumerate(names)], "Weights and score scales of all detector sources"))
