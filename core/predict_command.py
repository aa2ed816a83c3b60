"""The command `predict`: films of a data set, or films of one's own wherever they lie, to predictions.

With --json it says what happens as one JSON object a line, for programs such as the viewer: `taken` for each film and
each file that was not, `doubt` for each film that waits, `progress` of a stage, at last `done` or `failed`.
"""

import json
from contextlib import suppress
from pathlib import Path

from core.errors import BadPredictions, BadSettings, GroundglassError
from core.options import add_ids, bar, say


def add(commands):
    """The command's options."""
    parser = commands.add_parser("predict", help="predict films with weights",
                                 description="Exit code 2 when a film could not be predicted; the others are kept.")
    parser.add_argument("--data", type=Path, metavar="DIR", help="data set in the competition layout")
    parser.add_argument("--films", type=Path, nargs="+", metavar="PATH",
                        help="instead of --data: DICOM files, folders of them, zip archives. They are gathered below "
                             "OUT/films in the competition layout, which is a --data for every other command.")
    parser.add_argument("--weights", type=Path, nargs="+", required=True, metavar="PATH",
                        help="safetensors files, or directories of them")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the predictions go")
    parser.add_argument("--views", type=int, default=2, help="views of each film, 1 to 8 (default 2)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default auto)")
    parser.add_argument("--runtime", default="auto", help="auto, torch or onnx; auto takes ONNX Runtime on the CPU "
                                                          "(default auto)")
    parser.add_argument("--batch", type=int, default=16, help="films at a time (default 16)")
    add_ids(parser, "predict the images in FILE only")
    own = parser.add_argument_group("with --films")
    own.add_argument("--confirm", nargs="+", default=[], metavar="ID",
                     help="predict these films although they may be no frontal chest radiographs; all for every one")
    own.add_argument("--pseudonyms", action="store_true",
                     help="name films and studies by digests, not by file name and UID, and move files to OUT")
    own.add_argument("--within", type=Path, nargs="+", metavar="DIR", help="take no file outside these directories")
    own.add_argument("--json", action="store_true", help="say what happens as JSON objects, one a line")
    parser.set_defaults(run_command=_predict)


def _predict(given):
    if bool(given.data) == bool(given.films):
        raise BadSettings("--data and --films are given both or not at all, but one of them must be: name a data set, "
                          "or films of your own.")
    return _own(given) if given.films else _data_set(given)


def _data_set(given):
    from core.dataset import open_dataset
    from core.inference import predict
    from core.predictions import write_predictions
    from core.subset import images_of, read_ids

    wanted = read_ids(given.ids) if given.ids else None
    dataset = open_dataset(given.data, progress=bar)
    for problem in dataset.problems:
        say(problem)
    image_ids = None if wanted is None else images_of(dataset, wanted)
    predictions = predict(dataset, _weights_in(given.weights), views=given.views, device=given.device,
                          runtime=given.runtime, batch=given.batch, image_ids=image_ids, progress=bar)
    write_predictions(given.out, predictions)
    for remark in predictions.manifest.get("settings", {}).get("remarks", ()):
        say(remark)
    errors = predictions.manifest.get("errors", [])
    for error in errors:
        say(f"{error['image']} is not predicted: {error['error']}")
    print(f"{given.out}: {len(predictions.image_ids)} films of {len(predictions.study_ids)} studies "
          f"predicted, {len(errors)} not")
    return 2 if errors else 0


def _weights_in(paths):
    return [file for path in paths for file in (sorted(path.glob("*.safetensors")) if path.is_dir() else [path])]


def _own(given):
    """Predict films of one's own; in one directory nobody else does so at the same time."""
    from core.files import locked
    from core.own_films import FILMS

    tell = _Lines() if given.json else _Words()
    try:
        with suppress(OSError):  # the first film that is taken in says what is wrong
            (given.out / FILMS).mkdir(parents=True, exist_ok=True)
        with locked(given.out / FILMS, BadPredictions, wait=False):
            return _gathered(given, tell)
    except GroundglassError as error:
        tell.failed(error)
        return 2


def _gathered(given, tell):
    """Gather films, look at them, predict those that are in no doubt or confirmed; the exit code."""
    from core.intake import Intake
    from core.own_films import ALL, FILMS, predict_own, read_doubts

    intake = Intake(given.out / FILMS, given.pseudonyms, None if given.within is None else
                    tuple(path.resolve() for path in given.within))
    faults = 0
    for source in given.films:
        for taken in intake.take(source):
            tell.taken(taken)
            faults += bool(taken.error)
    tell.passed_over(intake.passed_over)
    outcome = predict_own(given.out, lambda: _opened(given, tell),
                          confirmed=ALL if given.confirm == list(ALL) else tuple(given.confirm),
                          examining=tell.progress("look at films"), progress=tell.progress("predict"), judge=_judge)
    doubts = read_doubts(given.out)
    tell.outcome(given.out, outcome, {each: doubts[each] for each in outcome.waiting})
    return 2 if faults or outcome.waiting or outcome.failed else 0


def _judge():
    """What says of a picture how far it lies from those that the models know."""
    from core.familiarity import read_familiarity
    from core.features import open_features, picture_doubts

    features, familiarity = open_features(), read_familiarity()
    return lambda picture: picture_doubts([picture], features, familiarity)[0]


def _opened(given, tell):
    tell.stage("open weights")
    from core.inference import open_predictor  # imports torch

    predictor = open_predictor(_weights_in(given.weights), views=given.views, device=given.device,
                               runtime=given.runtime, batch=given.batch)
    for remark in predictor.remarks:
        tell.remark(remark)
    return predictor


class _Words:
    """Says what happens to a person: results on standard output, remarks on standard error."""

    def taken(self, taken):
        if taken.error:
            say(taken.error)

    def passed_over(self, count):
        if count:
            say(f"passed over as no DICOM: {count} file{'s' * (count > 1)}")

    def stage(self, name):
        pass

    def remark(self, sentence):
        say(sentence)

    def progress(self, _):
        return bar

    def outcome(self, out, outcome, doubts):
        for image_id, why in doubts.items():
            say(f"{image_id} is not predicted, as it may be no frontal chest radiograph: {' '.join(why)} Predict it "
                f"none the less with --confirm {image_id}.")
        for image_id, error in outcome.failed.items():
            say(f"{image_id} is not predicted: {error}")
        print(f"{out}: {outcome.predicted} films predicted, {len(outcome.waiting)} in doubt, {len(outcome.failed)} not")

    def failed(self, error):
        raise error


class _Lines:
    """Says what happens to a program."""

    def taken(self, taken):
        _line(taken={"source": taken.source, "name": taken.name, "image": taken.image_id, "study": taken.study_id,
                     "error": taken.error})

    def passed_over(self, count):
        _line(passed_over=count)

    def stage(self, name):
        _line(progress={"stage": name, "done": 0, "total": 0})

    def remark(self, sentence):
        _line(remark=sentence)

    def progress(self, stage):
        def wrapped(iterable, total):
            for done, each in enumerate(iterable):
                _line(progress={"stage": stage, "done": done, "total": total})
                yield each
            _line(progress={"stage": stage, "done": total, "total": total})
        return wrapped

    def outcome(self, _, outcome, doubts):
        for image_id, why in doubts.items():
            _line(doubt={"image": image_id, "why": why})
        _line(done={"predicted": outcome.predicted, "failed": outcome.failed})

    def failed(self, error):
        _line(failed=str(error))


def _line(**told):
    print(json.dumps(told), flush=True)
