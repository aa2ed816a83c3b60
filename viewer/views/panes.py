"""Films side by side: what stands beside the film that is read, each pane failing by itself."""

from dataclasses import dataclass

import streamlit as st

from core.company import company
from core.errors import GroundglassError
from core.fusion import METHODS
from viewer import films, judged, resources, state, tuning
from viewer.canvas.component import Link, film_canvas
from viewer.state import Settings
from viewer.views import layers

KEY = "panes"
ONE, TRUTH, MODELS, VIEWS = "One film", "Truth beside detections", "Models", "Views"
PINNED, FUSIONS, PATIENT, WINDOWS = "Pinned settings", "Fusion methods", "Films of the patient", "Two windows"
ARRANGEMENTS = (ONE, TRUTH, MODELS, VIEWS, PINNED, FUSIONS, PATIENT, WINDOWS)
MOST = 3  # panes beside the first
HELP = "What stands beside the film, moved and windowed with it; key w lets the windows go."


@dataclass(frozen=True)
class Pane:
    """A film beside the one that is read: its `name`, its row, the settings and the kinds of layers that are shown.

    `settings` is None when `problem` says why there are none.
    """

    name: str
    row: int
    settings: Settings | None
    kinds: tuple[str, ...]
    problem: str = ""


def chooser():
    """The arrangement as a widget, one of ARRANGEMENTS."""
    with st.popover("Side by side", icon=":material/grid_view:", help=HELP):
        return st.selectbox("Side by side", ARRANGEMENTS, key=KEY, bind="query-params", help=HELP)


def link(arrangement):
    """The `Link` of the canvases of an arrangement, None for a single film."""
    return None if arrangement == ONE else Link("reading room", arrangement != WINDOWS)


def first_kinds(arrangement, kinds):
    """The kinds of layers on the first film: without the truth where that stands beside it."""
    return [each for each in kinds if each != "truth"] if arrangement == TRUTH else kinds


def beside(opened, settings, row, kinds, arrangement):
    """The `Pane`s beside the film at `row`."""
    predictions, kinds = resources.cases(opened)[0].predictions, tuple(kinds)
    if arrangement == TRUTH:
        return [Pane("ground truth", row, settings, ("truth",))]
    if arrangement == WINDOWS:
        return [Pane("second window", row, settings, kinds)]
    if arrangement == PINNED:
        return [Pane("pinned settings", row, tuning.pinned(predictions), kinds)]
    if arrangement == PATIENT:
        images = resources.cases(opened)[0].images
        return [Pane(f"study {images[each].study_id}", each, settings, kinds) for each in company(images, row)[:MOST]]
    name, values = {
        MODELS: ("models", dict.fromkeys(each.model for each in predictions.candidates.sources)),
        VIEWS: ("views", dict.fromkeys(each.view for each in predictions.candidates.sources)),
        FUSIONS: ("method", [each for each in METHODS if each != settings.fusion.method]),
    }[arrangement]
    return [_with(predictions, name, value, row, kinds) for value in list(values)[:MOST]]


def _with(predictions, name, value, row, kinds):
    """The `Pane` under the settings of now with another `value` for one of them, which may leave nothing."""
    try:
        return Pane(value, row, tuning.settings(predictions, {**state.kept(), name: value}), kinds)
    except GroundglassError as error:
        return Pane(value, row, None, kinds, str(error))


def show(opened, pane, number, height, arrangement, on_step):
    """One pane beside the first; what keeps it from being shown is its own sentence."""
    image, drawn = resources.cases(opened)[0].images[pane.row], ()
    _, where, problem = films.opened(image)
    problem = pane.problem or problem
    if not problem:
        found = judged.findings(opened, pane.settings, pane.row)
        drawn = layers.drawn(opened, pane.settings, pane.row, found, pane.kinds)
    film_canvas(f"pane {number}", where, drawn, problem=problem,
                caption=(pane.name, image.image_id), height=height, chosen=pane.kinds, link=link(arrangement),
                on_step=on_step)
