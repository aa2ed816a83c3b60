"""YOLO's text files (docs.ultralytics.com/datasets/detect), out and in: labels/ID.txt for each film.

A line is `class x_centre y_centre width height`, in fractions of the film's sides, and the confidence for a detection.
films.csv beside them names the films and their sides in pixels, which the format itself does not say. It knows nothing
of how boxes came about.
"""

import csv
import json
import re
from pathlib import Path

import numpy as np

from core.boxed import file_name, gathered
from core.errors import BadExport
from core.files import cell, plain_bytes, whole_file
from core.tables import read_table

FILMS, COLUMNS = "films.csv", ("id", "file", "width", "height")
_SIDE = re.compile(r"[0-9]{1,9}")
MOST_BYTES = 16 * 2 ** 20  # of the labels of one film


def write_yolo(directory, boxed, origin_lines, stamp):
    """Write `boxed` (`core.boxed.Boxed`) below `directory`: data.yaml, films.csv and labels/; the paths written."""
    directory = Path(directory)
    written = [_text(directory / "data.yaml", "".join(f"# {line}\n" for line in (*origin_lines, json.dumps(stamp)))
                     + "names:\n  0: opacity\n")]
    rows = []
    for image_id, width, height, boxes, scores in boxed.films():
        name = f"{file_name(image_id)}.txt"
        rows.append((cell(image_id), name, width, height))
        written.append(_text(directory / "labels" / name, "".join(_lines(boxes, scores, width, height))))
    with whole_file(directory / FILMS, BadExport) as temporary, \
            temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
    return [*written, directory / FILMS]


def _lines(boxes, scores, width, height):
    left, top, right, bottom = boxes.astype(np.float64).T
    columns = [(left + right) / 2 / width, (top + bottom) / 2 / height, (right - left) / width,
               (bottom - top) / height, *([] if scores is None else [scores])]
    for row in zip(*columns, strict=True):
        yield " ".join(["0", *(repr(float(value)) for value in row)]) + "\n"


def _text(place, words):
    with whole_file(place, BadExport) as temporary:
        temporary.write_text(words, "utf-8")
    return place


def read_yolo(directory):
    """`Boxed` of the folder `directory`. Raises `BadExport` naming file and line, `BadTable` for films.csv."""
    directory = Path(directory)
    table = read_table(directory / FILMS, COLUMNS)
    films = []
    for image_id, name, width, height in table.records():
        if not all(_SIDE.fullmatch(side) and int(side) for side in (width, height)):
            raise BadExport(f"{FILMS} gives the film {image_id[:80]!r} the sides {width[:20]!r} and {height[:20]!r}, "
                            "but they must be pixels above 0: mend it.")
        if Path(name).name != name:
            raise BadExport(f"{FILMS} names the file {name[:80]!r}, but it must lie in labels/: give its name alone.")
        films.append((image_id, int(width), int(height),
                      *_read(directory / "labels" / name, int(width), int(height))))
    return gathered(films)


def _read(place, width, height):
    """Boxes [n,4] in pixels and scores [n] or None of one file; an absent file holds none, as is usual."""
    try:
        lines = plain_bytes(place, MOST_BYTES).decode("utf-8").splitlines() if place.exists() else []
    except (OSError, UnicodeDecodeError) as failure:
        raise BadExport(f"{place.name} cannot be read ({str(failure)[:80]}), but labels are lines of numbers: mend "
                        "it.") from None
    rows = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words:
            continue
        try:
            values = [float(word) for word in words]
        except ValueError:
            values = []
        if len(values) not in (5, 6) or not values[0].is_integer() or values[0] < 0:
            raise BadExport(f"{place.name} has in line {number} {line[:60]!r}, but a class (0 or above) and four or "
                            "five numbers are the rule: mend it.")
        if values[0] == 0:
            rows.append(values)
    if len({len(row) for row in rows}) > 1:
        raise BadExport(f"{place.name} has lines with and without confidence, but all must be of one kind: separate "
                        "them.")
    numbers = np.array(rows, np.float64).reshape(len(rows), -1) if rows else np.zeros((0, 5))
    centre, half = numbers[:, 1:3], numbers[:, 3:5] / 2
    boxes = np.concatenate([centre - half, centre + half], axis=1) * np.array([width, height] * 2)
    return boxes, numbers[:, 5] if numbers.shape[1] == 6 else None
