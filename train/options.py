"""Options of the command line: what a run is trained on and with, and each field of `TrainSettings`."""

import argparse
from dataclasses import fields
from pathlib import Path

from train.settings import TrainSettings


def add_inputs(parser):
    """Options for what a run is made of, where it goes and how it is watched."""
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="data set in the competition layout")
    parser.add_argument("--also", type=Path, action="append", default=[], metavar="DIR",
                        help="data set mixed into training, never validated on (may be repeated)")
    parser.add_argument("--run", "--run-dir", type=Path, metavar="DIR", help="folder of the run; an unfinished run is "
                        "resumed (under torchrun, which takes --run for its own, write --run-dir)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--views", type=int, default=2, help="views of the out-of-fold predictions (default 2)")
    parser.add_argument("--checkpoint-seconds", type=float, default=180, metavar="SECONDS",
                        help="how much work a kill may cost (default 180)")
    parser.add_argument("--track", metavar="NAME", help="tell the figures of each epoch to wandb")


def add_settings(parser, defaults, *, without=()):
    """An option for each field of `TrainSettings` but those `without`; `defaults` maps names, or is None for none."""
    for field in fields(TrainSettings):
        if field.name in without:
            continue
        default = None if defaults is None else defaults.get(field.name, field.default)
        flag = "--" + field.name.replace("_", "-")
        if field.type is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=default)
        else:
            shown = "of the recipe" if defaults is None else default
            parser.add_argument(flag, type=field.type, default=default, help=f"default {shown}")


def given_settings(given):
    """What was given for `TrainSettings`, as a dict."""
    found = {field.name: getattr(given, field.name, None) for field in fields(TrainSettings)}
    return {name: value for name, value in found.items() if value is not None}
