"""Foreign decoders at arm's length: a frame goes to a child process and comes back as samples, or as `DecoderFailed`.

One child for each process of ours, started when first needed and again after a frame has killed it. It knows nothing
of DICOM.
"""

import atexit
import os
import struct
import subprocess
import sys
import threading
from contextlib import suppress

from core import decoder_child

LONGEST_SECONDS = 120  # JPEG 2000 of 100 megapixels takes about 15

_lock, _children = threading.Lock(), {}  # by process id: a forked process must not talk to its parent's child


class DecoderFailed(Exception):
    """The decoder raised, died or took too long; nothing of the frame can be trusted."""


def decode(kind, frame, rows, columns, bits):
    """Samples (bytes, see `decoder_child`) of the grey codestream `frame`; `kind` is one of `decoder_child.KINDS`.

    Raises `DecoderFailed`.
    """
    job = decoder_child.JOB.pack(tuple(decoder_child.KINDS).index(kind), rows, columns, bits, len(frame))
    with _lock:
        child = _child()
        watch = threading.Timer(LONGEST_SECONDS, child.kill)
        watch.start()
        try:
            child.stdin.write(job + frame)
            child.stdin.flush()
            length = decoder_child.ANSWER.unpack(child.stdout.read(decoder_child.ANSWER.size))[0]
            if length != decoder_child.FAILED:
                return child.stdout.read(length)
        except (OSError, struct.error):
            _end(child)
        finally:
            watch.cancel()
    raise DecoderFailed(f"the {kind} decoder gave up on {len(frame)} bytes")


def _child():
    child = _children.get(os.getpid())
    if child is None or child.poll() is not None:
        command = [sys.executable, "-I", decoder_child.__file__]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                 env={**os.environ, "RUST_BACKTRACE": "0"})  # looking it up takes a second
        _children[os.getpid()] = child
    return child


def _end(child):
    """Kill the child, wait for it and close its pipes."""
    _children.pop(os.getpid(), None)
    child.kill()
    child.wait()
    child.stdout.close()
    with suppress(OSError):  # what it did not read cannot be flushed
        child.stdin.close()


def _end_own():
    if child := _children.get(os.getpid()):
        _end(child)


def _unlock():
    """A process forked while another thread decodes would find the lock held for ever."""
    global _lock
    _lock = threading.Lock()


atexit.register(_end_own)
os.register_at_fork(after_in_child=_unlock)
