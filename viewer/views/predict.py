"""Films of the reader's own: taken in, predicted, and put on show in all pages."""

import pandas as pd
import streamlit as st

from core import audit
from core.errors import GroundglassError
from viewer import charts, login, own, resources, state
from viewer.views import frame

LOOK = 1.0  # seconds between two looks at a run
TURN = "uploads taken"  # in the session: how often the uploader was emptied
READ = "own films to be read"  # in the session: whether the reading room is to be opened
WAYS = ("Files or zip", "Folder")
ON_SERVER = "On the server"
STAGES = {"look at films": "Looking at the films", "open weights": "Opening the weights; the first time takes a minute",
          "predict": "Predicting", "": "Reading the films"}


def page():
    """Lay out the page: what to predict and with what on the left, what came of it on the right."""
    top = st.container(key="top", horizontal=True, vertical_alignment="center")
    problems = ()
    try:
        dataset = resources.data_set(resources.identify(state.place()))
    except GroundglassError as error:
        dataset, problems = None, (str(error),)
    frame.show(top, dataset, problems)
    with st.container(key="tune", horizontal=True):
        left, right = st.container(key="tune_settings"), st.container(key="tune_result")
    with left:
        _asked()
    with right:
        found = own.area()
        if found is None:
            st.html(charts.heading("Your films"))
            st.html(charts.sentences([
                "Drop DICOM films, a folder or a zip archive, and predict: they join the worklist as studies without "
                "truth, in this session alone.",
                "They stay on this server and are removed when the session ends; films and studies are named by "
                "digests, never by patient."]))
            return
        running = found.job is not None and not found.job.ended
        st.fragment(_result, run_every=LOOK if running else None)(found, running)


def _asked():
    """What is to be predicted, by which weights and in how many views."""
    st.html(charts.heading("Predict your films"))
    folders = state.film_folders()
    way = st.segmented_control("Where they are", (*WAYS, *((ON_SERVER,) if folders else ())), key="own_way",
                               default=WAYS[0], required=True, label_visibility="collapsed", width="stretch")
    files, folder = [], None
    if way == ON_SERVER:
        folder = _folder(folders)
    else:
        files = st.file_uploader("DICOM files or zip archives" if way == WAYS[0] else "A folder of DICOM files",
                                 accept_multiple_files=True if way == WAYS[0] else "directory",
                                 key=f"own files {way} {st.session_state.get(TURN, 0)}")
    names = resources.weights()
    chosen = st.multiselect("Weights", list(names), default=[name for name in names if names[name].bundled],
                            key="own_weights", help="Those that the project brings, and those of --weights.")
    views = st.slider("Views of each film", 1, 8, 2, key="own_views",
                      help="A film is seen as it is, mirrored, zoomed and moved; more views take longer.")
    found = own.area()
    running = found is not None and found.job is not None and not found.job.ended
    if st.button("Predict", type="primary", width="stretch", disabled=running or not (files or folder) or not chosen):
        _begin(files, folder, [names[name].path for name in chosen], views, folders)
    if found is not None and not running:
        st.button("Remove my films", on_click=_remove, width="stretch")


def _folder(folders):
    """A folder of those the server was started with, or one below them."""
    known = resources.folders(folders)
    named = st.selectbox("Folder on the server", list(known), index=None, accept_new_options=True, key="own_folder",
                         placeholder="Choose or type a folder",
                         help="Folders named by --films when the server was started, and those below them.")
    if not named:
        return None
    path = resources.allowed_folder(named, folders)
    if path is None:
        st.html(charts.sentences([f"{named!r} is no folder that may be opened here: choose one below "
                                  f"{' or '.join(map(str, folders))}."], "problems"))
    return path


def _begin(files, folder, weights, views, folders):
    try:
        found = own.area(make=True)
        if files:
            found.bring(files)
        found.predict(weights, views, folder=folder, within=folders)
    except GroundglassError as error:
        st.html(charts.problems(error))
        return
    st.session_state["own again"] = weights, views
    st.session_state[TURN] = st.session_state.get(TURN, 0) + 1  # an uploader of another key is empty
    st.rerun()


def _read(found):
    state.show_own(str(found.path))
    st.session_state[READ] = True


def _remove():
    state.show_own(None)
    own.forget()


def _result(found, looking):
    """How far the run is, and what is known of each film; `looking`: it is drawn again by itself."""
    if st.session_state.pop(READ, False):  # before a run that has just ended draws the page anew
        frame.go(0)
    job = found.job
    if job is not None and not job.ended and not looking:
        st.rerun(scope="app")
    if job is not None and not job.ended:
        _progress(found, job)
    elif st.session_state.get("own job seen") is not job:
        st.session_state["own job seen"] = job
        if job.state == "done":
            audit.record("films predicted", [row["image"] for row in found.rows.values()], login.reader())
        st.rerun(scope="app")
    elif job is not None and job.state != "done":
        st.html(charts.sentences([job.said or "The prediction was cancelled; what was done is kept."], "problems"))
    frame_of_films = _table(found)
    _heading(found, frame_of_films)
    if found.doubts and job.ended:
        _doubts(found)
    if len(frame_of_films):
        st.dataframe(frame_of_films, hide_index=True, key="own_table", height="content" if len(frame_of_films) < 18
                     else 560, placeholder="")


def _progress(found, job):
    ahead = own.position(job) if job.state == "waiting" else 0
    told = (f"Waiting for {ahead} run{'s' * (ahead > 1)} of other readers" if ahead else "Waiting"
            ) if job.state == "waiting" else STAGES[job.stage]
    with st.container(horizontal=True, vertical_alignment="center"):
        share = job.done / job.total if job.total else 0.0
        st.progress(share, f"{told} … {f'{job.done} of {job.total}' if job.total else ''}")
        st.button("Cancel", on_click=found.cancel)


def _heading(found, films):
    counted = films["state"].value_counts() if len(films) else {}
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(charts.heading("Your films", ", ".join(f"{count} {name}" for name, count in counted.items())))
        if found.films.is_dir() and len(films):
            st.button("Read them", type="primary", key="own_read", on_click=_read, args=(found,))
        if state.own_on_show():
            st.button("Back to the data set named at the start", on_click=state.show_own, args=(None,))
    if found.passed_over:
        ending = "s" * (found.passed_over > 1)
        st.html(charts.sentences([f"Passed over as no DICOM: {found.passed_over:,} file{ending}."]))


def _table(found):
    """A row for each film and each file that was not taken."""
    done = resources.predicted_ids(found.path)
    rows = []
    for row in found.rows.values():
        image, why = row["image"], row["error"]
        if image in done:
            condition = "predicted"
        elif image in found.doubts:
            condition, why = "in doubt", " ".join(found.doubts[image])
        elif not image or why or image in found.failed:
            condition, why = "not predicted", found.failed.get(image, why)
        else:
            condition = "waiting"
        rows.append({"file": row["name"], "film": image, "study": row["study"], "state": condition, "why": why})
    return pd.DataFrame(rows, columns=["file", "film", "study", "state", "why"])


def _doubts(found):
    """Films that may be no frontal chest radiographs: why, and the choice to predict them none the less."""
    count = len(found.doubts)
    st.html(charts.heading(f"{count} film{'s' * (count > 1)} in doubt",
                           "the models know frontal chest radiographs; of others they tell nonsense"))
    st.html(charts.sentences([f"{image_id}: {' '.join(why)}" for image_id, why in list(found.doubts.items())[:20]],
                             "problems"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect("Predict none the less", list(found.doubts), key="own_confirmed",
                                placeholder="choose films, or all of them")
        st.button(f"Predict {len(chosen) or count} in spite of the doubt", on_click=_confirm,
                  args=(found, chosen or list(found.doubts)))


def _confirm(found, image_ids):
    weights, views = st.session_state["own again"]
    confirmed = {*st.session_state.get("own confirmed", ()), *image_ids}
    st.session_state["own confirmed"] = confirmed
    found.predict(weights, views, sorted(confirmed))
