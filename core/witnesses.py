"""The boxes that bear witness to where detections stand: the most confident ones of boxed films, and the truth there.

This module knows nothing of files, nor of how boxes came to stand anywhere.
"""

from dataclasses import dataclass

import numpy as np

from core.ordering import compiled


@dataclass(frozen=True, eq=False)
class Place:
    """Where the F films of an exhibit stand: `sides` float64 [F,2], width and height in pixels, NaN where unknown;
    `boxes` float64 [G,4] and `offsets` int64 [F+1], the ground truth; `labelled` bool [F]."""

    sides: np.ndarray
    boxes: np.ndarray
    offsets: np.ndarray
    labelled: np.ndarray

    @property
    def boxed(self):
        """Films with a ground-truth box, bool [F]."""
        return np.diff(self.offsets) > 0


def place_of(image_ids, dataset):
    """The `Place` of the films `image_ids` in a `core.dataset.Dataset`."""
    sides = {image.image_id: (image.width, image.height) for image in dataset.images if image.width and image.height}
    truth = dataset.truth
    row_of = {} if truth is None else {each: row for row, each in enumerate(truth.image_ids)}
    rows = [row_of.get(each, -1) for each in image_ids]
    boxes = [np.zeros((0, 4)) if row < 0 else truth.boxes_of(row) for row in rows]
    return Place(np.array([sides.get(each, (np.nan, np.nan)) for each in image_ids], float).reshape(-1, 2),
                 np.concatenate([np.zeros((0, 4)), *boxes]),
                 np.r_[0, np.cumsum([len(each) for each in boxes])].astype(np.int64), np.array(rows) >= 0)


@compiled
def _beyond(low, high, first, last, least, most):
    """The edges `low` and `high` of a box in one direction; one at which the film can be seen no further, at `least` or
    `most`, as that edge of the ground truth, `first` or `last`, which lies beyond it."""
    before, after = least + 2e-4 * abs(least), most - 2e-4 * abs(most)
    if low <= before:
        low, high = min(low, first), last if high <= before and last < high else high
    if high >= after:
        high, low = max(high, last), first if low >= after and first > low else low
    return low, high


@compiled
def _overlaps(boxes, film, truth, offsets, seen, found):
    """Into `found` [N]: the largest IoU of each box with a ground-truth box of its film, which may go on where the film
    can be `seen` [F,4] no further."""
    for row in range(len(film)):
        best = 0.0
        x_min, y_min, x_max, y_max = seen[film[row]]
        for one in range(offsets[film[row]], offsets[film[row] + 1]):
            first, upper, last, lower = truth[one]
            left, right = _beyond(boxes[row, 0], boxes[row, 2], first, last, x_min, x_max)
            top, low = _beyond(boxes[row, 1], boxes[row, 3], upper, lower, y_min, y_max)
            width, height = min(right, last) - max(left, first), min(low, lower) - max(top, upper)
            if width > 0 and height > 0 and right > left and low > top:
                both = (last - first) * (lower - upper) + (right - left) * (low - top)
                best = max(best, width * height / (both - width * height))
        found[row] = best


def overlaps(boxes, film, place, seen=None):
    """The largest IoU of each box [N] with a ground-truth box of its film; 0 for a box without area.

    `seen` [F,4] is the part of each film that the boxes can lie on, all of it by default.
    """
    found = np.zeros(len(boxes))
    seen = np.tile([-np.inf, -np.inf, np.inf, np.inf], (len(place.labelled), 1)) if seen is None else seen
    _overlaps(np.ascontiguousarray(boxes, np.float64), film, place.boxes, place.offsets, seen, found)
    return found


def best_rows(exhibit, count):
    """The exhibit with the `count` best detections of each film alone, best first."""
    order = np.lexsort((-exhibit.scores, exhibit.film))
    return exhibit.rows(order[np.arange(len(order)) - exhibit.offsets[exhibit.film[order]] < count])
