"""What a reader says of a film before truth and AI are shown, how that compares with the truth, and with the model.

A reader's box hits as a detection does: its IoU with a ground-truth box is above .5, and the box is not found yet by
one that the reader drew before. This module knows nothing of pages or of where reads are kept.
"""

import json
import math
from dataclasses import dataclass
from statistics import median

import numpy as np

from core.boxes import Boxes
from core.errors import BadSettings
from core.labels import STUDY_CLASSES
from core.matching import match

MOST_BOXES = 100


@dataclass(frozen=True)
class FirstRead:
    """A reader's answer about a film: `boxes` xyxy in pixels of the original image, in the order they were drawn, and
    one of `core.labels.STUDY_CLASSES`; `seconds` from the film's appearance to the answer; `at` ISO 8601 in UTC.

    Raises `BadSettings` for what is no answer.
    """

    image_id: str
    boxes: tuple[tuple[float, float, float, float], ...]
    study_class: str
    seconds: float
    reader: str
    at: str

    def __post_init__(self):
        if self.study_class not in STUDY_CLASSES:
            raise BadSettings(f"the study class is {self.study_class!r}, but must be one of "
                              f"{', '.join(STUDY_CLASSES)}: choose one.")
        if not (math.isfinite(self.seconds) and self.seconds >= 0):
            raise BadSettings(f"the time is {self.seconds} s, but must be a number of at least 0: read again.")
        if len(self.boxes) > MOST_BOXES:
            raise BadSettings(f"{len(self.boxes)} boxes are drawn, but at most {MOST_BOXES} are taken: remove some.")
        Boxes(np.asarray(self.boxes, np.float32).reshape(-1, 4))


@dataclass(frozen=True)
class ReadVerdict:
    """A `FirstRead` beside the truth: for each box whether it `hits` and its largest IoU with a ground-truth box;
    `missed`: ground-truth boxes that no box hits; `right`: whether the class is the labelled one.

    Without a label of the film `hits`, `iou` and `missed` are None, without one of the study `right` is None.
    """

    read: FirstRead
    hits: tuple[bool, ...] | None
    iou: tuple[float, ...] | None
    missed: int | None
    right: bool | None

    @property
    def found(self):
        """How many boxes hit, None where that is not known."""
        return None if self.hits is None else sum(self.hits)

    @property
    def false_positives(self):
        """How many boxes do not hit, None where that is not known."""
        return None if self.hits is None else len(self.hits) - sum(self.hits)


def judged(cases, row, read):
    """The `ReadVerdict` of a read of the film at `row` of `cases` (`core.cases.Cases`)."""
    truth, labelled = cases.boxes_of(row), int(cases.study_class[cases.film_study[row]])
    right = None if labelled < 0 else STUDY_CLASSES[labelled] == read.study_class
    if truth is None:
        return ReadVerdict(read, None, None, None, right)
    boxes = np.asarray(read.boxes, np.float32).reshape(-1, 4)
    found = match(truth, np.array([0, len(truth)]), boxes, np.array([0, len(boxes)]), np.ones(len(boxes)))
    return ReadVerdict(read, tuple(found.true_positive.tolist()), tuple(found.iou.tolist()),
                       int((found.found_by < 0).sum()), right)


@dataclass(frozen=True)
class Point:
    """One point of a FROC curve and the classes: false positives per film, sensitivity over all ground-truth boxes,
    and the share of films whose study class is right; None where there is nothing to count."""

    false_positives: float | None
    sensitivity: float | None
    right: float | None


@dataclass(frozen=True)
class Tally:
    """Reads so far on labelled films: how many `films` and ground-truth `boxes`, the points of `reader` and of `model`
    on the same films, and the reader's median `seconds`."""

    films: int
    boxes: int
    reader: Point
    model: Point
    seconds: float | None


def tally(cases, reads, failures):
    """The `Tally` of `FirstRead`s of films of `cases`, each film once.

    failures: the model's counts (`core.failures.Failures`) at the display confidence; a film that it was not asked
    about counts neither for the model nor for the reader. Reads of other films are passed over.
    """
    rows = {image.image_id: row for row, image in enumerate(cases.images)}
    told = [(row, judged(cases, row, read)) for read in reads if (row := rows.get(read.image_id)) is not None]
    told = [(row, each) for row, each in told if each.hits is not None and failures.tp[row] >= 0]
    rows = np.array([row for row, _ in told], np.int64)
    boxes = int(failures.truth_boxes[rows].sum())
    found, false = (sum(getattr(each, name) for _, each in told) for name in ("found", "false_positives"))
    reader = _point(len(told), boxes, found, false, [each.right for _, each in told])
    classes = [None if truth < 0 or said < 0 else truth == said for truth, said in
               zip(failures.truth_class[rows].tolist(), failures.predicted_class[rows].tolist(), strict=True)]
    model = _point(len(told), boxes, int(failures.tp[rows].sum()), int(failures.fp[rows].sum()), classes)
    seconds = [each.read.seconds for _, each in told]
    return Tally(len(told), boxes, reader, model, median(seconds) if seconds else None)


def _point(films, boxes, hits, false, right):
    known = [each for each in right if each is not None]
    return Point(false / films if films else None, hits / boxes if boxes else None,
                 sum(known) / len(known) if known else None)


def records(cases, reads):
    """A dictionary for each `FirstRead` of a film of `cases`, with its verdict, for tables, CSV and JSON.

    Boxes are JSON text, and what is unknown is None.
    """
    rows = {image.image_id: row for row, image in enumerate(cases.images)}
    found = []
    for read in reads:
        if (row := rows.get(read.image_id)) is None:
            continue
        verdict, labelled = judged(cases, row, read), int(cases.study_class[cases.film_study[row]])
        found.append({"film": read.image_id, "study": cases.images[row].study_id, "reader": read.reader, "at": read.at,
                      "seconds": round(read.seconds, 1), "class": read.study_class,
                      "labelled": STUDY_CLASSES[labelled] if labelled >= 0 else None, "hits": verdict.found,
                      "false positives": verdict.false_positives, "missed": verdict.missed,
                      "boxes": json.dumps([[round(corner, 1) for corner in box] for box in read.boxes])})
    return found
