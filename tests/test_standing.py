"""What stands behind a film's detections: raw candidates, and each source for itself."""

import numpy as np
import pytest

from core.errors import BadSettings
from core.fusion import FusionSettings
from core.predictions import Candidates, Source
from core.standing import raw_candidates, source_answers

SOURCES = (Source("left", "0", "plain"), Source("left", "0", "flip"), Source("right", "1", "plain"))
LEFT, FLIP, RIGHT = (source.name for source in SOURCES)
BOXES = [((0, 0, 9, 9), .9, 0),  # another film's
         ((0, 0, 10, 10), .5, 0), ((0, 0, 10, 9), .4, 0), ((50, 50, 60, 60), .1, 0),  # film 1: the second overlaps
         ((0, 0, 10, 10), .5, 2), ((20, 20, 30, 40), .8, 2)]
CANDIDATES = Candidates(np.array([box for box, _, _ in BOXES]), np.array([score for _, score, _ in BOXES]),
                        np.array([source for _, _, source in BOXES]), np.array([0, 1, 6]), SOURCES)


def told(boxes):
    return [(each.source, round(each.score, 3), each.xyxy) for each in boxes]


def test_raw_candidates_are_the_films_own_best_first_and_equal_ones_in_order():
    found, count = raw_candidates(CANDIDATES, 1, most=3)
    assert count == 5
    assert told(found) == [(RIGHT, .8, (20, 20, 30, 40)), (LEFT, .5, (0, 0, 10, 10)), (RIGHT, .5, (0, 0, 10, 10))]
    assert told(raw_candidates(CANDIDATES, 1, (LEFT,))[0])[1:] == [
        (LEFT, .4, (0, 0, 10, 9)), (LEFT, .1, (50, 50, 60, 60))]
    assert raw_candidates(CANDIDATES, 1, (FLIP,)) == ((), 0)


def test_each_source_answers_for_itself_whatever_the_fusion():
    """NMS inside a source alone: the box that both models found stays twice, the overlapping one goes."""
    answers = source_answers(CANDIDATES, 1, FusionSettings("wbf", .5, 0, weights=(1, 2, 3)), least=.2)
    assert [answer.source for answer in answers] == [LEFT, FLIP, RIGHT]
    assert [told(answer.boxes) for answer in answers] == [
        [(LEFT, .5, (0, 0, 10, 10))], [], [(RIGHT, .8, (20, 20, 30, 40)), (RIGHT, .5, (0, 0, 10, 10))]]


@pytest.mark.parametrize("settings, expected", [
    (FusionSettings(iou=.95, skip=.05, sources=(LEFT,)), [[.5, .4, .1]]),  # nothing overlaps so much
    (FusionSettings(iou=.5, skip=.45, sources=(RIGHT, LEFT)), [[.8, .5], [.5]]),
], ids=["iou", "skip and order"])
def test_iou_skip_and_choice_of_sources_hold(settings, expected):
    found = source_answers(CANDIDATES, 1, settings)
    assert [[round(each.score, 3) for each in answer.boxes] for answer in found] == expected
    assert len(source_answers(CANDIDATES, 1, settings, most=1)[0].boxes) == 1


def test_an_unknown_source_is_refused():
    with pytest.raises(BadSettings, match="nobody"):
        raw_candidates(CANDIDATES, 0, ("nobody",))
