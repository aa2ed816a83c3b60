"""Costs of films and studies: each against `evaluate` on labels and answers that were truly mended, or shortened."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from core.cases import arrange
from core.costs import costs
from core.dataset import Dataset, Image
from core.evaluation import evaluate
from core.labels import GroundTruth
from core.predictions import Candidates, Predictions, Source

TOP, BOTTOM = 9.0, -9.0  # before and behind every other confidence


class Problem:
    """Labels and answers of a few films and studies, as lists that can be mended and shortened."""

    def __init__(self, truths, found, p_none, classes, study):
        self.truths, self.found, self.p_none, self.classes, self.study = truths, found, p_none, classes, study

    def evaluation(self):
        boxes = [np.array(each, np.float32).reshape(-1, 4) for each in self.truths]
        films, studies = len(self.truths), len(self.classes)
        truth = GroundTruth(tuple(map(str, range(films))), tuple(map(str, range(studies))), np.full(films, -1),
                            np.concatenate([*boxes, np.zeros((0, 4))]), _offsets(boxes), np.array(self.classes))
        detections = SimpleNamespace(
            boxes=np.array([box for film in self.found for box, _ in film], np.float32).reshape(-1, 4),
            scores=np.array([score for film in self.found for _, score in film], np.float32),
            offsets=_offsets(self.found))
        return evaluate(truth, detections, np.array(self.p_none), np.array(self.study).reshape(-1, 4))

    def film_mended(self, film):
        found, p_none = list(self.found), list(self.p_none)
        found[film] = [(box, TOP) for box in self.truths[film]]
        p_none[film] = BOTTOM if len(self.truths[film]) else TOP
        return Problem(self.truths, found, p_none, self.classes, self.study)

    def film_left_out(self, film):
        return Problem(*(_without(each, film) for each in (self.truths, self.found, self.p_none)), self.classes,
                       self.study)

    def study_mended(self, row):
        study = list(self.study)
        study[row] = [TOP if place == self.classes[row] else BOTTOM for place in range(4)]
        return Problem(self.truths, self.found, self.p_none, self.classes, study)

    def study_left_out(self, row):
        return Problem(self.truths, self.found, self.p_none, _without(self.classes, row), _without(self.study, row))


def _offsets(rows):
    return np.r_[0, np.cumsum([len(each) for each in rows])].astype(np.int64)


def _without(rows, place):
    return [each for row, each in enumerate(rows) if row != place]


def drawn(seed):
    """A `Problem` of up to six films and studies; scores of one digit, so that many are tied; some are not there."""
    rng = np.random.default_rng(seed)
    films, studies = rng.integers(1, 7), rng.integers(0, 7)
    corners = np.array([(0, 0), (60, 0), (0, 60)])
    truths = [[(*corner, *(corner + 40)) for corner in corners[:rng.integers(0, 4)]] for _ in range(films)]
    found = [[((*(corner := corners[rng.integers(3)] + rng.integers(0, 12, 2)), *(corner + 40)),
               rng.integers(1, 10) / 10) for _ in range(rng.integers(0, 6))] for _ in range(films)]
    p_none = np.where(rng.random(films) < .2, np.nan, rng.integers(0, 10, films) / 10).tolist()
    study = np.where(rng.random((studies, 1)) < .2, np.nan, rng.integers(0, 10, (studies, 4)) / 10).tolist()
    return Problem(truths, found, p_none, rng.integers(-1, 4, studies).tolist(), study)


def _mean(evaluation):
    return np.nan if evaluation.mean is None else evaluation.mean


def _change(after, before, name):
    return np.nan if None in (after.aps[name], before.aps[name]) else after.aps[name] - before.aps[name]


def check(level, before, mended, left_out):
    """`level` holds what the evaluations `mended` and `left_out`, one for each row, say beside `before`."""
    for told, aps, others in ((level.mended, level.mended_aps, mended), (level.left_out, level.left_out_aps, left_out)):
        assert len(told) == len(others)
        assert told == pytest.approx([_mean(other) - _mean(before) for other in others], abs=1e-12, nan_ok=True)
        for name, values in aps.items():
            assert values == pytest.approx([_change(other, before, name) for other in others], abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_every_cost_is_what_a_second_evaluation_says(first):
    for seed in range(first, first + 50):
        problem = drawn(seed)
        before = problem.evaluation()
        found = costs(before)
        rows, films = range(len(problem.classes)), range(len(problem.truths))
        check(found.films, before, [problem.film_mended(each).evaluation() for each in films],
              [problem.film_left_out(each).evaluation() for each in films])
        check(found.studies, before, [problem.study_mended(each).evaluation() for each in rows],
              [problem.study_left_out(each).evaluation() for each in rows])
        assert not (found.films.mended < -1e-12).any() and not (found.studies.mended < -1e-12).any(), seed


def test_a_cost_worked_by_hand():
    """Film 0: a box found at .5. Film 1: a box missed, a false positive at .9. No film is none, no study is there.

    AP now: one true positive of rank 2 among two boxes, 1/2 * 1/2 = 1/4. Film 1 mended: (1 + 1) / 2 = 1, +3/4; left
    out: 1, +3/4. Film 0 mended: its box comes first, then the false positive: 1/2, +1/4; left out: 0, -1/4.
    """
    box, beside = (0, 0, 40, 40), (60, 60, 90, 90)
    problem = Problem([[box], [box]], [[(box, .5)], [(beside, .9)]], [.1, .2], [], [])
    found = costs(problem.evaluation()).films
    assert found.mended == pytest.approx([1 / 4, 3 / 4]) and found.left_out == pytest.approx([-1 / 4, 3 / 4])
    assert np.isnan(found.mended_aps["none"]).all()


def test_nothing_left_is_unknown_and_warns_of_nothing():
    problem = Problem([[(0, 0, 9, 9)]], [[]], [.5], [], [])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = costs(problem.evaluation())
    assert np.isnan(found.films.left_out).all() and found.films.mended == pytest.approx([1])
    assert len(found.studies.mended) == 0


def test_a_film_bears_the_cost_of_its_study():
    """Films a and b of study S (typical, called negative), c without label: unknown; d of study N, not predicted."""
    labels = GroundTruth(("a", "b", "d"), ("S", "N"), np.array([0, 0, 1]), np.zeros((0, 4)), np.zeros(4),
                         np.array([1, 0]))
    images = tuple(Image(each, study, "film.dcm", "", 9, 9, "MONOCHROME2")
                   for each, study in (("a", "S"), ("b", "S"), ("c", "U"), ("d", "N")))
    source = (Source("m", "0", "plain"),)
    nothing = Candidates(np.zeros((0, 4)), np.zeros(0), np.zeros(0), np.zeros(4), source)
    predictions = Predictions(("a", "b", "c"), ("S", "N"), nothing, np.zeros((3, 1)), source,
                              np.array([[[.9, .1, 0, 0]], [[.5, .3, .1, .1]]]), source)
    cases = arrange(Dataset("/data", "data", images, labels, ()), predictions)
    evaluation = evaluate(cases.truth, SimpleNamespace(boxes=np.zeros((0, 4)), scores=np.zeros(0), offsets=np.zeros(3)),
                          np.ones(2), predictions.study[:, 0])
    told = dict(zip((each.image_id for each in cases.images), costs(evaluation).of_cases(cases), strict=True))
    # none 1; typical 1/2 as N's .3 stands before S's .1; negative 1/2 as S's .9 stands before N's .5.
    # S mended: both at 1, so the mean of three rises by 1/3; N mended: negative N first, typical N last: the same.
    assert told == pytest.approx({"a": 1 / 3, "b": 1 / 3, "c": np.nan, "d": 1 / 3}, nan_ok=True)
