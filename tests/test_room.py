"""However many films are asked for at once, few pixels are in work: memory is bounded, and nobody waits for himself."""

import threading
import tracemalloc

import numpy as np
import pytest
from film_files import encoded, film_file
from hostile import RAMP, TWELVE
from pydicom import uid

from core import dicom, inference
from core.dataset import Image
from core.display import apply_table
from core.pixels import Layout, masked_values
from core.room import Room
from viewer import resources
from viewer.canvas.payload import pack


def started(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


class Counted(Room):
    """A room that remembers the most that was in use, and in how many pieces it was asked for."""

    def __init__(self, most):
        super().__init__(most)
        self.highest, self.asked = 0, []

    def _wait(self, pixels):
        super()._wait(pixels)
        self.asked.append(pixels)
        self.highest = max(self.highest, self.used)


def test_room_is_given_in_the_order_of_asking_and_never_more_than_there_is():
    room, given, first, inside = Counted(10), [], threading.Event(), threading.Event()

    def hold(pixels, until=None):
        with room.taken(pixels):
            given.append(pixels)
            inside.set()
            if until is not None:
                assert until.wait(60)

    threads = [started(lambda: hold(6, first))]
    assert inside.wait(60)
    for place, pixels in enumerate((7, 4), 1):  # the small one would fit, but came later
        threads.append(started(lambda pixels=pixels: hold(pixels)))
        with room._change:
            assert room._change.wait_for(lambda place=place: len(room._line) == place or len(given) > 1, 60)
    assert given == [6]
    first.set()
    for thread in threads:
        thread.join(60)
    assert given == [6, 7, 4] and room.used == 0 and room.highest == 7


def test_more_than_there_is_takes_all_of_it_and_a_thread_does_not_wait_for_itself():
    room = Counted(10)
    with room.taken(99), room.taken(10):
        assert room.used == 10 and room.held
    assert room.used == 0 and not room.held


def test_room_is_given_back_when_the_block_fails():
    room = Counted(10)
    with pytest.raises(ZeroDivisionError), room.taken(10):
        1 / 0  # noqa: B018
    with room.taken(10):
        assert room.used == 10


@pytest.fixture
def counted(monkeypatch):
    room = Counted(2 * RAMP.size - 1)
    monkeypatch.setattr(dicom, "films", room)
    return room


def test_films_are_decoded_within_room_that_their_headers_promise(tmp_path, counted):
    """Two threads decode films for the networks, but two of these films are more than there is room for."""
    images = []
    for number, syntax in enumerate((uid.JPEGLSLossless, uid.RLELossless, uid.ExplicitVRLittleEndian) * 3):
        coded = encoded(RAMP, syntax) if uid.UID(syntax).is_encapsulated else None
        path = film_file(tmp_path / f"{number}.dcm", RAMP, syntax, coded, **TWELVE)
        images.append(Image(path.stem, "s", str(path), "P", 64, 40, "MONOCHROME2"))
    found = [film for group in inference._decoded(images, 4, {(8, 8)}, None) for _, film in group]
    assert len(found) == 9 and not any(isinstance(film, str) for film in found)
    assert len(counted.asked) == 9 and all(RAMP.size <= pixels <= counted.most for pixels in counted.asked)
    assert counted.highest <= counted.most


def test_a_small_file_that_promises_a_large_picture_takes_its_room(tmp_path, counted):
    path = film_file(tmp_path / "film.dcm", RAMP, Rows=1000, Columns=1000)
    with dicom.film_room(path):
        assert counted.used == counted.most


@pytest.mark.parametrize("content", [b"", b"\0" * 4000, None])
def test_what_is_no_film_takes_no_more_room_than_its_file(tmp_path, counted, content):
    path = tmp_path / "film.dcm"
    if content is not None:
        path.write_bytes(content)
    with dicom.film_room(path):
        assert counted.used == len(content or b"") // 2


def most_bytes(work):
    """The most memory that `work()` had in use at a time, in bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("signed", [False, True])
def test_a_large_film_is_worked_on_piece_by_piece(signed):
    """Not much more memory at a time than what comes out takes: 2, 1 and 4 bytes a pixel."""
    words, spare = np.full((4000, 4000), 2000, np.uint16), 2 ** 25
    pixels = words.view(np.int16) if signed else words
    assert most_bytes(lambda: masked_values(words, Layout(16, 12, 13, signed))) < 2 * words.size + spare
    assert most_bytes(lambda: apply_table(pixels, np.zeros(65536, np.uint8))) < words.size + spare
    most = most_bytes(lambda: pack(pixels, {}, np.zeros((1, 65536), np.uint8)))
    assert most < (6 if signed else 4) * words.size + spare


def test_the_shelf_of_decoded_films_is_bounded_in_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "SHELF_PIXELS", 2 * RAMP.size)
    monkeypatch.setattr(resources, "_films", type(resources._films)())
    paths = [film_file(tmp_path / f"{number}.dcm", RAMP) for number in range(4)]
    shown = [resources.film(path) for path in paths]
    assert [key[0] for key in resources._films] == [str(path) for path in paths[2:]]
    assert resources.film(paths[3]) is shown[3]
    monkeypatch.setattr(resources, "SHELF_PIXELS", 0)
    assert resources.film(paths[0]).pixels.size and len(resources._films) == 1, "the last one is kept"
