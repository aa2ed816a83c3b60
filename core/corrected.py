"""The ground truth as readers corrected it, and the score against it beside the one against the labels as given.

In the order of what was said, on each film:

    film, agree with model               its boxes become those that the model showed to the reader
    detection, truth missing             its box, or the one drawn for it, is added unless one overlaps it by IoU .7
    reader, truth missing                the box that was drawn, or drawn anew, is added likewise
    detection, truth too tight or loose  its box, or the one drawn for it, takes the place of the one it overlaps most
    truth, truth too tight or loose      the box drawn for it takes its place; without one it stays
    truth, a word for no opacity         it is removed (`core.reviews.NO_OPACITY`: false, device, skin fold, ...)
    detection, a word for no opacity     removes the same box where the film agreed with the model
    study, agree with model              its class becomes the one that the model found most probable for the reader

All else corrects nothing. This module knows nothing of databases or of how predictions came about.
"""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from core.boxes import Boxes, iou_matrix
from core.evaluation import Evaluation, evaluate
from core.labels import STUDY_CLASSES, GroundTruth
from core.reviews import LOOSE, MISSING, NO_OPACITY, SAME_OVERLAP, closeness, with_area

ADDED, REMOVED, REPLACED, FILM, STUDY = ("box added", "box removed", "box replaced", "film as the model",
                                         "study as the model")


@dataclass(frozen=True, eq=False)
class Corrected:
    """`truth` is the `GroundTruth` of the same films and studies in the same order; `changes` are (what, id) of film or
    study, in the order of the reviews, what being one of ADDED, REMOVED, REPLACED, FILM, STUDY."""

    truth: GroundTruth
    changes: tuple[tuple[str, str], ...]


def corrected(truth, reviews):
    """The `Corrected` of `truth` by `reviews`, `core.reviews.current` ones of its data set by number.

    Those on films and studies that `truth` does not hold are left aside.
    """
    boxes = {}  # row of a film -> its boxes as they are after what was said so far
    film_rows, study_rows = ({each: row for row, each in enumerate(ids)} for ids in (truth.image_ids, truth.study_ids))
    study_class, changes = truth.study_class.copy(), []
    for each in sorted(reviews, key=lambda each: each.level == "box"):  # stable: films before their boxes
        if each.level == "study":
            row = study_rows.get(each.target)
            if row is not None and each.verdict == "agree with model" and each.instead:
                study_class[row] = STUDY_CLASSES.index(each.instead)
                changes.append((STUDY, each.target))
            continue
        row = film_rows.get(each.target)
        if row is not None:
            done = _film if each.level == "film" else _box
            if what := done(boxes.setdefault(row, truth.boxes_of(row).tolist()), each):
                changes.append((what, each.target))
    parts = [np.asarray(boxes[row], np.float32).reshape(-1, 4) if row in boxes else truth.boxes_of(row)
             for row in range(len(truth.image_ids))]
    offsets = np.r_[0, np.cumsum([len(part) for part in parts], dtype=np.int64)]
    made = replace(truth, boxes=np.concatenate([np.zeros((0, 4), np.float32), *parts]), offsets=offsets,
                   study_class=study_class)
    return Corrected(made, tuple(changes))


def _film(boxes, review):
    """Correct the list `boxes` of a film by a review of it; what was done, None for nothing."""
    if review.verdict != "agree with model" or review.instead is None:
        return None
    boxes[:] = with_area(review.instead)
    return FILM


def _box(boxes, review):
    """The same by a review of a box."""
    own = review.meant
    same = next((place for place, box in enumerate(boxes) if closeness(box, review.box, "truth", True)), None)
    if review.verdict in NO_OPACITY and same is not None:
        del boxes[same]
        return REMOVED
    if not own:
        return None
    if review.verdict == MISSING and review.side != "truth":
        new = [box for box in own if there_already(boxes, box) is None]
        boxes += new
        return ADDED if new else None
    if review.verdict == LOOSE:
        place = same
        if place is None and review.side == "detection":
            nearest, overlap = _nearest(boxes, review.box)
            place = nearest if overlap > 0 else None
        if place is not None:
            boxes[place:place + 1] = own
            return REPLACED
    return None


def there_already(boxes, box):
    """(place, IoU) of the one of `boxes` that overlaps `box` (xyxy) so much that `box` is not missing among them, None
    without any."""
    place, overlap = _nearest(boxes, box)
    return (place, overlap) if overlap >= SAME_OVERLAP else None


def _nearest(boxes, box):
    """(place, IoU) of the one of `boxes` that overlaps `box` most; (None, 0) without any."""
    if not boxes:
        return None, 0.0
    overlaps = iou_matrix(Boxes(boxes), Boxes([box]))[:, 0]
    return int(overlaps.argmax()), float(overlaps.max())


@dataclass(frozen=True, eq=False)
class Beside:
    """Two `Evaluation`s of the same predictions: against the labels as `given`, and as `corrected` by the `changes` of
    a `Corrected`."""

    given: Evaluation
    corrected: Evaluation
    changes: tuple[tuple[str, str], ...]

    def counts(self):
        """What was changed -> how often, without what never was."""
        return dict(Counter(what for what, _ in self.changes))

    def summary(self):
        """For JSON: class -> AP as given and as corrected, what was changed how often, and the ids."""
        return {"given": self.given.summary(), "corrected": self.corrected.summary(), "changes": self.counts(),
                "ids": list(dict.fromkeys(each for _, each in self.changes))}


def beside(truth, answer, reviews, given=None):
    """The `Beside` of `answer`, about exactly the films and studies of `truth` (see `core.evaluation.evaluate`).

    given: the `Evaluation` against `truth`, where it is there already.
    """
    made = corrected(truth, reviews)
    given = evaluate(truth, answer, answer.p_none, answer.study) if given is None else given
    return Beside(given, evaluate(made.truth, answer, answer.p_none, answer.study) if made.changes else given,
                  made.changes)
