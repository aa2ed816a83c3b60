"""The command about blinded first reads: reads (each reader's point and time beside the model's, and exports)."""

import json
from pathlib import Path

from core.options import add_settings, add_shown, bar, printable, say, settings_of
from core.reviews_command import add_place, store_at


def _add_reads(commands):
    parser = commands.add_parser("reads", help="each reader's FROC point and time in blinded first reads, beside the "
                                               "model's on the same films",
                                 description="A box hits as a detection does: IoU above .5 with a ground-truth box "
                                             "that none drawn before hit. Films without label count for nobody.")
    add_shown(parser)
    add_place(parser)
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write every read and how it came out as CSV")
    parser.add_argument("--json", action="store_true", help="print one JSON object, reads included")
    add_settings(parser)
    parser.set_defaults(run_command=_reads)


def _reads(given):
    from core.errors import BadExport
    from core.files import whole_file
    from core.first_reads import records
    from core.stamp import stamp, stamped_csv

    settings = settings_of(given)
    judged, reads = _judged_reads(given, settings)
    rows = records(judged.cases, reads)
    mark = stamp(judged.cases.predictions.manifest, given.data.absolute().name, *settings, {"display": given.display})
    if given.csv is not None:
        with whole_file(given.csv, BadExport) as temporary:
            temporary.write_text(stamped_csv(rows, mark), "utf-8", newline="")
        say(f"{len(rows)} reads: {given.csv}")
    tallies = _tallies(judged, reads)
    if given.json:
        print(json.dumps({"readers": {name: _as_dict(each) for name, each in tallies.items()}, "reads": rows,
                          "stamp": mark}, allow_nan=False))
        return
    print(f"{'reader':16}{'films':>7}{'boxes':>7}{'sensitivity':>13}{'FP per film':>13}{'class right':>13}{'time':>8}")
    for name, each in tallies.items():
        _line(name, each, each.reader, each.seconds)
        _line("  the model", each, each.model, None)
    print(f"{len(rows)} reads of {len(tallies)} readers; the model at confidence {given.display:g}, on the same films")


def _judged_reads(given, settings):
    """The `core.judgement.Judged` of what is predicted, and the `FirstRead`s of its data set, of --reader alone."""
    from core.cases import arrange
    from core.dataset import open_dataset
    from core.first_reads_store import FirstReadStore
    from core.judgement import judge_cases
    from core.origins import holding
    from core.predictions import read_predictions

    dataset = open_dataset(given.data, progress=bar)
    judged = judge_cases(arrange(dataset, read_predictions(given.predictions)), *settings, given.display)
    with store_at(given, FirstReadStore) as store:
        return judged, store.rows(holding(dataset), given.reader)


def _tallies(judged, reads):
    """Reader -> the `core.first_reads.Tally` of that reader's `reads`, by name."""
    from core.failures import weigh
    from core.first_reads import tally

    failures = weigh(judged.cases, judged.answer, judged.matches, judged.display, judged.diagnosis.films)
    return {name: tally(judged.cases, [each for each in reads if each.reader == name], failures)
            for name in sorted({each.reader for each in reads})}


def _as_dict(tally):
    return {"films": tally.films, "boxes": tally.boxes, "seconds": tally.seconds, "reader": vars(tally.reader),
            "model": vars(tally.model)}


def _line(name, tally, point, seconds):
    values = (point.sensitivity, point.false_positives, point.right)
    texts = "".join(f"{'unknown' if value is None else f'{value:.3f}':>13}" for value in values)
    time = "" if seconds is None else f"{seconds:.0f} s"
    print(f"{printable(name):16}{tally.films:>7}{tally.boxes:>7}{texts}{time:>8}")


ADD = (_add_reads,)
