"""What follows a slider under the finger: told to the browser whenever it asks, without a run of the page.

Streamlit hears of a slider when it is let go (a run of a page takes longer than a hand waits). Until then the canvas's
`follow.js` asks the address given here, one question at a time and always for the newest value, and puts the answer in
place; the page's own answer to the slider that was let go takes its place in turn.

    html("scores", lambda settings: charts.ap_table(...), settings, predictions)
    film_canvas(..., live=address("canvas", lambda settings: {"layers": ...}, predictions))

Each function belongs to the session that offers it: it goes with it, and is called for its reader alone.
"""

import secrets
import weakref
from collections.abc import Callable

import streamlit as st
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from core.errors import GroundglassError
from viewer import addresses, charts, login, state, tuning
from viewer.canvas.scripts import base_path
from viewer.state import Settings

OFFERS = "live offers"  # in the session: key -> `_Offer`
TURN = "live turn"  # in the session: runs counted, as a text that is put in place anew must differ from the one before
BETWEEN = "~"  # stands between the tokens of an address that asks for several things at once
MOST = 20  # things that one question may be about


class _Offer:
    """What one session tells under one token."""

    def __init__(self):
        self.token, self.told = secrets.token_urlsafe(16), None

    def tell(self, reader, of, predictions, texts):
        """From now on `of` says to `reader` what holds for `predictions`, `texts` being the settings of now."""
        self.told = reader, of, predictions, texts

    def answer(self, reader, setting, value):
        """What is told when the slider of `setting` stands at `value`, None to another reader.

        Raises `GroundglassError`.
        """
        owner, of, predictions, texts = self.told
        if reader != owner:
            return None
        return of(tuning.settings(predictions, tuning.moved(texts, predictions, setting, value)))


_offers: weakref.WeakValueDictionary[str, _Offer] = weakref.WeakValueDictionary()  # token -> what a session holds


def address(key: str, of: Callable[[Settings], dict], predictions, texts: dict | None = None) -> str:
    """Address at which the browser finds `of(settings)`, for JSON, under the settings of now with one of them moved.

    `texts` are other settings than those of now. `key` names the thing in this session; `of` runs outside of it, so it
    must know all that it needs. What it gives is {"layers": ...} for a canvas (`viewer.canvas.component.told`) or
    {"html": ...} for an element.
    """
    held = st.session_state.setdefault(OFFERS, {})
    offer = held.setdefault(key, _Offer())
    offer.tell(login.reader(), of, predictions, state.kept() if texts is None else texts)
    _offers[offer.token] = offer
    return f"{base_path()}/live/{offer.token}"


def html(key: str, of: Callable[[Settings], str], settings: Settings, predictions) -> None:
    """Show the HTML `of(settings)`, which follows the sliders."""
    st.session_state[TURN] = turn = st.session_state.get(TURN, 0) + 1
    place = address(key, lambda moved: {"html": of(moved)}, predictions)
    st.html(charts.tag("div", of(settings), data_live=place, data_turn=turn))


def live_routes() -> list[Route]:
    """The route /live/TOKEN~TOKEN?setting=NAME&value=NUMBER, for `st.App(routes=...)`.

    JSON: a list with one answer a token, null for one that cannot be told. Refuses in one sentence: 400 what is no such
    question, 403 who is not logged in.
    """
    return [Route(f"{base_path()}/live/{{tokens}}", _answer)]


def _answer(request):
    reader = login.reader_of(request)
    if reader is None:
        return PlainTextResponse("What follows a slider is told to who is logged in: reload the page.", 403)
    tokens = request.path_params["tokens"].split(BETWEEN)
    setting, value = (request.query_params.get(name, "") for name in ("setting", "value"))
    if len(tokens) > MOST or not tuning.is_number(setting, value):
        return PlainTextResponse(f"{setting!r} cannot be moved to {value!r}: ask for a slider of the page.", 400)
    told = [_told(_offers.get(token), reader, setting, value) for token in tokens]
    return JSONResponse(told, headers=addresses.FORGET)


def _told(offer, reader, setting, value):
    try:
        return offer and offer.answer(reader, setting, float(value))
    except GroundglassError:
        return None
