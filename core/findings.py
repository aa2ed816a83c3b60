"""What the doctor says: findings, each a mistake of the diary or another fault, with its evidence and its films.

It knows nothing of how anything is found.
"""

from dataclasses import dataclass

MISTAKES = {
    1: "boxes saved as x, y, width, height but read as corners",
    2: "x and y transposed",
    3: "boxes outside the image, or cut off inside it",
    4: "flipped views not flipped back",
    5: "width and height swapped when scaling back",
    6: "boxes left in the network's frame",
    7: "hard 0/1 confidences, or many ties",
    8: "study rows left at the default negative 1 0 0 1 1",
    9: "an absent class averaged in as 0",
    10: "an image predicted once per box row",
    11: "folds drawn over box rows: images, studies or patients sit in two folds",
    12: "inference at another size or normalisation than training",
    13: "a threshold that deletes nearly all boxes",
    14: "detections not sorted by confidence inside the image",
    15: "only images with boxes scored",
}


@dataclass(frozen=True)
class Finding:
    """`mistake`: its number in the diary, None for another fault; `evidence`: sentences; `films`: ids of those that
    show it, best first; `remedy`: what to do, "" where the cured file does it."""

    mistake: int | None
    name: str
    evidence: str
    films: tuple[str, ...] = ()
    remedy: str = ""

    def as_dict(self):
        return {"mistake": self.mistake, "name": self.name, "evidence": self.evidence, "films": list(self.films)}


def mistake(number, evidence, films=(), remedy=""):
    """The `Finding` of the mistake `number` of the diary."""
    return Finding(number, MISTAKES[number], evidence, tuple(films), remedy)


def fault(name, evidence, films=(), remedy=""):
    """A `Finding` that is none of the diary's."""
    return Finding(None, name, evidence, tuple(films), remedy)
