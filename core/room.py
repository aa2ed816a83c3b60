"""Room for pixels: how many are in work in one process at the same time, whatever is asked of it at once.

A large film takes ten bytes of memory for each pixel while it is decoded, so a few of them at once would take all
there is. It knows nothing of films or files.
"""

import threading
from collections import deque
from contextlib import contextmanager

MOST_AT_ONCE = 64_000_000  # pixels: one of the largest films that are shown, or a few detectors' whole pictures


class Room:
    """Room for `most` pixels at a time. Who asks for more than is left waits, in the order of asking."""

    def __init__(self, most=MOST_AT_ONCE):
        self.most, self.used = most, 0
        self._change, self._line, self._holder = threading.Condition(), deque(), threading.local()

    @property
    def held(self):
        """Whether this thread holds some."""
        return getattr(self._holder, "inside", False)

    @contextmanager
    def taken(self, pixels):
        """Room for `pixels` for the time of the block; for more than there is, all of it.

        A thread that holds some already works within that and does not ask again, or it would wait for itself.
        """
        if self.held:
            yield
            return
        pixels = min(pixels, self.most)
        self._wait(pixels)
        self._holder.inside = True
        try:
            yield
        finally:
            self._holder.inside = False
            with self._change:
                self.used -= pixels
                self._change.notify_all()

    def _wait(self, pixels):
        turn = object()
        with self._change:
            self._line.append(turn)
            try:
                self._change.wait_for(lambda: self._line[0] is turn and self.used + pixels <= self.most)
                self.used += pixels
            finally:
                self._line.remove(turn)
                self._change.notify_all()


films = Room()  # for all films of this process
