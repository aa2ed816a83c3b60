"""`python -m benchmarks NAME [--json]`: runs one benchmark and prints what it measured.

A benchmark is a module of this package with `run(arguments)`, which returns a dictionary of figures, and
`add_options(parser)`. With `--json` the dictionary is the only thing on standard output.
"""

import argparse
import importlib
import json
import sys

from core.errors import GroundglassError

NAMES = {"familiarity": "how often films and other pictures are doubted, and how well they separate",
         "fusion": "fuse, match and score a whole competition, against ensemble_boxes",
         "inference": "films to predictions on the CPU, against plain eager torch",
         "load": "ten readers at once: seconds of a page, and memory after they left",
         "sliders": "a slider dragged in a real browser: updates a second, and the wait after its release",
         "training": "steps of real training, against the same step on a fixed batch",
         "tuning": "the diary's table, the search for the best settings and the paired bootstrap, on one fold",
         "viewer": "a reader's waits in a real browser, against Plotly and st.image with the same film"}


def _text(figures, indent=""):
    for name, value in figures.items():
        if isinstance(value, dict):
            yield f"{indent}{name}"
            yield from _text(value, indent + "  ")
        else:
            yield f"{indent}{name:<32} {value:.4g}" if isinstance(value, float) else f"{indent}{name:<32} {value}"


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    for name, sentence in NAMES.items():
        command = commands.add_parser(name, help=sentence, description=sentence)
        command.add_argument("--json", action="store_true", help="one JSON object on standard output, nothing else")
        importlib.import_module(f"benchmarks.{name}").add_options(command)
    options = parser.parse_args(arguments)
    try:
        figures = importlib.import_module(f"benchmarks.{options.name}").run(options)
    except GroundglassError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(figures) if options.json else "\n".join(_text(figures)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
