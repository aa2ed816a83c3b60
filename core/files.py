"""Where files of our own lie, and writing them so that they are there whole or not at all.

It knows nothing of what is written.
"""

import errno
import fcntl
import hashlib
import os
import stat
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from core.errors import GroundglassError

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a cell begins with that a spreadsheet would work out
PREFIX = ".writing-"  # of a temporary's name
LEFT_BEHIND = 24 * 3600  # seconds after which nobody writes to a temporary any more
_DIGEST = hashlib.sha256().digest_size


class Damaged(Exception):
    """What a cache holds is not what was written; the sentence is for the user. It can be made again."""


def file_state(path):
    """(bytes, time of change in ns) of the file, None where there is none: another state is another content."""
    try:
        stat = Path(path).stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


@contextmanager
def open_plain(path):
    """The file at `path`, open to read bytes for the time of the block.

    Raises `OSError`, also for what is no plain file: a pipe is not waited for, and a device has no end.
    """
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no plain file")
        yield file


def plain_bytes(path, most):
    """The bytes of the file at `path`. Raises `OSError` as `open_plain` does, and for more than `most` bytes."""
    with open_plain(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes")
    return content


def readable(name):
    """`name` of a file or folder, each byte that is no UTF-8 as \\xNN: such a name cannot be kept or sent as text."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8").replace("\\udc", "\\x")


def cell(text):
    """`text` for a cell of a CSV; before what a spreadsheet would take for a formula stands an apostrophe.

    `core.tables.read_id` reads over the apostrophe.
    """
    return f"'{text}" if isinstance(text, str) and text[:1] in FORMULA else text


def cache_directory():
    """The directory for what can be computed again: GROUNDGLASS_CACHE, or ~/.cache/groundglass.

    It may not exist.
    """
    named = os.environ.get("GROUNDGLASS_CACHE")
    return Path(named).absolute() if named else Path.home() / ".cache" / "groundglass"


def state_directory():
    """The directory for what must be kept: `groundglass` in XDG_STATE_HOME or in ~/.local/state. It may not exist."""
    named = os.environ.get("XDG_STATE_HOME")
    return (Path(named) if named else Path.home() / ".local" / "state") / "groundglass"


@contextmanager
def whole_file(path, error=GroundglassError, mode=0o644):
    """Give the path of a temporary file to write to; when the block ends well it takes the place of `path`.

    The temporary lies in the same directory, which is made when absent; it is flushed to the disk before the
    swap, so a reader sees the old file or the new one. When the block fails, `path` stays as it was. An
    `OSError` (full disk, read-only directory) becomes `error` with one sentence.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _forget(path.parent)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=PREFIX, suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        _to_disk(temporary)
        temporary.chmod(mode)
        temporary.replace(path)
        _to_disk(path.parent)
    except OSError as failure:
        raise error(f"{path} cannot be written ({failure.strerror or failure}), and what was there before is "
                    "kept: choose a directory that can be written and has room.") from None
    finally:
        if temporary is not None:
            with suppress(OSError):  # it took its place, or its directory is gone
                temporary.unlink()


def write_sealed(path, content, mode=0o600):
    """Write `content` (bytes) to the cache file `path`, its SHA-256 before it; as `whole_file`."""
    with whole_file(path, mode=mode) as temporary:
        temporary.write_bytes(hashlib.sha256(content).digest() + content)


def read_sealed(path):
    """The bytes that `write_sealed` left at `path`, None where there are none. Raises `Damaged`."""
    try:
        found = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(found[_DIGEST:]).digest() != found[:_DIGEST]:
        raise Damaged(f"{path} was damaged, though it must hold what was written, and has been made again: check the "
                      "disk should it happen often.")
    return found[_DIGEST:]


@contextmanager
def locked(directory, error=GroundglassError, *, shared=False, wait=True):
    """Keep other processes and threads that lock `directory` out for the time of the block, or all but `shared` ones.

    The system takes the lock back from a process that is killed. Where `directory` is absent, or its file system knows
    no locks, there is none. Raises `error` when another holds it and not to `wait` is asked for.
    """
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield
        return
    try:
        _lock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        yield
    except BlockingIOError:
        raise error(f"{directory} is being written by another process, but one at a time may: wait for it to end, or "
                    "name another directory.") from None
    finally:
        os.close(handle)


def _lock(handle, how):
    try:
        fcntl.flock(handle, how)
    except OSError as failure:
        if failure.errno in (errno.EWOULDBLOCK, errno.EAGAIN):
            raise


def _forget(directory):
    """Delete temporaries that a process left behind when it was killed."""
    for left in directory.glob(f"{PREFIX}*"):
        with suppress(OSError):  # another process deletes too
            if time.time() - left.stat().st_mtime > LEFT_BEHIND:
                left.unlink()


def _to_disk(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
