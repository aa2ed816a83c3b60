"""The route that serves small pictures of films, or of parts of them, for lists and galleries.

A picture is grey, as the viewer first shows the film; boxes are the page's to draw. Made pictures are kept in memory
up to LARGEST bytes, so that paging back is free. This module knows nothing of data sets; how a file becomes a `Film` is
handed to `picture_routes`.
"""

import threading
from collections import OrderedDict

import cv2
from starlette.responses import Response
from starlette.routing import Route

from core import audit
from core.dicom import film_room
from core.display import shown
from core.files import file_state
from viewer import addresses

NAME = "picture"
LARGEST = 64_000_000  # bytes of pictures kept
SIDES = range(16, 513)  # pixels of a picture's longer side


def picture_url(path, part=None, side=256):
    """Signed address of a picture of the film in the file `path`, its longer side `side` pixels (one of SIDES).

    part: (x0, y0, x1, y1) integers, of the film's pixels, inside the film; None: all of it.
    """
    detail = "-".join(str(int(number)) for number in (side, *(part or ())))
    return addresses.signed(NAME, path, detail)


class _Shelf:
    """Pictures made lately: (path, its state, detail of the address) -> (PNG, identity of the film)."""

    def __init__(self):
        self._lock, self._kept, self._bytes = threading.Lock(), OrderedDict(), 0

    def get(self, key):
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key, made):
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made
                self._bytes += len(made[0])
            while self._bytes > LARGEST:
                _, (body, _) = self._kept.popitem(last=False)
                self._bytes -= len(body)


def picture_routes(read_film) -> list[Route]:
    """The route of the pictures, for `st.App(routes=...)`; `read_film(path)` gives a `core.film.Film`.

    Refuses as `viewer.addresses.route` does.
    """
    shelf = _Shelf()

    def picture(path, detail, reader):
        key = path, file_state(path), detail
        made = shelf.get(key)
        if made is None:
            side, *part = (int(number) for number in detail.split("-"))
            with film_room(path):
                film = read_film(path)
                made = _png(shown(film), part, side), film.sop_instance_uid or film.image_id
            shelf.put(key, made)
        audit.record("picture sent", [made[1]], reader)
        return Response(made[0], media_type="image/png", headers=addresses.kept(reader))

    return [addresses.route(NAME, picture)]


def _png(grey, part, side):
    if part:
        x0, y0, x1, y1 = part
        grey = grey[y0:y1, x0:x1]
    scale = side / max(grey.shape)
    size = tuple(max(1, round(scale * length)) for length in grey.shape[::-1])
    grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return cv2.imencode(".png", grey)[1].tobytes()
