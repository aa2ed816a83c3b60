"""Operating points, FROC, reliability and part tables, worked by hand; parts share no patient; stamps."""

import csv
import io
from types import SimpleNamespace

import numpy as np
import pytest

from core.curves import RATES, froc, operating_point, part_table, reliabilities, reliability
from core.evaluation import CLASSES, Curve, Ranking, evaluate
from core.fusion import FusionSettings
from core.levels import ScoreSettings
from core.parts import Parts, parts_of, scorable
from core.predictions import Candidates, Predictions, Source
from core.stamp import stamp, stamped_csv
from tests.test_conventions import drawn


def evaluation(seed=3):
    truth, answer = drawn(seed)
    return truth, evaluate(truth, answer, answer.p_none, answer.study)


@pytest.mark.parametrize(("confidence", "count", "precision", "recall", "why"), [
    (.95, 0, None, 0, "nothing stays"), (.9, 1, 1, .5, "just as confident stays"), (.5, 3, 2 / 3, 1, "ties stay all")])
def test_operating_point_by_hand(confidence, count, precision, recall, why):
    curve = Curve(np.array([.5, .5, 1]), np.array([1, .5, 2 / 3]), np.array([.9, .5, .5]))
    point = operating_point(curve, confidence)
    assert (point.predictions, point.recall) == (count, recall), why
    assert np.isnan(point.precision) if precision is None else point.precision == precision, why


def test_froc_by_hand():
    """4 films, 2 boxes: right .9, wrong .8, then right and wrong tied at .7."""
    ranking = Ranking(np.array([.7, .9, .7, .8]), np.array([True, True, False, False]), 2, np.arange(4),
                      np.array([1, 1, 0, 0]))
    found = froc(SimpleNamespace(rankings={"opacity": ranking}))
    assert found.false_positives.tolist() == [0, .25, .5] and found.sensitivity.tolist() == [.5, .5, 1]
    assert found.at_rates == (.5, .5, 1, 1, 1, 1, 1) and found.score == pytest.approx(6 / 7) and len(RATES) == 7
    assert found.point(.8) == (.25, .5) and found.point(.95) == (0, 0)


def test_reliability_by_hand():
    found = reliability([.1, .2, .9, 1, np.nan], [0, 1, 1, 1, 0], bins=2)
    assert found.count.tolist() == [2, 2] and found.share.tolist() == [.5, 1]
    assert found.probability == pytest.approx([.15, .95]) and found.error == pytest.approx((.35 + .05) / 2)


def test_reliabilities_are_of_every_class():
    truth, result = evaluation()
    found = reliabilities(result)
    assert set(found) == set(CLASSES)
    assert found["opacity"].error == pytest.approx(found["none"].error)
    assert found["typical"].count.sum() == len(truth.study_class)


def test_one_part_of_everything_is_the_whole():
    truth, result = evaluation()
    everything = Parts(("all",), np.zeros(60, np.int32), np.zeros(30, np.int32), False, "")
    table = part_table(result, everything)
    assert dict(zip(table.columns, table.values[0], strict=True)) == pytest.approx(result.summary())
    assert table.films.tolist() == [60]


def test_a_part_is_scored_like_its_films_alone():
    truth, answer = drawn(9)
    result = evaluate(truth, answer, answer.p_none, answer.study)
    films, studies = np.arange(60) % 3, np.arange(30) % 3
    table = part_table(result, Parts(("a", "b", "c"), films, studies, True, ""))
    ids = [name for name, part in zip(truth.image_ids, films, strict=True) if part == 1]
    study_ids = [name for name, part in zip(truth.study_ids, studies, strict=True) if part == 1]
    part, about = truth.subset(ids, study_ids), answer.about(ids, study_ids)
    alone = evaluate(part, about, about.p_none, about.study)
    assert dict(zip(table.columns, table.values[1], strict=True)) == pytest.approx(alone.summary())
    assert table.mean == pytest.approx(np.nanmean(table.values, axis=0))
    assert table.spread == pytest.approx(np.nanstd(table.values, axis=0, ddof=1))


def predictions(folds):
    """`Predictions` of four films; the candidates of film f are of fold folds[f], in one source for each fold."""
    names = sorted(set(folds))
    sources = tuple(Source("m", name, "plain") for name in names)
    found = Candidates(np.tile(np.float32([[0, 0, 9, 9]]), (4, 1)), np.full(4, .5), [names.index(f) for f in folds],
                       np.arange(5), sources)
    return Predictions(("i3", "i2", "i1", "i0"), ("s1", "s0"), found, np.zeros((4, 0)), (), np.zeros((2, 0, 4)), ())


def test_parts_are_the_folds_that_the_predictions_name():
    truth = drawn()[0]
    cases = scorable(truth, predictions(["1", "1", "0", "0"]))
    assert cases.truth.image_ids == ("i0", "i1", "i2", "i3") and cases.films == 4
    parts = parts_of(cases, np.array([0, 1, 2, 3]), np.array([0, 3])[:cases.studies])
    assert parts.names == ("0", "1") and parts.films.tolist() == [0, 0, 1, 1] and parts.folds
    assert parts.studies.tolist() == [0, 1][:cases.studies]


def test_patients_of_one_fold_are_dealt_to_parts_and_never_split():
    truth = drawn()[0]
    cases = scorable(truth, predictions(["0"] * 4))
    film_patients = np.array([7, 7, 2, 3])
    parts = parts_of(cases, film_patients, np.array([7, 3]))
    assert len(parts.names) == 5 and not parts.folds and "one patient fold" in parts.how
    assert parts.films[0] == parts.films[1] == parts.studies[0] and parts.films[3] == parts.studies[1]


def test_a_stamp_names_settings_weights_data_and_date():
    given = stamp({"weights": [{"file": "a", "sha256": "ff"}]}, "films", FusionSettings(), ScoreSettings(), {"rows": 3})
    assert given["weights"] == {"a": "ff"} and given["data set"] == "films" and given["date"].startswith("20")
    assert given["settings"]["method"] == FusionSettings().method and given["settings"]["rows"] == 3
    assert "sources" not in given["settings"]
    rows = list(csv.DictReader(io.StringIO(stamped_csv([{"x": 1}, {"x": 2}], given))))
    assert [row["x"] for row in rows] == ["1", "2"] and '"ff"' in rows[1]["weights"]
    assert stamp({}, "films")["weights"] == {}
