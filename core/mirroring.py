"""Signs that some of a film's boxes lie mirrored: answers to flipped views that were not flipped back before fusion.

Two signs, told apart from disease of both lungs: boxes that have a nearly exact mirror image of about their own score,
which anatomy never gives so often; and films with disease on one side whose confident boxes lie on the other. This
module knows nothing of files.
"""

from dataclasses import dataclass

import numpy as np

from core.ordering import compiled
from core.slips import mirrored
from core.witnesses import best_rows, overlaps

MOST_BOXES = 6  # of a film, best first
OWN, CLOSE, NEAR, EXACT = 0.3, 0.3, 0.7, 0.8
MIDDLE = 0.05  # share of the width by which a box of one side may reach over the middle
HIT = 0.5


@dataclass(frozen=True, eq=False)
class Mirroring:
    """Shares of boxes that have a mirror image `near` (IoU .7) and `exact` (IoU .8 and alike in score); of the films
    with disease on one side alone, `right` are hit where it is best and `wrong` as well or better on the other side,
    `only_wrong` on the other side alone; `one_sided` is how many such films there are. `varied`:
    whether the images lie at other places on other films, as those of a network that looks do. `films` are rows of
    those with an exact mirror image, `boxes` is how many boxes were looked at."""

    near: float
    exact: float
    right: int
    wrong: int
    only_wrong: int
    one_sided: int
    varied: bool
    boxes: int
    films: np.ndarray

    @property
    def told(self):
        """Whether this is more than anatomy does; measured on networks of this project, see the tests."""
        pairs = self.boxes >= 40 and self.exact >= 0.15 and self.near >= 0.28
        sides = self.right + self.wrong >= 8
        hit = self.right + self.wrong
        crossed = self.only_wrong >= max(10, 0.38 * self.right) and hit >= 0.5 * self.one_sided
        return (pairs and self.varied and (not sides or self.exact >= 0.5 or self.wrong >= 0.2 * self.right)) or crossed


@compiled
def _partners(boxes, seen, scores, film, offsets, near, alike):
    """Into `near` [N]: the IoU of each box's mirror image `seen` with another box of its film, and into `alike` the
    logarithm of how far their scores differ; -1 where it is its own mirror image."""
    for row in range(len(film)):
        best, closest = 0.0, 9.0
        for one in range(offsets[film[row]], offsets[film[row] + 1]):
            width = min(seen[row, 2], boxes[one, 2]) - max(seen[row, 0], boxes[one, 0])
            height = min(seen[row, 3], boxes[one, 3]) - max(seen[row, 1], boxes[one, 1])
            if width <= 0 or height <= 0:
                continue
            own = (seen[row, 2] - seen[row, 0]) * (seen[row, 3] - seen[row, 1])
            other = (boxes[one, 2] - boxes[one, 0]) * (boxes[one, 3] - boxes[one, 1])
            overlap = width * height / (own + other - width * height)
            if one == row and overlap > OWN:
                best = -1.0
                break
            if one != row and overlap > best:
                best, closest = overlap, abs(np.log(max(scores[row], 1e-9) / max(scores[one], 1e-9)))
        near[row], alike[row] = best, closest


def look_for_mirroring(exhibit, place):
    """The `Mirroring` of the detections of an `core.exhibits.Exhibit` of one source at a `core.alignment.Place`."""
    found = best_rows(exhibit.rows(~np.isnan(place.sides).any(axis=1)[exhibit.film]), MOST_BOXES)
    seen = mirrored(found.boxes, place.sides[found.film])
    near, alike = np.zeros(len(found.film)), np.zeros(len(found.film))
    _partners(found.boxes, np.ascontiguousarray(seen), found.scores, found.film, found.offsets, near, alike)
    paired, exact = near >= 0, (near > EXACT) & (alike < CLOSE)
    count = int(paired.sum())
    return Mirroring(float((near[paired] > NEAR).sum() / max(1, count)), float(exact[paired].sum() / max(1, count)),
                     *_sides(found, seen, place), _varied(found, place, exact), count, np.unique(found.film[exact]))


def _sides(found, seen, place):
    """How many films with disease on one side are hit better there, as well or better on the other, there alone,
    and are at all."""
    owner = np.repeat(np.arange(len(place.labelled)), np.diff(place.offsets))
    middle = place.sides[owner, 0]
    left, right = place.boxes[:, 2] < middle * (0.5 + MIDDLE), place.boxes[:, 0] > middle * (0.5 - MIDDLE)
    counts = np.diff(place.offsets)
    one_sided = place.boxed & ((np.bincount(owner, left, len(counts)) == counts)
                               | (np.bincount(owner, right, len(counts)) == counts))
    best = np.zeros((2, len(counts)))
    for number, boxes in enumerate((found.boxes, seen)):
        hit = overlaps(boxes, found.film, place) > HIT
        np.maximum.at(best[number], found.film[hit], found.scores[hit])
    true, ghost = best[:, one_sided]
    return (int((true > ghost).sum()), int(((ghost >= true) & (ghost > 0)).sum()),
            int(((ghost > 0) & (true == 0)).sum()), int(one_sided.sum()))


def _varied(found, place, exact):
    """Whether the boxes `exact` [N] lie at places that differ from film to film, by 3 % of its sides."""
    if exact.sum() < 2:
        return False
    middle = (found.boxes[exact, :2] + found.boxes[exact, 2:]) / 2 / place.sides[found.film[exact]]
    return float(np.hypot(np.abs(middle[:, 0] - 0.5).std(), middle[:, 1].std())) > 0.03
