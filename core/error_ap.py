"""dAP by kind: how much AP would be gained if one kind of failure alone were mended, in the manner of TIDE.

After Bolya et al. 2020, arXiv:2008.08115, section 3.2, for the SIIM metric. Every detection counts, shown or not, as it
does in the AP. Mending means:

    localisation      the detection lies on the box it is meant for; of all detections that then find one box the most
                      confident is its true positive, the others are left out
    duplicate         left out
    background        left out
    missed ...        the box, and what finds it, takes no part
    wrong none        the film's p(none) stands behind all others, or before them, as it should
    wrong class       the study's probabilities likewise, in each of the four classes
    ... and a box     the level that is wrong gives way: on a film with boxes, or in a study that is not negative, the
                      probability stands behind all others; otherwise the film's detections are left out
    boxless           the detections on such films are left out
    truth doubtful    the detections in doubt, and only these, are left out

The TOTALS are TIDE's two special errors. Nothing in an answer mends an unread film. As in TIDE the gains do not add up.
This module knows nothing of files or display.
"""

from dataclasses import dataclass

import numpy as np

from core.evaluation import average_precision
from core.kinds import CODES, KINDS, class_error
from core.labels import STUDY_CLASSES

TOTALS = {"every false positive": "all false positives are left out",
          "every missed box": "all boxes that no detection finds, shown or not, take no part"}


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
    """A `KindGain` for each of `core.kinds.KINDS`, then for each of TOTALS.

    cases: `core.cases.Cases`; evaluation: the `core.evaluation.Evaluation` of its scored part; diagnosis: the
    `core.kinds.Diagnosis` of the same answer.
    """
    return tuple(_gain(kind, cases, evaluation, diagnosis) for kind in (*KINDS, *TOTALS))


def _gain(kind, cases, evaluation, diagnosis):
    mended = _MENDED.get(kind.split()[0] if kind.startswith("missed") else kind)
    count, meaning = _count(kind, cases, evaluation, diagnosis), {**KINDS, **TOTALS}[kind]
    if mended is None:
        return KindGain(kind, meaning, count, {}, None)
    aps = {name: ap - evaluation.aps[name] for name, ap in mended(kind, cases, evaluation, diagnosis).items()
           if evaluation.aps[name] is not None and ap is not None}
    present = sum(ap is not None for ap in evaluation.aps.values())
    return KindGain(kind, meaning, count, aps, sum(aps.values()) / present if present else None)


def _count(kind, cases, evaluation, diagnosis):
    if kind in TOTALS:
        return int((~evaluation.matches.true_positive if kind == "every false positive"
                    else evaluation.matches.found_by < 0).sum())
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
    finding = (diagnosis.detections == CODES[kind]) | matches.true_positive
    rows = np.flatnonzero(finding)
    rows = rows[np.argsort(-confidence[rows].astype(np.float64), kind="stable")]
    _, first = np.unique(matches.truth_row[rows], return_index=True)
    true_positive = np.zeros(len(finding), bool)
    true_positive[rows[first]] = True
    return _opacity(evaluation, ~finding | true_positive, true_positive)


def _missed(kind, cases, evaluation, diagnosis):
    gone = diagnosis.boxes == CODES[kind]
    kept, finders = np.ones(len(diagnosis.detections), bool), evaluation.matches.found_by[gone]
    kept[finders[finders >= 0]] = False
    return _opacity(evaluation, kept, positives=evaluation.rankings["opacity"].positives - int(gone.sum()))


def _on_films(films, evaluation):
    """AP of opacity without the false positives on `films`, bool [F]."""
    ranking = evaluation.rankings["opacity"]
    return _opacity(evaluation, ranking.true_positive | ~films[ranking.rows])


def _none_and_a_box(kind, cases, evaluation, diagnosis):
    films, boxed = diagnosis.films[:cases.films, CODES[kind]], np.diff(cases.truth.offsets) > 0
    return {**_on_films(films & ~boxed, evaluation), "none": _ordered(evaluation.rankings["none"], films & boxed)}


def _negative_and_a_box(kind, cases, evaluation, diagnosis):
    films = np.flatnonzero(diagnosis.films[:cases.films, CODES[kind]])
    classes = cases.study_class[cases.film_study[films]]
    negative, studies = np.zeros(cases.films, bool), np.zeros(len(cases.study_ids), bool)
    negative[films[classes == 0]] = studies[cases.film_study[films[classes > 0]]] = True
    return {**_on_films(negative, evaluation),
            "negative": _ordered(evaluation.rankings["negative"], studies[:cases.studies])}


def _boxless(kind, cases, evaluation, diagnosis):
    return _on_films(diagnosis.films[:cases.films, CODES[kind]], evaluation)


def _every_false(kind, cases, evaluation, diagnosis):
    return _opacity(evaluation, evaluation.matches.true_positive)


def _every_missed(kind, cases, evaluation, diagnosis):
    found = int((evaluation.matches.found_by >= 0).sum())
    return _opacity(evaluation, np.ones(len(diagnosis.detections), bool), positives=found)


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
           "wrong none": _none, "wrong class": _classes, "truth doubtful": _doubtful, "boxless": _boxless,
           "none and a box": _none_and_a_box, "negative and a box": _negative_and_a_box,
           "every false positive": _every_false, "every missed box": _every_missed}


@dataclass(frozen=True)
class Confusion:
    """How many studies labelled one class are `called` another, and what the mean gains if just these were right."""

    labelled: str
    called: str
    count: int
    mean: float


def confusions(cases, evaluation, study):
    """A `Confusion` for each pair of study classes that occurs among the scored studies, the most costly first.

    study [S,4]: the answer's probabilities; right means that the study stands where it should in every class.
    """
    study, labelled = np.asarray(study)[:cases.studies], cases.study_class[:cases.studies]
    called = class_error(labelled, study)[0]
    present, found = sum(ap is not None for ap in evaluation.aps.values()), []
    for truth, other in np.argwhere(~np.eye(len(STUDY_CLASSES), dtype=bool)).tolist():
        wrong = (labelled == truth) & (called == other)
        if wrong.any():
            aps = {name: _ordered(evaluation.rankings[name], wrong) for name in STUDY_CLASSES}
            gain = sum(ap - evaluation.aps[name] for name, ap in aps.items() if ap is not None)
            found.append(Confusion(STUDY_CLASSES[truth], STUDY_CLASSES[other], int(wrong.sum()), gain / present))
    return tuple(sorted(found, key=lambda each: -each.mean))
