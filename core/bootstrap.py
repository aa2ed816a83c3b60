"""How far the six APs could have come out otherwise with other patients: a paired patient bootstrap.

Patients are drawn with replacement, each with all its films and studies (Efron and Tibshirani 1993, An Introduction to
the Bootstrap, ch. 8: the unit drawn is the one that is independent). Several evaluations of the same films share the
draws, so that their differences are judged patient by patient. This module knows nothing of files or display.
"""

from dataclasses import dataclass

import numpy as np

from core.errors import BadPredictions
from core.evaluation import CLASSES
from core.ordering import compiled, descending
from core.parallel import over_films

RESAMPLES = 1000
LEVEL = 0.95
NAMES = (*CLASSES, "mean")


@dataclass(frozen=True)
class Interval:
    """A figure, and the percentiles between which `LEVEL` of its resamples lie. NaN where the class is absent."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference(Interval):
    """An `Interval` of a difference; `p` is twice the share of resamples on the rarer side of 0, at most 1."""

    p: float

    @property
    def told(self):
        """Whether the difference is larger than the draw of patients explains: its interval leaves 0 out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """`values` float64 [E,7] of E evaluations, in the order of `NAMES`, and `samples` float64 [E,R,7] of R resamples.

    NaN where a class has no positive; the mean is over the others.
    """

    values: np.ndarray
    samples: np.ndarray

    def interval(self, evaluation, name):
        """The `Interval` of figure `name` of evaluation number `evaluation`."""
        place = NAMES.index(name)
        return Interval(float(self.values[evaluation, place]), *_range(self.samples[evaluation, :, place]))

    def difference(self, evaluation, other, name):
        """The `Difference` of figure `name`, evaluation number `evaluation` less number `other`."""
        place = NAMES.index(name)
        drawn = self.samples[evaluation, :, place] - self.samples[other, :, place]
        drawn = drawn[~np.isnan(drawn)]
        rarer = min((drawn <= 0).sum(), (drawn >= 0).sum())
        p = float(min(1, 2 * (rarer + 1) / (len(drawn) + 1))) if len(drawn) else float("nan")
        return Difference(float(self.values[evaluation, place] - self.values[other, place]), *_range(drawn), p)

    def records(self, evaluation=0, other=1):
        """A dictionary per figure: the values of both evaluations, their `Difference`, and whether it is more than the
        draw of patients explains."""
        found = [(name, self.difference(evaluation, other, name)) for name in NAMES]
        return [{"figure": name, "value": float(self.values[evaluation, place]),
                 "other": float(self.values[other, place]), "change": each.value, "low": each.low, "high": each.high,
                 "p": each.p, "more than chance": each.told} for place, (name, each) in enumerate(found)]


def _range(drawn):
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return float("nan"), float("nan")
    return tuple(float(each) for each in np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))


def patients_of(images, truth):
    """Patient of each film int32 [F] and of each study int32 [S] of `truth`, as numbers from 0.

    `images` have `image_id`, `patient_id` and `study_id`. A study is its first film's patient's; where a header names
    no patient, the study stands for one.
    """
    patient = {image.image_id: f"p{image.patient_id}" if image.patient_id else f"s{image.study_id}" for image in images}
    films = [patient.get(image_id, f"f{image_id}") for image_id in truth.image_ids]
    studies = [f"s{study_id}" for study_id in truth.study_ids]
    for name, study in reversed(list(zip(films, truth.image_study.tolist(), strict=True))):
        if study >= 0:
            studies[study] = name
    number = np.unique(films + studies, return_inverse=True)[1].astype(np.int32)
    return number[:len(films)], number[len(films):]


def bootstrap(evaluations, film_patients, study_patients, *, resamples=RESAMPLES, seed=0):
    """The `Bootstrap` of `core.evaluation.Evaluation`s of the same films and studies.

    film_patients int32 [F], study_patients int32 [S]: as `patients_of` gives them. Raises `BadPredictions` when the
    evaluations are about other numbers of films or studies.
    """
    count = 1 + max([*film_patients, *study_patients], default=-1)
    present = np.unique(np.concatenate([film_patients, study_patients]))
    weights = _drawn(present, count, resamples, seed)
    samples = np.full((len(evaluations), resamples, len(NAMES)), np.nan)
    for evaluation, row in zip(evaluations, samples, strict=True):
        for place, name in enumerate(CLASSES):
            patients = film_patients if name in ("opacity", "none") else study_patients
            row[:, place] = _resampled(evaluation.rankings[name], np.asarray(patients), weights)
        row[:, -1] = _mean_of_present(row[:, :-1])
    values = np.array([[np.nan if value is None else value for value in (each.summary()[name] for name in NAMES)]
                       for each in evaluations])
    return Bootstrap(values, samples)


def _drawn(present, count, resamples, seed):
    """How often each patient comes up in each resample, int32 [R,count]."""
    drawn = present[np.random.default_rng(seed).integers(0, len(present), (resamples, len(present)))]
    flat = drawn + count * np.arange(resamples)[:, None]
    return np.bincount(flat.reshape(-1), minlength=resamples * count).reshape(resamples, count).astype(np.int32)


def _mean_of_present(aps):
    present = ~np.isnan(aps)
    with np.errstate(invalid="ignore"):
        return np.where(present, aps, 0).sum(axis=1) / present.sum(axis=1)


def _resampled(ranking, patients, weights):
    """AP of `ranking` in each resample [R]; NaN where no positive was drawn."""
    if len(ranking.positive_rows) != len(patients):
        raise BadPredictions(f"an evaluation is about {len(ranking.positive_rows)} films or studies, but patients are "
                             f"named for {len(patients)}: compare evaluations of the same ones.")
    order = descending(ranking.confidence)
    positives = np.zeros(weights.shape[1], np.int64)
    np.add.at(positives, patients, ranking.positive_rows)
    aps = np.empty(len(weights))
    over_films(_weighted_aps, np.arange(len(weights) + 1) * max(1, len(order)), ranking.true_positive[order],
               patients[ranking.rows[order]].astype(np.int32), weights, positives, aps)
    return aps


@compiled
def _weighted_aps(first, last, true_positive, patient, weights, positives, aps):
    """AP of each resample first..last when a patient's predictions count as often as the patient was drawn.

    Repeats of a prediction follow each other; of their precisions the last is the highest, which the envelope gives
    to all of them.
    """
    precision, times = np.empty(len(patient)), np.empty(len(patient), np.int32)
    for sample in range(first, last):
        weight = weights[sample]
        total = 0
        for each in range(len(weight)):
            total += weight[each] * positives[each]
        if total == 0:
            aps[sample] = np.nan
            continue
        seen, found, hits = 0, 0, 0
        for place in range(len(patient)):
            often = weight[patient[place]]
            seen += often
            if often and true_positive[place]:
                found += often
                precision[hits], times[hits] = found / seen, often
                hits += 1
        area, envelope = 0.0, 0.0
        for place in range(hits - 1, -1, -1):
            envelope = max(envelope, precision[place])
            area += envelope * times[place]
        aps[sample] = area / total
