"""The commands about readers' verdicts: reviews (counted and exported) and corrected (the score as readers see it)."""

import json
from contextlib import contextmanager
from pathlib import Path

from core.options import add_data, add_ids, add_settings, answer_at, bar, say, settings_of


def add_place(parser):
    """The options --reviews and --reader."""
    parser.add_argument("--reviews", metavar="URL", help="a SQLite file, or a URL of PostgreSQL (default: "
                                                         "GROUNDGLASS_REVIEWS, or the file that the viewer writes)")
    parser.add_argument("--reader", metavar="NAME", help="the verdicts of this reader alone")


def rows_of(given, dataset=None):
    """All `Review`s of the data set --data by number, or those of --reader, from the place that --reviews names;
    `dataset` where it is open already."""
    from core.dataset import open_dataset
    from core.origins import holding
    from core.reviews_store import ReviewStore

    with store_at(given, ReviewStore) as store:
        rows = store.rows(holding(open_dataset(given.data, progress=bar) if dataset is None else dataset))
    return [each for each in rows if given.reader in (None, each.reader)]


@contextmanager
def store_at(given, kind):
    """The store of this `kind`, a class, at the place that --reviews names. Raises `BadReview`."""
    from core.errors import BadReview
    from core.reviews_store import default_place

    if given.reviews and "://" not in given.reviews and not Path(given.reviews).exists():
        raise BadReview(f"{given.reviews} does not exist, but the verdicts are read from there: name the file that the "
                        "viewer writes, or a URL of PostgreSQL.")
    store = kind(given.reviews or default_place())
    try:
        yield store
    finally:
        store.close()


def _add_reviews(commands):
    parser = commands.add_parser("reviews", help="count and export what readers said of a data set",
                                 description="Prints how many boxes, films and studies bear which verdict now. The "
                                             "exports hold every row, also what was undone or said anew since.")
    add_data(parser)
    add_place(parser)
    for kind in ("csv", "json"):
        parser.add_argument(f"--{kind}", type=Path, metavar="FILE", help=f"write all rows as {kind.upper()}")
    parser.set_defaults(run_command=_reviews)


def _reviews(given):
    from core.errors import BadExport
    from core.files import whole_file
    from core.reviews import current
    from core.reviews_told import as_csv, as_json, counts

    rows = rows_of(given)
    for place, text_of in ((given.csv, as_csv), (given.json, as_json)):
        if place is not None:
            with whole_file(place, BadExport) as temporary:
                temporary.write_text(text_of(rows), "utf-8", newline="")
            say(f"{len(rows)} rows: {place}")
    standing = current(rows)
    for level, verdicts in counts(standing).items():
        for verdict, count in verdicts.items():
            if count:
                print(f"{level:6} {verdict:26}{count:>6}")
    print(f"{len(standing)} verdicts and notes of {len({each.reader for each in standing})} readers")


def _add_corrected(commands):
    parser = commands.add_parser("corrected", help="the six APs against the labels as given, and as readers corrected "
                                                   "them",
                                 description="Where readers differ, the last word counts; --reader takes one alone. "
                                             "How verdicts correct labels stands in core/corrected.py.")
    add_data(parser)
    parser.add_argument("--predictions", type=Path, required=True, metavar="PATH",
                        help="a directory of predictions, or a competition CSV")
    add_place(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_ids(parser, "score on the images in FILE, and their studies")
    add_settings(parser)
    parser.set_defaults(run_command=_corrected)


def _corrected(given):
    from core.changes import ap_changes
    from core.corrected import beside
    from core.labels import read_labels
    from core.reviews import current
    from core.scoring import score
    from core.stamp import stamp
    from core.subset import labelled, read_ids

    truth, settings = read_labels(given.data).strict(), settings_of(given)
    wanted = labelled(truth, read_ids(given.ids)) if given.ids else (None, None)
    answer, manifest, how = answer_at(given.predictions, *settings)
    scored = score(truth, answer, *wanted)
    found = beside(scored.truth, scored.answer, current(rows_of(given), each_reader=False), scored.evaluation)
    for remark in (*scored.remarks, *found.corrected.warnings):
        say(remark)
    if given.json:
        print(json.dumps({**found.summary(), "stamp": stamp(manifest, given.data.absolute().name, *settings)},
                         allow_nan=False))
        return
    change = ap_changes(found.corrected, found.given)
    print(f"{'':15}{'given':>8}{'corrected':>11}{'change':>10}")
    for name, ap in found.given.summary().items():
        new = found.corrected.summary()[name]
        texts = ("absent" if value is None else f"{value:.5f}" for value in (ap, new))
        print("{:15}{:>8}{:>11}".format(name, *texts) + ("" if change[name] is None else f"{change[name]:>+10.5f}"))
    done = ", ".join(f"{what} {count}" for what, count in found.counts().items())
    print(f"{done or 'nothing is corrected'}; {how}")


ADD = (_add_reviews, _add_corrected)
