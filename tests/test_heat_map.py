"""The heat map's route and the networks it offers: those of the predictions, or a sentence on which are missing."""

import json
import shutil

import numpy as np
import pytest
from starlette.requests import Request

from core.dicom import read_film
from core.errors import UnreadableFilm
from tests.conftest import ROOT
from viewer import attention, resources, state

SAMPLE, WEIGHTS = ROOT / "assets" / "sample", ROOT / "assets" / "weights"
FILM = next(SAMPLE.glob("train/*/*/*.dcm"))
OPACITY = {"opacity-lite0-f0": WEIGHTS / "opacity-lite0-f0.safetensors"}


def ask(address, read=read_film):
    request = Request({"type": "http", "path_params": {"token": address.rsplit("/", 1)[1]}, "headers": []})
    return attention.heat_routes(read)[0].endpoint(request)


def test_the_classifiers_are_those_of_the_predictions():
    networks, remark = attention.classifiers(resources.identify(state.Place(str(SAMPLE), str(SAMPLE / "predictions"))))
    assert list(networks) == ["joint-lite1-f0", "joint-lite2-288-f0", "opacity-lite0-f0", "study-lite0-f0"]
    assert remark == ""


def test_weights_that_are_not_here_are_named(tmp_path):
    """The hash counts, not the name; what is here can still be asked."""
    shutil.copytree(SAMPLE / "predictions", tmp_path / "predictions")
    path = tmp_path / "predictions" / "manifest.json"
    manifest = json.loads(path.read_text())
    for each in manifest["weights"]:
        each["sha256"] = each["sha256"][::-1] if each["file"].startswith("joint") else each["sha256"]
    path.write_text(json.dumps(manifest))
    place = state.Place(str(SAMPLE), str(tmp_path / "predictions"))
    networks, remark = attention.classifiers(resources.identify(place))
    assert list(networks) == ["opacity-lite0-f0", "study-lite0-f0"]
    assert "joint-lite1-f0.safetensors, joint-lite2-288-f0.safetensors, but such weights are not here" in remark


def test_a_signed_address_gives_the_map_once_reckoned():
    address = attention.heat_url(FILM, OPACITY, "opacity")
    answer = ask(address)
    told = json.loads(answer.body)
    assert answer.status_code == 200
    assert np.shape(told["grid"]) == (8, 8) and np.min(told["grid"]) >= 0 and np.max(told["grid"]) == 1
    assert told["title"] == "HiResCAM, opacity-lite0-f0, class opacity; what raised this class, not where disease is"
    assert ask(address, lambda path: pytest.fail("it was kept")).body == answer.body
    assert attention.heat_url(FILM, OPACITY, "none") != address


def test_other_addresses_are_refused_and_failures_are_sentences(tmp_path):
    address = attention.heat_url(FILM, OPACITY, "opacity")
    assert ask(address[:-3] + "abc").status_code == 403
    unknown = ask(attention.heat_url(FILM, OPACITY, "typical"))
    assert unknown.status_code == 422 and b"none of the weights answers the question of typical" in unknown.body
    absent = ask(attention.heat_url(FILM, {"gone": tmp_path / "gone.safetensors"}, "opacity"))
    assert absent.status_code == 422 and b"gone.safetensors does not exist" in absent.body
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"nothing")

    def refuse(path):
        raise UnreadableFilm("no film")

    assert ask(attention.heat_url(broken, OPACITY, "opacity"), refuse).status_code == 422
