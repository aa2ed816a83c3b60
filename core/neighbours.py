"""Boxless films beside a boxed one that looks the same: the label was given once for several near-identical shots.

It knows nothing of predictions.
"""

import numpy as np

from core.exploration import ALIKE, near_duplicates, small_pictures
from core.kinds import truth_counts


def doubtful_films(cases):
    """The images of `core.cases.Cases` that can be neighbours: those of studies with boxed and boxless films."""
    boxes = truth_counts(cases)
    studies = [set(), set()]
    for row in np.flatnonzero(boxes >= 0):
        studies[int(boxes[row] > 0)].add(cases.film_study[row])
    mixed = studies[0] & studies[1]
    return [image for row, image in enumerate(cases.images)
            if boxes[row] >= 0 and cases.film_study[row] in mixed and image.path and image.width]


def neighbours(cases, progress=None):
    """Id of each boxless film that looks like a boxed one of its study -> id of that one; films are decoded for it."""
    pictures = small_pictures(doubtful_films(cases), progress)
    boxes = truth_counts(cases)
    told = {image.image_id: (image.study_id, boxes[row] > 0) for row, image in enumerate(cases.images)}
    ids = list(pictures)
    found = {}
    for i, j, _ in near_duplicates(np.stack(list(pictures.values())) if ids else np.zeros((0, 1, 1)), ALIKE):
        (study, boxed), (other, other_boxed) = told[ids[i]], told[ids[j]]
        if study == other and boxed != other_boxed:
            bare, with_box = (ids[j], ids[i]) if boxed else (ids[i], ids[j])
            found.setdefault(bare, with_box)
    return found
