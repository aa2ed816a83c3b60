"""Boxes that leave their film, and walls at which boxes end because they were clipped to another frame.

A wall is an edge value that very many boxes of many films share and that nearly none goes beyond.

This module knows nothing of ground truth or files.
"""

from dataclasses import dataclass

import numpy as np

BEYOND, PIXELS = 0.01, 2.0  # share of the side, and pixels, by which a box may leave its film
EDGE = 0.93  # a wall nearer to the film's edge is that of a zoomed or moved view
PILE, SPREAD = 0.02, 0.1  # share of boxes, and of films, that end at one value where there is a wall
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
        for values, name in ((boxes[:, side + 2], f"{axis}_max"), (boxes[:, side], f"{axis}_min"),
                             (edge - boxes[:, side], f"{axis}_min from the far edge")):
            for unit, words in ((1.0, "{:.6g} pixels"), (edge, "{:.4g} of the side")):
                rows, at = _wall(values, unit, edge, film)
                if len(at):
                    found.append(Wall(f"{name} at {words.format(at[0])}", rows))
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


def bounds(boxes, sides, film):
    """The walls beyond which no box of `boxes` [N,4] goes: float64 [F,4] for the films of `sides` [F,2], infinite where
    there is none. `film` [N] is each box's; a wall may be one in any frame."""
    found = np.tile([-np.inf, -np.inf, np.inf, np.inf], (len(sides), 1))
    edges = sides[film] if len(film) else np.zeros((0, 2))
    for axis in (0, 1):
        extent = boxes[:, axis + 2] - boxes[:, axis]
        near = 1e-3 * np.median(extent[extent > 0]) if (extent > 0).any() else 0.0
        found[:, axis + 2] = _bound(boxes[:, axis + 2], sides, film, near)
        found[:, axis] = sides[:, axis] - _bound(edges[:, axis] - boxes[:, axis], sides, film, near)
    return np.where(np.isnan(found), [-np.inf, -np.inf, np.inf, np.inf], found)


def _bound(values, sides, film, near):
    """How far `values` [N] reach on each film [F] where very many reach just so far, within `near`, in some unit, else
    infinity."""
    width, height = sides.T
    longer = np.maximum(width, height)
    best, bound = 0, np.full(len(sides), np.inf)
    for unit in (np.ones(len(sides)), width, height, 1 / width, 1 / height, width / height, height / width, longer,
                 1 / longer, width / longer, height / longer):
        reached = np.nan_to_num(values / unit[film])
        for at in piles(reached, film):
            count = (np.abs(values - at * unit[film]) <= near).sum()
            if count > max(best, PILE * len(values)) and (reached > at * 1.001).sum() <= PAST * len(reached):
                best, bound = count, at * unit
    return bound


def rounded(values):
    """`values` [N] to five significant digits; 0 stays."""
    power = 10.0 ** np.floor(np.log10(np.maximum(np.abs(np.nan_to_num(values)), 1e-9)))
    return np.where(np.abs(values) > 1e-9, np.round(values / power, 4) * power, 0)


def piles(values, film):
    """The values above 0, to five digits, that many boxes of many films share."""
    digits = rounded(values)
    ordered = np.sort(digits)
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.zeros(0, np.int64)
    many = ordered[starts[np.diff(np.r_[starts, len(ordered)]) >= max(5, PILE * len(values))]]
    if not (many > 0).any():
        return many[:0]
    films = len(np.unique(film))
    return np.array([one for one in many if one > 0 and len(np.unique(film[digits == one])) >= max(4, SPREAD * films)])
