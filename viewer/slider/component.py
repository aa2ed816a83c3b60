"""The Python side of the live slider: a range that reports its value while it is dragged.

One message is under way at a time: the browser sends the newest value as soon as the page has answered the last, so
updates come as fast as they are computed and the last value always is the one shown. Use it in a fragment.
"""

import time
from collections.abc import Callable
from pathlib import Path

import streamlit as st

FLUSH = 0.015  # seconds; Streamlit sends every 5 ms what a page has said
_PLACE = Path(__file__).resolve().parent
_SLIDER = st.components.v2.component(
    "groundglass_slider",
    html=(_PLACE / "slider.html").read_text("utf-8"),
    css=(_PLACE / "slider.css").read_text("utf-8"),
    js=(_PLACE / "slider.js").read_text("utf-8"),
)


def live_slider(key: str, label: str, value: float, low: float, high: float, step: float, *, meaning: str,
                on_move: Callable[[float, bool], None], digits: int = 2, disabled: bool = False) -> None:
    """Show a slider at `value`; `on_move(value, held)` is called before the script runs, with the value it was moved to
    and whether the reader still drags.

    The value is the caller's to keep: what it hands over next is what the slider shows, unless the reader still drags.
    The last call about a drag is one that is not held. A value beyond `low` to `high` widens them. `meaning` is one
    sentence, for the pointer and for screen readers.
    """
    low, high = min(low, value), max(high, value)

    def moved():
        told = _moved(key)
        if told is not None:
            on_move(min(max(float(told["value"]), low), high), bool(told.get("held")))

    heard = (_moved(key) or {}).get("serial", 0)
    _SLIDER(key=key, data={"label": label, "meaning": meaning, "value": value, "low": low, "high": high, "step": step,
                           "digits": digits, "disabled": disabled, "heard": heard},
            height="content", width="stretch", on_moved_change=moved)


def _moved(key):
    return (st.session_state.get(key) or {}).get("moved")


def let_through():
    """Wait until what a fragment has said is on its way; at the end of one that a dragged slider makes run.

    The next run may be asked for already, and Streamlit throws away what it has not sent of a fragment that runs anew:
    the page would stand still until the drag ends.
    """
    time.sleep(FLUSH)
