"""What the reader has tuned, kept while the pages change; the Tune page's part of the session's state.

The reading room's widgets lend it their values when the reader comes over, and get them back by `take_along`. This
module knows nothing of results.
"""

from dataclasses import fields

import streamlit as st

from core.fusion import FusionSettings
from core.levels import ScoreSettings
from viewer.state import Settings

KEPT, PINNED, HERE = "tuned settings", "pinned settings", "tuning"
FUSION, SCORE, SETTINGS = FusionSettings(), ScoreSettings(), Settings()
START = {"method": FUSION.method, "iou": FUSION.iou, "skip": FUSION.skip, "decay": FUSION.decay, "sigma": FUSION.sigma,
         "conf_type": FUSION.conf_type, "sources": None, "exponent": SCORE.exponent, "none_study": SCORE.none_study,
         "none_boxes": SCORE.none_boxes, "opacity_sources": None, "study_sources": None, "display": SETTINGS.display}
LENT = {"method": "method", "iou": "iou", "skip": "skip", "show": "display", "n": "exponent",
        "none_study": "none_study", "none_boxes": "none_boxes"}  # key of the reading room's widget -> setting


def borrow():
    """Take over what the reading room's widgets held, in the one run in which they are still there."""
    kept = st.session_state.setdefault(KEPT, dict(START))
    kept.update({name: st.session_state[key] for key, name in LENT.items() if st.session_state.get(key) is not None})
    for key in LENT:
        st.session_state.pop(key, None)
    st.session_state[HERE] = True


def take_along():
    """Hand the tuned values to the reading room's widgets, in the first run after the reader has tuned."""
    if st.session_state.pop(HERE, False):
        st.session_state.update({key: value(name) for key, name in LENT.items()})


def value(name):
    """The value of a setting, a key of START."""
    return st.session_state.get(KEPT, START)[name]


def put(**values):
    """Set some settings, keys of START."""
    st.session_state[KEPT] = {**st.session_state.get(KEPT, START), **values}


def adopt(fusion, score):
    """Set everything that `FusionSettings` and `ScoreSettings` hold."""
    put(**{name: getattr(owner, name) for owner in (fusion, score) for name in START if hasattr(owner, name)})


def settings():
    """The `viewer.state.Settings` as tuned."""
    kept = st.session_state.get(KEPT, START)
    return Settings(*(kind(**{field.name: kept[field.name] for field in fields(kind) if field.name in kept})
                      for kind in (FusionSettings, ScoreSettings)), kept["display"])


def pinned():
    """The `Settings` that changes are told against; the first ones unless the reader has pinned others."""
    return st.session_state.get(PINNED, SETTINGS)


def pin():
    """Tell changes against the settings of now."""
    st.session_state[PINNED] = settings()


def reset():
    """Back to the first settings, also as the baseline."""
    st.session_state[KEPT] = dict(START)
    st.session_state.pop(PINNED, None)
