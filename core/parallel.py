"""Films dealt to the machine's cores: compiled loops that release the interpreter, in threads.

Threads of Python rather than numba's `prange`: the layer of it that every machine has aborts the process when two
threads enter it at once, as two sessions of the viewer do; OpenMP's threads spin while a training wants the cores and
cannot be used after a fork; parts of fixed size wait for the slowest core. This module knows nothing of what is
computed.
"""

import os
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache

import numpy as np

WORKERS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
PARTS = 4  # per worker: more even out what other programs take, fewer cost less
SMALL = 4096  # rows below which threads are not worth their start


def over_films(kernel, offsets, *arguments):
    """Calls kernel(first, last, *arguments) until all films are done, each by one call; returns when all are.

    offsets [F+1] int64 cut the rows that the work grows with; parts hold about equally many. `kernel` must release
    the interpreter (`nogil`) and write to no place of another film, so that neither the number of workers nor
    their order changes a result. Safe to call from several threads at once.
    """
    films, rows = len(offsets) - 1, offsets[-1]
    if WORKERS == 1 or rows < SMALL or films < 2:
        kernel(0, films, *arguments)
        return
    cuts = np.searchsorted(offsets, np.linspace(0, rows, WORKERS * PARTS + 1)[1:-1])
    cuts = np.unique(np.r_[0, cuts, films]).tolist()
    parts = [_pool().submit(kernel, first, last, *arguments) for first, last in zip(cuts[:-1], cuts[1:], strict=True)]
    wait(parts)
    for part in parts:
        part.result()


@lru_cache
def _pool():
    """The threads, kept: to start them for each call would take as long as a small call."""
    return ThreadPoolExecutor(WORKERS, "films")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not outlive a fork


def read_only(array, dtype=None):
    """`array` as a contiguous read-only view of `dtype`: kernels are then compiled for one kind of input only."""
    view = np.ascontiguousarray(array, dtype).view()
    view.flags.writeable = False
    return view
