"""What several commands of `python -m core` share: options, the settings they stand for, and words to the user.

It knows nothing of what a command does.
"""

import sys
from dataclasses import fields
from pathlib import Path


def say(sentence):
    """Print on standard error, on one line, and nothing that a terminal would obey."""
    print(printable(str(sentence)), file=sys.stderr)


def printable(text):
    """`text` without what a terminal would obey: each character that cannot be printed as a blank."""
    return "".join(each if each.isprintable() else " " for each in text)


def bar(iterable, **settings):
    """`iterable` with a bar of progress on standard error, where that is a terminal."""
    from tqdm import tqdm

    return tqdm(iterable, disable=None, **settings)  # None: only where standard error is a terminal


def add_data(parser):
    """The option --data."""
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="data set in the "
                                                                                "competition layout")


def add_shown(parser):
    """The options --data, --predictions and --display: what a reader sees of which films."""
    add_data(parser)
    parser.add_argument("--predictions", type=Path, required=True, metavar="DIR", help="a directory of predictions")
    parser.add_argument("--display", type=float, default=0.25, help="least confidence shown (.25)")


def add_ids(parser, purpose):
    """The option --ids; `purpose` says in a few words what it is for."""
    parser.add_argument("--ids", type=Path, metavar="FILE",
                        help=f"{purpose}: one id a line, or a CSV with a column id; with or without _image "
                             "or _study")


def add_settings(parser):
    """Options for `FusionSettings` and `ScoreSettings`; one that is not given keeps the viewer's default."""
    group = parser.add_argument_group("fusion", "What is not given is as the viewer begins with.")
    for name, kind, text in (
            ("method", str, "nms, soft_nms, nmw or wbf"), ("iou", float, "boxes match above this overlap"),
            ("skip", float, "leave out candidates below this score"), ("decay", str, "soft_nms: linear or "
                                                                                     "gaussian"),
            ("sigma", float, "soft_nms: width of the gaussian"), ("conf-type", str, "wbf: how scores are "
                                                                                    "joined"),
            ("exponent", float, "n in score x p(opacity)^n"),
            ("none-study", float, "weight of the study's p(negative) in p(none)"),
            ("none-boxes", float, "weight of the best detection in p(none)")):
        group.add_argument(f"--{name}", type=kind, help=text)
    for name, kind, text in (
            ("sources", str, "detector sources, model/fold/view"), ("source-weights", float, "a weight for each"),
            ("source-scales", float, "a factor on the scores of each"),
            ("opacity-sources", str, "opacity classifiers"), ("study-sources", str, "study classifiers")):
        group.add_argument(f"--{name}", type=kind, nargs="+", metavar="S" if kind is str else "X", help=text)


def settings_of(given):
    """`FusionSettings` and `ScoreSettings` from the options given."""
    from core.fusion import FusionSettings
    from core.levels import ScoreSettings

    options = {**vars(given), "weights": given.source_weights, "scales": given.source_scales}
    return tuple(kind(**{field.name: tuple(value) if isinstance(value, list) else value for field in fields(kind)
                         if (value := options.get(field.name)) is not None})
                 for kind in (FusionSettings, ScoreSettings))


def answer_at(path, fusion, scoring):
    """What stands at `path`: its `core.scoring.Answer`, the manifest ({} where there is none), and how it came about.

    path: a directory of predictions, a competition CSV, a COCO file, or a YOLO or VOC folder. Fusion and scoring
    settings bear on the first alone. Raises `BadPredictions`, `BadTable` or `BadExport`.
    """
    from core.errors import BadPredictions
    from core.interchange import read_answer, recognised
    from core.predictions import MANIFEST, read_predictions
    from core.scoring import answer
    from core.submission import read_submission

    if not path.exists():
        raise BadPredictions(f"{path} does not exist, but predictions are needed: name a directory that predict wrote, "
                             "a competition CSV, a COCO file, or a YOLO or VOC folder.")
    kind = None if (path / MANIFEST).exists() else recognised(path)
    if path.is_dir() and kind is None:
        predictions = read_predictions(path)
        if errors := predictions.manifest.get("errors"):
            say(f"{len(errors)} films could not be predicted and are not scored.")
        how = ", ".join(f"{name} {value}" for settings in (fusion, scoring)
                        for name, value in vars(settings).items() if value is not None)
        return answer(predictions, fusion, scoring), predictions.manifest, f"with {how}"
    if (fusion, scoring) != (type(fusion)(), type(scoring)()):
        say(f"{path.name} holds detections that are fused already: fusion options do nothing.")
    return read_answer(path, kind) if kind else read_submission(path), {}, f"as in {path.name}"
