"""The heat map of what classifiers looked at: which networks and which class, and where the canvas finds it."""

import streamlit as st

from core.errors import GroundglassError
from viewer import attention
from viewer.canvas.component import HeatMap

EVERY = "all that know the class"
NETWORK = "The classifier whose evidence is shown: those that the predictions were made with, or those that are here."
CLASS = "The class whose evidence is shown: any opacity, or one of the four of the study."
NONE = "There are no classifier's weights here, but a heat map needs some: start with --weights DIR."


def chooser(opened):
    """Network and class as widgets; a function that gives the `HeatMap` of an image of the data set."""
    from core.attention import QUESTIONS  # imports torch, which most readers never need

    try:
        networks, remark = attention.classifiers(opened)
    except GroundglassError as error:
        networks, remark = {}, str(error)
    with st.popover("Heat map of", icon=":material/blur_on:", help="Network and class of the heat map."):
        by = st.selectbox("Network", (EVERY, *networks), key="heat_by", bind="query-params", help=NETWORK)
        asked = st.selectbox("Class", list(QUESTIONS), key="heat_of", bind="query-params", help=CLASS)
        if remark:
            st.text(remark)
    chosen = networks if by == EVERY else {name: path for name, path in networks.items() if name == by}

    def heat(image):
        if not chosen:
            return HeatMap("", problem=remark or NONE)
        name = f"HiResCAM, {'all networks' if by == EVERY else by}, class {asked}: being reckoned …"
        return HeatMap(attention.heat_url(image.path, chosen, asked), name)
    return heat
