"""The command that writes a report of some films: report."""

from pathlib import Path

from core.options import add_ids, add_settings, add_shown, bar, say, settings_of
from core.reviews_command import add_place, rows_of


def _add_report(commands):
    parser = commands.add_parser("report", help="films with their boxes, verdicts and reasons as one HTML or PDF file",
                                 description="The end of --out's name says which: .html or .pdf. Exit code 2 when a "
                                             "film could not be shown; it stands in the report with the reason.")
    add_shown(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .html or .pdf file to write")
    add_place(parser)
    add_ids(parser, "report on the images in FILE (default: all that are predicted)")
    add_settings(parser)
    parser.set_defaults(run_command=_report)


def _report(given):
    from core import audit
    from core.cases import arrange
    from core.dataset import open_dataset
    from core.judgement import judge_cases
    from core.predictions import read_predictions
    from core.report import report
    from core.report_files import writer
    from core.reviews import current
    from core.reviews_told import told_of_films
    from core.stamp import stamp
    from core.subset import images_of, read_ids

    write, settings = writer(given.out), settings_of(given)
    dataset = open_dataset(given.data, progress=bar)
    cases = arrange(dataset, read_predictions(given.predictions))
    wanted = set(images_of(dataset, read_ids(given.ids))) if given.ids else None
    rows = [row for row, image in enumerate(cases.images)
            if (cases.predicted[row] if wanted is None else image.image_id in wanted)]
    made = report(judge_cases(cases, *settings, given.display), rows,
                  stamp(cases.predictions.manifest, dataset.name, *settings),
                  told_of_films(current(rows_of(given, dataset)), cases.images), progress=bar)
    write(given.out, made)
    if said := audit.record("export", [each.image_id for each in made.cases], detail="report"):
        say(said)
    failed = [each for each in made.cases if each.problem]
    for each in failed:
        say(f"{each.image_id}: {each.problem}")
    print(given.out)
    return 2 if failed else 0


ADD = (_add_report,)
