"""Who may see anything: on this machine's own address anybody, at every other one only who has logged in.

`Gate` stands before all of Streamlit, media and websocket included. It knows two ways in: OpenID Connect through
Streamlit's `st.login` when `[auth]` is in the secrets, else a password from the environment, as a hash
(GROUNDGLASS_PASSWORD_HASH, made by `python -m viewer.login`) or plain (GROUNDGLASS_PASSWORD). Without either, a server
that is bound to another address answers nothing. This module knows nothing of films.
"""

import getpass
import hashlib
import os
import secrets
import time
from collections import deque
from html import escape
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

import argon2
import streamlit as st
from itsdangerous import BadSignature, TimestampSigner
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from streamlit.auth_util import get_secrets_auth_section

from core import audit
from core.reviews import MOST_NAME
from viewer.canvas.scripts import base_path

COOKIE, OIDC_COOKIE = "groundglass_session", "_streamlit_user"
LONGEST = 12 * 3600  # seconds a log-in holds
TRIES, WITHIN = 5, 60  # wrong passwords of one address before it must wait, and for how many seconds
LOCAL = ("127.0.0.1", "localhost", "::1")
LOCKED = ("This server is bound to another address than 127.0.0.1, but then it needs a login: set "
          "GROUNDGLASS_PASSWORD_HASH (made by python -m viewer.login), or [auth] in .streamlit/secrets.toml.")
STRICT = {"Cache-Control": "no-store", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
          "Referrer-Policy": "no-referrer",
          "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"}
FORM = """<!doctype html><title>Groundglass</title><meta name=viewport content="width=device-width">
<body style="background:#0b0d10;color:#d7dce2;font:16px sans-serif;display:grid;place-content:center;height:90vh">
<form method=post><h1>Groundglass</h1><p role=alert>{said}</p>
<label>Password <input type=password name=password autocomplete=current-password autofocus></label>
<button>Log in</button></form>"""

_left = set()  # sessions that have logged out
_plain = {}  # the hash of a password that was given plain


def way():
    """'open' for all on this machine, 'oidc', 'password', or 'locked' when a login is needed and none is possible."""
    local = st.get_option("server.address") in LOCAL and not os.environ.get("GROUNDGLASS_LOGIN")
    if get_secrets_auth_section():
        return "oidc"
    return "password" if _hash() else "open" if local else "locked"


def _hash():
    """The password's hash; a plain one is hashed once and taken out of the environment, which children inherit."""
    if plain := os.environ.pop("GROUNDGLASS_PASSWORD", None):
        _plain["hash"] = argon2.PasswordHasher().hash(plain)
    return os.environ.get("GROUNDGLASS_PASSWORD_HASH") or _plain.get("hash")


def reader():
    """Who looks at this page, as text that stays the same for a log-in; '' where none is needed."""
    kind = way()
    if kind == "oidc":
        return _digest(str(st.user.get("sub") or st.user.get("email"))) if st.user.get("is_logged_in") else ""
    return _session(dict(st.context.cookies)) if kind == "password" else ""


def person():
    """The name of who looks at this page where the log-in knows it (OpenID Connect), else ''."""
    if way() != "oidc" or not st.user.get("is_logged_in"):
        return ""
    named = (st.user.get(each) for each in ("name", "email", "sub"))
    return next((str(each)[:MOST_NAME] for each in named if each and str(each).strip()), "")


def reader_of(request):
    """The same of a request for a route; None where a log-in is needed and there is none."""
    kind = way()
    if kind == "oidc":
        return _oidc_reader(request)
    return _session(request.cookies) or None if kind == "password" else "" if kind == "open" else None


def _digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _oidc_reader(request):
    """Streamlit's own signed cookie, read as its websocket reads it."""
    import json

    from streamlit.web.server.starlette.starlette_websocket import _get_signed_cookie_with_chunks

    content = _get_signed_cookie_with_chunks(request.cookies, OIDC_COOKIE)
    if not content:
        return None
    user = json.loads(content)
    return _digest(str(user.get("sub") or user.get("email"))) if user.get("is_logged_in") else None


def _signer():
    """Bound to the password too: a new password ends every log-in."""
    return TimestampSigner(st.get_option("server.cookieSecret") + (_hash() or ""), salt="groundglass session",
                           digest_method=hashlib.sha256)


def _session(cookies):
    """The session that the cookies prove, '' for none."""
    try:
        session = _signer().unsign(cookies.get(COOKIE, ""), max_age=LONGEST).decode()
    except BadSignature:
        return ""
    return "" if session in _left else session


class Gate:
    """ASGI middleware: lets through what needs no log-in or has one, and shows all others the way in."""

    def __init__(self, app):
        self.app, self._wrong = app, {}

    async def __call__(self, scope, receive, send):
        kind, path = way(), scope.get("path", "")
        free = scope["type"] == "lifespan" or kind == "open" or path == f"{base_path()}/_stcore/health"
        if free or (kind == "oidc" and not _holds_films(path)):
            return await self.app(scope, receive, send)
        request = _Seen(scope, receive)
        if kind == "password" and scope["type"] == "http" and path in _pages():
            return await (await self._form(request, path))(scope, receive, send)
        if reader_of(request) is not None:
            return await self.app(scope, receive, send)
        if scope["type"] == "websocket":
            await receive()
            return await send({"type": "websocket.close", "code": 1008})
        return await _refusal(kind, scope)(scope, receive, send)

    async def _form(self, request, path):
        """The answer to /login and /logout."""
        if path != _pages()[0]:
            _left.add(_session(request.cookies))
            answer = RedirectResponse(f"{base_path()}/login", 303, STRICT)
            answer.delete_cookie(COOKIE, path=base_path() or "/")
            return answer
        if request.method != "POST":
            return _page("Please log in.")
        return await self._tried(request)

    async def _tried(self, request):
        client, now = request.client.host if request.client else "", time.monotonic()
        tries = self._wrong.setdefault(client, deque(maxlen=TRIES))
        if len(tries) == TRIES and now - tries[0] < WITHIN:
            return _page(f"{TRIES} wrong passwords were given: wait a minute.", 429)
        tries.append(now)  # taken back when it was right: tries at the same time count too
        if len(self._wrong) > 10_000:
            self._wrong.clear()
        if not _same_site(request) or not await run_in_threadpool(_right, await _password(request)):
            audit.record("log in refused")
            return _page("That is not the password.", 403)
        tries.clear()
        session = secrets.token_hex(16)
        audit.record("log in", reader=session)
        answer = RedirectResponse(f"{base_path()}/", 303, STRICT)
        answer.set_cookie(COOKIE, _signer().sign(session).decode(), LONGEST, path=base_path() or "/", httponly=True,
                          samesite="strict", secure=request.url.scheme == "https")
        return answer


class _Seen(Request):
    """The request of a websocket too, for its cookies."""

    def __init__(self, scope, receive):
        super().__init__({**scope, "type": "http", "method": scope.get("method", "GET")}, receive)

    @property
    def cookies(self):
        jar = SimpleCookie()
        try:
            jar.load(self.headers.get("cookie", ""))
        except CookieError:
            return {}
        return {name: each.value for name, each in jar.items()}


def _pages():
    return f"{base_path()}/login", f"{base_path()}/logout"


def _holds_films(path):
    guarded = ("film/pixels", "film/picture", "film/heat", "film/download", "media", "_stcore/upload_file")
    return path.startswith(tuple(f"{base_path()}/{each}/" for each in guarded))


def _refusal(kind, scope):
    if kind == "password" and scope["method"] == "GET" and scope["path"] in (f"{base_path()}/", base_path()):
        return RedirectResponse(f"{base_path()}/login", 303, STRICT)
    sentence = LOCKED if kind == "locked" else "This needs a log-in: open the start page and log in."
    return PlainTextResponse(sentence, 403, STRICT)


def _page(said, status=200):
    return HTMLResponse(FORM.format(said=escape(said)), status, STRICT)


def _same_site(request):
    origin = request.headers.get("origin")
    return origin is None or origin == "null" or origin.split("://")[-1] == request.headers.get("host")


async def _password(request):
    """The word in the form; a form longer than any password is not read to its end."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > 4096:
            return ""
    return parse_qs(body.decode("utf-8", "replace")).get("password", [""])[0]


def _right(password):
    try:
        return argon2.PasswordHasher().verify(_hash(), password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def insist():
    """First thing on a page: where st.login is the way in, nothing else runs before it; and the way out."""
    kind = way()
    if kind == "oidc" and not st.user.get("is_logged_in"):
        st.button("Log in", on_click=st.login)
        st.stop()
    if kind == "oidc":
        st.sidebar.button("Log out", on_click=st.logout)
    elif kind == "password":
        st.sidebar.html(f'<a href="{base_path()}/logout" target="_self">Log out</a>')


def note_film(identity):
    """Put it on the audit trail that this reader has opened the film; once as long as it stays open.

    A sentence when that is not possible; see `core.audit.record`.
    """
    if st.session_state.get("film on record") == identity:
        return ""
    said = audit.record("film opened", [identity], reader())
    st.session_state["film on record"] = identity
    return said


def note_export(kind, identities=()):
    """Put an export of the films `identities` in the format `kind` on the audit trail; as `note_film`."""
    return audit.record("export", identities, reader(), kind)


if __name__ == "__main__":
    print(argon2.PasswordHasher().hash(getpass.getpass("Password: ")))
