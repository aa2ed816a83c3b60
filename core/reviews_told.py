"""Readers' verdicts as others read them: counted, as CSV, as JSON, and in sentences.

It knows nothing of where they are kept.
"""

import csv
import io
import json

from core.files import cell
from core.reviews import LEVEL_VERDICTS, VERDICTS, current

ALONE = "note alone"
COLUMNS = ("number", "at", "reader", "data set", "film", "study", "width", "height", "level", "target", "side", "x_min",
           "y_min", "x_max", "y_max", "verdict", "note", "instead", "settings", "weights", "undoes", "stands")


def counts(reviews):
    """Level -> verdict -> how many of the `current` `reviews` say so; ALONE counts notes without a verdict."""
    found = {level: {**dict.fromkeys(known, 0), ALONE: 0} for level, known in VERDICTS.items()}
    for each in reviews:
        found[each.level][each.verdict or ALONE] += 1
    return found


def as_row(review, stands):
    """The `core.reviews.Review` as a dictionary of COLUMNS, None for what it lacks; `stands`: whether it is current."""
    corners = review.box or (None,) * 4
    origin = (None,) * 4 if review.origin is None else (review.origin.film, review.origin.study, review.origin.width,
                                                        review.origin.height)
    values = (review.number, review.at, review.reader, review.data_set, *origin, review.level, review.target,
              review.side, *corners, review.verdict, review.note, review.instead, review.stamp.get("settings"),
              review.stamp.get("weights"), review.undoes, stands)
    return dict(zip(COLUMNS, values, strict=True))


def as_rows(reviews):
    """All of `reviews` by number, also what was undone or said anew, as dictionaries of COLUMNS."""
    standing = {each.number for each in current(reviews)}
    return [as_row(each, each.number in standing) for each in reviews]


def as_csv(reviews):
    """All of `reviews` by number as the text of a CSV, in which no cell begins with what a spreadsheet would work out;
    `instead`, `settings` and `weights` are JSON."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in as_rows(reviews):
        writer.writerow({name: cell(json.dumps(value) if isinstance(value, dict | list) else value)
                         for name, value in row.items()})
    return text.getvalue()


def as_json(reviews):
    """All of `reviews` by number and the counts of what stands, as the text of one JSON object."""
    return json.dumps({"counts": counts(current(reviews)), "reviews": as_rows(reviews)}, allow_nan=False)


def sentence(review):
    """The review in words, of which the note is the last."""
    about = {"box": "box", "film": "film", "study": "study"}[review.level]
    if review.box:
        about = f"{'box drawn' if review.side == 'reader' else review.side} at {_where(review.box)}"
    words = LEVEL_VERDICTS.get(review.verdict) and f"{review.verdict}: {LEVEL_VERDICTS[review.verdict]}"
    drawn = [_where(box) for box in review.instead or ()] if review.box else []
    words = ", ".join(each for each in (words or review.verdict, *(f"should be at {box}" for box in drawn), review.note)
                      if each)
    return f"{review.reader}, {review.at[:10]}, {about}: {words}"


def _where(box):
    x_min, y_min, x_max, y_max = box
    return f"x {x_min:.0f} to {x_max:.0f}, y {y_min:.0f} to {y_max:.0f}"


def told_of_films(reviews, images):
    """Image id -> sentences of readers on the film, its boxes and its study, oldest first, where there are any.

    reviews: `current` ones; images: `core.dataset.Image`s.
    """
    said = {}
    for each in reviews:
        said.setdefault((each.level == "study", each.target), []).append(each)
    found = {}
    for image in images:
        about = [*said.get((False, image.image_id), ()), *said.get((True, image.study_id), ())]
        if about:
            found[image.image_id] = tuple(sentence(each) for each in sorted(about, key=lambda each: each.number or 0))
    return found
