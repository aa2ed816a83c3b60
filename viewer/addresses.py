"""Signed addresses of films: what a page may show, and nobody can ask for anything else.

`signed` notes a file under a token and signs it; a `route` takes such addresses and no others. The token is a digest of
the file's path, size and time of change, so it names nobody, a changed file has a new address, and the browser may keep
what it got for good. The signature is the lock, its key is Streamlit's `server.cookieSecret`; where a login is needed
the address is good for the reader it was made for, and the browser keeps nothing.
"""

import hashlib
import os
from pathlib import Path

import streamlit as st
from itsdangerous import BadSignature, Signer
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from core.errors import GroundglassError
from core.files import file_state
from viewer import login
from viewer.canvas.scripts import base_path

KEEP = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
FORGET = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

_published: dict[str, str] = {}  # token -> path; what the pages of this process have shown


class _Refused(Exception):
    """Why an address is not answered, and the status that says so."""

    def __init__(self, sentence, status):
        super().__init__(sentence)
        self.status = status


def signed(name, path, detail=""):
    """Address of the file `path` at the `route` of this name, for `detail`, which may have no dot."""
    token = _token(path)
    _published[token] = os.fspath(path)
    given = _signer(login.reader(), name).sign(f"{token}~{detail}" if detail else token).decode()
    return f"{base_path()}/film/{name}/{given}"


def route(name, answer) -> Route:
    """The route /film/NAME/TOKEN, at which `answer(path, detail, reader)` makes the response to what `signed` gave.

    It refuses in one sentence: 403 a signature that is not ours, 404 a file that was not shown or has changed, 422 with
    the sentence of a `GroundglassError` of `answer`.
    """
    def endpoint(request):
        try:
            return answer(*_opened(request, name))
        except _Refused as refused:
            return _refusal(str(refused), refused.status)
        except GroundglassError as error:
            return _refusal(str(error), 422)

    return Route(f"{base_path()}/film/{name}/{{token}}", endpoint)


def _opened(request, name):
    """(path, detail, reader) of a request."""
    reader = login.reader_of(request)
    try:
        if reader is None:
            raise BadSignature("no reader")
        token, _, detail = _signer(reader, name).unsign(request.path_params["token"]).decode().partition("~")
    except BadSignature:
        raise _Refused("The film's address was not made by this server: reload the page.", 403) from None
    path = _published.get(token)
    if path is None or _token(path) != token or not Path(path).is_file():
        raise _Refused("The film's file is gone or has changed since the page was made: reload the page.", 404)
    return path, detail, reader


def kept(reader):
    """Headers that say how long a browser may keep the answer: for good, but not at all where a login is needed."""
    return FORGET if reader else KEEP


def _refusal(sentence, status):
    return PlainTextResponse(sentence, status, headers=FORGET)


def _token(path):
    return hashlib.sha256(os.fsencode(f"{Path(path).absolute()}|{file_state(path)}")).hexdigest()[:40]


def _signer(reader, name):
    return Signer(st.get_option("server.cookieSecret"), salt=f"groundglass {name} {reader}",
                  digest_method=hashlib.sha256)
