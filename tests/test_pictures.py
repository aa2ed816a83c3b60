"""Tests of the small pictures: what is served, to whom, and how a crop is placed."""

import cv2
import numpy as np
import pytest
from starlette.requests import Request

from core.dicom import read_film
from core.display import shown
from core.errors import UnreadableFilm
from tests.film_files import film_file
from viewer import pictures
from viewer.pictures import picture_routes, picture_url
from viewer.pixels import film_url


@pytest.fixture
def film(tmp_path):
    rng = np.random.default_rng(5)
    return film_file(tmp_path / "a.dcm", rng.integers(0, 4096, (80, 60), np.uint16))


def ask(address, read=read_film):
    request = Request({"type": "http", "headers": [], "path_params": {"token": address.rsplit("/", 1)[1]}})
    return picture_routes(read)[0].endpoint(request)


def test_a_part_of_the_film_is_served_as_it_is_first_shown(film):
    answer = ask(picture_url(film, (10, 20, 42, 52), 32))
    assert answer.status_code == 200 and answer.media_type == "image/png"
    picture = cv2.imdecode(np.frombuffer(answer.body, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert np.array_equal(picture, shown(read_film(film))[20:52, 10:42])


def test_the_whole_film_is_reduced_to_the_side_asked_for(film):
    picture = cv2.imdecode(np.frombuffer(ask(picture_url(film, side=40)).body, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture.shape == (40, 30)


def test_a_changed_address_and_another_routes_address_are_refused(film):
    address = picture_url(film, (0, 0, 10, 10), 32)
    assert ask(address.replace("32-0-0", "32-0-1")).status_code == 403
    assert ask(film_url(film)).status_code == 403


def test_a_film_that_cannot_be_read_answers_with_its_sentence(film):
    def read(_):
        raise UnreadableFilm("The film is torn.")
    answer = ask(picture_url(film), read)
    assert (answer.status_code, answer.body) == (422, b"The film is torn.")


def test_a_changed_file_is_not_served_under_its_old_address(film):
    address = picture_url(film)
    film.write_bytes(film.read_bytes() + b"\0\0")
    assert ask(address).status_code == 404


def test_a_picture_is_made_once_and_the_oldest_are_forgotten(film, monkeypatch):
    made, route = [], None

    def read(path):
        made.append(path)
        return read_film(path)
    route = picture_routes(read)[0].endpoint

    def get(side):
        return route(Request({"type": "http", "headers": [], "path_params": {
            "token": picture_url(film, side=side).rsplit("/", 1)[1]}}))
    assert get(32).body == get(32).body and len(made) == 1
    monkeypatch.setattr(pictures, "LARGEST", 1)
    get(33)
    get(32)
    assert len(made) == 3
