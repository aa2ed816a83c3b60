"""Which films a step of training sees: the order of an epoch, film by film or evenly by patient.

Everything here follows from the seed and the number of the step, so that a step can be taken again.
"""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Plan:
    """The steps of a run over the films `rows` int64 [N], whose patients are `patients` (text [N]).

    An epoch has as many draws as there are rows; `even` draws patients equally often, and of each patient another
    film each time until all were seen. The last batch of an epoch is filled up from the start of the same order.
    """

    rows: np.ndarray
    patients: np.ndarray
    batch: int
    epochs: int
    seed: int
    even: bool = False

    @classmethod
    def of(cls, films, rows, settings):
        """The plan that `settings` make for `rows` of `films`."""
        return cls(rows, films.patient_ids[rows], settings.batch, settings.epochs, settings.seed,
                   settings.balance_patients)

    @property
    def steps_per_epoch(self):
        return math.ceil(len(self.rows) / self.batch)

    @property
    def steps(self):
        return self.steps_per_epoch * self.epochs

    def films_of(self, step):
        """Rows int64 [B] of the films that step `step` (from 0) sees."""
        epoch, place = divmod(step, self.steps_per_epoch)
        rng = np.random.default_rng([self.seed, epoch])
        order = even_order(self.rows, self.patients, rng) if self.even else rng.permutation(self.rows)
        return np.resize(np.roll(order, -place * self.batch), self.batch)


def even_order(rows, patients, rng):
    """As many draws from `rows` int64 [N] as there are rows, in which every patient comes up equally often, +-1.

    The draws go in rounds: each round calls every patient once, in another order, and takes that patient's next film.
    """
    names, patient, count = np.unique(patients, return_inverse=True, return_counts=True)
    grouped = np.lexsort((rng.random(len(rows)), patient))  # each patient's films together, shuffled
    first = np.cumsum(count) - count
    rounds = math.ceil(len(rows) / len(names))
    called = [rng.permutation(len(names)) for _ in range(rounds)]
    drawn = [grouped[first[who] + number % count[who]] for number, who in enumerate(called)]
    return rows[np.concatenate(drawn)[:len(rows)]]
