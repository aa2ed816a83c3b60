"""Signed addresses of films: what a page may show, and nobody can ask for anything else.

`signed` notes a file under a token and signs it; `opened` takes such addresses and no others. The token is a digest of
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

from viewer import login

KEEP = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
FORGET = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

_published: dict[str, str] = {}  # token -> path; what the pages of this process have shown


class Refused(Exception):
    """`response` says why an address is not answered."""

    def __init__(self, sentence, status):
        super().__init__(sentence)
        self.response = refusal(sentence, status)


def signed(path, salt, detail=""):
    """The last part of an address for the file `path`, good for the route of this `salt` and for `detail`, which may
    have no dot."""
    token = _token(path)
    _published[token] = os.fspath(path)
    return _signer(login.reader(), salt).sign(f"{token}~{detail}" if detail else token).decode()


def opened(request, salt):
    """(path, detail, reader) of a request whose path parameter `token` is what `signed` gave.

    Raises `Refused`: 403 for a signature that is not ours, 404 for a file that was not shown or has changed.
    """
    reader = login.reader_of(request)
    try:
        if reader is None:
            raise BadSignature("no reader")
        token, _, detail = _signer(reader, salt).unsign(request.path_params["token"]).decode().partition("~")
    except BadSignature:
        raise Refused("The film's address was not made by this server: reload the page.", 403) from None
    path = _published.get(token)
    if path is None or _token(path) != token or not Path(path).is_file():
        raise Refused("The film's file is gone or has changed since the page was made: reload the page.", 404)
    return path, detail, reader


def kept(reader):
    """Headers that say how long a browser may keep the answer: for good, but not at all where a login is needed."""
    return FORGET if reader else KEEP


def refusal(sentence, status):
    """A response of one sentence."""
    return PlainTextResponse(sentence, status, headers=FORGET)


def _token(path):
    path = Path(path)
    try:
        stat = path.stat()
        state = f"{stat.st_size}|{stat.st_mtime_ns}"
    except OSError:
        state = "absent"
    return hashlib.sha256(f"{path.absolute()}|{state}".encode()).hexdigest()[:40]


def _signer(reader, salt):
    return Signer(st.get_option("server.cookieSecret"), salt=f"groundglass {salt} {reader}",
                  digest_method=hashlib.sha256)
