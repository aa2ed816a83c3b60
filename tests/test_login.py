"""Before the first pixel: who is let in, to what, and what an address or a cookie is worth to others."""

import asyncio
import base64
import contextlib
import http.client
import json
import os
import subprocess
import sys
from urllib.parse import quote, urlsplit

import argon2
import pytest
import streamlit as st
from browsing import served

from core import audit
from core.errors import GroundglassError
from tests.conftest import ROOT
from viewer import login
from viewer.pixels import film_url, pixel_routes

HASH = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("correct horse")
SECRETS = ("/", "/media/abc.png", "/film/pixels/x.y", "/film/picture/x.y", "/_stcore/host-config",
           "/static/js/index.js", "/anything")


@pytest.fixture
def password(monkeypatch):
    monkeypatch.setenv("GROUNDGLASS_PASSWORD_HASH", HASH)


class Asked:
    """What the gate answers to one request; `through` when it let it pass."""

    def __init__(self, gate, path, method="GET", cookie="", body=b"", origin=None, kind="http"):
        self.through, self.status, self.headers, self.body = False, None, {}, b""
        headers = [(b"host", b"server"), (b"cookie", cookie.encode())]
        headers += [(b"origin", origin.encode())] if origin else []
        scope = {"type": kind, "path": path, "method": method, "headers": headers, "query_string": b"",
                 "scheme": "http", "server": ("server", 80), "client": ("10.0.0.9", 1)}
        if kind == "websocket":
            del scope["method"]
        gate.app = self._app
        asyncio.run(gate(scope, self._receive(body, kind), self._send))

    async def _app(self, *_):
        self.through = True

    @staticmethod
    def _receive(body, kind):
        async def receive():
            return {"type": "websocket.connect"} if kind == "websocket" else {"type": "http.request", "body": body}
        return receive

    async def _send(self, message):
        self.status = message.get("status", message.get("code", self.status))
        self.headers.update({name.decode(): text.decode() for name, text in message.get("headers", ())})
        self.body += message.get("body", b"")


def logged_in(gate):
    """The cookie of somebody who knows the password."""
    answer = Asked(gate, "/login", "POST", body=b"password=correct+horse", origin="http://server")
    assert answer.status == 303
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower()
    return cookie.split(";")[0]


def test_on_this_machine_nobody_needs_to_log_in():
    assert login.way() == "open" and Asked(login.Gate(None), "/").through


@pytest.mark.parametrize("path", SECRETS)
def test_another_address_without_a_login_answers_nothing(monkeypatch, path):
    monkeypatch.setattr(st, "get_option", lambda name: {"server.address": "0.0.0.0"}.get(name, ""))
    answer = Asked(login.Gate(None), path)
    assert not answer.through and answer.status == 403 and b"needs a login" in answer.body
    assert not Asked(login.Gate(None), path, kind="websocket").through


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "::", "192.168.0.7", "host.example"])
def test_every_address_but_this_machines_own_is_locked(monkeypatch, address):
    monkeypatch.setattr(st, "get_option", lambda _: address)
    assert login.way() == "locked"


@pytest.mark.parametrize("path", SECRETS)
def test_without_the_password_nothing_is_served(password, path):
    gate = login.Gate(None)
    for cookie in ("", f"{login.COOKIE}=x.y.z", f"{login.COOKIE}=", "a=b; =; \x7f"):
        assert not Asked(gate, path, cookie=cookie).through
    closed = Asked(gate, "/_stcore/stream", kind="websocket")
    assert not closed.through and closed.status == 1008


def test_the_password_opens_everything_and_leaving_shuts_it(password):
    gate = login.Gate(None)
    cookie = logged_in(gate)
    assert all(Asked(gate, path, cookie=cookie).through for path in SECRETS)
    assert Asked(gate, "/_stcore/stream", cookie=cookie, kind="websocket").through
    assert Asked(gate, "/logout", cookie=cookie).status == 303
    assert not Asked(gate, "/", cookie=cookie).through


def test_a_new_password_ends_every_login(password, monkeypatch):
    gate = login.Gate(None)
    cookie = logged_in(gate)
    monkeypatch.setenv("GROUNDGLASS_PASSWORD_HASH", argon2.PasswordHasher(1, 8, 1).hash("another"))
    assert not Asked(gate, "/", cookie=cookie).through


def test_a_login_does_not_last_for_ever(password, monkeypatch):
    gate = login.Gate(None)
    cookie = logged_in(gate)
    monkeypatch.setattr(login, "LONGEST", -1)
    assert not Asked(gate, "/", cookie=cookie).through


@pytest.mark.parametrize("body", [b"", b"password=", b"password=wrong", b"password=" + b"x" * 100_000, b"\xff\xfe"])
def test_wrong_passwords_are_refused_and_on_record(password, body):
    answer = Asked(login.Gate(None), "/login", "POST", body=body)
    assert answer.status == 403 and "set-cookie" not in answer.headers
    assert json.loads(audit.audit_file().read_text().splitlines()[-1])["action"] == "log in refused"


def test_guessing_is_slowed_down_even_with_the_right_password(password):
    gate = login.Gate(None)
    for _ in range(login.TRIES):
        assert Asked(gate, "/login", "POST", body=b"password=wrong").status == 403
    assert Asked(gate, "/login", "POST", body=b"password=correct+horse").status == 429


def test_another_sites_form_does_not_log_in(password):
    answer = Asked(login.Gate(None), "/login", "POST", body=b"password=correct+horse", origin="http://evil.example")
    assert answer.status == 403


def test_a_plain_password_does_not_stay_in_the_environment(monkeypatch):
    monkeypatch.setattr(login, "_plain", {})
    monkeypatch.setenv("GROUNDGLASS_PASSWORD", "plain")
    assert login.way() == "password" and "GROUNDGLASS_PASSWORD" not in os.environ
    assert login._right("plain") and not login._right("other")


def test_a_films_address_is_worth_nothing_to_another_reader(password, monkeypatch, tmp_path):
    """Both have logged in; each gets an address of their own."""
    path = tmp_path / "film.dcm"
    path.write_bytes(b"film")
    gate = login.Gate(None)
    mine, theirs = logged_in(gate), logged_in(gate)
    monkeypatch.setattr(login, "reader", lambda: login._session(dict([mine.split("=", 1)])))
    address = film_url(path)

    def status(cookie):
        def read(_):
            raise GroundglassError("read")
        request = login._Seen({"type": "http", "headers": [(b"cookie", cookie.encode())],
                               "path_params": {"token": address.rsplit("/", 1)[1]}}, None)
        return pixel_routes(read)[0].endpoint(request).status_code

    assert (status(mine), status(theirs), status("")) == (422, 403, 403)


def test_openid_guards_films_and_media_by_streamlits_own_cookie(monkeypatch):
    from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

    monkeypatch.setattr(login, "get_secrets_auth_section", lambda: {"client_id": "x"})
    secret = st.get_option("server.cookieSecret")
    user = json.dumps({"is_logged_in": True, "sub": "reader"})
    cookie = f"{login.OIDC_COOKIE}={create_signed_value(secret, login.OIDC_COOKIE, user).decode()}"
    gate = login.Gate(None)
    for path in ("/media/abc.png", "/film/pixels/x.y", "/film/picture/x.y"):
        assert Asked(gate, path).status == 403
        assert Asked(gate, path, cookie=cookie).through
    assert Asked(gate, "/oauth2callback").through


def test_an_audit_line_names_no_patient_and_stays_one_line():
    audit.record("film opened", ["1.2.3\n", "Doe^John"], reader="r\n{}", detail="x")
    text = audit.audit_file().read_text().splitlines()[-1]
    line = json.loads(text)
    assert "Doe" not in text and "1.2.3" not in text and line["reader"] == "r\n{}"
    assert line["films"][1] == audit.fingerprint("Doe^John") and len(line["films"][0]) == 32
    assert audit.audit_file().stat().st_mode & 0o077 == 0


def test_no_film_is_shown_that_is_not_on_record(monkeypatch, tmp_path):
    monkeypatch.setenv("GROUNDGLASS_AUDIT", str(tmp_path))
    with pytest.raises(GroundglassError, match="audit trail .* cannot be written"):
        audit.record("export")
    monkeypatch.delenv("GROUNDGLASS_AUDIT")
    (tmp_path / "groundglass").write_text("in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert "cannot be written" in audit.record("export")


def test_many_writers_keep_their_lines_apart(tmp_path):
    place = tmp_path / "trail.jsonl"
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom core import audit\n" \
              "for n in range(200): audit.record('export', [str(n)] * 20)"
    writers = [subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "GROUNDGLASS_AUDIT": str(place)})
               for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert len([json.loads(line) for line in place.read_text().splitlines()]) == 600


def fetched(address, path, method="GET", body=None, **headers):
    place = urlsplit(address)
    with contextlib.closing(http.client.HTTPConnection(place.hostname, place.port, timeout=30)) as connection:
        connection.request(method, path, body, headers)
        with connection.getresponse() as answer:
            body = b"" if answer.status == 101 else answer.read()
            return answer.status, answer.getheader("set-cookie", "").split(";")[0], body


def test_the_real_server_shows_nothing_before_the_password(tmp_path, monkeypatch):
    monkeypatch.setenv("GROUNDGLASS_PASSWORD", "correct horse")
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode()}
    with served("viewer/app.py", tmp_path / "log", root=ROOT) as address:
        assert fetched(address, "/")[0] == 303
        assert fetched(address, "/_stcore/stream", **upgrade)[0] == 403
        assert fetched(address, "/login", "POST", "password=wrong")[0] == 403
        status, cookie, _ = fetched(address, "/login", "POST", "password=" + quote("correct horse"))
        assert status == 303
        assert fetched(address, "/", Cookie=cookie)[0] == 200
        assert fetched(address, "/_stcore/stream", Cookie=cookie, **upgrade)[0] == 101
    said = (tmp_path / "log").read_text()
    assert "correct horse" not in said and "Traceback" not in said
