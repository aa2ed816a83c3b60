"""Where files of our own lie, and writing them so that they are there whole or not at all.

It knows nothing of what is written.
"""

import os
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from core.errors import GroundglassError

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a cell begins with that a spreadsheet would work out
PREFIX = ".writing-"  # of a temporary's name
LEFT_BEHIND = 24 * 3600  # seconds after which nobody writes to a temporary any more


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
            temporary.unlink(missing_ok=True)


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
