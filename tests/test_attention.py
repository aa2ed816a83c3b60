"""The map of what classifiers looked at: its arithmetic by hand, and that it lies on the disease of phantoms."""

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from core.__main__ import main
from core.attention import answering, attention, contributions, evidence_of, log_odds, unit
from core.attention_command import overlaid
from core.dataset import open_dataset
from core.dicom import read_film
from core.errors import BadSettings, BadWeights
from core.models import open_model
from core.weights import ModelCard
from tests.conftest import ROOT

SAMPLE, WEIGHTS = ROOT / "assets/sample", ROOT / "assets/weights"
CPU = torch.device("cpu")


class Tiny(torch.nn.Module):
    """Two feature channels, the grey and its negative; the mean of the first speaks for opacity, of the second against.
    """

    def forward_features(self, seen):
        return torch.cat([seen, -seen], dim=1)

    def forward_head(self, features):
        mean = features.mean(dim=(2, 3))
        return torch.stack([3 * mean[:, 0], 1 * mean[:, 1]], dim=1)


def tiny(task="opacity", classes=("opacity", "none"), network=None):
    card = ModelCard(task=task, architecture="tiny", image_size=(32, 32), classes=classes, mean=0.0, std=1.0)
    return SimpleNamespace(card=card, network=network or Tiny(), device=CPU, runtime="torch")


def test_evidence_is_what_each_place_adds_to_the_log_odds():
    """log-odds = 3 mean(x) - mean(-x) = 4 mean(x), so each of four places adds x."""
    picture = np.array([[0, 255], [51, 102]], np.uint8)
    evidence, probability = evidence_of(tiny(), picture, "opacity")
    assert np.allclose(evidence, [[0, 1], [.2, .4]])
    assert probability == pytest.approx(1 / (1 + np.exp(-evidence.sum())))


@pytest.mark.parametrize(("which", "odds"), [(0, np.log(.5 / .5)), (1, np.log(.3 / .7)), (2, np.log(.2 / .8))])
def test_log_odds_weigh_a_class_against_all_others(which, odds):
    logits = torch.log(torch.tensor([[.5, .3, .2]])) + 7  # softmax does not heed a constant
    assert log_odds(logits, which).item() == pytest.approx(odds, abs=1e-6)


def test_gradients_are_those_of_finite_differences():
    torch.manual_seed(0)
    features = torch.randn(1, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 2, 2, dtype=torch.float64)

    def answer(at):
        return (torch.tanh(at) * weight).sum(dim=(1, 2, 3))

    slopes, step = torch.zeros_like(features), 1e-6
    for place in np.ndindex(*features.shape):
        moved = torch.zeros_like(features)
        moved[place] = step
        slopes[place] = ((answer(features + moved) - answer(features - moved)) / (2 * step)).detach()
    wanted = (slopes * features.detach()).sum(dim=1).float()
    assert torch.allclose(contributions(features, answer(features)), wanted, atol=1e-5)


def test_maps_join_on_the_finest_grid_without_what_speaks_against():
    joined = unit([np.full((1, 1), 2, np.float32), np.array([[-4, 2], [0, 6]], np.float32)])
    assert np.allclose(joined, np.array([[2, 4], [2, 8]]) / 8)
    assert unit([np.full((2, 2), -1, np.float32)]).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(("asked", "error", "said"), [
    ("pneumothorax", BadSettings, "pneumothorax"), ("typical", BadWeights, "none of the weights")])
def test_what_no_network_knows_is_refused(asked, error, said):
    with pytest.raises(error, match=said):
        answering({"tiny": tiny()}, asked)


def test_a_model_without_gradients_is_refused():
    model = tiny()
    model.network, model.runtime = None, "onnx"
    with pytest.raises(BadWeights, match="runtime torch"):
        evidence_of(model, np.zeros((2, 2), np.uint8), "opacity")


def test_it_lies_on_the_planted_opacities_of_phantoms_more_than_chance():
    """Share of the map inside the boxes, beside the share of the film that they cover, over eight phantoms."""
    data, models = open_dataset(SAMPLE), {"joint-lite1-f0": open_model(WEIGHTS / "joint-lite1-f0.safetensors", CPU)}
    truth, inside, chance = data.truth, [], []
    path_of = {image.image_id: image.path for image in data.images}
    for row in np.flatnonzero(np.diff(truth.offsets))[:8]:
        film = read_film(path_of[truth.image_ids[row]])
        found = attention(film, models)
        mask = np.zeros((film.height, film.width), np.float32)
        for x_min, y_min, x_max, y_max in truth.boxes[truth.offsets[row]:truth.offsets[row + 1]].astype(int):
            mask[y_min:y_max, x_min:x_max] = 1
        cells = cv2.resize(mask, found.grid.shape[::-1], interpolation=cv2.INTER_AREA)
        inside.append((found.grid * cells).sum() / max(found.grid.sum(), 1e-9))
        chance.append(cells.mean())
        assert found.grid.dtype == np.float32 and found.grid.min() >= 0 and found.grid.max() <= 1
    assert np.mean(inside) > 1.2 * np.mean(chance)


def test_the_overlay_leaves_dark_what_was_not_looked_at():
    tinted = overlaid(np.full((4, 4), 100, np.uint8), np.array([[0, 1], [0, 1]], np.float32))
    assert tinted[0, 0].tolist() == [100, 100, 100]
    assert tinted[0, 3].tolist() == [178, 110, 50]  # half of 100, half of the tint


def test_the_command_writes_a_picture_and_says_what_it_is(tmp_path, capsys):
    film = next(image.path for image in open_dataset(SAMPLE).images if image.path)
    weights = [str(WEIGHTS / f"{name}.safetensors") for name in ("detector-lite0-f0", "opacity-lite0-f0")]
    assert main(["attention", str(film), "--weights", *weights, "--out", str(tmp_path / "heat.png")]) == 0
    said = capsys.readouterr()
    line = json.loads(said.out)
    assert line["networks"] == ["opacity-lite0-f0"] and np.shape(line["grid"]) == (8, 8)
    assert "class opacity; what raised this class, not where disease is" in said.err
    picture = cv2.imread(str(tmp_path / "heat.png"))
    shape = read_film(film)
    assert picture.shape == (shape.height, shape.width, 3)
    assert main(["attention", str(film), "--weights", *weights, "--of", "typical", "--out", "x.png"]) == 2
