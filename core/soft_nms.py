"""Soft-NMS (Bodla et al. 2017, ICCV), compiled for one film.

Every detection lowers the scores of all candidates that overlap it, so each pass goes over all that are left: without
a branch, that the compiler makes vector instructions of it.
"""

from collections import namedtuple

import numpy as np

from core.clusters import begin, iou_of
from core.ordering import compiled

LN_2, ROUND = np.log(2.0), 1.5 * 2**52
CROWDED = 0.8  # share of candidates left above which their gaps are not worth closing

# Working memory over the candidates left: overlap with the detection of now, what it leaves of the score, largest
# overlap with a detection so far, that detection, and the candidate's place in Film.
Fading = namedtuple("Fading", "overlaps factors strongest taker whom")


@compiled
def _exp(x):
    """exp(x) of x <= 0 to a relative 1e-11, and of less than -700 as of -700; the library's is no vector instruction.

    2 ** power * exp(rest): a number below 2 ** 51 that ROUND is added to has its integer part in its last bits.
    """
    shifted = np.float64(max(x, -700.0) * (1 / LN_2) + ROUND)
    power = shifted - ROUND
    r = max(x, -700.0) - power * LN_2
    series = 1 + r * (1 + r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720 + r * (
        1 / 5040 + r * (1 / 40320 + r * (1 / 362880)))))))))
    return series * np.int64((shifted.view(np.int64) + 1023) << 52).view(np.float64)


@compiled
def _fade(film, left, pick, count, gaussian, iou, skip, sigma, fading):
    """Lowers the scores of the first `left` candidates that overlap `pick`, those below `skip` to 0; the largest score
    left and how many are above 0."""
    boxes, areas, scores, overlaps, factors = film.boxes, film.areas, film.scores, fading.overlaps, fading.factors
    strongest, taker, steepness = fading.strongest, fading.taker, -1 / sigma
    for i in range(left):
        overlaps[i] = iou_of(boxes, areas, i, boxes, areas, pick)
    if gaussian:
        for i in range(left):
            factors[i] = _exp(overlaps[i] * overlaps[i] * steepness)
    else:
        for i in range(left):
            overlaps[i] = overlaps[i] if overlaps[i] > iou else 0.0
            factors[i] = 1 - overlaps[i]
    bits, alive = np.int64(0), np.int64(0)
    for i in range(left):
        closer = overlaps[i] > strongest[i] and scores[i] > 0
        strongest[i] = overlaps[i] if closer else strongest[i]
        taker[i] = count if closer else taker[i]
        score = scores[i] * factors[i]
        score = score if score >= skip else 0.0
        scores[i] = score
        bits = max(bits, np.float64(score).view(np.int64))
        alive += score > 0
    return np.int64(bits).view(np.float64), alive


@compiled
def _drop(film, left, fading):
    """Closes the gaps that candidates of score 0 leave among the first `left`; how many stay."""
    kept = 0
    for i in range(left):
        film.member[fading.whom[i]] = fading.taker[i]
        if film.scores[i] > 0:
            for side in range(4):
                film.boxes[side, kept] = film.boxes[side, i]
            film.areas[kept], film.scores[kept] = film.areas[i], film.scores[i]
            fading.strongest[kept], fading.taker[kept], fading.whom[kept] = (
                fading.strongest[i], fading.taker[i], fading.whom[i])
            kept += 1
    return kept


@compiled
def soft_nms(film, n, clusters, gaussian, iou, skip, sigma, fading):
    """Uses up boxes, areas and scores of `film`."""
    scores, left, count = film.scores, 0, 0
    for i in range(n):
        film.member[i] = -1
        fading.strongest[i], fading.taker[i], fading.whom[i] = 0, -1, i
        left += scores[i] >= skip and scores[i] > 0
    most, alive = scores[0], left
    while alive > 0:
        if alive < CROWDED * left:
            left = _drop(film, left, fading)
        pick = left
        for i in range(left):
            pick = min(pick, i if scores[i] == most else left)
        begin(film, pick, clusters, count)
        clusters.leader[count] = fading.whom[pick]
        fading.taker[pick], scores[pick] = count, 0
        most, alive = _fade(film, left, pick, count, gaussian, iou, skip, sigma, fading)
        count += 1
    _drop(film, left, fading)
    return count
