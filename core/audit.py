"""The audit trail: a line for each film opened and each export, and no patient in any of them.

A line is one JSON object, written at once and flushed to the disk. Films stand there by fingerprint, which whoever
holds the film can work out again and nobody else can read. It knows nothing of pages or of how readers are known.
"""

import datetime
import fcntl
import hashlib
import json
import os
from pathlib import Path

from core.errors import GroundglassError
from core.files import state_directory

ACTIONS = ("film opened", "pixels sent", "picture sent", "export", "films predicted", "log in", "log in refused")


def audit_file():
    """Where the trail is: GROUNDGLASS_AUDIT, or groundglass/audit.jsonl in the user's state directory."""
    if named := os.environ.get("GROUNDGLASS_AUDIT"):
        return Path(named).absolute()
    return state_directory() / "audit.jsonl"


def fingerprint(identity):
    """32 hexadecimal digits of a SOP Instance UID, or of an id where there is none."""
    return hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def record(action, identities=(), reader="", detail=""):
    """Add a line: `action` of `ACTIONS`, the films' identities (UIDs or ids), who did it, and which format or route.

    Returns "" or, when the trail cannot be written, a sentence; raises `GroundglassError` with it where the trail was
    asked for by name (GROUNDGLASS_AUDIT), so that nothing is shown that is not on record.
    """
    if action not in ACTIONS:
        raise ValueError(f"{action!r} is none of {ACTIONS}")
    films = [fingerprint(each) for each in identities]
    line = {"time": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"), "action": action,
            "reader": reader, "detail": detail, "films": films}
    place = audit_file()
    try:
        _append(place, json.dumps(line) + "\n")
    except OSError as failure:
        sentence = (f"The audit trail {place} cannot be written ({failure.strerror or failure}), but every film opened "
                    "and every export must be on it: make room, or name another file in GROUNDGLASS_AUDIT.")
        if os.environ.get("GROUNDGLASS_AUDIT"):
            raise GroundglassError(sentence) from None
        return sentence
    return ""


def _append(place, line):
    """One write to a file that its owner alone may read: lines of several processes do not mix."""
    place.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(place, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # else a line that another process is writing would seem torn
        end = os.lseek(handle, 0, os.SEEK_END)
        torn = end and os.pread(handle, 1, end - 1) != b"\n"  # a full disk once took a line in part
        data = b"\n" * torn + line.encode()
        if os.write(handle, data) != len(data):
            raise OSError("the line was written in part")
        os.fsync(handle)
    finally:
        os.close(handle)
