"""The views of test-time augmentation: a picture flipped, zoomed or moved, and the way back for its boxes.

A view maps the network's square input onto itself. It knows nothing of models.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from core.errors import BadSettings


@dataclass(frozen=True)
class View:
    """One view: mirrored first (`flip`), then zoomed about the centre by `zoom`, then moved by `shift`.

    `zoom` > 1 enlarges; `shift` is (x, y) in fractions of the picture's sides, to the right and down.
    """

    name: str
    flip: bool = False
    zoom: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)

    def _affine(self, height, width):
        """2x3 matrix that takes a point x, y (pixels, edge coordinates) of the picture to its place in the view."""
        mirror = np.array([[-1.0, 0, width], [0, 1, 0], [0, 0, 1]]) if self.flip else np.eye(3)
        x, y = width * ((1 - self.zoom) / 2 + self.shift[0]), height * ((1 - self.zoom) / 2 + self.shift[1])
        return (np.array([[self.zoom, 0, x], [0, self.zoom, y], [0, 0, 1]]) @ mirror)[:2]

    def apply(self, picture):
        """The picture [H,W] uint8 as this view shows it; what comes in from outside is black."""
        if self.zoom == 1 and self.shift == (0.0, 0.0):
            return np.ascontiguousarray(picture[:, ::-1]) if self.flip else picture
        matrix = self._affine(*picture.shape)
        matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5  # edge coordinates -> OpenCV's pixel centres
        return cv2.warpAffine(picture, matrix, picture.shape[::-1], flags=cv2.INTER_LINEAR)

    def back(self, xyxy, height, width):
        """Boxes float32 [N,4] found in this view, in the frame of the picture of `height` x `width` pixels."""
        (x_scale, _, x_offset), (_, y_scale, y_offset) = self._affine(height, width)
        x = (xyxy[:, [0, 2]].astype(np.float64) - x_offset) / x_scale
        y = (xyxy[:, [1, 3]].astype(np.float64) - y_offset) / y_scale
        x.sort(axis=1)
        return np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], axis=1).astype(np.float32)


VIEWS = (
    View("plain"),
    View("flip", flip=True),
    View("in", zoom=1.1),
    View("flip-in", flip=True, zoom=1.1),
    View("out", zoom=0.9),
    View("flip-out", flip=True, zoom=0.9),
    View("left-up", shift=(-0.04, -0.04)),
    View("flip-right-down", flip=True, shift=(0.04, 0.04)),
)


def first_views(count):
    """The first `count` of `VIEWS`. Raises `BadSettings`."""
    if not 1 <= count <= len(VIEWS):
        raise BadSettings(f"views is {count}, but must be 1 to {len(VIEWS)}: choose another number.")
    return VIEWS[:count]
