"""`python -m train COMMAND`: train by recipe or by task, compare runs, prove the folds, make phantoms."""

import argparse
import datetime
import sys
from pathlib import Path

from core.errors import BadSettings, GroundglassError
from train.options import add_inputs, add_settings, given_settings
from train.settings import LEARNING_RATES, TrainSettings

ARCHITECTURES = {"detector": "tf_efficientdet_lite0", "opacity": "tf_efficientnet_lite0",
                 "study": "tf_efficientnet_lite0", "joint": "tf_efficientnet_lite0"}
BATCHES = {"detector": 16, "opacity": 32, "study": 32, "joint": 32}
BUNDLED = Path(__file__).resolve().parent.parent / "assets" / "weights"


def main(arguments=None):
    """Run the command line; returns the exit code, 2 for a fault of the input."""
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("recipes", help="list the recipes").set_defaults(run_command=_recipes)
    _add_run(commands.add_parser("run", help="run a recipe"))
    for task in ARCHITECTURES:
        _add_training(commands.add_parser(task, help=f"train the {task} model"), task)
    _add_compare(commands.add_parser("compare", help="print runs beside each other"))
    _add_familiarity(commands.add_parser("familiarity", help="statistics of films that are in no doubt"))
    _add_folds(commands.add_parser("folds", help="print the image ids of a patient fold, or prove the folds"))
    _add_phantom(commands.add_parser("phantom", help="write a set of synthetic films"))
    given = parser.parse_args(arguments)
    try:
        return given.run_command(given) or 0
    except GroundglassError as error:
        print(f"python -m train: {error}", file=sys.stderr)
        return 2


def _recipes(given):
    from train.recipes import listing

    print("\n".join(listing()))


def _add_run(parser):
    parser.add_argument("recipe", metavar="RECIPE", help="a name that `recipes` lists")
    add_inputs(parser)
    parser.add_argument("--fold", default="0", help="the fold held out, or all for each in turn; unlabelled for 006 to "
                                                    "008 (default 0)")
    parser.add_argument("--smoke", action="store_true", help="a handful of films, small: to see that it runs")
    parser.add_argument("--weights", type=Path, nargs="+", metavar="FILE", help="for 002-ver39/41 and 005 to 008 "
                                                                                "(default: the bundled ones)")
    parser.add_argument("--predictions", type=Path, metavar="DIR", help="for the same: predictions instead of weights")
    add_settings(parser, None, without=("task", "fold"))
    parser.set_defaults(run_command=_run)


def _run(given):
    from train.analyses import ANALYSES, Analysis
    from train.chains import Inputs, run_trainings
    from train.ranks import leads
    from train.recipes import named

    recipe, settings = named(given.recipe), given_settings(given)
    settings.pop("fold")
    folder = given.run or _stamped(f"{recipe.name}-f{given.fold}" + "-smoke" * given.smoke)
    if recipe.name not in ANALYSES:
        inputs = Inputs(given.data, tuple(given.also), given.device, given.views, given.smoke, given.checkpoint_seconds,
                        given.track)
        folder = run_trainings(recipe, settings, given.fold, inputs, folder)
    elif settings:
        raise BadSettings(f"recipe {recipe.name} trains nothing, but {', '.join(settings)} was given: leave it away.")
    else:
        weights = tuple(given.weights or sorted(BUNDLED.glob("*.safetensors")))
        ANALYSES[recipe.name](Analysis(given.data, folder, given.fold, weights, given.predictions, given.views,
                                       given.device, given.smoke))
    if leads():
        print(folder)


def _stamped(name):
    return Path("runs") / f"{datetime.datetime.now().strftime('%Y%m%d-%H%M%S')}-{name}"


def _add_training(parser, task):
    add_inputs(parser)
    add_settings(parser, {"architecture": ARCHITECTURES[task], "lr": LEARNING_RATES[task], "batch": BATCHES[task]},
                 without=("task",))
    parser.set_defaults(run_command=_train, task=task)


def _train(given):
    from train.ranks import leads
    from train.training import train

    settings = TrainSettings(**given_settings(given))
    folder = given.run or _stamped(f"{settings.task}-{settings.architecture}-f{settings.fold}")
    folder = train(settings, given.data, given.also, folder, device=given.device, views=given.views,
                   checkpoint_seconds=given.checkpoint_seconds, track=given.track)
    if leads():
        print(folder)


def _add_compare(parser):
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folders of runs; the first is compared with")
    parser.add_argument("--resamples", type=int, default=1000, help="of the patients (default 1000)")
    parser.set_defaults(run_command=_compare)


def _compare(given):
    from train.compare import differences, read_run, table

    runs = [read_run(path) for path in given.runs]
    for line in (*table(runs), "", *differences(runs, given.resamples)):
        print(line)


def _add_folds(parser):
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--fold", type=int, help="print the ids of the images that this fold holds out")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0, help="the fold_seed of the runs (default 0)")
    parser.add_argument("--prove", action="store_true", help="print what is in each fold, and what other splits leak")
    parser.set_defaults(run_command=_folds)


def _folds(given):
    from train.data import fold_proof, held_images

    if given.prove == (given.fold is not None):
        raise BadSettings("folds needs --fold K or --prove, and not both: choose one.")
    how = {"folds": given.folds, "seed": given.seed}
    print("\n".join(fold_proof(given.data, **how) if given.prove else held_images(given.data, given.fold, **how)))


def _add_familiarity(parser):
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--fold", type=int, required=True, help="the fold that the bundled network never saw")
    parser.set_defaults(run_command=_familiarity)


def _familiarity(given):
    from train.familiarity import make

    print(make(given.data, given.fold))


def _add_phantom(parser):
    from train import phantom

    phantom.add_arguments(parser)
    parser.set_defaults(run_command=phantom.run)


if __name__ == "__main__":
    sys.exit(main())
