"""What the levels of an answer say of each other, against answers reckoned by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from core.errors import BadSettings
from core.levels import ScoreSettings, blended_none, mean_over_sources, reweight
from core.predictions import Source


def fused(*films):
    """Detections of which only the scores of each film, best first, are looked at."""
    scores = np.array([score for film in films for score in film], np.float32)
    return SimpleNamespace(scores=scores, offsets=np.cumsum([0, *map(len, films)]))


def test_reweight_multiplies_by_the_films_probability():
    """Film 1: .64 ** .5 = .8; film 2 has no probability; n = 0 leaves all as it is."""
    two = fused([.5, .25], [.5, .25])
    assert np.allclose(reweight(two, [.64, np.nan], .5), [.4, .2, .5, .25])
    assert (reweight(two, [0, .3], 0) == two.scores).all()
    assert reweight(two, [0, 1], .3).tolist() == [0, 0, .5, .25]


@pytest.mark.parametrize(("p", "exponent", "sentence"), [
    ([1.2], .3, "opacity probability is 1.2"), ([.5], -1, "exponent is -1"), ([.5], np.inf, "exponent is inf")])
def test_reweight_refuses_what_is_no_probability(p, exponent, sentence):
    with pytest.raises(BadSettings, match=sentence):
        reweight(fused([.5]), p, exponent)


@pytest.mark.parametrize(("given", "sentence"), [
    ({"none_study": 1.5}, "none_study is 1.5"), ({"none_study": -1}, "none_study is -1"),
    ({"none_boxes": np.nan}, "none_boxes is nan")])
def test_settings_out_of_range_are_refused(given, sentence):
    with pytest.raises(BadSettings, match=sentence):
        ScoreSettings(**given)


def test_default_exponent_is_the_diarys():
    assert ScoreSettings().exponent == .3


def test_mean_over_sources_leaves_out_what_is_missing():
    sources = (Source("m0", "0", "id"), Source("m1", "0", "id"))
    values = np.array([[.2, .4], [np.nan, .6], [np.nan, np.nan]])
    assert np.allclose(mean_over_sources(values, sources), [.3, .6, np.nan], equal_nan=True)
    assert np.allclose(mean_over_sources(values, sources, ("m0/0/id",)), [.2, np.nan, np.nan], equal_nan=True)
    assert mean_over_sources(np.zeros((3, 0, 4)), ()).shape == (3, 4)
    with pytest.raises(BadSettings, match="m7"):
        mean_over_sources(values, sources, ("m7/0/id",))


def test_none_of_the_film_alone_is_what_its_classifier_leaves():
    alone = ScoreSettings(none_study=0, none_boxes=0)
    told = blended_none(np.array([.81, .25, np.nan, 0, 1]), np.full(5, .5), fused([.9], [], [], [], []), alone)
    assert told == pytest.approx([.19, .75, np.nan, 1, 0], abs=2e-6, nan_ok=True)


def test_three_witnesses_of_none_are_pooled_by_log_odds():
    """By hand: odds of none 1/4 and of negative 4 pool to 1 at equal weights; a best score of .8 has odds 4."""
    half = ScoreSettings(none_study=.5, none_boxes=0)
    assert blended_none(np.array([.8]), np.array([.8]), fused([.8]), half) == pytest.approx([.5])
    with_boxes = ScoreSettings(none_study=.5, none_boxes=1)
    assert blended_none(np.array([.8]), np.array([.8]), fused([.8, .1]), with_boxes) == pytest.approx([1 / 5])
    study_alone = ScoreSettings(none_study=1, none_boxes=0)
    assert blended_none(np.array([.8]), np.array([.7]), fused([]), study_alone) == pytest.approx([.7])


def test_a_witness_that_is_missing_has_no_say():
    """Without p(negative) the film has the whole weight; where no detector ran, scores say nothing of any film."""
    settings = ScoreSettings(none_study=.5, none_boxes=1)
    assert blended_none(np.array([.8]), np.array([np.nan]), fused([.5]), settings) == pytest.approx([.2])
    assert blended_none(np.array([.8]), np.array([.2]), fused([]), settings) == pytest.approx([.2])


def test_a_film_without_detection_is_likelier_none_than_the_same_film_with_one():
    told = blended_none(np.full(3, .5), np.full(3, .5), fused([], [.02], [.6]), ScoreSettings())
    assert told[0] > told[1] > told[2]
