"""What readers say of boxes, films and studies: the verdicts there are, what stands now, and what state films are in.

A review is never changed: a later one of the same reader on the same target takes its place, and one that undoes
another brings back what stood before. This module knows nothing of databases or of pages.
"""

import json
import math
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

from core.boxes import Boxes, iou_matrix
from core.errors import BadReview
from core.labels import SAME_BOX, STUDY_CLASSES
from core.origins import Origin

BOX_VERDICTS = {
    "true finding": "there is an opacity here",
    "false": "there is no opacity here",
    "truth missing": "there is an opacity here, and the ground truth lacks its box",
    "truth too tight or loose": "the ground truth's box here is right in place and wrong at its edges",
    "device": "this is a device, lead, line or tube",
    "skin fold": "this is a fold of skin",
    "scapula": "this is a shoulder blade",
    "heart": "this is the heart or its edge",
    "other": "this is something else: see the note",
}
LEVEL_VERDICTS = {"agree with truth": "the label is right", "agree with model": "the model is right"}
VERDICTS = {"box": BOX_VERDICTS, "film": LEVEL_VERDICTS, "study": LEVEL_VERDICTS}
NO_OPACITY = ("false", "device", "skin fold", "scapula", "heart")  # verdicts that say there is no opacity
LEVELS = tuple(VERDICTS)
SIDES = ("truth", "detection", "reader")  # whose box a verdict on a box is about; a reader's is one that was drawn
MISSING, LOOSE = "truth missing", "truth too tight or loose"  # verdicts that say which box should be there
SAME_OVERLAP = 0.7  # IoU from which a detection under other settings is the same
STATES = {
    "open": "nobody has said anything of it",
    "begun": "something is said of a box or noted, but not whether the truth or the model is right about film or study",
    "reviewed": "of the film or its study is said whether the truth or the model is right",
    "disputed": "two readers say different things of the same box, film or study",
}
STAMPED = ("settings", "weights")  # what is kept of a stamp
MOST_NOTE, MOST_NAME = 4000, 100  # characters of a note, and of a reader's name or an id's shown part


@dataclass(frozen=True)
class Review:
    """What `reader` says of a target in a data set, one of LEVELS.

    target    id of the film, or of the study for level "study".
    side, box of level "box" alone: one of SIDES, and xyxy in pixels of the original image; else "" and None.
    verdict   one of VERDICTS of the level, "" for a note alone; with neither verdict nor note nothing is said any more.
    instead   what should stand in the ground truth's place, None for nothing in particular: boxes [[x_min, y_min,
              x_max, y_max], ...] for a box or a film, one of `core.labels.STUDY_CLASSES` for a study. For a box it is
              what the reader drew, if anything.
    stamp     what the reader saw: "settings" and "weights" of what `core.stamp.stamp` gives; the rest is left out.
    origin    the `core.origins.Origin` of the film that was on show, by which a data set is known; None in what older
              versions saved, which knew it by its name `data_set` alone.
    at        when, ISO 8601 in UTC; number: that of its row, None before it is saved; undoes: the number of the review
              that this one undoes, whose target it repeats.

    Raises `BadReview` for what cannot be kept.
    """

    reader: str
    data_set: str
    level: str
    target: str
    verdict: str = ""
    note: str = ""
    side: str = ""
    box: tuple[float, float, float, float] | None = None
    instead: object = None
    stamp: dict = field(default_factory=dict, hash=False)
    origin: Origin | None = None
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))
    number: int | None = None
    undoes: int | None = None

    def __post_init__(self):
        _insist(self.level in LEVELS, f"the level is {self.level!r}", f"must be one of {', '.join(LEVELS)}")
        known = VERDICTS[self.level]
        _insist(self.verdict in ("", *known), f"the verdict is {self.verdict!r}", f"must be one of {', '.join(known)}")
        for name, text, most in (("reader's name", self.reader, MOST_NAME), ("note", self.note, MOST_NOTE),
                                 ("data set's name", self.data_set, None), ("id", self.target, None)):
            _insist(_is_text(text), f"the {name} is {text[:60]!r}", "must be text without a zero character")
            _insist(most is None or len(text) <= most, f"the {name} has {len(text):,} characters",
                    f"may have {most} at most")
        _insist(bool(self.reader.strip()), "no reader is named", "each verdict is somebody's")
        _insist((self.level == "box") == (self.box is not None) and (self.side in SIDES) == (self.level == "box"),
                f"the box is {self.box} of {self.side!r}", f"must be given for a box alone, as one of {SIDES}")
        object.__setattr__(self, "stamp", kept_of(self.stamp))
        if self.box is not None:
            object.__setattr__(self, "box", _corners(self.box))
        if self.instead is not None:
            object.__setattr__(self, "instead", self._replacement())

    def _replacement(self):
        if self.level != "study":
            return [list(_corners(box)) for box in self.instead]
        _insist(self.instead in STUDY_CLASSES, f"the class is {self.instead!r}",
                f"must be one of {', '.join(STUDY_CLASSES)}")
        return self.instead

    @property
    def says(self):
        """Whether anything is said at all."""
        return bool(self.verdict or self.note)

    @property
    def meant(self):
        """The boxes [[x_min, y_min, x_max, y_max], ...] that a verdict on a box says should be there; none for what
        says of no box so. Those without area, which nothing can match, are left out."""
        if self.level != "box" or self.verdict not in (MISSING, LOOSE):
            return []
        own = self.instead or ([list(self.box)] if self.side != "truth" else [])
        return with_area(own)

    def same_target(self, other):
        """How surely `other` is about the same target: 0 not at all, 2 the same box or id, between them the overlap of
        detections under other settings."""
        mine, its = ((each.level, each.target, each.side) for each in (self, other))
        if mine != its:
            return 0
        return 2 if self.box is None else closeness(self.box, other.box, self.side, self.stamp == other.stamp)


def closeness(one, other, side, same_settings):
    """2 for boxes whose edges differ by half a pixel at most, else the IoU of detections under other settings from
    SAME_OVERLAP up, else 0."""
    if np.abs(np.subtract(one, other)).max() <= SAME_BOX:
        return 2
    if side != "detection" or same_settings:
        return 0
    overlap = float(iou_matrix(Boxes([one]), Boxes([other]))[0, 0])
    return overlap if overlap >= SAME_OVERLAP else 0


def with_area(boxes):
    """Those of `boxes`, xyxy, that have an area, as lists."""
    return [list(box) for box in boxes if box[2] > box[0] and box[3] > box[1]]


def _insist(holds, value, rule):
    if not holds:
        raise BadReview(f"{value[:1].upper()}{value[1:]}, but {rule}: mend it and save again.")


def _is_text(text):
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def kept_of(stamp):
    """What is kept of a stamp, as JSON gives it back, so that what is saved equals what is read."""
    return json.loads(json.dumps({name: stamp[name] for name in STAMPED if name in stamp}))


def _corners(box):
    corners = tuple(float(each) for each in box)
    right = len(corners) == 4 and all(map(math.isfinite, corners))
    _insist(right and corners[2] >= corners[0] and corners[3] >= corners[1], f"the box is {corners}",
            "must be x_min, y_min, x_max, y_max, finite and in this order")
    return corners


def undoing(review):
    """The `Review` that undoes one that is saved."""
    return replace(review, at=datetime.now(UTC).isoformat(timespec="milliseconds"), number=None, undoes=review.number)


def current(rows, *, each_reader=True):
    """What stands now, in the order in which it was said: of `rows` (`Review`s by number) those that are neither undone
    nor followed by another on the same target, and that say anything.

    Only the same reader's words count as following, unless not `each_reader`: then the last word of all counts.
    """
    undone = {each.undoes for each in rows if each.undoes is not None}
    standing = {}  # (level, target, side) and perhaps the reader -> reviews
    for each in rows:
        if each.undoes is not None or each.number in undone:
            continue
        key = each.level, each.target, each.side, each.reader if each_reader else ""
        others = standing.setdefault(key, [])
        place = best_match(each, others)
        if place is not None:
            del others[place]
        others.append(each)
    kept = [each for reviews in standing.values() for each in reviews if each.says]
    return tuple(sorted(kept, key=lambda each: each.number or 0))


def best_match(review, others):
    """Place of the one among `others` that is most surely about the same target as `review`, None without any."""
    sure = [review.same_target(other) for other in others]
    best = max(sure, default=0)
    return sure.index(best) if best else None


def of_boxes(reviews, boxes, side, stamp):
    """For each of `boxes` (xyxy) on one film, the `Review`s of `reviews` about it; a review is about one box at most.

    side: one of SIDES; stamp: under which settings and weights they are shown.
    """
    found, stamp = [[] for _ in boxes], kept_of(stamp)
    for each in reviews:
        if each.level != "box" or each.side != side:
            continue
        sure = [closeness(each.box, box, side, each.stamp == stamp) for box in boxes]
        if (best := max(sure, default=0)):
            found[sure.index(best)].append(each)
    return found


def drawn(reviews):
    """The boxes that readers drew on one film, as pairs of the box, xyxy, and the `Review`s of `reviews` about it."""
    found = []
    for each in reviews:
        if each.level == "box" and each.side == "reader":
            about = next((about for box, about in found if closeness(each.box, box, each.side, True)), None)
            if about is None:
                found.append((each.box, [each]))
            else:
                about.append(each)
    return found


def review_states(reviews, image_ids, study_ids):
    """The state of each film, keys of STATES: `image_ids` and the films' `study_ids`, of the same length [F].

    reviews: `current` ones of one data set, all readers'.
    """
    said = {}
    for each in reviews:
        said.setdefault((each.level == "study", each.target), []).append(each)
    return [_state([*said.get((False, image_id), ()), *said.get((True, study_id), ())])
            for image_id, study_id in zip(image_ids, study_ids, strict=True)]


def _state(reviews):
    verdicts = [each for each in reviews if each.verdict]
    for place, each in enumerate(verdicts):
        if any(each.verdict != other.verdict and each.reader != other.reader and each.same_target(other)
               for other in verdicts[:place]):
            return "disputed"
    if any(each.level != "box" for each in verdicts):
        return "reviewed"
    return "begun" if reviews else "open"
