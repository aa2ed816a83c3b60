"""The one box type: xyxy, float32, pixels of the original image, origin at the top left corner.

This module knows nothing of files, models or display. Other conventions (xywh, yxyx, 0..1) are converted in the
module that talks to the foreign library.
"""

from dataclasses import dataclass

import numpy as np

from core.errors import BadSettings


def _frozen(array, dtype, shape_tail, name):
    array = np.array(array, dtype=dtype)  # a copy: the caller's array is neither aliased nor frozen
    if array.size == 0:
        array = array.reshape((0, *shape_tail))
    if array.ndim != 1 + len(shape_tail) or array.shape[1:] != tuple(shape_tail):
        raise BadSettings(f"{name} has shape {array.shape}, but must be [N{''.join(f',{n}' for n in shape_tail)}]: "
                          "reshape it.")
    if not np.isfinite(array).all():
        raise BadSettings(f"{name} holds NaN or infinity, but must be finite: drop those rows.")
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes [N,4] float32 as x_min, y_min, x_max, y_max in pixels of the original image.

    Raises `BadSettings` when a corner is not finite or lies left of or above its opposite.
    """

    xyxy: np.ndarray

    def __post_init__(self):
        xyxy = _frozen(self.xyxy, np.float32, (4,), "xyxy")
        reversed_rows = np.flatnonzero((xyxy[:, 2] < xyxy[:, 0]) | (xyxy[:, 3] < xyxy[:, 1]))
        if len(reversed_rows):
            row = int(reversed_rows[0])
            raise BadSettings(f"box {row} is {xyxy[row].tolist()}, but x_max >= x_min and y_max >= y_min must hold: "
                              "give corners, not width and height.")
        object.__setattr__(self, "xyxy", xyxy)

    @classmethod
    def empty(cls):
        return cls(np.zeros((0, 4), np.float32))

    @classmethod
    def concatenate(cls, parts):
        """All boxes of the sequence `parts`, in order."""
        return cls(np.concatenate([np.zeros((0, 4), np.float32), *(part.xyxy for part in parts)]))

    def __len__(self):
        return len(self.xyxy)

    @property
    def area(self):
        """Area [N] float32 in square pixels; no pixel is added to a side."""
        return (self.xyxy[:, 2] - self.xyxy[:, 0]) * (self.xyxy[:, 3] - self.xyxy[:, 1])

    def clip(self, width, height):
        """Boxes cut at the image's edges: 0 <= x <= width, 0 <= y <= height."""
        return Boxes(self.xyxy.clip(0, np.array([width, height, width, height], np.float32)))

    def flip(self, width):
        """Boxes of the image mirrored left to right; `width` of the image in pixels."""
        x_min, y_min, x_max, y_max = self.xyxy.T
        return Boxes(np.stack([width - x_max, y_min, width - x_min, y_max], axis=1))

    def scale(self, x, y):
        """Boxes of the image resized by the factors `x` and `y` (> 0)."""
        return Boxes(self.xyxy * np.array([x, y, x, y], np.float32))

    def shift(self, x, y):
        """Boxes moved by `x` pixels to the right and `y` pixels down."""
        return Boxes(self.xyxy + np.array([x, y, x, y], np.float32))


@dataclass(frozen=True, eq=False)
class Detections:
    """Boxes with their confidences: `scores` [N] float32, parallel to `boxes`."""

    boxes: Boxes
    scores: np.ndarray

    def __post_init__(self):
        scores = _frozen(self.scores, np.float32, (), "scores")
        if len(scores) != len(self.boxes):
            raise BadSettings(f"{len(scores)} scores for {len(self.boxes)} boxes, but each box needs one: pass both "
                              "from the same rows.")
        object.__setattr__(self, "scores", scores)

    def __len__(self):
        return len(self.boxes)


def iou_matrix(a, b):
    """Intersection over union [N,M] float64 of `a` [N] and `b` [M] (`Boxes`); 0 where both areas are 0.

    PASCAL VOC definition without the added pixel: width is x_max - x_min.
    """
    one, two = a.xyxy.astype(np.float64)[:, None], b.xyxy.astype(np.float64)[None]  # [N,1,4], [1,M,4]
    sides = np.minimum(one[..., 2:], two[..., 2:]) - np.maximum(one[..., :2], two[..., :2])
    intersection = sides.clip(0).prod(axis=-1)
    area = (one[..., 2:] - one[..., :2]).prod(axis=-1) + (two[..., 2:] - two[..., :2]).prod(axis=-1)
    union = area - intersection
    return np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)
