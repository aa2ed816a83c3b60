"""What each film and each study costs: the exact change of the six-class mAP if it were mended, or left out

A film speaks in the classes opacity and none, a study in the four study classes. *Mended* it is answered perfectly:
each of its ground-truth boxes is found by one detection, it has no other, and the probability of what is so stands
before all others in its class, that of what is not so behind them. *Left out*, neither its answers nor its ground truth
are there. Verdicts of other films depend on neither, so all is told by their ranks: a class is sorted once, and for
each film or study its true positives are walked through once, with the film's own answers skipped.

This module knows nothing of boxes, files or display.
"""

from dataclasses import dataclass

import numpy as np

from core.evaluation import CLASSES
from core.labels import STUDY_CLASSES
from core.ordering import compiled, descending
from core.parallel import over_films, read_only

FILM_CLASSES = CLASSES[:2]


@dataclass(frozen=True, eq=False)
class Level:
    """The R films, or the R studies, of an evaluation, and what each changes; float64, after minus before.

    mended    [R] change of the mean AP if it were answered perfectly; never negative.
    left_out  [R] change of the mean AP if it were not there; NaN when no class is left.
    mended_aps, left_out_aps  class -> [R] change of that class's AP, for the classes of this level; NaN where the class
              is absent, or is absent when this one is left out.
    """

    mended: np.ndarray
    left_out: np.ndarray
    mended_aps: dict
    left_out_aps: dict


@dataclass(frozen=True, eq=False)
class Costs:
    """What the films [F] and the studies [S] of an evaluation cost, each a `Level`, in the evaluation's order."""

    films: Level
    studies: Level

    def of_cases(self, cases):
        """What mending a film and its study would change the mAP by, float64 [len(cases.images)]; NaN if not scored.

        cases: the `core.cases.Cases` whose scored part was evaluated. The two levels share no class and mending takes
        none away, so the sum is exact. Each film of a study bears the study's whole cost, for that is where it is seen.
        """
        film, study = np.full(len(cases.images), np.nan), np.full(len(cases.study_ids), np.nan)
        film[:len(self.films.mended)] = self.films.mended
        study[:len(self.studies.mended)] = self.studies.mended
        study = study[cases.film_study]
        return np.where(np.isnan(film), study, film + np.nan_to_num(study))


@compiled
def _areas(first, last, own, own_offsets, found, found_by, hits, counts, positives, mended, left_out):
    """APs of one class with each of the films (or studies) first..last mended, and left out; NaN for an absent class.

    own [P] int64: ranks, from 0, of the predictions of each, ascending, cut by own_offsets [R+1]; found [T]: ranks of
    the true positives, ascending, and found_by [T] whose they are; counts [R]: ground-truth instances of each.
    hits [R]: true positives of each. The walk goes from the last true positive up, as `core.evaluation` sums its
    envelope.
    """
    for group in range(first, last):
        place, start, extra = own_offsets[group + 1], own_offsets[group], counts[group]
        kept = len(found) - hits[group]
        area, without, envelope, bare = 0.0, 0.0, 0.0, 0.0
        for k in range(len(found) - 1, -1, -1):
            if found_by[k] == group:
                continue
            while place > start and own[place - 1] > found[k]:
                place -= 1
            rank = found[k] + 1 - (place - start)
            bare = max(bare, kept / rank)
            without += bare
            envelope = max(envelope, (kept + extra) / (rank + extra))
            area += envelope
            kept -= 1
        rest = positives - extra
        mended[group] = (area + extra) / positives if positives > 0 else np.nan
        left_out[group] = without / rest if rest > 0 else np.nan


def _class_aps(ranking):
    """APs of a `core.evaluation.Ranking` with each film or study mended, and left out, two float64 [R]."""
    groups = len(ranking.positive_rows)
    order = descending(ranking.confidence)
    by = ranking.rows[order].astype(np.int64)
    own = np.argsort(by, kind="stable")
    own_offsets = np.r_[0, np.cumsum(np.bincount(by, minlength=groups))]
    found = np.flatnonzero(ranking.true_positive[order])
    mended, left_out = np.empty(groups), np.empty(groups)
    work = own_offsets + len(found) * np.arange(groups + 1)
    over_films(_areas, work, read_only(own), read_only(own_offsets), read_only(found), read_only(by[found]),
               read_only(np.bincount(by[found], minlength=groups)), read_only(ranking.positive_rows, np.int64),
               int(ranking.positives), mended, left_out)
    return mended, left_out


def _level(evaluation, names):
    before = np.array([np.nan if ap is None else ap for ap in evaluation.aps.values()])
    found = {name: _class_aps(evaluation.rankings[name]) for name in names}
    means, changes = [], []
    for way in range(2):
        size = len(next(iter(found.values()))[way])
        aps = np.repeat(before[:, None], size, axis=1)
        for name in names:
            aps[CLASSES.index(name)] = found[name][way]
        means.append(_mean(aps) - _mean(before[:, None]))
        changes.append({name: read_only(found[name][way] - before[CLASSES.index(name)]) for name in names})
    return Level(read_only(means[0]), read_only(means[1]), *changes)


def _mean(aps):
    """Mean over the classes [6,R] that are there, NaN where none is."""
    present = ~np.isnan(aps)
    count = present.sum(axis=0)
    return np.divide(np.where(present, aps, 0).sum(axis=0), count, out=np.full(count.shape, np.nan), where=count > 0)


def costs(evaluation):
    """The `Costs` of the films and studies of an `core.evaluation.Evaluation`; studies without a label cost nothing."""
    return Costs(_level(evaluation, FILM_CLASSES), _level(evaluation, STUDY_CLASSES))
