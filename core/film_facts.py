"""What the worklist knows of films beside their failures: what each costs, its patient fold, its review.

This module knows nothing of filters or orders.
"""

from core.parts import film_folds
from core.worklist import Facts


def facts_of(cases, cost=None, folds=None, review=None):
    """The `core.worklist.Facts` of `cases` (`core.cases.Cases`).

    cost: float64 [F] or None; folds: rows (id of an image or study, fold) of a folds file, as
    `core.fold_probes.read_folds` gives them, None for what the predictions name; review: state of each film's
    review, text [F], or None. A film that rows put into several folds has none.
    """
    return Facts(cost, _named(cases, folds) if folds is not None else _predicted(cases), review)


def _named(cases, rows):
    told = {}
    for each, fold in rows:
        told.setdefault(each, set()).add(fold)
    found = [told.get(image.image_id) or told.get(image.study_id) or () for image in cases.images]
    return tuple(next(iter(each)) if len(each) == 1 else "" for each in found)


def _predicted(cases):
    codes, names = film_folds(cases)
    if not names:
        return None
    told = [names[code] if code >= 0 else "" for code in codes.tolist()]
    return (*told, *[""] * (len(cases.images) - len(told)))
