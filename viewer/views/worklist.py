"""The worklist: which films there are, what is wrong with each, and the way from one to the next."""

import pandas as pd
import streamlit as st

from core.failures import FLAGS
from core.worklist import ORDERS
from viewer import charts, judged, resources, state
from viewer.views import filters, first_read, lists, selection, sheets

SORTED_BY = {  # column -> order
    "film": "id", "truth": "class", "AI": "predicted", "opacity": "opacity", "TP": "TP", "FP": "FP",
             "FN": "FN", "boxes": "boxes", "shown": "shown", "trouble": "trouble", "cost": "cost", "worst": "worst",
             "review": "review", "fold": "fold", "films": "films", "kinds": "kinds", "study": "study"}
ROW = 28  # CSS pixels of a row
SHORT_LIST = 18  # rows that fit the smallest window; a shorter list is as high as its rows
COLUMNS = {
    "film": st.column_config.TextColumn("film", width=88, help="Image id."),
    "flag": st.column_config.TextColumn("", width=74, help="; ".join(f"{k}: {v}" for k, v in FLAGS.items() if k) + "."),
    "truth": st.column_config.TextColumn("truth", width=40, help="Labelled class of the study."),
    "AI": st.column_config.TextColumn("AI", width=36, help="Most probable class of the study."),
    "TP": st.column_config.NumberColumn("TP", width=30, help="True positives among the detections shown."),
    "FP": st.column_config.NumberColumn("FP", width=30, help="False positives among the detections shown."),
    "FN": st.column_config.NumberColumn("FN", width=30, help="Boxes that no detection shown finds."),
    "opacity": st.column_config.NumberColumn("p(op)", width=48, format="%.2f", help="Probability of any opacity."),
    "cost": st.column_config.NumberColumn("cost", width=46, format="%.2f", help=filters.COST),
    "worst": st.column_config.NumberColumn("worst", width=48, format="%.2f", help=filters.WORST),
    "trouble": st.column_config.NumberColumn("trouble", width=58, format="%.2f", help=filters.FORMULA),
    "boxes": st.column_config.NumberColumn("GT", width=34, help="Ground-truth boxes."),
    "shown": st.column_config.NumberColumn("det", width=34, help="Detections shown."),
    "review": st.column_config.TextColumn("review", width=66, help="State of the film's review."),
    "fold": st.column_config.TextColumn("fold", width=36, help="Patient fold that holds the film out."),
    "films": st.column_config.NumberColumn("films", width=44, help="Films of the study."),
    "kinds": st.column_config.TextColumn("kinds", width=170, help="Kinds of failure; the filter says what each is."),
    "study": st.column_config.TextColumn("study", width=92, help="Study id."),
}


BLINDED = {name: COLUMNS[name] for name in ("film", "study")} | {
    "read": st.column_config.TextColumn("read", width=48, help="Whether you have read it."),
}


def place(opened, settings, wanted):
    """The id of the film to show, None without any: the one named, else the first of the list; marked in the list."""
    ids = judged.listed(opened, settings, wanted)[1]
    if state.film_id() is None and ids:
        state.show_film(ids[0])  # so that another order does not change the film
    film_id = state.film_id()
    selection.mark(ids.index(film_id) if film_id in ids else None, film_id, ids)
    return film_id


def show(opened, settings, wanted, film_id):
    """The list of the films that `wanted` (`ListSettings`) asks for."""
    ids = judged.listed(opened, settings, wanted)[1]
    lists.note(ids)
    order = f"{ORDERS[wanted.order]}{', backwards' * wanted.backwards}"
    st.html(charts.heading(_summary(ids, len(resources.cases(opened)[0].images), film_id),
                           f"{', '.join(filters.words(wanted)) or 'all'}, {order}"))
    if not ids:
        st.html(charts.sentences(["No film fits: clear the search or the filter."]))
    elif filters.is_grid():
        sheets.films(opened, settings, ids, film_id)
    else:
        frame, columns = _table(opened, settings, wanted)
        unit, described = st.session_state.get(state.UNIT, 1), BLINDED if first_read.is_on() else COLUMNS
        st.dataframe(
            frame, key=selection.KEY, on_select=_heed, selection_mode=("single-cell", "single-column"),
            height="stretch" if len(ids) > SHORT_LIST else "content", row_height=round(ROW * unit), placeholder="",
            hide_index=True, column_config=_wide(described, unit), column_order=columns)


def _wide(columns, unit):
    """The columns in a page whose text is drawn `unit` times as large."""
    return {name: {**column, "width": round(column["width"] * unit)} for name, column in columns.items()}


def _table(opened, settings, wanted):
    """The list as a data frame, and the columns to be shown; who reads blinded is sent ids alone."""
    if not first_read.is_on():
        return judged.list_frame(opened, settings, wanted), judged.list_columns(opened, settings, wanted)
    images = [resources.cases(opened)[0].images[row] for row in judged.listed(opened, settings, wanted)[0]]
    frame = pd.DataFrame({"film": [image.image_id for image in images],
                          "read": ["read" if first_read.is_read(image.image_id) else "" for image in images],
                          "study": [image.study_id for image in images]})
    return frame, list(frame.columns)


def _summary(ids, everything, film_id):
    of_all = "" if len(ids) == everything else f" ({everything:,} in all)"
    at = f"Film {ids.index(film_id) + 1:,} of {len(ids):,}" if film_id in ids else f"{len(ids):,} films"
    return at + of_all


def _heed():
    """The reader has clicked a cell or a column's name in the list, or gone to a cell with the arrow keys."""
    if column := selection.sorting_column():
        filters.order_by(SORTED_BY.get(column, "trouble"))
    selection.heed()


def step(by, ids):
    """Go `by` places along the list `ids` from the film of now; a key may have left the one that was drawn."""
    state.show_film(state.stepped(ids, state.film_id(), by))
