"""dAP by kind: how much AP would be gained if one kind of failure alone were mended, in the manner of TIDE.

After Bolya et al. 2020, arXiv:2008.08115, section 3.2, for the SIIM metric. Every detection counts, shown or not, as it
does in the AP. Mending means:

    localisation      the detection lies on the box it is meant for: a true positive if that box is not found, otherwise
                      it is left out; of several for one box the most confident finds it
    duplicate         left out
    background        left out
    missed ...        the box, and what finds it, takes no part
    wrong none        the film's p(none) stands behind all others, or before them, as it should
    wrong class       the study's probabilities likewise, in each of the four classes
    truth doubtful    the detections in doubt, and only these, are left out

The other kinds name contradictions and labels, which nothing in an answer alone would mend. As in TIDE the gains do not
add up. This module knows nothing of files or display.
"""

from dataclasses import dataclass

import numpy as np

from core.evaluation import average_precision
from core.kinds import CODES, KINDS
from core.labels import STUDY_CLASSES


@dataclass(frozen=True)
class KindGain:
    """What mending one kind gains.

    count    detections, boxes, films or studies of this kind, films and studies as far as they are scored.
    aps      class -> change of its AP, for the classes that change at all.
    mean     change of the six-class mean, None for a kind that an answer alone cannot mend.
    """

    kind: str
    meaning: str
    count: int
    aps: dict
    mean: float | None


def gains(cases, evaluation, diagnosis):
    """A `KindGain` for each of `core.kinds.KINDS`.

    cases: `core.cases.Cases`; evaluation: the `core.evaluation.Evaluation` of its scored part; diagnosis: the
    `core.kinds.Diagnosis` of the same answer.
    """
    return tuple(_gain(kind, cases, evaluation, diagnosis) for kind in KINDS)


def _gain(kind, cases, evaluation, diagnosis):
    mended = _MENDED.get(kind.split()[0] if kind.startswith("missed") else kind)
    count = _count(kind, cases, diagnosis)
    if mended is None:
        return KindGain(kind, KINDS[kind], count, {}, None)
    aps = {name: ap - evaluation.aps[name] for name, ap in mended(kind, cases, evaluation, diagnosis).items()
           if evaluation.aps[name] is not None and ap is not None}
    present = sum(ap is not None for ap in evaluation.aps.values())
    return KindGain(kind, KINDS[kind], count, aps, sum(aps.values()) / present if present else None)


def _count(kind, cases, diagnosis):
    code = CODES[kind]
    if kind in ("localisation", "duplicate", "background"):
        return int((diagnosis.detections == code).sum())
    if kind.startswith("missed"):
        return int((diagnosis.boxes == code).sum())
    if kind == "wrong class":
        return int(diagnosis.studies[:cases.studies, code].sum())
    return int(diagnosis.films[:cases.films, code].sum())


def _opacity(evaluation, kept, true_positive=None, positives=None):
    """AP of opacity over the detections `kept` bool [M]; verdicts and positives as they are unless given."""
    ranking = evaluation.rankings["opacity"]
    positives = ranking.positives if positives is None else positives
    true_positive = ranking.true_positive if true_positive is None else true_positive
    if not positives:
        return {"opacity": None}
    return {"opacity": average_precision(ranking.confidence[kept], true_positive[kept], positives)}


def _left_out(kind, cases, evaluation, diagnosis):
    return _opacity(evaluation, diagnosis.detections != CODES[kind])


def _doubtful(kind, cases, evaluation, diagnosis):
    return _opacity(evaluation, ~diagnosis.doubtful)


def _localised(kind, cases, evaluation, diagnosis):
    matches, confidence = evaluation.matches, evaluation.rankings["opacity"].confidence
    astray = np.flatnonzero(diagnosis.detections == CODES[kind])
    astray = astray[np.argsort(-confidence[astray], kind="stable")]
    astray = astray[matches.found_by[matches.truth_row[astray]] < 0]
    _, first = np.unique(matches.truth_row[astray], return_index=True)
    kept, true_positive = diagnosis.detections != CODES[kind], matches.true_positive.copy()
    kept[astray[first]] = true_positive[astray[first]] = True
    return _opacity(evaluation, kept, true_positive)


def _missed(kind, cases, evaluation, diagnosis):
    gone = diagnosis.boxes == CODES[kind]
    kept, finders = np.ones(len(diagnosis.detections), bool), evaluation.matches.found_by[gone]
    kept[finders[finders >= 0]] = False
    return _opacity(evaluation, kept, positives=evaluation.rankings["opacity"].positives - int(gone.sum()))


def _ordered(ranking, wrong):
    """AP of a `Ranking` in which the predictions of the rows `wrong`, bool [R], stand where they should."""
    if not ranking.positives:
        return None
    rows = np.asarray(ranking.rows)
    confidence = np.where(wrong[rows], np.where(ranking.true_positive, np.inf, -np.inf), ranking.confidence)
    return average_precision(confidence, ranking.true_positive, ranking.positives)


def _none(kind, cases, evaluation, diagnosis):
    return {"none": _ordered(evaluation.rankings["none"], diagnosis.films[:cases.films, CODES[kind]])}


def _classes(kind, cases, evaluation, diagnosis):
    wrong = diagnosis.studies[:cases.studies, CODES[kind]]
    return {name: _ordered(evaluation.rankings[name], wrong) for name in STUDY_CLASSES}


_MENDED = {"localisation": _localised, "duplicate": _left_out, "background": _left_out, "missed": _missed,
           "wrong none": _none, "wrong class": _classes, "truth doubtful": _doubtful}
