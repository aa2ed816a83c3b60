"""The Export page: what was told of films, in the formats that others read, as one zip archive."""

import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.errors import GroundglassError
from core.exports import FORMATS, NAMES, OF_A_FILM, export
from core.files import whole_file
from core.reported import origin_of, reported
from core.stamp import stamp
from viewer import charts, films, login, resources, state, tuning
from viewer.canvas.component import Layer, Mark, film_canvas
from viewer.downloads import Kept, link
from viewer.views import first_read, frame, lists, report

MADE = "export made"  # in the session: the last `Made`
MOST_FILMS = 200  # of which a page makes a file each; the command knows no such limit
SHORT = 18  # films whose table is as high as its rows
HEIGHT = "calc(100dvh - 270px)"
SHOWN, WORKLIST, LISTED, ALL = "The film on show", "The worklist", "These ids", "All predicted films"


@dataclass(frozen=True)
class Made:
    """An archive of `count` files, what went wrong with films, and what must be read with it."""

    kept: Kept
    count: int
    problems: tuple[str, ...]
    remarks: tuple[str, ...]


def page():
    """Lay out the page: what is wanted on the left, what came of it on the right."""
    if (found := frame.open_cases()) is None:
        return
    opened, _, cases, problem = found
    if not cases.predicted.any():
        frame.nothing(problem or "There is nothing to export: no film is predicted.")
        return
    with st.container(key="tune", horizontal=True):
        left, right = st.container(key="tune_settings"), st.container(key="tune_result")
    with left:
        rows, threshold, wanted = _wanted(cases)
        ending = report.wanted(rows)
    with right:
        if wanted is not None:
            _make(opened, rows, threshold, *wanted)
        if ending is not None:
            report.make(opened, rows, ending)
        report.offer()
        _made()
        _chosen(opened, rows, threshold)


def _wanted(cases):
    """Rows of the films that are meant, the least confidence, and (formats, whether to de-identify) of an export, None
    unasked."""
    st.html(charts.heading("Export"))
    which = st.segmented_control("Films", (SHOWN, WORKLIST, LISTED, ALL), default=SHOWN, required=True,
                                 key="export_films", help="The worklist: as it was shown last, in its order.")
    text = st.text_area("Image ids, one a line", key="export_ids") if which == LISTED else ""
    formats = st.pills("Formats", list(FORMATS), selection_mode="multi", default=["sr"], key="export_formats",
                       format_func=NAMES.get)
    st.html(charts.sentences([f"{FORMATS[name]}." for name in formats]))
    threshold = st.slider("Least confidence", 0.0, 1.0, tuning.value("show"), 0.01, key="export_threshold",
                          help="Detections below it are left out; 0 keeps the AP of a submission as it is.")
    deidentify = st.toggle("De-identify", value="dicom" in formats, key="export_deidentify",
                           help="New identifiers, the same throughout this export, by the basic profile of PS3.15.")
    rows, fault = _rows(cases, which, text.split())
    if len(rows) > MOST_FILMS and set(formats) & set(OF_A_FILM):
        fault = (f"{len(rows):,} films are chosen, but a page makes a file each of {MOST_FILMS} at most: choose fewer, "
                 "or use python -m core export.")
    if fault:
        st.html(charts.sentences([fault], "problems"))
    asked = st.button("Export", type="primary", width="stretch", disabled=bool(fault) or not formats or not rows)
    return rows, threshold, (tuple(formats), deidentify) if asked else None


def _rows(cases, which, ids):
    """Rows of the films that are meant, and the sentence on what does not fit ("" when all does)."""
    row_of = {image.image_id: row for row, image in enumerate(cases.images) if cases.predicted[row]}
    if which == ALL:
        return list(row_of.values()), ""
    if which == WORKLIST:
        return [row_of[each] for each in st.session_state.get(lists.SHOWN_IDS, row_of) if each in row_of], ""
    ids = ids if which == LISTED else [state.film_id()] if state.film_id() else list(row_of)[:1]
    unknown = [each for each in ids if each not in row_of]
    if unknown:
        return [], (f"The film {unknown[0][:80]!r} is not predicted, but only what was told of a film can be exported: "
                    "choose another.")
    return [row_of[each] for each in dict.fromkeys(ids)], ""


def _make(opened, rows, threshold, formats, deidentify):
    """Export and keep the archive for the reader; what was there before is gone."""
    st.session_state.pop(MADE, None)
    cases, chosen = resources.cases(opened)[0], tuning.settings(resources.cases(opened)[0].predictions)
    mark = stamp(cases.predictions.manifest, resources.data_set(opened).name, chosen.fusion, chosen.score)
    told = _told(opened, rows, threshold, chosen)
    bar = st.progress(0.0, "Exporting …")
    try:
        kept = Kept(f"groundglass-{'-'.join(formats)}.zip")
        with tempfile.TemporaryDirectory(dir=kept.path.parent) as folder:
            done = export(told, origin_of(mark, threshold), formats, folder, deidentify=deidentify,
                          progress=lambda told: charts.counted(told, bar))
            _zip(kept.path, Path(folder), done.files)
        said = login.note_export(" ".join(formats), [each.image_id for each in told
                                                     if each.image_id not in done.failed])
    except GroundglassError as error:
        st.html(charts.problems(error))
        return
    finally:
        bar.empty()
    problems = [f"{image_id}: {sentence}" for image_id, sentence in done.failed.items()]
    st.session_state[MADE] = Made(kept, len(done.files), (*problems, *((said,) if said else ())), done.remarks)


def _zip(place, folder, files):
    with whole_file(place) as temporary, \
            zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for each in files:
            archive.write(each, each.relative_to(folder))


def _made():
    """The last export, to be saved, and what must be read with it."""
    if MADE not in st.session_state:
        st.html(charts.sentences(["Each export names the algorithm, its version, the weights by hash, the thresholds "
                                  "and that it is not for diagnosis. Only the DICOM formats name the patient, unless "
                                  "they are de-identified."]))
        return
    made = st.session_state[MADE]
    st.html(charts.heading(f"{made.count:,} files", f"{made.kept.size / 1e6:.1f} MB"))
    st.html(link(made.kept, "Save the archive"))
    if made.problems:
        st.html(charts.sentences(made.problems, "problems"))
    st.html(charts.sentences(made.remarks))


def _chosen(opened, rows, threshold):
    """The films that are meant, with what an export would tell of each of them; one alone with its picture."""
    if not rows:
        return
    cases, chosen = resources.cases(opened)[0], tuning.settings(resources.cases(opened)[0].predictions)
    told = _told(opened, rows, threshold, chosen)
    if any(first_read.hides(each.image_id) for each in told):
        st.html(charts.sentences(["What the AI says is hidden as long as the first read is blinded."]))
        return
    st.html(charts.heading("What is exported", f"{len(told):,} film{'s' * (len(told) > 1)}, "
                                               f"{sum(len(each.scores) for each in told):,} boxes"))
    st.dataframe(charts.export_frame(told), hide_index=True, key="export_chosen", placeholder="–",
                 height="content" if len(told) < SHORT else 640,
                 column_config={name: st.column_config.NumberColumn(format="%.2f") for name in charts.PROBABILITIES})
    if len(told) == 1:
        image = cases.images[rows[0]]
        _, where, problem = films.opened(image)
        marks = tuple(Mark(f"d{place}", tuple(box.tolist()), confidence=float(score)) for place, (box, score)
                      in enumerate(zip(told[0].boxes, told[0].scores, strict=True)))
        film_canvas("export_canvas", where, () if problem else [Layer("detections", marks)], problem=problem,
                    caption=[image.image_id], height=HEIGHT)


def _told(opened, rows, threshold, chosen):
    """What is told of the films at `rows` under the settings `chosen`."""
    images = [resources.cases(opened)[0].images[row] for row in rows]
    return reported(resources.answer(opened, chosen.fusion, chosen.score), images, threshold)
