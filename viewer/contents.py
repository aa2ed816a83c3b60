"""The table of contents: what is on every page, and which pages there are."""

from pathlib import Path

import streamlit as st

from viewer import links, login, resources, state
from viewer.views import doctor, experiments, exploration, export, frame, gallery, predict, reading, tune

st.set_page_config(page_title="Groundglass", layout="wide", initial_sidebar_state="collapsed")
st.html(Path(__file__).with_name("style.css"))
login.insist()
resources.warm()

PAGES = [
    st.Page(reading.page, title="Reading room", url_path="read", default=True),
    st.Page(tune.page, title="Tune", url_path="tune"),
    st.Page(gallery.page, title="Gallery", url_path="gallery"),
    st.Page(predict.page, title="Predict", url_path="predict"),
    st.Page(doctor.page, title="Doctor", url_path="doctor"),
    st.Page(export.page, title="Export", url_path="export"),
    st.Page(experiments.page, title="Experiments", url_path="experiments"),
    st.Page(exploration.page, title="Data", url_path="data"),
]
page = st.navigation(PAGES, position="hidden")
state.follow_address(page.url_path)
links.follow()
frame.offer(PAGES)
page.run()
