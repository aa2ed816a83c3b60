"""A training run leaves what it promises, learns, and goes on after a kill as if nothing had happened."""

import csv
import json
import math

import numpy as np
import pytest
import torch

from core.errors import BadSettings, BadWeights
from core.predictions import read_predictions
from core.weights import read_weights
from train import engine
from train.__main__ import main
from train.batches import Batch
from train.data import load_films, mixed
from train.detector import DetectorTask
from train.settings import TrainSettings
from train.training import train

SMALL = {"size": 64, "batch": 8, "epochs": 2, "folds": 3, "fold": "1", "pretrained": "none", "warmup": 0.0}
STUDY = TrainSettings(task="study", architecture="mobilenetv3_small_050", lr=3e-3, **SMALL)


def test_a_run_leaves_settings_metrics_weights_and_held_out_predictions(phantoms, tmp_path):
    train(STUDY, phantoms, [], tmp_path / "run", device="cpu", views=2)
    assert json.loads((tmp_path / "run/settings.json").read_text())["settings"]["fold"] == "1"
    with (tmp_path / "run/metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert 0 <= float(rows[-1]["study"]) <= 1
    card, _ = read_weights(tmp_path / "run/weights.safetensors")
    assert (card.task, card.fold, card.training["epochs"]) == ("study", "1", 2)
    predictions = read_predictions(tmp_path / "run/predictions")
    films = load_films(phantoms, (64, 64), folds=3, seed=0)
    assert set(predictions.image_ids) == set(films.image_ids[films.fold == 1])
    assert [source.view for source in predictions.study_sources] == ["plain", "flip"]


class Killed(Exception):
    """Stands in for `kill -9` between two steps."""


def test_a_killed_run_resumes_to_the_same_weights(phantoms, tmp_path, monkeypatch):
    train(STUDY, phantoms, [], tmp_path / "whole", device="cpu")
    step, follow = [], engine._follow

    def killed_at_third_step(*arguments):
        step.append(1)
        if len(step) == 3:
            raise Killed
        follow(*arguments)

    monkeypatch.setattr(engine, "_follow", killed_at_third_step)
    with pytest.raises(Killed):
        train(STUDY, phantoms, [], tmp_path / "killed", device="cpu", checkpoint_seconds=-1)
    assert torch.load(tmp_path / "killed/checkpoint.pt", weights_only=True)["step"] == 2
    train(STUDY, phantoms, [], tmp_path / "killed", device="cpu")

    whole, killed = (read_weights(tmp_path / name / "weights.safetensors")[1] for name in ("whole", "killed"))
    assert all(torch.equal(whole[name], killed[name]) for name in whole)
    assert (tmp_path / "whole/metrics.csv").read_text() == (tmp_path / "killed/metrics.csv").read_text()


def test_a_finished_run_is_not_continued_with_other_settings(phantoms, tmp_path, capsys):
    arguments = ["study", "--data", str(phantoms), "--run", str(tmp_path / "run"), "--architecture",
                 "mobilenetv3_small_050", "--size", "64", "--pretrained", "none", "--folds", "3", "--epochs", "1"]
    assert main(arguments) == 0
    assert main([*arguments[:-1], "2"]) == 2
    assert "holds a run with other settings" in capsys.readouterr().err


def detector_losses(phantoms, precision, steps):
    """The losses of the first so many steps of a detector on the same few films."""
    torch.manual_seed(0)
    settings = TrainSettings(task="detector", architecture="tf_efficientdet_lite0", precision=precision,
                             **{**SMALL, "size": 128})
    films = load_films(phantoms, (128, 128), folds=3, seed=0)
    task = DetectorTask(settings)
    network, device = task.start(), torch.device("cpu")
    rows = task.training_rows(films)[:6]
    assert films.boxed[rows].all()
    batch = Batch(films.pictures[rows], ((1.0, [films.boxes_of(row) for row in rows], rows),))
    optimizer = torch.optim.AdamW(network.parameters())
    engine.ready(task, network, frozen=False)
    return [float(engine.train_step(task, network, batch, optimizer, 2e-3, step, settings, device))
            for step in range(steps)]


def test_a_detector_learns_where_the_opacities_are(phantoms):
    """The loss on the same few films falls by more than half."""
    losses = detector_losses(phantoms, "fp32", 25)
    assert losses[-1] < losses[0] / 2


def test_a_detector_learns_in_bf16_as_in_float32(phantoms):
    losses = detector_losses(phantoms, "bf16", 4)
    assert losses == pytest.approx(detector_losses(phantoms, "fp32", 4), rel=0.1) and losses[-1] < losses[0]


def test_held_out_and_doubtful_films_are_not_trained_on(phantoms):
    films = load_films(phantoms, (64, 64), folds=3, seed=0)
    settings = TrainSettings(task="detector", architecture="tf_efficientdet_lite0", negatives=9.0, **SMALL)
    rows = DetectorTask(settings).training_rows(films)
    assert not (films.fold[rows] == 1).any()
    assert not films.doubtful[rows].any()
    assert not films.boxed[rows].all()
    assert films.doubtful.any()


def test_mixed_in_films_are_trained_on_and_never_judged(phantoms):
    films = load_films(phantoms, (64, 64), folds=3, seed=0)
    both = mixed(films, films)
    assert (both.fold[len(films):] == -1).all()
    last = len(both) - 1
    assert np.array_equal(both.boxes_of(last), films.boxes_of(len(films) - 1))
    assert len(both) == 2 * len(films)


@pytest.mark.parametrize(("step", "expected"), [
    (0, 1e-3 / 11), (9, 1e-3 * 10 / 11), (10, 1e-3), (55, 1e-3 * (0.1 + 0.9 * 0.5)), (100, 1e-4)])
def test_the_learning_rate_warms_up_and_falls_along_a_cosine_to_its_floor(step, expected):
    settings = TrainSettings(task="study", architecture="x", warmup=0.1, lr=1e-3, lr_floor=0.1)
    assert math.isclose(engine.learning_rate(step, 100, settings), expected)


WRONG = [({"fold": "5"}, "fold is '5'"), ({"augment": "wild"}, "augment is 'wild'"), ({"lr": 0.0}, "lr is 0.0"),
         ({"ema": 1.0}, "ema is 1.0"), ({"task": "lateral"}, "task is 'lateral'")]


@pytest.mark.parametrize(("change", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_settings_out_of_range_are_refused(change, sentence):
    with pytest.raises(BadSettings, match=sentence):
        TrainSettings(**{"task": "study", "architecture": "x", **change})


def test_imagenet_weights_of_the_package_reach_classifier_and_detector_alike():
    from train.classifier import ClassifierTask

    classifier = ClassifierTask(TrainSettings(task="opacity", architecture="tf_efficientnet_lite0")).start()
    detector = DetectorTask(TrainSettings(task="detector", architecture="tf_efficientdet_lite0")).start()
    ours, theirs = classifier.state_dict(), detector.backbone.state_dict()
    assert torch.equal(ours["blocks.4.2.conv_dw.weight"], theirs["blocks.4.2.conv_dw.weight"])
    assert ours["conv_stem.weight"].shape[1] == 1
    assert (ours["bn1.running_var"] != 1).any()


def test_first_weights_that_fit_nothing_are_refused(tmp_path):
    from core.weights import TASKS, ModelCard, save_weights
    from train.pretrained import start_network

    card = ModelCard("study", "mobilenetv3_small_050", (64, 64), TASKS["study"])
    save_weights(tmp_path / "other.safetensors", {"elsewhere": torch.zeros(3)}, card)
    with pytest.raises(BadWeights, match="no tensor of"):
        start_network(card, TrainSettings(task="study", architecture="mobilenetv3_small_050",
                                          pretrained=str(tmp_path / "other.safetensors")))
