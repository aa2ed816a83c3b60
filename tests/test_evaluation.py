"""The six-class mAP: average precision by hand, the absent class, missing predictions, and real golden
numbers."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest

from core.errors import BadPredictions
from core.evaluation import CLASSES, Ranking, average_precision, evaluate
from core.labels import STUDY_CLASSES, GroundTruth
from core.ordering import descending

CASES = [
    # reason, confidences, true positive, positives, AP
    ("all found before any false positive", [.9, .8, .1], [1, 1, 0], 2, 1),
    ("precision 1, 1/2, 2/3: the envelope lifts 1/2 to 2/3, AP = (1 + 2/3) / 2", [.9, .8, .7], [1, 0, 1], 2, 5 / 6),
    ("precision at the TPs 1/2, 2/3, 3/4: the envelope is 3/4 throughout", [.9, .8, .7, .6], [0, 1, 1, 1], 3, 3 / 4),
    ("what is never found counts as 0", [.9], [1], 4, 1 / 4),
    ("no prediction at all", [], [], 3, 0),
    ("only false positives", [.9, .8], [0, 0], 1, 0),
    ("rows need not be sorted", [.1, .9, .8], [0, 1, 1], 2, 1),
    ("ties keep the order of rows, true positive first", [.5, .5], [1, 0], 1, 1),
    ("ties keep the order of rows, false positive first", [.5, .5], [0, 1], 1, 1 / 2),
    ("confidences outside 0..1 sort as numbers", [-.5, 3, 0, -0.0], [0, 1, 0, 1], 2, 5 / 6),
]


@pytest.mark.parametrize(("reason", "confidence", "hits", "positives", "expected"), CASES,
                         ids=[case[0] for case in CASES])
def test_average_precision_by_hand(reason, confidence, hits, positives, expected):
    for dtype in (np.float32, np.float64):
        assert average_precision(np.array(confidence, dtype), hits, positives) == pytest.approx(expected)


def test_both_sorts_are_stable_and_descending():
    values = np.random.default_rng(8).normal(size=5000).round(2)
    values[:9] = [0, -0.0, np.inf, -np.inf, 1e-40, -1e-40, 0, -0.0, np.inf]
    for dtype in (np.float32, np.float64):
        expected = sorted(range(5000), key=lambda row: -float(values[row]))
        assert descending(values.astype(dtype)).tolist() == expected


def test_average_precision_is_the_area_under_the_enveloped_curve():
    rng = np.random.default_rng(2)
    for _ in range(50):
        confidence, hits = rng.random(300).round(2), rng.random(300) < rng.random()
        ranking = Ranking(confidence.astype(np.float32), hits, int(hits.sum()) + 7, np.arange(len(hits)), hits)
        curve = ranking.curve()
        envelope = np.maximum.accumulate(curve.precision[::-1])[::-1]
        area = (np.diff(np.r_[0, curve.recall]) * envelope).sum()
        assert ranking.average_precision() == pytest.approx(area)
        assert (np.diff(curve.confidence) <= 0).all() and curve.recall[-1] == hits.sum() / ranking.positives


def test_a_confidence_that_is_no_number_is_one_sentence():
    with pytest.raises(BadPredictions, match="confidence of prediction 1 is NaN"):
        average_precision([.5, np.nan], [1, 0], 1)


def truth(boxes, classes):
    """`GroundTruth` of one film per entry of `boxes` (a list of boxes) and one study per entry of
    `classes`."""
    flat = [box for film in boxes for box in film]
    offsets = np.r_[0, np.cumsum([len(film) for film in boxes])]
    return GroundTruth(tuple(f"i{n}" for n in range(len(boxes))), tuple(f"s{n}" for n in range(len(classes))),
                       np.zeros(len(boxes)), np.reshape(flat, (-1, 4)), offsets,
                       np.array([STUDY_CLASSES.index(name) if name else -1 for name in classes]))


def detections(*films):
    """Detections of films given as lists of (x_min, y_min, x_max, y_max, score)."""
    rows = np.array([row for film in films for row in film], np.float32).reshape(-1, 5)
    return SimpleNamespace(boxes=rows[:, :4], scores=rows[:, 4],
                           offsets=np.r_[0, np.cumsum([len(film) for film in films])])


BOX, AWAY = (0, 0, 10, 10), (90, 90, 99, 99)
FOUR = np.eye(4, dtype=np.float32) * .6 + .1
EVERY_CLASS = ["negative", "typical", "indeterminate", "atypical"]


def test_six_classes_and_their_mean_by_hand():
    """opacity: FP .9 on the boxless film, TP .8, one of two found: (1/2) / 2. none: films 1 and 2 are
    boxless, ranks 1 and 3: (1 + 2/3) / 2. Study: atypical is ranked second behind a typical one, the rest
    perfect."""
    study = FOUR.copy()
    study[1, 3] = .9
    result = evaluate(truth([[BOX, AWAY], [], []], EVERY_CLASS), detections([(*BOX, .8)], [(*BOX, .9)], []),
                      [.5, .9, .2], study)
    assert result.aps == pytest.approx({"opacity": 1 / 4, "none": 5 / 6, "negative": 1, "typical": 1,
                                        "indeterminate": 1, "atypical": 1 / 2})
    assert tuple(result.aps) == CLASSES
    assert result.mean == pytest.approx((1 / 4 + 5 / 6 + 3.5) / 6) and result.warnings == ()
    assert result.summary() == {**result.aps, "mean": result.mean}
    assert result.matches.verdict.tolist() == [1, 0]
    assert result.rankings["opacity"].curve().precision.tolist() == [0, .5]


def test_a_film_without_ground_truth_counts_against_opacity():
    """The diary's way of scoring only films with boxes would give 1."""
    found = detections([(*BOX, .8)], [(*BOX, .9)])
    result = evaluate(truth([[BOX], []], EVERY_CLASS), found, [0, 1], FOUR)
    assert result.aps["opacity"] == 1 / 2


def test_an_absent_class_is_left_out_of_the_mean_with_a_warning():
    """Not averaged in as 0: the mean of opacity 1, none 1, negative 1 is 1."""
    result = evaluate(truth([[BOX], []], ["negative"]), detections([(*BOX, .8)], []), [0, 1], FOUR[:1])
    assert [name for name in CLASSES if result.aps[name] is None] == ["typical", "indeterminate", "atypical"]
    assert result.mean == 1
    assert result.warnings == tuple(f"No {name} in the ground truth: left out of the mean."
                                    for name in ("typical", "indeterminate", "atypical"))
    assert np.isnan(result.rankings["typical"].curve().recall).all()


def test_a_missing_probability_is_no_prediction():
    """The boxless film without probability is missed, not ranked last: AP 1/2 of the two, with a warning."""
    study = FOUR.copy()
    study[3] = np.nan
    result = evaluate(truth([[], [BOX], []], EVERY_CLASS), detections([], [], []), [.9, .5, np.nan], study)
    assert result.aps["none"] == 1 / 2 and result.aps["atypical"] == 0 and result.aps["typical"] == 1
    assert result.warnings == ("1 of 3 films have no none probability and count as not predicted.",
                               "1 of 4 studies have no study probability and count as not predicted.")


def test_studies_without_a_label_take_no_part():
    """The unlabelled study is the most probable atypical one, and does not count."""
    study = np.vstack([FOUR, [0, 0, 0, 1]])
    result = evaluate(truth([[BOX]], [*EVERY_CLASS, None]), detections([]), [0], study)
    assert result.aps["atypical"] == 1
    assert "1 studies have no label and take no part in the study classes." in result.warnings


def test_nothing_to_score_has_no_mean():
    result = evaluate(truth([], []), detections(), [], np.zeros((0, 4)))
    assert result.mean is None and len(result.warnings) == 6


def test_reweighted_scores_and_given_matches_replace_the_detections_own():
    """Film 0's true positive at .5 overtakes film 1's false positive at .9 once that is halved twice."""
    labels, found = truth([[BOX], []], EVERY_CLASS), detections([(*BOX, .5)], [(*BOX, .9)])
    first = evaluate(labels, found, [0, 1], FOUR)
    second = evaluate(labels, found, [0, 1], FOUR, scores=[.5, .225], matches=first.matches)
    assert first.aps["opacity"] == 1 / 2 and second.aps["opacity"] == 1
    assert second.matches is first.matches


@pytest.mark.parametrize(("p_none", "study", "sentence"), [
    ([.5], FOUR, "p_none has 1 rows for 2 films"),
    ([.5, .5], FOUR[:2], "study has 2 rows for 4 studies")])
def test_rows_that_do_not_belong_together_are_one_sentence(p_none, study, sentence):
    with pytest.raises(BadPredictions, match=sentence):
        evaluate(truth([[BOX], []], EVERY_CLASS), detections([], []), p_none, study)
    with pytest.raises(BadPredictions, match="scores has 1 rows for 0 detections"):
        evaluate(truth([[BOX], []], EVERY_CLASS), detections([], []), [.5, .5], FOUR, scores=[.5])


def golden(shared, name):
    with (shared / "goldens" / name).open(newline="") as file:
        return list(csv.DictReader(file))


def none_ap(rows):
    is_none = np.array([row["none"] == "1" for row in rows])
    return average_precision([1 - float(row["opacity_probability"]) for row in rows], is_none, is_none.sum())


def test_golden_none_of_every_row_and_of_distinct_films(shared):
    """The diary counted a film once per box row; its first row stands for a film."""
    rows = golden(shared, "diary_none_003_ver09.csv")
    films = list({row["image_id"]: row for row in reversed(rows)}.values())[::-1]
    assert (len(rows), len(films)) == (1979, 1838)
    assert none_ap(rows) == pytest.approx(.72396, abs=5e-6)
    assert none_ap(films) == pytest.approx(.74068, abs=5e-6)


def test_golden_study_classes_and_their_mean(shared):
    rows = golden(shared, "diary_study_004_ver04.csv")
    study = [[float(row[name]) for name in STUDY_CLASSES] for row in rows]
    result = evaluate(truth([], [row["truth"] for row in rows]), detections(), [], study)
    assert [result.aps[name] for name in STUDY_CLASSES] == pytest.approx([.75620, .84545, .26599, .22193], abs=5e-6)
    assert result.mean == pytest.approx(.52239, abs=5e-6)  # opacity and none are absent and left out
