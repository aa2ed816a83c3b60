"""Every missed box, every false positive and every localisation error of a set, as things to be looked at in a row.

This module knows nothing of pictures or pages.
"""

from dataclasses import dataclass

import numpy as np

from core.errors import BadSettings
from core.kinds import CODES, KINDS
from core.matching import TRUE_POSITIVE
from core.zones import ZONES, middles, zone_counts, zone_of

SETS = {
    "missed": "every ground-truth box that no detection shown finds",
    "false positives": "every detection shown that finds no box",
    "localisation": "every false positive that overlaps a ground-truth box by an IoU of .1 to .5",
}
CONTEXT, LEAST = 1.8, 0.3  # see `surroundings`
ORDERS = {
    "cost": "what the film and its study cost the mAP, dearest first",
    "confidence": "confidence, highest first; of a missed box that of the best candidate for it",
    "IoU": "overlap with the other side, largest first",
    "size": "share of the film, largest first",
    "film": "as in the data set",
}


@dataclass(frozen=True, eq=False)
class Gallery:
    """The judged boxes of F films: all ground-truth boxes, then all detections shown; read-only arrays of length N.

    `film` int32 is the row in `core.cases.Cases`; `truth` bool; `row` int32 counts the film's boxes of that sort from
    0, as `core.failures.Finding.row` does; `boxes` float32 [N,4] xyxy in pixels of the original image; `confidence`
    float32: of a missed box that of the most confident candidate that overlaps it enough, NaN without; `iou` float32:
    the largest overlap with a box of the other side; `kind` int8 index of `core.kinds.KINDS`, -1 for what is right;
    `size` float64, share of the film; `middle` float64 [N,2] in shares of the film; `zone` int8 index of
    `core.zones.ZONES`; `cost` float64, of the film.
    """

    film: np.ndarray
    truth: np.ndarray
    row: np.ndarray
    boxes: np.ndarray
    confidence: np.ndarray
    iou: np.ndarray
    kind: np.ndarray
    size: np.ndarray
    middle: np.ndarray
    zone: np.ndarray
    cost: np.ndarray

    def __post_init__(self):
        for array in vars(self).values():
            array.flags.writeable = False

    def zones(self):
        """A `core.zones.ZoneCount` for each zone."""
        wrong = self.kind >= 0
        return zone_counts(self.zone, self.truth, self.truth & wrong, ~self.truth & wrong)


def gallery(judged, costs):
    """The `Gallery` of the scored films of `judged` (`core.judgement.Judged`).

    costs float64 [F]: what each film costs (`core.costs.Costs.of_cases`).
    """
    cases, answer, matches, diagnosis = judged.cases, judged.answer, judged.matches, judged.diagnosis
    truth, films = cases.truth, np.arange(cases.films)
    offsets = answer.offsets[:cases.films + 1]
    shown = np.flatnonzero(answer.scores[:offsets[-1]] >= judged.display)
    of_truth = np.repeat(films, np.diff(truth.offsets))
    of_shown = np.repeat(films, np.diff(offsets))[shown]
    film = np.r_[of_truth, of_shown].astype(np.int32)
    boxes = np.concatenate([truth.boxes, answer.boxes[shown]]).astype(np.float32)
    widths, heights = (np.array([getattr(each, side) for each in cases.images[:cases.films]], np.int64)[film]
                       for side in ("width", "height"))
    middle = middles(boxes, widths, heights)
    area = np.prod((boxes[:, 2:] - boxes[:, :2]).astype(np.float64), axis=1)
    return Gallery(
        film, np.arange(len(film)) < len(of_truth),
        np.r_[np.arange(len(of_truth)) - truth.offsets[of_truth], shown - offsets[of_shown]].astype(np.int32), boxes,
        np.r_[np.where(diagnosis.own < 0, np.nan, diagnosis.own), answer.scores[shown]].astype(np.float32),
        np.r_[matches.best_iou, matches.iou[shown]].astype(np.float32),
        np.r_[diagnosis.boxes, np.where(matches.verdict[shown] == TRUE_POSITIVE, -1, diagnosis.detections[shown])
              ].astype(np.int8),
        area / np.maximum(widths * heights, 1), middle, zone_of(middle), np.asarray(costs)[film])


def chosen(found, which, order="cost", kinds=(), zones=()):
    """Rows [K] of the `Gallery` `found` that belong to `which` of SETS, in one of ORDERS.

    kinds, zones: names of `core.kinds.KINDS` and `core.zones.ZONES` to keep; () keeps all. Raises `BadSettings`.
    """
    for given, known in ((which, SETS), (order, ORDERS)):
        if given not in known:
            raise BadSettings(f"a gallery is asked for by {given!r}, but must be by one of {', '.join(known)}: choose "
                              "one.")
    wrong = found.kind >= 0
    kept = wrong & (found.truth if which == "missed" else ~found.truth)
    if which == "localisation":
        kept &= found.kind == CODES["localisation"]
    if kinds:
        kept &= np.isin(found.kind, [CODES[name] for name in kinds])
    if zones:
        kept &= np.isin(found.zone, [ZONES.index(name) for name in zones])
    rows = np.flatnonzero(kept)
    if order == "film":
        return rows[np.argsort(found.film[rows], kind="stable")]
    value = {"cost": found.cost, "confidence": found.confidence, "IoU": found.iou, "size": found.size}[order][rows]
    return rows[np.argsort(-np.nan_to_num(value, nan=-1.0), kind="stable")]


def surroundings(box, width, height):
    """The part of a film of `width` x `height` around `box` (xyxy): integers (x0, y0, x1, y1), square where it fits.

    Its side is CONTEXT times the box's longer one, and at least LEAST of the film's.
    """
    x0, y0, x1, y1 = box
    side = max(CONTEXT * max(x1 - x0, y1 - y0), LEAST * max(width, height))
    across, down = (max(1, round(min(side, length))) for length in (width, height))
    left = round(min(max((x0 + x1 - across) / 2, 0), width - across))
    top = round(min(max((y0 + y1 - down) / 2, 0), height - down))
    return left, top, left + across, top + down


def within(box, part):
    """`box` (xyxy) in shares of the `part` (xyxy) of its film, which it may leave."""
    sides = part[2] - part[0], part[3] - part[1]
    return tuple((corner - part[place % 2]) / sides[place % 2] for place, corner in enumerate(box))


def records(found, rows, images):
    """One dictionary for each of `rows` of the `Gallery` `found`, for tables and JSON; `images` are those of the
    `core.cases.Cases`."""
    names = list(KINDS)
    return [{"film": images[found.film[row]].image_id, "side": "truth" if found.truth[row] else "detection",
             "box": int(found.row[row]), "kind": names[found.kind[row]], "zone": ZONES[found.zone[row]],
             "confidence": float(found.confidence[row]), "iou": float(found.iou[row]), "size": float(found.size[row]),
             "cost": float(found.cost[row]),
             **dict(zip(("x_min", "y_min", "x_max", "y_max"), found.boxes[row].tolist(), strict=True))}
            for row in rows]
