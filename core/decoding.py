"""Foreign decoders at arm's length: a frame goes to a child process and comes back as samples, or as `DecoderFailed`.

A few children for each process of ours, started when first needed and again after a frame has killed one, so that a
slow frame of one reader does not hold up the others. It knows nothing of DICOM.
"""

import atexit
import os
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress

from core import decoder_child

LONGEST_SECONDS = 8  # of the wall clock, for one frame; JPEG 2000 of 16 megapixels takes about 2
LARGE = 20_000_000  # pixels of a frame whose child is ended, since it keeps some of the memory
CHILDREN = 2  # of one process, at the same time


class DecoderFailed(Exception):
    """The decoder raised, warned, died or took too long; nothing of the frame can be trusted. The text says which."""


class _Nursery:
    """The children of one process: those at rest, and how many more may work."""

    def __init__(self):
        self.lock, self.places, self.resting = threading.Lock(), threading.Semaphore(CHILDREN), []

    @contextmanager
    def lent(self, once=False):
        """A child for the time of the block; at its end it rests, or is buried when it has died or was meant for one
        frame only."""
        with self.places:
            with self.lock:
                child = self.resting.pop() if self.resting else None
            if child is None or child.poll() is not None:
                child = _started()
            try:
                yield child
            except BaseException:
                _end(child)
                raise
            if once:
                _end(child)
                return
            with self.lock:
                self.resting.append(child)

    def end(self):
        """End the children at rest."""
        with self.lock:
            while self.resting:
                _end(self.resting.pop())


_nursery, _left = _Nursery(), []


def decode(kind, frame, rows, columns, bits):
    """Samples (bytes, see `decoder_child`) of the grey codestream `frame`; `kind` is one of `decoder_child.KINDS`.

    Raises `DecoderFailed`, also when there are more or fewer samples than `rows` x `columns`.
    """
    job = decoder_child.JOB.pack(tuple(decoder_child.KINDS).index(kind), rows, columns, bits, len(frame))
    late = threading.Event()
    try:
        with _nursery.lent(once=rows * columns > LARGE) as child:
            watch = threading.Timer(LONGEST_SECONDS, lambda: (late.set(), child.kill()))
            watch.start()
            try:
                status, answer = _asked(child, job, frame, rows * columns * (1 if bits <= 8 else 2))
            finally:
                watch.cancel()
    except (OSError, struct.error):
        raise DecoderFailed(f"it took longer than {LONGEST_SECONDS} s" if late.is_set() else "it ended its process "
                            "or took too much memory") from None
    if status != decoder_child.DONE:
        raise DecoderFailed(answer.decode("utf-8", "replace") or "it gave no reason")
    return answer


def _asked(child, job, frame, expected):
    """Status and answer of a child; an answer of the wrong length is not read, since it may be without end."""
    child.stdin.write(job)
    child.stdin.write(frame)
    child.stdin.flush()
    status, length = decoder_child.ANSWER.unpack(child.stdout.read(decoder_child.ANSWER.size))
    if length != expected and (status == decoder_child.DONE or length > 1000):
        raise DecoderFailed(f"it gave {length} bytes where {expected} were due")
    answer = child.stdout.read(length)
    if len(answer) != length:
        raise OSError("the child died while it answered")
    return status, answer


def _started():
    command = [sys.executable, "-I", decoder_child.__file__]
    quiet = {"RUST_BACKTRACE": "0", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # a backtrace takes a second
    kept = {name: value for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if (value := os.environ.get(name))}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            env={**kept, **quiet})


def _end(child):
    """Kill the child, wait for it and close its pipes."""
    child.kill()
    child.wait()
    child.stdout.close()
    with suppress(OSError):  # what it did not read cannot be flushed
        child.stdin.close()


def _begin_anew():
    """A forked process must neither talk to its parent's children nor wait for a lock that nobody will release."""
    global _nursery
    _left.append(_nursery)  # kept: what is thrown away would be waited for
    _nursery = _Nursery()


atexit.register(lambda: _nursery.end())
os.register_at_fork(after_in_child=_begin_anew)
