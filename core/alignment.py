"""Which story of slips brings boxes back onto the ground truth, told from the boxes and labels alone.

A detection that means something overlaps a ground-truth box; in another frame it does not. So each story is undone,
and the one after which the confident boxes of the boxed films overlap best is believed, where it is better by far and
on far more films than the boxes as they stand. Boxes that end at a wall (an edge value that very many share, as
clipping leaves it) have lost their shape and do not bear witness. This module knows nothing of files.
"""

from dataclasses import dataclass

import numpy as np

from core.ordering import compiled
from core.slips import cured

MOST_FILMS, MOST_BOXES = 600, 12  # boxed films and boxes of each, best first, that bear witness
FEWEST_FILMS, MOSTLY = 8, 0.6  # films that must bear witness; share of boxes at walls from which walls do too
BETTER, SURE = 1.12, 4.0  # how much the overlap must gain, as a factor and in standard errors over films
ALIKE, DOUBT = 0.985, 3.0  # a simpler story is believed within this share of the best, or this many standard errors
LEAVING, MOVES = 0.05, np.arange(-0.45, 0.46, 0.05)  # share of boxes beyond their film; moves that are tried
PILE, SPREAD = 0.02, 0.1  # share of boxes, and of films, that end at one value where there is a wall


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


@dataclass(frozen=True, eq=False)
class Alignment:
    """The story believed, () for none; mean overlap (IoU, 0..1) of the witnesses `before` and `after` its cure; `gain`
    [F] by film, NaN where nothing bears witness; `z` its mean in standard errors."""

    story: tuple
    before: float
    after: float
    z: float
    gain: np.ndarray


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
def _overlaps(boxes, film, truth, offsets, seen, found):
    """Into `found` [N]: the largest IoU of each box with a ground-truth box of its film, cut off where the film can be
    `seen` [F,4] no further; one that can hardly be seen does not count."""
    for row in range(len(film)):
        best = 0.0
        own = (boxes[row, 2] - boxes[row, 0]) * (boxes[row, 3] - boxes[row, 1])
        x_min, y_min, x_max, y_max = seen[film[row]]
        for one in range(offsets[film[row]], offsets[film[row] + 1]):
            left, top = max(truth[one, 0], x_min), max(truth[one, 1], y_min)
            right, low = min(truth[one, 2], x_max), min(truth[one, 3], y_max)
            other = (right - left) * (low - top)
            whole = (truth[one, 2] - truth[one, 0]) * (truth[one, 3] - truth[one, 1])
            width = min(boxes[row, 2], right) - max(boxes[row, 0], left)
            height = min(boxes[row, 3], low) - max(boxes[row, 1], top)
            if width > 0 and height > 0 and right > left and low > top and other >= 0.25 * whole:
                best = max(best, width * height / (own + other - width * height))
        found[row] = best


def overlaps(boxes, film, place, seen=None):
    """The largest IoU of each box [N] with a ground-truth box of its film; 0 for a box without area.

    `seen` [F,4] is the part of each film that the boxes can lie on, all of it by default.
    """
    found = np.zeros(len(boxes))
    seen = np.tile([-np.inf, -np.inf, np.inf, np.inf], (len(place.labelled), 1)) if seen is None else seen
    _overlaps(np.ascontiguousarray(boxes, np.float64), film, place.boxes, place.offsets, seen, found)
    return found


def align(exhibit, place, stories):
    """The `Alignment` of the detections of `exhibit` (`core.exhibits.Exhibit`), which are of one source."""
    films = len(exhibit.image_ids)
    witness, walled = _witnesses(exhibit, place)
    if len(np.unique(witness.film)) < FEWEST_FILMS:
        return Alignment((), 0.0, 0.0, 0.0, np.full(films, np.nan))
    sides, weights = place.sides[witness.film], np.maximum(witness.scores, 1e-6)
    total = np.bincount(witness.film, weights, minlength=films)
    kept = np.flatnonzero(total)
    by_film = np.empty((len(stories), len(kept)))
    possible = _possible(witness, place.sides, stories) if walled else np.ones(len(stories), bool)
    for number, story in enumerate(stories):
        if not possible[number] and story:
            by_film[number] = 0
            continue
        boxes = cured(witness.boxes, sides, story)
        found = overlaps(boxes, witness.film, place, _extent(boxes, witness.film, films) if walled else None)
        by_film[number] = (np.bincount(witness.film, found * weights, minlength=films) / np.maximum(total, 1e-12))[kept]
    told = _believed(by_film, stories, kept, films)
    if told.story and not walled and _moved(witness, place, sides, weights) > ALIKE * told.after:
        return Alignment((), told.before, told.before, 0.0, np.full(films, np.nan))
    return told


def _moved(witness, place, sides, weights):
    """The best mean overlap after one move of all boxes, in fractions of their film; 0 where few boxes leave the film.

    Boxes that were merely moved beyond their film resemble those of other frames, which a move cannot bring back.
    """
    if not ((witness.boxes[:, :2] < 0) | (witness.boxes[:, 2:] > sides * 1.01)).any(axis=1).mean() > LEAVING:
        return 0.0
    total = np.bincount(witness.film, weights, minlength=len(place.labelled))
    best = 0.0
    for across in MOVES:
        for down in MOVES:
            boxes = witness.boxes + np.tile(sides * [across, down], 2)
            found = np.bincount(witness.film, overlaps(boxes, witness.film, place) * weights, minlength=len(total))
            best = max(best, float((found[total > 0] / total[total > 0]).mean()))
    return best


def _believed(by_film, stories, kept, films):
    chosen = _simplest(by_film, stories)
    gain, before, after = by_film[chosen] - by_film[0], float(by_film[0].mean()), float(by_film[chosen].mean())
    z = float(gain.mean() / max(gain.std() / len(gain) ** 0.5, 1e-9))
    spread = np.full(films, np.nan)
    if after < BETTER * before or z < SURE:
        return Alignment((), before, before, 0.0, spread)
    spread[kept] = gain
    return Alignment(stories[chosen], before, after, z, spread)


def _extent(boxes, film, films):
    """The smallest box [F,4] around all boxes of each film."""
    extent = np.tile([np.inf, np.inf, -np.inf, -np.inf], (films, 1))
    first = np.flatnonzero(np.diff(film, prepend=-1))
    extent[film[first], :2] = np.minimum.reduceat(boxes[:, :2], first)
    extent[film[first], 2:] = np.maximum.reduceat(boxes[:, 2:], first)
    return extent


def _simplest(by_film, stories):
    """The shortest story that is as good as the best one, as far as can be told."""
    means = by_film.mean(axis=1)
    best = int(means.argmax())
    short = by_film[best] - by_film
    error = np.maximum(short.std(axis=1) / by_film.shape[1] ** 0.5, 1e-12)
    fair = (means >= ALIKE * means[best]) | ((short.mean(axis=1) < DOUBT * error) & (means >= 0.9 * means[best]))
    return min(np.flatnonzero(fair).tolist(), key=lambda number: (len(stories[number]), -means[number]))


def _witnesses(exhibit, place):
    """The best boxes of boxed films, without those that end at a wall; where these are most, all boxes with an area,
    and True."""
    films = np.flatnonzero(place.boxed)
    films = films[::max(1, -(-len(films) // MOST_FILMS))]
    found = best_rows(exhibit.rows(np.isin(exhibit.film, films)), 8 * MOST_BOXES)
    walled = any_wall(found, place.sides)
    if walled.sum() > MOSTLY * max(1, len(walled)):
        x_min, y_min, x_max, y_max = found.boxes.T
        return found.rows((x_min != x_max) & (y_min != y_max) & (x_max != 0) & (y_max != 0)), True
    return best_rows(found.rows(~walled), MOST_BOXES), False


def best_rows(exhibit, count):
    """The exhibit with the `count` best detections of each film alone, best first."""
    order = np.lexsort((-exhibit.scores, exhibit.film))
    return exhibit.rows(order[np.arange(len(order)) - exhibit.offsets[exhibit.film[order]] < count])


def any_wall(exhibit, sides):
    """Boxes [N] with an edge, or a sum of edges, at a value that very many share in any frame."""
    x_min, y_min, x_max, y_max = exhibit.boxes.T
    return _walled((x_min, y_min, x_max, y_max, x_min + x_max, y_min + y_max), exhibit.film, sides)


def _walled(columns, film, sides):
    """The rows [N] at which one of `columns`, each [N], has a value that very many share in any frame."""
    width, height = sides[film].T
    longer, walled = np.maximum(width, height), np.zeros(len(film), bool)
    for values in columns if len(film) else ():
        for unit in (1.0, width, height, 1 / width, 1 / height, width / height, height / width, longer, 1 / longer,
                     width / longer, height / longer):
            at = values / unit
            walled |= np.isfinite(at) & np.isin(rounded(at), piles(at, film))
    return walled


def _possible(witness, sides, stories):
    """Which of `stories` [T] a wall at far edges leaves: one of corners was not saved as width and height after, and
    one of sums was."""
    far = _walled((witness.boxes[:, 2], witness.boxes[:, 3]), witness.film, sides).mean()
    sums = _walled(tuple((witness.boxes[:, :2] + witness.boxes[:, 2:]).T), witness.film, sides).mean()
    saved = np.array([any(slip.mistake == 1 for slip in story) for story in stories])
    return ~saved if far > max(MOSTLY / 2, sums) else saved if sums > MOSTLY / 2 else np.ones(len(stories), bool)


def rounded(values):
    """`values` [N] to five significant digits; 0 stays."""
    power = 10.0 ** np.floor(np.log10(np.maximum(np.abs(np.nan_to_num(values)), 1e-9)))
    return np.where(np.abs(values) > 1e-9, np.round(values / power, 4) * power, 0)


def piles(values, film):
    """The values above 0, to five digits, that many boxes of many films share."""
    known, place, count = np.unique(rounded(values), return_inverse=True, return_counts=True)
    many = np.flatnonzero((count >= max(5, PILE * len(values))) & (known > 0))
    films = len(np.unique(film))
    return known[[one for one in many if len(np.unique(film[place == one])) >= max(4, SPREAD * films)]]
