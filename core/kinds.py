"""The kinds of failure: what is wrong with a detection, a ground-truth box, a film or a study, each in one sentence.

The sentences of KINDS are those of the documentation, the commands and the pages alike. A box has one kind, a film and
a study have several. Those of false positives follow TIDE (Bolya et al. 2020, arXiv:2008.08115); those of missed boxes
say where the box was lost on its way from the candidates. This module knows nothing of display or of what a failure
costs.
"""

from dataclasses import dataclass

import numpy as np

from core.fusion import selected_positions
from core.levels import film_factors
from core.matching import BACKGROUND, DUPLICATE, overlap_of
from core.ordering import compiled
from core.parallel import over_films, read_only

KINDS = {
    "localisation": "a detection and a ground-truth box overlap by an IoU of .1 to .5: right place, wrong edges",
    "duplicate": "a detection finds a box that a more confident one has found already",
    "background": "a detection overlaps no ground-truth box by an IoU of .1",
    "missed suppressed": "a candidate fit to be shown overlapped the missed box, but fusion put it into another box",
    "missed low confidence": "what overlaps the missed box enough is less confident than what is shown",
    "missed small": "nothing overlaps the missed box enough, and it is narrower than a tenth of the film",
    "missed unseen": "nothing overlaps the missed box enough, though it is large enough to be seen",
    "wrong none": "opacity is called more probable than not on a film without a box, or less on one with a box",
    "wrong class": "the study's most probable class is not the labelled one",
    "none and a box": "the film is called free of opacity, yet a box is shown on it",
    "negative and a box": "the study is called negative, yet a box is shown on the film",
    "boxless": "a film without a box in a study that is not negative: the label may be at fault, not the detector",
    "truth doubtful": "a boxless film of a study that is not negative, where sources agree on a confident box or whose "
                      "near-identical neighbour is boxed",
    "unread": "a film that is absent or that could not be read",
}
CODES = {name: code for code, name in enumerate(KINDS)}
NEAR = 0.1  # least IoU of a detection that is meant for a box
ENOUGH = 0.5  # the IoU of a true positive is above it
SMALL = 0.1  # of the film's longer side: a box whose shorter side is less is small
HALF = 0.5


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """The kinds of failure of M detections, G ground-truth boxes, F films and S studies, as codes into KINDS.

    Detections and boxes are those of the scored films, as in `core.matching.Matches`; films and studies are all of the
    `core.cases.Cases`. Read-only arrays.

    detections  int8 [M]: localisation, duplicate or background, shown or not; -1 for a true positive.
    doubtful    bool [M]: false positives shown that the label, rather than the detector, may be to blame for.
    boxes       int8 [G]: the kind of a box that no detection shown finds; -1 for one that is found.
    candidate   int32 [G]: row of the most confident candidate that overlaps the box enough, -1 without any.
    own         float32 [G]: confidence of that candidate by itself, -1 without any.
    taker       int32 [G]: row of the detection that this candidate went into, or was suppressed by; -1 without any.
    films       bool [F,K] and studies bool [S,K], in the order of KINDS.
    """

    detections: np.ndarray
    doubtful: np.ndarray
    boxes: np.ndarray
    candidate: np.ndarray
    own: np.ndarray
    taker: np.ndarray
    films: np.ndarray
    studies: np.ndarray

    def __post_init__(self):
        for array in vars(self).values():
            array.flags.writeable = False

    def of_film(self, film):
        """Names of the kinds of the film at row `film`."""
        return tuple(name for name, holds in zip(KINDS, self.films[film], strict=True) if holds)


@compiled
def _best_candidates(first, last, boxes, scores, source, scales, factors, offsets, truth, truth_offsets, threshold,
                     candidate, best):
    """For each ground-truth box of the films first..last its most confident overlapping candidate, and how much so.

    The confidence of a candidate by itself is its score x the scale of its source x the factor of its film; a source
    of scale 0 takes no part.
    """
    for film in range(first, last):
        if truth_offsets[film] == truth_offsets[film + 1]:
            continue
        for row in range(offsets[film], offsets[film + 1]):
            scale = scales[source[row]]
            own = np.float32(scores[row] * scale) * factors[film]
            if scale == 0:
                continue
            for one in range(truth_offsets[film], truth_offsets[film + 1]):
                if own > best[one] and overlap_of(boxes, row, truth, one) > threshold:
                    candidate[one], best[one] = row, own


def _scales(candidates, fusion):
    """Score scale float32 of each source under `fusion` (`core.fusion.FusionSettings`), 0 for one not chosen."""
    chosen = selected_positions(candidates.sources, fusion.sources)
    scales = np.zeros(len(candidates.sources), np.float32)
    scales[chosen] = 1 if fusion.scales is None else fusion.scales
    return scales


def diagnose(cases, fused, answer, matches, fusion, score, display, neighbours=None):
    """The `Diagnosis` of `cases` (`core.cases.Cases`).

    fused, answer: what `core.fusion.fuse` and `core.scoring.conclude` made of its predictions under `fusion` and
    `score`; matches: the verdicts of the scored films, None without any; display: detections of a lower confidence are
    not shown, 0..1; neighbours: image id of a boxless film -> id of a boxed film of its study that looks the same
    (`core.neighbours`), None when films were not compared.
    """
    visible = answer.scores >= display
    films = np.zeros((len(cases.images), len(KINDS)), bool)
    _blame_films(cases, answer, visible, films)
    if matches is None:
        none, empty = np.zeros(0, np.int8), np.zeros(0, np.int32)
        parts = none, none > 0, none, empty, empty.astype(np.float32), empty
    else:
        parts = _boxes(cases, fused, answer, matches, fusion, score, display)
        doubtful = _doubtful(cases, fused, parts[0], visible, fusion, display, neighbours or {})
        parts = parts[0], doubtful, *parts[1:]
        _count_boxes(cases, answer, visible, parts, films)
    if neighbours:
        films[[image.image_id in neighbours for image in cases.images], CODES["truth doubtful"]] = True
    studies = np.zeros((len(cases.study_ids), len(KINDS)), bool)
    np.logical_or.at(studies, cases.film_study, films)
    return Diagnosis(*parts, films, studies)


def truth_counts(cases):
    """Ground-truth boxes of each film, int32 [F]; -1 without a label."""
    counts = np.diff(cases.labels.offsets) if cases.labels else ()
    return np.append(counts, -1)[cases.label_row].astype(np.int32)


def class_error(truth_class, study):
    """Most probable class int8 [R] of `study` [R,4], -1 unknown, and its probability [R] where it is wrong, else 0."""
    known = ~np.isnan(study).any(axis=1)
    predicted = np.where(known, np.where(known[:, None], study, 0).argmax(axis=1), -1).astype(np.int8)
    wrong = known & (truth_class >= 0) & (predicted != truth_class)
    return predicted, np.where(wrong, study.max(axis=1, initial=0, where=known[:, None]), 0)


def none_error(truth_boxes, p_none):
    """Probability [F] of the wrong answer to "is there any opacity", where it is the more probable one, else 0."""
    doubt = np.where(truth_boxes > 0, p_none, 1 - p_none)
    return np.where((truth_boxes >= 0) & (doubt > HALF), doubt, 0)


def _blame_films(cases, answer, visible, films):
    """Sets the kinds in `films` [F,K] that need no verdict of a box."""
    boxes, study_class = truth_counts(cases), cases.study_class[cases.film_study]
    shown = np.diff(np.r_[0, np.cumsum(visible)][answer.offsets]) > 0
    films[:, CODES["wrong none"]] = none_error(boxes, answer.p_none) > 0
    films[:, CODES["wrong class"]] = class_error(study_class, answer.study[cases.film_study])[1] > 0
    films[:, CODES["none and a box"]] = shown & (answer.p_none > HALF)
    films[:, CODES["negative and a box"]] = shown & (answer.study[cases.film_study, 0] > HALF)
    films[:, CODES["boxless"]] = (boxes == 0) & (study_class > 0)
    films[:, CODES["unread"]] = cases.absent | cases.unreadable


def _boxes(cases, fused, answer, matches, fusion, score, display):
    """(detections, boxes, candidate, own, taker) of a `Diagnosis`."""
    detections = np.full(len(matches.verdict), -1, np.int8)
    detections[matches.verdict == BACKGROUND] = CODES["background"]
    detections[(matches.verdict == BACKGROUND) & (matches.iou >= np.float32(NEAR))] = CODES["localisation"]
    detections[matches.verdict == DUPLICATE] = CODES["duplicate"]
    truth, given = cases.truth, cases.predictions.candidates
    candidate, own = np.full(len(truth.boxes), -1, np.int32), np.full(len(truth.boxes), -1, np.float32)
    offsets = read_only(given.offsets[:cases.films + 1], np.int64)
    over_films(_best_candidates, offsets, read_only(given.boxes, np.float32), read_only(given.scores, np.float32),
               read_only(given.source, np.int16), read_only(_scales(given, fusion)),
               read_only(film_factors(cases.predictions, score), np.float32), offsets,
               read_only(truth.boxes, np.float32), read_only(truth.offsets, np.int64), ENOUGH, candidate, own)
    taker = np.full(len(candidate), -1, np.int32)
    taker[candidate >= 0] = fused.member_of[candidate[candidate >= 0]]
    shown = answer.scores[:len(matches.verdict)] >= display
    meant = matches.truth_row[shown & (detections == CODES["localisation"])]
    near = np.bincount(meant, minlength=len(truth.boxes)) > 0
    codes = np.select(
        [(matches.found_by >= 0) & np.append(shown, False)[matches.found_by],
         (matches.found_by < 0) & (taker >= 0) & (own >= display), near, (candidate >= 0) | (matches.found_by >= 0),
         _small(cases)],
        [-1, *(CODES[name] for name in ("missed suppressed", "localisation", "missed low confidence",
                                        "missed small"))], CODES["missed unseen"]).astype(np.int8)
    return detections, codes, candidate, own, taker


def _small(cases):
    """Whether each ground-truth box [G] is small; none is on a film of unknown size."""
    boxes = cases.truth.boxes
    shorter = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    return shorter < SMALL * np.repeat(cases.longer_side[:cases.films], np.diff(cases.truth.offsets))


def _doubtful(cases, fused, detections, visible, fusion, display, neighbours):
    """`doubtful` of a `Diagnosis`: at least two sources and half of those chosen have a confident member in it, or the
    film's neighbour is boxed."""
    counts, study_class = np.diff(cases.truth.offsets), cases.study_class[cases.film_study[:cases.films]]
    asked, given = (counts == 0) & (study_class > 0), cases.predictions.candidates
    boxed = np.array([asked[film] and cases.images[film].image_id in neighbours for film in range(cases.films)],
                     bool) if neighbours else np.zeros(cases.films, bool)
    rows = np.concatenate([np.arange(given.offsets[film], given.offsets[film + 1])
                           for film in np.flatnonzero(asked & ~boxed)] or [np.zeros(0, np.int64)])
    rows = rows[(fused.member_of[rows] >= 0) & (given.scores[rows] >= display)]
    pairs = np.unique(fused.member_of[rows].astype(np.int64) * len(given.sources) + given.source[rows])
    agreeing = np.bincount(pairs // max(1, len(given.sources)), minlength=len(detections))
    least = max(2, len(selected_positions(given.sources, fusion.sources)) / 2)
    of_boxed = np.repeat(boxed, np.diff(fused.offsets[:cases.films + 1]))
    return visible[:len(detections)] & (of_boxed | (agreeing >= least)) & (detections >= 0)


def _count_boxes(cases, answer, visible, parts, films):
    """Sets the kinds in `films` [F,K] that detections shown and ground-truth boxes of the film have."""
    detections, doubtful, boxes = parts[:3]
    film = np.repeat(np.arange(cases.films), np.diff(answer.offsets[:cases.films + 1]))
    wrong = visible[:len(detections)] & (detections >= 0)
    films[film[wrong], detections[wrong]] = True
    films[film[doubtful], CODES["truth doubtful"]] = True
    missed = boxes >= 0
    films[np.repeat(np.arange(cases.films), np.diff(cases.truth.offsets))[missed], boxes[missed]] = True
