"""The films that readers bring: a working area for each session, removed when it ends, and one prediction at a time.

    CACHE/own/SERVER/SESSION/inbox/0001      what was handed over, under a number
    CACHE/own/SERVER/SESSION/films, ...      what `python -m core predict --films` makes of it, in a child process

Original file names are kept in memory alone. A server's folder is locked while it lives; the next one to start removes
those of servers that ended. This module knows nothing of pages.
"""

import atexit
import contextlib
import fcntl
import itertools
import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.errors import BadUpload, GroundglassError
from core.files import cache_directory, whole_file
from core.index import index_file
from core.own_films import FILMS

ROOT = Path(__file__).resolve().parent.parent
GRACE = 180  # seconds after its browser has gone that an area is kept, for one that comes back
LOOK = 20  # seconds between two looks at which sessions are left
MOST_BROUGHT = 4 * 2 ** 30  # bytes that a session may hand over
ENDED = ("done", "failed", "cancelled")
SECRET = ("GROUNDGLASS_PASSWORD", "GROUNDGLASS_PASSWORD_HASH", "GROUNDGLASS_REVIEWS")  # which no child needs


@dataclass
class Job:
    """One run of `predict`: `state` is waiting, running or one of ENDED; `said` is the sentence of a failure."""

    command: list[str]
    area: "Area"
    state: str = "waiting"
    stage: str = ""
    done: int = 0
    total: int = 0
    said: str = ""
    child: subprocess.Popen | None = None

    @property
    def ended(self):
        return self.state in ENDED


@dataclass(eq=False)
class Area:
    """A session's films: where they lie, what they were called, and what is known of each."""

    path: Path
    names: dict[str, str] = field(default_factory=dict)  # inbox number -> name of the file handed over
    rows: dict[tuple, dict] = field(default_factory=dict)  # (source, name) -> what `predict` told of it
    doubts: dict[str, list[str]] = field(default_factory=dict)  # image id -> why, of those that wait
    failed: dict[str, str] = field(default_factory=dict)  # image id -> why it is not predicted
    passed_over: int = 0
    job: Job | None = None
    brought: int = 0
    left: float | None = None  # when its session was first missed

    @property
    def films(self):
        return self.path / FILMS

    def bring(self, files):
        """Put uploaded files (with `name` and `getbuffer`) into the inbox. Raises `BadUpload`."""
        inbox = self.path / "inbox"
        for file in files:
            content = file.getbuffer()
            self.brought += len(content)
            if self.brought > MOST_BROUGHT:
                raise BadUpload(f"{self.brought:,} bytes were handed over, but at most {MOST_BROUGHT:,} are taken in a "
                                "session: remove your films first, or name a folder on the server.")
            number = f"{len(self.names) + 1:04}"
            try:
                inbox.mkdir(mode=0o700, exist_ok=True)
                with whole_file(inbox / number, mode=0o600) as temporary:
                    temporary.write_bytes(content)
            except (OSError, GroundglassError):
                raise BadUpload(f"{file.name} cannot be kept, but room on the server's disk is needed: tell its "
                                "operator.") from None
            self.names[number] = file.name

    def predict(self, weights, views, confirmed=(), folder=None, within=()):
        """Queue a run over all that lies in the inbox or in `folder` of the server, and what is not predicted yet."""
        command = [sys.executable, "-m", "core", "predict", "--json", "--out", str(self.path), "--views", str(views),
                   "--batch", "8", "--weights", *map(str, weights), "--films"]
        if folder is None:
            (self.path / "inbox").mkdir(mode=0o700, exist_ok=True)
            command += [str(self.path / "inbox"), "--pseudonyms", "--within", str(self.path)]
        else:
            command += [str(folder), "--within", *map(str, within)]
        if confirmed:
            command += ["--confirm", *confirmed]
        self.failed.clear()
        self.job = Job(command, self)
        _queue(self.job)

    def cancel(self):
        """Stop the run; what it has written stays."""
        if self.job is not None and not self.job.ended:
            self.job.state = "cancelled"
            if self.job.child is not None:
                _stop(self.job.child)

    def remove(self):
        """Delete all of the reader's films."""
        self.cancel()
        _delete(self.path)

    def hear(self, told):
        """Take note of one line of `python -m core predict --json`."""
        if "taken" in told:
            taken = told["taken"]
            number = taken["name"] if taken["source"] == "inbox" else ""
            name = self.names.get(number, taken["name"])
            error = taken["error"].replace(number, name, 1) if number in self.names else taken["error"]
            self.rows[taken["source"], taken["image"] or taken["name"]] = {**taken, "name": name, "error": error}
        elif "doubt" in told:
            self.doubts[told["doubt"]["image"]] = told["doubt"]["why"]
        elif "progress" in told:
            progress = told["progress"]
            self.job.stage, self.job.done, self.job.total = progress["stage"], progress["done"], progress["total"]
            if self.job.stage == "predict":
                self.doubts.clear()
        elif "passed_over" in told:
            self.passed_over += told["passed_over"]
        elif "done" in told:
            self.failed = told["done"]["failed"]
        elif "failed" in told:
            self.job.said = told["failed"]


_areas: dict[str, Area] = {}
_waiting: deque[Job] = deque()
_change = threading.Condition()
_threads = itertools.count()
_place, _lock = None, None


def area(make=False):
    """The `Area` of this session, None when it has none; `make` one then. Raises `BadUpload`."""
    context = get_script_run_ctx()
    session = context.session_id if context else ""
    with _change:
        found = _areas.get(session)
        if found is None and make:
            found = _areas[session] = Area(_own_folder() / secrets.token_hex(8))
            try:
                found.path.mkdir(mode=0o700)
            except OSError as failure:
                raise _no_place(failure) from None
            if next(_threads) == 0:
                for work in (_work, _watch):
                    threading.Thread(target=work, name=work.__name__, daemon=True).start()
    return found


def forget():
    """Remove this session's area."""
    context = get_script_run_ctx()
    with _change:
        found = _areas.pop(context.session_id if context else "", None)
    if found is not None:
        found.remove()


def position(job):
    """How many runs of other readers come first."""
    with _change:
        running = sum(each.job is not None and each.job.state == "running" for each in _areas.values())
        return (_waiting.index(job) if job in _waiting else 0) + running


def clear_abandoned():
    """Remove the areas of servers that have ended; of one that was killed, nobody else does."""
    base = cache_directory() / "own"
    for folder in base.glob("*-*") if base.is_dir() else ():
        with contextlib.suppress(OSError), (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while its server lives
            for left in folder.iterdir():
                _delete(left)
            shutil.rmtree(folder, ignore_errors=True)


def _delete(path):
    """Delete an area, and the index of its headers, which names patients."""
    with contextlib.suppress(OSError):
        index_file(path / FILMS).unlink()
    shutil.rmtree(path, ignore_errors=True)


def _own_folder():
    global _place, _lock
    if _place is None or not _place.is_dir():
        folder = cache_directory() / "own" / f"{os.getpid()}-{secrets.token_hex(4)}"
        try:
            folder.mkdir(parents=True, mode=0o700)
            _lock = (folder / "lock").open("w")
            fcntl.flock(_lock, fcntl.LOCK_EX)
        except OSError as failure:
            raise _no_place(failure) from None
        _place = folder
        atexit.register(_leave)
    return _place


def _leave():
    """The server ends: so do its readers' areas."""
    for found in list(_areas.values()):
        found.remove()
    shutil.rmtree(_place, ignore_errors=True)


def _no_place(failure):
    return BadUpload(f"{cache_directory()} cannot be written ({failure.strerror or failure}), but your films need a "
                     "place there: make room, or name another directory in GROUNDGLASS_CACHE.")


def _queue(job):
    with _change:
        _waiting.append(job)
        _change.notify()


def _work():
    """Run one job after the other, for as long as the server lives."""
    while True:
        with _change:
            while not _waiting:
                _change.wait()
            job = _waiting.popleft()
            if job.ended:
                continue
            job.state = "running"
        try:
            _run(job)
        except Exception as defect:  # of this job alone: the next reader's must run
            job.state, job.said = "failed", f"The prediction ended early ({type(defect).__name__}): try it again."


def _run(job):
    kept = {name: value for name, value in os.environ.items() if name not in SECRET}
    with subprocess.Popen(job.command, cwd=ROOT, env=kept, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, start_new_session=True, text=True) as child:
        job.child = child
        if job.state == "cancelled":
            _stop(child)
        for line in child.stdout:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                job.area.hear(json.loads(line))
    shutil.rmtree(job.area.path / "inbox", ignore_errors=True)  # archives, and what is no film
    if job.state == "cancelled":
        return
    if child.returncode not in (0, 2) and not job.said:
        job.said = (f"The prediction ended early (exit code {child.returncode}), but what it had done is kept: try "
                    "again, with fewer films.")
    job.state = "failed" if job.said else "done"


def _stop(child):
    """End the child and its decoders."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, 9)  # writes are atomic: nothing is half written


def _watch():
    """Remove the areas of sessions that have gone."""
    while True:
        time.sleep(LOOK)
        if not runtime.exists():
            continue
        for session, found in list(_areas.items()):
            if runtime.get_instance().is_active_session(session):
                found.left = None
            elif found.left is None:
                found.left = time.monotonic()
            elif time.monotonic() - found.left > GRACE:
                with _change:
                    _areas.pop(session, None)
                found.remove()
