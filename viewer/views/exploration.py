"""The data: what the open set is made of, and which of its films are the same film twice."""

from urllib.parse import quote

import pandas as pd
import streamlit as st

from core.errors import GroundglassError
from viewer import charts, plots, resources
from viewer.views import frame

AT_ONCE, SAMPLE = 200, 60  # films that are decoded without being asked: all of a small set, so many of a large one


def page():
    """Lay out the page; a large set is decoded whole only when the reader asks for it."""
    if (found := frame.open_data()) is None:
        return
    opened, dataset = found
    with st.container(key="sheet"):
        try:
            whole = len(dataset.images) <= AT_ONCE or resources.is_explored(opened)
            with st.spinner("Decoding films …"):
                found = resources.explored(opened, None if whole else SAMPLE)
        except GroundglassError as error:
            st.html(charts.problems(error))
            return
        _figures(found, SAMPLE if not whole else None)
        if whole:
            _pairs(found.pairs)
            return
        under_way = st.empty()  # above the button, which may stand at the lower edge of the window
        if st.button(f"Decode all {found.films:,} films for near-duplicates",
                     help="About ten seconds for a thousand films of 256 pixels."):
            with under_way, st.spinner(f"Decoding {found.films:,} films …"):
                resources.explored(opened)
            st.rerun()


def _figures(found, sample):
    st.html(charts.heading("Data", f"{found.films:,} labelled films · {found.studies:,} studies · {found.patients:,} "
                                   "patients"))
    counted = (("Studies by class", found.classes), ("Films by number of boxes", found.boxes_per_film),
               ("Studies by number of films", found.films_per_study),
               ("Patients by number of studies", found.studies_per_patient),
               ("Films by photometric interpretation", found.photometric),
               ("Films by size", {f"{w} × {h}": n for (w, h), n in list(found.sizes.items())[:8]}))
    for row in (counted[:3], counted[3:]):
        for column, (title, counts) in zip(st.columns(3), row, strict=True):
            with column:
                st.html(charts.heading(title))
                st.plotly_chart(plots.counts(counts), key=title, config={"displayModeBar": False})
    left, right = st.columns(2)
    with left:
        st.html(charts.heading("Where boxes lie", f"share of boxed films, over the mean of {sample or 'all'} films"))
        st.plotly_chart(plots.density(found.mean_film, found.density), key="density", config={"displayModeBar": False})
    with right:
        st.html(charts.heading("Area of boxes", "share of the film"))
        st.plotly_chart(plots.histogram(found.box_areas(), "share of the film"), key="areas",
                        config={"displayModeBar": False})
    st.html(charts.sentences([f"{found.boxless_in_positive:,} films have no box in a study that is not negative.",
                              f"{len(found.unread):,} films cannot be read."]))


def _pairs(pairs):
    across = sum(not pair.same_patient for pair in pairs)
    st.html(charts.heading("Near-duplicates", f"{len(pairs)} pairs, {across} of them between patients"))
    if not pairs:
        return
    st.dataframe(pd.DataFrame([
        {"first": f"/?film={quote(pair.first)}", "second": f"/?film={quote(pair.second)}",
         "correlation": round(pair.r, 4), "same study": pair.same_study,
         "same patient": pair.same_patient} for pair in pairs]), hide_index=True,
        column_config={name: st.column_config.LinkColumn(display_text=r"film=(.*)$") for name in ("first", "second")})
