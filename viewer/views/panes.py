"""Films side by side: what stands beside the film that is read, each pane failing by itself."""

from dataclasses import dataclass

import streamlit as st

from core.company import company
from core.errors import GroundglassError
from core.fusion import METHODS
from viewer import films, judged, live, resources, state, tuning
from viewer.canvas.component import Link, film_canvas
from viewer.state import Settings
from viewer.views import layers
from viewer.views.settings import NAMES

KEY = "panes"
ONE, TRUTH, MODELS, VIEWS = "One film", "Truth beside detections", "Models", "Views"
PINNED, FUSIONS, PATIENT, WINDOWS = "Pinned settings", "Fusion methods", "Films of the patient", "Two windows"
ARRANGEMENTS = (ONE, TRUTH, MODELS, VIEWS, PINNED, FUSIONS, PATIENT, WINDOWS)
MOST = 3  # panes beside the first
HELP = "What stands beside the film, moved and windowed with it; key w lets the windows go."
AMONG = {  # arrangement -> its setting, and key, label and words of the choice of its values
    MODELS: ("models", "beside_models", "Models beside", str),
    VIEWS: ("views", "beside_views", "Views beside", str),
    FUSIONS: ("method", "beside_methods", "Methods beside", NAMES.get),
}
WHICH = f"At most {MOST}, in this order; none chosen means the first {MOST}. The first film keeps the settings of now."
ALONE = {PATIENT: "no other film of this patient here", MODELS: "no model of a detector here",
         VIEWS: "no view of a detector here"}  # what is said on the film where nothing stands beside it


@dataclass(frozen=True)
class Pane:
    """A film beside the one that is read: its `name`, its row, the settings and the kinds of layers that are shown.

    `settings` is None when `problem` says why there are none; `texts` are those of settings that follow the sliders.
    """

    name: str
    row: int
    settings: Settings | None
    kinds: tuple[str, ...]
    problem: str = ""
    texts: dict | None = None


def chooser(opened, settings):
    """The arrangement as a widget, one of ARRANGEMENTS; and which models, views or fusion methods where it has them."""
    with st.popover("Side by side", icon=":material/grid_view:", help=HELP):
        arrangement = st.selectbox("Side by side", ARRANGEMENTS, key=KEY, bind="query-params", help=HELP)
        if arrangement in AMONG:
            _, key, label, words = AMONG[arrangement]
            values = _values(resources.cases(opened)[0].predictions, settings, arrangement)
            st.multiselect(label, values, key=key, bind="query-params", max_selections=MOST, format_func=words,
                           placeholder=f"the first {MOST}" if len(values) > MOST else f"all {len(values)}",
                           disabled=len(values) < 2, help=WHICH)
    return arrangement


def _values(predictions, settings, arrangement):
    """What may stand beside: the detector's models or views, or the fusion methods that are not the one of now."""
    sources = predictions.candidates.sources
    return {MODELS: list(dict.fromkeys(each.model for each in sources)),
            VIEWS: list(dict.fromkeys(each.view for each in sources)),
            FUSIONS: [each for each in METHODS if each != settings.fusion.method]}[arrangement]


def link(arrangement):
    """The `Link` of the canvases of an arrangement, None for a single film."""
    return None if arrangement == ONE else Link("reading room", arrangement != WINDOWS)


def first_kinds(arrangement, kinds):
    """The kinds of layers on the first film: without the truth where that stands beside it."""
    return [each for each in kinds if each != "truth"] if arrangement == TRUTH else kinds


def beside(opened, settings, row, kinds, arrangement):
    """The `Pane`s beside the film at `row`."""
    predictions, kinds, now = resources.cases(opened)[0].predictions, tuple(kinds), state.kept()
    if arrangement == TRUTH:
        return [Pane("ground truth", row, settings, ("truth",), texts=now)]
    if arrangement == WINDOWS:
        return [Pane("second window", row, settings, kinds, texts=now)]
    if arrangement == PINNED:
        return [Pane("pinned settings", row, tuning.pinned(predictions), kinds)]
    if arrangement == PATIENT:
        images = resources.cases(opened)[0].images
        return [Pane(f"study {images[each].study_id}", each, settings, kinds, texts=now)
                for each in company(images, row)[:MOST]]
    name, key, _, words = AMONG[arrangement]
    values = _values(predictions, settings, arrangement)
    chosen = [each for each in st.session_state.get(key, ()) if each in values] or values[:MOST]
    return [_with(predictions, name, value, row, kinds, words(value)) for value in chosen]


def _with(predictions, name, value, row, kinds, words):
    """The `Pane` of the name `words` under the settings of now with another `value` for one of them, which may leave
    nothing."""
    texts = {**state.kept(), name: value}
    try:
        return Pane(words, row, tuning.settings(predictions, texts), kinds, texts=texts)
    except GroundglassError as error:
        return Pane(words, row, None, kinds, str(error))


def show(opened, pane, number, height, arrangement, on_step):
    """One pane beside the first; what keeps it from being shown is its own sentence."""
    cases, drawn, follows = resources.cases(opened)[0], (), ""
    image = cases.images[pane.row]
    _, where, problem = films.opened(image)
    problem = pane.problem or problem
    if not problem:
        found = judged.findings(opened, pane.settings, pane.row)
        drawn = layers.drawn(opened, pane.settings, pane.row, found, pane.kinds)
        if pane.texts is not None:
            follows = live.address(f"pane {number}", layers.followed(opened, pane.row, pane.kinds), cases.predictions,
                                   pane.texts)
    film_canvas(f"pane {number}", where, drawn, problem=problem,
                caption=(pane.name, image.image_id), height=height, chosen=pane.kinds, link=link(arrangement),
                live=follows, on_step=on_step)
