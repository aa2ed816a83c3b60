"""Six zones of a frontal chest film, and how often boxes in each are found, missed, or one too many.

A zone is told by the middle of a box alone, in shares of the film: the patient's right is the film's left half, and
the lungs are taken to lie between .09 and .92 of the height, in thirds. (Of the 6,072 boxes of the competition's
training films, 5 % begin above .09 and 5 % end below .92.) It segments no lung and knows nothing of a film that is
turned or mirrored. This module knows nothing of verdicts.
"""

from dataclasses import dataclass

import numpy as np

ZONES = ("right upper", "right middle", "right lower", "left upper", "left middle", "left lower")
MIDLINE = 0.5  # of the width
UPPER, LOWER = 0.37, 0.64  # of the height: thirds of .09 to .92
CELLS = 24  # a side of a `spread`


@dataclass(frozen=True)
class ZoneCount:
    """Boxes whose middle lies in `zone`: ground-truth boxes, those of them that are missed, and false positives.

    `miss_rate` is missed / truth, None without truth.
    """

    zone: str
    truth: int
    missed: int
    false_positives: int

    @property
    def miss_rate(self):
        return self.missed / self.truth if self.truth else None


def middles(boxes, widths, heights):
    """The middles of boxes [N,4] xyxy in pixels of films of these `widths` and `heights` [N]; float64 [N,2] in 0..1."""
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    sides = np.stack([widths, heights], axis=1).astype(np.float64)
    return np.clip((boxes[:, :2] + boxes[:, 2:]) / 2 / np.maximum(sides, 1), 0, 1)


def zone_of(points):
    """Index of ZONES, int8 [N], of `points` [N,2] in shares of the film; a point on a border is in the later zone."""
    x, y = np.asarray(points, np.float64).reshape(-1, 2).T
    return (3 * (x >= MIDLINE) + (y >= UPPER) + (y >= LOWER)).astype(np.int8)


def zone_counts(zone, truth, missed, false):
    """A `ZoneCount` for each zone, from arrays [N]: zone, and whether a box is truth, missed, a false positive."""
    return tuple(ZoneCount(name, *(int((where & flag).sum()) for flag in (truth, missed, false)))
                 for number, name in enumerate(ZONES) for where in (zone == number,))


def spread(points):
    """How many of `points` [N,2] lie in each of CELLS x CELLS equal cells of the film, int64 [y,x]."""
    cells = np.minimum((np.asarray(points, np.float64).reshape(-1, 2) * CELLS).astype(np.int64), CELLS - 1)
    return np.bincount(cells[:, 1] * CELLS + cells[:, 0], minlength=CELLS * CELLS).reshape(CELLS, CELLS)
