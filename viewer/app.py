"""The server: `streamlit run viewer/app.py -- --data DIR --predictions DIR`.

Puts the interface (`contents.py`), the canvas's modules and the films' pixels behind one address. What was asked for on
the command line goes to the interface as the environment's GROUNDGLASS_DATA, GROUNDGLASS_PREDICTIONS,
GROUNDGLASS_RUNS, GROUNDGLASS_FILMS, GROUNDGLASS_WEIGHTS, GROUNDGLASS_FOLDS and GROUNDGLASS_REVIEWS, which may as well
be set directly; without any the bundled sample set is opened.
"""

import argparse
import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import sys
import threading
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

ROOT = Path(__file__).resolve().parent.parent


def take_root():
    """Replace this file's folder by the repository root on the import path, so that every module has one name."""
    others = [entry for entry in sys.path if Path(entry).resolve() not in (ROOT, ROOT / "viewer")]
    sys.path[:] = [str(ROOT), *others]


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, as every command here does."""

    def error(self, message):
        self.exit(2, f"{message[:1].upper()}{message[1:]}: give --data DIR and --predictions DIR after --.\n")


def take_arguments(argv):
    """Note the command line's choices in the environment; one sentence and exit code 2 for what is none."""
    parser = _Parser(prog="streamlit run viewer/app.py --", description="Open a data set for reading.")
    parser.add_argument("--data", type=Path, help="data set in the competition's layout (default: the sample set)")
    parser.add_argument("--predictions", type=Path, help="predictions of that set (default: the sample set's)")
    parser.add_argument("--runs", type=Path, help="directory of training runs (default: runs)")
    parser.add_argument("--films", type=Path, action="append", help="directory from which readers may predict films; "
                                                                    "may be given several times (default: none)")
    parser.add_argument("--weights", type=Path, action="append", help="directory of weights for that, beside the "
                                                                      "bundled ones; several times")
    parser.add_argument("--folds", type=Path, help="file of ids and patient folds, for the worklist (default: the "
                                                   "folds that the predictions name)")
    parser.add_argument("--reviews", help="where verdicts are kept: a SQLite file, or a URL of PostgreSQL (one with a "
                                          "password is better given in the environment's GROUNDGLASS_REVIEWS)")
    given = vars(parser.parse_args(argv))
    if (reviews := given.pop("reviews")) is not None:
        os.environ["GROUNDGLASS_REVIEWS"] = reviews if "://" in reviews else str(Path(reviews).resolve())
    for name, places in given.items():
        if places is not None:
            places = places if isinstance(places, list) else [places]
            os.environ[f"GROUNDGLASS_{name.upper()}"] = os.pathsep.join(str(place.resolve()) for place in places)


take_root()
if Path(sys.argv[0]).resolve() == Path(__file__).resolve():  # this file was started, not only imported
    take_arguments(sys.argv[1:])

from core.dicom import read_film  # noqa: E402  (needs the path above)
from core.errors import GroundglassError  # noqa: E402
from viewer import own, resources, state  # noqa: E402
from viewer.attention import heat_routes  # noqa: E402
from viewer.canvas.scripts import script_routes  # noqa: E402
from viewer.downloads import download_routes  # noqa: E402
from viewer.live import live_routes  # noqa: E402
from viewer.login import Gate  # noqa: E402
from viewer.pictures import picture_routes  # noqa: E402
from viewer.pixels import pixel_routes  # noqa: E402
from viewer.sockets import send_at_once  # noqa: E402
from viewer.state import Settings  # noqa: E402

FIRST_PAGE, SESSIONS = "first page", "streamlit.runtime.scriptrunner_utils.script_run_context"  # a thread, a logger
GIVE_BACK = 30  # seconds between two times that freed memory is given back to the system


async def give_back():
    """Give the system what pages and films no longer need: of itself the C library keeps it for good.

    Does nothing where the C library is none of GNU's.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    while trim is not None:
        await asyncio.sleep(GIVE_BACK)
        await asyncio.to_thread(lambda: (gc.collect(), trim(0)))


def open_named():
    """Import the pages, and compute what the first reader is shown first; what goes wrong is told on the page.

    Streamlit's warning that a thread without a session may show no widgets says nothing here: none is shown.
    """
    logging.getLogger(SESSIONS).addFilter(lambda record: threading.current_thread().name != FIRST_PAGE)
    from viewer import judged
    from viewer.views import reading  # noqa: F401  (imports what all pages need)

    opened = resources.identify(state.named_place())
    with contextlib.suppress(GroundglassError):
        if resources.cases(opened)[0].predictions is not None:
            judged.weighed(opened, Settings())
            judged.costs_of(opened, Settings().fusion, Settings().score)


@contextlib.asynccontextmanager
async def lifespan(_):
    """Begin what the first page needs before there is a browser to ask for it."""
    send_at_once()
    own.clear_abandoned()
    resources.warm()
    threading.Thread(target=open_named, name=FIRST_PAGE, daemon=True).start()
    giving = asyncio.create_task(give_back())
    yield
    giving.cancel()


ROUTES = [*script_routes(), *pixel_routes(resources.film), *picture_routes(read_film), *download_routes(),
          *heat_routes(resources.film), *live_routes()]
app = st.App(ROOT / "viewer" / "contents.py", routes=ROUTES, lifespan=lifespan, middleware=[Middleware(Gate)])

if __name__ == "__main__":
    app.run()
