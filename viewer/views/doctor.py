"""The Doctor page: what is wrong with the predictions on show, how that is known, and the mended file."""

import io
import tempfile
import zipfile
from pathlib import Path

import streamlit as st

from core.errors import GroundglassError
from core.findings import MISTAKES
from core.tables import ON_A_PAGE, some
from viewer import charts, state
from viewer.views import frame

FOUND = "doctor found"  # in the session: the opened predictions and what was found of them
SHOWN = 12  # films that a finding offers to open


def page():
    """Lay out the page: what to examine on the left, the findings on the right."""
    if (found := frame.open_data()) is None:
        return
    (opened, dataset), place = found, state.place()
    if place.predictions is None:
        frame.nothing("There are no predictions to examine: start with --predictions.")
        return
    with st.container(key="tune", horizontal=True):
        left, right = st.container(key="tune_settings"), st.container(key="tune_result")
    with left:
        asked = _asked(place)
    with right:
        if asked is not None:
            _examine(opened, dataset, Path(place.predictions), *asked)
        _show(opened)


def _asked(place):
    """(figures, bytes of a folds file or None) when the reader asks for an examination, else None."""
    st.html(charts.heading("Doctor", Path(place.predictions).name))
    st.html(charts.sentences(["Looks in the files for the fifteen mistakes that the competition's diary made and found "
                              "late, and for other faults."]))
    figures = st.text_input("Figures that another program printed", key="doctor_figures", placeholder="opacity=.248",
                            help="Such as opacity=.248 mean=.41: the convention that gives each is named.")
    folds = st.file_uploader("Folds file", type=["csv", "txt", "json"], key="doctor_folds",
                             help="Which fold each image or study is in: what sits in two is named.")
    if st.button("Examine", type="primary", width="stretch"):
        return tuple(figures.split()), folds.getvalue() if folds else None
    return None


def _examine(opened, dataset, predictions, figures, folds):
    from core.doctor import examine
    from core.exhibits import read_exhibit
    from core.exploration import small_pictures

    st.session_state.pop(FOUND, None)
    try:
        with st.spinner("Examining …"):
            rows, faults = _folds(folds)
            found = examine(read_exhibit(predictions), dataset, folds=rows, pictures=small_pictures, figures=figures)
    except GroundglassError as error:
        st.html(charts.problems(error))
        return
    if faults:
        st.html(charts.sentences(some(faults, most=ON_A_PAGE), "problems"))
    st.session_state[FOUND] = (opened, found)


def _folds(content):
    """Rows of the folds file, None without one, and sentences on its wrong rows."""
    if content is None:
        return None, ()
    from core.fold_probes import read_folds

    with tempfile.TemporaryDirectory(prefix="groundglass-") as folder:
        place = Path(folder) / "folds.csv"
        place.write_bytes(content)
        return read_folds(place)


def _show(opened):
    """What was found last; what is looked for when other files have been opened since."""
    seen, found = st.session_state.get(FOUND, (None, None))
    if seen != opened:
        st.html(charts.plain_table(("mistake", "of the competition's diary"),
                                   [(str(number), name) for number, name in MISTAKES.items()], "What is looked for"))
        return
    count = len(found.findings)
    st.html(charts.heading(f"{count or 'No'} finding{'s' * (count != 1)}",
                           f"{found.films:,} films and {found.studies:,} studies examined"))
    if not found.findings:
        st.html(charts.sentences(["Nothing speaks against these predictions."]))
    for number, each in enumerate(found.findings):
        _finding(number, each)
    if found.cured is not None:
        words = "Save the mended predictions"
        if found.opacity_after is not None:
            words += f" (opacity AP {charts.number(found.opacity_before)} → {charts.number(found.opacity_after)})"
        st.download_button(words, lambda: _zipped(found.cured), "cured.zip", "application/zip",
                           icon=":material/download:", on_click="ignore", type="primary")


def _finding(number, each):
    with st.container(border=True, key=f"finding_{number}"):
        st.html(charts.heading(each.name, f"mistake {each.mistake} of the diary" if each.mistake else "another fault"))
        st.html(charts.sentences([each.evidence, *((each.remedy,) if each.remedy else ())]))
        if each.films:
            chosen = st.pills(f"{len(each.films):,} films show it", each.films[:SHOWN], key=f"finding_films_{number}",
                              format_func=charts.literal)
            if chosen:
                state.show_film(chosen)
                frame.go(0)


def _zipped(exhibit):
    from core.exhibits import write_exhibit

    memory = io.BytesIO()
    with tempfile.TemporaryDirectory(prefix="groundglass-") as folder:
        place = write_exhibit(Path(folder) / "cured", exhibit)
        files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
        with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in files:
                archive.write(path, path.relative_to(folder))
    return memory.getvalue()
