"""Which films a reader wants to see, and in which order.

This module knows nothing of display or of how the failures came about.
"""

from dataclasses import dataclass

import numpy as np

from core.errors import BadSettings
from core.kinds import KINDS
from core.labels import STUDY_CLASSES

UNLABELLED = "unlabelled"
CLASSES = (*STUDY_CLASSES, UNLABELLED)
ORDERS = {
    "trouble": "most trouble first",
    "cost": "most costly to the mAP first",
    "id": "by id",
    "class": "by the study's labelled class, then by the predicted one",
    "TP": "most true positives first",
    "FP": "most false positives first",
    "FN": "most missed boxes first",
    "opacity": "most probable opacity first",
    "boxes": "most ground-truth boxes first",
    "shown": "most detections first",
}


@dataclass(frozen=True)
class ListSettings:
    """What the worklist holds.

    find      text that the film's or the study's id contains, upper and lower case alike; "" = any.
    classes   labelled study classes, of CLASSES; () = any.
    kinds     kinds of trouble, of `core.kinds.KINDS`, one of which the film must have; () = any.
    order     one of ORDERS; equals stay in the order of the labels.

    Raises `BadSettings` for a name that is not among these.
    """

    find: str = ""
    classes: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    order: str = "trouble"

    def __post_init__(self):
        for name, values, known in (("classes", self.classes, CLASSES), ("kinds", self.kinds, KINDS),
                                    ("order", (self.order,), ORDERS)):
            unknown = [each for each in values if each not in known]
            if unknown:
                raise BadSettings(f"{name} names {unknown[0]!r}, but the worklist knows {', '.join(known)}: choose "
                                  "among these.")


def listed(cases, failures, settings, cost=None):
    """Rows int64 [R] of the films of `cases` (`core.cases.Cases`) that `settings` ask for, in their order.

    cost: what each film costs, float [F] with NaN unknown (`core.costs.Costs.of_cases`); None when nothing is scored.
    """
    keep = np.ones(len(cases.images), bool)
    if settings.find.strip():
        wanted = settings.find.strip().casefold()
        keep &= [wanted in image.image_id.casefold() or wanted in image.study_id.casefold() for image in cases.images]
    if settings.classes:
        keep &= np.isin(failures.truth_class, [_class_code(name) for name in settings.classes])
    if settings.kinds:
        keep &= failures.kinds[:, [list(KINDS).index(name) for name in settings.kinds]].any(axis=1)
    rows = np.flatnonzero(keep)
    return rows[_order(cases, failures, rows, settings.order, cost)]


def _class_code(name):
    return -1 if name == UNLABELLED else STUDY_CLASSES.index(name)


def _order(cases, failures, rows, order, cost):
    if order == "id":
        return np.array(sorted(range(len(rows)), key=lambda row: cases.images[rows[row]].image_id), np.int64)
    if order == "class":
        return np.lexsort((failures.predicted_class[rows], failures.truth_class[rows]))
    values = {"trouble": failures.trouble, "TP": failures.tp, "FP": failures.fp, "FN": failures.fn,
              "opacity": failures.p_opacity, "boxes": failures.truth_boxes, "shown": failures.shown,
              "cost": np.full(len(cases.images), np.nan) if cost is None else cost}[order]
    return np.argsort(-values[rows].astype(np.float64), kind="stable")  # unknown (NaN) comes last
