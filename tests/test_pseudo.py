"""Pseudo-labels: only what is sure, only on unlabelled films, only from networks that never saw the held patients."""

import csv
import shutil
from dataclasses import replace

import numpy as np
import pytest

from core.dataset import open_dataset
from core.errors import BadDataset, BadSettings
from core.predictions import Candidates, Predictions, Source, write_predictions
from train.pseudo import pseudo_films
from train.settings import TrainSettings

SOURCE = Source("m", "1", "plain")


@pytest.fixture(scope="module")
def unlabelled(phantoms, tmp_path_factory):
    """The phantoms with the labels of their first three films taken away, and these films."""
    root = tmp_path_factory.mktemp("unlabelled") / "set"
    shutil.copytree(phantoms, root)
    films = open_dataset(root).images[:3]
    for name, ids in (("train_image_level.csv", {f"{film.image_id}_image" for film in films}),
                      ("train_study_level.csv", set())):
        with (root / name).open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["id"] not in ids]
        with (root / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    return root, films


def predictions_for(films, place, fold="1"):
    """Sure of an opacity on the first film, of none on the second, unsure of the third."""
    boxes = np.array([[10, 10, 60, 60], [70, 70, 90, 90]], np.float32)
    found = Predictions(
        tuple(film.image_id for film in films), ("a", "b", "c"),
        Candidates(boxes, [0.9, 0.2], [0, 0], [0, 2, 2, 2], (SOURCE,)), np.array([[0.98], [0.02], [0.5]]), (SOURCE,),
        np.array([[[0.02, 0.94, 0.02, 0.02]], [[0.97, 0.01, 0.01, 0.01]], [[0.4, 0.3, 0.2, 0.1]]]), (SOURCE,),
        {"weights": [{"fold": fold}]}, [0, 1, 2])
    write_predictions(place, found)
    return TrainSettings(task="joint", architecture="x", size=64, fold="1", pseudo=str(place))


def test_only_sure_films_are_labelled(unlabelled, tmp_path):
    root, films = unlabelled
    found = pseudo_films(root, predictions_for(films, tmp_path))
    assert found.image_ids.tolist() == [films[0].image_id, films[1].image_id]
    assert found.study_class.tolist() == [1, 0] and found.boxed.tolist() == [True, False]
    scale = np.array([64 / films[0].width, 64 / films[0].height] * 2)
    assert found.boxes == pytest.approx(np.array([[10, 10, 60, 60]]) * scale, abs=1e-4)
    assert (found.fold == -1).all() and found.pictures.shape == (2, 64, 64)


def test_predictions_of_networks_that_saw_the_held_fold_are_refused(unlabelled, tmp_path):
    root, films = unlabelled
    with pytest.raises(BadSettings, match="held out fold 2, but this run holds out 1"):
        pseudo_films(root, predictions_for(films, tmp_path, fold="2"))


def test_nothing_sure_enough_is_refused(unlabelled, tmp_path):
    root, films = unlabelled
    with pytest.raises(BadSettings, match="lower --pseudo-confidence"):
        pseudo_films(root, replace(predictions_for(films, tmp_path), pseudo_confidence=0.999))


def test_films_with_labels_of_their_own_are_refused(phantoms, unlabelled, tmp_path):
    with pytest.raises(BadDataset, match="are labelled in"):
        pseudo_films(phantoms, predictions_for(unlabelled[1], tmp_path))
