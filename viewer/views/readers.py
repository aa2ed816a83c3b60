"""The field for the name of who reads, for servers that know nobody by a log-in; one field on a page."""

import streamlit as st

from core.reviews import MOST_NAME
from viewer import login, reviewed


def field():
    """The field, where no log-in says who reads."""
    if login.person():
        return
    st.session_state.setdefault(reviewed.NAME, "")
    st.text_input("Your name", max_chars=MOST_NAME, key=reviewed.NAME, label_visibility="collapsed", width=100,
                  placeholder="Your name", help="Verdicts and first reads are saved under this name.")
