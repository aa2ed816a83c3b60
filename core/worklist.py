"""Which films a reader wants to see, and in which order.

This module knows nothing of display or of how the failures came about.
"""

from dataclasses import dataclass, field

import numpy as np

from core.errors import BadSettings
from core.kinds import KINDS
from core.labels import STUDY_CLASSES

UNLABELLED, UNPREDICTED = "unlabelled", "not predicted"
CLASSES = (*STUDY_CLASSES, UNLABELLED)
PREDICTED = (*STUDY_CLASSES, UNPREDICTED)
ORDERS = {
    "trouble": "most trouble first",
    "cost": "most costly to the mAP first",
    "worst": "most confident error first",
    "id": "by id",
    "study": "by the study's id",
    "class": "by the study's labelled class, then by the predicted one",
    "predicted": "by the study's predicted class, then by the labelled one",
    "kinds": "most kinds of failure first",
    "TP": "most true positives first",
    "FP": "most false positives first",
    "FN": "most missed boxes first",
    "opacity": "most probable opacity first",
    "boxes": "most ground-truth boxes first",
    "shown": "most detections first",
    "films": "studies of most films first",
    "fold": "by fold",
    "review": "by the state of the review",
    "list": "as in the saved list",
}


@dataclass(frozen=True, repr=False)
class IdList:
    """A list of image ids under a name, in their order; `digest` tells one content from another."""

    name: str
    digest: str
    ids: tuple[str, ...]

    def __repr__(self):
        return f"IdList({self.name!r}, {self.digest!r})"


@dataclass(frozen=True)
class ListSettings:
    """What the worklist holds.

    find       text that the film's or the study's id contains, upper and lower case alike; "" = any.
    classes    labelled study classes, of CLASSES; () = any.
    kinds      kinds of trouble, of `core.kinds.KINDS`, one of which the film must have; () = any.
    order      one of ORDERS; equals stay in the order of the labels, and what is unknown comes last.
    predicted  predicted study classes, of PREDICTED; () = any.
    folds      names of folds; () = any.
    reviews    states of the review; () = any.
    films      least number of films of the study.
    cost       least cost, in thousandths of the mAP; 0 asks for none.
    worst      least confidence of the worst error, 0..1; 0 asks for none.
    within     the `IdList` that the film must be in, None for any.
    backwards  the order from its other end; what is unknown still comes last.

    Raises `BadSettings` for a name that is not among these.
    """

    find: str = ""
    classes: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    order: str = "trouble"
    predicted: tuple[str, ...] = ()
    folds: tuple[str, ...] = ()
    reviews: tuple[str, ...] = ()
    films: int = 1
    cost: float = 0.0
    worst: float = 0.0
    within: IdList | None = None
    backwards: bool = False

    def __post_init__(self):
        for name, values, known in (("classes", self.classes, CLASSES), ("kinds", self.kinds, KINDS),
                                    ("predicted", self.predicted, PREDICTED), ("order", (self.order,), ORDERS)):
            unknown = [each for each in values if each not in known]
            if unknown:
                raise BadSettings(f"{name} names {unknown[0]!r}, but the worklist knows {', '.join(known)}: choose "
                                  "among these.")


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of each film of a `core.cases.Cases` beside its failures; None where nothing is known of any.

    cost    float64 [F]: what it costs the mAP (`core.costs.Costs.of_cases`), NaN unknown.
    fold    [F] text: the patient fold it lies in, "" unknown.
    review  [F] text: the state of its review, "" unknown.
    """

    cost: np.ndarray | None = None
    fold: tuple[str, ...] | None = None
    review: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class _Asked:
    """What is asked about: `cases`, their `failures`, the `facts`, and the films of each one's study int64 [F]."""

    cases: object
    failures: object
    facts: Facts
    siblings: np.ndarray = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "siblings", films_of_study(self.cases))

    @property
    def cost(self):
        return np.full(len(self.cases.images), np.nan) if self.facts.cost is None else self.facts.cost


def films_of_study(cases):
    """How many films the study of each film of `cases` has, int64 [F]."""
    return np.bincount(cases.film_study, minlength=len(cases.study_ids))[cases.film_study]


def listed(cases, failures, settings, facts=None):
    """Rows int64 [R] of the films of `cases` (`core.cases.Cases`) that `settings` ask for, in their order.

    failures: their `core.failures.Failures`; facts: `Facts`, None when nothing more is known of them.
    """
    asked = _Asked(cases, failures, facts or Facts())
    rows = np.flatnonzero(_kept(asked, settings))
    return rows[_order(asked, rows, settings)]


def _kept(asked, settings):
    """Whether each film [F] passes every filter."""
    cases, failures, facts = asked.cases, asked.failures, asked.facts
    keep = asked.siblings >= settings.films
    if wanted := settings.find.strip().casefold():
        keep &= [wanted in image.image_id.casefold() or wanted in image.study_id.casefold() for image in cases.images]
    if settings.within is not None:
        ids = set(settings.within.ids)
        keep &= [image.image_id in ids for image in cases.images]
    for names, codes in ((settings.classes, failures.truth_class), (settings.predicted, failures.predicted_class)):
        if names:
            keep &= np.isin(codes, [STUDY_CLASSES.index(each) if each in STUDY_CLASSES else -1 for each in names])
    for names, told in ((settings.folds, facts.fold), (settings.reviews, facts.review)):
        if names:
            keep &= [each in names for each in told or ("",) * len(keep)]
    if settings.kinds:
        keep &= failures.kinds[:, [list(KINDS).index(name) for name in settings.kinds]].any(axis=1)
    for least, values in ((settings.cost / 1000, asked.cost), (settings.worst, failures.worst)):
        if least > 0:
            keep &= values >= least  # not where it is unknown
    return keep


def _order(asked, rows, settings):
    """The places of `rows` in the order that is asked for, int64 [R]."""
    keys = [np.asarray(each)[rows] for each in _keys(asked, settings)]
    unknown = np.array([each != each or each == "" for each in keys[0]], bool)
    ranks = [np.unique(each, return_inverse=True)[1] for each in keys]
    if settings.backwards:
        ranks = [-each for each in ranks]
    return np.lexsort((*ranks[::-1], unknown))


def _keys(asked, settings):
    """What films [F] are ordered by, ascending: the first that differs decides; NaN or "" is unknown."""
    cases, failures, facts, count = asked.cases, asked.failures, asked.facts, len(asked.cases.images)
    if settings.order in ("class", "predicted"):
        codes = failures.truth_class, failures.predicted_class
        return codes if settings.order == "class" else codes[::-1]
    if settings.order == "list":
        place = {each: number for number, each in enumerate(settings.within.ids if settings.within else ())}
        return ([place.get(image.image_id, len(place)) for image in cases.images],)
    if settings.order in ("id", "study", "fold", "review"):
        texts = {"id": [image.image_id for image in cases.images], "study": [image.study_id for image in cases.images],
                 "fold": facts.fold, "review": facts.review}[settings.order]
        return (np.array(("",) * count if texts is None else texts, object),)
    values = {"trouble": failures.trouble, "TP": failures.tp, "FP": failures.fp, "FN": failures.fn,
              "opacity": failures.p_opacity, "boxes": failures.truth_boxes, "shown": failures.shown,
              "worst": failures.worst, "kinds": failures.kinds.sum(axis=1), "films": asked.siblings,
              "cost": asked.cost}[settings.order].astype(np.float64)
    return (-np.where(values < 0, np.nan, values),)
