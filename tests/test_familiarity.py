"""Films unlike those that the models know: the distance by hand, the bundled statistics, and what they doubt."""

from pathlib import Path

import numpy as np
import pytest

from core import runtime
from core.dicom import read_film
from core.display import model_picture
from core.errors import BadWeights
from core.familiarity import Familiarity, fitted, read_familiarity, save_familiarity
from core.features import open_features, picture_doubts


def test_distances_by_hand():
    """Mean (1, 1), scale 2, an axis along x of variance 4, rest 1: (5, 1) is (4/2)^2 / 4; (1, 5) is (4/2)^2 / 1."""
    known = Familiarity(np.ones(2), np.full(2, 2.0), np.array([[1.0], [0.0]]), np.array([4.0]), 1.0, 2.0)
    assert known.distances([[5, 1], [1, 5], [1, 1]]).tolist() == [1, 4, 0]
    assert known.doubt(2.0) == "" and "distance is 4" in known.doubt(4.0)


def test_the_bound_is_the_percentile_of_held_films_and_is_kept(tmp_path):
    rng = np.random.default_rng(0)
    features, held = rng.normal(size=(2, 500, 120)) * np.linspace(1, 9, 120)
    made = fitted(features, held)
    save_familiarity(tmp_path / "f.npz", made)
    again = read_familiarity(tmp_path / "f.npz")
    assert (again.distances(held) > again.threshold).sum() == 5
    assert np.allclose(again.distances(held), made.distances(held), rtol=1e-4)


@pytest.mark.parametrize("films", [2, 3, 40, 96, 97])
@pytest.mark.parametrize("size", [90, 96, 152])
def test_few_films_give_no_variance_below_that_of_the_rest(films, size):
    """An axis that none of the films goes along has a variance of 0, give or take what rounding does."""
    rng = np.random.default_rng(films)
    features = rng.normal(size=(films, size))
    made = fitted(features, held=features)
    assert made.rest > 0 and (made.variances >= made.rest).all() and np.isfinite(made.threshold)
    assert (made.distances(rng.normal(size=(50, size)) * 3) > 0).all() and made.threshold > 0
    assert (made.distances(features) <= size / 1e-3).all()


@pytest.mark.parametrize(("films", "held"), [(0, 3), (1, 3), (3, 0)])
def test_too_few_films_for_statistics_are_refused(films, held):
    with pytest.raises(BadWeights, match=f"{films} films to fit and {held} held"):
        fitted(np.ones((films, 5)), np.ones((held, 5)))


@pytest.mark.parametrize("wrong", ["scale", "variances", "rest"])
def test_statistics_that_would_be_divided_by_nothing_are_refused(tmp_path, wrong):
    arrays = {"mean": np.ones(2), "scale": np.ones(2), "axes": np.eye(2), "variances": np.ones(2), "rest": 1.0,
              "threshold": 1.0}
    np.savez(tmp_path / "f.npz", **arrays)
    assert read_familiarity(tmp_path / "f.npz").threshold == 1
    np.savez(tmp_path / "f.npz", **arrays | {wrong: arrays[wrong] * 0})
    with pytest.raises(BadWeights, match="f.npz cannot be read"):
        read_familiarity(tmp_path / "f.npz")


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"\x93NUMPY", b"\x80\x04K\x01."])
def test_damaged_statistics_are_refused(tmp_path, content):
    (tmp_path / "f.npz").write_bytes(content)
    with pytest.raises(BadWeights, match="f.npz cannot be read"):
        read_familiarity(tmp_path / "f.npz")


def test_noise_and_slices_are_doubted_and_a_chest_film_is_not():
    data_store = pytest.importorskip("data_store", reason="pydicom-data carries the films")
    folder = Path(data_store.__file__).parent / "data"
    chest, slice_ = (model_picture(read_film(next(folder.rglob(name)))) for name in ("RG1_UNCR.dcm", "693_UNCR.dcm"))
    noise = np.random.default_rng(0).integers(0, 256, (300, 300)).astype(np.uint8)
    doubts = picture_doubts([chest, slice_, noise], open_features(), read_familiarity())
    assert [len(each) for each in doubts] == [0, 1, 1]
    assert "unlike the frontal chest films" in doubts[1][0]


def test_the_command_makes_statistics_of_any_labelled_set(phantoms, tmp_path):
    from train.familiarity import make

    said = make(phantoms, 0, tmp_path / "f.npz")
    assert "bound" in said and read_familiarity(tmp_path / "f.npz").threshold > 0


def test_features_of_a_graph_are_those_of_torch(monkeypatch):
    pictures = [np.random.default_rng(seed).integers(0, 255, (300, 200 + seed), np.uint8) for seed in range(3)]
    by_graph = open_features()(pictures)
    monkeypatch.setattr(runtime, "chosen", lambda *_: "torch")
    by_torch = open_features()(pictures)
    assert by_torch.shape == by_graph.shape and by_torch.std() > 0.01
    assert np.allclose(by_graph, by_torch, rtol=1e-3, atol=1e-3)
