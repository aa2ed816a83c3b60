"""The route that serves a film's stored pixels, once per film and browser, to whoever holds a signed address.

This module knows nothing of data sets; how a file becomes a `Film` is handed to `pixel_routes`.
"""

import numpy as np
from starlette.responses import Response
from starlette.routing import Route

from core import audit
from core.display import grey_table, modality_values, stored_values
from core.looks import presets
from core.room import films
from core.vendor_luts import without_vendor_luts
from viewer import addresses
from viewer.canvas.payload import deflate, pack

NAME = "pixels"


def film_url(path) -> str:
    """Signed address of the film in the file `path`; a file that is absent gets one too, which answers 404."""
    return addresses.signed(NAME, path)


def pixel_routes(read_film) -> list[Route]:
    """The route of the pixels, for `st.App(routes=...)`; `read_film(path)` gives a `core.film.Film`.

    Refuses as `viewer.addresses.route` does.
    """
    def pixels(path, _, reader):
        film = read_film(path)
        audit.record("pixels sent", [film.sop_instance_uid or film.image_id], reader)
        with films.taken(film.pixels.size):
            body = deflate(film_body(film))
        return Response(body, media_type="application/octet-stream",
                        headers={**addresses.kept(reader), "Content-Encoding": "deflate"})

    return [addresses.route(NAME, pixels)]


def film_body(film) -> bytes:
    """What the canvas needs of a `Film`: its pixels as stored, and a grey table for each of its looks.

    Where the tables of its maker make a difference, the looks without them follow, and the header's "plain" has theirs.
    """
    lut = None
    if film.modality_lut is not None:
        lut = modality_values(stored_values(film.pixels.dtype), film.slope, film.intercept, film.modality_lut)
    sides = dict(zip(("left", "right"), film.orientation or (), strict=False))
    plain = without_vendor_luts(film)
    header = {
        "modality": [film.slope, film.intercept] if lut is None else None,
        "padding": film.padding,
        **_manner(film),
        "plain": None if plain is film else _manner(plain),
        "sides": sides,
        "spacing": film.spacing_mm,
        "spacing_kind": film.spacing_kind,
    }
    shown = [film] if plain is film else [film, plain]
    tables = np.stack([grey_table(each, look) for each in shown for look in each.looks])
    return pack(film.pixels, header, tables, lut)


def _manner(film):
    """How a film is shown: with the tables of its maker, or without."""
    return {"inverted": film.inverted, "looks": [{"name": look.name, "window": _window(look)} for look in film.looks],
            "presets": presets(film.looks), "steps": list(film.steps)}


def _window(look):
    if look.table is not None:
        return None
    return {"center": look.center, "width": look.width, "function": look.function}
