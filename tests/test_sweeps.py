"""Sweeps and the search for the best settings: every cell is what evaluate gives, and nothing is fused twice."""

import numpy as np
import pytest

from core import search as searching
from core import sweeps
from core.errors import BadPredictions, BadSettings
from core.evaluation import CLASSES
from core.fusion import FusionSettings, fuse
from core.labels import GroundTruth
from core.levels import ScoreSettings
from core.parts import Parts, scorable
from core.predictions import Candidates, Predictions, Source
from core.scoring import answer, score
from core.search import choose, fusions, search, ways
from core.sweeps import Axis, Sweep, changed, read_axis, sweep

VIEWS = ("plain", "flip", "in")
FILMS = 80


def drawn(seed=1):
    """`GroundTruth` and `Predictions` in three views; film f is of study f // 2, the last study has no label."""
    rng = np.random.default_rng(seed)
    boxes = [rng.uniform(0, 50, (rng.integers(0, 3), 1, 4)) * [1, 1, 0, 0] + [[[0, 0, 40, 40]]] for _ in range(FILMS)]
    boxes = [(each.reshape(-1, 4) + np.c_[[0, 0], [0, 0]].reshape(4)) for each in boxes]
    boxes = [np.c_[each[:, :2], each[:, :2] + 40] for each in boxes]
    rows, source, counts = [], [], []
    for film in boxes:
        parts = [np.r_[film + rng.normal(0, 4, film.shape), rng.uniform(0, 40, (3, 2)) @ np.eye(2, 4) + [0, 0, 70, 80]]
                 for _ in VIEWS]
        scores = [np.sort(rng.uniform(.02, 1, len(part)))[::-1] for part in parts]
        rows += [np.c_[part, each] for part, each in zip(parts, scores, strict=True)]
        source += [np.full(len(part), place) for place, part in enumerate(parts)]
        counts.append(sum(map(len, parts)))
    rows = np.concatenate(rows)
    detectors = tuple(Source("m", "0", view) for view in VIEWS)
    classifiers = tuple(Source("c", "0", view) for view in VIEWS[:2])
    found = Candidates(rows[:, :4], rows[:, 4], np.concatenate(source), np.r_[0, np.cumsum(counts)], detectors)
    ids, study_ids = tuple(f"i{n}" for n in range(FILMS)), tuple(f"s{n}" for n in range(FILMS // 2))
    truth = GroundTruth(ids, study_ids, np.arange(FILMS) // 2, np.concatenate(boxes),
                        np.r_[0, np.cumsum([len(each) for each in boxes])],
                        np.r_[rng.integers(0, 4, FILMS // 2 - 1), -1])
    given = Predictions(ids[::-1], study_ids, Candidates(found.boxes, found.scores, found.source, found.offsets,
                                                         detectors), rng.random((FILMS, 2)), classifiers,
                        rng.dirichlet(np.ones(4), (FILMS // 2, 2)), classifiers, film_study=np.arange(FILMS)[::-1] // 2)
    return truth, given


@pytest.mark.parametrize(("text", "name", "values"), [
    ("iou=.40:.75:.05", "iou", (.4, .45, .5, .55, .6, .65, .7, .75)),
    ("views=0:7", "views", tuple(range(8))),
    ("method=nms,wbf", "method", ("nms", "wbf")),
    ("exponent=0,.3", "exponent", (0, .3))])
def test_axes_are_read_from_a_word(text, name, values):
    assert read_axis(text) == Axis(name, values)


@pytest.mark.parametrize(("text", "sentence"), [
    ("iou=a:b", "'iou=a:b'"), ("iou=0:1:0", "NAME=FROM:TO:STEP"), ("size=1,2", "'size'"), ("skip=", "no values")])
def test_a_wrong_axis_is_one_sentence(text, sentence):
    with pytest.raises(BadSettings, match=sentence):
        read_axis(text)


def test_every_cell_is_what_evaluate_gives():
    truth, given = drawn()
    cases = scorable(truth, given)
    for rows, columns in ((read_axis("iou=.4,.7"), read_axis("views=0:2")),
                          (read_axis("exponent=0,1"), read_axis("none_study=0,.5"))):
        grid = Sweep(rows, columns, tuple(sweep(cases, FusionSettings("wbf"), ScoreSettings(), rows, columns)))
        assert {(cell.row, cell.column) for cell in grid.cells} == set(np.ndindex(*grid.table().shape))
        for cell in grid.cells:
            alone = score(truth, answer(given, cell.fusion, cell.score)).evaluation
            assert cell.aps == alone.aps and cell.mean == alone.mean
            assert grid.table("mean")[cell.row, cell.column] == alone.mean
        assert grid.best("mean").mean == grid.table("mean").max()
        assert len({cell.mean for cell in grid.cells}) > 1
        assert set(grid.records()[0]) == {rows.name, columns.name, *CLASSES, "mean"}


def test_nothing_is_fused_again_for_a_setting_that_does_not_fuse(monkeypatch):
    truth, given = drawn()
    fused = []
    monkeypatch.setattr(sweeps, "fuse", lambda *told: fused.append(told[1]) or fuse(*told))
    cells = list(sweep(scorable(truth, given), FusionSettings(), ScoreSettings(), read_axis("exponent=0:1:.25"),
                       read_axis("iou=.4,.5")))
    assert len(cells) == 10 and [each.iou for each in fused] == [.4, .5]


def test_a_sweep_that_nobody_goes_on_with_stops(monkeypatch):
    truth, given = drawn()
    fused = []
    monkeypatch.setattr(sweeps, "fuse", lambda *told: fused.append(1) or fuse(*told))
    cells = sweep(scorable(truth, given), FusionSettings(), ScoreSettings(), read_axis("iou=.4:.7:.1"),
                  read_axis("skip=0,.1"))
    next(cells)
    cells.close()
    assert len(fused) == 1


def test_views_count_beside_the_plain_one():
    given = drawn()[1]
    fusion, scoring = changed(given, FusionSettings(), ScoreSettings(), "views", 0)
    assert fusion.sources == ("m/0/plain",) and scoring.opacity_sources == ("c/0/plain",)
    fusion, scoring = changed(given, FusionSettings(), ScoreSettings(), "views", 2)
    assert fusion.sources is None and scoring.study_sources is None, "all there are"
    with pytest.raises(BadSettings, match="views is 3, but must be 0 to 2"):
        changed(given, FusionSettings(), ScoreSettings(), "views", 3)


def test_views_leave_the_choice_of_sources_and_their_factors():
    given = drawn()[1]
    names = tuple(source.name for source in given.candidates.sources)
    fusion, _ = changed(given, FusionSettings(sources=names[1:], weights=(2, 3)), ScoreSettings(), "views", 1)
    assert (fusion.sources, fusion.weights) == (names[1:2], (2,))


def test_wrong_grids_are_refused_before_the_first_cell():
    truth, given = drawn()
    for rows, columns, sentence in (("iou=.4", "iou=.5", "both axes are iou"), ("iou=.4", "views=0:7", "views is 3"),
                                    ("iou=2", "skip=0", "iou is 2")):
        with pytest.raises(BadSettings, match=sentence):
            sweep(scorable(truth, given), FusionSettings(), ScoreSettings(), read_axis(rows), read_axis(columns))


@pytest.fixture
def small(monkeypatch):
    """A search of few settings."""
    for name, values in (("IOUS", (.4, .6)), ("SKIPS", (.02, .5)), ("SIGMAS", (.5,)), ("EXPONENTS", (0., .5, 1.)),
                         ("NONE_STUDY", (0., .5)), ("NONE_BOXES", (0., 1.))):
        monkeypatch.setattr(searching, name, values)


def halves():
    films = (np.arange(FILMS) // 2 % 2).astype(np.int32)
    return Parts(("a", "b"), films, (np.arange(FILMS // 2 - 1) % 2).astype(np.int32), True, "halves")


def test_the_held_part_is_scored_by_settings_that_the_other_chose(small):
    """By brute force: the best of all combinations on the films of the other part alone."""
    truth, given = drawn(4)
    cases, parts = scorable(truth, given), halves()
    best = choose(cases, parts, list(search(cases, parts)))
    for place, held in enumerate(best.held):
        means = {}
        for fusion in fusions(FusionSettings()):
            for n in (0., .5, 1.):
                for way in ways(ScoreSettings()):
                    scoring = ScoreSettings(n, way.none_study, way.none_boxes)
                    means[fusion, scoring] = part_of(truth, given, parts, 1 - place, fusion, scoring)
        assert part_of(truth, given, parts, 1 - place, held.fusion, held.score).mean == pytest.approx(
            max(each.mean for each in means.values()))
        alone = part_of(truth, given, parts, place, held.fusion, held.score)
        assert held.aps == pytest.approx(alone.aps) and held.mean == pytest.approx(alone.mean)
        assert held.films == FILMS // 2
    assert best.honest == pytest.approx(np.mean([each.mean for each in best.held]))
    assert best.how == "halves" and best.tried == len(fusions(FusionSettings())) * 12
    assert best.optimistic == score(truth, answer(given, best.fusion, best.score)).evaluation.mean


def part_of(truth, given, parts, place, fusion, scoring):
    films = [name for name, part in zip(truth.image_ids, parts.films, strict=True) if part == place]
    studies = [name for name, part in zip(truth.study_ids, parts.studies, strict=False) if part == place]
    return score(truth, answer(given, fusion, scoring), films, studies).evaluation


def test_a_search_needs_two_parts(small):
    truth, given = drawn()
    cases = scorable(truth, given)
    alone = Parts(("a", "b"), np.zeros(FILMS, np.int32), np.zeros(FILMS // 2 - 1, np.int32), True, "")
    with pytest.raises(BadPredictions, match="1 part of the patients"):
        search(cases, alone)
    with pytest.raises(BadPredictions, match="no trial was made"):
        choose(cases, halves(), [])
