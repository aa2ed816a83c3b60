"""`python -m train COMMAND`: train a detector or a classifier, name the held-out films, make phantoms."""

import argparse
import datetime
import sys
from dataclasses import fields
from pathlib import Path

from core.errors import GroundglassError
from train.settings import LEARNING_RATES, TrainSettings

ARCHITECTURES = {"detector": "tf_efficientdet_lite0", "opacity": "tf_efficientnet_lite0",
                 "study": "tf_efficientnet_lite0", "joint": "tf_efficientnet_lite0"}
BATCHES = {"detector": 16, "opacity": 32, "study": 32, "joint": 32}


def main(arguments=None):
    """Run the command line; returns the exit code, 2 for a fault of the input."""
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for task in ARCHITECTURES:
        _add_training(commands.add_parser(task, help=f"train the {task} model"), task)
    _add_folds(commands.add_parser("folds", help="print the image ids of a patient fold"))
    _add_phantom(commands.add_parser("phantom", help="write a set of synthetic films"))
    given = parser.parse_args(arguments)
    try:
        return given.run_command(given) or 0
    except GroundglassError as error:
        print(f"python -m train: {error}", file=sys.stderr)
        return 2


def _add_training(parser, task):
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="data set in the competition layout")
    parser.add_argument("--also", type=Path, action="append", default=[], metavar="DIR",
                        help="data set mixed into training, never validated on (may be repeated)")
    parser.add_argument("--run", type=Path, metavar="DIR", help="folder of the run; an unfinished run is resumed")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--views", type=int, default=2, help="views of the out-of-fold predictions (default 2)")
    parser.add_argument("--checkpoint-seconds", type=float, default=180, metavar="SECONDS",
                        help="how much work a kill may cost (default 180)")
    parser.add_argument("--track", metavar="NAME", help="tell the figures of each epoch to wandb")
    defaults = {"architecture": ARCHITECTURES[task], "lr": LEARNING_RATES[task], "batch": BATCHES[task]}
    for field in fields(TrainSettings):
        if field.name == "task":
            continue
        default = defaults.get(field.name, field.default)
        flag = "--" + field.name.replace("_", "-")
        if field.type is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=default)
        else:
            parser.add_argument(flag, type=field.type, default=default, help=f"default {default}")
    parser.set_defaults(run_command=_train, task=task)


def _train(given):
    from train.ranks import leads
    from train.training import train

    settings = TrainSettings(**{field.name: getattr(given, field.name) for field in fields(TrainSettings)})
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    folder = given.run or Path("runs") / f"{stamp}-{settings.task}-{settings.architecture}-f{settings.fold}"
    folder = train(settings, given.data, given.also, folder, device=given.device, views=given.views,
                   checkpoint_seconds=given.checkpoint_seconds, track=given.track)
    if leads():
        print(folder)


def _add_folds(parser):
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--fold", type=int, required=True)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.set_defaults(run_command=_folds)


def _folds(given):
    from train.data import held_images

    print("\n".join(held_images(given.data, given.fold, folds=given.folds, seed=given.seed)))


def _add_phantom(parser):
    from train import phantom

    phantom.add_arguments(parser)
    parser.set_defaults(run_command=phantom.run)


if __name__ == "__main__":
    sys.exit(main())
