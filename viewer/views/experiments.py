"""The experiments: every run found, its curves and settings, beside each other, and its predictions put on show."""

from html import escape
from pathlib import Path

import pandas as pd
import streamlit as st

from core.errors import GroundglassError
from core.runs import RUNNING, differing, figures
from viewer import charts, plots, resources, state
from viewer.views import frame

REFRESH = 5  # seconds between looks at runs in progress
FIRST = 4  # runs whose curves are drawn at first


def page():
    """Lay out the page; while a run is in progress, its part is looked at again every few seconds."""
    top = st.container(key="top", horizontal=True, vertical_alignment="center")
    runs, problems = resources.runs(state.runs_directory())
    try:
        dataset = resources.data_set(resources.identify(state.place()))
    except GroundglassError as error:
        dataset, problems = None, (str(error), *problems)
    frame.show(top, dataset, problems)
    with st.container(key="sheet"):
        _on_show()
        if runs:
            live = any(run.state == RUNNING for run in runs)
            st.fragment(_runs, run_every=REFRESH if live else None)()
        else:
            st.html(charts.sentences([
                f"No run below {state.runs_directory()}: train one, for example python -m train run lite-joint --data "
                "DIR --fold 0, or name another directory with --runs DIR when the viewer is started."]))
        _bundled()


def _on_show():
    """What is shown in the other pages now, and the way back to what the viewer was started with."""
    chosen = state.chosen_run()
    if chosen is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(charts.sentences([f"On show in all pages: the out-of-fold predictions of {chosen}"]), width="content")
        st.button("Back to the predictions named at the start", on_click=state.choose_run, args=(None,))


def _runs():
    runs, _ = resources.runs(state.runs_directory())
    names = [run.name for run in runs]
    st.html(charts.heading("Runs", f"{len(runs)} below {state.runs_directory()}"))
    with st.container(horizontal=True):
        shown = st.multiselect("Compared", names, default=names[:FIRST], key="runs_compared")
        baseline = st.selectbox("Differences against", shown or names, key="runs_baseline")
        compared = [run for run in runs if run.name in shown]
        drawn = [name for name in figures(compared) if name != "loss"]
        ap = st.selectbox("AP in the curves", drawn or ["none"], key="runs_ap")
    if not compared:
        return
    st.dataframe(_table(compared, next((run for run in runs if run.name == baseline), compared[0])), hide_index=True)
    left, right = st.columns(2)
    with left:
        st.plotly_chart(plots.learning(compared, ["loss"], "loss"), key="runs_loss", config={"displayModeBar": False})
    with right:
        st.plotly_chart(plots.learning(compared, [ap], f"AP of {ap}"), key="runs_aps", config={"displayModeBar": False})
    for run in compared:
        _details(run)


def _table(runs, baseline):
    """One row for each run: what differs in the settings, its last figures, and their change against `baseline`."""
    rows = []
    for run in runs:
        row = {"run": run.name, "recipe": run.recipe, "state": run.state,
               "epochs": f"{len(run.metrics)} of {run.settings.get('epochs', '?')}"}
        for name in figures(runs):
            value = run.last.get(name)
            row[name] = None if value is None else round(value, 4)
            both = run is not baseline and value is not None and name in baseline.last
            row[f"Δ {name}"] = f"{value - baseline.last[name]:+.4f}" if both else ""
        row |= {name: Path(str(run.settings.get(name, ""))).name for name in differing(runs) if name != "epochs"}
        rows.append(row)
    return pd.DataFrame(rows)


def _details(run):
    with st.expander(f"{charts.literal(run.name)}: {charts.literal(run.recipe or 'no recipe')}, {run.state}"):
        if run.predictions is None:
            st.html(charts.sentences(["No out-of-fold predictions yet: they are made when the run ends."]))
        else:
            st.button("Put its predictions on show", key=f"show {run.name}", on_click=state.choose_run,
                      args=(str(run.predictions),))
        st.html(charts.sentences([f"code {run.commit or 'unknown'}", f"data {run.inputs.get('data', 'unknown')}"]))
        given = {name: str(value) for name, value in run.settings.items()}
        st.dataframe(pd.DataFrame({"setting": given.keys(), "value": given.values()}), hide_index=True, height=240)
        st.html(charts.tag("pre", escape("\n".join(run.log())), class_="log"))


def _bundled():
    """The cards of the weights that the project brings."""
    cards = resources.bundled_cards()
    st.html(charts.heading("Bundled weights", "train/RESULTS.md tells how each came about"))
    st.dataframe(pd.DataFrame([
        {"weights": name, "task": card.task, "architecture": card.architecture,
         "input": " × ".join(map(str, card.image_size)), "held-out fold": card.fold,
         "epochs": card.training.get("epochs"),
         **{key: round(value, 4) for key, value in card.metric.items() if key in ("opacity", "none", "study")}}
        for name, card in cards]), hide_index=True, placeholder="–")
