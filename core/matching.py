"""Detections x ground truth -> a verdict, a box and an IoU for every detection, and the reverse for every
box.

The matching of the six-class SIIM mAP, which is that of PASCAL VOC: inside a film detections are taken by
descending score (stable); each looks at the ground-truth box with the largest IoU, taken or not (the first
of equals), and is a true positive if that IoU is strictly above the threshold and the box is not taken yet.
Widths have no added pixel.

This module knows nothing of probabilities, curves or how the detections were made.
"""

from dataclasses import dataclass

import numpy as np

from core.errors import BadPredictions
from core.ordering import compiled, memory_for, stable_descending
from core.parallel import over_films, read_only

BACKGROUND, TRUE_POSITIVE, DUPLICATE = range(3)
VERDICTS = {
    BACKGROUND: "false positive: overlaps no ground-truth box enough",
    TRUE_POSITIVE: "true positive: the first to overlap its ground-truth box enough",
    DUPLICATE: "false positive: its ground-truth box was taken by a more confident detection",
}


@dataclass(frozen=True, eq=False)
class Matches:
    """The verdicts, aligned with the rows of the detections [M] and of the ground-truth boxes [G].

    verdict    [M] uint8, a key of VERDICTS.
    truth_row  [M] int32: the ground-truth box with the largest IoU, whatever the verdict; -1 where none
               overlaps.
    iou        [M] float32: that IoU.
    found_by   [G] int32: the detection that is the box's true positive, -1 for a missed box.
    best_iou   [G] float32: the largest IoU of any detection of the film with the box.
    """

    verdict: np.ndarray
    truth_row: np.ndarray
    iou: np.ndarray
    found_by: np.ndarray
    best_iou: np.ndarray

    @property
    def true_positive(self):
        return self.verdict == TRUE_POSITIVE

    def counts(self, offsets, truth_offsets):
        """(TP, FP, FN), three [F] int64, of the films cut by `offsets` [F+1] and `truth_offsets` [F+1]."""
        positives = _per_film(self.verdict == TRUE_POSITIVE, offsets)
        return positives, np.diff(offsets) - positives, _per_film(self.found_by < 0, truth_offsets)


def _per_film(flags, offsets):
    return np.diff(np.r_[0, np.cumsum(flags)][offsets])


@compiled
def overlap_of(boxes, row, truth, one):
    """IoU, float64, of boxes[row] and truth[one]; 0 where they do not touch."""
    x_min, y_min = np.float64(boxes[row, 0]), np.float64(boxes[row, 1])
    x_max, y_max = np.float64(boxes[row, 2]), np.float64(boxes[row, 3])
    left, top = np.float64(truth[one, 0]), np.float64(truth[one, 1])
    right, bottom = np.float64(truth[one, 2]), np.float64(truth[one, 3])
    width, height = min(x_max, right) - max(x_min, left), min(y_max, bottom) - max(y_min, top)
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / ((x_max - x_min) * (y_max - y_min) + (right - left) * (bottom - top) - common)


@compiled
def match_films(first, last, boxes, scores, offsets, truth, truth_offsets, threshold, verdict, truth_row, iou,
                found_by, best_iou):
    """Films first..last into the arrays of `Matches`; boxes [M,4], scores [M], truth [G,4] float32, offsets int64."""
    sorting = memory_for(first, last, offsets)
    for film in range(first, last):
        start, stop = offsets[film], offsets[film + 1]
        order = stable_descending(scores[start:stop], stop - start, sorting)
        for place in range(stop - start):
            row = start + order[place]
            best, nearest = 0.0, -1
            for one in range(truth_offsets[film], truth_offsets[film + 1]):
                overlap = overlap_of(boxes, row, truth, one)
                best_iou[one] = max(best_iou[one], overlap)
                if overlap > best:
                    best, nearest = overlap, one
            truth_row[row], iou[row] = nearest, best
            if nearest < 0 or best <= threshold:
                verdict[row] = BACKGROUND
            elif found_by[nearest] >= 0:
                verdict[row] = DUPLICATE
            else:
                verdict[row] = TRUE_POSITIVE
                found_by[nearest] = row


def match(truth_boxes, truth_offsets, boxes, offsets, scores, threshold=0.5):
    """`Matches` of detections and ground truth of the same F films in the same order.

    truth_boxes [G,4] and boxes [M,4] float32 xyxy in pixels of the original image, truth_offsets and
    offsets [F+1], scores [M]; rows need not be sorted by score. `threshold`: a true positive's IoU is
    strictly above it. Raises `BadPredictions` when the films differ in number or a score is NaN.
    """
    if len(truth_offsets) != len(offsets):
        raise BadPredictions(f"predictions cover {len(offsets) - 1} films and the ground truth "
                             f"{len(truth_offsets) - 1}, but they must be the same films in the same order: take "
                             "the subset first.")
    scores = read_only(scores, np.float32)
    if np.isnan(scores).any():
        raise BadPredictions(f"the score of detection {int(np.isnan(scores).argmax())} is NaN, but detections "
                             "are ordered by their scores: drop it or give it a number.")
    verdict, truth_row = np.empty(len(scores), np.uint8), np.empty(len(scores), np.int32)
    iou = np.empty(len(scores), np.float32)
    found_by, best_iou = np.full(len(truth_boxes), -1, np.int32), np.zeros(len(truth_boxes), np.float32)
    offsets = read_only(offsets, np.int64)
    over_films(match_films, offsets, read_only(boxes, np.float32), scores, offsets,
               read_only(truth_boxes, np.float32), read_only(truth_offsets, np.int64), float(threshold), verdict,
               truth_row, iou, found_by, best_iou)
    return Matches(*(read_only(array) for array in (verdict, truth_row, iou, found_by, best_iou)))


def warm():
    """Compiles what `match` needs, or loads it from numba's cache; seconds the first time, so call it early."""
    none, offsets = np.zeros((0, 4)), np.zeros(2)
    match(none, offsets, none, offsets, np.zeros(0))
