"""Which film the list has marked: the page moves the list's mark, and the reader moves it too.

The list (`st.dataframe`) marks a cell; a click or an arrow key moves it to another. The page moves it only when
something else than the list has chosen the film or changed the order, for a mark set by the page makes the browser
forget a key pressed in that moment. A message that the browser sent before the page's mark reached it still carries the
old one; it is known by something else having changed with it, since the list alone was not what sent it, and by the
page having moved the mark away from there a moment ago.
"""

import time

import streamlit as st

from viewer import state

KEY = "list"
MADE_FOR = "list made for"  # in the session: (film, inputs) that the list was drawn for, or went on to by itself
IDS = "list ids"  # in the session: the ids of the films it was drawn with
LEFT = "list marks left"  # in the session: row -> when the page last moved the mark away from it
LATE = 1.0  # s in which the browser may still tell the mark of before


def mark(row, film_id, ids):
    """Put the mark of the list of films `ids` on `row` (None: nowhere), where `film_id` is, before it is drawn."""
    same = st.session_state.get(IDS) == ids  # in another order the row is another film's
    st.session_state.update({MADE_FOR: (film_id, state.inputs()), IDS: ids})
    if marked() != row or sorting_column():
        left = {**st.session_state.get(LEFT, {}), marked(): time.monotonic()}
        st.session_state[LEFT] = left if same else {}
        cells = [] if row is None else [(row, "film")]
        st.session_state[KEY] = {"selection": {"rows": [], "columns": [], "cells": cells}}


def heed():
    """Open the film that the reader has just marked; for the list's callback."""
    row, ids = marked(), st.session_state.get(IDS, ())
    film_id, before = st.session_state.get(MADE_FOR, (None, ()))
    known = dict(before)  # what else comes anew are widgets that are drawn after the list was marked
    moved = [key for key, _ in set(state.inputs()) - set(before) if key in known or key.startswith(state.LIVE)]
    late = time.monotonic() - st.session_state.get(LEFT, {}).get(row, float("-inf")) < LATE
    if row is not None and row < len(ids) and film_id == state.film_id() and not moved and not late:
        state.show_film(ids[row])
        st.session_state[MADE_FOR] = ids[row], state.inputs()  # the page may be cut short by the next key


def marked():
    """The row of the cell that is marked, None when none is."""
    return next((row for row, _ in _selection().get("cells", ())), None)


def sorting_column():
    """The column whose name the reader has clicked, None when none."""
    return next(iter(_selection().get("columns", ())), None)


def _selection():
    return (st.session_state.get(KEY) or {}).get("selection", {})
