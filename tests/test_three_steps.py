"""Teacher, student, fine-tuning: what each sees, what pulls it, and what may not be mixed up."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.dataset import open_dataset
from core.errors import BadSettings, BadWeights
from core.inference import predict
from core.weights import read_card
from train.batches import Batch
from train.classifier import ClassifierTask
from train.settings import TrainSettings
from train.teaching import Teacher, painted, unlikeness
from train.training import train

TEACHER = TrainSettings(task="joint", architecture="mobilenetv3_small_050", size=64, batch=8, epochs=1, folds=3,
                        fold="1", pretrained="none", warmup=0.0, paint=0.3, precision="fp32")


def student(teacher, **change):
    return replace(TEACHER, **{"paint": 0.0, "teacher": str(teacher), "teacher_loss": 0.5, **change})


@pytest.fixture(scope="module")
def steps(phantoms, tmp_path_factory):
    """The folders of the three runs of a chain, in order."""
    root = tmp_path_factory.mktemp("steps")
    teacher, taught, tuned = (root / name for name in ("teacher", "student", "tuned"))
    train(TEACHER, phantoms, [], teacher, device="cpu")
    train(student(teacher, mask_loss=0.5, mixup=0.4), phantoms, [], taught, device="cpu")
    train(replace(TEACHER, paint=0.0, pretrained=str(taught), lr=1e-4), phantoms, [], tuned, device="cpu")
    return teacher, taught, tuned


def test_boxes_are_laid_over_the_film_in_white():
    """30 % of the way from 100 to 255 is 146.5; a box over x 2..6, y 1..3; two boxes that overlap paint once."""
    film, boxes = np.full((2, 8, 8), 100, np.uint8), np.array([[2, 1, 6, 3], [4, 1, 6, 3]], np.float32)
    seen = painted(film, [(1.0, [boxes, np.zeros((0, 4), np.float32)], None)], 0.3)
    assert set(np.unique(seen[0, 1:3, 2:6])) == {146}
    assert (seen[0] != 100).sum() == 8 and (seen[1] == 100).all() and (film == 100).all()


def test_mixed_films_are_painted_by_their_weights():
    box = [np.array([[0, 0, 4, 4]], np.float32)]
    none = [np.zeros((0, 4), np.float32)]
    seen = painted(np.zeros((1, 8, 8), np.uint8), [(0.25, box, None), (0.75, none, None)], 0.4)
    assert seen[0, 0, 0] == round(255 * 0.1) and seen[0, 7, 7] == 0


def test_maps_are_alike_whatever_their_scale():
    maps = [torch.randn(4, 8, 5, 5), torch.randn(4, 3, 2, 2)]
    assert unlikeness([3 * each + 1 for each in maps], maps) == pytest.approx(0, abs=1e-5)
    assert unlikeness([-each for each in maps], maps) == pytest.approx(2, abs=1e-5)


def test_a_student_is_drawn_to_its_teacher(steps, phantoms):
    """Steps down the auxiliary loss alone bring its inner maps of plain films nearer to those of painted ones."""
    torch.manual_seed(0)
    task = ClassifierTask(student(steps[0]))
    network, device = task.start().train(), torch.device("cpu")
    pictures = np.random.default_rng(0).integers(0, 255, (4, 64, 64), np.uint8)
    batch = Batch(pictures, ((1.0, [np.array([[8, 8, 40, 40]], np.float32)] * 4, np.arange(4)),))
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    seen = torch.from_numpy(pictures).float().unsqueeze(1) / 127.5 - 1
    far = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = task.guidance(network(seen), batch, device)
        loss.backward()
        optimizer.step()
        far.append(loss.item())
    assert far[-1] < 0.8 * far[0]


def test_each_step_leaves_weights_that_say_what_they_are(steps):
    teacher, taught, tuned = (read_card(step / "weights.safetensors") for step in steps)
    assert (teacher.paint, taught.paint, tuned.paint) == (0.3, 0, 0)
    assert json.loads((steps[1] / "settings.json").read_text())["settings"]["teacher"] == str(steps[0])
    assert tuned.training["pretrained"] == str(steps[1])


def test_a_student_has_the_tensors_of_a_plain_classifier(steps, phantoms):
    found = predict(open_dataset(phantoms), [step / "weights.safetensors" for step in steps[2:]], views=1, device="cpu")
    assert np.isfinite(found.opacity).all()


def test_a_teacher_predicts_no_film_without_boxes(steps, phantoms):
    with pytest.raises(BadWeights, match="is a teacher"):
        predict(open_dataset(phantoms), [steps[0] / "weights.safetensors"], device="cpu")


@pytest.mark.parametrize(("change", "sentence"), [
    ({"fold": "0"}, "must hold out the same patients"), ({"fold_seed": 5}, "must hold out the same patients"),
    ({"size": 96}, "image_size"), ({"architecture": "mobilenetv3_small_075"}, "architecture")])
def test_a_teacher_that_does_not_fit_is_refused(steps, change, sentence):
    with pytest.raises(BadSettings, match=sentence):
        ClassifierTask(student(steps[0], **change))


def test_a_teacher_must_have_seen_boxes(steps):
    with pytest.raises(BadSettings, match="had no boxes painted"):
        ClassifierTask(student(steps[1]))


def test_first_weights_that_saw_the_held_patients_are_refused(steps):
    with pytest.raises(BadSettings, match="must hold out the same patients"):
        ClassifierTask(replace(TEACHER, paint=0.0, fold="2", pretrained=str(steps[1]))).start()


@pytest.mark.parametrize("change", [{"teacher": "run"}, {"teacher_loss": 1.0}, {"paint": 1.5},
                                    {"task": "detector", "paint": 0.3}])
def test_settings_that_make_no_step_are_refused(change):
    with pytest.raises(BadSettings):
        replace(TEACHER, paint=0.0, **change) if "paint" not in change else replace(TEACHER, **change)


def test_runs_are_found_by_name(steps, monkeypatch):
    """`--teacher NAME` means the run of that name below `runs`."""
    monkeypatch.chdir(steps[0].parent)
    (steps[0].parent / "runs").symlink_to(steps[0].parent)
    assert Teacher(student("teacher"), read_card(steps[1] / "weights.safetensors"))
