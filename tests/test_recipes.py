"""Every recipe runs by its command on a handful of films, and says afterwards what it was."""

import json

import numpy as np
import pytest

from core.predictions import read_predictions
from train.__main__ import main
from train.analyses import ANALYSES
from train.chains import Inputs, run_trainings
from train.data import load_films
from train.recipes import RECIPES, named
from train.settings import TrainSettings

TRAININGS = [recipe for recipe in RECIPES.values() if recipe.settings]
SMALL = {"architecture": "mobilenetv3_small_050", "size": 32, "epochs": 1, "batch": 4, "pretrained": "none", "folds": 3}


def run(*arguments):
    assert main(["run", *map(str, arguments)]) == 0


@pytest.mark.parametrize("recipe", TRAININGS, ids=lambda recipe: recipe.name)
def test_a_smoke_run_leaves_a_whole_run_folder(recipe, phantoms, tmp_path):
    run(recipe.name, "--data", phantoms, "--smoke", "--run", tmp_path, "--device", "cpu", "--views", 1)
    record = json.loads((tmp_path / "settings.json").read_text())
    assert record["recipe"] == recipe.name and record["settings"]["architecture"] == recipe.settings["architecture"]
    assert {"metrics.csv", "log", "checkpoint.pt", "weights.safetensors", "predictions"} <= {
        each.name for each in tmp_path.iterdir()}
    assert 4 <= len(read_predictions(tmp_path / "predictions").image_ids) <= 8


@pytest.mark.parametrize(("recipe", "architecture"), [
    ("002", "tf_efficientdet_d7"), ("002", "tf_efficientdet_lite2"), ("003", "tf_efficientnetv2_s")])
def test_variants_are_settings(recipe, architecture, phantoms, tmp_path):
    run(recipe, "--data", phantoms, "--smoke", "--run", tmp_path, "--architecture", architecture, "--views", 1)
    assert json.loads((tmp_path / "settings.json").read_text())["settings"]["architecture"] == architecture


@pytest.mark.parametrize("name", ANALYSES)
def test_a_recipe_that_trains_nothing_leaves_its_figures(name, phantoms, tmp_path, capsys):
    run(name, "--data", phantoms, "--smoke", "--run", tmp_path, "--views", 2)
    assert str(tmp_path) in capsys.readouterr().out
    result = json.loads((tmp_path / "result.json").read_text())
    if name in ("002-ver39", "002-ver41"):
        assert np.array(result["opacity"]).shape == (2, 2)
    if name in ("006", "007", "008"):
        assert len((tmp_path / "submission.csv").read_text().splitlines()) == 1 + result["rows"]
        assert ("none" in result["aps"], "typical" in result["aps"]) == (name != "007", name != "006")


def test_a_chain_hands_each_run_to_the_next(phantoms, tmp_path):
    last = run_trainings(named("012-014"), SMALL, "1", Inputs(phantoms, views=1, device="cpu"), tmp_path)
    told = [json.loads((tmp_path / name / "settings.json").read_text())["settings"] for name in ("012", "013", "014")]
    assert last == tmp_path / "014"
    assert [each["paint"] for each in told] == [0.3, 0, 0] and told[1]["teacher"] == str(tmp_path / "012")
    assert told[2]["pretrained"] == str(tmp_path / "013") and told[2]["lr"] < told[1]["lr"]


def test_every_fold_in_turn_predicts_every_film_once(phantoms, tmp_path):
    run("003", "--data", phantoms, "--fold", "all", "--run", tmp_path, "--views", 1,
        *(text for name, value in SMALL.items() for text in (f"--{name}", value)))
    joined, films = read_predictions(tmp_path / "predictions"), load_films(phantoms, (32, 32), folds=3, seed=0)
    assert sorted(joined.image_ids) == sorted(films.image_ids)
    answered = ~np.isnan(joined.opacity)
    assert (answered.sum(axis=1) == 1).all() and joined.opacity.shape == (len(films), 3)
    fold_of = dict(zip(films.image_ids, films.fold, strict=True))
    folds = [int(joined.opacity_sources[place].fold) for place in answered.argmax(axis=1)]
    assert folds == [fold_of[image_id] for image_id in joined.image_ids]


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["077"], "recipe is '077'"), (["010"], "--teacher names none"), (["002-ver45"], "--pretrained names none"),
    (["005", "--lr", "1"], "trains nothing"), (["008", "--fold", "3"], "held out fold 3")])
def test_what_cannot_be_run_is_refused_in_one_sentence(arguments, sentence, phantoms, tmp_path, capsys):
    assert main(["run", arguments[0], "--data", str(phantoms), "--run", str(tmp_path), *arguments[1:]]) == 2
    assert sentence in capsys.readouterr().err


def test_the_list_names_every_row_of_the_diary(capsys):
    assert main(["recipes"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line[0] != " "]
    assert {f"{number:03}" for number in range(1, 15)} <= set(listed)
    assert all(TrainSettings(**{**recipe.settings, **({"teacher": "x"} if recipe.takes == "teacher" else {})})
               for recipe in TRAININGS)
