"""A film's candidates and its detections in the making, as all methods of fusion compile them.

It knows nothing of methods. numba's cache does not see a change in another file: after a change here or in
`core.soft_nms`, remove `core/__pycache__`, so that fusion is compiled anew with it.
"""

from collections import namedtuple

from core.ordering import compiled

# A film's candidates by descending score: boxes [4,n], areas, scores, slots (selected source), rows (in the set),
# and member: the cluster that each went into.
Film = namedtuple("Film", "boxes areas scores slots rows member")
# Its detections in the making: boxes [4,n], areas, scores, leader (place in Film), sums [4,n] and mass of weights.
Clusters = namedtuple("Clusters", "boxes areas scores leader sums mass")


@compiled
def iou_of(boxes, areas, i, others, other_areas, j):
    """IoU of box i of `boxes` and box j of `others`, both [4,n]; 0 where they do not touch."""
    width = max(min(boxes[2, i], others[2, j]) - max(boxes[0, i], others[0, j]), 0.0)
    height = max(min(boxes[3, i], others[3, j]) - max(boxes[1, i], others[1, j]), 0.0)
    common = width * height
    return common / (areas[i] + other_areas[j] - common)


@compiled
def begin(film, i, clusters, j):
    """Cluster j, of candidate i alone and without weight yet."""
    for side in range(4):
        clusters.boxes[side, j] = film.boxes[side, i]
        clusters.sums[side, j] = 0
    clusters.areas[j] = film.areas[i]
    clusters.scores[j] = film.scores[i]
    clusters.leader[j] = i
    clusters.mass[j] = 0
