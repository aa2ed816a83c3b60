"""The worklist: which films there are, what is wrong with each, and the way from one to the next."""

import streamlit as st

from core.failures import FLAGS, KINDS
from core.worklist import CLASSES, ORDERS, ListSettings
from viewer import charts, resources, state

KEY = "list"
SORTED_BY = {"film": "id", "truth": "class", "AI": "class", "TP": "TP", "FP": "FP", "FN": "FN", "opacity": "opacity",
             "boxes": "boxes", "shown": "shown", "trouble": "trouble"}  # column -> order
FORMULA = ("Each missed box weighs 1, each false positive its confidence, a wrong study class and a wrong answer to "
           "“any opacity?” the probability given to them.")
COLUMNS = {
    "film": st.column_config.TextColumn("film", width=92, help="Image id."),
    "flag": st.column_config.TextColumn("", width=80, help="; ".join(f"{k}: {v}" for k, v in FLAGS.items() if k) + "."),
    "truth": st.column_config.TextColumn("truth", width=42, help="Labelled class of the study."),
    "AI": st.column_config.TextColumn("AI", width=42, help="Most probable class of the study."),
    "TP": st.column_config.NumberColumn("TP", width=30, help="True positives among the detections shown."),
    "FP": st.column_config.NumberColumn("FP", width=30, help="False positives among the detections shown."),
    "FN": st.column_config.NumberColumn("FN", width=30, help="Boxes that no detection shown finds."),
    "opacity": st.column_config.NumberColumn("p(op)", width=48, format="%.2f", help="Probability of any opacity."),
    "boxes": st.column_config.NumberColumn("GT", width=34, help="Ground-truth boxes."),
    "shown": st.column_config.NumberColumn("det", width=34, help="Detections shown."),
    "trouble": st.column_config.NumberColumn("trouble", width=58, format="%.2f", help=FORMULA),
    "study": st.column_config.TextColumn("study", width=92, help="Study id."),
}


def list_settings():
    """Search and filters as widgets; the `ListSettings` they stand for."""
    with st.container(horizontal=True, key="search", gap="small"):
        find = st.text_input("Find a film or study", key="find", bind="query-params", live=True, type="search",
                             label_visibility="collapsed", placeholder="Find an id")
        with st.popover("Filter", icon=":material/filter_list:", help="Narrow and sort the list."):
            classes = st.pills("Study class, as labelled", CLASSES, selection_mode="multi", key="class",
                               bind="query-params", help="Only films of studies with one of these labels.")
            kinds = st.pills("Kind of trouble", list(KINDS), selection_mode="multi", key="kind", bind="query-params",
                             help="Only films with one of these kinds of trouble.")
            st.html(charts.sentences([f"{name}: {meaning}." for name, meaning in KINDS.items()]))
            order = st.selectbox("Order", list(ORDERS), key="order", bind="query-params", format_func=ORDERS.get,
                                 help=FORMULA)
    return ListSettings(find or "", tuple(classes), tuple(kinds), order)


def show(opened, settings, wanted, film_id):
    """The list of the films that `wanted` (`ListSettings`) asks for, with the film `film_id` selected."""
    rows, ids = resources.listed(opened, settings, wanted)
    everything = len(resources.cases(opened)[0].images)
    place = ids.index(film_id) if film_id in ids else None
    st.html(charts.heading(_summary(len(ids), everything, place), "most trouble first" if wanted.order == "trouble"
                           else ORDERS[wanted.order]))
    if not ids:
        st.html(charts.sentences(["No film fits: clear the search or the filter."]))
        return ids
    frame = resources.list_frame(opened, settings, wanted)
    hidden = {name for name in ("flag",) if not (frame[name] != "").any()}
    _select(place)
    st.dataframe(
        frame, key=KEY, on_select=_open, selection_mode=("single-row", "single-cell"), hide_index=True,
        height="stretch", row_height=28, placeholder="", column_config=COLUMNS,
        column_order=[name for name in frame.columns if name not in hidden])
    st.session_state["ids"] = ids
    return ids


def _summary(count, everything, place):
    of_all = f"{count:,} films" if count == everything else f"{count:,} of {everything:,} films"
    return of_all if place is None else f"{place + 1:,} of {of_all}"


def _select(place):
    """Let the list's selection follow the film when something else than the list has chosen it."""
    selection = {"rows": [] if place is None else [place], "columns": [],
                 "cells": [] if place is None else [(place, "film")]}
    now = (st.session_state.get(KEY) or {}).get("selection", {})
    if list(now.get("rows", [])) != selection["rows"]:
        st.session_state[KEY] = {"selection": selection}


def _open():
    """A row or a cell was clicked, or reached with the arrow keys: take its film into the address."""
    selection = st.session_state[KEY]["selection"]
    ids = st.session_state.get("ids", ())
    rows = {row for row in (*selection["rows"], *(row for row, _ in selection["cells"])) if row < len(ids)}
    chosen = next((row for row in rows if ids[row] != state.film_id()), None)
    if chosen is not None:
        state.show_film(ids[chosen])


def step(by, ids):
    """Go `by` places along the list `ids`."""
    state.show_film(state.stepped(ids, state.film_id(), by))
