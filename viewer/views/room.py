"""What there is to say of one film that is on show: its boxes, what readers said of them, and the reviews of it."""

from dataclasses import dataclass

from core.corrected import there_already
from core.errors import BadReview
from core.failures import Finding
from core.labels import STUDY_CLASSES
from core.origins import origin_of
from core.reviews import LOOSE, MISSING, Review, drawn
from viewer import charts, judged, resources, reviewed
from viewer.views import layers


@dataclass(frozen=True)
class Target:
    """A box that readers may speak of: its `side` (`core.reviews.SIDES`), `xyxy` in pixels of the original image, the
    id of its `mark`, its `name`, the standing reviews `said` of it; `finding` is None for one that a reader drew.
    """

    side: str
    xyxy: tuple[float, float, float, float]
    mark: str
    name: str
    said: tuple[Review, ...]
    finding: Finding | None = None


class Room:
    """What there is to say of one film of what is open: its findings, and what stands of it.

    `problem` is the sentence on reviews that cannot be read. `box` is the `Target` whose mark the reader has picked.
    """

    def __init__(self, opened, settings, row, found, picked=None):
        self.opened, self.settings, self.found = opened, settings, found
        self.row, self.image = row, resources.cases(opened)[0].images[row]
        self.stamp, self.problem, self.mark = reviewed.seen(opened, settings), "", None
        try:
            self.mark = reviewed.mark(opened)
            self.of_film, self.of_study = reviewed.said_of(opened, self.mark, self.image.image_id, self.image.study_id)
        except BadReview as error:
            self.of_film, self.of_study, self.problem = (), (), str(error)
        self.boxes = (*self._found(), *self._drawn())
        self.box = self.target(picked)

    def _found(self):
        for finding, said in zip(self.found, reviewed.by_box(self.of_film, self.found, self.stamp), strict=True):
            yield Target("truth" if finding.truth else "detection", finding.xyxy, layers.mark_id(finding),
                         charts.box_name(finding), tuple(said), finding)

    def _drawn(self):
        for number, (box, said) in enumerate(drawn(self.of_film), start=1):
            corners = " ".join(f"{corner:.1f}" for corner in box)
            yield Target("reader", box, f"r{corners}", f"drawn {number}", tuple(said))

    def target(self, mark):
        """The `Target` with the mark of this id, None without any."""
        return next((each for each in self.boxes if each.mark == mark), None)

    def own(self, level):
        """What this reader says of the picked box ("box"), the film or the study, None for nothing."""
        reviews = {"film": [each for each in self.of_film if each.level == "film"], "study": self.of_study,
                   "box": self.box.said if self.box else ()}[level]
        return next((each for each in reversed(reviews) if each.reader == reviewed.reader()), None)

    def told(self):
        """What all readers say of boxes that they drew, and the other readers of the picked box, film and study."""
        own = [each for box in self.boxes if box.side == "reader" for each in box.said]
        of_film = (each for each in self.of_film if each.level == "film")
        about = [*(self.box.said if self.box else ()), *of_film, *self.of_study]
        others = [each for each in about if each.reader != reviewed.reader()]
        return list({each.number: each for each in (*own, *others)}.values())

    def review(self, level, verdict, note):
        """The `Review` with which the reader says this. Raises `BadReview`."""
        about = {"side": self.box.side, "box": self.box.xyxy} if level == "box" else {}
        return self._review(level, verdict, note, instead=self._instead(level, verdict), **about)

    def _review(self, level, verdict, note="", **more):
        target = self.image.study_id if level == "study" else self.image.image_id
        return Review(reviewed.reader(), resources.data_set(self.opened).name, level, target, verdict, note,
                      stamp=self.stamp, origin=origin_of(self.image), **more)

    def redrawn(self, box):
        """The review of the reader that a box drawn now, while the `Target` `box` is picked, adds to: (verdict, note),
        None where it is one that truth lacks."""
        own = box and next((each for each in reversed(box.said) if each.reader == reviewed.reader()), None)
        if box is None or (box.side == "detection" and (own is None or own.verdict not in (MISSING, LOOSE))):
            return None
        verdict = {"truth": LOOSE, "reader": MISSING}.get(box.side) or own.verdict
        return verdict, own.note if own else ""

    def drawing(self, box, xyxy):
        """The `Review` that the box `xyxy`, drawn while the `Target` `box` (or None) was picked, says. Raises
        `BadReview`."""
        if redrawn := self.redrawn(box):
            return self._review("box", *redrawn, side=box.side, box=box.xyxy, instead=[xyxy])
        truth = [each for each in self.boxes if each.side == "truth"]
        if there := there_already([each.xyxy for each in truth], xyxy):
            raise BadReview(f"The box drawn overlaps {truth[there[0]].name} by an IoU of {there[1]:.2f}, so truth does "
                            f"not lack it: click {truth[there[0]].name}, then draw, to redraw it.")
        return self._review("box", MISSING, side="reader", box=xyxy)

    @property
    def purpose(self):
        """What a box drawn now is for, in words."""
        if self.redrawn(self.box) is None:
            return "draws a box that truth lacks"
        return f"{'draws what should stand for' if self.box.side == 'detection' else 'redraws'} {self.box.name}"

    def _instead(self, level, verdict):
        """What should stand in the label's place: what was drawn, what the model says, or the detection on a box that
        is off."""
        if level == "box" and (own := self.own("box")) and own.verdict == verdict and own.instead:
            return own.instead
        if verdict == "agree with model" and level == "film":
            return [each.xyxy for each in self.found if not each.truth]
        if verdict == "agree with model":
            predicted = int(judged.weighed(self.opened, self.settings).predicted_class[self.row])
            return STUDY_CLASSES[predicted] if predicted >= 0 else None
        if verdict == LOOSE and self.box.side == "truth":
            near = [each for each in self.found if not each.truth and each.partner == self.box.finding.row]
            best = max(near, key=lambda each: each.iou, default=None)
            return None if best is None else [best.xyxy]
        return None
