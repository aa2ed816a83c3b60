"""The commands that try settings and explain scores: sweep, best, bootstrap, conventions, curves.

Everything they print carries settings, weights, data set and date (`core.stamp`).
"""

import json
import sys
from pathlib import Path

from core.errors import BadPredictions
from core.options import add_data, add_settings, bar, say, settings_of


def _add(commands, name, purpose, run, more=""):
    parser = commands.add_parser(name, help=purpose, description=f"{purpose[:1].upper()}{purpose[1:]}. {more}")
    add_data(parser)
    parser.add_argument("--predictions", type=Path, required=True, metavar="DIR", help="a directory of predictions")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--json", action="store_true", help="print one JSON object")
    kind.add_argument("--csv", action="store_true", help="print a CSV whose rows carry settings, weights and date")
    add_settings(parser)
    parser.set_defaults(run_command=run)
    return parser


def _add_sweep(commands):
    parser = _add(commands, "sweep", "the six APs over a grid of two settings", _sweep,
                  "An axis is NAME=FROM:TO:STEP or NAME=A,B,C.")
    parser.add_argument("--rows", default="iou=.40:.75:.05", metavar="AXIS", help="such as iou=.40:.75:.05")
    parser.add_argument("--columns", default="views=0", metavar="AXIS", help="such as views=0:7, exponent=0:1:.1 or "
                                                                             "method=nms,wbf")
    parser.add_argument("--figure", default="opacity", help="what the table shows: a class, or mean (default opacity)")


def _add_best(commands):
    _add(commands, "best", "the best settings, scored on patients that did not choose them", _best)


def _add_bootstrap(commands):
    parser = _add(commands, "bootstrap", "whether a change of settings is more than the draw of patients", _bootstrap,
                  "A paired bootstrap of 1,000 draws of patients, each with all films and studies.")
    parser.add_argument("--against", nargs="*", default=[], metavar="NAME=VALUE",
                        help="what the other settings have instead, such as method=nms iou=.5; others are as given")


def _add_conventions(commands):
    _add(commands, "conventions", "the same predictions scored by other conventions", _conventions)


def _add_curves(commands):
    parser = _add(commands, "curves", "operating points, FROC, reliability and the APs by patients", _curves)
    parser.add_argument("--display", type=float, default=0.25, help="least confidence of the operating point (.25)")
    parser.add_argument("--table", choices=TABLES, default=TABLES[0], help="which rows CSV and JSON hold (classes)")


TABLES = ("classes", "points", "froc", "reliability", "patients")
ADD = (_add_sweep, _add_best, _add_bootstrap, _add_conventions, _add_curves)


def _opened(given):
    """The `core.parts.Scorable`, the fusion and the scoring that the options name."""
    from core.labels import read_labels
    from core.parts import scorable
    from core.predictions import read_predictions

    labels = read_labels(given.data)
    for remark in labels.remarks:
        say(remark)
    cases = scorable(labels.strict(), read_predictions(given.predictions))
    if not cases.films:
        raise BadPredictions(f"none of the films predicted in {given.predictions} has a label, but some must: name "
                             "predictions of this data set.")
    return cases, *settings_of(given)


def _tell(given, cases, settings, rows, more, lines):
    """Print JSON, CSV or text: `rows` are dictionaries, `more` what only the JSON holds besides, `lines` the text."""
    from core.stamp import stamp, stamped_csv, stamped_json

    mark = stamp(cases.predictions.manifest, given.data.resolve().name, *settings)
    if given.json:
        print(json.dumps({**more, **json.loads(stamped_json(rows, mark))}, default=float, allow_nan=False))
    elif given.csv:
        sys.stdout.write(stamped_csv(rows, mark))
    else:
        print("\n".join(lines))


def _text(value, width=9):
    return f"{'-' if value is None or value != value else f'{value:.4f}':>{width}}"


def _sweep(given):
    from core.evaluation import CLASSES
    from core.sweeps import Sweep, read_axis, sweep

    if given.figure not in (*CLASSES, "mean"):
        raise BadPredictions(f"figure is {given.figure!r}, but must be one of {', '.join(CLASSES)}, mean: choose one.")
    cases, fusion, score = _opened(given)
    rows, columns = read_axis(given.rows), read_axis(given.columns)
    total = len(rows.values) * len(columns.values)
    grid = Sweep(rows, columns, tuple(bar(sweep(cases, fusion, score, rows, columns), total=total)))
    lines = [f"{given.figure}: {rows.name} by {columns.name}",
             f"{'':>12}" + "".join(f"{value!s:>9}" for value in columns.values)]
    lines += [f"{value!s:>12}" + "".join(map(_text, line))
              for value, line in zip(rows.values, grid.table(given.figure), strict=True)]
    axes = {rows.name: rows.values, columns.name: columns.values}
    _tell(given, cases, (fusion, score), grid.records(), {"axes": axes}, lines)


def _best(given):
    from dataclasses import asdict

    from core.bootstrap import patients_of
    from core.dataset import open_dataset
    from core.parts import parts_of
    from core.search import choose, fusions, search

    cases, fusion, score = _opened(given)
    parts = parts_of(cases, *patients_of(open_dataset(given.data, progress=bar).images, cases.truth))
    trials = list(bar(search(cases, parts, fusion, score), total=len(fusions(fusion))))
    best = choose(cases, parts, trials, fusion, score)
    rows = [{"held": held.name, "films": held.films, **held.aps, "mean": held.mean, "default mean": held.default_mean,
             "fusion": asdict(held.fusion), "score": asdict(held.score)} for held in best.held]
    more = {"how": best.how, "honest": best.honest, "default": best.default, "optimistic": best.optimistic,
            "tried": best.tried, "fusion": asdict(best.fusion), "score": asdict(best.score)}
    lines = [best.how, f"{'held':>10}{'films':>7}{'mean':>9}{'default':>9}  chosen on the others"]
    lines += [f"{each.name:>10}{each.films:>7}{_text(each.mean)}{_text(each.default_mean)}  {each.fusion.method} "
              f"{each.fusion.iou:g}, n {each.score.exponent:g}" for each in best.held]
    lines += [f"honest mean {_text(best.honest, 0)}, of the settings begun from {_text(best.default, 0)}; best on all "
              f"films ({_text(best.optimistic, 0)}, which flatters): {best.fusion.method} {best.fusion.iou:g}, skip "
              f"{best.fusion.skip:g}, n {best.score.exponent:g}, none_study {best.score.none_study:g}, none_boxes "
              f"{best.score.none_boxes:g}"]
    _tell(given, cases, (fusion, score), rows, more, lines)


def _bootstrap(given):
    from dataclasses import asdict

    from core.bootstrap import bootstrap, patients_of
    from core.dataset import open_dataset
    from core.sweeps import changed, read_axis

    cases, *ways = _opened(given)
    other = ways
    for axis in map(read_axis, given.against):
        other = changed(cases.predictions, *other, axis.name, axis.values[0])
    patients = patients_of(open_dataset(given.data, progress=bar).images, cases.truth)
    rows = bootstrap([_evaluated(cases, *each) for each in (ways, other)], *patients).records()
    against = {"fusion": asdict(other[0]), "score": asdict(other[1])}
    lines = [f"{'figure':14}{'now':>9}{'other':>9}{'change':>9}  95 % of draws"]
    lines += [f"{row['figure']:14}{_text(row['value'])}{_text(row['other'])}{_text(row['change'])}  "
              f"{_text(row['low'], 0)} to {_text(row['high'], 0)}, "
              f"{'more than chance' if row['more than chance'] else 'may be chance'}" for row in rows]
    _tell(given, cases, (*ways, {"against": against}), rows, {}, lines)


def _evaluated(cases, fusion, score):
    """The `core.evaluation.Evaluation` of `cases` under these settings."""
    from core.fusion import fuse
    from core.scoring import conclude
    from core.verdicts import judge, rate

    fused = fuse(cases.predictions.candidates, fusion)
    return rate(cases, conclude(cases.predictions, fused, score), judge(cases, fused))


def _conventions(given):
    from core.conventions import read_all
    from core.fusion import fuse
    from core.scoring import conclude, score

    cases, fusion, scoring = _opened(given)
    scored = score(cases.truth, conclude(cases.predictions, fuse(cases.predictions.candidates, fusion), scoring))
    readings = read_all(scored.truth, scored.answer)
    rows = [{"convention": each.convention.name, **each.aps, "mean": each.mean, "spread": each.spread,
             "meaning": each.convention.meaning} for each in readings]
    lines = [f"{'convention':36}{'opacity':>9}{'mean':>9}"]
    lines += [f"{each.convention.name:36}{_text(each.aps['opacity'])}{_text(each.mean)}  {each.convention.meaning}"
              for each in readings]
    _tell(given, cases, (fusion, scoring), rows, {}, lines)


def _curves(given):
    from core.bootstrap import patients_of
    from core.curves import (
        RATES,
        curve_records,
        froc,
        part_table,
        point_records,
        reliabilities,
        reliability_records,
    )
    from core.dataset import open_dataset
    from core.parts import parts_of

    cases, fusion, score = _opened(given)
    evaluation = _evaluated(cases, fusion, score)
    parts = parts_of(cases, *patients_of(open_dataset(given.data, progress=bar).images, cases.truth))
    table, calibration = part_table(evaluation, parts), reliabilities(evaluation)
    rows = [{**row, "calibration error": calibration[row["class"]].error}
            for row in point_records(evaluation, given.display)]
    found = froc(evaluation)
    more = {"froc": {"false positives per film": RATES, "sensitivity": [_known(each) for each in found.at_rates],
                     "mean": _known(found.score)},
            "parts": {"how": parts.how, "names": table.names, "columns": table.columns,
                      "values": [[_known(value) for value in line] for line in table.values.tolist()],
                      "mean": [_known(value) for value in table.mean.tolist()],
                      "spread": [_known(value) for value in table.spread.tolist()]}}
    lines = [f"{'class':14}{'AP':>9}{'precision':>11}{'recall':>9}{'ECE':>9}  at confidence {given.display:g}"]
    lines += [f"{row['class']:14}{_text(row['ap'])}{_text(row['precision'], 11)}{_text(row['recall'])}"
              f"{_text(row['calibration error'])}" for row in rows]
    lines += [f"FROC: sensitivity at {', '.join(f'{rate:g}' for rate in RATES)} false positives per film: "
              f"{', '.join(f'{each:.3f}' for each in found.at_rates)}", parts.how]
    lines += [f"{name:14}" + "".join(map(_text, line)) for name, line in
              ((*zip(table.names, table.values, strict=True), ("mean", table.mean), ("spread", table.spread)))]
    classes = rows
    rows = {"classes": lambda: classes, "points": lambda: curve_records(evaluation), "froc": found.records,
            "reliability": lambda: reliability_records(calibration), "patients": table.records}[given.table]()
    _tell(given, cases, (fusion, score, {"display": given.display}), rows, more, lines)


def _known(value):
    """The number, None for NaN: JSON has no NaN."""
    return None if value != value else value
