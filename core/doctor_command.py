"""`python -m core doctor`: what is wrong with predictions, told from the files alone. Exit code 1 when something is."""

import json
from pathlib import Path

from core.options import add_data, add_settings, bar, say, settings_of


def add_doctor(commands):
    """The command doctor."""
    parser = commands.add_parser(
        "doctor", help="find what is wrong with predictions, and mend what can be",
        description="Looks for the diary's 15 mistakes and other faults. Exit code 0: nothing found, 1: findings, 2: "
                    "something named cannot be used.")
    add_data(parser)
    parser.add_argument("--predictions", type=Path, required=True, metavar="PATH",
                        help="a directory of predictions, or a competition CSV (id,PredictionString)")
    parser.add_argument("--folds", type=Path, metavar="FILE", help="CSV of image or study id and fold")
    parser.add_argument("--weights", type=Path, nargs="+", default=[], metavar="PATH",
                        help="weights files or directories to compare with the manifest, beside the bundled ones")
    parser.add_argument("--reported", nargs="+", action="extend", default=[], metavar="NAME=X",
                        help="a figure that another program printed, such as opacity=.248 or mean=.41")
    parser.add_argument("--cured", type=Path, metavar="DIR", help="write the mended predictions there")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_settings(parser)
    parser.set_defaults(run_command=_doctor)


def _doctor(given):
    from core.dataset import open_dataset
    from core.doctor import examine
    from core.exhibits import read_exhibit, write_exhibit
    from core.exploration import small_pictures
    from core.fold_probes import read_folds
    from core.tables import some

    exhibit = read_exhibit(given.predictions)
    folds, faults = read_folds(given.folds) if given.folds else (None, ())
    for each in some(faults):
        say(each)
    dataset = open_dataset(given.data, progress=bar)
    fusion, scoring = settings_of(given)
    found = examine(exhibit, dataset, folds=folds, pictures=lambda images: small_pictures(images, bar),
                    weights=given.weights, figures=given.reported, fusion=fusion, scoring=scoring)
    print(json.dumps(found.as_dict(), allow_nan=False) if given.json else "\n".join(found.lines()))
    if given.cured and found.cured is not None:
        say(f"The mended predictions are at {write_exhibit(given.cured, found.cured)}.")
    elif given.cured:
        say("There is nothing to mend in the files: no mended predictions are written.")
    return 1 if found.findings else 0
