"""The Python side of the grid of pictures: `tiles` in, the id of the one that is opened out.

Pictures come from signed addresses (`viewer.pictures`), so the page's message holds only boxes and words. This module
knows nothing of data sets or verdicts.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

_PLACE = Path(__file__).resolve().parent
_TILES = st.components.v2.component(
    "groundglass_tiles",
    html=(_PLACE / "tiles.html").read_text("utf-8"),
    css=(_PLACE / "tiles.css").read_text("utf-8"),
    js=(_PLACE / "tiles.js").read_text("utf-8"),
)


@dataclass(frozen=True)
class Shape:
    """A box on a picture: (x0, y0, x1, y1) in shares of it; `dashed` is ground truth, `strong` what it is about, and
    `letters`, a verdict's, stand at its corner."""

    box: tuple[float, float, float, float]
    colour: str
    dashed: bool = False
    strong: bool = False
    letters: str = ""


@dataclass(frozen=True)
class Tile:
    """A picture: `url` from `viewer.pictures.picture_url`, "" when `problem` says why there is none; width / height is
    `aspect`. `title` and `lines` stand below it; `current` marks the one that is open."""

    id: str
    url: str
    aspect: float
    title: str
    lines: tuple[str, ...] = ()
    shapes: tuple[Shape, ...] = ()
    problem: str = ""
    current: bool = False


def tiles(key: str, shown: Sequence[Tile], on_open: Callable[[str], None], *, least: int = 150) -> None:
    """Show the pictures, each at least `least` CSS pixels wide.

    `on_open(id)` is called before the script runs, when the reader opens one.
    """
    def opened():
        wanted = (st.session_state.get(key) or {}).get("opened")
        if wanted is not None:
            on_open(wanted)

    _TILES(key=key, data={"tiles": [asdict(each) for each in shown], "least": least}, height="content", width="stretch",
           on_opened_change=opened)
