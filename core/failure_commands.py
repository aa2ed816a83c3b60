"""The commands that explain failures: errors (dAP by kind), changed (films whose verdicts differ), gallery."""

import json
from dataclasses import asdict
from pathlib import Path

from core.options import add_settings, add_shown, bar, say, settings_of


def _add_errors(commands):
    parser = commands.add_parser("errors", help="kinds of failure, and what mending each alone would gain",
                                 description="dAP by kind in the manner of TIDE (Bolya et al. 2020), for the six-class "
                                             "mAP.")
    add_shown(parser)
    parser.add_argument("--compare", action="store_true", help="decode the films of studies that are boxed in part, to "
                                                               "find unboxed films that look like boxed ones")
    parser.add_argument("--films", action="store_true", help="with --json: the kinds and the cost of each film too")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_settings(parser)
    parser.set_defaults(run_command=_errors)


def _judged(predictions, given, settings, compare=False):
    """The `core.judgement.Judged` of the predictions there, of which some film must have a label."""
    from core.cases import arrange
    from core.dataset import open_dataset
    from core.errors import BadPredictions
    from core.judgement import judge_cases
    from core.neighbours import neighbours
    from core.predictions import read_predictions

    cases = arrange(open_dataset(given.data, progress=bar), read_predictions(predictions))
    if not cases.films:
        raise BadPredictions(f"none of the films predicted in {predictions} has a label, but some must: name "
                             "predictions of this data set.")
    return judge_cases(cases, *settings, given.display, neighbours(cases, bar) if compare else None)


def _errors(given):
    from core.costs import costs
    from core.error_ap import confusions, gains
    from core.verdicts import rate

    settings = settings_of(given)
    judged = _judged(given.predictions, given, settings, given.compare)
    cases, found = judged.cases, judged.diagnosis
    evaluation = rate(cases, judged.answer, judged.matches)
    rows, pairs = gains(cases, evaluation, found), confusions(cases, evaluation, judged.answer.study)
    stamp = _stamp(given, cases, settings)
    if given.json:
        cost = costs(evaluation).of_cases(cases)
        films = {image.image_id: {"kinds": found.of_film(row), "cost": float(cost[row])}
                 for row, image in enumerate(cases.images[:cases.films])}
        print(json.dumps({"kinds": [asdict(each) for each in rows], "confusions": [asdict(each) for each in pairs],
                          **({"films": films} if given.films else {}),
                          "stamp": stamp}, allow_nan=False))
        return
    print(f"{'kind':24}{'count':>7}{'dAP':>9}{'dmAP':>9}  meaning")
    for each in rows:
        own = max(each.aps.values(), key=abs, default=None)
        print(f"{each.kind:24}{each.count:>7}{_signed(own):>9}{_signed(each.mean):>9}  {each.meaning}")
    for each in pairs:
        print(f"{f'{each.labelled}, called {each.called}':31}{each.count:>5}{'':4}{_signed(each.mean):>9}")
    print(json.dumps(stamp, allow_nan=False))


def _signed(value):
    return "-" if value is None else f"{value:+.4f}"


def _stamp(given, cases, settings):
    from core.stamp import stamp

    return stamp(cases.predictions.manifest, given.data.resolve().name, *settings, {"display": given.display})


def _add_changed(commands):
    parser = commands.add_parser("changed", help="films whose verdicts differ between two predictions or settings",
                                 description="Best changes first. --before names other predictions; without, the "
                                             "fusion options are compared with the viewer's first settings.")
    add_shown(parser)
    parser.add_argument("--before", type=Path, metavar="DIR", help="the predictions that they are compared with")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_settings(parser)
    parser.set_defaults(run_command=_changed)


def _changed(given):
    import argparse

    from core.changes import ap_changes, film_changes
    from core.verdicts import rate

    now = settings_of(given)
    then = now if given.before else settings_of(argparse.Namespace(**dict.fromkeys(vars(given))))
    sides = [_judged(given.predictions, given, now), _judged(given.before or given.predictions, given, then)]
    found = film_changes(*sides)
    aps = ap_changes(*(rate(side.cases, side.answer, side.matches) for side in sides))
    stamps = {"stamp": _stamp(given, sides[0].cases, now), "before": _stamp(given, sides[1].cases, then)}
    if given.json:
        print(json.dumps({"aps": aps, "films": [asdict(each) for each in found], **stamps}, allow_nan=False))
        return
    say(", ".join(f"{name} {_signed(value)}" for name, value in aps.items()))
    print(f"{'film':20}{'found':>6}{'lost':>6}{'appeared':>9}{'gone':>6}{'gain':>8}")
    for each in found:
        print(f"{each.image_id:20}{each.found:>6}{each.lost:>6}{each.appeared:>9}{each.gone:>6}{each.gain:>+8.2f}")
    print(json.dumps(stamps, allow_nan=False))


def _add_gallery(commands):
    parser = commands.add_parser("gallery", help="every missed box, false positive or localisation error, and the "
                                                 "zones they lie in")
    parser.add_argument("which", help="missed, false positives or localisation")
    add_shown(parser)
    parser.add_argument("--order", default="cost", help="cost (default), confidence, IoU, size or film")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_settings(parser)
    parser.set_defaults(run_command=_gallery)


def _gallery(given):
    from core.costs import costs
    from core.gallery import chosen, gallery, records
    from core.verdicts import rate

    settings = settings_of(given)
    judged = _judged(given.predictions, given, settings)
    cases = judged.cases
    told = gallery(judged, costs(rate(cases, judged.answer, judged.matches)).of_cases(cases))
    boxes = records(told, chosen(told, given.which, given.order), cases.images)
    stamp = _stamp(given, cases, settings)
    if given.json:
        boxes = [{name: None if value != value else value for name, value in each.items()} for each in boxes]
        print(json.dumps({"boxes": boxes, "zones": [{**asdict(each), "miss_rate": each.miss_rate}
                                                    for each in told.zones()], "stamp": stamp}, allow_nan=False))
        return
    for each in boxes:
        print(f"{each['film']:20}{each['kind']:24}{each['zone']:14}{each['confidence']:>6.2f}{each['iou']:>6.2f}"
              f"{1000 * each['cost']:>8.3f}")
    print(f"{'zone':14}{'boxes':>7}{'missed':>8}{'FP':>6}")
    for each in told.zones():
        print(f"{each.zone:14}{each.truth:>7}{each.missed:>8}{each.false_positives:>6}")
    print(json.dumps(stamp, allow_nan=False))


ADD = (_add_errors, _add_changed, _add_gallery)
