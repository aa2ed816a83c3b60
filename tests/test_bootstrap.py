"""The patient bootstrap against resamples made by hand, copy by copy."""

from types import SimpleNamespace

import numpy as np
import pytest

from core.bootstrap import NAMES, bootstrap, patients_of
from core.errors import BadPredictions
from core.evaluation import average_precision, evaluate
from core.labels import GroundTruth

FILMS, STUDIES = 30, 24


def some_truth(rng):
    """Films with 0 to 2 boxes, each at another place of its film."""
    counts = rng.integers(0, 3, FILMS)
    boxes = np.concatenate([[[20 * k, 0, 20 * k + 10, 10] for k in range(n)] for n in counts if n]).astype(np.float32)
    return GroundTruth(tuple(f"f{n}" for n in range(FILMS)), tuple(f"s{n}" for n in range(STUDIES)),
                       np.minimum(np.arange(FILMS), STUDIES - 1), boxes, np.r_[0, np.cumsum(counts)],
                       rng.integers(-1, 4, STUDIES))


def some_answer(rng, truth):
    """Two detections on each film, at the places where the boxes are; confidences with many ties."""
    boxes = np.tile(np.array([[0, 0, 10, 10], [20, 0, 30, 10]], np.float32), (FILMS, 1))
    scores = np.sort(rng.integers(1, 9, (FILMS, 2)) / 10)[:, ::-1].reshape(-1).astype(np.float32)
    detections = SimpleNamespace(boxes=boxes, scores=scores, offsets=2 * np.arange(FILMS + 1))
    p_none = np.where(rng.random(FILMS) < .1, np.nan, rng.integers(0, 9, FILMS) / 10)
    return evaluate(truth, detections, p_none, rng.dirichlet(np.ones(4), STUDIES))


@pytest.fixture
def two():
    rng = np.random.default_rng(3)
    truth = some_truth(rng)
    return truth, [some_answer(rng, truth) for _ in range(2)]


def by_copies(ranking, patients, weights):
    """AP with each prediction written down as often as its patient was drawn, in the order of the ranking."""
    often = weights[patients[ranking.rows]]
    positives = int((weights[patients] * ranking.positive_rows).sum())
    if not positives:
        return np.nan
    order = np.argsort(-ranking.confidence, kind="stable")
    return average_precision(np.repeat(ranking.confidence[order], often[order]),
                             np.repeat(ranking.true_positive[order], often[order]), positives)


def test_resamples_are_those_made_by_copying_patients(two, monkeypatch):
    from core import bootstrap as module

    drawn = []
    real = module._drawn
    monkeypatch.setattr(module, "_drawn", lambda *arguments: drawn.append(real(*arguments)) or drawn[-1])
    truth, evaluations = two
    films, studies = np.arange(FILMS) // 3, np.minimum(np.arange(STUDIES) // 3, 9)
    found = bootstrap(evaluations, films, studies, resamples=40)
    for each, evaluation in enumerate(evaluations):
        for place, name in enumerate(NAMES[:-1]):
            patients = films if name in ("opacity", "none") else studies
            expected = [by_copies(evaluation.rankings[name], patients, weights) for weights in drawn[0]]
            assert found.samples[each, :, place] == pytest.approx(expected, nan_ok=True)
    assert found.samples[..., -1] == pytest.approx(np.nanmean(found.samples[..., :-1], axis=-1))
    assert (drawn[0].sum(axis=1) == 10).all()


def test_an_evaluation_does_not_differ_from_itself(two):
    truth, (first, second) = two
    found = bootstrap([first, first, second], np.arange(FILMS), np.arange(STUDIES))
    same, other = found.difference(1, 0, "mean"), found.difference(2, 0, "mean")
    assert (same.value, same.low, same.high, same.told) == (0, 0, 0, False) and same.p == 1
    assert other.value == pytest.approx(second.mean - first.mean) and other.low < other.value < other.high


def test_a_difference_on_every_patient_is_told_and_noise_is_not():
    rng = np.random.default_rng(8)
    truth = some_truth(rng)
    boxless = np.diff(truth.offsets) == 0
    nothing = SimpleNamespace(boxes=np.zeros((0, 4), np.float32), scores=np.zeros(0, np.float32),
                              offsets=np.zeros(FILMS + 1, int))
    study = rng.dirichlet(np.ones(4), STUDIES)
    right, wrong, noisy = (evaluate(truth, nothing, p, study) for p in (
        boxless * .8 + .1, ~boxless * .8 + .1, np.where(np.arange(FILMS) == 4, .5, boxless * .8 + .1)))
    found = bootstrap([right, wrong, noisy], np.arange(FILMS), np.arange(STUDIES))
    assert found.difference(0, 1, "none").told and found.difference(0, 1, "none").p < .01
    assert not found.difference(0, 2, "none").told


def test_the_same_seed_draws_the_same(two):
    _, evaluations = two
    first, again, other = (bootstrap(evaluations, np.arange(FILMS), np.arange(STUDIES), resamples=20, seed=seed)
                           for seed in (1, 1, 2))
    assert np.array_equal(first.samples, again.samples, equal_nan=True)
    assert not np.array_equal(first.samples, other.samples, equal_nan=True)


def test_films_of_one_patient_stay_together():
    truth = GroundTruth(("a", "b", "c"), ("s", "t", "u"), [0, 1, 1], np.zeros((0, 4)), [0, 0, 0, 0], [0, 1, 2])
    images = [SimpleNamespace(image_id="a", patient_id="P", study_id="s"),
              SimpleNamespace(image_id="b", patient_id="P", study_id="t"),
              SimpleNamespace(image_id="c", patient_id="", study_id="t")]
    films, studies = patients_of(images, truth)
    assert films[0] == films[1] != films[2] and studies[0] == studies[1] == films[0] and studies[2] not in films


def test_evaluations_of_other_films_are_refused(two):
    with pytest.raises(BadPredictions, match="about 30 films"):
        bootstrap(two[1], np.arange(7), np.arange(STUDIES))
