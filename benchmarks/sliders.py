"""A setting under the finger: a real browser drags a slider, and the boxes on the film and the six APs follow.

What is counted is what the reader sees: frames of the page in which the film was painted anew or the table of APs had
other figures than in the frame before. Figures need a machine that does nothing else.
"""

import contextlib
import os
import shutil
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.load import server
from core.errors import BadSettings
from core.predictions import read_predictions, write_predictions

PAGES = {"tune": "tune", "reading room": ""}
APART = 50  # ms between frames that show two updates; closer ones show the film and the table of one
PACE = 25  # ms between two moves of the mouse
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
SAMPLE = Path(__file__).resolve().parent.parent / "assets" / "sample" / "predictions"
WATCH = """() => {
  const seen = window.seen = {frames: [], released: 0};
  let last = "", film = null;
  addEventListener("pointerup", () => { seen.released = performance.now(); }, true);
  const look = () => {
    if (!film?.isConnected) {
      film = [...document.querySelectorAll("*")].map((each) => each.shadowRoot?.querySelector(".film")).find(Boolean);
    }
    const now = [film?.dataset.seq, document.querySelector("table.aps").textContent];
    if (String(now) !== last) seen.frames.push([performance.now(), ...now]);
    last = String(now);
    requestAnimationFrame(look);
  };
  look();
}"""


def add_options(parser):
    parser.add_argument("--data", type=Path, help="data set (default: the sample set)")
    parser.add_argument("--predictions", type=Path, help="predictions of that set")
    parser.add_argument("--sources", type=int, default=3, help="detector sources that take part, 3 unless told")
    parser.add_argument("--each", type=int, default=100, help="best candidates of a source on a film, 100 unless told")
    parser.add_argument("--seconds", type=float, default=4, help="how long each drag takes, 4 unless told")
    parser.add_argument("--slider", default="IoU threshold", help="the slider that is dragged (IoU threshold)")
    parser.add_argument("--releases", type=int, default=8, help="clicks that are timed to their result, 8 unless told")


@contextlib.contextmanager
def fewer(predictions, sources, each):
    """A directory with `predictions` of which just the first detector sources are left, and `each` best candidates of
    a source on a film; how many films and candidates that are."""
    given = read_predictions(predictions)
    found = given.candidates
    films = np.repeat(np.arange(len(found.offsets) - 1), np.diff(found.offsets))
    order = np.lexsort((-found.scores, found.source, films))
    groups = films[order] * len(found.sources) + found.source[order]
    rank = np.arange(len(order)) - np.searchsorted(groups, groups)
    kept = np.sort(order[(rank < each) & (found.source[order] < sources)])
    candidates = replace(found, boxes=found.boxes[kept], scores=found.scores[kept], source=found.source[kept],
                         offsets=np.searchsorted(films[kept], np.arange(len(found.offsets))),
                         sources=found.sources[:sources])
    with tempfile.TemporaryDirectory() as folder:
        write_predictions(folder, replace(given, candidates=candidates))
        yield Path(folder), len(given.image_ids), len(kept)


@contextlib.contextmanager
def chromium():
    """A page of Playwright in the machine's Chromium. Raises `BadSettings` without one."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise BadSettings("there is no Chromium on this machine, but a browser must drag: apt-get install chromium.")
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=program, args=FLAGS)
        yield browser.new_page(viewport={"width": 1440, "height": 900})
        browser.close()


class Slider:
    """The slider by the name `label` on an open page, and the watch over what the page shows."""

    def __init__(self, page, label):
        self.page = page
        found = page.get_by_label(label, exact=True)
        found.wait_for()
        page.locator("table.aps").first.wait_for()
        page.wait_for_function("() => document.querySelector('.stApp')?.dataset.testConnectionState !== 'CONNECTING'")
        page.wait_for_timeout(2000)
        self.box = found.bounding_box()
        page.evaluate(WATCH)

    def place(self, share):
        return self.box["x"] + 8 + share * (self.box["width"] - 16), self.box["y"] + self.box["height"] / 2

    def frames(self):
        return self.page.evaluate("() => window.seen.frames")

    def quiet(self):
        """Wait until nothing has changed for half a second."""
        count = -1
        while count != (count := len(self.frames())):
            self.page.wait_for_timeout(500)

    def drag(self, seconds):
        """There and back along half of the track; updates a second while the button was down.

        The film is painted and the table is written in one frame or in two, so those of the page count neither twice:
        a frame counts when either has changed, and those that follow it within 50 ms belong to it.
        """
        mouse, before = self.page.mouse, len(self.frames())
        mouse.move(*self.place(.3))
        mouse.down()
        started = time.perf_counter()
        while (gone := (time.perf_counter() - started) / seconds) < 1:
            mouse.move(*self.place(.3 + .5 * (1 - abs(1 - 2 * gone))))
            self.page.wait_for_timeout(PACE)
        took = time.perf_counter() - started
        frames = self.frames()[before:]
        mouse.up()
        self.quiet()
        steps = list(zip(frames[:-1], frames[1:], strict=True))
        return {"of the page": updates([at for at, *_ in frames[1:]]) / took,
                "of the boxes": sum(a[1] != b[1] for a, b in steps) / took,
                "of the APs": sum(a[2] != b[2] for a, b in steps) / took,
                "longest wait, ms": max((b[0] - a[0] for a, b in steps), default=0)}

    def release(self, share):
        """Milliseconds from the release of a click on the track to the last change it made."""
        self.page.mouse.click(*self.place(share))
        self.page.wait_for_function("() => window.seen.frames.at(-1)?.[0] > window.seen.released")
        self.quiet()
        frame, released = self.page.evaluate("() => [window.seen.frames.at(-1)[0], window.seen.released]")
        return frame - released


def updates(times):
    """How many updates frames at these `times` (ms, ascending) show: one shows all that comes within 50 ms of it."""
    count, last = 0, float("-inf")
    for at in times:
        if at - last > APART:
            count, last = count + 1, at
    return count


def measure(page, address, options):
    """Figures of one page of the viewer."""
    page.goto(address)
    slider = Slider(page, options.slider)
    slider.drag(min(1, options.seconds))  # the first of everything is made here
    moved = slider.drag(options.seconds)
    waits = [slider.release(.25 + .06 * place) for place in range(options.releases)]
    return {"longest wait in a drag, ms": moved.pop("longest wait, ms"), "updates a second": moved,
            "release to boxes and APs, ms": {"median": statistics.median(waits), "most": max(waits)}}


def run(options):
    """Updates a second while the slider is dragged, and milliseconds from its release to the result, on each page."""
    with fewer(options.predictions or SAMPLE, options.sources, options.each) as (folder, films, candidates):
        options.predictions = folder
        figures = {"films": films, "sources": options.sources, "candidates": candidates, "load": os.getloadavg()[0]}
        with server(options) as (_, port), chromium() as page:
            for name, path in PAGES.items():
                figures[name] = measure(page, f"http://127.0.0.1:{port}/{path}", options)
    return figures
