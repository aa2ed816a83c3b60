"""The reading room in a real browser: how long a reader waits, beside Plotly and `st.image` with the same film.

Headless Chromium (software rendering, 1440 x 900) drives the real server. Times are medians, from the key or the
release of the slider to the second frame after the page shows it, taken in the page itself. Besides the data set
named, films of 4256 x 3488 pixels and 12 bits are written for the run: its own phantoms, enlarged, with noise.
"""

import contextlib
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.load import resident, server
from benchmarks.sliders import Slider
from benchmarks.viewer_films import HEIGHT, WIDTH, write_large
from benchmarks.viewer_peers import peers
from core.errors import GroundglassError

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
WINDOW = {"width": 1440, "height": 900}
PATIENCE = 60_000  # ms

# A film is on screen when the canvas says that it is ready and two frames have passed. The
# canvas's own element is in a shadow root.
SCRIPT = """
window.gg = {
  film: () => [...document.querySelectorAll("*")].map((each) => each.shadowRoot?.querySelector(".film")).find(Boolean),
  frame: () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
  async until(condition) {
    const end = performance.now() + 20000;
    while (!condition()) {
      if (performance.now() > end) throw new Error("the page never came to it");
      await new Promise((done) => requestAnimationFrame(done));
    }
    await gg.frame();
  },
  move(x, y, ms) { // as a mouse of 125 Hz does
    const start = performance.now(), place = gg.film().getRootNode().elementFromPoint(x, y);
    let step = 0;
    return new Promise((done) => {
      const moving = setInterval(() => {
        step += 1;
        const at = { clientX: x + (step % 120), clientY: y + (step % 90) };
        place.dispatchEvent(new PointerEvent("pointermove", {
          ...at, bubbles: true, composed: true, pointerId: 1, buttons: 1, pointerType: "mouse", isPrimary: true }));
        if (performance.now() - start > ms) done(clearInterval(moving));
      }, 8);
    });
  },
  watch(condition) {
    gg.since = null;
    gg.done = null;
    const start = (event) => { gg.since = event.timeStamp; };
    for (const name of ["keydown", "pointerup"]) window.addEventListener(name, start, { capture: true, once: true });
    gg.answer = gg.until(() => gg.since !== null && condition()).then(() => performance.now() - gg.since);
  },
};
"""


def add_options(parser):
    parser.add_argument("--data", type=Path, metavar="DIR", help="data set (default: the sample set)")
    parser.add_argument("--predictions", type=Path, metavar="DIR", help="predictions of that set")
    parser.add_argument("--rounds", type=int, default=9, help="how often each wait is measured, 9 unless told")
    parser.add_argument("--page", type=int, default=500, help="films paged through for memory, 500 unless told")
    parser.add_argument("--large", type=int, default=6,
                        help="films of 4256 x 3488: at least 6, or 0 to leave them out; 6 unless told")
    parser.add_argument("--no-peers", action="store_true", help="leave out Plotly and st.image")


@contextlib.contextmanager
def browser():
    """A context of Playwright on the machine's Chromium. Raises `GroundglassError` where either is missing."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        program = None
    if program is None:
        raise GroundglassError("this machine has no Chromium or no Playwright, but the benchmark drives a browser: "
                               "apt-get install chromium and pip install '.[test]'.")
    with sync_playwright() as engine:
        started = engine.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield started.new_context(viewport=WINDOW)
        finally:
            started.close()


class Reader:
    """A reader at the reading room of the server at `port`; seconds and milliseconds are of the page's own clock."""

    def __init__(self, context, port, query=""):
        self.page = context.new_page()
        self.page.add_init_script(SCRIPT)
        started = time.perf_counter()
        self.page.goto(f"http://127.0.0.1:{port}/?{query}", timeout=PATIENCE)
        self.page.wait_for_function("gg.film()?.dataset.state === 'ready'", timeout=PATIENCE)
        self.first_film = time.perf_counter() - started
        self.page.locator(".st-key-list canvas").first.wait_for()
        self.page.wait_for_timeout(3000)

    def wait_for(self, act, condition):
        """ms from the key or release that `act` causes until `condition` (JavaScript) holds on the screen."""
        self.page.evaluate(f"() => gg.watch(() => {condition})")
        act()
        return self.page.evaluate("() => gg.answer")

    def next(self, pause=0):
        """ms from the key to another film, sharp; `pause` ms before, in which the next films are decoded ahead."""
        self.page.wait_for_timeout(pause)
        here = self.page.evaluate("gg.film().dataset.film")
        waited = self.wait_for(lambda: self.page.keyboard.press("n"), "['ready', 'foreseen'].includes("
                               f"gg.film().dataset.state) && gg.film().dataset.film !== {here!r}")
        self.page.evaluate("gg.until(() => gg.film().dataset.state === 'ready')")
        return waited

    def fifth(self):
        """ms from a click on the list's fifth row to that film, sharp: none that was decoded ahead."""
        grid = self.page.locator(".st-key-list canvas").first.bounding_box()
        here = self.page.evaluate("gg.film().dataset.film")
        place = grid["x"] + 80, grid["y"] + 32 + 28 * 4 + 14
        self.page.mouse.move(*place)
        self.page.wait_for_timeout(300)
        return self.wait_for(lambda: self.page.mouse.click(*place),
                             f"gg.film().dataset.state === 'ready' && gg.film().dataset.film !== {here!r}")

    def rate(self, act):
        """Pictures drawn a second by the canvas while `act` goes on."""
        before = self.page.evaluate("[Number(gg.film().dataset.seq), performance.now()]")
        act()
        after = self.page.evaluate("[Number(gg.film().dataset.seq), performance.now()]")
        return (after[0] - before[0]) / (after[1] - before[1]) * 1000

    def drag(self, seconds=2):
        """Window and level, by mouse; its moves are told in the page, as Playwright waits a frame or two for each."""
        box = self.page.locator(".film").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.evaluate("moved => gg.move(...moved)", [x, y, 1000 * seconds])
        self.page.mouse.up()

    def zoom(self, seconds=2):
        """Zoom in and out by wheel."""
        end, step = time.perf_counter() + seconds, 0
        while time.perf_counter() < end:
            step += 1
            self.page.mouse.wheel(0, -60 if step // 20 % 2 == 0 else 60)


def run(options):
    """Medians of every wait, frames a second, and MiB; each group has its own server."""
    figures = {"machine": {"cores": os.cpu_count(), "load": os.getloadavg()[0]}}
    with browser() as context, tempfile.TemporaryDirectory() as folder:
        figures["data set"] = _reading(context, options)
        large = write_large(Path(folder) / "large", options.large) if options.large else None
        if large:
            figures[f"film of {WIDTH} x {HEIGHT}"] = _large(context, options, large)
        if large and not options.no_peers:
            figures["peers, the same film"] = peers(context, next(large.glob("train/*/*/*.dcm")), options.rounds)
    return figures


def _reading(context, options):
    with server(options) as (pid, port):
        Reader(context, port).page.close()  # imports, index and kernels are the first start's
        reader = Reader(context, port)
        found = {"warm start to first film, s": reader.first_film,
                 "next to sharp film, ms": statistics.median(reader.next(700) for _ in range(options.rounds))}
        for _ in range(options.page):
            reader.next()
        found |= {"films paged": options.page, "MiB after paging": resident(pid)}
        slider = Slider(reader.page, "IoU threshold")
        found["slider release to boxes and mAP, ms"] = statistics.median(
            slider.release(.2 + .6 * step / options.rounds) for step in range(options.rounds))  # none is cached
        reader.page.close()
    return found


def _large(context, options, data):
    options = type(options)(**{**vars(options), "data": data, "predictions": None})
    with server(options) as (_, port):
        Reader(context, port, "order=id").page.close()
        reader = Reader(context, port, "order=id")
        ahead = [reader.next(6000) for _ in range(options.large // 2)]
        found = {"next, decoded ahead, ms": statistics.median(ahead),
                 "window and level, frames/s": reader.rate(reader.drag), "zoom, frames/s": reader.rate(reader.zoom)}
        reader.page.close()
    cold = []
    for _ in range(2):  # a server that has decoded nothing but the first film and those ahead of it: jump to the fifth
        with server(options) as (_, port):
            reader = Reader(context, port, "order=id")
            cold.append(reader.fifth())
            reader.page.close()
    return {**found, "a film cold, ms": statistics.median(cold)}
