"""The film canvas without a browser: what is sent is what was stored, and only to whom it was shown."""

import base64
import hashlib
import json
import shutil
import subprocess
import zlib

import numpy as np
import pytest
from starlette.requests import Request

from core.display import grey_table
from core.errors import BadSettings, UnreadableFilm
from core.film import Film, Look, LookupTable
from core.vendor_luts import without_vendor_luts
from tests.conftest import ROOT
from viewer.canvas import payload, scripts
from viewer.canvas.component import Layer, Mark
from viewer.canvas.payload import deflate, pack, unpack
from viewer.pixels import film_body, film_url, pixel_routes

RANDOM = np.random.default_rng(5)
PICTURES = {
    "8 bit, every step": np.array([[0, 255, 0, 128], [255, 0, 127, 128]], np.uint8),
    "16 bit, extremes beside each other": np.array([[0, 65535, 0], [32768, 32767, 1]], np.uint16),
    "signed, extremes beside each other": np.array([[-32768, 32767, 0], [-1, 1, -2]], np.int16),
    "noise of 12 bits": RANDOM.integers(0, 4096, (37, 53)).astype(np.uint16),
    "one pixel": np.array([[7]], np.uint16),
    "not contiguous": RANDOM.integers(-9999, 9999, (31, 40)).astype(np.int16)[::2, ::3],
}


def make_film(pixels, *, slope=1.0, intercept=0.0, lut=None, looks=None, inverted=False, padding=None, image_id="film",
              spacing=(None, None), photometric=None):
    looks = looks or (Look("1-99 %", 50.0, 80.0, "LINEAR_EXACT"),)
    return Film(pixels, slope, intercept, lut, tuple(looks),
                photometric or ("MONOCHROME1" if inverted else "MONOCHROME2"), inverted, 16, padding, *spacing,
                ("R", "L", "H", "F"), image_id, "", "", "", "DX", "PA", "", "", ("Modality: values as stored.",))


@pytest.mark.parametrize("name", PICTURES)
def test_pixels_survive_the_journey(name):
    """Deflated, inflated and unpacked, every stored value and its type are back."""
    pixels = PICTURES[name]
    tables = RANDOM.integers(0, 256, (2, 65_536)).astype(np.uint8)
    before = pixels.copy()
    back, header, same_tables, modality = unpack(zlib.decompress(deflate(pack(pixels, {"modality": [2, -5]}, tables))))
    assert back.dtype == pixels.dtype
    assert np.array_equal(back, pixels)
    assert np.array_equal(pixels, before)
    assert np.array_equal(same_tables, tables)
    assert header["modality"] == [2, -5]
    assert modality is None


def test_smooth_film_shrinks():
    """A slope of one grey a pixel, 2 bytes each, costs less than a twentieth: neighbours differ little."""
    pixels = np.tile(np.arange(2000, dtype=np.uint16), (500, 1))
    assert len(deflate(pack(pixels, {}, np.zeros((0, 65_536)), np.arange(65_536)))) < pixels.nbytes / 4


@pytest.mark.parametrize("length", [0, 1, 1000, 1001, 2000, 4321])
def test_a_body_deflated_in_pieces_is_one_stream(length, monkeypatch):
    monkeypatch.setattr(payload, "PIECE", 1000)
    body = np.random.default_rng(length).integers(0, 7, length, np.uint8).tobytes()
    assert zlib.decompress(deflate(body)) == body


@pytest.mark.parametrize("body", [b"", b"<html>not found</html>"])
def test_what_is_no_film_is_refused(body):
    """A page of some proxy is not unpacked into noise."""
    with pytest.raises(ValueError, match="begins with"):
        unpack(body)


def test_body_of_a_film_carries_every_look():
    """Tables are core.display's own, a modality table travels whole, what else the canvas needs is in the header."""
    looks = (Look("header VOI", table=LookupTable(0, 8, tuple(range(256)))), Look("narrow", 100.0, 20.0, "LINEAR"))
    film = make_film(PICTURES["signed, extremes beside each other"], lut=LookupTable(-5, 16, (3, 1, 4, 1, 5)),
                     looks=looks, inverted=True, padding=(-32768, -32768))
    pixels, header, tables, modality = unpack(film_body(film))
    assert np.array_equal(pixels, film.pixels)
    plain = without_vendor_luts(film)
    assert np.array_equal(tables, [*(grey_table(film, look) for look in looks),
                                   *(grey_table(plain, look) for look in plain.looks)])
    assert [look["name"] for look in header["plain"]["looks"]] == [look.name for look in plain.looks]
    assert modality[32_768 - 5:32_768].tolist() == [3, 1, 4, 1, 5]
    assert header["looks"] == [{"name": "header VOI", "window": None},
                               {"name": "narrow", "window": {"center": 100.0, "width": 20.0, "function": "LINEAR"}}]
    assert (header["offset"], header["padding"], header["inverted"]) == (32_768, [-32768, -32768], True)
    assert (header["spacing"], header["spacing_kind"]) == (None, None)
    assert header["sides"] == {"left": "R", "right": "L"}


def ask(address, read_film):
    """Response of the pixel route to the address's last part."""
    request = Request({"type": "http", "path_params": {"token": address.rsplit("/", 1)[1]}})
    return pixel_routes(read_film)[0].endpoint(request)


def test_signed_address_serves_the_film_and_may_be_kept(tmp_path):
    """Privately and for good; the address names neither the file nor the patient."""
    path = tmp_path / "1.2.840.patient.dcm"
    path.write_bytes(b"film")
    film = make_film(PICTURES["noise of 12 bits"])
    address = film_url(path)
    response = ask(address, lambda asked: film if asked == str(path) else None)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert response.headers["content-encoding"] == "deflate"
    assert np.array_equal(unpack(zlib.decompress(response.body))[0], film.pixels)
    assert "patient" not in address
    assert film_url(path) == address


@pytest.mark.parametrize("spoil, status", [
    (lambda address: f"{address[:-2]}{'A' if address[-2] != 'A' else 'B'}{address[-1]}", 403),  # another signature
    (lambda address: address.replace("/film/pixels/", "/film/pixels/0"), 403),  # another token under the signature
    (lambda address: address.rsplit(".", 1)[0], 403),  # no signature
    (lambda address: "/film/pixels/..%2Fetc%2Fpasswd", 403),  # a path
])
def test_address_that_was_tampered_with_is_refused(tmp_path, spoil, status):
    """Only addresses this server signed are answered, and a refusal is never kept."""
    path = tmp_path / "film.dcm"
    path.write_bytes(b"film")
    response = ask(spoil(film_url(path)), pytest.fail)
    assert response.status_code == status
    assert response.headers["cache-control"] == "no-store"


def test_address_of_a_changed_or_absent_file_is_gone(tmp_path):
    """What the browser keeps for good under an address is never another version of the film."""
    path = tmp_path / "film.dcm"
    path.write_bytes(b"film")
    old = film_url(path)
    path.write_bytes(b"another film")
    assert ask(old, pytest.fail).status_code == 404
    assert film_url(path) != old
    assert ask(film_url(tmp_path / "absent.dcm"), pytest.fail).status_code == 404


def test_unreadable_film_answers_with_its_sentence(tmp_path):
    """The canvas shows the sentence, so it must arrive as plain text."""
    path = tmp_path / "film.dcm"
    path.write_bytes(b"film")

    def refuse(_):
        raise UnreadableFilm("film.dcm has no pixels: <b>send</b> it again.")

    response = ask(film_url(path), refuse)
    assert (response.status_code, response.body) == (422, b"film.dcm has no pixels: <b>send</b> it again.")
    assert response.media_type == "text/plain"


@pytest.mark.parametrize("wrong", [
    lambda: Mark("d0", (0, 0, 1, 1), verdict="tp"),
    lambda: Layer("ai", ()),
])
def test_unknown_verdicts_and_layers_are_refused(wrong):
    """A misspelt verdict would be drawn as if nobody had judged the box."""
    with pytest.raises(BadSettings):
        wrong()


def test_scripts_are_found_by_their_version_only():
    """Every module that another imports is served; Python files are not."""
    imported = {name for text in scripts.SCRIPTS.values() for name in scripts.SCRIPTS if f'"./{name}"'.encode() in text}
    assert imported <= scripts.SCRIPTS.keys()
    assert {"film.js", "worker.js"} <= scripts.SCRIPTS.keys()
    assert all(name.endswith(".js") for name in scripts.SCRIPTS)
    assert scripts.module_url() == f"/film/canvas/{scripts.VERSION}/film.js"


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """Runs JavaScript of the canvas: the folder with its modules, and a function that runs node there."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("no node on this machine: the canvas's functions are then only tested in the browser")
    place = tmp_path_factory.mktemp("canvas")
    for path in [*scripts.PLACE.glob("*.js"), ROOT / "tests" / "canvas.test.mjs"]:
        shutil.copy(path, place)
    (place / "package.json").write_text('{"type": "module"}')

    def run(*arguments, **options):
        return subprocess.run([program, *arguments], cwd=place, capture_output=True, text=True, check=False, **options)

    return run


def test_canvas_functions(node):
    """The hand-worked cases in canvas.test.mjs hold."""
    result = node("--test", "canvas.test.mjs")
    assert result.returncode == 0, result.stdout + result.stderr


SHOW = """
import { createHash } from "node:crypto";
import { windowTable } from "./display.js";
import { unpack } from "./unpack.js";
let text = ""; for await (const part of process.stdin) text += part;
const { body, window } = JSON.parse(text);
const bytes = new Uint8Array(Buffer.from(body, "base64"));
const { header, manners: [{ tables }], modality, levels } = unpack(bytes.buffer);
const hash = (array) => createHash("sha256").update(new Uint8Array(array.buffer)).digest("hex");
const free = window && windowTable(modality, window, header.inverted, header.padding);
console.log(JSON.stringify({ pixels: hash(levels[0].pixels), look: hash(tables[0]), free: free && [...free] }));
"""


def in_javascript(node, film, window=None):
    body = base64.b64encode(film_body(film)).decode()
    result = node("--input-type=module", "-e", SHOW, input=json.dumps({"body": body, "window": window}))
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("name", PICTURES)
def test_browser_unpacks_what_python_packed(node, name):
    """Pixels as indices of the grey tables, bit for bit."""
    pixels = PICTURES[name]
    indices = (pixels.astype(np.int64) + (32_768 if pixels.dtype == np.int16 else 0)).astype(np.uint16)
    film = make_film(pixels)
    answer = in_javascript(node, film)
    assert answer["pixels"] == hashlib.sha256(indices.tobytes()).hexdigest()
    assert answer["look"] == hashlib.sha256(grey_table(film).tobytes()).hexdigest()


@pytest.mark.parametrize("look, dtype, how, tolerance", [
    (Look("", 2048.5, 4095.25, "LINEAR"), np.uint16, {}, 0),
    (Look("", 700.0, 1.0, "LINEAR"), np.uint8, {"inverted": True}, 0),  # a step
    (Look("", 600.0, 1500.0, "LINEAR_EXACT"), np.uint16, {"slope": 0.3, "intercept": -17.25}, 0),
    (Look("", -40.0, 400.0, "LINEAR"), np.int16, {"inverted": True, "padding": (-2000, -1500)}, 0),
    (Look("", 30000.0, 9000.0, "SIGMOID"), np.uint16, {}, 1),  # two libraries' exp may differ in the last digit
], ids=["linear", "step", "exact", "signed", "sigmoid"])
def test_free_window_is_the_formula_of_core_display(node, look, dtype, how, tolerance):
    """Dragging from a look begins exactly with what the look shows."""
    film = make_film(np.zeros((2, 2), dtype), looks=(look,), **how)
    window = {"center": look.center, "width": look.width, "function": look.function}
    free = np.array(in_javascript(node, film, window)["free"])
    assert np.abs(free - grey_table(film)).max() <= tolerance
