"""The doctor: correct predictions raise no alarm, and each mistake of the diary is found from the files alone."""

import json
from dataclasses import replace

import numpy as np
import pytest

from core.__main__ import main
from core.dataset import Dataset, Image, open_dataset
from core.doctor import examine
from core.exhibits import Exhibit, read_exhibit, write_exhibit
from core.findings import MISTAKES
from core.fusion import FusionSettings
from core.labels import GroundTruth
from core.levels import ScoreSettings
from core.predictions import Source, read_predictions
from core.scoring import answer, score
from core.submission import write_submission
from core.witnesses import place_of
from tests import doctor_pairs, planting
from tests.test_exports import SAMPLE

FILMS = 160


@pytest.fixture(scope="module")
def dataset():
    """160 films of many sizes, two in three with one to three boxes in the lungs; two films in a study now and then."""
    rng = np.random.default_rng(5)
    sizes = rng.integers(300, 420, (FILMS, 2)) * rng.integers(1, 8, (FILMS, 1))
    boxes, counts = [], []
    for width, height in sizes:
        sides = rng.permutation([0.28, 0.68])[:rng.integers(0, 3)]
        counts.append(len(sides))
        for middle in sides:
            x, y = middle + rng.normal(0, .04), rng.uniform(.3, .65)
            half = rng.uniform(.07, .15), rng.uniform(.1, .24)
            box = np.array([x - half[0], y - half[1], x + half[0], y + half[1]])
            boxes.append(np.clip(box, 0, 1) * [width, height, width, height])
    studies = np.arange(FILMS) // 2 * 2 // (1 + (np.arange(FILMS) % 7 > 0))
    names = tuple(f"s{number}" for number in np.unique(studies))
    truth = GroundTruth(tuple(f"f{number:03}" for number in range(FILMS)), names,
                        np.searchsorted(np.unique(studies), studies), np.array(boxes, np.float32),
                        np.r_[0, np.cumsum(counts)], rng.integers(0, 4, len(names)))
    images = tuple(Image(f"f{number:03}", f"s{studies[number]}", f"/d/train/f{number}.dcm", f"p{studies[number]}",
                         int(width), int(height), "MONOCHROME2") for number, (width, height) in enumerate(sizes))
    return Dataset("/d", "d", images, truth, ())


def correct(dataset, seed=0, blur=.1, views=("plain", "flip"), noise=3):
    """What a network of some skill says, before NMS, in each of `views`: an `Exhibit` like a predictions directory."""
    rng, truth = np.random.default_rng(seed), dataset.truth
    sides = np.array([[image.width, image.height] * 2 for image in dataset.images], float)
    rows = []
    for film in range(FILMS):
        for source in range(len(views)):
            for box in truth.boxes_of(film).astype(float):
                extent = np.tile(box[2:] - box[:2], 2)
                for _ in range(rng.integers(1, 4)):
                    rows.append((film, source, rng.beta(4, 4), *box + rng.normal(0, blur, 4) * extent))
            for _ in range(rng.poisson(noise)):
                x, y = rng.choice([.27, .7]) + rng.normal(0, .09), rng.uniform(.25, .8)
                half = rng.uniform(.05, .16), rng.uniform(.06, .22)
                rows.append((film, source, rng.beta(1, 9) + .01,
                             *np.array([x - half[0], y - half[1], x + half[0], y + half[1]]) * sides[film]))
    found = np.array(rows)
    boxes = np.clip(found[:, 3:], 0, sides[found[:, 0].astype(int)])
    boxes = np.stack([np.minimum(boxes[:, 0], boxes[:, 2] - 2), np.minimum(boxes[:, 1], boxes[:, 3] - 2),
                      *boxes[:, 2:].T], axis=1)
    order = np.lexsort((-found[:, 2], found[:, 1], found[:, 0]))
    boxless = np.diff(truth.offsets) == 0
    p_none = np.clip(rng.normal(np.where(boxless, .65, .3), .2), .01, .99)[:, None]
    study = rng.dirichlet(np.ones(4), len(truth.study_ids)) + 2 * np.eye(4)[truth.study_class]
    sources = tuple(Source("m", "0", view) for view in views)
    film, source = found[order, :2].T.astype(np.int64)
    study = (study / study.sum(axis=1, keepdims=True))[:, None]
    return Exhibit(None, truth.image_ids, truth.study_ids, boxes[order], found[order, 2], film, source, sources,
                   p_none, sources[:1], study, sources[:1], manifest={"settings": {}})


def fused(dataset, exhibit, place):
    """The exhibit as a competition CSV of detections fused by the viewer's first settings."""
    told = answer(read_predictions(planted_directory(exhibit, place)), FusionSettings(), ScoreSettings())
    write_submission(place / "fused.csv", told)
    return read_exhibit(place / "fused.csv")


def planted_directory(exhibit, place):
    place.mkdir(parents=True, exist_ok=True)
    write_exhibit(place / "correct", exhibit)
    return place / "correct"


def sides_of(dataset):
    return np.array([[image.width, image.height] for image in dataset.images], float)


def mistakes(exhibit, dataset, place=None, **more):
    exhibit = exhibit if place is None else planting.filed(place, exhibit)
    return [each.mistake or each.name for each in examine(exhibit, dataset, **more).findings]


# --- no alarm ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("seed", "blur", "views", "noise"), [
    (1, .05, ("plain", "flip"), 1), (2, .1, ("plain",), 3), (3, .2, ("plain", "flip"), 6), (4, .3, ("plain",), 2),
    (5, .12, ("plain", "flip", "in"), 3)], ids=["sharp", "one view", "noisy", "weak", "three views"])
def test_correct_predictions_raise_no_alarm(dataset, tmp_path, seed, blur, views, noise):
    exhibit = correct(dataset, seed, blur, views, noise)
    assert mistakes(exhibit, dataset, tmp_path / "dir") == []
    assert mistakes(fused(dataset, exhibit, tmp_path), dataset) == []


def test_the_bundled_predictions_raise_no_alarm():
    found = examine(read_exhibit(SAMPLE / "predictions"), open_dataset(SAMPLE))
    assert [each.name for each in found.findings] == []


# --- one by one, and two coordinate mistakes at a time ----------------------------------------------------------------

WAYS = {name: plant for name, plant in planting.COORDINATES.items() if plant[0] != 4}


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("as_csv", [False, True])
def test_a_coordinate_mistake_is_found_and_cured(dataset, tmp_path, name, as_csv):
    number, way = WAYS[name]
    exhibit = correct(dataset)
    exhibit = fused(dataset, exhibit, tmp_path / "csv") if as_csv else exhibit
    planted = planting.filed(tmp_path / "planted", planting.moved(exhibit, sides_of(dataset), way))
    found = examine(planted, dataset)
    assert [each.mistake for each in found.findings] == [number]
    assert found.findings[0].films and "AP" in found.findings[0].evidence
    if number != 3:  # what was cut off is lost
        assert found.opacity_after > found.opacity_before + .1
        back = write_exhibit(tmp_path / "cured", found.cured)
        assert mistakes(read_exhibit(back), dataset) == []


PAIRS = [*(names for names in doctor_pairs.pairs(planting.COORDINATES) if len(names) == 2),
         ("cut in half", "frame of 256"), ("frame of 256", "cut in half"), ("cut in half", "centre, width, height"),
         ("centre, width, height", "cut in half"), ("cut in half", "sums"), ("padded to 512", "sums"),
         ("half as large again", "transposed")]


@pytest.mark.parametrize("names", PAIRS, ids=" and ".join)
def test_two_coordinate_mistakes_at_once_are_both_found(dataset, names):
    exhibit = correct(dataset, views=("plain",))
    numbers = sorted(doctor_pairs.WAYS[name][0] for name in names)
    assert doctor_pairs.found(exhibit, place_of(exhibit.image_ids, dataset), names) == numbers


def test_flipped_views_that_were_not_flipped_back_are_found(dataset, tmp_path):
    planted = planting.moved(correct(dataset), sides_of(dataset), planting.mirrored, views=("flip",))
    assert mistakes(planted, dataset, tmp_path / "dir") == [4]
    sharp = correct(dataset, blur=.04, noise=1)
    planted = planting.moved(sharp, sides_of(dataset), planting.mirrored, views=("flip",))
    assert mistakes(fused(dataset, planted, tmp_path), dataset) == [4]


@pytest.mark.parametrize(("plant", "number"), [
    (planting.hard, 7), (planting.hard_study, 7), (planting.default_study, 8),
    (lambda exhibit: planting.default_study(exhibit, .3), 8), (lambda exhibit: planting.skipped(exhibit, .55), 13)],
    ids=["hard", "hard study", "default", "default in part", "threshold"])
def test_a_mistake_of_confidences_is_found(dataset, tmp_path, plant, number):
    assert mistakes(plant(correct(dataset)), dataset, tmp_path) == [number]


def test_images_predicted_once_per_box_row_are_found_and_cured(dataset, tmp_path):
    exhibit = fused(dataset, correct(dataset), tmp_path)
    planted = planting.filed(tmp_path / "planted", planting.once_per_box(exhibit, np.diff(dataset.truth.offsets)))
    found = examine(planted, dataset)
    assert [each.mistake for each in found.findings] == [10]
    assert len(found.cured.boxes) == len(exhibit.boxes)


# --- figures, folds, weights ------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("name", "number"), [("not sorted inside the film", 14), ("only boxed films", 15)])
def test_a_figure_of_another_convention_is_named(dataset, tmp_path, name, number):
    from core.conventions import read_all

    exhibit = fused(dataset, correct(dataset, noise=6), tmp_path)
    planted = planting.filed(tmp_path / "planted", planting.shuffled(exhibit) if number == 14 else exhibit)
    from core.doctor import answer as answer_of
    scored = score(dataset.truth, answer_of(planted))
    figure = next(each for each in read_all(scored.truth, scored.answer) if each.convention.name == name)
    told = examine(planted, dataset, figures=(f"opacity={figure.figure('opacity'):.4f}",))
    assert [each.mistake for each in told.findings] == [number]
    true = scored.evaluation.aps["opacity"]
    assert mistakes(planted, dataset, figures=(f"opacity={true:.4f}",)) == []


def test_an_absent_class_averaged_in_as_zero_is_named(dataset, tmp_path):
    """Of four study classes one is taken away; the mean of five APs is told as a sixth of their sum."""
    truth = dataset.truth
    bare = replace(dataset, truth=replace(truth, study_class=np.where(truth.study_class == 3, 2, truth.study_class)))
    exhibit = fused(dataset, correct(dataset), tmp_path)
    from core.doctor import answer as answer_of
    aps = score(bare.truth, answer_of(exhibit)).evaluation.aps
    wrong = sum(ap for ap in aps.values() if ap is not None) / 6
    assert mistakes(exhibit, bare, figures=(f"mean={wrong:.5f}",)) == [9]


def test_folds_that_share_studies_or_patients_are_found(dataset):
    exhibit, rng = correct(dataset), np.random.default_rng(0)
    by_row = [(each, str(rng.integers(5))) for each in dataset.truth.image_ids for _ in range(2)]
    by_patient = [(image.image_id, str(int(image.patient_id[1:]) % 5)) for image in dataset.images]
    assert 11 in mistakes(exhibit, dataset, folds=by_row)
    assert mistakes(exhibit, dataset, folds=by_patient) == []


def test_folds_that_the_sources_name_are_looked_at_without_a_file(dataset):
    exhibit = correct(dataset, views=("plain",))
    sources = (Source("m", "0", "plain"), Source("m", "1", "plain"))
    by_patient = np.array([int(image.patient_id[1:]) // 2 % 2 for image in dataset.images])
    for fold, numbers in ((by_patient, []), (np.arange(FILMS) % 2, [11])):
        held_out = replace(exhibit, source=fold[exhibit.film], sources=sources)
        assert [each for each in mistakes(held_out, dataset) if each == 11] == numbers


def test_films_of_other_patients_that_look_alike_in_two_folds_are_named(dataset):
    pictures = dict(zip(dataset.truth.image_ids, np.random.default_rng(0).integers(0, 256, (FILMS, 8, 8), np.uint8),
                        strict=True))
    by_patient = [(image.image_id, str(int(image.patient_id[1:]) % 5)) for image in dataset.images]
    exhibit, (first, *others) = correct(dataset), dataset.images
    fold_of = dict(by_patient)
    within = next(each for each in others if each.patient_id != first.patient_id
                  and fold_of[each.image_id] == fold_of[first.image_id])
    across = next(each for each in others if fold_of[each.image_id] != fold_of[first.image_id])
    for twin, pair in ((first, None), (within, None), (across, {first.image_id, across.image_id})):
        alike = {**pictures, twin.image_id: pictures[first.image_id]}
        of_sources = replace(exhibit, source=np.array([int(fold_of[exhibit.image_ids[each]]) for each in exhibit.film]),
                             sources=tuple(Source("m", str(fold), "plain") for fold in range(5)))
        for one, folds in ((exhibit, by_patient), (of_sources, None)):  # named in a file, or by the sources
            found = examine(one, dataset, folds=folds, pictures=lambda images, of=alike: {
                image.image_id: of[image.image_id] for image in images}).findings
            assert [(each.mistake, each.name, set(each.films)) for each in found if "fold" in each.name] == (
                [(None, "near-duplicate films in two folds", pair)] if pair else [])


def test_weights_run_at_another_size_are_found():
    exhibit, sample = read_exhibit(SAMPLE / "predictions"), open_dataset(SAMPLE)
    weights = [dict(each) for each in exhibit.manifest["weights"]]
    weights[0]["image_size"] = [512, 512]
    assert mistakes(replace(exhibit, manifest={**exhibit.manifest, "weights": weights}), sample) == [12]
    weights = [dict(each) for each in exhibit.manifest["weights"]]
    weights[0]["mean"] = .9
    assert mistakes(replace(exhibit, manifest={**exhibit.manifest, "weights": weights}), sample) == [12]


# --- faults beside the diary's ----------------------------------------------------------------------------------------

@pytest.mark.parametrize(("plant", "name"), [
    (lambda each: planting.without(each, np.arange(40)), "candidates missing"),
    (lambda each: replace(each, study=each.study * .5), "probabilities that do not sum to 1"),
    (lambda each: replace(each, p_none=np.full_like(each.p_none, .3)), "constant scores"),
    (lambda each: replace(each, scores=each.scores * 100), "confidences outside 0 to 1"),
], ids=["missing", "sums", "constant", "percent"])
def test_other_faults_are_named_without_a_number(dataset, tmp_path, plant, name):
    assert name in mistakes(plant(correct(dataset, noise=8)), dataset, tmp_path)


# --- the command ------------------------------------------------------------------------------------------------------

def test_the_command_prints_the_shape_that_was_promised_and_its_code_says_whether(tmp_path, capsys):
    given = ["doctor", "--data", str(SAMPLE), "--predictions"]
    assert main([*given, str(SAMPLE / "predictions"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"findings": []}
    exhibit = read_exhibit(SAMPLE / "predictions")
    planting.filed(tmp_path / "planted", replace(exhibit, boxes=planting.transposed(exhibit.boxes, None)))
    assert main([*given, str(tmp_path / "planted"), "--json", "--cured", str(tmp_path / "cured")]) == 1
    found, = json.loads(capsys.readouterr().out)["findings"]
    assert set(found) == {"mistake", "name", "evidence", "films"} and found["mistake"] == 2
    assert found["name"] == MISTAKES[2] and found["films"]
    assert main([*given, str(tmp_path / "cured"), "--json"]) == 0
    assert main([*given, str(tmp_path / "nothing")]) == 2
    assert main([*given, str(SAMPLE / "predictions"), "--reported", "beauty=.5"]) == 2
