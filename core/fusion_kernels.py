"""Compiled loops of fusion, over flat arrays of all films cut by offsets.

This module knows nothing of settings, names of sources, ground truth or files: `core.fusion` checks what goes in and
deals the films to threads. Films are independent and ties are settled by rows, so the same input gives the same
output. All arithmetic is float64. Loops that run over clusters are written so that the compiler makes vector
instructions of them: they start at 0 and have no branch; on other loops that care would be wasted.
"""

from collections import namedtuple

import numpy as np

from core.clusters import Clusters, Film, begin, iou_of
from core.ordering import compiled, sorting_memory, stable_descending
from core.soft_nms import Fading, soft_nms

NMS, SOFT_LINEAR, SOFT_GAUSSIAN, NMW, WBF = range(5)  # method codes
PLACES = np.int64(2**16 - 1)  # the bits of a float64 that hold a cluster's number while the best one is sought
AVG, MAX, BOX_AND_MODEL_AVG, ABSENT_MODEL_AWARE_AVG = range(4)  # what a WBF score is made of

# Working memory for counting over clusters (`seen` is [n, selected sources]).
Counting = namedtuple("Counting", "members weight present seen")


@compiled
def _first_above(film, i, clusters, count, iou):
    """The first cluster that candidate i overlaps by more than `iou`, or `count`."""
    boxes, areas, others, other_areas = film.boxes, film.areas, clusters.boxes, clusters.areas
    first = np.int64(count)
    for j in range(count):
        first = min(first, j if iou_of(boxes, areas, i, others, other_areas, j) > iou else count)
    return first


@compiled
def _best_cluster(film, i, clusters, count, iou):
    """The first cluster with the largest IoU above `iou`, or -1; IoUs that differ by less than 2e-11 count as equal.

    Numbers above 0 sort as their bits do. The last bits give way to the cluster's number, counted down, and the
    largest integer, which vector instructions find, then holds both.
    """
    boxes, areas, others, other_areas = film.boxes, film.areas, clusters.boxes, clusters.areas
    most = np.int64(0)
    for j in range(count):
        overlap = np.float64(iou_of(boxes, areas, i, others, other_areas, j))
        most = max(most, overlap.view(np.int64) & ~PLACES | (PLACES - j))
    best = PLACES - (most & PLACES)
    return best if count > 0 and iou_of(boxes, areas, i, others, other_areas, best) > iou else -1


@compiled
def _nms(film, n, clusters, iou):
    count = 0
    for i in range(n):
        taker = _first_above(film, i, clusters, count, iou)
        if taker == count:
            begin(film, i, clusters, count)
            count += 1
        film.member[i] = taker
    return count


@compiled
def _nmw(film, n, clusters, iou):
    count = 0
    for i in range(n):
        j = _best_cluster(film, i, clusters, count, iou)
        if j < 0:
            j = count
            begin(film, i, clusters, j)
            count += 1
        weight = film.scores[i] * iou_of(film.boxes, film.areas, i, clusters.boxes, clusters.areas, j)
        for side in range(4):
            clusters.sums[side, j] += weight * film.boxes[side, i]
        clusters.mass[j] += weight
        film.member[i] = j
    for j in range(count):
        if clusters.mass[j] > 0:
            for side in range(4):
                clusters.boxes[side, j] = clusters.sums[side, j] / clusters.mass[j]
    return count


@compiled
def _wbf(film, n, clusters, iou):
    count, boxes, sums, mass = 0, clusters.boxes, clusters.sums, clusters.mass
    for i in range(n):
        j, score = _best_cluster(film, i, clusters, count, iou), film.scores[i]
        lone = j < 0
        if lone:
            j = count
            begin(film, i, clusters, j)
            count += 1
        mass[j] += score
        for side in range(4):
            sums[side, j] += score * film.boxes[side, i]
        if score > 0 and not lone:
            share = 1 / mass[j]
            for side in range(4):
                boxes[side, j] = sums[side, j] * share
            clusters.areas[j] = (boxes[2, j] - boxes[0, j]) * (boxes[3, j] - boxes[1, j])
        film.member[i] = j
    return count


@compiled
def _wbf_scores(film, n, clusters, count, counting, weights, conf_type):
    """Replaces the clusters' scores, each its leader's, by what `conf_type` asks for."""
    scores, mass, total, largest = clusters.scores, clusters.mass, 0.0, 0.0
    members, weight, present, seen = counting.members, counting.weight, counting.present, counting.seen
    for slot in range(len(weights)):
        total += weights[slot]
        largest = max(largest, weights[slot])
    for j in range(count):
        members[j], weight[j], present[j] = 0, 0, 0
        for slot in range(len(weights)):
            seen[j, slot] = False
    for i in range(n):
        j, slot = film.member[i], film.slots[i]
        members[j] += 1
        weight[j] += weights[slot]
        if not seen[j, slot]:
            seen[j, slot] = True
            present[j] += weights[slot]
    for j in range(count):
        if conf_type == AVG:
            scores[j] = mass[j] / members[j] * min(len(weights), members[j]) / total
        elif conf_type == MAX:
            scores[j] /= largest
        elif conf_type == BOX_AND_MODEL_AVG:
            scores[j] = mass[j] / weight[j] * present[j] / total
        else:
            scores[j] = mass[j] / (weight[j] + (total - present[j]))


@compiled
def _read_film(start, stop, ranked, boxes, scores, source, slot_of, scale, weights, skip, film, member_of, keys, picked,
               sorting):
    """Fills `film` with the rows ranked[start..stop] that take part, by descending weighted score; returns how many.

    Rows that are ranked so already need no sorting.
    """
    n = 0
    for place in range(start, stop):
        row = ranked[place]
        member_of[row] = -1
        slot = slot_of[source[row]]
        score = scores[row] * scale[slot]
        if slot >= 0 and score >= skip and boxes[row, 2] > boxes[row, 0] and boxes[row, 3] > boxes[row, 1]:
            keys[n] = score * weights[slot]
            picked[n] = row
            n += 1
    order = stable_descending(keys, n, sorting)
    for i in range(n):
        row = picked[order[i]]
        film.rows[i] = row
        film.slots[i] = slot_of[source[row]]
        film.scores[i] = keys[order[i]]
        for side in range(4):
            film.boxes[side, i] = boxes[row, side]
        film.areas[i] = (film.boxes[2, i] - film.boxes[0, i]) * (film.boxes[3, i] - film.boxes[1, i])
    return n


@compiled
def _write_film(start, film, n, clusters, count, place_of, sorting, boxes, scores, leader, member_of):
    """The film's detections by descending score into rows from `start`; `place_of` is working memory."""
    order = stable_descending(clusters.scores, count, sorting)
    for place in range(count):
        j = order[place]
        place_of[j] = place
        for side in range(4):
            boxes[start + place, side] = clusters.boxes[side, j]
        scores[start + place] = clusters.scores[j]
        leader[start + place] = film.rows[clusters.leader[j]]
    for i in range(n):
        if film.member[i] >= 0:
            member_of[film.rows[i]] = place_of[film.member[i]]


@compiled
def draft_films(first, last, ranked, boxes, scores, source, offsets, slot_of, scale, weights, method, conf_type, iou,
                skip, sigma, out_boxes, out_scores, leader, member_of, counts):
    """Detections of the films first..last, those of film f into rows offsets[f] to offsets[f] + counts[f].

    ranked [N] int32: the order in which a film's rows are taken, ties included; boxes [N,4], scores [N] float32, source
    [N] int16, offsets [F+1] int64; slot_of [sources] int64: the place of a
    source among the selected ones or -1; scale, weights [selected] float64. Written: out_boxes [N,4], out_scores [N]
    float32, leader [N] int32, counts [F] int64, and member_of [N] int32, which counts from the film's first detection.
    """
    n = 0
    for f in range(first, last):
        n = max(n, offsets[f + 1] - offsets[f])
    real, whole, sorting = np.empty((7, n)), np.empty((5, n), np.int32), sorting_memory(n)
    numbers = np.empty((2, n), np.int64)
    film = Film(np.empty((4, n)), real[0], real[1], whole[0], whole[1], whole[2])
    clusters = Clusters(np.empty((4, n)), real[2], real[3], whole[3], np.empty((4, n)), real[4])
    fading = Fading(real[4], real[5], real[6], numbers[0], numbers[1])
    counting = Counting(whole[4], real[5], real[6], np.empty((n, len(weights)), np.bool_))
    for f in range(first, last):
        n = _read_film(offsets[f], offsets[f + 1], ranked, boxes, scores, source, slot_of, scale, weights, skip, film,
                       member_of, real[4], whole[3], sorting)
        if method == NMS:
            count = _nms(film, n, clusters, iou)
        elif method == NMW:
            count = _nmw(film, n, clusters, iou)
        elif method == WBF:
            count = _wbf(film, n, clusters, iou)
            _wbf_scores(film, n, clusters, count, counting, weights, conf_type)
        else:
            count = soft_nms(film, n, clusters, method == SOFT_GAUSSIAN, iou, skip, sigma, fading)
        _write_film(offsets[f], film, n, clusters, count, whole[4], sorting, out_boxes, out_scores, leader, member_of)
        counts[f] = count


@compiled
def pack_films(first, last, offsets, boxes, scores, leader, packed, out_boxes, out_scores, out_leader, member_of):
    """The drafts of the films first..last without gaps, film f from row packed[f]; member_of counts over the set."""
    for f in range(first, last):
        for row in range(packed[f], packed[f + 1]):
            draft = offsets[f] + row - packed[f]
            for side in range(4):
                out_boxes[row, side] = boxes[draft, side]
            out_scores[row] = scores[draft]
            out_leader[row] = leader[draft]
        for row in range(offsets[f], offsets[f + 1]):
            if member_of[row] >= 0:
                member_of[row] += packed[f]
