"""The worklist: which films there are, what is wrong with each, and the way from one to the next."""

import streamlit as st

from core.failures import FLAGS
from core.kinds import KINDS
from core.worklist import CLASSES, ORDERS, ListSettings
from viewer import charts, judged, resources, state
from viewer.views import selection

SORTED_BY = {"film": "id", "truth": "class", "AI": "class", "opacity": "opacity", "TP": "TP", "FP": "FP", "FN": "FN",
             "boxes": "boxes", "shown": "shown", "trouble": "trouble", "cost": "cost"}  # column -> order
FORMULA = ("Each missed box weighs 1, each false positive its confidence, a wrong study class and a wrong answer to "
           "“any opacity?” the probability given to them.")
COST = ("Thousandths that the six-class mAP would gain if this film and its study were answered perfectly; each film "
        "of a study bears the study's share.")
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
    "boxes": st.column_config.NumberColumn("GT", width=34, help="Ground-truth boxes."),
    "shown": st.column_config.NumberColumn("det", width=34, help="Detections shown."),
    "trouble": st.column_config.NumberColumn("trouble", width=58, format="%.2f", help=FORMULA),
    "cost": st.column_config.NumberColumn("cost", width=46, format="%.2f", help=COST),
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
            order = st.selectbox("Order by", list(ORDERS), key="order", bind="query-params",
                                 help=f"A click on a column's name does the same. Trouble: {FORMULA} Cost: {COST}")
    return ListSettings(find or "", tuple(classes), tuple(kinds), order)


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
    filters = ", ".join((*wanted.classes, *wanted.kinds))
    st.html(charts.heading(_summary(ids, len(resources.cases(opened)[0].images), film_id),
                           f"{filters or 'all'}, {ORDERS[wanted.order]}"))
    if not ids:
        st.html(charts.sentences(["No film fits: clear the search or the filter."]))
        return
    frame = judged.list_frame(opened, settings, wanted)
    st.dataframe(
        frame, key=selection.KEY, on_select=_heed, selection_mode=("single-cell", "single-column"),
        height="stretch" if len(ids) > SHORT_LIST else "content", row_height=28, placeholder="", hide_index=True,
        column_config=COLUMNS, column_order=judged.list_columns(opened, settings, wanted))


def _summary(ids, everything, film_id):
    of_all = "" if len(ids) == everything else f" ({everything:,} in all)"
    at = f"Film {ids.index(film_id) + 1:,} of {len(ids):,}" if film_id in ids else f"{len(ids):,} films"
    return at + of_all


def _heed():
    """The reader has clicked a cell or a column's name in the list, or gone to a cell with the arrow keys."""
    if column := selection.sorting_column():
        st.session_state["order"] = SORTED_BY.get(column, "trouble")
    selection.heed()


def step(by, ids, film_id):
    """Go `by` places from `film_id` along the list `ids`."""
    state.show_film(state.stepped(ids, film_id, by))
