"""What a data set is made of, counted by hand on films whose content is known."""

import json

import numpy as np
import pytest

from core.dataset import open_dataset
from core.errors import BadDataset
from core.exploration import GRID, _density, explore, near_duplicates


@pytest.fixture(scope="module")
def explored(phantoms):
    return open_dataset(phantoms), explore(open_dataset(phantoms))


def test_counts_agree_with_the_labels(explored):
    dataset, found = explored
    truth = dataset.truth
    assert (found.films, found.studies) == (len(truth.image_ids), len(truth.study_ids))
    assert sum(found.classes.values()) == found.studies
    assert sum(key * value for key, value in found.boxes_per_film.items()) == len(truth.boxes) == len(found.boxes)
    assert sum(key * value for key, value in found.films_per_study.items()) == found.films
    assert sum(key * value for key, value in found.studies_per_patient.items()) == found.studies
    assert sum(found.sizes.values()) == sum(found.photometric.values()) == found.films and not found.unread


def test_boxes_are_fractions_of_their_film(explored):
    dataset, found = explored
    film = next(row for row in range(found.films) if len(dataset.truth.boxes_of(row)))
    image, box = dataset.images[film], dataset.truth.boxes_of(film)[0]
    assert found.boxes[0] == pytest.approx(box / np.array([image.width, image.height] * 2), abs=1e-6)


def test_density_is_the_share_of_boxed_films():
    """Two films: one with a box on the upper left quarter (twice), one with a box over all."""
    boxes = np.array([[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.5], [0, 0, 1, 1]], np.float32)
    density = _density(boxes, np.array([3, 3, 5]))
    assert (density[: GRID // 2, : GRID // 2] == 1).all() and (density[GRID // 2:, GRID // 2:] == 0.5).all()


def test_near_duplicates_are_found_whatever_their_brightness():
    rng = np.random.default_rng(0)
    films = rng.integers(0, 200, (40, 16, 16)).astype(np.uint8)
    films[31] = np.clip(films[7] * 0.8 + 20, 0, 255)
    (first, second, r), = near_duplicates(films)
    assert (first, second) == (7, 31) and r > 0.98
    assert near_duplicates(films[:1]) == []


def test_a_copied_film_is_a_pair_and_a_broken_one_is_named(phantoms, tmp_path):
    import shutil

    shutil.copytree(phantoms, tmp_path / "set")
    dataset = open_dataset(tmp_path / "set")
    one, other, broken = (image for image in dataset.images[:3])
    root = tmp_path / "set"
    shutil.copy(root / one.path, root / other.path)
    (root / broken.path).write_bytes((root / broken.path).read_bytes()[:900])
    found = explore(open_dataset(root))
    assert (one.image_id, other.image_id) in {(pair.first, pair.second) for pair in found.pairs}
    assert found.unread == (broken.image_id,)


def test_figures_can_be_printed_and_stored(explored):
    _, found = explored
    told = json.loads(json.dumps(found.as_dict()))
    assert told["films"] == found.films and np.array(told["density"]).shape == (GRID, GRID)
    assert any(line.startswith("near-duplicates") for line in found.lines())


def test_a_set_without_labels_is_refused(phantoms, tmp_path):
    import shutil

    shutil.copytree(phantoms / "train", tmp_path / "train")
    with pytest.raises(BadDataset, match="has no labels"):
        explore(open_dataset(tmp_path))


def test_a_sample_gives_the_same_counts_without_near_duplicates(explored):
    dataset, whole = explored
    found = explore(dataset, sample=5)
    assert found.pairs is None and found.as_dict()["pairs"] == []
    same = ("classes", "boxes_per_film", "sizes", "photometric", "boxless_in_positive", "unread")
    assert all(getattr(found, name) == getattr(whole, name) for name in same)
    assert found.mean_film.any() and np.array_equal(found.density, whole.density)
