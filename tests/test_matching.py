"""The matching clause by clause, each answer worked by hand; boxes are strips of height 10, so IoU is by
eye."""

import numpy as np
import pytest

from core.errors import BadPredictions
from core.matching import BACKGROUND, DUPLICATE, TRUE_POSITIVE, VERDICTS, match

TP, FP, DUP = TRUE_POSITIVE, BACKGROUND, DUPLICATE


def strips(*intervals):
    """Boxes from x_min to x_max, y 0 to 10."""
    return np.array([[x_min, 0, x_max, 10] for x_min, x_max in intervals], np.float32).reshape(-1, 4)


CASES = [
    # reason, ground truth, detections (x_min, x_max, score), verdicts, matched rows, IoU
    ("IoU of exactly .5 is no match", [(0, 100)], [(0, 50, .9)], [FP], [0], [.5]),
    ("IoU just above .5 is one", [(0, 100)], [(0, 51, .9)], [TP], [0], [.51]),
    ("widths have no added pixel: 10 of 21 and 11 of 22 with it", [(0, 20)], [(0, 10, .9)], [FP], [0], [.5]),
    ("a second hit on a taken box is a duplicate", [(0, 100)], [(0, 90, .9), (0, 100, .8)], [TP, DUP], [0, 0],
     [.9, 1]),
    ("the box of largest IoU counts though it is taken and another is free and above .5",
     [(0, 100), (30, 130)], [(0, 100, .9), (10, 110, .8)], [TP, DUP], [0, 0], [1, 90 / 110]),
    ("of equal IoUs the first box counts", [(0, 100), (20, 120)], [(10, 110, .9)], [TP], [0], [90 / 110]),
    ("rows need not be sorted: the most confident is first", [(0, 100)], [(0, 90, .3), (0, 80, .6)], [DUP, TP],
     [0, 0], [.9, .8]),
    ("equal confidences keep the order of rows", [(0, 100)], [(0, 80, .5), (0, 100, .5)], [TP, DUP], [0, 0],
     [.8, 1]),
    ("a film without ground truth has only false positives", [], [(0, 10, .9)], [FP], [-1], [0]),
    ("touching edges do not overlap", [(0, 100)], [(100, 200, .9)], [FP], [-1], [0]),
    ("a miss below .5 names the box it was nearest to", [(0, 100), (200, 300)], [(180, 220, .9)], [FP], [1],
     [20 / 120]),
    ("a false positive takes nothing", [(0, 100)], [(0, 40, .9), (0, 60, .8)], [FP, TP], [0, 0], [.4, .6]),
]


def one_film(truth, detections):
    rows = np.array(detections, np.float32).reshape(-1, 3)
    return match(strips(*truth), [0, len(truth)], strips(*rows[:, :2]), [0, len(rows)], rows[:, 2])


@pytest.mark.parametrize(("reason", "truth", "detections", "verdicts", "rows", "ious"), CASES,
                         ids=[case[0] for case in CASES])
def test_each_clause(reason, truth, detections, verdicts, rows, ious):
    matches = one_film(truth, detections)
    assert matches.verdict.tolist() == verdicts
    assert matches.truth_row.tolist() == rows
    assert np.allclose(matches.iou, ious)


def test_each_ground_truth_box_knows_its_detection_and_its_best_iou():
    """The second box is overlapped best, .6, by a detection whose own best box is the first."""
    matches = one_film([(0, 100), (40, 100), (500, 600)], [(0, 95, .5), (0, 100, .9)])
    assert matches.found_by.tolist() == [1, -1, -1]
    assert np.allclose(matches.best_iou, [1, .6, 0])


def test_films_do_not_see_each_other():
    """Three films: one box found, none present, one missed; rows of boxes count over the whole set."""
    truth, found = strips((0, 100), (0, 100)), strips((0, 100), (0, 100), (50, 300))
    offsets, truth_offsets = np.array([0, 1, 2, 3]), np.array([0, 1, 1, 2])
    matches = match(truth, truth_offsets, found, offsets, [.5, .9, .7])
    assert matches.verdict.tolist() == [TP, FP, FP] and matches.truth_row.tolist() == [0, -1, 1]
    true_positives, false_positives, missed = matches.counts(offsets, truth_offsets)
    assert true_positives.tolist() == [1, 0, 0]
    assert false_positives.tolist() == [0, 1, 1]
    assert missed.tolist() == [0, 0, 1]


def test_another_threshold_is_strict_too():
    assert match(strips((0, 100)), [0, 1], strips((0, 75)), [0, 1], [1], threshold=.75).verdict.tolist() == [FP]
    assert match(strips((0, 100)), [0, 1], strips((0, 76)), [0, 1], [1], threshold=.75).verdict.tolist() == [TP]


def test_nothing_at_all_is_a_result():
    matches = match(strips(), [0, 0, 0], strips(), [0, 0, 0], [])
    assert len(matches.verdict) == len(matches.found_by) == 0
    assert [part.tolist() for part in matches.counts(np.zeros(3, int), np.zeros(3, int))] == [[0, 0]] * 3


def test_a_slow_reading_of_the_definition_agrees_on_random_films():
    """numpy, one detection at a time, on 300 films of crowded boxes and rounded scores with ties."""
    rng = np.random.default_rng(5)
    truth_offsets = np.r_[0, rng.integers(0, 5, 300).cumsum()]
    offsets = np.r_[0, rng.integers(0, 12, 300).cumsum()]
    truth, found = (crowd(rng, n) for n in (truth_offsets[-1], offsets[-1]))
    scores = rng.random(len(found)).round(1).astype(np.float32)
    matches = match(truth, truth_offsets, found, offsets, scores)
    expected, taken = np.zeros(len(found), int), set()
    for film in range(300):
        rows = np.arange(offsets[film], offsets[film + 1])
        boxes = np.arange(truth_offsets[film], truth_offsets[film + 1])
        for row in rows[np.argsort(-scores[rows], kind="stable")] if len(boxes) else []:
            ious = iou(found[row], truth[boxes])
            best = boxes[ious.argmax()]
            expected[row] = (DUP if best in taken else TP) if ious.max() > .5 else FP
            taken |= {best} if ious.max() > .5 else set()
    assert (matches.verdict == expected).all()
    assert set(np.flatnonzero(matches.found_by >= 0)) == taken
    assert np.bincount(expected).min() > 50  # the films hold all three verdicts


def crowd(rng, n):
    corner = rng.uniform(0, 60, (n, 2))
    return np.c_[corner, corner + rng.uniform(60, 120, (n, 2))].astype(np.float32)


def iou(box, others):
    box, others = box.astype(np.float64), others.astype(np.float64)
    sides = (np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])).clip(0)
    areas = (others[:, 2:] - others[:, :2]).prod(1) + (box[2:] - box[:2]).prod()
    return sides.prod(1) / (areas - sides.prod(1))


def test_inputs_that_do_not_belong_together_are_one_sentence():
    with pytest.raises(BadPredictions, match="predictions cover 1 films and the ground truth 2"):
        match(strips((0, 9)), [0, 1, 1], strips((0, 9)), [0, 1], [.5])
    with pytest.raises(BadPredictions, match="the score of detection 1 is NaN"):
        match(strips((0, 9)), [0, 1], strips((0, 9), (0, 8)), [0, 2], [.5, np.nan])


def test_every_verdict_has_its_sentence():
    assert set(VERDICTS) == {TP, FP, DUP} and all(":" in sentence for sentence in VERDICTS.values())
