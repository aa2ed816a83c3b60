"""A recipe run from end to end: one training, a chain of them, or the same for every fold and then joined."""

from dataclasses import dataclass
from pathlib import Path

from core.joining import joined
from core.predictions import read_predictions, write_predictions
from train.recipes import named, settings_of
from train.settings import TrainSettings
from train.training import train

EVERY_FOLD = "all"


@dataclass(frozen=True)
class Inputs:
    """What a recipe is run on: `data` and the data sets mixed in, device, views, and `smoke` for a handful of films."""

    data: Path
    also: tuple[Path, ...] = ()
    device: str = "auto"
    views: int = 2
    smoke: bool = False
    checkpoint_seconds: float = 180
    track: str | None = None


def run_trainings(recipe, given, fold, inputs, folder):
    """Run `recipe` with the settings `given` in `folder`; the folder of the last run, or of the joined predictions.

    `fold` is a number, or "all" for every fold in turn, whose out-of-fold predictions are then joined. A chain keeps
    its steps in folders of their names. What is finished is not done again.
    """
    if fold != EVERY_FOLD:
        return _one_fold(recipe, given, fold, inputs, Path(folder))
    count = int(given.get("folds", TrainSettings.folds))
    lasts = [_one_fold(recipe, given, str(number), inputs, Path(folder) / f"fold-{number}") for number in range(count)]
    write_predictions(Path(folder) / "predictions", joined([read_predictions(last / "predictions") for last in lasts]))
    return Path(folder)


def _one_fold(recipe, given, fold, inputs, folder):
    if not recipe.steps:
        return _step(recipe, given, fold, inputs, folder)
    before = None
    for name in recipe.steps:
        step = named(name)
        chained = {step.takes: str(before)} if step.takes else {}
        # What belongs to one step of the chain alone is not given to the others.
        alone = {"paint", "teacher_loss"} - step.settings.keys()
        own = {key: value for key, value in given.items() if key not in alone}
        before = _step(step, {**own, **chained}, fold, inputs, folder / name)
    return before


def _step(recipe, given, fold, inputs, folder):
    settings = TrainSettings(**settings_of(recipe, given, fold, smoke=inputs.smoke))
    return train(settings, inputs.data, inputs.also, folder, device=inputs.device, views=inputs.views,
                 checkpoint_seconds=inputs.checkpoint_seconds, track=inputs.track, recipe=recipe.name,
                 smoke=inputs.smoke)
