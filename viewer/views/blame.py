"""The tabs of the Tune page that say what to mend: the kinds of failure with their price, and what changed since."""

from dataclasses import asdict

import pandas as pd
import streamlit as st

from core.errors import BadPredictions, GroundglassError
from core.neighbours import doubtful_films
from viewer import charts, films, judged, resources, state, tuning
from viewer.canvas.component import Link, film_canvas
from viewer.views import explain, layers

PICKED = "changed film"  # key of the table of changed films
PINNED = "the pinned settings"
COLUMNS = {
    "image_id": "film", "found": st.column_config.NumberColumn(help="Boxes found since."),
    "lost": st.column_config.NumberColumn(help="Boxes missed since."),
    "appeared": st.column_config.NumberColumn(help="New false positives."),
    "gone": st.column_config.NumberColumn(help="False positives that are gone."),
    "gain": st.column_config.NumberColumn(format="%+.2f", help="Boxes found less lost, and confidence of what is gone "
                                                               "less what appeared."),
}


def _kinds(opened, settings):
    found = judged.gains_of(opened, settings)
    st.html(charts.heading("Kinds of failure", "gain of the six-class mAP if one kind alone were mended (TIDE's dAP)"))
    st.html(charts.gain_table(found))
    if pairs := judged.confusions_of(opened, settings.fusion, settings.score):
        st.html(charts.confusion_table(pairs))
    if not judged.is_compared(opened):
        count = len(doubtful_films(resources.cases(opened)[0]))
        if count and st.button(f"Compare {count:,} films of partly boxed studies", key="compare_films",
                               help="Decodes them, to find unboxed films that look like a boxed one of their study."):
            bar = st.progress(0.0, "Decoding …")
            judged.compare_films(opened, lambda each, total: _told(each, total, bar))
            st.rerun()
    explain.export(opened, settings, [{"kind": each.kind, "count": each.count, "mean": each.mean, **each.aps}
                                      for each in found], "kinds", ({"display": settings.display},))


def _told(iterable, total, bar):
    for number, each in enumerate(iterable, start=1):
        bar.progress(number / max(1, total), f"Decoding {number:,} of {total:,}")
        yield each


def _changed(opened, settings):
    """Films whose verdicts differ from those under the pinned settings, or of another run; one of them shown twice."""
    try:
        other, before, words = _other(opened)
        found = judged.changes_of(opened, settings, other, before)
    except GroundglassError as error:
        st.html(charts.problems(error))
        return
    st.html(charts.heading(f"{len(found):,} films whose verdicts changed", f"{words}, best first"))
    if not found:
        st.html(charts.sentences(["No box shown was found, lost, added or taken away: move a slider, or pin other "
                                  "settings."]))
        return
    st.dataframe(pd.DataFrame([asdict(each) for each in found]), key=PICKED, on_select=lambda: _open(found),
                 selection_mode="single-row", hide_index=True, height=230, column_config=COLUMNS)
    changed = [each.image_id for each in found]
    film_id = state.film_id() if state.film_id() in changed else changed[0]
    st.html(charts.sentences([f"{film_id} as it is now, and as it was before; a click on a row shows another."]))
    now, then = st.columns(2)
    with now:
        _film("now", opened, settings, film_id)
    with then:
        _film("before", other, before, film_id)
    explain.export(opened, settings, [asdict(each) for each in found], "changed", (
        {"display": settings.display, "before": {**asdict(before), "predictions": other.predictions}},))


def _other(opened):
    """What the reader wants changes told against: (`Opened`, `Settings`, words)."""
    runs = {f"run {run.name}": str(run.predictions) for run in resources.runs(state.runs_directory())[0]
            if run.predictions is not None}
    chosen = PINNED if not runs else st.selectbox(
        "Changes are told against", (PINNED, *runs), key="changed_against",
        help="The settings that were pinned, or the predictions of a run under the settings of now.")
    if chosen not in runs:
        return opened, tuning.pinned(resources.cases(opened)[0].predictions), tuning.baseline()
    other = resources.identify(state.Place(opened.data, runs[chosen]))
    cases, problem = resources.cases(other)
    if problem:
        raise BadPredictions(problem)
    return other, tuning.settings(cases.predictions), f"against {chosen}"


def _film(name, opened, settings, film_id):
    """The film with its boxes under `settings`; `name` is 'now' or 'before'."""
    row = resources.row_of(opened)[film_id]
    _, where, problem = films.opened(resources.cases(opened)[0].images[row])
    drawn = layers.judged_layers(judged.findings(opened, settings, row))
    film_canvas(f"changed {name}", where, () if problem else drawn, problem=problem, caption=[name, film_id],
                height="max(300px, calc(100dvh - 480px))", link=Link("what changed"))


def _open(found):
    rows = st.session_state[PICKED]["selection"]["rows"]
    if rows:
        state.show_film(found[rows[0]].image_id)


TABS = {"Failures": _kinds, "What changed": _changed}
