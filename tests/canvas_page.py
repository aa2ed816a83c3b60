"""A page with nothing but the canvas and a few small films, some of which cannot be shown, and a reader at it.

For test_canvas_browser.py and the server that it starts.
"""

import contextlib
from pathlib import Path

import numpy as np

from core.errors import UnreadableFilm
from core.film import Look, LookupTable
from core.looks import data_looks
from tests.browsing import served, until
from tests.conftest import ROOT
from tests.test_canvas import make_film

FILMS = ("first", "broken", "last", "absent", "absent too")
WIDTH, HEIGHT = 48, 64  # so few that each pixel is a square on screen

SERVER = """
import streamlit as st
from tests.canvas_page import read
from viewer.canvas.scripts import script_routes
from viewer.pixels import pixel_routes

app = st.App("page.py", routes=[*script_routes(), *pixel_routes(read)])
"""

PAGE = """
from pathlib import Path
import streamlit as st
from tests.canvas_page import FILMS, HEIGHT, WIDTH
from viewer.canvas.component import FilmAddress, Layer, Mark, canvas_state, film_canvas
from viewer.pixels import film_url
from viewer.state import stepped

def step():
    wanted = canvas_state("film").step
    st.session_state.place = FILMS.index(stepped(FILMS, wanted.film_id, *wanted.moves))

st.set_page_config(layout="wide")
place = st.session_state.setdefault("place", 0)
film_id = FILMS[place]
least = st.sidebar.slider("confidence", 0.0, 1.0, 0.1)
st.sidebar.text_input("note")
marks = (Mark("d0", (8, 10, 22, 40), "TP", 0.9, pair="t0", iou=0.75, details=("<b>bold</b>",)),
         Mark("d1", (30, 40, 46, 60), "FP", 0.3))
layers = (Layer("truth", (Mark("t0", (9, 12, 22, 41), pair="d0", iou=0.75), Mark("t1", (26, 6, 44, 30), "FN"))),
          Layer("detections", tuple(mark for mark in marks if mark.confidence >= least)))
height = "400px" if st.sidebar.checkbox("low") else "640px"
if st.sidebar.checkbox("canvas", True):
    address = FilmAddress(film_id, film_url(Path(__file__).with_name(film_id + ".dcm")), WIDTH, HEIGHT)
    problem = "The film is not in the data set: add it." if film_id.startswith("absent") else ""
    state = film_canvas("film", address, layers, caption=(film_id, "<i>caption</i>"), problem=problem, on_step=step,
                        height=height)
    st.sidebar.text(f"picked {state.mark_of(film_id)}")
    st.sidebar.text(f"plain {state.plain}")
st.sidebar.text(f"place {place}")
"""


def read(path):
    """The film behind a file of the test's folder; what is in the file does not matter."""
    name = Path(path).stem
    if name == "broken":
        raise UnreadableFilm("broken.dcm has 0 pixels, but a film has some: <b>send</b> it again.")
    generator = np.random.default_rng(FILMS.index(name))
    pixels = generator.integers(-1000, 3000, (HEIGHT, WIDTH)).astype(np.int16)
    values = 1.5 * pixels.ravel() - 100
    own = data_looks(values, np.ones(len(values)), inverted=True)
    if name == "first":
        looks, how = (Look("header VOI", 1000.0, 3500.0, "LINEAR_EXACT"),), {"spacing": ((0.4, 0.2), "at detector")}
    else:
        table = LookupTable(0, 8, (0, 255) * 500)  # black and white in turn: a maker's LUT that spoils the film
        looks = (Look("header VOI 1", table=table), Look("header VOI 2", 900.0, 3000.0))
        how = {"photometric": "MONOCHROME2"}  # with a Presentation LUT Shape INVERSE
    return make_film(pixels, looks=(*looks, *own), slope=1.5, intercept=-100.0, inverted=True, image_id=name, **how)


@contextlib.contextmanager
def canvas_server(place):
    """Address of the page, served out of the folder `place`."""
    (place / "server.py").write_text(SERVER)
    (place / "page.py").write_text(PAGE)
    for name in FILMS:
        (place / f"{name}.dcm").write_bytes(b"film")
    with served(place / "server.py", place / "log.txt", root=ROOT) as started:
        yield started


@contextlib.contextmanager
def opened(browser, address):
    """A `Reader` at the first film; no script of the page may have failed when it is closed."""
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    errors, page.fetched = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: page.fetched.append(request.url))
    page.goto(address)
    reader = Reader(page)
    reader.wait(state="ready", boxes="4")
    yield reader
    assert errors == []
    page.close()


class Reader:
    """A reader at a page with one canvas."""

    def __init__(self, page):
        self.page = page
        self.film = page.locator(".film")

    def wait(self, **state):
        """Until the canvas's data attributes have these values."""
        self.page.wait_for_function(
            """wanted => {
                const roots = [...document.querySelectorAll("*")].map((one) => one.shadowRoot).filter(Boolean);
                const film = roots.map((root) => root.querySelector(".film")).find(Boolean);
                return film && Object.entries(wanted).every(([name, value]) => film.dataset[name] === value);
            }""", arg=state, timeout=30_000)

    def until(self, condition):
        until(self.page, condition)

    def under_cursor(self):
        return self.film.locator(".readout div").last.text_content()

    def data(self, name):
        return self.film.get_attribute(f"data-{name}")

    def text(self, name):
        return self.film.locator(f".{name}").text_content()

    def says(self, text):
        self.page.get_by_text(text, exact=True).wait_for(timeout=30_000)

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def at(self, x, y):
        """Where on the page the film's point (x, y) is, while the film is fitted."""
        frame = self.film.bounding_box()
        zoom = min(frame["width"] / WIDTH, frame["height"] / HEIGHT)
        return (frame["x"] + frame["width"] / 2 + (x - WIDTH / 2) * zoom,
                frame["y"] + frame["height"] / 2 + (y - HEIGHT / 2) * zoom)

    def drag(self, start, end, button="left"):
        self.page.mouse.move(*start)
        self.page.mouse.down(button=button)
        self.page.mouse.move(*[(a + b) / 2 for a, b in zip(start, end, strict=True)])
        self.page.mouse.move(*end)
        self.page.mouse.up(button=button)

    def greys(self):
        """[H,W] what the canvas holds in the middle of each of the fitted film's pixels."""
        values = self.film.locator("canvas.picture").evaluate(
            """(canvas, [width, height]) => {
                const zoom = Math.min(canvas.width / width, canvas.height / height);
                const left = canvas.width / 2 - (width * zoom) / 2, top = canvas.height / 2 - (height * zoom) / 2;
                const middle = (start, i) => Math.floor(start + (i + .5) * zoom);
                const all = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
                const at = (x, y) => 4 * (middle(top, y) * canvas.width + middle(left, x));
                return Array.from({ length: width * height }, (_, i) => all[at(i % width, Math.floor(i / width))]);
            }""", [WIDTH, HEIGHT])
        return np.array(values).reshape(HEIGHT, WIDTH)

    def painted(self):
        """How many pixels of each canvas are not black or not empty."""
        return self.film.evaluate(
            """film => [...film.querySelectorAll("canvas")].map((canvas) => {
                const all = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
                return all.filter((value, i) => i % 4 !== 3 && value).length;
            })""")
