"""Ten readers at once on one server: how long a page interaction takes, and what memory is left when they have gone.

Each reader speaks Streamlit's own protocol over a websocket of its own, as a browser does: it opens the next film or
moves a setting, waits for the page and fetches the film's pixels, looks for a moment, and goes on. Browsers are left
out, as they would take the machine that the server is to be measured on.
"""

import asyncio
import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOVES = ("method=WBF&iou=0.55", "method=NMS&iou=0.5", "n=0.4", "show=0.4", "skip=0.1", "find=1", "order=trouble")


def add_options(parser):
    parser.add_argument("--readers", type=int, default=10, help="readers at once, 10 unless told")
    parser.add_argument("--seconds", type=float, default=60, help="how long they read, 60 unless told")
    parser.add_argument("--pause", type=float, default=2, help="seconds a reader looks at a page, 2 unless told")
    parser.add_argument("--after", type=float, default=180, help="seconds until memory is taken again, 180 unless told")
    parser.add_argument("--data", type=Path, help="data set (default: the sample set)")
    parser.add_argument("--predictions", type=Path, help="predictions of that set")


@contextlib.contextmanager
def server(options):
    """Process id and port of a server on the data set of `options`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = [f"--{name}={value}" for name in ("data", "predictions") if (value := getattr(options, name))]
    with tempfile.TemporaryDirectory() as folder:
        place = {**os.environ, "GROUNDGLASS_AUDIT": f"{folder}/audit.jsonl"}
        command = [sys.executable, "-m", "streamlit", "run", "viewer/app.py", "--server.port", str(port), "--", *given]
        started = subprocess.Popen(command, cwd=ROOT, env=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   start_new_session=True)
        try:
            while not _answers(port):
                time.sleep(0.2)
            yield started.pid, port
        finally:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()


def _answers(port):
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
        return True
    return False


def resident(pid):
    """MiB of the process group's resident memory, decoders included."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = status.read_text().rsplit(")", 1)[1].split()
            if int(fields[2]) == pid:
                total += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return total / 2 ** 20


class Reader:
    """One reader: `pages` and `films` are the seconds that its pages and pixels took."""

    def __init__(self, port, films, seed):
        self.port, self.films, self.random = port, films, random.Random(seed)
        self.pages, self.pixels, self.failed = [], [], 0

    async def read(self, until, pause):
        """Read until the time `until`."""
        from websockets.asyncio.client import connect

        address = f"ws://127.0.0.1:{self.port}/_stcore/stream"
        async with connect(address, subprotocols=["streamlit"], max_size=None) as socket:
            while True:
                film = self.random.choice(self.films)
                move = self.random.choice(MOVES) if self.random.random() < 0.3 else ""
                await self._page(socket, f"film={film}&{move}")
                if time.monotonic() >= until:
                    return
                await asyncio.sleep(self.random.uniform(0.5, 1.5) * pause)

    async def _page(self, socket, query):
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        wanted, started, found = BackMsg(), time.monotonic(), []
        wanted.rerun_script.query_string = query
        await socket.send(wanted.SerializeToString())
        while True:
            data = await socket.recv()
            message = ForwardMsg.FromString(data)
            found += re.findall(rb"/film/pixels/[\w.-]+", data)
            if message.WhichOneof("type") == "delta" and message.delta.new_element.HasField("exception"):
                self.failed += 1
            if message.WhichOneof("type") == "script_finished":
                break
        self.pages.append(time.monotonic() - started)
        if found:
            started = time.monotonic()
            await asyncio.to_thread(self._fetch, found[0].decode())
            self.pixels.append(time.monotonic() - started)

    def _fetch(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
                answer.read()
        except OSError:
            self.failed += 1


async def _together(readers, seconds, pause):
    until = time.monotonic() + seconds
    await asyncio.gather(*(reader.read(until, pause) for reader in readers))


def percentile(seconds, share):
    """The smallest of `seconds` that `share` of them do not exceed; 0.0 of none."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def run(options):
    """Seconds of pages and pixels, and MiB of memory before, at the end of and after the reading."""
    from core.dataset import open_dataset

    images = open_dataset(options.data or ROOT / "assets" / "sample").images
    films = [image.image_id for image in images if image.path]
    with server(options) as (pid, port):
        first = [Reader(port, films, 0)]  # imports and compiled kernels are no reader's fault
        asyncio.run(_together(first, min(5, options.seconds), 0.5))
        time.sleep(min(5, options.after))
        idle = resident(pid)
        readers = [Reader(port, films, seed) for seed in range(1, options.readers + 1)]
        asyncio.run(_together(readers, options.seconds, options.pause))
        busy = resident(pid)
        time.sleep(options.after)
        after = resident(pid)
    pages = [each for reader in readers for each in reader.pages]
    pixels = [each for reader in readers for each in reader.pixels]
    return {"machine": {"cores": os.cpu_count(), "load": os.getloadavg()[0]}, "readers": options.readers,
            "pages": len(pages), "page p50 s": percentile(pages, .5), "page p95 s": percentile(pages, .95),
            "page most s": max(pages), "films fetched": len(pixels), "pixels p95 s": percentile(pixels, .95),
            "failed": sum(reader.failed for reader in readers),
            "MiB": {"idle": idle, "at the end": busy, f"{options.after:g} s after": after,
                    "ratio to idle": after / idle}}
