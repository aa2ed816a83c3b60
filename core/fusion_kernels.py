"""Compiled loops of fusion: all films of a set in one call, over flat arrays cut by offsets.

This module knows nothing of settings, names of sources, ground truth or files: `core.fusion` checks what
goes in and holds the lock that numba's parallel loops need. Films are independent and each is worked on by
one thread, so results do not depend on the number of threads. All arithmetic is float64.

numba's cache does not see a change in another file, so all that is compiled together stands in this one.
"""

from collections import namedtuple

import numpy as np
from numba import njit, prange

NMS, SOFT_LINEAR, SOFT_GAUSSIAN, NMW, WBF = range(5)  # method codes
AVG, MAX, BOX_AND_MODEL_AVG, ABSENT_MODEL_AWARE_AVG = range(4)  # what a WBF score is made of
BLOCKS = 128  # films are dealt to threads in so many parts, each with its own working memory
CHUNK = 64  # clusters that are searched at once

# A film's candidates by descending score: boxes [4,n], areas, scores, slots (selected source), rows (in the set),
# and member: the detection that each went into.
Film = namedtuple("Film", "boxes areas scores slots rows member")
# Its detections in the making: boxes [4,n], areas, scores, leader (place in Film), sums [4,n] and mass of weights.
Clusters = namedtuple("Clusters", "boxes areas scores leader sums mass")
# Working memory for sorting, and for counting over clusters (`seen` is [n, selected sources]).
Sorting = namedtuple("Sorting", "order spare bounds")
Counting = namedtuple("Counting", "members weight present seen")


@njit(cache=True, nogil=True)
def stable_descending(keys, sorting):
    """Positions of `keys` [n] by descending key, equal keys in their order, int32 in the first n places.

    Natural merge sort: keys that are several sorted runs, one per source, cost few passes.
    """
    order, spare, bounds = sorting.order, sorting.spare, sorting.bounds
    n, runs = len(keys), 0
    bounds[0] = 0
    for i in range(n):
        order[i] = i
        if i > 0 and keys[i] > keys[i - 1]:
            runs += 1
            bounds[runs] = i
    runs += 1
    bounds[runs] = n
    while runs > 1:
        merged = 0
        for run in range(0, runs, 2):
            low, middle, high = bounds[run], bounds[min(run + 1, runs)], bounds[min(run + 2, runs)]
            left, right = low, middle
            for place in range(low, high):
                if left < middle and (right >= high or keys[order[left]] >= keys[order[right]]):
                    spare[place] = order[left]
                    left += 1
                else:
                    spare[place] = order[right]
                    right += 1
            bounds[merged] = low
            merged += 1
        bounds[merged] = n
        runs = merged
        order, spare = spare, order
    return order


@njit(cache=True, nogil=True)
def _iou(film, i, others, other_areas, j):
    """IoU of candidate i and box j of others [4,.]; 0 where they do not touch."""
    width = min(film.boxes[2, i], others[2, j]) - max(film.boxes[0, i], others[0, j])
    height = min(film.boxes[3, i], others[3, j]) - max(film.boxes[1, i], others[1, j])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / (film.areas[i] + other_areas[j] - common)


@njit(cache=True, nogil=True)
def _touched(film, i, clusters, start, stop, iou):
    """How many of the clusters start..stop may overlap candidate i by more than `iou`; none is overlooked."""
    x_min, y_min, x_max, y_max = film.boxes[0, i], film.boxes[1, i], film.boxes[2, i], film.boxes[3, i]
    left, top, right, bottom = clusters.boxes[0], clusters.boxes[1], clusters.boxes[2], clusters.boxes[3]
    area, areas, bound, count = film.areas[i], clusters.areas, iou * (1 - 1e-9), 0
    for j in range(start, stop):
        width = max(min(x_max, right[j]) - max(x_min, left[j]), 0.0)
        height = max(min(y_max, bottom[j]) - max(y_min, top[j]), 0.0)
        common = width * height
        count += common >= bound * (area + areas[j] - common)
    return count


@njit(cache=True, nogil=True)
def _best_cluster(film, i, clusters, count, iou):
    """The first cluster with the largest IoU above `iou`, or -1."""
    best, found = iou, -1
    for start in range(0, count, CHUNK):
        stop = min(start + CHUNK, count)
        if _touched(film, i, clusters, start, stop, iou):
            for j in range(start, stop):
                overlap = _iou(film, i, clusters.boxes, clusters.areas, j)
                if overlap > best:
                    best, found = overlap, j
    return found


@njit(cache=True, nogil=True)
def _begin(film, i, clusters, j):
    clusters.boxes[:, j] = film.boxes[:, i]
    clusters.areas[j] = film.areas[i]
    clusters.scores[j] = film.scores[i]
    clusters.leader[j] = i
    clusters.sums[:, j] = 0
    clusters.mass[j] = 0


@njit(cache=True, nogil=True)
def _nms(film, n, clusters, iou):
    count = 0
    for i in range(n):
        taker = -1
        for j in range(count):
            if _iou(film, i, clusters.boxes, clusters.areas, j) > iou:
                taker = j
                break
        if taker < 0:
            taker = count
            _begin(film, i, clusters, count)
            count += 1
        film.member[i] = taker
    return count


@njit(cache=True, nogil=True)
def _soft_nms(film, n, clusters, gaussian, iou, skip, sigma, strongest, live):
    scores, left, best, count = film.scores, 0, 0, 0
    for i in range(n):
        film.member[i] = -1
        strongest[i] = 0
        if scores[i] >= skip and scores[i] > 0:
            live[left] = i
            left += 1
    while left > 0:
        pick = live[best]
        _begin(film, pick, clusters, count)
        film.member[pick] = count
        kept, best = 0, 0
        for place in range(left):
            i = live[place]
            if i == pick:
                continue
            overlap = _iou(film, i, film.boxes, film.areas, pick)
            if overlap > 0 and (gaussian or overlap > iou):
                scores[i] *= np.exp(-overlap * overlap / sigma) if gaussian else 1 - overlap
                if overlap > strongest[i]:
                    strongest[i] = overlap
                    film.member[i] = count
                if scores[i] < skip or scores[i] <= 0:
                    continue
            live[kept] = i
            if scores[i] > scores[live[best]]:
                best = kept
            kept += 1
        left = kept
        count += 1
    return count


@njit(cache=True, nogil=True)
def _nmw(film, n, clusters, iou):
    count = 0
    for i in range(n):
        j = _best_cluster(film, i, clusters, count, iou)
        if j < 0:
            j = count
            _begin(film, i, clusters, j)
            count += 1
        weight = film.scores[i] * _iou(film, i, clusters.boxes, clusters.areas, j)
        for side in range(4):
            clusters.sums[side, j] += weight * film.boxes[side, i]
        clusters.mass[j] += weight
        film.member[i] = j
    for j in range(count):
        if clusters.mass[j] > 0:
            for side in range(4):
                clusters.boxes[side, j] = clusters.sums[side, j] / clusters.mass[j]
    return count


@njit(cache=True, nogil=True)
def _wbf(film, n, clusters, iou):
    count = 0
    for i in range(n):
        j = _best_cluster(film, i, clusters, count, iou)
        new = j < 0
        if new:
            j = count
            _begin(film, i, clusters, j)
            count += 1
        score = film.scores[i]
        clusters.mass[j] += score
        for side in range(4):
            clusters.sums[side, j] += score * film.boxes[side, i]
        if score > 0 and not new:
            box = clusters.boxes
            for side in range(4):
                box[side, j] = clusters.sums[side, j] / clusters.mass[j]
            clusters.areas[j] = (box[2, j] - box[0, j]) * (box[3, j] - box[1, j])
        film.member[i] = j
    return count


@njit(cache=True, nogil=True)
def _wbf_scores(film, n, clusters, count, counting, weights, conf_type):
    """Replaces the clusters' scores, each its leader's, by what `conf_type` asks for."""
    total, scores, mass = weights.sum(), clusters.scores, clusters.mass
    members, weight, present = counting.members, counting.weight, counting.present
    for j in range(count):
        members[j], weight[j], present[j] = 0, 0, 0
        counting.seen[j, :] = False
    for i in range(n):
        j, slot = film.member[i], film.slots[i]
        members[j] += 1
        weight[j] += weights[slot]
        if not counting.seen[j, slot]:
            counting.seen[j, slot] = True
            present[j] += weights[slot]
    for j in range(count):
        if conf_type == AVG:
            scores[j] = mass[j] / members[j] * min(len(weights), members[j]) / total
        elif conf_type == MAX:
            scores[j] /= weights.max()
        elif conf_type == BOX_AND_MODEL_AVG:
            scores[j] = mass[j] / weight[j] * present[j] / total
        else:
            scores[j] = mass[j] / (weight[j] + (total - present[j]))


@njit(cache=True, nogil=True)
def _read_film(boxes, scores, source, start, stop, slot_of, scale, weights, skip, film, keys, picked, sorting):
    """Fills `film` with the rows start..stop that take part, by descending weighted score; returns how
    many."""
    n = 0
    for row in range(start, stop):
        slot = slot_of[source[row]]
        score = scores[row] * scale[slot]
        if slot >= 0 and score >= skip and boxes[row, 2] > boxes[row, 0] and boxes[row, 3] > boxes[row, 1]:
            keys[n] = score * weights[slot]
            picked[n] = row
            n += 1
    order = stable_descending(keys[:n], sorting)
    for i in range(n):
        row = picked[order[i]]
        film.rows[i] = row
        film.slots[i] = slot_of[source[row]]
        film.scores[i] = keys[order[i]]
        for side in range(4):
            film.boxes[side, i] = boxes[row, side]
        film.areas[i] = (film.boxes[2, i] - film.boxes[0, i]) * (film.boxes[3, i] - film.boxes[1, i])
    return n


@njit(cache=True, nogil=True)
def _fuse_film(film, n, clusters, counting, weights, method, conf_type, iou, skip, sigma):
    if method == NMS:
        return _nms(film, n, clusters, iou)
    if method == NMW:
        return _nmw(film, n, clusters, iou)
    if method == WBF:
        count = _wbf(film, n, clusters, iou)
        _wbf_scores(film, n, clusters, count, counting, weights, conf_type)
        return count
    return _soft_nms(film, n, clusters, method == SOFT_GAUSSIAN, iou, skip, sigma, counting.weight, counting.members)


@njit(cache=True, nogil=True)
def _real(n):
    return np.empty(n, np.float64)


@njit(cache=True, nogil=True)
def _whole(n):
    return np.empty(n, np.int32)


@njit(cache=True, nogil=True)
def _largest(offsets, first, last):
    most = 0
    for film in range(first, last):
        most = max(most, offsets[film + 1] - offsets[film])
    return most


@njit(cache=True, nogil=True)
def _write_film(film, n, clusters, count, place_of, sorting, start, boxes, scores, leader, member_of):
    """The film's detections by descending score into rows from `start`; `place_of` is working memory."""
    order = stable_descending(clusters.scores[:count], sorting)
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


@njit(cache=True, nogil=True)
def _draft_block(boxes, scores, source, offsets, first, last, slot_of, scale, weights, method, conf_type, iou, skip,
                 sigma, out_boxes, out_scores, out_leader, member_of, counts):
    most = _largest(offsets, first, last)
    film = Film(np.empty((4, most)), _real(most), _real(most), _whole(most), _whole(most), _whole(most))
    clusters = Clusters(np.empty((4, most)), _real(most), _real(most), _whole(most), np.empty((4, most)), _real(most))
    sorting = Sorting(_whole(most), _whole(most), _whole(most + 2))
    counting = Counting(_whole(most), _real(most), _real(most), np.empty((most, len(weights)), np.bool_))
    for f in range(first, last):
        n = _read_film(boxes, scores, source, offsets[f], offsets[f + 1], slot_of, scale, weights, skip, film,
                       clusters.mass, clusters.leader, sorting)
        counts[f] = _fuse_film(film, n, clusters, counting, weights, method, conf_type, iou, skip, sigma)
        _write_film(film, n, clusters, counts[f], counting.members, sorting, offsets[f], out_boxes, out_scores,
                    out_leader, member_of)


@njit(cache=True, nogil=True, parallel=True)
def draft_films(boxes, scores, source, offsets, slot_of, scale, weights, method, conf_type, iou, skip, sigma):
    """Detections of film f in rows offsets[f] to offsets[f] + counts[f] of arrays as long as the candidates'.

    boxes [N,4], scores [N] float32, source [N] int16, offsets [F+1] int64; slot_of [sources] int64: the
    place of a source among the selected ones or -1; scale, weights [selected] float64. Returns boxes,
    scores, leader, member_of (from the film's first detection) and counts [F].
    """
    films, size = len(offsets) - 1, len(boxes)
    out_boxes, out_scores = np.empty((size, 4), np.float32), np.empty(size, np.float32)
    out_leader, member_of, counts = _whole(size), np.full(size, -1, np.int32), np.zeros(films, np.int64)
    blocks = min(films, BLOCKS)
    for block in prange(blocks):
        _draft_block(boxes, scores, source, offsets, block * films // blocks, (block + 1) * films // blocks, slot_of,
                     scale, weights, method, conf_type, iou, skip, sigma, out_boxes, out_scores, out_leader,
                     member_of, counts)
    return out_boxes, out_scores, out_leader, member_of, counts


@njit(cache=True, nogil=True, parallel=True)
def pack_films(boxes, scores, leader, member_of, counts, offsets):
    """The drafts of `draft_films` without gaps: boxes [M,4], scores [M], offsets [F+1], leader [M],
    member_of [N]."""
    films = len(counts)
    packed = np.zeros(films + 1, np.int64)
    for f in range(films):
        packed[f + 1] = packed[f] + counts[f]
    size = packed[films]
    out_boxes, out_scores, out_leader = np.empty((size, 4), np.float32), np.empty(size, np.float32), _whole(size)
    out_member = np.empty(len(member_of), np.int32)
    for f in prange(films):
        start, first, last = offsets[f], packed[f], packed[f + 1]
        out_boxes[first:last] = boxes[start:start + last - first]
        out_scores[first:last] = scores[start:start + last - first]
        out_leader[first:last] = leader[start:start + last - first]
        for row in range(start, offsets[f + 1]):
            out_member[row] = member_of[row] + first if member_of[row] >= 0 else -1
    return out_boxes, out_scores, packed, out_leader, out_member
