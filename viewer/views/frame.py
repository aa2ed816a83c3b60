"""What stands on every page: the name, what is open, what is wrong with it, and what the page is not for."""

from html import escape

import streamlit as st

from core.errors import GroundglassError
from viewer import charts, resources, state

PAGES = "pages"  # in the session: the `st.Page`s there are
YOURS = "Your films"
RESEARCH = "Research use only. Not for diagnosis."


def offer(pages):
    """The pages that the bar at the top leads to."""
    st.session_state[PAGES] = pages


def show(container, dataset, problems):
    """Fill the bar at the top for a `core.dataset.Dataset` (None when nothing is open) and the sentences `problems`."""
    with container:
        name = charts.tag("h1", "Groundglass")
        if dataset is not None:
            shown = YOURS if state.own_on_show() else dataset.name
            name += charts.tag("span", escape(shown), class_="data", title=dataset.root)
        st.html(charts.tag("div", name, class_="name"), width="content")
        with st.container(horizontal=True, key="pages", width="content", gap="small"):
            for page in st.session_state.get(PAGES, ()):
                st.page_link(page, width="content")
        if problems:
            st.html(charts.tag("div", escape(problems[0]), class_="problem", role="alert", title=problems[0]))
            with st.popover(f"{len(problems)} problem{'s' * (len(problems) > 1)}", icon=":material/warning:"):
                st.html(charts.sentences(problems, "problems"))
        else:
            st.space("stretch")
        st.html(charts.tag("div", RESEARCH, class_="research"), width="content")


def open_data():
    """Fill the bar at the top for the data set that is asked for: its `Opened` and `Dataset`; None when it cannot be
    opened, which is then said."""
    return _open(lambda opened: "")


def open_cases():
    """As `open_data`, with the predictions: the `Opened`, the `Dataset`, the `Cases`, and the sentence of what kept
    the predictions out of them ("" when nothing did)."""
    found = _open(lambda opened: resources.cases(opened)[1])
    return found and (*found, *resources.cases(found[0]))


def _open(problem_of):
    top = st.container(key="top", horizontal=True, vertical_alignment="center")
    opened = resources.identify(state.place())
    try:
        problem, dataset = problem_of(opened), resources.data_set(opened)
    except GroundglassError as error:
        show(top, None, (str(error),))
        nothing(str(error))
        return None
    show(top, dataset, (*((problem,) if problem else ()), *dataset.problems))
    return opened, dataset


def go(number):
    """Open the page of this number in the bar."""
    st.switch_page(st.session_state[PAGES][number])


def nothing(sentence):
    """Where the film would be: the sentence that says why there is none."""
    st.html(charts.tag("div", escape(sentence), class_="nothing", role="status"))


def wait_for_kernels():
    """Say so while the kernels are compiled; everything that needs none of them is on the page by then."""
    warming = resources.warm()
    if warming.is_alive():
        with st.spinner("Compiling fusion and score, once after an installation …"):
            warming.join()
