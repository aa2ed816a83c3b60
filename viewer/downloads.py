"""The route that hands a reader the files that a page has made, from the disk: none of them lies in memory.

`Kept` is a file with a folder of its own, which is deleted when nobody holds it any more, as when the session that does
so ends; `download_routes` answers the signed addresses of such files.
"""

import shutil
import tempfile
import weakref
from html import escape
from pathlib import Path

from starlette.responses import FileResponse
from starlette.routing import Route

from core.errors import GroundglassError
from viewer import addresses, charts

NAME = "download"


class Kept:
    """A file `path` to be, called `name`, in a new folder that goes when this object goes.

    Raises `GroundglassError` when there is no room for it.
    """

    def __init__(self, name):
        try:
            folder = tempfile.mkdtemp(prefix="groundglass-")
        except OSError as failure:
            raise GroundglassError(f"{tempfile.gettempdir()} cannot be written ({failure.strerror or failure}), but "
                                   "the file needs a place there: make room, or name another in TMPDIR.") from None
        self.path = Path(folder) / name
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    @property
    def size(self):
        """Bytes of the file."""
        return self.path.stat().st_size


def link(kept, words):
    """HTML of a link that saves the file of `kept` (`Kept`), to be seen as a button."""
    address = addresses.signed(NAME, kept.path)
    return charts.tag("a", escape(words), href=address, download=kept.path.name, class_="save")


def download_routes() -> list[Route]:
    """The route of the files, for `st.App(routes=...)`; refuses as `viewer.addresses.route` does."""
    def download(path, _, __):
        return FileResponse(path, filename=Path(path).name, headers=addresses.FORGET)

    return [addresses.route(NAME, download)]
