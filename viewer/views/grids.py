"""The tabs of the Tune page that try many settings: a grid of two of them, and the search for the best."""

import time

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.errors import StreamlitAPIException

from core.errors import GroundglassError
from core.evaluation import CLASSES
from core.search import choose, fusions, search
from core.sweeps import AXES, Sweep, read_axis, sweep
from viewer import analyses, charts, resources, tuning
from viewer.views import explain

ROWS, COLUMNS, FIGURE = "iou=.40:.75:.05", "views=0:1", "opacity"
MOMENT = 0.7  # seconds that a run of the page computes before it listens to the reader
GRID, SOUGHT = "tune grid", "tune search"  # in the session: what is being computed, or was


def _sweep(opened, settings):
    """Two settings as text, and the grid as a heat map whose cells can be adopted."""
    views = len({source.view for source in resources.cases(opened)[0].predictions.candidates.sources})
    with st.form("axes", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        rows = st.text_input("Rows", ROWS, key="rows", help=_axes())
        columns = st.text_input("Columns", COLUMNS if views == 2 else f"views=0:{views - 1}", key="columns",
                                help=_axes())
        started = st.form_submit_button("Compute", type="primary")
    figure = st.segmented_control("Figure", (*CLASSES, "mean"), default=FIGURE, key="figure", required=True,
                                  label_visibility="collapsed")
    if started:
        _begin(opened, settings, rows, columns)
    grid = st.session_state.get(GRID)
    if grid is None or grid["opened"] != opened:
        st.html(charts.sentences([_axes()]))
        return
    if grid["cells_left"] is not None:
        _go_on(grid, "Cancel the sweep")
    elif len(grid["done"]) < grid["total"]:
        st.html(charts.sentences([f"The sweep was cancelled: {len(grid['done'])} of its {grid['total']:,} cells are "
                                  "computed. Compute begins anew."]))
    _heat_map(opened, grid["settings"], Sweep(grid["rows"], grid["columns"], tuple(grid["done"])), figure)


def _axes():
    return ("Any two settings, each as NAME=FROM:TO:STEP or NAME=A,B,C: "
            + "; ".join(f"{name} ({meaning})" for name, meaning in AXES.items()) + ".")


def _begin(opened, settings, rows, columns):
    st.session_state.pop(GRID, None)
    try:
        rows, columns = read_axis(rows), read_axis(columns)
        cells = sweep(resources.cases(opened)[0], settings.fusion, settings.score, rows, columns)
    except GroundglassError as error:
        st.html(charts.problems(error))
        return
    st.session_state[GRID] = {"opened": opened, "settings": settings, "rows": rows, "columns": columns,
                              "done": [], "cells_left": cells, "total": len(rows.values) * len(columns.values)}


def _go_on(task, label):
    """Compute what is left of a task, with a bar and a way to stop; what is done stays when it is stopped.

    Streamlit hears of a click in a fragment when the fragment's run has ended, so each run computes for a moment only.
    """
    def stop():
        task["cells_left"] = None

    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(len(task["done"]) / task["total"])
        st.button(label, on_click=stop)
    end = time.monotonic() + MOMENT
    for each in task["cells_left"] or ():
        task["done"].append(each)
        bar.progress(len(task["done"]) / task["total"], f"{len(task['done']):,} of {task['total']:,}")
        if time.monotonic() > end:
            _again()
    task["cells_left"] = None
    place.empty()


def _again():
    """Run the page's fragment again, or the page when it is being made as a whole."""
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:
        st.rerun()


def _heat_map(opened, begun, grid, figure):
    """The grid, swept from the settings `begun`, with a way to adopt a cell."""
    table = grid.table(figure)
    frame = pd.DataFrame(table, index=[str(value) for value in grid.rows.values],
                         columns=[str(value) for value in grid.columns.values])
    best = grid.best(figure)
    told = "" if best is None else (f"best {charts.number(best.figure(figure), 4)} at {grid.rows.name} "
                                    f"{grid.rows.values[best.row]}, {grid.columns.name} "
                                    f"{grid.columns.values[best.column]}")
    st.html(charts.heading(f"{figure}: {grid.rows.name} by {grid.columns.name}", told))
    known = table[~np.isnan(table)]
    shades = frame.style.format("{:.4f}", na_rep="").map(
        lambda value: charts.shade(value, known.min(), known.max())) if len(known) else frame
    st.dataframe(shades, key="heat", on_select="rerun", selection_mode="single-cell", height="content")
    cell = _picked(grid)
    if cell is None:
        st.html(charts.sentences(["A click on a cell names its settings, to be adopted."]))
    else:
        st.button(f"Adopt {grid.rows.name} {grid.rows.values[cell.row]}, {grid.columns.name} "
                  f"{grid.columns.values[cell.column]}", type="primary", on_click=_adopt, args=(opened, cell))
    explain.export(opened, begun, grid.records(), "sweep")


def _picked(grid):
    """The computed cell that the reader has clicked, None without."""
    cells = (st.session_state.get("heat") or {}).get("selection", {}).get("cells", ())
    for row, name in cells:
        for cell in grid.cells:
            if cell.row == row and str(grid.columns.values[cell.column]) == name:
                return cell
    return None


def _adopt(opened, found):
    """Take over the settings of a `core.sweeps.Cell` or `core.search.Best`."""
    tuning.adopt(found.fusion, found.score, resources.cases(opened)[0].predictions.candidates.sources)


def _best(opened, settings):
    """The search over all settings, and the honest score of what it chose."""
    parts = analyses.patient_parts(opened)
    st.html(charts.sentences([
        f"{parts.how} For each of them the settings with the best mean on the others are scored on it: no figure below "
        "comes from films that chose its settings."]))
    if st.button("Find the best settings", type="primary"):
        try:
            trials = search(resources.cases(opened)[0], parts, settings.fusion, settings.score)
            st.session_state[SOUGHT] = {"opened": opened, "done": [], "cells_left": trials, "settings": settings,
                                        "total": len(fusions(settings.fusion))}
        except GroundglassError as error:
            st.html(charts.problems(error))
    task = st.session_state.get(SOUGHT)
    if task is None or task["opened"] != opened:
        return
    if task["cells_left"] is not None:
        _go_on(task, "Cancel the search")
    if task["done"]:
        begun = task["settings"]
        if "best" not in task:
            task["best"] = choose(resources.cases(opened)[0], parts, task["done"], begun.fusion, begun.score)
        _found(opened, begun, task["best"], len(task["done"]) < task["total"])


def _found(opened, begun, best, partial):
    st.html(charts.heading(f"Honest mean {charts.number(best.honest, 4)}",
                           f"{best.tried:,} settings tried{', stopped early' if partial else ''}"))
    st.html(charts.sentences([
        f"The settings that the search began from have {charts.number(best.default, 4)} on the same parts. The best on "
        f"all films has {charts.number(best.optimistic, 4)} there, on the very films that chose it."]))
    rows = [(held.name, f"{held.films:,}", charts.settings_words(held.fusion, held.score), charts.number(held.mean, 4),
             charts.number(held.default_mean, 4), *map(charts.number, held.aps.values())) for held in best.held]
    st.html(charts.plain_table(("held", "films", "chosen on the others", "mean", "before", *CLASSES), rows,
                               "Settings chosen on the other parts, scored on the held one"))
    st.button(f"Adopt {charts.settings_words(best.fusion, best.score)}", type="primary", on_click=_adopt,
              args=(opened, best))
    records = [{"held": held.name, "films": held.films, "chosen": charts.settings_words(held.fusion, held.score),
                "mean": held.mean, "before": held.default_mean, **held.aps} for held in best.held]
    explain.export(opened, begun, records, "best")


TABS = {"Sweep": _sweep, "Find the best": _best}
