"""The Python side of the film canvas: values in, the reader's picks and steps out.

    film = FilmAddress("000a31", film_url(path), width=4256, height=3488)
    layers = (Layer("truth", (Mark("t0", (900, 800, 1700, 2100), pair="d0", iou=.72),
                              Mark("t1", (2600, 900, 3300, 2000), verdict="FN"))),
              Layer("detections", (Mark("d0", (950, 780, 1650, 2000), "TP", .81, pair="t0", iou=.72),)))
    state = film_canvas("film", film, layers, caption=("000a31", "typical"), on_step=show_next)
    state.mark_of("000a31")   # id of the mark the reader picked on this film, or None

Pixels never pass through here: the browser fetches them once from the film's address (`viewer.pixels`), so a changed
layer costs only its own few hundred bytes. Windowing, zoom, pan, inverting and hiding layers never reach Python. A
callback runs before the script does, so it reads what happened with `canvas_state(key)`.

This module knows nothing of data sets, files, fusion or matching: ids, boxes and verdicts are the caller's.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import streamlit as st

from core.errors import BadSettings
from viewer.canvas.scripts import PLACE, module_url


@dataclass(frozen=True)
class Kind:
    """A kind of layers: its `name` for readers, the `key` that hides and shows it, and whether it is the AI's, which
    key a hides as a whole."""

    name: str
    key: str
    ai: bool = True


KINDS = {
    "truth": Kind("Ground truth", "g", ai=False),
    "readers": Kind("Readers' boxes", "y", ai=False),
    "detections": Kind("Detections", "d"),
    "candidates": Kind("Candidates", "b"),  # c and r are Streamlit's own
    "sources": Kind("Sources", "s"),
    "heat": Kind("Heat map", "h"),
}
VERDICTS = ("TP", "FP", "FN", "")

_CANVAS = st.components.v2.component(
    "groundglass_film",
    html=(PLACE / "film.html").read_text("utf-8"),
    css=(PLACE / "film.css").read_text("utf-8"),
    js=(PLACE / "mount.js").read_text("utf-8"),
)


@dataclass(frozen=True)
class FilmAddress:
    """Where the browser finds a film: `url` from `viewer.pixels.film_url`; size in pixels of the original image."""

    film_id: str
    url: str
    width: int
    height: int


@dataclass(frozen=True)
class Mark:
    """One box of a layer: `xyxy` in pixels of the original image.

    `verdict` is 'TP', 'FP' or 'FN'; '' draws a plain box: a found ground-truth box, or a detection nobody judged.
    `confidence` in 0..1 sets the line width. `label` is drawn beside the verdict's letters; '' means the confidence.
    `pair` is the id of the matched mark in another layer and `iou` their overlap; `details` are further lines of the
    text shown on hover.
    """

    id: str
    xyxy: tuple[float, float, float, float]
    verdict: str = ""
    confidence: float | None = None
    label: str = ""
    pair: str | None = None
    iou: float | None = None
    details: tuple[str, ...] = ()

    def __post_init__(self):
        if self.verdict not in VERDICTS:
            raise BadSettings(f"mark {self.id} has the verdict {self.verdict!r}, but must have one of {VERDICTS}: "
                              "take it from the matching.")


@dataclass(frozen=True)
class Layer:
    """The marks of one `kind`, a key of KINDS, which sets how they look: 'truth' dashed, 'detections' solid,
    'candidates' as ghosts, 'sources' dotted, 'readers' dash and dot. Ids are unique over layers.

    A layer with a `name` stands in the legend. `number`, from 0, gives each of several layers of one kind a letter and
    a colour of its own.
    """

    kind: str
    marks: tuple[Mark, ...]
    name: str = ""
    number: int | None = None

    def __post_init__(self):
        if self.kind not in KINDS:
            raise BadSettings(f"a layer is of kind {self.kind!r}, but must be one of {', '.join(KINDS)}: name it so.")


@dataclass(frozen=True)
class Drawing:
    """The reader's own boxes, xyxy in pixels of the original image: to be drawn by left drag, or `fixed`, each with its
    `words`. What is being drawn on a film is the browser's; `boxes` are what it begins with when the film comes.

    With a `purpose`, what a drag draws in words, each drag draws a box of its own, told as `CanvasState.boxed`.
    """

    boxes: tuple[tuple[float, float, float, float], ...] = ()
    words: tuple[str, ...] = ()
    fixed: bool = False
    purpose: str = ""


@dataclass(frozen=True)
class HeatMap:
    """What classifiers looked at: the canvas fetches it from `url` (`viewer.attention.heat_url`) and says `name` until
    it has come; with a `problem`, one sentence, that is said instead."""

    url: str
    name: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Link:
    """Canvases of one `group` are moved and zoomed together, and with `window` also windowed; key w lets that go."""

    group: str
    window: bool = True


@dataclass(frozen=True)
class Step:
    """The reader asks for another film: from `film_id` these `moves`, one after the other, each so many places after
    (negative: before) in the list in use; a move beyond its end stays there."""

    film_id: str
    moves: tuple[int, ...]


@dataclass(frozen=True)
class Boxed:
    """The reader has drawn a box, `xyxy` in pixels of the original image, on a film while the mark of this id was
    picked, None for none."""

    film_id: str
    mark: str | None
    xyxy: tuple[float, float, float, float]


@dataclass(frozen=True)
class CanvasState:
    """What the reader did: `picked` is (film id, mark id) of the last click on a box; `step`, and `wanted`, the kind of
    layer whose key was pressed while the canvas had none of it, live for one run, and so does
    `boxed`; `drawn` is (film id, boxes xyxy) of what was drawn last.

    `unit`: how many CSS pixels the page's script is drawn to one of its own, more than 1 on a large screen (style.css).
    `plain`: films are shown without the VOI LUT and presentation LUT of their maker (`core.vendor_luts`).
    """

    picked: tuple[str, str] | None = None
    step: Step | None = None
    plain: bool = False
    wanted: str | None = None
    drawn: tuple[str, tuple] | None = None
    boxed: Boxed | None = None
    unit: float = 1.0

    def mark_of(self, film_id):
        """Id of the picked mark when it lies on that film, else None."""
        return self.picked[1] if self.picked and self.picked[0] == film_id else None


def film_canvas(
    key: str,
    film: FilmAddress | None,
    layers: Sequence[Layer] = (),
    *,
    caption: Sequence[str] = (),
    problem: str = "",
    ahead: Sequence[tuple[int, FilmAddress]] = (),
    height: str = "calc(100dvh - 8rem)",
    chosen: Sequence[str] | None = None,
    drawing: Drawing | None = None,
    heat: HeatMap | None = None,
    pick: str = "",
    link: Link | None = None,
    live: str = "",
    on_pick: Callable[[], None] | None = None,
    on_step: Callable[[], None] | None = None,
    on_want: Callable[[], None] | None = None,
    on_draw: Callable[[], None] | None = None,
    on_box: Callable[[], None] | None = None,
    on_unit: Callable[[], None] | None = None,
) -> CanvasState:
    """Show `film` with `layers`; with `problem` (one sentence), or without a film, show the sentence and nothing else.

    Keys for the next and previous film work in either case: give the film's address even when it cannot be shown.
    `caption` are short lines in the top left corner. `ahead` are films to fetch and decode while this one is read,
    nearest first, each with the steps that lead to it: such a step shows its film before Python has answered.
    `height` is any CSS length. `chosen` are the kinds of layers that the reader has asked for, None for
    those of `layers`; the key of another calls `on_want`. `heat` lies under the boxes while its kind is shown.
    `link` names the canvases that move with this one. `live` is the address from `viewer.live` at which the browser
    finds `told(layers)` while a slider is dragged. `drawing` are boxes of the reader, None where there can be none,
    and `on_draw` hears of them, `on_box` of those drawn for a purpose. `on_unit` hears when the page is drawn larger or
    smaller. `pick` is the id of a mark to be picked when the film comes. Callbacks run before the script: see
    `canvas_state`.
    """
    heard = (st.session_state.get(key) or {}).get("step") or {}
    data = {
        "module": module_url(),
        "film": None if film is None else _film(film),
        "heard": heard.get("serial", 0),
        "problem": problem or ("" if film else "No film is chosen: pick one from the worklist."),
        "kinds": _kinds({layer.kind for layer in layers} if chosen is None else chosen, on_want is not None),
        **told(layers),
        "live": live,
        "heat": None if heat is None else asdict(heat),
        "link": None if link is None else asdict(link),
        "caption": list(caption),
        "ahead": [{"by": by, "film": _film(one)} for by, one in ahead],
        "height": height,
        "tells": on_unit is not None,
        "pick": pick,
        "drawing": None if drawing is None or film is None else {"film": film.film_id, **asdict(drawing)},
    }
    _CANVAS(key=key, data=data, height="content", width="stretch",
            on_picked_change=on_pick or _nothing, on_step_change=on_step or _nothing,
            on_plain_change=_nothing, on_wanted_change=on_want or _nothing, on_drawn_change=on_draw or _nothing,
            on_boxed_change=on_box or _nothing, on_unit_change=on_unit or _nothing)
    return canvas_state(key)


def canvas_state(key: str) -> CanvasState:
    """What the reader did on the canvas `key`, from the session's state; for callbacks, and after `film_canvas`."""
    state = st.session_state.get(key) or {}
    picked, step, wanted, drawn, boxed, unit = map(state.get, ("picked", "step", "wanted", "drawn", "boxed", "unit"))
    return CanvasState(
        picked=(str(picked["film"]), str(picked["mark"])) if picked else None,
        step=Step(str(step["film"]), tuple(map(int, step["moves"]))) if step else None,
        plain=bool(state.get("plain")),
        wanted=wanted if wanted in KINDS else None,
        unit=float(unit) if isinstance(unit, int | float) and 1 <= unit <= 4 else 1.0,
        drawn=(str(drawn["film"]), tuple(tuple(map(float, box)) for box in drawn["boxes"])) if drawn else None,
        boxed=Boxed(str(boxed["film"]), boxed["mark"] and str(boxed["mark"]), tuple(map(float, boxed["box"])))
        if boxed else None,
    )


def told(layers: Sequence[Layer]) -> dict:
    """The layers as the browser takes them, for JSON."""
    return {"layers": [_layer(layer) for layer in layers]}


def _film(film):
    return {"id": film.film_id, "url": film.url, "width": film.width, "height": film.height}


def _kinds(chosen, more):
    return [{"kind": kind, "name": each.name, "key": each.key, "ai": each.ai, "chosen": kind in chosen}
            for kind, each in KINDS.items() if more or kind in chosen]


def _layer(layer):
    return {"kind": layer.kind, "name": layer.name, "number": layer.number,
            "marks": [_mark(mark) for mark in layer.marks]}


def _mark(mark):
    return {
        "id": mark.id, "box": [round(float(corner), 2) for corner in mark.xyxy], "verdict": mark.verdict,
        "confidence": None if mark.confidence is None else round(float(mark.confidence), 4),
        "label": mark.label, "pair": mark.pair, "iou": None if mark.iou is None else round(float(mark.iou), 4),
        "details": list(mark.details),
    }


def _nothing():
    """Streamlit reports a value only when a callback is given for it."""
