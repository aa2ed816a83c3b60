"""The kinds of failure, their price and what changed, on films whose answers are worked by hand."""

import json

import numpy as np
import pytest

from core.__main__ import main
from core.cases import arrange
from core.changes import film_changes
from core.dataset import Dataset, Image
from core.edges import edges_off
from core.error_ap import TOTALS, confusions, gains
from core.failures import findings
from core.fusion import CONF_TYPES, METHODS, FusionSettings, fuse
from core.judgement import Judged
from core.kinds import KINDS, diagnose
from core.labels import GroundTruth
from core.levels import ScoreSettings
from core.neighbours import neighbours
from core.predictions import Candidates, Predictions, Source
from core.provenance import provenance
from core.scoring import conclude
from core.verdicts import judge, rate
from tests.conftest import ROOT
from tests.film_files import film_file

TRUTH = (100, 100, 200, 300)  # on a film of 1,000 x 1,000 pixels
NMS, PLAIN = FusionSettings("nms", iou=1, skip=0), ScoreSettings(exponent=0, none_study=0, none_boxes=0)
TWO = (Source("m", "0", "plain"), Source("m", "0", "flip"))


def cases_of(detections, truth=(TRUTH,), study=1, p_opacity=0.9, p_study=(0.1, 0.7, 0.1, 0.1), size=1000):
    """One film with ground truth and (box, score, source) detections, in a study of class `study`."""
    labels = GroundTruth(("a",), ("S",), [0], np.array(truth, np.float32).reshape(-1, 4), [0, len(truth)], [study])
    dataset = Dataset("/data", "data", (Image("a", "S", "film.dcm", "", size, size, "MONOCHROME2"),), labels, ())
    boxes = np.array([box for box, _, _ in detections], np.float32).reshape(-1, 4)
    found = Candidates(boxes, np.array([score for _, score, _ in detections]),
                       np.array([source for *_, source in detections]), [0, len(detections)], TWO)
    return arrange(dataset, Predictions(("a",), ("S",), found, np.array([[p_opacity]]), TWO[:1],
                                        np.array([[p_study]]), TWO[:1]))


def diagnosed(cases, fusion=NMS, display=0.25, alike=None):
    fused = fuse(cases.predictions.candidates, fusion)
    answer, matches = conclude(cases.predictions, fused, PLAIN), judge(cases, fused)
    return fused, answer, matches, diagnose(cases, fused, answer, matches, fusion, PLAIN, display, alike)


@pytest.mark.parametrize(("detections", "options", "expected", "why"), [
    ([(TRUTH, .9, 0)], {}, (), "found"),
    ([(TRUTH, .9, 0), ((100, 100, 200, 290), .8, 0)], {}, ("duplicate",), "IoU .95 with a box that is taken"),
    ([((100, 200, 200, 400), .9, 0)], {}, ("localisation",), "IoU 1/3: the same finding, for detection and box"),
    ([((600, 600, 700, 700), .9, 0)], {}, ("background", "missed unseen"), "beside; the box is a tenth of the film"),
    ([], {"truth": [(0, 0, 99, 300)]}, ("missed small",), "narrower than a tenth"),
    ([(TRUTH, .1, 0)], {}, ("missed low confidence",), "it overlaps, but is not shown"),
    ([((600, 600, 700, 700), .9, 0)], {"truth": [], "p_opacity": .2},
     ("background", "wrong class?", "none and a box", "boxless"), "none is high, and a box is shown"),
    ([((600, 600, 700, 700), .9, 0)], {"truth": [], "study": 0, "p_study": (.8, .2, 0, 0)},
     ("background", "wrong none", "negative and a box"), "a negative study with a box"),
    ([(TRUTH, .9, 0), (TRUTH, .8, 1)], {"truth": [], "p_opacity": .2, "fusion": FusionSettings("nms", iou=.5)},
     ("background", "none and a box", "boxless", "truth doubtful"), "two sources agree where no box is labelled"),
])
def test_each_kind_is_named(detections, options, expected, why):
    fusion = options.pop("fusion", NMS) if "fusion" in options else NMS
    cases = cases_of(detections, **{name: value for name, value in options.items() if name != "fusion"})
    found = diagnosed(cases, fusion)[-1]
    assert set(found.of_film(0)) == {each for each in expected if not each.endswith("?")}, why


def test_a_box_that_fusion_swallowed_says_by_which(monkeypatch):
    """.9 lies beside and suppresses at IoU .1 the candidate of .8 that lies on the box."""
    cases = cases_of([((150, 100, 320, 300), .9, 0), (TRUTH, .8, 0)])
    fused, answer, matches, found = diagnosed(cases, FusionSettings("nms", iou=.1))
    assert "missed suppressed" in found.of_film(0)
    assert (found.candidate[0], found.taker[0], round(float(found.own[0]), 2)) == (1, 0, .8)
    missed = [each for each in findings(cases, answer, matches, 0, .25, found) if each.truth]
    assert missed[0].kind == "missed suppressed"
    assert missed[0].reason == "a candidate of confidence 0.80 overlaps it, but went into detection 1"


@pytest.mark.parametrize(("box", "words"), [
    ((100, 100, 200, 300), ()), ((80, 100, 220, 300), ("too wide",)), ((100, 140, 200, 260), ("too short",)),
    ((150, 100, 250, 300), ("too far right",)), ((100, 60, 200, 300), ("upper edge too high",)),
    ((100, 100, 170, 360), ("right edge too far left", "lower edge too low"))])
def test_edges_that_are_off_are_named(box, words):
    assert edges_off(box, TRUTH) == words


def test_the_side_that_is_off_stands_on_the_film():
    cases = cases_of([((100, 200, 200, 400), .9, 0)])
    _, answer, matches, found = diagnosed(cases)
    detection = findings(cases, answer, matches, 0, .25, found)[0]
    assert (detection.kind, detection.reason) == ("localisation", "too low")


def test_a_boxless_film_that_looks_like_a_boxed_one_is_doubtful(tmp_path):
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (64, 64)).astype(np.uint8)
    paths = []
    for name, shown in (("a", picture), ("b", picture), ("c", rng.integers(0, 255, (64, 64)).astype(np.uint8))):
        paths.append(tmp_path / f"{name}.dcm")
        film_file(paths[-1], shown)
    images = tuple(Image(path.stem, "S", str(path), "", 64, 64, "MONOCHROME2") for path in paths)
    labels = GroundTruth(("a", "b", "c"), ("S",), [0, 0, 0], np.array([[1, 1, 20, 20]], np.float32), [0, 1, 1, 1], [1])
    cases = arrange(Dataset("/data", "data", images, labels, ()))
    assert neighbours(cases) == {"b": "a"}


# --- what mending a kind gains ----------------------------------------------------------------------------------------

def many():
    """Three films: found at .9; localised badly at .8 with its duplicate aim at .7; background at .95 and a miss."""
    truth = np.array([TRUTH, TRUTH, TRUTH], np.float32)
    labels = GroundTruth(("a", "b", "c"), ("S", "T", "U"), [0, 1, 2], truth, [0, 1, 2, 3], [1, 1, 1])
    images = tuple(Image(each, study, "film.dcm", "", 1000, 1000, "MONOCHROME2") for each, study in zip("abc", "STU",
                                                                                                       strict=True))
    rows = [[(TRUTH, .9)], [((100, 200, 200, 400), .8), ((100, 210, 200, 410), .7)], [((600, 600, 700, 700), .95)]]
    flat = [pair for row in rows for pair in row]
    found = Candidates(np.array([box for box, _ in flat], np.float32), np.array([score for _, score in flat]),
                       np.zeros(4), [0, 1, 3, 4], TWO[:1])
    study = np.array([[[.1, .7, .1, .1]]] * 2 + [[[.6, .2, .1, .1]]])
    return arrange(Dataset("/data", "data", images, labels, ()),
                   Predictions(("a", "b", "c"), ("S", "T", "U"), found, np.full((3, 1), .9), TWO[:1], study, TWO[:1]))


def test_gains_are_those_worked_by_hand():
    """Ranked .95 F, .9 T, .8 F, .7 F; 3 boxes: AP 1/3 x 1/2 = 1/6."""
    cases = many()
    _, answer, matches, found = diagnosed(cases)
    evaluation = rate(cases, answer, matches)
    assert evaluation.aps["opacity"] == pytest.approx(1 / 6)
    by = {each.kind: each for each in gains(cases, evaluation, found)}
    assert list(by) == [*KINDS, *TOTALS]
    # localisation: .8 is true, .7 is left out: F T T -> (2/3 + 2/3) / 3
    assert by["localisation"].aps["opacity"] == pytest.approx(4 / 9 - 1 / 6) and by["localisation"].count == 2
    # background: T F F -> 1/3
    assert by["background"].aps["opacity"] == pytest.approx(1 / 3 - 1 / 6)
    # missed: of two boxes: 1/2 x 1/2
    assert by["missed unseen"].aps["opacity"] == pytest.approx(1 / 4 - 1 / 6) and by["missed unseen"].count == 1
    assert by["duplicate"].aps["opacity"] == 0 and by["duplicate"].count == 0
    # U is typical, called negative: put first among the typical ones nothing changes, for all three are typical
    assert by["wrong class"].count == 1 and by["wrong class"].aps["typical"] == 0
    assert by["none and a box"].mean == 0 and by["unread"].mean is None
    # without false positives: T; without the missed boxes (b and c): 1 x 1/2
    assert by["every false positive"].aps["opacity"] == pytest.approx(1 / 3 - 1 / 6)
    assert by["every missed box"].aps["opacity"] == pytest.approx(1 / 2 - 1 / 6)
    (pair,) = confusions(cases, evaluation, answer.study)
    assert (pair.labelled, pair.called, pair.count, pair.mean) == ("typical", "negative", 1, 0)
    present = sum(ap is not None for ap in evaluation.aps.values())
    assert by["background"].mean == pytest.approx((1 / 3 - 1 / 6) / present)


def test_of_two_that_find_one_box_the_more_confident_stays():
    """.9 lies badly on the box that .5 finds, .7 lies beside: F F T, 1/3. Mended .9 is true and .5 left out: 1."""
    cases = cases_of([((100, 200, 200, 400), .9, 0), ((600, 600, 700, 700), .7, 0), (TRUTH, .5, 0)])
    _, answer, matches, found = diagnosed(cases)
    evaluation = rate(cases, answer, matches)
    by = {each.kind: each for each in gains(cases, evaluation, found)}
    assert evaluation.aps["opacity"] == pytest.approx(1 / 3)
    assert by["localisation"].aps["opacity"] == pytest.approx(1 - 1 / 3)


@pytest.mark.parametrize(("kind", "truth", "study", "classes", "why"), [
    ("none and a box", [TRUTH], 1, set(), "p(none) gives way, but no film is none: nothing changes"),
    ("none and a box", [], 0, {"opacity"}, "p(none) is right, so the boxes give way"),
    ("negative and a box", [], 0, {"opacity"}, "the study is negative, so the boxes give way"),
    ("negative and a box", [], 1, {"negative"}, "the study is not negative, so p(negative) gives way"),
    ("boxless", [], 1, {"opacity"}, "the boxes are left out")])
def test_a_contradiction_is_mended_on_the_side_that_is_wrong(kind, truth, study, classes, why):
    """Beside the film a stands film b, boxed and found with less confidence in another study that is negative."""
    labels = GroundTruth(("a", "b"), ("S", "T"), [0, 1], np.array([*truth, TRUTH], np.float32),
                         [0, len(truth), len(truth) + 1], [study, 0])
    images = tuple(Image(each, of, "film.dcm", "", 1000, 1000, "MONOCHROME2") for each, of in (("a", "S"), ("b", "T")))
    boxes = Candidates(np.array([TRUTH, TRUTH], np.float32), np.array([.9, .5]), np.zeros(2), [0, 1, 2], TWO[:1])
    cases = arrange(Dataset("/data", "data", images, labels, ()), Predictions(
        ("a", "b"), ("S", "T"), boxes, np.array([[.2], [.9]]), TWO[:1],
        np.array([[[.8, .2, 0, 0]], [[.7, .1, .1, .1]]]), TWO[:1]))
    _, answer, matches, found = diagnosed(cases)
    gain = next(each for each in gains(cases, rate(cases, answer, matches), found) if each.kind == kind)
    assert gain.count >= 1 and {name for name, change in gain.aps.items() if change} == classes, why
    # a's false positive stood before b's true positive, and its .8 before b's .7: from 1/2 to 1
    assert [change for change in gain.aps.values() if change] == pytest.approx([1 / 2] * len(classes)), why


def test_what_changed_is_listed_best_first():
    cases = many()
    low, high = ((side, diagnosed(cases, display=side)) for side in (.25, .85))
    now, before = (Judged(cases, answer, matches, display, None) for display, (_, answer, matches, _) in (high, low))
    assert [(each.image_id, each.found, each.lost, each.appeared, each.gone, round(each.gain, 2))
            for each in film_changes(now, before)] == [("b", 0, 0, 0, 2, 1.5)]
    back = film_changes(before, now)
    assert [(each.image_id, each.appeared, round(each.gain, 2)) for each in back] == [("b", 2, -1.5)]
    assert film_changes(now, now) == ()


# --- why a box is there -----------------------------------------------------------------------------------------------

def numbers_in(sentence):
    words = sentence.replace("(", " ").replace(")", " ").replace(".,", " ").rstrip(".").split()
    return [float(word) for word in words if word.replace(".", "", 1).isdigit()]


@pytest.mark.parametrize("conf_type", CONF_TYPES)
@pytest.mark.parametrize("weights", [None, (2.0, 1.0)])
def test_the_words_on_a_wbf_score_reckon_to_it(conf_type, weights):
    fusion = FusionSettings("wbf", iou=.5, skip=0, conf_type=conf_type, weights=weights)
    cases = cases_of([(TRUTH, .9, 0), (TRUTH, .6, 1), ((100, 110, 200, 300), .5, 1), ((600, 0, 700, 90), .7, 0)])
    given = cases.predictions.candidates
    fused = fuse(given, fusion)
    for row in range(len(fused)):
        told = provenance(given, fused, fusion, row, .5 * fused.scores[row], .25, .5)
        score = numbers_in(told.steps[0])[-1]
        assert score == pytest.approx(float(fused.scores[row]), abs=6e-5)
        if conf_type == "avg":
            mean, count, sources, total, _ = numbers_in(told.steps[0].split("agree: ")[1].replace("min", " ")
                                                        .replace(",", " "))
            assert mean * min(count, sources) / total == pytest.approx(score, abs=2e-4)
        if conf_type == "box_and_model_avg":
            mean, part, total, _ = numbers_in(told.steps[0].split("in it: ")[1])
            assert mean * part / total == pytest.approx(score, abs=2e-4)
        if conf_type == "absent_model_aware_avg":
            summed, own, absent, _ = numbers_in(told.steps[0].split("absent sources: ")[1])
            assert summed / (own + absent) == pytest.approx(score, abs=2e-4)
        assert "0.2500^0.5" in told.steps[1]


@pytest.mark.parametrize(("decay", "factor"), [("linear", 1 - 1 / 3), ("gaussian", np.exp(-(1 / 3) ** 2 / .5))])
def test_soft_nms_names_what_lowered_a_score(decay, factor):
    """Two boxes overlap by 1/3, a third lies beside; the film has a neighbour before it, so rows do not begin at 0."""
    fusion = FusionSettings("soft_nms", iou=.2, skip=0, decay=decay)
    boxes = np.array([TRUTH, TRUTH, (100, 200, 200, 400), (600, 0, 700, 90)], np.float32)
    given = Candidates(boxes, np.array([.9, .8, .6, .1]), np.zeros(4), [0, 1, 4], TWO[:1])
    fused = fuse(given, fusion)
    told = [provenance(given, fused, fusion, row, 0, np.nan, 0).steps for row in range(4)]
    assert [len(steps) for steps in told] == [1, 1, 2, 1]
    assert "began with 0.6000" in told[2][0] and f"{factor:.4f} (detection 1, IoU 0.33)" in told[2][1]
    assert told[2][1].endswith(f"= {.6 * factor:.4f}.") and fused.scores[2] == pytest.approx(.6 * factor, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_every_candidate_is_a_member_of_one_detection(method):
    fusion = FusionSettings(method, iou=.5, skip=0)
    cases = cases_of([(TRUTH, .9, 0), (TRUTH, .6, 1), ((600, 0, 700, 90), .7, 0)])
    given = cases.predictions.candidates
    fused = fuse(given, fusion)
    told = [provenance(given, fused, fusion, row, 0, np.nan, 0) for row in range(len(fused))]
    assert sorted(each.row for one in told for each in one.members) == [0, 1, 2]
    assert all(sum(each.leader for each in one.members) == 1 for one in told)
    assert all(len(one.steps) <= 1 + (method == "soft_nms") for one in told)
    first = next(one for one in told if one.members[0].row == 0)
    assert first.members[0].source == "m/0/plain" and first.members[0].iou == pytest.approx(1)


# --- commands ---------------------------------------------------------------------------------------------------------

def test_the_commands_print_kinds_and_changes(capsys):
    from tests.test_exports import SAMPLE

    given = ["--data", str(SAMPLE), "--predictions", str(SAMPLE / "predictions"), "--json"]
    assert main(["errors", *given, "--films", "--compare"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["kind"] for each in told["kinds"]] == [*KINDS, *TOTALS] and told["stamp"]["settings"]["display"] == .25
    assert any(each["kinds"] and each["cost"] > 0 for each in told["films"].values()) and told["confusions"]
    assert main(["changed", *given, "--method", "nms"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["stamp"]["settings"]["method"] == "nms" != told["before"]["settings"]["method"]
    assert [each["gain"] for each in told["films"]] == sorted((each["gain"] for each in told["films"]), reverse=True)


def test_the_readme_says_of_each_kind_what_the_pages_say():
    table = (ROOT / "README.md").read_text("utf8").split("<!-- kinds -->")[1].split("<!-- end -->")[0]
    rows = [tuple(cell.strip() for cell in line.strip("| ").split(" | ")) for line in table.strip().splitlines()[2:]]
    assert dict(rows) == KINDS
