"""Saved lists of films: chosen, kept under a name, saved as a file of ids, and opened from one."""

import streamlit as st

from core import id_lists
from core.errors import GroundglassError
from viewer import charts, resources

SHOWN_IDS = "ids on the worklist"  # in the session: what the list showed last, in its order
WANTED = "list wanted"  # in the session: the name of a list that is to be chosen when the page is drawn next
SAID = "list said"  # in the session: what the last action on lists had to say


@st.cache_data(show_spinner=False, ttl=2)
def _saved(data_set):
    return id_lists.saved_lists(data_set)


def note(ids):
    """Remember the ids that the worklist shows, which is what the reader may keep as a list."""
    st.session_state[SHOWN_IDS] = ids


def show(opened):
    """The lists behind a button; the `core.worklist.IdList` that is chosen, None for all films."""
    data_set = resources.data_set(opened).name
    saved, problems = _saved(data_set)
    if st.session_state.get(WANTED) in saved:
        st.session_state["within"] = st.session_state.pop(WANTED)
    with st.popover("Lists", icon=":material/bookmarks:", help="Keep the films of now as a list, or open one."):
        chosen = st.selectbox("List", list(saved), key="within", bind="query-params", index=None,
                              placeholder="all films", help="Only the films of this list.")
        made = saved.get(chosen)
        with st.form("keep list", border=False, clear_on_submit=True), st.container(horizontal=True,
                                                                                   vertical_alignment="bottom"):
            st.text_input("Keep the films listed now as", key="list name", max_chars=id_lists.MOST_NAME,
                          placeholder="name of a new list")
            st.form_submit_button("Keep", on_click=_keep, args=(data_set,))
        _hand_on(data_set, made)
        brought = st.file_uploader("Open a file of ids, one a line", type=["txt", "csv"], key="list file")
        if brought is not None and st.session_state.get("list read") != brought.file_id:
            st.session_state["list read"] = brought.file_id
            _do(lambda: id_lists.from_text(brought.name.rsplit(".", 1)[0], brought.getvalue()), data_set)
            st.rerun(scope="fragment")
        if said := [*([st.session_state[SAID]] if st.session_state.get(SAID) else ()), *problems]:
            st.html(charts.sentences(said, "problems" if problems else "notes"))
    return made


def _hand_on(data_set, made):
    """The chosen list to be saved as a file, or forgotten; else the films that are listed."""
    name = made.name if made else "films"
    with st.container(horizontal=True):
        st.download_button("Save as a file", lambda: _text(made), f"{name}.txt", "text/plain",
                           icon=":material/download:", on_click="ignore", key="list save",
                           help="The ids of the films listed now, in their order.")
        st.button("Forget the list", icon=":material/delete:", disabled=made is None, key="list forget",
                  on_click=_forget, args=(data_set, made))


def _text(made):
    ids = st.session_state.get(SHOWN_IDS) or (made.ids if made else ())
    return id_lists.as_text(ids)


def _keep(data_set):
    _do(lambda: id_lists.id_list(st.session_state["list name"], st.session_state.get(SHOWN_IDS, ())), data_set)


def _do(make, data_set):
    """Keep the list that `make` gives and open it, or say why not."""
    try:
        made = make()
        id_lists.save_list(data_set, made)
    except GroundglassError as error:
        st.session_state[SAID] = str(error)
        return
    _saved.clear()
    st.session_state.update({SAID: f"{len(made.ids):,} films are kept as {made.name}.", WANTED: made.name})


def _forget(data_set, made):
    try:
        id_lists.forget_list(data_set, made.name)
    except GroundglassError as error:
        st.session_state[SAID] = str(error)
        return
    _saved.clear()
    st.session_state.update({SAID: f"The list {made.name} is gone.", "within": None})
