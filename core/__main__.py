"""`python -m core COMMAND`: index, film, predict, attention, evaluate, submit, sweep, best, bootstrap,
conventions, curves, errors, changed, doctor, export, import, deidentify, report, reviews, corrected, reads.

Results go to standard output, progress and remarks to standard error. Exit code 0: all went well. 2:
something named on standard error is wrong, with the arguments, the data set, or one film among many; what
could be done was done. Modules are imported by the command that needs them, so that --help is fast.
"""

import argparse
import json
import re
import sys
from pathlib import Path

from core import (
    attention_command,
    export_commands,
    failure_commands,
    predict_command,
    reads_command,
    report_command,
    reviews_command,
    tuning_commands,
)
from core.doctor_command import add_doctor
from core.errors import GroundglassError
from core.options import add_data, add_ids, add_settings, answer_at, bar, say, settings_of

MOST_FAULTS = 100  # of a table that are named one by one


def main(arguments=None):
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m core", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (_add_index, _add_film, predict_command.add, attention_command.add, _add_evaluate, _add_submit,
                *tuning_commands.ADD, *failure_commands.ADD, add_doctor, *export_commands.ADD, *report_command.ADD,
                *reviews_command.ADD, *reads_command.ADD):
        add(commands)
    given = parser.parse_args(arguments)
    try:
        return given.run_command(given) or 0
    except GroundglassError as error:
        say(error)
        for fault in getattr(error, "faults", ())[1:MOST_FAULTS]:
            say(fault)
        return 2
    except KeyboardInterrupt:
        return 130


def _add_index(commands):
    parser = commands.add_parser("index", help="read the headers of a data set's films and name its problems")
    add_data(parser)
    parser.set_defaults(run_command=_index)


def _index(given):
    from core.dataset import open_dataset

    dataset = open_dataset(given.data, progress=bar)
    films = [image for image in dataset.images if image.path is not None]
    labelled = len(dataset.truth.image_ids) if dataset.truth else 0
    print(f"{dataset.name}: {len(films)} films of {len({film.study_id for film in films})} studies and "
          f"{len({film.patient_id for film in films})} patients, {labelled} labelled images, "
          f"{len(dataset.problems)} problems")
    for problem in dataset.problems:
        say(problem)
    return 2 if dataset.problems else 0


def _add_film(commands):
    parser = commands.add_parser("film", help="write films as PNG, just as the viewer first shows them",
                                 description="Writes each film as PNG and prints one JSON line a file. Exit "
                                             "code 2 when a film cannot be shown; the others are still "
                                             "written.")
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a DICOM file, or a directory "
                                                                            "of .dcm files")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the PNG files go")
    parser.set_defaults(run_command=_film)


def _film(given):
    files = [file for path in given.paths for file in _films_in(path)]
    if not files:
        raise GroundglassError(f"{given.paths[0]} holds no .dcm file, but a film is needed: name a file.")
    taken = {str(file.resolve()).lower() for file in files}
    failed = False
    for file in files:
        line = _film_to_png(file, given.out, taken)
        print(json.dumps(line), flush=True)
        if not line["ok"]:
            failed = True
            say(line["error"])
    return 2 if failed else 0


def _films_in(path):
    return sorted(path.rglob("*.[dD][cC][mM]")) if path.is_dir() else [path]


def _film_to_png(file, directory, taken):
    """The JSON line about one film, written below `directory` unless it cannot be shown."""
    from core.dicom import read_film
    from core.display import shown
    from core.png import write_png

    try:
        film = read_film(file)
        place = _free_name(directory, file.stem, taken)
        write_png(place, shown(film))
    except GroundglassError as error:
        return {"file": str(file), "ok": False, "error": str(error)}
    return {"file": str(file), "ok": True, "png": str(place), "steps": list(film.steps)}


def _free_name(directory, stem, taken):
    """A path in `directory` that is neither in `taken` nor a film to be read; it is added to `taken`."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip(".")[:100] or "film"
    number = 1
    while True:
        place = directory / f"{stem}{f'-{number}' if number > 1 else ''}.png"
        key = str(place.parent.resolve() / place.name).lower()  # some file systems do not tell A from a
        if key not in taken:
            taken.add(key)
            return place
        number += 1


def _add_evaluate(commands):
    parser = commands.add_parser("evaluate", help="the six APs and their mean",
                                 description="Scores predictions on what they are about: the ids in their "
                                             "manifest, the ids in the CSV, or those of --ids with the "
                                             "studies these images belong to. An id of --ids without "
                                             "prediction counts as missed.")
    add_data(parser)
    parser.add_argument("--predictions", type=Path, required=True, metavar="PATH",
                        help="a directory of predictions, a competition CSV (id,PredictionString), a COCO file, or a "
                             "YOLO or VOC folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object, null for an absent class")
    add_ids(parser, "score on the images in FILE, and their studies")
    add_settings(parser)
    parser.set_defaults(run_command=_evaluate)


def _evaluate(given):
    from core.labels import read_labels
    from core.scoring import score
    from core.subset import labelled, read_ids

    labels = read_labels(given.data)
    truth = labels.strict()
    wanted = labelled(truth, read_ids(given.ids)) if given.ids else (None, None)
    answer, _, how = answer_at(given.predictions, *settings_of(given))
    scored = score(truth, answer, *wanted)
    for remark in (*labels.remarks, *scored.remarks, *scored.evaluation.warnings):
        say(remark)
    if given.json:
        print(json.dumps(scored.evaluation.summary()))
        return
    for name, ap in scored.evaluation.summary().items():
        print(f"{name:15}{'absent' if ap is None else f'{ap:.5f}':>8}")
    print(f"{len(scored.answer.image_ids)} films and {len(scored.answer.study_ids)} studies, {how}")


def _add_submit(commands):
    parser = commands.add_parser("submit", help="write the competition's CSV",
                                 description="Each id of the sample gets one row, in its order; one without "
                                             "prediction says none 0.5, or .25 for each study class, and is "
                                             "warned of.")
    parser.add_argument("--predictions", type=Path, required=True, metavar="DIR", help="a directory of "
                                                                                       "predictions")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the CSV to write")
    parser.add_argument("--sample", type=Path, metavar="FILE", help="sample_submission.csv: the ids to write")
    add_settings(parser)
    parser.set_defaults(run_command=_submit)


def _submit(given):
    from core.predictions import read_predictions
    from core.scoring import answer
    from core.submission import read_sample, write_submission

    sample = read_sample(given.sample) if given.sample else None
    told = answer(read_predictions(given.predictions), *settings_of(given))
    for remark in write_submission(given.out, told, sample):
        say(remark)
    print(given.out)


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be text
    sys.exit(main())
