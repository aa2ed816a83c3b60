"""Coordinate slips: the ways in which boxes come to stand in another frame than the original image's, and their cures.

Each slip is one of the diary's mistakes with boxes, and its cure undoes it exactly. Boxes are float64 [N,4], `sides`
float64 [N,2] the width and height in pixels of the original image that each is on. This module knows nothing of scores
or ground truth, nor of which slip was made.
"""

from dataclasses import dataclass

import numpy as np

FRAMES = (1, 128, 224, 256, 288, 300, 320, 384, 416, 448, 512, 600, 640, 768, 800, 896, 1024, 1280, 1536)
FACTORS = (1.25, 4 / 3, 1.5, 1.75, 2, 2.5, 3, 4)


@dataclass(frozen=True)
class Slip:
    """`mistake`: its number in the diary; `kind`: a key of `CURES`; `size`: side in pixels of the network's frame, the
    factor of what was scaled, or by which fractions of the film's sides the four edges of a box were moved."""

    mistake: int
    kind: str
    size: float | tuple[float, float, float, float] = 0.0

    @property
    def name(self):
        if self.kind == "moved":
            return _moves(self.size)
        return NAMES[self.kind].format(size=f"{self.size:g}")

    def cure(self, boxes, sides):
        """What `boxes` were before this slip."""
        return CURES[self.kind](boxes, sides, self.size)


def _corners_of_sides(boxes, _, __):
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _corners_of_sums(boxes, _, __):
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def _corners_of_centres(boxes, _, __):
    return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1)


def _transposed(boxes, _, __):
    return boxes[:, [1, 0, 3, 2]]


def mirrored(boxes, sides, _=0):
    """The boxes [N,4] as they lie on the film seen in a mirror."""
    width = sides[:, 0]
    return np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1)


def _scaled_by_other_side(boxes, sides, _):
    ratio = sides[:, 0] / sides[:, 1]
    return boxes * np.stack([ratio, 1 / ratio, ratio, 1 / ratio], axis=1)


def _from_square(boxes, sides, size):
    return boxes * np.tile(sides / size, 2)


def _from_padded(boxes, sides, size):
    return boxes * (np.maximum(sides[:, :1], sides[:, 1:]) / size)


def _from_centred(boxes, sides, size):
    """Of a square of `size` in whose middle lies the film."""
    longer = np.maximum(sides[:, :1], sides[:, 1:])
    return boxes * (longer / size) - np.tile((longer - sides) / 2, 2)


def _unscaled(boxes, _, factor):
    return boxes / factor


def _unmoved(boxes, sides, shares):
    return boxes - np.tile(sides, 2) * np.asarray(shares)


CURES = {"sides": _corners_of_sides, "sums": _corners_of_sums, "centres": _corners_of_centres,
         "transposed": _transposed, "mirrored": mirrored, "other side": _scaled_by_other_side, "square": _from_square,
         "padded": _from_padded, "centred": _from_centred, "scaled": _unscaled, "moved": _unmoved}
NAMES = {
    "sides": "boxes saved as x, y, width, height but read as corners",
    "sums": "corners read as x, y, width, height and turned into corners once more",
    "centres": "boxes saved as centre, width, height but read as corners",
    "transposed": "x and y transposed",
    "mirrored": "boxes of flipped views not flipped back",
    "other side": "width and height swapped when scaling back",
    "square": "boxes left in the network's frame of {size} x {size}",
    "padded": "boxes left in the network's frame, whose longer side is {size}",
    "centred": "boxes left in the network's frame of {size} x {size}, in whose middle the film lies",
    "scaled": "boxes of a film {size} times as large",
}


def _moves(shares):
    """The name of a move of the four edges by `shares` of the film's sides."""
    edges = ("x_min", "y_min", "x_max", "y_max")
    if shares[:2] == shares[2:]:
        edges, shares = ("boxes", "boxes"), shares[:2]
    said = [f"{edge} moved by {share:.3g} of the {('width', 'height')[at % 2]}"
            for at, (edge, share) in enumerate(zip(edges, shares, strict=True)) if share]
    return " and ".join(said)


def slips(sizes=()):
    """Every single `Slip`; `sizes` are sides of network inputs that are known to have been used."""
    frames = tuple(dict.fromkeys([*map(float, sizes), *map(float, FRAMES)]))
    return (Slip(1, "sides"), Slip(1, "sums"), Slip(1, "centres"), Slip(2, "transposed"), Slip(4, "mirrored"),
            Slip(5, "other side"), *(Slip(3, "scaled", factor) for factor in FACTORS),
            *(Slip(6, kind, size) for kind in ("square", "padded", "centred") for size in frames))


def stories(sizes=()):
    """Every chain of at most two slips of different mistakes, in the order in which they happened; first none."""
    each = slips(sizes)
    return ((), *((one,) for one in each),
            *((one, two) for one in each for two in each if one.mistake != two.mistake))


def cured(boxes, sides, story):
    """What `boxes` were before the slips of `story`."""
    for slip in reversed(story):
        boxes = slip.cure(boxes, sides)
    return boxes
