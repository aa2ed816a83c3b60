"""What the worklist is narrowed and ordered by: search, filter, saved lists, and whether it is a table or a grid.

Every choice is a widget of its own that the address names.
"""

import streamlit as st

from core.kinds import KINDS
from core.worklist import CLASSES, ORDERS, PREDICTED, ListSettings
from viewer import charts
from viewer.views import first_read, lists

FORMULA = ("Each missed box weighs 1, each false positive its confidence, a wrong study class and a wrong answer to "
           "“any opacity?” the probability given to them.")
COST = ("Thousandths that the six-class mAP would gain if this film and its study were answered perfectly; each film "
        "of a study bears the study's share.")
WORST = ("Confidence of the worst error: the greatest of false positives shown, a wrong study class and a wrong answer "
         "to “any opacity?”. A missed box is no answer and has none.")
LOOKS = ("table", "grid")
LEAST = {  # parameter -> label, first value, greatest, step, format, meaning
    "films": ("Films ≥", 1, 100, 1, "%d", "Only studies of at least so many films."),
    "cost": ("Cost ≥", 0.0, 1000.0, 0.1, "%.1f", COST),
    "worst": ("Worst ≥", 0.0, 1.0, 0.05, "%.2f", WORST),
}


def settings_of(opened, facts):
    """Search and filters as widgets; the `ListSettings` they stand for. `facts`: `core.worklist.Facts`.

    Who reads blinded has search and lists alone, by id: every other choice or order would tell something of the films.
    """
    blind = first_read.is_on()
    with st.container(horizontal=True, key="search", gap="small"):
        find = st.text_input("Find a film or study", key="find", bind="query-params", live=True, type="search",
                             label_visibility="collapsed", placeholder="Find an id")
        if blind:
            return ListSettings(find=find or "", within=lists.show(opened), order="id")
        with st.popover("Filter", icon=":material/filter_list:", help="Narrow and sort the list."):
            chosen = _filters(facts)
        within = lists.show(opened)
        st.segmented_control("Look of the list", LOOKS, key="look", bind="query-params", default="table",
                             required=True, label_visibility="collapsed",
                             help="A table, or a grid of films with their boxes.")
    return ListSettings(find=find or "", within=within, **chosen)


def _filters(facts):
    classes = st.pills("Study class, as labelled", CLASSES, selection_mode="multi", key="class", bind="query-params",
                       help="Only films of studies with one of these labels.")
    predicted = st.pills("Study class, as predicted", PREDICTED, selection_mode="multi", key="predicted",
                         bind="query-params", help="Only films of studies whose most probable class is one of these.")
    kinds = st.multiselect("Kind of failure", list(KINDS), key="kind", bind="query-params", placeholder="any",
                           help="Only films with one of these. " + " ".join(
                               f"{name}: {meaning}." for name, meaning in KINDS.items()))
    left, right = st.columns(2, gap="small")
    with left:
        folds = _known("Fold", "fold", facts.fold, "Only films of these patient folds.")
    with right:
        reviews = _known("Review", "review", facts.review, "Only films whose review is in one of these states.")
    least = {}
    for place, (name, (label, first, most, step, shape, meaning)) in zip(st.columns(3, gap="small"), LEAST.items(),
                                                                         strict=True):
        with place:
            least[name] = st.number_input(label, min_value=first, max_value=most, value=first, step=step, format=shape,
                                          key=name, bind="query-params", help=meaning)
    left, right = st.columns((3, 2), gap="small", vertical_alignment="bottom")
    with left:
        order = st.selectbox("Order by", list(ORDERS), key="order", bind="query-params",
                             help=f"A click on a column's name does the same, a second one turns it round. Trouble: "
                                  f"{FORMULA} Cost: {COST}")
    with right:
        backwards = st.toggle("Backwards", key="backwards", bind="query-params", help="The order from its other end.")
    return {"classes": tuple(classes), "predicted": tuple(predicted), "kinds": tuple(kinds), "folds": folds,
            "reviews": reviews, "order": order, "backwards": backwards, **least}


def _known(label, key, told, meaning):
    """A choice among the names that films have, as a tuple."""
    options = sorted(set(told or ()) - {""})
    return tuple(st.multiselect(label, options, key=key, bind="query-params", disabled=not options, help=meaning,
                                placeholder="any" if options else "none known"))


def is_grid():
    """Whether the reader wants the list as a grid."""
    return st.session_state.get("look") == "grid" and not first_read.is_on()


def order_by(order):
    """Order the list so, or turn it round when it is; for callbacks."""
    again = st.session_state.get("order") == order
    st.session_state.update(order=order, backwards=again and not st.session_state.get("backwards", False))


def words(wanted):
    """What a `ListSettings` narrows the list to, a few words each."""
    least = [f"{LEAST[name][0]} {charts.number(getattr(wanted, name), 2).rstrip('0').rstrip('.')}" for name in LEAST
             if getattr(wanted, name) > LEAST[name][1]]
    return [*((wanted.within.name,) if wanted.within else ()), *wanted.classes,
            *(f"predicted {each}" for each in wanted.predicted), *wanted.kinds,
            *(f"fold {each}" for each in wanted.folds), *wanted.reviews, *least]
