"""The Python side of the live slider: a range that moves what follows it while it is dragged, and reports its value
when it is let go.

What follows is `viewer.live`'s: the browser asks for it without a run of the page.
"""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

_PLACE = Path(__file__).resolve().parent
_SLIDER = st.components.v2.component(
    "groundglass_slider",
    html=(_PLACE / "slider.html").read_text("utf-8"),
    css=(_PLACE / "slider.css").read_text("utf-8"),
    js=(_PLACE / "slider.js").read_text("utf-8"),
)


def live_slider(key: str, label: str, value: float, low: float, high: float, step: float, *, setting: str, meaning: str,
                on_move: Callable[[float], None], digits: int = 2, disabled: bool = False) -> None:
    """Show a slider at `value`; `on_move(value)` is called before the script runs, with the value it was let go at.

    While it is dragged everything that `viewer.live` has given an address follows it, under the name `setting`. The
    value is the caller's to keep: what it hands over next is what the slider shows, unless the reader moves it again. A
    value beyond `low` to `high` widens them. `meaning` is one sentence, for the pointer and for screen readers.
    """
    low, high = min(low, value), max(high, value)

    def moved():
        told = _moved(key)
        if told is not None:
            on_move(min(max(float(told["value"]), low), high))

    _SLIDER(key=key, data={"label": label, "setting": setting, "meaning": meaning, "value": value, "low": low,
                           "high": high, "step": step, "digits": digits, "disabled": disabled,
                           "heard": (_moved(key) or {}).get("serial", 0)},
            height="content", width="stretch", on_moved_change=moved)


def _moved(key):
    return (st.session_state.get(key) or {}).get("moved")
