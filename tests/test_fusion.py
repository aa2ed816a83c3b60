"""Fusion against ensemble_boxes 1.0.9 on random cases, by hand where that library is wrong, and its
provenance."""

import threading

import ensemble_boxes
import numpy as np
import pytest
from ensemble_boxes.ensemble_boxes_nms import cpu_soft_nms_float

from core import parallel
from core.errors import BadSettings
from core.fusion import CONF_TYPES, METHODS, FusionSettings, fuse
from core.predictions import Candidates, Source

SIZE = np.array([3000.0, 2400, 3000, 2400])  # width, height, width, height of every random film


def sources(count):
    return tuple(Source(f"m{number}", "0", "id") for number in range(count))


def candidates(films):
    """`Candidates` of films given as lists, one entry per source, of (boxes [n,4], scores [n]) in pixels."""
    boxes = [np.reshape(part[0], (-1, 4)) for film in films for part in film]
    scores = [np.reshape(part[1], -1) for film in films for part in film]
    source = [np.full(len(part[1]), place) for film in films for place, part in enumerate(film)]
    offsets = np.r_[0, np.cumsum([sum(len(part[1]) for part in film) for film in films])]
    return Candidates(np.concatenate(boxes), np.concatenate(scores), np.concatenate(source), offsets,
                      sources(len(films[0])))


def random_film(rng, count):
    """A film of `count` sources whose boxes crowd around a few places; some are empty, identical or tied."""
    places = rng.uniform(.1, .6, (3, 2))
    film = []
    for _ in range(count):
        n = rng.integers(0, 25) * (rng.random() > .15)
        corner = (places[rng.integers(0, 3, n)] + rng.normal(0, .03, (n, 2))).clip(.02, .64)
        boxes = np.c_[corner, corner + rng.uniform(.1, .35, (n, 2))] * SIZE
        scores = rng.uniform(.001, 1, n)
        if n > 4:
            boxes[1], boxes[2], scores[3] = boxes[0], boxes[4], scores[4]
        order = np.argsort(-scores, kind="stable")
        film.append((boxes[order].astype(np.float32), scores[order].astype(np.float32)))
    if count > 1 and len(film[0][1]) and rng.random() < .3:
        film[1] = film[0]
    return film


def as_peer(film):
    """Boxes in 0..1, scores and labels for ensemble_boxes; scores that tie are told apart by 1e-9, in our
    order."""
    boxes = [part[0].astype(np.float64) / SIZE for part in film]
    scores, place = [], 0
    for part in film:
        scores.append(part[1].astype(np.float64) - 1e-9 * (place + np.arange(len(part[1]))))
        place += len(part[1])
    return boxes, scores, [np.zeros(len(part[1])) for part in film]


def random_cases(number=60):
    for seed in range(number):
        rng = np.random.default_rng(seed)
        count = int(rng.integers(1, 6))
        film = random_film(rng, count)
        weights = None if seed % 3 == 0 else tuple(rng.uniform(.3, 3, count).round(2))
        yield film, weights, rng.choice([.3, .45, .55, .6, .75]), float(rng.choice([0, .05, .2]))


def assert_same(fused, boxes, scores, case):
    """Equal to 1e-6 of the film; where the peer's scores tie its order means nothing, so rows are sorted."""
    assert len(fused) == len(scores), case
    ours = np.c_[fused.scores, fused.boxes / SIZE]
    theirs = np.c_[scores, boxes] if len(scores) else np.zeros((0, 5))
    assert np.abs(ours[:, 0] - theirs[:, 0]).max(initial=0) < 1e-6, case
    key = [np.lexsort(rows.round(5).T[::-1]) for rows in (ours, theirs)]
    assert np.abs(ours[key[0]] - theirs[key[1]]).max(initial=0) < 1e-6, case


@pytest.mark.parametrize("conf_type", CONF_TYPES)
def test_wbf_equals_the_peer(conf_type):
    for case, (film, weights, iou, skip) in enumerate(random_cases()):
        boxes, scores, _ = ensemble_boxes.weighted_boxes_fusion(
            *as_peer(film), weights=weights, iou_thr=iou, skip_box_thr=skip, conf_type=conf_type)
        settings = FusionSettings("wbf", iou, skip, conf_type=conf_type, weights=weights)
        assert_same(fuse(candidates([film]), settings), boxes, scores, case)


def test_nmw_equals_the_peer():
    for case, (film, weights, iou, skip) in enumerate(random_cases()):
        boxes, scores, _ = ensemble_boxes.non_maximum_weighted(*as_peer(film), weights=weights, iou_thr=iou,
                                                               skip_box_thr=skip)
        assert_same(fuse(candidates([film]), FusionSettings("nmw", iou, skip, weights=weights)), boxes, scores, case)


def test_nms_equals_the_peer():
    for case, (film, weights, iou, _) in enumerate(random_cases()):
        if any(len(part[1]) for part in film):  # the peer raises where there is no box
            boxes, scores, _ = ensemble_boxes.nms(*as_peer(film), weights=weights, iou_thr=iou)
            assert_same(fuse(candidates([film]), FusionSettings("nms", iou, 0, weights=weights)), boxes, scores, case)


@pytest.mark.parametrize(("decay", "method"), [("linear", 1), ("gaussian", 2)])
def test_soft_nms_equals_the_peers_decayed_scores(decay, method):
    """The peer decays a copy of the scores and returns those from before; its inner function shows the
    copy."""
    for case, (film, weights, iou, _) in enumerate(random_cases()):
        boxes, scores, _ = as_peer(film)
        factor = np.ones(len(film)) if weights is None else np.array(weights) / np.sum(weights)
        boxes = np.concatenate(boxes)
        decayed = np.concatenate([part * one for part, one in zip(scores, factor, strict=True)])
        kept = cpu_soft_nms_float(boxes, decayed, Nt=iou, sigma=.4, thresh=.003, method=method)
        fused = fuse(candidates([film]), FusionSettings("soft_nms", iou, .003, decay, .4, weights=weights))
        order = np.argsort(-decayed[decayed > .003], kind="stable")
        assert_same(fused, boxes[kept][order], decayed[decayed > .003][order], case)


def boxed(*rows):
    """Boxes and scores of rows (x_min, y_min, x_max, y_max, score)."""
    rows = np.array(rows, np.float32).reshape(-1, 5)
    return rows[:, :4], rows[:, 4]


def test_soft_nms_returns_the_decayed_score_and_its_order():
    """IoU of A and B is 80/120 = 2/3, so linear decay leaves B .9 * (1 - 2/3) = .3, below C."""
    film = [boxed((0, 0, 100, 100, 1), (20, 0, 120, 100, .9), (500, 500, 600, 600, .5))]
    fused = fuse(candidates([film]), FusionSettings("soft_nms", .5, .01, "linear"))
    assert np.allclose(fused.scores, [1, .5, .3]) and fused.leader.tolist() == [0, 2, 1]
    gone = fuse(candidates([film]), FusionSettings("soft_nms", .5, .4, "linear"))
    assert gone.leader.tolist() == [0, 2] and gone.member_of.tolist() == [0, 0, 1]


def test_wbf_averages_by_score_and_counts_the_absent_source():
    """Two of two sources: x_min (0*.8 + 10*.4) / 1.2; the lone box of one source keeps half its score."""
    film = [boxed((0, 0, 100, 100, .8)), boxed((10, 0, 110, 100, .4), (500, 500, 600, 600, .6))]
    fused = fuse(candidates([film]), FusionSettings("wbf", .6, conf_type="avg"))
    assert np.allclose(fused.boxes, [[10 / 3, 0, 310 / 3, 100], [500, 500, 600, 600]])
    assert np.allclose(fused.scores, [.6, .3])
    assert fused.member_of.tolist() == [0, 0, 1] and fused.leader.tolist() == [0, 2]
    assert fused.members(0).tolist() == [0, 1]


def test_what_soft_nms_decays_away_names_the_box_that_overlaps_it_most():
    """The last box overlaps the first by 50/150, the second by 90/110: 1 - IoU twice leaves .4 * 2/3 * 2/11."""
    film = [boxed((0, 0, 100, 100, .9), (60, 0, 160, 100, .8), (50, 0, 150, 100, .4))]
    fused = fuse(candidates([film]), FusionSettings("soft_nms", .3, .1, "linear"))
    assert fused.leader.tolist() == [0, 1] and fused.member_of.tolist() == [0, 1, 1]


@pytest.mark.parametrize(("skip", "member_of"), [(.5, [0, -1, -1]), (.3, [0, 0, 1]), (.31, [0, 0, -1])])
def test_provenance_says_what_skip_left_out(skip, member_of):
    """A score equal to skip stays, though .3 is no float32."""
    film = [boxed((0, 0, 100, 100, .9), (5, 0, 105, 100, .4), (500, 500, 600, 600, .3))]
    assert fuse(candidates([film]), FusionSettings("nms", .5, skip)).member_of.tolist() == member_of


@pytest.mark.parametrize("method", ["nms", "nmw", "wbf"])
def test_of_clusters_with_equal_iou_the_first_takes_the_box(method):
    """IoU of the last box is 80/120 with each of the others, which overlap by 60/140 only."""
    film = [boxed((0, 0, 100, 100, .95), (40, 0, 140, 100, .8), (20, 0, 120, 100, .7))]
    fused = fuse(candidates([film]), FusionSettings(method, .5))
    assert fused.leader.tolist() == [0, 1] and fused.member_of.tolist() == [0, 1, 0]


@pytest.mark.parametrize("method", ["nmw", "wbf"])
def test_the_cluster_of_largest_iou_takes_the_box(method):
    """IoU 70/130 with the first, 90/110 with the second; NMS would name the first."""
    film = [boxed((0, 0, 100, 100, .95), (40, 0, 140, 100, .8), (30, 0, 130, 100, .7))]
    assert fuse(candidates([film]), FusionSettings(method, .5)).member_of.tolist() == [0, 1, 1]
    assert fuse(candidates([film]), FusionSettings("nms", .5)).member_of.tolist() == [0, 1, 0]


@pytest.mark.parametrize("method", ["nms", "nmw", "wbf"])
def test_ties_go_by_source_then_row(method):
    """Of boxes that tie, the first source's leads the cluster and the first row stands first in the result."""
    film = [boxed((0, 0, 100, 100, .9), (300, 0, 400, 100, .5), (600, 0, 700, 100, .5)),
            boxed((900, 0, 999, 100, .8), (610, 0, 710, 100, .5), (310, 0, 410, 100, .5))]
    fused = fuse(candidates([film]), FusionSettings(method, .5, conf_type="avg"))
    assert fused.leader[fused.member_of].tolist() == [0, 1, 2, 3, 2, 1]
    assert fused.leader.tolist() == ([1, 2, 0, 3] if method == "wbf" else [0, 3, 1, 2])


@pytest.mark.parametrize("method", ["nms", "nmw", "wbf"])
def test_an_iou_equal_to_the_threshold_is_no_match(method):
    film = [boxed((0, 0, 100, 100, .9), (0, 0, 100, 50, .8))]
    assert len(fuse(candidates([film]), FusionSettings(method, .5))) == 2
    assert len(fuse(candidates([film]), FusionSettings(method, .4999))) == 1


def test_linear_soft_nms_leaves_an_iou_equal_to_the_threshold_alone():
    film = [boxed((0, 0, 100, 100, .9), (0, 0, 100, 50, .8))]
    assert np.allclose(fuse(candidates([film]), FusionSettings("soft_nms", .5, decay="linear")).scores, [.9, .8])
    assert np.allclose(fuse(candidates([film]), FusionSettings("soft_nms", .4999, decay="linear")).scores, [.9, .4])


def test_more_candidates_than_can_be_numbered_are_refused():
    crowd = np.tile(np.float32([0, 0, 9, 9]), (65536, 1))
    with pytest.raises(BadSettings, match="a film has 65536 candidates, but at most 65535"):
        fuse(candidates([[(crowd, np.full(65536, .5))]]), FusionSettings())


@pytest.mark.parametrize("method", ["nms", "soft_nms", "nmw", "wbf"])
class TestEveryMethod:
    def test_films_and_sets_without_boxes_are_empty_results(self, method):
        """The peer's NMS raises here."""
        empty = boxed()
        fused = fuse(candidates([[empty, empty], [empty, boxed((0, 0, 9, 9, .5))], [empty, empty]]),
                     FusionSettings(method))
        assert fused.offsets.tolist() == [0, 0, 1, 1]
        assert len(fuse(candidates([[empty]]), FusionSettings(method))) == 0
        nothing = Candidates(np.zeros((0, 4)), np.zeros(0), np.zeros(0), np.zeros(1), ())
        assert fuse(nothing, FusionSettings(method)).offsets.tolist() == [0]

    def test_inputs_stay_as_they_are_and_the_same_call_gives_the_same_answer(self, method):
        one = candidates([random_film(np.random.default_rng(7), 3)])
        given = Candidates(*(np.array(getattr(one, name)) for name in ("boxes", "scores", "source", "offsets")),
                           one.sources)
        before = [given.boxes.copy(), given.scores.copy(), given.source.copy(), given.offsets.copy()]
        settings = FusionSettings(method, weights=(1, 2, 3))
        one, two = fuse(given, settings), fuse(given, settings)
        after = [given.boxes, given.scores, given.source, given.offsets]
        assert all((a == b).all() for a, b in zip(before, after, strict=True))
        assert all((getattr(one, name) == getattr(two, name)).all()
                   for name in ("boxes", "scores", "offsets", "leader", "member_of"))

    def test_the_frame_does_not_matter(self, method):
        """Candidates scaled by powers of two, which are exact, give the same detections scaled."""
        given = candidates([random_film(np.random.default_rng(3), 3)])
        scaled = Candidates(given.boxes / np.float32([4096, 2048, 4096, 2048]), given.scores, given.source,
                            given.offsets, given.sources)
        one, two = fuse(given, FusionSettings(method)), fuse(scaled, FusionSettings(method))
        assert (one.scores == two.scores).all() and (one.member_of == two.member_of).all()
        assert np.allclose(one.boxes, two.boxes * [4096, 2048, 4096, 2048])

    def test_a_choice_of_sources_equals_the_set_without_the_others(self, method):
        film = random_film(np.random.default_rng(11), 4)
        part = fuse(candidates([film]), FusionSettings(method, sources=("m3/0/id", "m1/0/id"), weights=(2, 1)))
        alone = fuse(candidates([[film[1], film[3]]]), FusionSettings(method, weights=(1, 2)))
        assert (part.boxes == alone.boxes).all() and (part.scores == alone.scores).all()
        left_out = np.isin(candidates([film]).source, [0, 2])
        assert (part.member_of[left_out] == -1).all()

    def test_each_candidate_is_accounted_for(self, method):
        films = [random_film(np.random.default_rng(seed), 3) for seed in range(20)]
        given = candidates(films)
        fused = fuse(given, FusionSettings(method, skip=.1))
        film_of = np.repeat(np.arange(20), np.diff(fused.offsets))
        kept = given.scores >= np.float32(.1)
        assert (fused.member_of[~kept] == -1).all() and (fused.member_of[kept] >= 0).all()
        assert (film_of[fused.member_of[kept]] == np.repeat(np.arange(20), np.diff(given.offsets))[kept]).all()
        assert (fused.member_of[fused.leader] == np.arange(len(fused))).all()
        bounds = zip(fused.offsets[:-1], fused.offsets[1:], strict=True)
        assert all((np.diff(fused.scores[start:stop]) <= 0).all() for start, stop in bounds)

    def test_the_number_of_threads_does_not_matter(self, method, monkeypatch):
        given = candidates([random_film(np.random.default_rng(seed), 3) for seed in range(200)])
        results = []
        for workers in (1, 2, 5):
            monkeypatch.setattr(parallel, "WORKERS", workers)
            monkeypatch.setattr(parallel, "SMALL", 0)
            results.append(fuse(given, FusionSettings(method)))
        for other in results[1:]:
            assert all((getattr(other, name) == getattr(results[0], name)).all()
                       for name in ("boxes", "scores", "offsets", "leader", "member_of"))

    def test_boxes_without_area_are_left_out(self, method):
        film = [boxed((5, 5, 5, 50, .9), (0, 0, 100, 100, .5))]
        assert fuse(candidates([film]), FusionSettings(method)).member_of.tolist() == [-1, 0]


def test_scores_of_zero_leave_a_box_as_it_is():
    """The peer divides 0 by 0 here."""
    film = [boxed((0, 0, 100, 100, 0), (5, 0, 105, 100, 0))]
    for method in ("nmw", "wbf"):
        fused = fuse(candidates([film]), FusionSettings(method, skip=0))
        assert fused.boxes.tolist() == [[0, 0, 100, 100]] and fused.scores.tolist() == [0]


@pytest.mark.parametrize("method", METHODS)
def test_weighted_scores_that_tie_are_taken_by_source(method):
    """Also where the scores before the weights had another order."""
    film = [boxed((0, 0, 100, 100, .25)), boxed((5, 0, 105, 100, .5))]
    assert fuse(candidates([film]), FusionSettings(method)).leader.tolist()[0] == 1
    for factors in ({"weights": (2, 1)}, {"scales": (2, 1)}):
        assert fuse(candidates([film]), FusionSettings(method, **factors)).leader.tolist()[0] == 0


def test_scales_change_a_sources_scores_before_skip():
    film = [boxed((0, 0, 100, 100, .2)), boxed((500, 0, 600, 100, .2))]
    fused = fuse(candidates([film]), FusionSettings("nms", .5, .3, scales=(1, 2)))
    assert fused.leader.tolist() == [1] and np.allclose(fused.scores, .4)


@pytest.mark.parametrize(("settings", "sentence"), [
    ({"method": "mean"}, "method is 'mean'"),
    ({"iou": 1.2}, "iou is 1.2"),
    ({"iou": float("nan")}, "iou is nan"),
    ({"skip": -.1}, "skip is -0.1"),
    ({"decay": "steep"}, "decay is 'steep'"),
    ({"sigma": 0}, "sigma is 0"),
    ({"conf_type": "median"}, "conf_type is 'median'"),
    ({"weights": (1, 0, 1)}, "weights are (1, 0, 1)"),
    ({"scales": (1, float("inf"), 1)}, "scales are (1, inf, 1)"),
    ({"weights": (1, 2)}, "2 weights are given for 3 sources"),
    ({"sources": ("m9/0/id",)}, "source 'm9/0/id' is not in the predictions"),
    ({"sources": ()}, "at least one must be chosen"),
    ({"sources": ("m1/0/id", "m1/0/id")}, "none twice"),
])
def test_wrong_settings_are_one_sentence(settings, sentence):
    given = candidates([[boxed((0, 0, 9, 9, .5)), boxed(), boxed()]])
    with pytest.raises(BadSettings) as refused:
        fuse(given, FusionSettings(**settings))
    assert sentence in str(refused.value) and str(refused.value).endswith(".")


def test_sessions_that_fuse_at_once_do_not_harm_each_other(monkeypatch):
    monkeypatch.setattr(parallel, "SMALL", 0)
    given = candidates([random_film(np.random.default_rng(seed), 3) for seed in range(50)])
    expected, results = fuse(given, FusionSettings()), []
    threads = [threading.Thread(target=lambda: results.extend(fuse(given, FusionSettings()) for _ in range(20)))
               for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 120 and all((each.boxes == expected.boxes).all() for each in results)
