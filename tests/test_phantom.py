"""The phantom's labels are true by construction: these tests hold that construction to its word."""

import argparse
import ast
import csv

import numpy as np
import pydicom
import pytest

from core.errors import BadSettings
from train import phantom
from train.exposure import attenuation
from train.opacities import draw_lesions, visible_extent
from train.phantom_dicom import SYNTAXES, FilmHeader, write_film
from train.projection import Frame, flat_rod, solid_tubes, splat
from train.thorax import draw_patient, lung_chord

SMALL = Frame(160, 150, 4.6, 0.0, 11.0)
SETTINGS = phantom.PhantomSettings(count=14, seed=11, side=128)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantoms") / "set"
    return folder, *phantom.write_set(SETTINGS, folder)


def rows(folder, level):
    with (folder / f"train_{level}_level.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def film_of(folder, shot):
    return pydicom.dcmread(folder / "train" / shot.study_id / shot.series_id / f"{shot.image_id}.dcm")


def test_a_rod_keeps_its_volume_on_the_film():
    """A rod of radius 1 cm and length 10 cm holds 10 pi cm3, however it lies; area of a pixel 1/16 cm2."""
    frame = Frame(80, 80, 4.0, 0.0, 0.0, tilt=.3)
    for path in ([[-5, 0, 0], [5, 0, 0]], [[-3, -4, 0], [3, 4, 0]], [[0, 0, -5], [0, .01, 5]]):
        rod = solid_tubes(frame, [(np.array(path, float), np.ones(2))])
        assert rod.sum() / 16 == pytest.approx(10 * np.pi, rel=.01)


def test_a_shell_is_densest_where_the_beam_grazes_its_wall():
    frame = Frame(80, 80, 8.0, 0.0, 0.0)
    path = np.stack([np.linspace(-6, 6, 30), np.zeros(30), np.zeros(30)], 1)
    rod = flat_rod(frame, path, np.tile([0.0, 0, 1], (30, 1)), np.full(30, 2.0), np.full(30, 2.0), .1, core=0)
    shell = splat(frame, rod)
    profile = shell[:, 30:50].mean(axis=1)
    assert profile[40] == pytest.approx(.2, rel=.1)         # front and back wall, .1 cm each
    assert profile.max() > 1.8 * profile[40]                # 2 cm above the axis
    assert abs(abs(int(profile.argmax()) - 39.5) - 16) < 2  # at 2 cm of 8 px


def test_a_point_between_four_pixels_is_shared_and_one_outside_is_dropped():
    frame = Frame(4, 4, 1.0, 0.0, 0.0)  # world (0, 0) lies at pixel coordinate (2, 2)
    film = splat(frame, (np.array([[-.5, -.5, 0], [40, 0, 0]]), np.array([4.0, 9.0])))
    assert film[1:3, 1:3].tolist() == [[1, 1], [1, 1]]
    assert film.sum() == 4


def test_a_reduced_frame_covers_the_same_place():
    frame = Frame(101, 77, 5.0, 1.0, -2.0, tilt=.1, oblique=.05)
    points = np.array([[1.0, 2, 3], [-4, 0, -1]])
    fine, coarse = np.array(frame.project(points)), np.array(frame.reduced(3).project(points))
    assert np.allclose(coarse, fine / 3)
    across, down = (frame.enlarge(axis, 3) for axis in frame.reduced(3).grid())  # a picture of the coordinates
    x, y = frame.grid()
    assert np.abs(across - x)[:-3, :-3].max() < .02 and np.abs(down - y)[:-3, :-3].max() < .02


@pytest.mark.parametrize("appearance", phantom.CLASSES)
def test_every_class_keeps_its_pattern(appearance):
    """Over twenty patients: where the boxes lie and how many there are is what the class means."""
    seen = []
    for number in range(20):
        rng = np.random.default_rng([5, number])
        patient = draw_patient(rng)
        lesions = draw_lesions(appearance, patient, rng)
        sides = {lesion.side for lesion in lesions}
        seen.append((len(lesions), sides, [lesion.kind for lesion in lesions],
                     np.mean([lesion.y for lesion in lesions]) / patient.lung_height if lesions else 0))
    if appearance == "negative":
        assert all(count == 0 for count, *_ in seen)
    elif appearance == "typical":
        assert sum(sides == {-1, 1} for _, sides, *_ in seen) >= 17
        assert np.mean([height for *_, height in seen]) > .55  # below the middle of the lung
    elif appearance == "indeterminate":
        assert 10 <= sum(len(sides) == 1 for _, sides, *_ in seen) < 20
    else:
        kinds = {kind for _, _, kinds, _ in seen for kind in kinds}
        assert kinds == {"patch", "nodule", "effusion", "pneumothorax"}


@pytest.mark.parametrize("number", range(6))
def test_boxes_lie_inside_the_film_and_around_the_added_attenuation(number):
    rng = np.random.default_rng([6, number])
    patient = draw_patient(rng)
    lesions = draw_lesions(("typical", "indeterminate", "atypical")[number % 3], patient, rng)
    _, boxes, added, _ = attenuation(SMALL, patient, lesions, 1, 2)
    covered = np.zeros_like(added, bool)
    for x0, y0, x1, y1 in boxes.astype(int):
        assert 0 <= x0 < x1 <= SMALL.width and 0 <= y0 < y1 <= SMALL.height
        covered[y0:y1, x0:x1] = True
    if len(boxes):
        assert added[covered].sum() > .75 * added.sum()
        assert added[covered].mean() > 4 * added[~covered].mean()
    else:
        assert added.max() < .1


def test_a_typical_study_has_boxes_on_both_sides():
    rng = np.random.default_rng(3)
    patient = draw_patient(rng)
    boxes = attenuation(SMALL, patient, draw_lesions("typical", patient, rng), 1, 2)[1]
    middles = boxes[:, [0, 2]].mean(axis=1)
    assert (middles < SMALL.width / 2).any() and (middles > SMALL.width / 2).any()


def test_a_pneumothorax_takes_vessels_away_and_has_no_box():
    from train.opacities import Lesion

    patient = draw_patient(np.random.default_rng(1))
    collapse = Lesion("pneumothorax", 0, 1, 0.0, .6 * patient.lung_height, 3.0, 0, 0, 0, 0, 0, 1)
    without = attenuation(SMALL, patient, (), 1, 2)[0]
    total, boxes, _, _ = attenuation(SMALL, patient, (collapse,), 1, 2)
    assert len(boxes) == 0
    changed = np.abs(total - without).sum(axis=0)
    assert changed[:SMALL.width // 2 - 5].sum() == 0 < changed[SMALL.width // 2:].sum()


def test_visible_extent_leaves_out_what_cannot_be_seen():
    added = np.zeros((40, 50), np.float32)
    added[10:20, 5:25] = .3
    added[30:32, 40:42] = .3   # an island of 4 pixels beside 200
    added[10:20, 25:30] = .04  # under the threshold
    assert visible_extent(added) == (5, 10, 25, 20)
    assert visible_extent(added * .1) is None


def test_lungs_are_two_and_the_heart_lies_to_the_viewers_right():
    patient = draw_patient(np.random.default_rng(4))
    x, y = SMALL.grid()
    lung = lung_chord(patient, x, y)
    low = np.abs(y - .85 * patient.lung_height) < 1
    assert lung[low & (x < 0)].sum() > 1.15 * lung[low & (x > 0)].sum() > 0
    assert lung[np.abs(x) < .5].max() < .2


def test_one_seed_gives_one_set_and_another_seed_another(tmp_path):
    shot = phantom.plan(SETTINGS)[3]
    first, again = phantom.make_film(shot, SETTINGS), phantom.make_film(shot, SETTINGS)
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    other = phantom.plan(phantom.PhantomSettings(count=14, seed=12, side=128))
    assert not {s.image_id for s in other} & {s.image_id for s in phantom.plan(SETTINGS)}


def test_two_shots_of_a_study_are_nearly_the_same_picture(written):
    folder, shots, _ = written
    pairs = [(a, b) for a, b in zip(shots, shots[1:], strict=False) if a.study_id == b.study_id]
    assert pairs
    for one, two in pairs:
        pictures = [phantom.make_film(shot, SETTINGS)[0] for shot in (one, two)]
        assert pictures[0].shape == pictures[1].shape
        assert .75 < np.corrcoef(pictures[0].ravel(), pictures[1].ravel())[0, 1] < 1


def test_tables_are_the_competitions(written):
    folder, shots, boxes = written
    head = (folder / "train_image_level.csv").read_bytes().splitlines(keepends=True)[0]
    assert head == b"id,boxes,label,StudyInstanceUID\r\n"
    by_id = {shot.image_id: (shot, found) for shot, found in zip(shots, boxes, strict=True)}
    images = rows(folder, "image")
    assert len(images) == 14 and [row["id"] for row in images] == sorted(row["id"] for row in images)
    for row in images:
        shot, found = by_id[row["id"].removesuffix("_image")]
        assert row["StudyInstanceUID"] == shot.study_id
        if not len(found) or not shot.labelled:
            assert (row["boxes"], row["label"]) == ("", "none 1 0 0 1 1")
            continue
        cells = ast.literal_eval(row["boxes"])
        assert [list(cell) for cell in cells] == [["x", "y", "width", "height"]] * len(found)
        words = row["label"].split()
        assert words[0::6] == ["opacity"] * len(found) and words[1::6] == ["1"] * len(found)
        corners = np.array(words).reshape(-1, 6)[:, 2:].astype(float)
        assert np.allclose(corners, found, atol=.001)
        assert np.allclose([[c["x"] + c["width"], c["y"] + c["height"]] for c in cells], corners[:, 2:], atol=.002)
    studies = rows(folder, "study")
    assert list(studies[0]) == ["id", *phantom.STUDY_COLUMNS]
    assert all(sum(int(row[name]) for name in phantom.STUDY_COLUMNS) == 1 for row in studies)


def test_plan_has_the_balance_the_pairs_and_the_follow_ups():
    shots = phantom.plan(phantom.PhantomSettings(count=44))
    studies = {shot.study_id: shot for shot in shots}
    assert len(shots) == 44 and len(studies) == 40
    counts = {name: sum(s.appearance == name for s in studies.values()) for name in phantom.CLASSES}
    assert counts == {"negative": 10, "typical": 19, "indeterminate": 7, "atypical": 4}
    assert len({shot.patient for shot in shots}) < 40
    hidden = [shot for shot in shots if not shot.labelled]
    assert len(hidden) == 2 and all(sum(s.study_id == h.study_id for s in shots) == 2 for h in hidden)
    assert all(len(name) == 12 and int(name, 16) >= 0 for s in shots for name in (s.study_id, s.series_id, s.image_id))


def test_every_header_says_synthetic_and_describes_its_pixels(written):
    folder, shots, _ = written
    for shot in shots:
        film = film_of(folder, shot)
        assert film.PatientID.startswith("SYNTHETIC-") and film.PatientName == "SYNTHETIC^PHANTOM"
        for word in ("ImageComments", "StudyDescription", "SeriesDescription"):
            assert "SYNTHETIC" in film[word].value
        assert film.BurnedInAnnotation == "YES" and film.BodyPartExamined == "CHEST"
        assert (film.BitsAllocated, film.BitsStored, film.HighBit) == (16, 12, 11)
        assert film.pixel_array.shape == (film.Rows, film.Columns) and film.pixel_array.max() < 4096
        assert min(film.Rows, film.Columns) >= 128
        assert film.SOPClassUID == film.file_meta.MediaStorageSOPClassUID
    assert (folder / "NOTICE.txt").read_text(encoding="utf-8").startswith("SYNTHETIC")


def header(syntax, photometric="MONOCHROME2"):
    names = [f"{number:012x}" for number in (1, 2, 3)]
    return FilmHeader(*names, "SYNTHETIC-0-0001", photometric, syntax, "CR", "AP", "F", .35, near=4, ratio=8.0)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_film_reads_back_in_its_declared_syntax(syntax, tmp_path):
    grey = phantom.make_film(phantom.plan(SETTINGS)[0], SETTINGS)[0]
    write_film(tmp_path / "a.dcm", grey, header(syntax))
    film = pydicom.dcmread(tmp_path / "a.dcm")
    expected = np.round(grey * 3900 + 4095 * .02)
    error = np.abs(film.pixel_array.astype(float) - expected).max()
    assert film.file_meta.TransferSyntaxUID == SYNTAXES[syntax]
    if syntax == "jpegls-near":
        assert 0 < error <= 4 and film.LossyImageCompressionMethod == "ISO_14495_1"
    elif syntax == "j2k-lossy":
        assert 0 < error < 400 and film.LossyImageCompressionMethod == "ISO_15444_1"
        assert 4 < float(film.LossyImageCompressionRatio) < 16
    else:
        assert error == 0 and film.LossyImageCompression == "00"


def test_the_monochrome1_twin_shows_the_same_picture(tmp_path):
    grey = phantom.make_film(phantom.plan(SETTINGS)[1], SETTINGS)[0]
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        write_film(tmp_path / photometric, grey, header("explicit", photometric))
    one, two = (pydicom.dcmread(tmp_path / name) for name in ("MONOCHROME1", "MONOCHROME2"))
    assert np.array_equal(4095 - one.pixel_array, two.pixel_array)
    assert "PresentationLUTShape" not in one  # INVERSE would turn it a second time


def test_the_word_stands_in_a_lower_corner_and_not_on_the_lung():
    shot = phantom.plan(SETTINGS)[2]
    grey, _, _, frame, _ = phantom.make_film(shot, SETTINGS)
    band = grey[-10:]
    assert (band > .93).sum() > 40 and (grey[-40:-14, 20:-20] > .965).mean() < .02


def test_a_used_folder_and_a_bad_number_are_refused_in_one_sentence(written):
    folder, *_ = written
    with pytest.raises(BadSettings, match="holds a train folder already"):
        phantom.write_set(SETTINGS, folder)
    with pytest.raises(BadSettings, match="count is 0"):
        phantom.PhantomSettings(count=0)


def test_the_command_writes_what_its_options_say(tmp_path, capsys):
    parser = argparse.ArgumentParser()
    phantom.add_arguments(parser)
    options = ["--out", str(tmp_path / "set"), "--count", "2", "--seed", "3", "--side", "128", "--compact"]
    assert phantom.run(parser.parse_args(options)) == 0
    assert len(list((tmp_path / "set").glob("train/*/*/*.dcm"))) == 2
    assert "2 films" in capsys.readouterr().out
