"""The doctor on real predictions: those of many models raise no alarm, and mistakes planted in them are named. Skips
without $GROUNDGLASS_SHARED."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.dataset import Dataset, Image, open_dataset
from core.doctor import examine
from core.exhibits import read_exhibit, write_exhibit
from core.fusion import FusionSettings
from core.inference import predict
from core.labels import read_truth
from core.levels import ScoreSettings
from core.predictions import read_predictions, write_predictions
from core.scoring import answer
from core.submission import write_submission
from tests import planting

ASSETS = Path(__file__).resolve().parent.parent / "assets/weights"
WEIGHTS = [*sorted(ASSETS.glob("detector-*.safetensors")), ASSETS / "joint-lite1-f0.safetensors"]
BOXED, OTHERS = 24, 8  # studies with and without boxes


@pytest.fixture(scope="module")
def some(shared, tmp_path_factory):
    """The data set of 32 studies of siim256, and what two detectors and a classifier predict for them."""
    place = tmp_path_factory.mktemp("some")
    with (shared / "siim256/train_image_level.csv").open(newline="") as told:
        boxed = {row["StudyInstanceUID"]: bool(row["boxes"]) for row in csv.DictReader(told)}
    present = sorted(each.name for each in (shared / "siim256/train").iterdir())[::37]
    studies = [each for each in present if boxed[each]][:BOXED]
    studies += [each for each in present if not boxed[each]][:OTHERS]
    (place / "train").mkdir()
    for study in studies:
        (place / "train" / study).symlink_to(shared / "siim256/train" / study)
    for name, of in (("train_image_level.csv", lambda row: row["StudyInstanceUID"]),
                     ("train_study_level.csv", lambda row: row["id"].removesuffix("_study"))):
        with (shared / "siim256" / name).open(newline="") as told, (place / name).open("w", newline="") as kept:
            rows = csv.DictReader(told)
            writer = csv.DictWriter(kept, rows.fieldnames)
            writer.writeheader()
            writer.writerows(row for row in rows if of(row) in studies)
    dataset = open_dataset(place)
    write_predictions(place / "predictions", predict(dataset, WEIGHTS, image_ids=dataset.truth.image_ids))
    return dataset, place / "predictions"


def _models(exhibit):
    """The whole ensemble, and each detector in each of its views alone."""
    yield exhibit
    for number, source in enumerate(exhibit.sources):
        mine = exhibit.rows(exhibit.source == number)
        yield replace(mine, source=np.zeros_like(mine.source), sources=(source,))


def _named(path, dataset, **more):
    return [each.mistake or each.name for each in examine(read_exhibit(path), dataset, **more).findings]


def test_correct_predictions_of_five_models_raise_no_alarm_as_they_are_and_fused(some, tmp_path):
    dataset, predictions = some
    models = list(_models(read_exhibit(predictions)))
    assert len(models) >= 5
    for number, model in enumerate(models):
        place = tmp_path / str(number)
        write_exhibit(place, model)
        assert _named(place, dataset) == []
        method = ("wbf", "nms")[number % 2]
        write_submission(place / "fused.csv", answer(read_predictions(place), FusionSettings(method), ScoreSettings()))
        assert _named(place / "fused.csv", dataset) == []


def _as_rows(path, ids, told):
    path.write_text("id,PredictionString\n" + "".join(f"{one},{text}\n" for one, text in zip(ids, told, strict=True)))
    return path


def test_the_golden_predictions_raise_no_alarm(shared, tmp_path):
    dataset = _labels_alone(shared / "siim256")
    with (shared / "goldens/diary_none_003_ver09.csv").open(newline="") as told:
        films = {row["image_id"]: 1 - float(row["opacity_probability"]) for row in csv.DictReader(told)}
    none = _as_rows(tmp_path / "none.csv", [f"{each}_image" for each in films],
                    [f"none {p:.6f} 0 0 1 1" for p in films.values()])
    assert _named(none, dataset) == []
    with (shared / "goldens/diary_study_004_ver04.csv").open(newline="") as told:
        rows = list(csv.DictReader(told))
    classes = ("negative", "typical", "indeterminate", "atypical")
    study = _as_rows(tmp_path / "study.csv", [f"{row['study_id']}_study" for row in rows],
                     [" ".join(f"{name} {row[name]} 0 0 1 1" for name in classes) for row in rows])
    assert _named(study, dataset) == []


def _labels_alone(root):
    """The data set of the labels of `root`: its films need not be read for probabilities."""
    truth = read_truth(root)
    images = tuple(Image(image_id, truth.study_ids[study], None, None, 0, 0, "") for image_id, study in
                   zip(truth.image_ids, truth.image_study, strict=True))
    return Dataset(str(root), root.name, images, truth, ())


PLANTS = {"x, y, width, height": (1, planting.as_sides), "transposed": (2, planting.transposed),
          "cut in half": (3, planting.cut_in_half), "moved": (3, planting.beyond), "mirrored": (4, planting.mirrored),
          "other side": (5, planting.other_side), "frame of 512": (6, planting.in_frame(512)),
          "padded to 512": (6, planting.padded(512)), "fractions": (6, planting.in_frame(1))}


@pytest.mark.parametrize("name", PLANTS)
def test_a_coordinate_mistake_in_few_real_predictions_is_named(some, tmp_path, name):
    dataset, predictions = some
    number, way = PLANTS[name]
    exhibit = list(_models(read_exhibit(predictions)))[1]
    size = {image.image_id: (image.width, image.height) for image in dataset.images}
    sides = np.array([size[each] for each in exhibit.image_ids], float)
    planting.filed(tmp_path / "planted", planting.moved(exhibit, sides, way))
    assert _named(tmp_path / "planted", dataset) == [number]


@pytest.mark.parametrize(("mean", "found"), [([.485, .456, .406], [12]), ([.5, .5, .5], [])])
def test_a_manifest_that_tells_a_mean_of_each_channel_is_compared(some, tmp_path, mean, found):
    dataset, predictions = some
    exhibit = read_exhibit(predictions)
    weights = [dict(each, mean=mean) for each in exhibit.manifest["weights"]]
    planting.filed(tmp_path / "planted", replace(exhibit, manifest={**exhibit.manifest, "weights": weights}))
    assert _named(tmp_path / "planted", dataset) == found
