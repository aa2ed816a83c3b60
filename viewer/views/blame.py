"""The tabs of the Tune page that say what to mend: the kinds of failure with their price, and what changed since."""

from dataclasses import asdict

import pandas as pd
import streamlit as st

from core.neighbours import doubtful_films
from viewer import charts, judged, resources, state, tuning
from viewer.views import explain

PICKED = "changed film"  # key of the table of changed films


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
    """Films whose verdicts differ from those under the pinned settings; a click opens one."""
    pinned = tuning.pinned(resources.cases(opened)[0].predictions)
    found = judged.changes_of(opened, settings, pinned)
    st.html(charts.heading(f"{len(found):,} films whose verdicts changed", tuning.baseline()))
    if not found:
        st.html(charts.sentences(["No box shown was found, lost, added or taken away: move a slider, or pin other "
                                  "settings."]))
        return
    frame = pd.DataFrame([asdict(each) for each in found])
    st.dataframe(frame, key=PICKED, on_select=lambda: _open(found), selection_mode="single-row", hide_index=True,
                 height=420, column_config={
                     "image_id": "film", "found": st.column_config.NumberColumn(help="Boxes found since."),
                     "lost": st.column_config.NumberColumn(help="Boxes missed since."),
                     "appeared": st.column_config.NumberColumn(help="New false positives."),
                     "gone": st.column_config.NumberColumn(help="False positives that are gone."),
                     "gain": st.column_config.NumberColumn(format="%+.2f", help="Boxes found less lost, and confidence "
                                                                                "of what is gone less what appeared.")})
    explain.export(opened, settings, [asdict(each) for each in found], "changed", ({"display": settings.display},))


def _open(found):
    rows = st.session_state[PICKED]["selection"]["rows"]
    if rows:
        state.show_film(found[rows[0]].image_id)
        st.session_state["tune tab"] = "Film"


TABS = {"Failures": _kinds, "What changed": _changed}
