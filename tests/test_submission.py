"""From predictions to an answer, to the competition's CSV and back, and its score."""

from pathlib import Path

import numpy as np
import pytest

from core.__main__ import main
from core.errors import BadPredictions, BadTable
from core.fusion import Fused, FusionSettings
from core.labels import GroundTruth
from core.levels import ScoreSettings
from core.predictions import Candidates, Predictions, Source
from core.scoring import Answer, answer, conclude, score
from core.submission import read_sample, read_submission, write_submission
from tests.conftest import ROOT

HEAD = "id,PredictionString"
FILM = "opacity 0.25 10 20 40 90.5 opacity 0.5 1.5 2 300 4 none 0.3 0 0 1 1"


def put(path, *rows, head=HEAD, end="\n"):
    path.write_bytes(end.join([head, *rows, ""]).encode())
    return path


def example():
    """Three films with 2, 0 and 1 detections and two studies, of which the last of each says less."""
    return Answer(("000123", "nan", "1e5"), ("s1", "NA"),
                  np.array([[10, 20, 40, 90.5], [1 / 3, 2, 300, 4], [-5, -6.25, 7, 8]], np.float32),
                  np.array([0.7, 0.1, 1 / 3], np.float32), np.array([0, 2, 2, 3]),
                  np.array([0.1, 0.9, np.nan], np.float32),
                  np.array([[0.1, 0.2, 0.3, 0.4], [np.nan] * 4], np.float32))


def test_rows_are_read_as_the_competition_means_them(tmp_path):
    told = read_submission(put(tmp_path / "a.csv", "s1_study,atypical 0.75 0 0 1 1 negative 1e-3 0 0 1 1",
                               f"000123_image,{FILM}", "nan_image,none 1 0 0 1 1", "1e5_image,", "NA_study,"))
    assert told.image_ids == ("000123", "nan", "1e5") and told.study_ids == ("s1", "NA")
    assert told.scores.tolist() == [0.5, 0.25]  # sorted inside the film
    assert told.boxes.tolist() == [[1.5, 2, 300, 4], [10, 20, 40, 90.5]]
    assert told.offsets.tolist() == [0, 2, 2, 2]
    assert np.array_equal(told.p_none, [0.3, 1, np.nan], equal_nan=True)
    assert np.array_equal(told.study, [[0.001, np.nan, np.nan, 0.75], [np.nan] * 4], equal_nan=True)


@pytest.mark.parametrize(("head", "end"), [("\ufeff" + HEAD, "\r\n"), ("note," + HEAD, "\n")])
def test_a_byte_order_mark_line_ends_and_other_columns_are_read_over(tmp_path, head, end):
    row = f"a_image,{FILM}" if not head.startswith("note") else f"x,a_image,{FILM}"
    assert read_submission(put(tmp_path / "a.csv", row, head=head, end=end)).image_ids == ("a",)


@pytest.mark.parametrize(("row", "words"), [
    ("x_image,opacity nan 1 2 3 4", ["column PredictionString", "'nan' for confidence of box 1", "finite"]),
    ("x_image,none 0.5 0 0 1 1 opacity inf 1 2 3 4", ["'inf' for confidence of box 2"]),
    ("x_image,opacity 0.5 1 2 3", ["5 words", "six"]),
    ("x_image,lesion 0.5 1 2 3 4", ["'lesion'"]),
    ("x_image,negative 0.5 0 0 1 1", ["'negative'", "opacity, none"]),  # a study's class in an image row
    ("x_study,opacity 0.5 1 2 3 4", ["'opacity'", "negative, typical"]),
    ("x_image,opacity 0.5 30 2 10 4", ["[30.0, 2.0, 10.0, 4.0]", "x_max >= x_min"]),
    ("x_image,none 0.5 0 0 1 1 none 0.4 0 0 1 1", ["none 2 times"]),
    ("x_study,typical 0.5 0 0 1 1 typical 0.4 0 0 1 1", ["typical 2 times"]),
    ("x_image,none 0.5 0 0 2 2", ["[0.0, 0.0, 2.0, 2.0]", "0 0 1 1"]),
    ("x,none 0.5 0 0 1 1", ["column id: 'x'", "_image or _study"]),
    ("first_image,none 0.5 0 0 1 1", ["column id: 'first_image'", "second time"]),
    ("x_image,opacity 0.5 1,2 3 4", ["3 cells", "2"]),
    ("x_image;none 0.5 0 0 1 1", ["1 cells"]),
])
def test_a_broken_row_is_refused_by_row_and_column(tmp_path, row, words):
    path = put(tmp_path / "sub.csv", "first_image,none 1 0 0 1 1", "", row, "last_image,none 1 0 0 1 1")
    with pytest.raises(BadTable, match="^sub.csv row 4, column ") as error:
        read_submission(path)
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize(("head", "words"), [
    ("first_image,none 1 0 0 1 1", "lacks the column 'id'"), ("id,Prediction", "lacks the column 'PredictionString'"),
    ("id,id,PredictionString", "'id' 2 times"), ("id;PredictionString", "semicolons"), ("", "empty")])
def test_a_header_that_is_not_the_competitions_is_named(tmp_path, head, words):
    with pytest.raises(BadTable, match=words):
        read_submission(put(tmp_path / "a.csv", head=head))


def test_everything_wrong_with_a_header_is_told_at_once(tmp_path):
    with pytest.raises(BadTable) as error:
        read_submission(put(tmp_path / "a.csv", head="note,note,ID"))
    assert [next(word for word in ("'id'", "'PredictionString'", "'note' 2 times") if word in each)
            for each in error.value.faults] == ["'id'", "'PredictionString'", "'note' 2 times"]


def test_more_faults_are_counted(tmp_path):
    with pytest.raises(BadTable, match=r"row 2, .*\(2 more like it\)\.$"):
        read_submission(put(tmp_path / "a.csv", "x,", "y,", "z,"))


def test_no_bad_row_hides_another_from_who_runs_a_command(tmp_path, capsys):
    place = put(tmp_path / "a.csv", "x,", "a_image,none 1 0 0 1 1", "b_image,opacity 2 0 0 1", "z,")
    assert main(["evaluate", "--data", str(ROOT / "assets" / "sample"), "--predictions", str(place)]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if "a.csv row" in line]
    assert [line.split("row ")[1].split(",")[0] for line in told] == ["2", "4", "5"]


def test_a_million_words_in_a_row_are_refused_and_the_broken_one_of_many_is_found(tmp_path):
    """No film is fused in time that has so many boxes."""
    words = "opacity 0.5 10 20 30 40 "
    with pytest.raises(BadTable, match="a.csv row 2, column PredictionString: .* holds 4,080,000 characters") as error:
        read_submission(put(tmp_path / "a.csv", f"a_image,{words * 170_000}"))
    assert len(str(error.value)) < 300
    assert len(read_submission(put(tmp_path / "a.csv", f"a_image,{words * 40_000}")).scores) == 40_000
    with pytest.raises(BadTable, match="'x' for y_max of box 40001") as error:
        read_submission(put(tmp_path / "b.csv", f"a_image,{words * 40_000}opacity 0.5 10 20 30 x"))
    assert len(str(error.value)) < 300


def test_confidences_keep_all_their_digits(tmp_path):
    """As float32 these two are equal, and their order would be lost."""
    row = "a_image,opacity 0.90000000001 1 2 3 4 opacity 0.90000000002 5 6 7 8"
    told = read_submission(put(tmp_path / "a.csv", row))
    assert told.scores.tolist() == [0.90000000002, 0.90000000001]


def test_what_is_written_is_read_to_the_last_bit(tmp_path):
    assert write_submission(tmp_path / "a.csv", example()) == ("1 rows such as NA_study are empty, because no model "
                                                               "answered.",)
    assert same(read_submission(tmp_path / "a.csv"), example())


def test_random_numbers_survive_the_csv(tmp_path):
    random = np.random.default_rng(7)
    corners = np.sort((10.0 ** random.uniform(-6, 5, (2000, 2, 2))).astype(np.float32), axis=1)
    scores = -np.sort(-random.random((4, 500), np.float32) ** 9, axis=1).ravel()
    told = Answer(tuple("abcd"), (), corners.reshape(-1, 4), scores, np.arange(5) * 500,
                  random.random(4, np.float32), np.zeros((0, 4), np.float32))
    write_submission(tmp_path / "a.csv", told)
    assert same(read_submission(tmp_path / "a.csv"), told)


def same(one, other):
    return (one.image_ids, one.study_ids) == (other.image_ids, other.study_ids) and all(
        np.array_equal(getattr(one, name).astype(np.float32), getattr(other, name), equal_nan=True)
        for name in ("boxes", "scores", "offsets", "p_none", "study"))


def test_each_id_of_the_sample_has_one_row_in_its_order(tmp_path):
    sample = put(tmp_path / "sample.csv", "s9_study,negative 1 0 0 1 1", "nan_image,none 1 0 0 1 1", "s1_study,",
                 "x_image,")
    remarks = write_submission(tmp_path / "a.csv", example(), read_sample(sample))
    rows = (tmp_path / "a.csv").read_text().splitlines()
    assert rows == [
        HEAD, "s9_study,negative 0.25 0 0 1 1 typical 0.25 0 0 1 1 indeterminate 0.25 0 0 1 1 atypical 0.25 0 0 1 1",
        "nan_image,none 0.9 0 0 1 1",
        "s1_study,negative 0.1 0 0 1 1 typical 0.2 0 0 1 1 indeterminate 0.3 0 0 1 1 atypical 0.4 0 0 1 1",
        "x_image,none 0.5 0 0 1 1"]
    assert remarks[0].startswith("2 ids such as s9_study are not predicted")
    assert remarks[1].startswith("3 predicted ids such as 000123_image are not in the sample")


@pytest.mark.parametrize("rows", [["a_image,", "a_image,"], ["a,"], ["a_image,,"]])
def test_a_sample_with_a_bad_id_is_refused(tmp_path, rows):
    with pytest.raises(BadTable, match="row"):
        read_sample(put(tmp_path / "sample.csv", *rows))


def test_a_failed_write_leaves_the_file_of_before(tmp_path, monkeypatch):
    write_submission(tmp_path / "a.csv", example())
    before = (tmp_path / "a.csv").read_text()

    def full_disk(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(BadTable, match="No space left on device"):
        write_submission(tmp_path / "a.csv", example(), (("image", "x"),))
    assert (tmp_path / "a.csv").read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def predictions():
    """Two films, two sources each: the boxes of the second source lie elsewhere, so that WBF halves all scores."""
    plain, flip = Source("m", "0", "plain"), Source("m", "0", "flip")
    candidates = Candidates(np.array([[10, 20, 40, 90], [200, 20, 240, 50], [1, 2, 30, 4]], np.float32),
                            np.array([0.8, 0.4, 0.6], np.float32), np.array([0, 1, 0], np.int16), np.array([0, 2, 3]),
                            (plain, flip))
    return Predictions(("a", "b"), ("s",), candidates, np.array([[0.81, 0.81], [0.25, np.nan]], np.float32),
                       (plain, flip), np.array([[[0.1, 0.2, 0.3, 0.4], [0.5, 0.4, 0.1, 0]]], np.float32), (plain, flip))


def test_an_answer_is_fused_reweighted_and_averaged():
    """By hand: WBF halves what one of two sources found; sqrt(.81) = .9, sqrt(.25) = .5; the NaN has no say."""
    wbf = FusionSettings(method="wbf", conf_type="avg")
    told = answer(predictions(), wbf, ScoreSettings(exponent=0.5, none_boxes=0))
    assert told.scores == pytest.approx([0.8 / 2 * 0.9, 0.4 / 2 * 0.9, 0.6 / 2 * 0.5])
    assert told.boxes.tolist() == [[10, 20, 40, 90], [200, 20, 240, 50], [1, 2, 30, 4]]
    assert told.p_none == pytest.approx([0.19, 0.75])
    assert told.study[0] == pytest.approx([0.3, 0.3, 0.2, 0.2])


def test_only_the_chosen_sources_have_a_say():
    chosen = ScoreSettings(0, none_boxes=0, opacity_sources=("m/0/flip",), study_sources=("m/0/flip",))
    told = answer(predictions(), FusionSettings(sources=("m/0/flip",)), chosen)
    assert told.boxes.tolist() == [[200, 20, 240, 50]] and told.scores == pytest.approx([0.4])
    assert np.array_equal(told.p_none, np.array([0.19, np.nan], np.float32), equal_nan=True)
    assert told.study[0] == pytest.approx([0.5, 0.4, 0.1, 0])


def test_an_answer_about_others_has_nothing_to_say_of_the_unknown():
    part = example().about(("1e5", "x", "000123"), ("x", "s1"))
    assert part.offsets.tolist() == [0, 1, 1, 3]
    assert part.boxes[0].tolist() == [-5, -6.25, 7, 8] and part.scores[1] == np.float32(0.7)
    assert np.array_equal(part.p_none, np.array([np.nan, np.nan, 0.1], np.float32), equal_nan=True)
    assert np.isnan(part.study[0]).all() and part.study[1, 3] == np.float32(0.4)


def truth():
    """Film a with one box, b and c without; study s typical, t negative, u of unknown class."""
    return GroundTruth(("a", "b", "c"), ("s", "t", "u"), [0, 1, 2], [[10, 20, 40, 90]], [0, 1, 1, 1], [1, 0, -1])


def told(image_ids, study_ids, p_none, study=()):
    """An answer with the one right box in film a, if it is among the films."""
    count = int("a" in image_ids)
    offsets = [0, *np.cumsum([each == "a" for each in image_ids])]
    boxes = np.array([[10, 20, 40, 90]] * count).reshape(-1, 4)
    return Answer(tuple(image_ids), tuple(study_ids), boxes, np.full(count, 0.5), np.array(offsets),
                  np.array(p_none, float), np.array(study, float).reshape(-1, 4))


def test_an_answer_is_scored_on_what_it_is_about():
    scored = score(truth(), told("ba", "s", [0.9, 0.2], [0, 1, 0, 0]))
    evaluation, remarks = scored.evaluation, scored.remarks
    assert evaluation.summary() == {"opacity": 1, "none": 1, "negative": None, "typical": 1, "indeterminate": None,
                                    "atypical": None, "mean": 1}
    assert scored.answer.image_ids == scored.truth.image_ids == ("a", "b")
    assert scored.evaluation.matches.found_by.tolist() == [0]
    assert remarks == ("2 of the 3 labelled films are scored.", "1 of the 2 labelled studies are scored.")


def test_ids_to_score_without_an_answer_count_as_missed():
    scored = score(truth(), told("b", "", [0.9]), ("a", "b", "c"), ("s", "t"))
    evaluation, remarks = scored.evaluation, scored.remarks
    assert evaluation.summary()["opacity"] == 0 and evaluation.summary()["none"] == 0.5  # c is missed
    assert evaluation.summary()["typical"] == 0
    assert any("2 films such as 'a' are not predicted" in remark for remark in remarks)


def test_ties_are_taken_in_the_order_of_the_labels_not_of_the_answer():
    """All films say .5: a (not none) comes first, so b is found at rank 2 and c at rank 3."""
    for order in ("abc", "cba", "bca"):
        evaluation = score(truth(), told(order, "", [0.5] * 3)).evaluation
        assert evaluation.summary()["none"] == pytest.approx(2 / 3)


def test_unlabelled_answers_are_left_out_with_a_remark():
    scored = score(truth(), told("axb", "", [0.2, 0.99, 0.9]))
    evaluation, remarks = scored.evaluation, scored.remarks
    assert evaluation.summary()["none"] == 1
    assert any("1 predicted films such as 'x' have no label" in remark for remark in remarks)


def test_an_answer_about_other_films_is_refused():
    with pytest.raises(BadPredictions, match="none of the 1 films"):
        score(truth(), told("x", "", [0.5]))


def test_fused_detections_are_concluded_without_fusing_again():
    given = predictions()
    fused = Fused(np.zeros((1, 4), np.float32), np.array([0.5], np.float32), np.array([0, 0, 1]), np.zeros(1, np.int32),
                  np.zeros(3, np.int32))
    assert conclude(given, fused, ScoreSettings(exponent=0.5)).scores == pytest.approx([0.25])
