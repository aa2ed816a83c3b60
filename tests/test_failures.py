"""Cases, failures and the worklist, on one small data set whose answers are worked by hand."""

import numpy as np
import pytest

from core.cases import arrange
from core.changes import ap_changes
from core.dataset import Dataset, Image
from core.errors import BadPredictions, BadSettings
from core.evaluation import CLASSES
from core.failures import FLAGS, findings, weigh
from core.fusion import FusionSettings, fuse
from core.kinds import KINDS, diagnose
from core.labels import GroundTruth
from core.levels import ScoreSettings
from core.predictions import Candidates, Predictions, Source
from core.scoring import answer as answer_of
from core.scoring import conclude, score
from core.verdicts import judge, rate
from core.worklist import Facts, IdList, ListSettings, listed

FOUND, BESIDE = (0, 0, 100, 100), (200, 200, 300, 300)
NMS = FusionSettings("nms", iou=1, skip=0)  # nothing is suppressed
PLAIN = ScoreSettings(exponent=0, none_boxes=0)


def image(image_id, study_id, width=500, path="film.dcm"):
    return Image(image_id, study_id, path, "", width, 500 if width else 0, "MONOCHROME2")


def a_dataset(truth=True):
    """Films a, b (study S, typical), c (study N, negative), d (study S, no box), x (absent), u (no label)."""
    labels = GroundTruth(
        ("a", "b", "c", "d", "x"), ("S", "N"), np.array([0, 0, 1, 0, 1]),
        np.array([FOUND, BESIDE, FOUND], np.float32), np.array([0, 2, 3, 3, 3, 3]), np.array([1, 0]))
    images = (image("a", "S"), image("b", "S"), image("c", "N"), image("d", "S", width=0),
              image("x", "N", path=None), image("u", "U"))
    return Dataset("/data", "data", images, labels if truth else None, ())


def some_predictions(image_ids=("u", "c", "b", "a"), manifest=None):
    """Detections a: .9 on FOUND, .8 on FOUND again; b: .3 on FOUND; c: .6 anywhere; u: .7 anywhere."""
    rows = {"a": [(FOUND, .9), ((0, 0, 100, 96), .8)], "b": [(FOUND, .3)], "c": [(BESIDE, .6)], "u": [(BESIDE, .7)]}
    found = [pair for image_id in image_ids for pair in rows.get(image_id, [])]
    offsets = np.concatenate([[0], np.cumsum([len(rows.get(image_id, [])) for image_id in image_ids])])
    p_opacity = {"a": .9, "b": .2, "c": .8, "u": .5}
    source = (Source("m", "0", "plain"),)
    candidates = Candidates(np.array([box for box, _ in found], np.float32).reshape(-1, 4),
                            np.array([each for _, each in found]), np.zeros(len(found)), offsets, source)
    return Predictions(
        image_ids, ("N", "S"), candidates, np.array([[p_opacity.get(each, .5)] for each in image_ids]), source,
        np.array([[[.7, .1, .1, .1]], [[.6, .4, 0, 0]]]), source, manifest or {"errors": []})


@pytest.fixture
def cases():
    return arrange(a_dataset(), some_predictions())


def concluded(cases, display, fusion=NMS, settings=PLAIN):
    fused = fuse(cases.predictions.candidates, fusion)
    answer, matches = conclude(cases.predictions, fused, settings), judge(cases, fused)
    diagnosis = diagnose(cases, fused, answer, matches, fusion, settings, display)
    return answer, matches, weigh(cases, answer, matches, display, diagnosis.films)


def test_scored_films_come_first_in_the_order_of_the_labels(cases):
    assert [each.image_id for each in cases.images] == ["a", "b", "c", "u", "d", "x"]
    assert (cases.films, cases.studies, cases.study_ids) == (3, 2, ("S", "N", "U"))
    assert cases.predicted.tolist() == [True, True, True, True, False, False]
    assert [cases.study_ids[row] for row in cases.film_study] == ["S", "S", "N", "U", "S", "N"]
    assert cases.boxes_of(0).tolist() == [list(FOUND), list(BESIDE)]
    assert cases.boxes_of(3) is None and len(cases.boxes_of(4)) == 0


def test_the_figures_are_those_of_the_score_command(cases):
    answer, matches, _ = concluded(cases, display=.5)
    expected = score(a_dataset().truth, answer_of(some_predictions(), NMS, PLAIN)).evaluation
    assert rate(cases, answer, matches).summary() == expected.summary()


def test_the_order_of_the_predictions_does_not_matter(cases):
    other = arrange(a_dataset(), some_predictions(("a", "b", "c", "u")))
    for one, two in zip(vars(concluded(cases, .5)[2]).values(), vars(concluded(other, .5)[2]).values(), strict=True):
        assert np.array_equal(one, two, equal_nan=one.dtype.kind == "f")


def test_errors_are_counted_by_film(cases):
    _, _, failures = concluded(cases, display=.5)
    rows = np.stack([failures.truth_boxes, failures.shown, failures.tp, failures.fp, failures.fn], axis=1)
    assert rows.tolist() == [
        [2, 2, 1, 1, 1],  # a: .9 finds FOUND, .8 is its duplicate, BESIDE is missed
        [1, 0, 0, 0, 1],  # b: the detection that finds FOUND is not shown
        [0, 1, 0, 1, 0],  # c: .6 on a film without a box
        [-1, 1, -1, -1, -1],  # u: no label
        [0, -1, -1, -1, -1],  # d: not predicted
        [0, -1, -1, -1, -1],  # x: not predicted either
    ]


def test_hiding_detections_moves_their_boxes_to_the_missed_ones(cases):
    _, _, low = concluded(cases, display=.3)
    assert (low.tp[1], low.fn[1]) == (1, 0)
    _, _, high = concluded(cases, display=.95)
    assert high.tp[:3].tolist() == [0, 0, 0] and high.fn[:3].tolist() == [2, 1, 0]


def test_trouble_is_the_sum_of_its_four_weights(cases):
    _, _, failures = concluded(cases, display=.5)
    assert failures.trouble == pytest.approx([
        1 + .8 + .6,  # a: a missed box, a duplicate of .8, study S called negative with .6
        1 + .6 + .8,  # b: a missed box, the same study, p(none) .8 on a film with a box
        .6 + .8,      # c: a false positive of .6, p(opacity) .8 on a film without a box
        0, .6, 0])    # u: no truth; d: its study alone; x: nothing was said, and study N is right


def test_kinds_of_trouble_follow_from_the_counts(cases):
    _, _, failures = concluded(cases, display=.5)
    kinds = {image.image_id: {name for name, holds in zip(KINDS, row, strict=True) if holds}
             for image, row in zip(cases.images, failures.kinds, strict=True)}
    assert kinds == {
        "a": {"missed unseen", "duplicate", "wrong class", "negative and a box"},
        "b": {"missed low confidence", "wrong class", "wrong none"},
        "c": {"background", "wrong none", "negative and a box"}, "u": set(),
        "d": {"wrong class", "boxless", "unread"}, "x": {"unread"}}


def test_a_film_that_cannot_be_read_has_a_flag():
    predictions = some_predictions(manifest={"errors": [{"image": "c", "error": "no pixels"}, "nonsense"]})
    cases = arrange(a_dataset(), predictions)
    flags = [list(FLAGS)[code] for code in concluded(cases, .5)[2].flag]
    assert flags == ["", "", "unreadable", "", "unreadable", "absent"]
    assert cases.refused == {"c": "no pixels"}


def test_without_predictions_there_are_films_and_labels_alone():
    cases = arrange(a_dataset())
    answer, matches, failures = concluded(cases, .5)
    assert matches is None and rate(cases, answer, matches) is None
    assert failures.truth_boxes.tolist() == [2, 1, 0, 0, 0, -1]
    assert not failures.trouble.any() and (failures.shown == -1).all() and (failures.predicted_class == -1).all()
    assert [(each.truth, each.verdict) for each in findings(cases, answer, matches, 0, .5)] == [(True, "")] * 2


def test_without_labels_there_is_no_verdict_and_no_score():
    cases = arrange(a_dataset(truth=False), some_predictions())
    answer, matches, failures = concluded(cases, .5)
    assert rate(cases, answer, matches) is None
    assert (failures.tp == -1).all() and (failures.truth_boxes == -1).all() and not failures.trouble.any()
    row = [each.image_id for each in cases.images].index("a")
    assert [(each.verdict, each.confidence) for each in findings(cases, answer, matches, row, .5)] == [
        ("", pytest.approx(.9)), ("", pytest.approx(.8))]


def test_predictions_of_another_data_set_are_refused_in_one_sentence():
    with pytest.raises(BadPredictions, match="none of the 2 films predicted, such as 'p', is in data"):
        arrange(a_dataset(), some_predictions(("p", "q")))


def test_what_does_not_fit_together_is_remarked():
    remarks = arrange(a_dataset(), some_predictions(("a", "stranger"))).remarks
    assert remarks[0].startswith("1 predicted films such as 'stranger' are not in this data set")
    assert remarks[1] == "1 of the 5 labelled films are predicted, and the score is theirs."


def test_findings_name_verdict_partner_and_reason(cases):
    answer, matches, _ = concluded(cases, .5)
    told = [(each.truth, each.row, each.verdict, each.partner, each.iou and round(each.iou, 2), each.reason)
            for each in findings(cases, answer, matches, 0, .5)]
    assert told == [
        (False, 0, "TP", 0, 1.0, "the first to overlap its ground-truth box enough"),
        (False, 1, "FP", 0, .96, "its ground-truth box was taken by a more confident detection"),
        (True, 0, "", 0, 1.0, "found"),
        (True, 1, "FN", None, None, "no detection overlaps it")]


def test_a_box_found_by_a_hidden_detection_says_so(cases):
    answer, matches, _ = concluded(cases, .5)
    (missed,) = findings(cases, answer, matches, 1, .5)
    assert (missed.verdict, missed.iou) == ("FN", 1.0)
    assert missed.reason == "found only by a detection of confidence 0.30, which is not shown"


@pytest.mark.parametrize("settings, expected, why", [
    (ListSettings(), "abcdux", "trouble, equals in the order of the cases"),
    (ListSettings(order="id"), "abcdux", "ids as text"),
    (ListSettings(order="FP"), "acbudx", "1, 1, 0, then what nobody judged"),
    (ListSettings(order="opacity"), "acubdx", ".9 .8 .5 .2, unknown last"),
    (ListSettings(order="cost"), "bdcaux", ".3 .3 .2 .1, unknown last"),
    (ListSettings(classes=("negative",)), "cx", "the labelled class of the study"),
    (ListSettings(classes=("unlabelled", "negative")), "cux", "either class"),
    (ListSettings(kinds=("wrong none",)), "bc", "films of that kind"),
    (ListSettings(kinds=("unread", "boxless")), "dx", "one of the kinds is enough"),
    (ListSettings(find="N"), "cx", "the study's id counts, and upper and lower case alike"),
    (ListSettings(find="  A "), "a", "blanks around the text do not count"),
    (ListSettings(find="<b>"), "", "nothing has that id"),
    (ListSettings(order="cost", backwards=True), "acbdux", "unknown last all the same"),
    (ListSettings(order="fold"), "acbdux", "0 0 1 1, unknown last"),
    (ListSettings(order="review", backwards=True), "bacuxd", "as text, unknown last"),
    (ListSettings(order="films"), "abdcxu", "study S has three films, N two"),
    (ListSettings(order="predicted", backwards=True), "abdcxu", "predicted negative all but u, then as labelled"),
    (ListSettings(order="worst"), "abcdux", ".8 .8 .8 .6: a missed box is no error with a confidence"),
    (ListSettings(order="kinds"), "abcdxu", "4 3 3 3 1 0"),
    (ListSettings(within=IdList("mine", "1", ("d", "a", "gone")), order="list"), "da", "as in the list, what is known"),
    (ListSettings(predicted=("not predicted",)), "u", "nothing is said of its study"),
    (ListSettings(folds=("1",)), "bd", "one fold"),
    (ListSettings(reviews=("disputed", "reviewed")), "bx", "one of the states is enough"),
    (ListSettings(films=3), "abd", "films of studies with at least three"),
    (ListSettings(cost=200), "bcd", "thousandths, and at least; unknown is less"),
    (ListSettings(worst=.7), "abc", "unknown is less"),
])
def test_the_list_is_filtered_and_ordered(cases, settings, expected, why):
    _, _, failures = concluded(cases, .5)
    facts = Facts(np.array([.1, .3, .2, np.nan, .3, np.nan]), ("0", "1", "0", "", "1", ""),
                  ("open", "reviewed", "open", "open", "", "disputed"))
    assert "".join(cases.images[row].image_id for row in listed(cases, failures, settings, facts)) == expected, why


@pytest.mark.parametrize("wrong", [{"order": "beauty"}, {"kinds": ("boredom",)}, {"classes": ("none",)}])
def test_an_unknown_name_is_refused(wrong):
    with pytest.raises(BadSettings, match="choose among these"):
        ListSettings(**wrong)


def test_changes_are_now_minus_before_and_unknown_where_a_class_is_absent(cases):
    answer, matches, _ = concluded(cases, .5)
    now = rate(cases, answer, matches)
    changes = ap_changes(now, now)
    assert set(changes) == {*CLASSES, "mean"}
    assert changes["opacity"] == 0 and changes["indeterminate"] is None and changes["mean"] == 0
