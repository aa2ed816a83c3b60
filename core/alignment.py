"""Which story of slips brings boxes back onto the ground truth, told from the boxes and labels alone.

A detection that means something overlaps a ground-truth box; in another frame it does not. So each story is undone,
and the one after which the confident boxes of the boxed films overlap best is believed, where it is better by far and
on far more films than the boxes as they stand. The truth counts as far as boxes can reach: not beyond the walls at
which they were clipped. This module knows nothing of files.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.slips import cured
from core.strays import meant, strays
from core.walls import bounds, walls
from core.witnesses import best_rows, overlaps

MOST_FILMS, MOST_BOXES = 600, 12  # boxed films and boxes of each, best first, that bear witness
FEWEST_FILMS = 8  # films that must bear witness
FIRST_FILMS, FINALISTS = 150, 60  # films on which all stories are tried, and stories that are tried on the others too
BETTER, SURE = 1.04, 5.0  # how much the overlap must gain, as a factor and in standard errors over films
ALIKE, DOUBT = 0.985, 3.0  # a simpler story is believed within this share of the best, or this many standard errors
WALLED, CLEAR = 0.1, 0.9  # share of witnesses at walls from which two slips must be better than one by this share
FAR, LEVEL = 0.85, 0.99  # and by this share where their edges agree no better; stories of one length that are as good
OFF = 0.5  # of the ground-truth box's side: an edge that misses it by more agrees not at all


@dataclass(frozen=True, eq=False)
class Alignment:
    """The story believed, () for none; mean overlap (IoU, 0..1) of the witnesses `before` and `after` its cure; `gain`
    float64 [F] of each film, NaN without a witness; `z` is the mean gain in standard errors."""

    story: tuple
    before: float
    after: float
    z: float
    gain: np.ndarray


@dataclass(frozen=True, eq=False)
class _Court:
    """The witnesses: boxes [N,4] of films [N], best first, how much each counts [N], and the walls [F,4] around them;
    `edges_walled` bool [N,4] are the edges that end at one."""

    boxes: np.ndarray
    film: np.ndarray
    weights: np.ndarray
    bounds: np.ndarray
    edges_walled: np.ndarray
    place: object

    @cached_property
    def walled(self):
        return self.edges_walled.any(axis=1)

    @cached_property
    def sides(self):
        return self.place.sides[self.film]

    @cached_property
    def known(self):
        return np.unique(self.film)

    def first(self, films):
        """The court of its first `films` films, evenly spread, alone."""
        kept = np.isin(self.film, self.known[::max(1, -(-len(self.known) // films))])
        return _Court(self.boxes[kept], self.film[kept], self.weights[kept], self.bounds, self.edges_walled[kept],
                      self.place)

    def hears(self, story):
        """Mean overlap [K] of the witnesses of each of the K films after the cure of `story`."""
        films, boxes, weights = len(self.place.labelled), cured(self.boxes, self.sides, story), self.weights
        shaped = any(slip.mistake == 1 for slip in story)
        if shaped and len(story) == 1:
            seen = bounds(boxes, self.place.sides, self.film)
        elif shaped:  # walls at numbers that are no corners hide what they cut, and to seek others takes long
            seen, weights = None, weights * ~self.walled
        else:
            seen = self._seen(story)
        found = overlaps(boxes, self.film, self.place, seen)
        total = np.bincount(self.film, weights, minlength=films)
        mean = np.divide(np.bincount(self.film, found * weights, minlength=films), total, out=np.full(films, np.nan),
                         where=total > 0)[self.known]
        known = ~np.isnan(mean)
        return np.where(known, mean, mean[known].mean() if known.any() else 0.0)

    def edges_agree(self, story):
        """How well the edges that end at no wall agree with a ground-truth box after the cure of `story`, 0..1: what
        was clipped counts as found by `hears`, and the more so the nearer a story brings the walls."""
        rows, truth = meant(self)
        off = np.abs(cured(self.boxes, self.sides, story)[rows] - truth) / np.tile(truth[:, 2:] - truth[:, :2], 2)
        free = ~self.edges_walled
        agree = (np.nan_to_num(np.maximum(0, 1 - off / OFF)) * free[rows]).sum(axis=1)
        best, count = np.zeros(len(free)), free.sum(axis=1)
        np.maximum.at(best, rows, agree)
        weights = self.weights * (count > 0)
        return (weights * best / np.maximum(1, count)).sum() / max(weights.sum(), 1e-12)

    def stands_at_walls(self, story):
        """Whether boxes end at one value after the cure of `story`, as those do that were clipped before."""
        return bool(walls(cured(self.boxes, self.sides, story), self.sides, self.film))

    def _seen(self, story):
        if not np.isfinite(self.bounds).any():
            return None
        seen = cured(self.bounds, self.place.sides, story)
        return np.where(np.isnan(seen), [-np.inf, -np.inf, np.inf, np.inf], seen)


def align(exhibit, place, stories):
    """The `Alignment` of the detections of `exhibit` (`core.exhibits.Exhibit`), which are of one source; `stories` as
    `core.slips.stories` gives them, () first."""
    court = _court(exhibit, place)
    films = len(exhibit.image_ids)
    if len(court.known) < FEWEST_FILMS:
        return Alignment((), 0.0, 0.0, 0.0, np.full(films, np.nan))
    first = court.first(FIRST_FILMS)
    means = np.array([first.hears(story).mean() for story in stories])
    short = [number for number, story in enumerate(stories) if len(story) < 2]
    best = np.argsort(-means, kind="stable")[:FINALISTS].tolist()
    chosen = [stories[number] for number in dict.fromkeys([*short, *best])]
    chosen += strays(first, [story for story in chosen if len(story) < 2])
    by_film = np.array([court.hears(story) for story in chosen])
    return _believed(by_film, chosen, court, films)


def _court(exhibit, place):
    films = np.flatnonzero(place.boxed)
    films = films[::max(1, -(-len(films) // MOST_FILMS))]
    found = best_rows(exhibit.rows(np.isin(exhibit.film, films)), 8 * MOST_BOXES)
    around = bounds(found.boxes, place.sides, found.film)
    found = best_rows(found.rows((found.boxes[:, :2] != found.boxes[:, 2:]).any(axis=1)), MOST_BOXES)
    walled = np.isclose(found.boxes, around[found.film], rtol=1e-4, atol=0)
    return _Court(found.boxes, found.film, np.maximum(found.scores, 1e-6), around, walled, place)


def _believed(by_film, stories, court, films):
    chosen = _simplest(by_film, stories, court)
    gain, before, after = by_film[chosen] - by_film[0], float(by_film[0].mean()), float(by_film[chosen].mean())
    z = float(gain.mean() / max(gain.std() / len(gain) ** 0.5, 1e-9))
    spread = np.full(films, np.nan)
    if after < BETTER * before or z < SURE:
        return Alignment((), before, before, 0.0, spread)
    spread[court.known] = gain
    return Alignment(stories[chosen], before, after, z, spread)


def _simplest(by_film, stories, court):
    """The shortest story that is as good as the best one, as far as can be told.

    Where many witnesses end at walls they were clipped, a slip by itself: two more must be better by far. So they must
    be without walls, where edges agree no better after them. Of stories of one length that are as good, one that brings
    walls back to one value is taken before others, then the one after which edges agree best.
    """
    means = by_film.mean(axis=1)
    best = int(means.argmax())
    short = by_film[best] - by_film
    error = np.maximum(short.std(axis=1) / by_film.shape[1] ** 0.5, 1e-12)
    fair = (means >= ALIKE * means[best]) | ((short.mean(axis=1) < DOUBT * error) & (means >= 0.9 * means[best]))
    walled = court.walled.mean() > WALLED
    if means[best] >= BETTER * means[0]:
        fair[[number for number, story in enumerate(stories) if len(story) == 1 and _suffices(
            story, stories[best], means[number] / means[best], court, walled)]] = True
    fair = np.flatnonzero(fair).tolist()
    length = min(len(stories[number]) for number in fair)
    shortest = max((number for number in fair if len(stories[number]) == length), key=lambda number: means[number])
    rivals = [number for number in fair if len(stories[number]) == length and means[number] >= LEVEL * means[shortest]]
    moved = walled and not court.stands_at_walls(())
    return max(rivals, key=lambda number: (moved and court.stands_at_walls(stories[number]),
                                           court.edges_agree(stories[number])))


def _suffices(one, two, share, court, walled):
    """Whether the story `one` of a single slip, which is as good as `two` but for a `share`, is enough."""
    return (walled and share >= CLEAR) or (share >= FAR and court.edges_agree(one) >= court.edges_agree(two))
