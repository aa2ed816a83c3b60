"""Serves the canvas's JavaScript: plain modules that import each other, at an address that changes with their text.

Streamlit repeats a component's inline script in every message, so inline is only `mount.js`, a few lines that import
`film.js` from here. The version in the address lets the browser keep the modules for good.
"""

import hashlib
from pathlib import Path

import streamlit as st
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

PLACE = Path(__file__).resolve().parent
FIRST, APART = "film.js", ("film.js", "mount.js", "worker.js")  # the last two are no modules of the page


def _scripts():
    """Name -> text of each script; the first one asks for all others at once, which saves journeys to the server."""
    found = {path.name: path.read_bytes() for path in sorted(PLACE.glob("*.js"))}
    all_at_once = "".join(f'import "./{name}";\n' for name in found if name not in APART).encode()
    return {**found, FIRST: all_at_once + found[FIRST]}


SCRIPTS = _scripts()
VERSION = hashlib.sha256(b"".join(SCRIPTS.values())).hexdigest()[:16]


def base_path() -> str:
    """What every address of this server begins with: '' or Streamlit's `server.baseUrlPath` as '/name'."""
    path = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def module_url() -> str:
    """Address of the canvas's first module."""
    return f"{base_path()}/film/canvas/{VERSION}/{FIRST}"


def script_routes() -> list[Route]:
    """The route of the canvas's modules, for `st.App(routes=...)`."""
    return [Route(f"{base_path()}/film/canvas/{{version}}/{{name}}", _script)]


async def _script(request):
    name, version = request.path_params["name"], request.path_params["version"]
    if version != VERSION or name not in SCRIPTS:
        return PlainTextResponse(f"No canvas script {name} of this version is here: reload the page.", 404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(SCRIPTS[name], media_type="text/javascript", headers=headers)
