"""Moves of boxes beyond their film, of a size that must be found out: of both edges of each direction, or of one edge.

A move by shares of the film's sides shifts each cured box by a known multiple of the share, so that every pair of a
detection and a ground-truth box of its film says a share; the one that most say is tried. This module knows nothing of
which story is believed.
"""

import numpy as np

from core.slips import Slip, cured

LEAST, LEAVING = 0.1, 0.05  # share of a side that is a move; share of boxes beyond their film from which it is sought
BIN, FIT = 0.06, 0.35  # of the ground-truth box's side: how finely moves are told apart, and what a pair may miss by
EDGES = ((2,), (3,), (0,), (1,))


def strays(court, stories):
    """Stories that are one of `stories`, of at most one slip, and a move before or after it, as many as are likely.

    `court` has the witnesses: boxes [N,4] of films [N], their `weights` [N] and `sides` [N,2], and their `place`.
    """
    rows, truth = meant(court)
    boxes, sides, weights = court.boxes[rows], court.sides[rows], court.weights[rows]
    leaving = _leaves(court.boxes, court.sides)
    found = {}
    for story in stories:
        if any(slip.mistake == 3 for slip in story):
            continue
        if not (leaving or (story and _leaves(cured(court.boxes, court.sides, story), court.sides))):
            continue
        still = cured(boxes, sides, story)
        for after in (False, True) if story else (False,):
            for edges in ((0, 1), *EDGES):
                units = [cured(boxes, sides, (*story, move) if after else (move, *story)) - still
                         for move in _unit_moves(edges)]
                for shares in _shares(still, units, truth, weights, edges):
                    move = Slip(3, "moved", shares)
                    found[(*story, move) if after else (move, *story)] = None
    return list(found)


def _leaves(boxes, sides):
    far = (boxes[:, :2] < -0.01 * sides) | (boxes[:, 2:] > 1.01 * sides)
    return far.any(axis=1).mean() > LEAVING


def meant(court):
    """Rows of witnesses int64 [P] and each ground-truth box [P,4] of their films."""
    place = court.place
    counts = np.diff(place.offsets)[court.film]
    rows = np.repeat(np.arange(len(court.film)), counts)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, place.boxes[place.offsets[court.film[rows]] + within]


def _unit_moves(edges):
    """A move by a whole side backwards for each edge, or for both edges of each direction where `edges` is (0, 1)."""
    for edge in edges:
        one = np.zeros(4)
        one[[edge, edge + 2] if edges == (0, 1) else edge] = -1.0
        yield Slip(3, "moved", tuple(one))


def _shares(still, units, meant, weights, edges):
    """The likeliest moves, as `Slip.size`: of all edges where `edges` is (0, 1), else of the one that it names.

    `still` [P,4] are the cured witnesses without a move, `units` [P,4] what a unit of it adds, `meant` [P,4] the truth.
    """
    own = np.tile(meant[:, 2:] - meant[:, :2], 2)
    shares = [(unit * (still - meant)).sum(axis=1) / np.maximum((unit ** 2).sum(axis=1), 1e-12) for unit in units]
    rest = still - meant - sum(unit * share[:, None] for unit, share in zip(units, shares, strict=True))
    good = (np.abs(rest) < FIT * own).all(axis=1)
    if not good.any():
        return
    shares = np.stack(shares)[:, good]
    steps = [BIN * np.median((own / np.abs(np.where(unit, unit, np.nan)))[good][unit[good] != 0]) for unit in units]
    middle = _mode(shares, np.array(steps), weights[good])
    inwards = edges != (0, 1) and (middle[0] > 0) == (edges[0] < 2)
    if inwards or np.abs(middle).max() < LEAST:
        return
    for digits in (1, 2, 3, 6):
        told = np.zeros(4)
        for edge, share in zip(edges, middle, strict=True):
            told[[edge, edge + 2] if edges == (0, 1) else edge] = round(float(share), digits)
        yield tuple(told.tolist())


def _mode(shares, steps, weights):
    """The most said point [K] of `shares` [K,P], told apart by `steps` [K]."""
    cells = np.round(shares / steps[:, None]).astype(np.int64)
    known, cell = np.unique(cells, axis=1, return_inverse=True)
    middle = known[:, np.bincount(cell.reshape(-1), weights).argmax()] * steps
    near = (np.abs(shares - middle[:, None]) < 1.5 * steps[:, None]).all(axis=0)
    return np.median(shares[:, near], axis=1)
