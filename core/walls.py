"""Boxes that leave their film, and walls inside it at which boxes end because they were clipped to another frame.

This module knows nothing of ground truth or files.
"""

from dataclasses import dataclass

import numpy as np

from core.alignment import piles, rounded

BEYOND, PIXELS = 0.01, 2.0  # share of the side, and pixels, by which a box may leave its film
EDGE = 0.93  # a wall nearer to the film's edge is that of a zoomed or moved view
PAST, ROOM = 0.003, 1.02  # share of boxes beyond a wall, of films that are wider than it by this factor


@dataclass(frozen=True, eq=False)
class Outside:
    """Boxes that leave their film: `rows` bool [N], those `wholly` outside, and by how much of the side at most."""

    rows: np.ndarray
    wholly: np.ndarray
    most: float

    @property
    def told(self):
        count = max(1, len(self.rows))
        return (self.rows.mean() >= 0.02 or self.wholly.sum() >= max(3, 0.005 * count)) if len(self.rows) else False


@dataclass(frozen=True, eq=False)
class Wall:
    """Where boxes end: `name` such as 'x_max at 512 pixels', and the boxes `rows` bool [N] that end there."""

    name: str
    rows: np.ndarray


def outside(boxes, sides):
    """The `Outside` of boxes float64 [N,4] on films of `sides` [N,2]; films of unknown size take no part."""
    room = np.tile(np.maximum(PIXELS, BEYOND * sides), 2)
    far = np.concatenate([-boxes[:, :2], boxes[:, 2:] - sides], axis=1)
    gone = (boxes[:, :2] >= sides).any(axis=1) | (boxes[:, 2:] <= 0).any(axis=1)
    rows = (far > room).any(axis=1)
    share = far / np.tile(sides, 2)
    return Outside(rows, gone & rows, float(np.nanmax(share, initial=0.0, where=~np.isnan(share))))


def walls(boxes, sides, film):
    """The `Wall`s of boxes float64 [N,4] of the films `film` [N]."""
    found = []
    for side, axis in enumerate("xy"):
        edge = sides[:, side]
        for values, name in ((boxes[:, side + 2], f"{axis}_max"), (edge - boxes[:, side], f"{axis}_min")):
            for unit, words in ((1.0, "{:.6g} pixels"), (edge, "{:.4g} of the side")):
                rows, at = _wall(values, unit, edge, film)
                if len(at):
                    where = words.format(at[0])
                    found.append(Wall(f"{name} at {where}" if name.endswith("max") else
                                      f"{name} at {where} from the far edge", rows))
    return found


def _wall(values, unit, edge, film):
    """The boxes that end at a wall, and where; `values` [N] is how far each reaches from one edge of its film."""
    known = np.isfinite(values) & np.isfinite(edge)
    reached = np.where(known, values / unit, 0)
    rows, places = np.zeros(len(values), bool), []
    for at in piles(reached, film):
        room = known & (at * ROOM < edge / unit)
        here = room & (rounded(reached) == at)
        past = room & (reached > at * 1.001)
        inside = here.sum() >= 5 and np.median(values[here] / edge[here]) < EDGE
        if inside and past.sum() <= PAST * room.sum() and here.sum() >= 0.02 * room.sum():
            rows |= here
            places.append(at)
    return rows, places
