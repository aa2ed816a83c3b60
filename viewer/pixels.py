"""The route that serves a film's stored pixels, once per film and browser, to whoever holds a signed address.

`film_url` notes a file under a token and signs it; `pixel_routes` answers such addresses and no others. The token is a
digest of the file's path, size and time of change, so it names nobody, a changed file has a new address, and the
browser may keep what it got for good. The signature is the lock, its key is Streamlit's `server.cookieSecret`; where a
login is needed the address is good for the reader it was made for, and the browser keeps nothing.

This module knows nothing of data sets; how a file becomes a `Film` is handed to `pixel_routes`.
"""

import hashlib
import os
from pathlib import Path

import numpy as np
import streamlit as st
from itsdangerous import BadSignature, Signer
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from core import audit
from core.display import grey_table, modality_values, stored_values
from core.errors import GroundglassError
from viewer import login
from viewer.canvas.payload import deflate, pack
from viewer.canvas.scripts import base_path

KEEP = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
FORGET = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

_published: dict[str, str] = {}  # token -> path; what the pages of this process have shown


def film_url(path) -> str:
    """Signed address of the film in the file `path`; a file that is absent gets one too, which answers 404."""
    token = _token(path)
    _published[token] = os.fspath(path)
    return f"{base_path()}/film/pixels/{_signer(login.reader()).sign(token).decode()}"


def pixel_routes(read_film) -> list[Route]:
    """The route of the pixels, for `st.App(routes=...)`; `read_film(path)` gives a `core.film.Film`.

    403 for a signature that is not ours, 404 for a file that was not shown or has changed, 422 with the sentence of a
    film that cannot be read.
    """
    def pixels(request):
        reader = login.reader_of(request)
        try:
            if reader is None:
                raise BadSignature("no reader")
            token = _signer(reader).unsign(request.path_params["token"]).decode()
        except BadSignature:
            return _refusal("The film's address was not made by this server: reload the page.", 403)
        path = _published.get(token)
        if path is None or _token(path) != token or not Path(path).is_file():
            return _refusal("The film's file is gone or has changed since the page was made: reload the page.", 404)
        try:
            film = read_film(path)
            audit.record("pixels sent", [film.sop_instance_uid or film.image_id], reader)
            body = deflate(film_body(film))
        except GroundglassError as error:
            return _refusal(str(error), 422)
        headers = {**(FORGET if reader else KEEP), "Content-Encoding": "deflate"}
        return Response(body, media_type="application/octet-stream", headers=headers)

    return [Route(f"{base_path()}/film/pixels/{{token}}", pixels)]


def film_body(film) -> bytes:
    """What the canvas needs of a `Film`: its pixels as stored, and a grey table for each of its looks."""
    lut = None
    if film.modality_lut is not None:
        lut = modality_values(stored_values(film.pixels.dtype), film.slope, film.intercept, film.modality_lut)
    sides = dict(zip(("left", "right"), film.orientation or (), strict=False))
    header = {
        "modality": [film.slope, film.intercept] if lut is None else None,
        "inverted": film.inverted,
        "padding": film.padding,
        "looks": [{"name": look.name, "window": _window(look)} for look in film.looks],
        "sides": sides,
        "spacing": film.spacing_mm,
        "spacing_kind": film.spacing_kind,
        "steps": list(film.steps),
    }
    tables = np.stack([grey_table(film, look) for look in film.looks])
    return pack(film.pixels, header, tables, lut)


def _window(look):
    if look.table is not None:
        return None
    return {"center": look.center, "width": look.width, "function": look.function}


def _token(path):
    path = Path(path)
    try:
        stat = path.stat()
        state = f"{stat.st_size}|{stat.st_mtime_ns}"
    except OSError:
        state = "absent"
    return hashlib.sha256(f"{path.absolute()}|{state}".encode()).hexdigest()[:40]


def _signer(reader):
    return Signer(st.get_option("server.cookieSecret"), salt=f"groundglass film pixels {reader}",
                  digest_method=hashlib.sha256)


def _refusal(sentence, status):
    return PlainTextResponse(sentence, status, headers=FORGET)
