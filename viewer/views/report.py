"""The report of chosen films as a file to be saved: asked for on the left of the Export page, offered on its right."""

import streamlit as st

from core.errors import GroundglassError
from core.report import report
from core.report_files import WRITERS, writer
from core.stamp import stamp
from viewer import charts, judged, login, resources, reviewed, tuning
from viewer.downloads import Kept, link

MADE = "report made"  # in the session: file, count of films and sentences of the last report
MOST_FILMS = 50  # of a report made on a page; the command knows no such limit


def wanted(rows):
    """Buttons for a report of the films at `rows`; the end of its name (".html" or ".pdf") when one is asked for."""
    st.html(charts.heading("Report"))
    st.html(charts.sentences(["Films with their boxes, verdicts, reasons and settings, as one file that needs no other "
                              "and names no patient."]))
    if too_many := len(rows) > MOST_FILMS:
        st.html(charts.sentences([f"{len(rows):,} films are chosen, but a page reports on {MOST_FILMS} at most: choose "
                                  "fewer, or use python -m core report."], "problems"))
    with st.container(horizontal=True):
        asked = [ending for ending in WRITERS
                 if st.button(f"Report as {ending[1:].upper()}", key=f"report_{ending[1:]}",
                              disabled=too_many or not rows)]
    return asked[0] if asked else None


def make(opened, rows, ending):
    """Report on the films at `rows` and keep the file for the reader; what was there before is gone."""
    st.session_state.pop(MADE, None)
    cases, chosen = resources.cases(opened)[0], tuning.settings(resources.cases(opened)[0].predictions)
    bar = st.progress(0.0, "Reporting …")
    try:
        made = report(
            judged.everything(opened, chosen), rows,
            stamp(cases.predictions.manifest, resources.data_set(opened).name, chosen.fusion, chosen.score),
            reviewed.told(opened), progress=lambda films: charts.counted(films, bar))
        kept = Kept(f"groundglass-report{ending}")
        writer(kept.path)(kept.path, made)
        said = login.note_export("report", [each.image_id for each in made.cases])
    except GroundglassError as error:
        st.html(charts.problems(error))
        return
    finally:
        bar.empty()
    problems = [f"{each.image_id}: {each.problem}" for each in made.cases if each.problem]
    st.session_state[MADE] = kept, len(made.cases), [*problems, *((said,) if said else ())]


def offer():
    """The last report, to be saved, and what must be read with it; nothing without one."""
    if MADE not in st.session_state:
        return
    kept, count, problems = st.session_state[MADE]
    st.html(charts.heading(f"Report of {count:,} film{'s' * (count > 1)}", f"{kept.size / 1e6:.1f} MB"))
    st.html(link(kept, "Save the report"))
    if problems:
        st.html(charts.sentences(problems, "problems"))
