"""The table of contents: what is on every page, and which pages there are."""

from pathlib import Path

import streamlit as st

from viewer import resources
from viewer.views import reading

st.set_page_config(page_title="Groundglass", layout="wide", initial_sidebar_state="collapsed")
st.html(Path(__file__).with_name("style.css"))
resources.warm()

PAGES = [
    st.Page(reading.page, title="Reading room", url_path="read", default=True),
]
st.navigation(PAGES, position="hidden").run()
