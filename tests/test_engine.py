"""The training loop does what each setting says, alone and shared by processes, and survives `kill -9`."""

import csv
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core.errors import BadSettings
from core.models import open_model
from core.predictions import read_predictions
from core.weights import TASKS, ModelCard, read_weights
from tests.conftest import ROOT
from train import engine, tracking
from train.__main__ import main
from train.batches import Batch, batches, mixed_up
from train.classifier import ClassifierTask
from train.data import load_films
from train.freezing import backbone
from train.judging import class_aps, sampled_rows
from train.ranks import Ranks
from train.sampling import Plan, even_order
from train.settings import TrainSettings
from train.sharpness import climbed
from train.training import train

SMALL = {"architecture": "test_efficientnet", "size": 64, "batch": 8, "epochs": 2, "folds": 3, "fold": "1",
         "pretrained": "none", "warmup": 0.0, "lr": 3e-3, "precision": "fp32"}
STUDY = TrainSettings(task="study", **SMALL)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def one_thread():
    """As many threads as the processes that are started here."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def films(phantoms):
    return load_films(phantoms, (64, 64), folds=3, seed=0)


def metrics_of(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def weights_of(folder):
    return read_weights(folder / "weights.safetensors")[1]


def same(ours, theirs):
    return all(torch.equal(ours[name], theirs[name]) for name in theirs)


def command(folder, phantoms, settings):
    """Arguments of `python -m train` for `settings`, all of them spelt out."""
    words = [settings.task, "--data", str(phantoms), "--run-dir", str(folder), "--device", "cpu"]
    for name in (*SMALL, "seed", "mixup", "sam", "freeze"):
        words += ["--" + name.replace("_", "-"), str(getattr(settings, name))]
    return words


def started(words, **kwargs):
    return subprocess.Popen([sys.executable, "-m", *words], cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"},
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kwargs)


# --- what a run tells of itself ---------------------------------------------------------------------------------------

def test_metrics_hold_loss_and_aps_of_held_and_trained_films_each_epoch(phantoms, films, tmp_path):
    settings = replace(STUDY, label_smoothing=0.0)
    train(settings, phantoms, [], tmp_path / "run", device="cpu", views=1)
    rows = metrics_of(tmp_path / "run")
    assert [row["epoch"] for row in rows] == ["1", "2"]
    last = rows[-1]
    assert all(math.isfinite(float(row[name])) for row in rows for name in ("train_loss", "loss", "study"))

    held = np.flatnonzero(films.fold == 1)
    model = open_model(tmp_path / "run/weights.safetensors", CPU)
    probability = model.probabilities(films.pictures[held])["study"]
    loss = -np.log(probability[np.arange(len(held)), films.study_class[held]]).mean()
    assert math.isclose(float(last["loss"]), loss, rel_tol=1e-4)
    aps = class_aps(["study"], films, read_predictions(tmp_path / "run/predictions"))
    assert {name: float(last[name]) for name in aps} == pytest.approx(aps, abs=1e-6)

    seen = sampled_rows(films, "1", settings.seed)
    assert len(seen) and not np.isin(seen, held).any()
    task = ClassifierTask(settings)
    aps = task.judge(model.network, films, seen)
    assert {name: float(last[f"train_{name}"]) for name in aps} == pytest.approx(aps, abs=1e-6)


def test_without_a_held_fold_only_the_trained_side_has_figures(phantoms, tmp_path):
    train(replace(STUDY, fold="all", epochs=1), phantoms, [], tmp_path / "run", device="cpu")
    row, = metrics_of(tmp_path / "run")
    assert math.isnan(float(row["loss"])) and math.isnan(float(row["study"]))
    assert 0 <= float(row["train_study"]) <= 1 and float(row["train_loss"]) > 0
    assert not (tmp_path / "run/predictions").exists()


# --- mixup ------------------------------------------------------------------------------------------------------------

def drawn_batch(count=5):
    rng = np.random.default_rng(0)
    boxes = [rng.uniform(0, 60, (number % 3, 4)).astype(np.float32) for number in range(count)]
    return Batch(rng.integers(0, 256, (count, 16, 16), dtype=np.uint8), ((1.0, boxes, np.arange(10, 10 + count)),))


def test_mixup_mixes_neighbours_and_their_labels_by_one_weight():
    plain = drawn_batch()
    batch = mixed_up(plain, replace(STUDY, mixup=0.4), step=3)
    (weight, boxes, rows), (rest, others, partners) = batch.targets
    assert 0 < weight < 1 and math.isclose(weight + rest, 1)
    assert rows.tolist() == [10, 11, 12, 13, 14] and partners.tolist() == [11, 10, 13, 12, 14]
    assert others[0] is boxes[1] and others[4] is boxes[4]
    partner = plain.pictures[[1, 0, 3, 2, 4]]
    assert np.abs(batch.pictures - (weight * plain.pictures + rest * partner)).max() <= 0.5 + 1e-3
    assert mixed_up(plain, replace(STUDY, mixup=0.4), step=4).targets[0][0] != weight


def test_a_mixed_detector_batch_keeps_the_boxes_of_both_films():
    plain = drawn_batch()
    settings = replace(STUDY, task="detector", architecture="tf_efficientdet_lite0", mixup=8.0)
    (weight, boxes, _), = mixed_up(plain, settings, step=0).targets
    before = plain.targets[0][1]
    assert weight == 1
    assert [len(each) for each in boxes] == [1, 1, 2, 2, 1]  # films have 0, 1, 2, 0, 1 boxes; the last is alone
    assert np.array_equal(boxes[0], before[1])


def test_batches_are_mixed_when_the_settings_say_so(films):
    def first(**change):
        settings = replace(STUDY, **change)
        plan = engine.planned(ClassifierTask(settings), films, settings)
        return next(batches(films, plan, settings, 0))

    plain, mixed = first(), first(mixup=0.4)
    assert len(plain.targets) == 1 and len(mixed.targets) == 2
    assert np.array_equal(mixed.pictures, mixed_up(plain, replace(STUDY, mixup=0.4), 0).pictures)
    assert not np.array_equal(mixed.pictures, plain.pictures)


class Valley:
    """A task whose loss is half the sum of k w^2, with k = 1 for row 0 and 3 for row 1: its gradients are known."""

    card = ModelCard("study", "valley", (32, 32), TASKS["study"])

    def __init__(self):
        self.network = torch.nn.Module()
        self.network.w = torch.nn.Parameter(torch.tensor([0.6, -0.8]))
        self.network.forward = lambda x: self.network.w

    def loss(self, outputs, boxes, rows):
        return (1.0 if rows[0] == 0 else 3.0) * outputs.square().sum() / 2

    def guidance(self, outputs, batch, device):
        return None

    def step(self, targets, **change):
        batch = Batch(np.zeros((1, 8, 8), np.uint8), targets)
        optimizer = torch.optim.SGD(self.network.parameters(), lr=1.0)
        settings = replace(STUDY, **change)
        loss = engine.train_step(self, self.network, batch, optimizer, 0.1, 0, settings, CPU)
        return loss.item(), self.network.w.detach()


def test_the_loss_of_a_mixed_batch_is_mixed_by_its_weights():
    one, three = (np.array([row]) for row in (0, 1))
    loss, w = Valley().step(((0.75, [], one), (0.25, [], three)))
    assert math.isclose(loss, (0.75 * 1 + 0.25 * 3) / 2, rel_tol=1e-6)
    assert torch.allclose(w, torch.tensor([0.6, -0.8]) * (1 - 0.1 * 1.5))


# --- sharpness-aware minimisation -------------------------------------------------------------------------------------

def test_sam_steps_by_the_gradient_at_the_top_of_the_ball():
    """|w| is 1 and the gradient is w, so the ball's top is 1.2 w and SGD at .1 leaves .88 w; without SAM .9 w."""
    start = torch.tensor([0.6, -0.8])
    loss, w = Valley().step(((1.0, [], np.array([0])),), sam=0.2)
    assert math.isclose(loss, 0.5, rel_tol=1e-6)  # of the point where the network stands, not of the ball's top
    assert torch.allclose(w, 0.88 * start)
    assert torch.allclose(Valley().step(((1.0, [], np.array([0])),))[1], 0.9 * start)


def test_after_the_climb_weights_and_running_means_are_what_they_were():
    network = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4))
    network(torch.randn(8, 4)).square().sum().backward()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with climbed(network, 0.05):
        moved = torch.cat([(value - before[name]).flatten() for name, value in network.named_parameters()])
        assert math.isclose(moved.norm().item(), 0.05, rel_tol=1e-4)
        network(torch.randn(8, 4))
        assert not torch.equal(network[1].running_mean, before["1.running_mean"])
    assert same(network.state_dict(), before)


# --- which films ------------------------------------------------------------------------------------------------------

def test_balanced_patients_come_up_equally_often_and_with_all_their_films():
    patients = np.array(["many"] * 12 + ["few"] * 3 + list("abcde"))
    rows = np.arange(100, 100 + len(patients))
    drawn = even_order(rows, patients, np.random.default_rng(0))
    counts = [np.count_nonzero(patients[drawn - 100] == name) for name in set(patients)]
    assert len(drawn) == len(rows) and max(counts) - min(counts) <= 1
    assert len(set(drawn[patients[drawn - 100] == "few"])) == min(3, np.count_nonzero(patients[drawn - 100] == "few"))


def test_an_epoch_is_balanced_when_the_settings_say_so(films):
    rows = np.flatnonzero(films.fold != 1)

    def most_and_least(balance):
        settings = replace(STUDY, balance_patients=balance, batch=len(rows))
        seen = films.patient_ids[Plan.of(films, rows, settings).films_of(0)]
        counts = [np.count_nonzero(seen == name) for name in set(films.patient_ids[rows])]
        return max(counts) - min(counts)

    assert most_and_least(False) > 1 >= most_and_least(True)


def test_a_share_holds_the_films_that_one_process_alone_would_see_there(films):
    settings = replace(STUDY, batch=6)
    plan = engine.planned(ClassifierTask(settings), films, settings)
    whole = next(batches(films, plan, settings, 0))
    shares = [next(batches(films, plan, settings, 0, Ranks(rank, 2).share(6))) for rank in (0, 1)]
    assert np.array_equal(np.concatenate([share.pictures for share in shares]), whole.pictures)
    assert np.array_equal(np.concatenate([share.targets[0][2] for share in shares]), whole.targets[0][2])


def test_a_batch_that_cannot_be_shared_evenly_is_refused():
    with pytest.raises(BadSettings, match="batch is 9, but must be divisible by the 2 processes.*choose 10"):
        Ranks(1, 2).share(9)


# --- frozen backbone --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("freeze", "moves"), [(1.0, False), (0.5, True)])
def test_a_frozen_backbone_stays_and_is_set_free_in_time(phantoms, tmp_path, freeze, moves):
    """An epoch has two steps: frozen for all of it nothing of the backbone moves, for half of it everything does."""
    settings = replace(STUDY, epochs=1, freeze=freeze, ema=0.0)
    torch.manual_seed(settings.seed)
    network = ClassifierTask(settings).start()
    modules = set(backbone(network))
    held = {f"{name}.{own}" for name, module in network.named_modules() if module in modules
            for own in [*dict(module.named_parameters(recurse=False)), *dict(module.named_buffers(recurse=False))]}
    train(settings, phantoms, [], tmp_path / "run", device="cpu")
    checkpoint = torch.load(tmp_path / "run/checkpoint.pt", weights_only=True)  # float32, as the weights file is not
    first, after = network.state_dict(), checkpoint["network"]
    moved = {name for name in first if not torch.equal(first[name], after[name])}
    assert {"classifier.weight", "classifier.bias"} <= moved
    assert "bn1.running_var" in held and len(held) == len(first) - 2
    assert moved & held == (held if moves else set())


# --- the same result again --------------------------------------------------------------------------------------------

def test_the_same_seed_gives_the_same_weights_and_another_seed_others(phantoms, tmp_path):
    settings = TrainSettings(**{**SMALL, "task": "joint", "precision": "bf16"}, mixup=0.4, sam=0.05, freeze=0.5,
                             balance_patients=True, mask_loss=1.0, augment="strong")
    for name, seed in (("one", 5), ("two", 5), ("other", 6)):
        train(replace(settings, seed=seed, epochs=1), phantoms, [], tmp_path / name, device="cpu")
    one, two, other = (weights_of(tmp_path / name) for name in ("one", "two", "other"))
    assert same(one, two)
    assert (tmp_path / "one/metrics.csv").read_text() == (tmp_path / "two/metrics.csv").read_text()
    assert not same(one, other)


def test_a_process_killed_by_signal_9_resumes_to_the_same_weights(phantoms, tmp_path):
    settings = replace(STUDY, epochs=10, mixup=0.4)
    words = command(tmp_path / "killed", phantoms, settings)
    process = started(["train", *words, "--checkpoint-seconds", "0"])
    try:
        deadline = time.monotonic() + 300
        while not (tmp_path / "killed/metrics.csv").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
    finally:
        process.kill()
        _, told = process.communicate()
    assert process.returncode == -signal.SIGKILL, told
    assert 1 <= torch.load(tmp_path / "killed/checkpoint.pt", weights_only=True)["step"] < 20
    assert not (tmp_path / "killed/predictions").exists()

    assert main(words) == 0
    assert main(command(tmp_path / "whole", phantoms, settings)) == 0
    assert same(weights_of(tmp_path / "killed"), weights_of(tmp_path / "whole"))
    assert (tmp_path / "killed/metrics.csv").read_text() == (tmp_path / "whole/metrics.csv").read_text()


# --- several processes ------------------------------------------------------------------------------------------------

def test_two_processes_train_as_one_and_only_the_lead_writes(phantoms, tmp_path):
    """Gradients averaged over halves of a batch are those of the whole batch.

    The network has group norms: on the CPU batch norms reckon with a process's own half, so that a network with them
    rightly ends elsewhere. What is left is float32 rounding, which AdamW, dividing by the size of the gradients, makes
    larger: the weights may differ by a hundredth of the way that they went.
    """
    settings = replace(STUDY, architecture="test_efficientnet_gn", epochs=2, mixup=0.4, sam=0.05, freeze=0.5)
    words = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "train"]
    process = started([*words, *command(tmp_path / "two", phantoms, settings)])
    printed, told = process.communicate(timeout=400)
    assert process.returncode == 0, told
    assert printed.split() == [str(tmp_path / "two")]
    assert len((tmp_path / "two/log").read_text().splitlines()) == 2
    assert (tmp_path / "two/predictions").is_dir()

    train(settings, phantoms, [], tmp_path / "one", device="cpu")
    torch.manual_seed(settings.seed)
    first = ClassifierTask(settings).start().state_dict()
    one, two = (weights_of(tmp_path / name) for name in ("one", "two"))
    apart, way = (torch.cat([(ours[name] - one[name]).flatten() for name in one]).norm() for ours in (two, first))
    assert way > 0 and apart < 0.01 * way
    for ours, theirs in zip(metrics_of(tmp_path / "two"), metrics_of(tmp_path / "one"), strict=True):
        assert math.isclose(float(ours["train_loss"]), float(theirs["train_loss"]), rel_tol=1e-4)
        assert math.isclose(float(ours["loss"]), float(theirs["loss"]), rel_tol=1e-3)


# --- Weights & Biases -------------------------------------------------------------------------------------------------

class Tracked:
    """Stands in for the package: remembers what it was told."""

    def __init__(self):
        self.begun, self.rows, self.ended = [], [], []

    def init(self, **given):
        self.begun.append(given)
        return SimpleNamespace(log=lambda row, step: self.rows.append((step, row)),
                               finish=lambda exit_code=0: self.ended.append(exit_code))


def test_the_tracker_is_told_each_epoch_and_a_resumed_run_goes_on_in_the_same_one(phantoms, tmp_path, monkeypatch):
    tracked = Tracked()
    monkeypatch.setitem(sys.modules, "wandb", tracked)
    settings, folder = replace(STUDY, epochs=3), tmp_path / "run"
    steps, follow = [], engine._follow

    def stopped_in_the_second_epoch(*given):
        steps.append(1)
        if len(steps) == 4:
            raise KeyboardInterrupt
        follow(*given)

    monkeypatch.setattr(engine, "_follow", stopped_in_the_second_epoch)
    with pytest.raises(KeyboardInterrupt):
        train(settings, phantoms, [], folder, device="cpu", track="wandb")
    train(settings, phantoms, [], folder, device="cpu", track="wandb")
    assert [step for step, _ in tracked.rows] == [1, 2, 3]
    assert [str(row["loss"]) for _, row in tracked.rows] == [row["loss"] for row in metrics_of(folder)]
    assert tracked.begun[0]["id"] == tracked.begun[1]["id"]
    assert tracked.begun[0]["config"]["architecture"] == "test_efficientnet"
    assert tracked.ended == [1, 0]


def test_a_missing_or_unknown_tracker_is_named(phantoms, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "wandb", None)
    for name, sentence in (("wandb", "the package wandb is not installed: pip install 'groundglass[track]'"),
                           ("paper", "track is 'paper', but must be one of wandb")):
        assert main([*command(tmp_path / "run", phantoms, STUDY), "--track", name]) == 2
        assert sentence in capsys.readouterr().err
    assert not (tmp_path / "run/metrics.csv").exists()


def test_wandb_itself_keeps_a_run_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="the package wandb is not installed: pip install 'groundglass[track]'")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    run = SimpleNamespace(path=tmp_path, tracking_id=lambda: "0123456789abcdef")
    with tracking.tracking("wandb", run, {"lr": 1e-3}) as tell:
        tell({"epoch": 1, "loss": 0.5})
    stored, = tmp_path.glob("wandb/offline-run-*/*.wandb")
    assert b"loss" in stored.read_bytes() and "0123456789abcdef" in stored.name
