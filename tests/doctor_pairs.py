"""All coordinate mistakes, one by one and two at a time in both orders, planted into given predictions, by hand:

    python -m tests.doctor_pairs --data DIR --predictions DIR_OR_CSV [--source N]

prints a table of what the doctor found, and each pair that it misnamed. Pairs of a frame and a factor are left out: the
one frame is then just another.
"""

import argparse
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.box_probes import probe_boxes
from core.dataset import open_dataset
from core.exhibits import read_exhibit
from core.witnesses import place_of
from tests.planting import COORDINATES, MORE, cut_at, moved

WAYS = {**COORDINATES, **MORE, "cut at 160": (3, cut_at(160))}
SAME = {("twice as large", 6), ("half as large again", 6)}  # a frame twice as large is another frame
NOTHING = {(cut, "fractions") for cut in ("cut in half", "cut at 160")}  # clipping at pixels after this cuts nothing
LOST = {("sums", cut) for cut in ("cut in half", "cut at 160")}  # leaves nearly no corner to tell the sums by
_given = {}


def pairs(ways=WAYS):
    """Names of one plant or two, in the order in which they are made."""
    one = [(name,) for name in ways]
    return [(), *one, *((first, second) for first in ways for second in ways if ways[first][0] != ways[second][0]
                        and not {(first, ways[second][0]), (second, ways[first][0])} & SAME
                        and (second, first) not in NOTHING and (first, second) not in LOST)]


def found(exhibit, place, names):
    """Numbers of the mistakes that are found in `exhibit` at `place` after the plants `names`, sorted."""
    planted = moved(exhibit, place.sides, *(WAYS[name][1] for name in names))
    return sorted(each.mistake for each in probe_boxes(planted, place).findings)


def _open(data, predictions, source):
    exhibit = read_exhibit(predictions)
    if source is not None:
        exhibit = exhibit.rows(exhibit.source == source)
        exhibit = replace(exhibit, source=np.zeros_like(exhibit.source), sources=exhibit.sources[source:source + 1])
    _given.update(exhibit=exhibit, place=place_of(exhibit.image_ids, open_dataset(data)))


def _one(names):
    return names, found(_given["exhibit"], _given["place"], names)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--source", type=int, help="the number of one detector source, to look at it alone")
    given = parser.parse_args()
    table, wrong = defaultdict(lambda: [0, 0]), []
    with ProcessPoolExecutor(2, initializer=_open, initargs=(given.data, given.predictions, given.source)) as pool:
        for names, told in pool.map(_one, pairs()):
            planted = sorted(WAYS[name][0] for name in names)
            row = table[" and ".join(map(str, planted)) or "none"]
            row[0] += told == planted
            row[1] += 1
            if told != planted:
                wrong.append(f"{' then '.join(names) or 'nothing'}: {planted} planted, {told} found")
    for name, (right, count) in sorted(table.items()):
        print(f"{name:10} {right:3} of {count}")
    print("\n".join(wrong))


if __name__ == "__main__":
    main()
