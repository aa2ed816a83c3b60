"""Stable sorts, compiled for the few hundred numbers of each film and in numpy for a whole set.

It knows nothing of boxes. numba's cache does not see a change in another file: after a change here, remove
`core/__pycache__`, so that fusion and matching are compiled anew with it.
"""

from collections import namedtuple

import numpy as np
from numba import njit

from core.parallel import over_films, read_only

compiled = njit(cache=True, nogil=True, error_model="numpy")

# Working memory for sorting n numbers: int32 [n], [n] and [n + 1] at least.
Sorting = namedtuple("Sorting", "order spare bounds")


@compiled
def sorting_memory(n):
    """`Sorting` for up to n numbers."""
    return Sorting(np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n + 1, np.int32))


@compiled
def memory_for(first, last, offsets):
    """`Sorting` for the rows of each of the films first..last, which `offsets` cut."""
    n = 0
    for film in range(first, last):
        n = max(n, offsets[film + 1] - offsets[film])
    return sorting_memory(n)


@compiled
def stable_descending(keys, n, sorting):
    """Positions of the first n `keys` by descending key, equal keys in their order; int32, the first n places count.

    Natural merge sort: keys that are several sorted runs, one per source, cost few passes.
    """
    order, spare, bounds = sorting.order, sorting.spare, sorting.bounds
    runs = 0
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
            left, right, place = low, middle, low
            while left < middle and right < high:
                first, second = order[left], order[right]
                stays = keys[first] >= keys[second]
                spare[place] = first if stays else second
                left += stays
                right += not stays
                place += 1
            for rest in range(left, middle):
                spare[place + rest - left] = order[rest]
            for rest in range(right, high):
                spare[rest] = order[rest]
            bounds[merged] = low
            merged += 1
        bounds[merged] = n
        runs = merged
        order, spare = spare, order
    return order


@compiled
def _rank_films(first, last, values, offsets, ranked):
    sorting = memory_for(first, last, offsets)
    for film in range(first, last):
        start, stop = offsets[film], offsets[film + 1]
        order = stable_descending(values[start:stop], stop - start, sorting)
        for place in range(stop - start):
            ranked[start + place] = start + order[place]


def descending_by_film(values, offsets):
    """Rows [N] int32 of `values` [N], those of film f in places offsets[f] to offsets[f + 1], by descending value in
    float32 inside each film, equal values in their order; no NaN. Read-only."""
    offsets, ranked = read_only(offsets, np.int64), np.empty(len(values), np.int32)
    over_films(_rank_films, offsets, read_only(values, np.float32), offsets, ranked)
    return read_only(ranked)


def descending(values):
    """Positions [N] int64 of `values` [N] by descending value, equal values (0 and -0 too) in their order; no NaN.

    float32 is sorted twice as fast as by a stable argsort: value and position are packed into one integer each, whose
    plain sort is stable and which numpy sorts in vector instructions.
    """
    values = np.asarray(values)
    if values.dtype != np.float32:
        return np.argsort(-values.astype(np.float64), kind="stable")
    bits = (values + np.float32(0)).view(np.int32)  # -0 + 0 is 0
    ascending = bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))  # negative numbers' bits sort the other way round
    packed = ((~ascending).astype(np.int64) << 32) | np.arange(len(bits))
    packed.sort()
    return packed & 0xFFFFFFFF
