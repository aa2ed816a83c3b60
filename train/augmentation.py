"""Random changes of a training picture and its boxes: mirrored, turned, zoomed, moved, brighter, noisier.

Each function takes the random generator it draws from and returns new arrays. Boxes are xyxy in pixels of the
picture, turned as the hull of their corners.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from core.errors import BadSettings


@dataclass(frozen=True)
class Augmentation:
    """How far a picture may be changed; all ranges are symmetric and uniform.

    `degrees` of rotation, `zoom` and `stretch` (aspect) as fractions, `shift` as a fraction of the side, `contrast`
    and `gamma` as fractions, `noise` as standard deviation in grey levels, `cutout` the chance of one grey rectangle.
    """

    flip: float = 0.5
    degrees: float = 10.0
    zoom: float = 0.15
    stretch: float = 0.08
    shift: float = 0.05
    contrast: float = 0.25
    gamma: float = 0.25
    noise: float = 4.0
    cutout: float = 0.0


STRENGTHS = {
    "none": Augmentation(flip=0, degrees=0, zoom=0, stretch=0, shift=0, contrast=0, gamma=0, noise=0),
    "light": Augmentation(degrees=0, zoom=0, stretch=0, shift=0, contrast=0.15, gamma=0.15, noise=0),
    "medium": Augmentation(),
    "strong": Augmentation(degrees=15, zoom=0.25, stretch=0.12, shift=0.08, contrast=0.35, gamma=0.35, noise=6,
                           cutout=0.5),
}


def strength(name):
    """The augmentation called `name`. Raises `BadSettings`."""
    if name not in STRENGTHS:
        raise BadSettings(f"augment is {name!r}, but must be one of {', '.join(STRENGTHS)}: choose one.")
    return STRENGTHS[name]


def augment(picture, boxes, how, rng):
    """A changed copy of `picture` uint8 [S,S] and of its `boxes` float32 [N,4]; boxes that leave it are dropped."""
    matrix = _random_affine(picture.shape, how, rng)
    picture, boxes = _warp(picture, boxes, matrix)
    picture = _tone(picture, how, rng)
    if rng.random() < how.cutout:
        picture = _cut_out(picture, rng)
    return picture, boxes


def _random_affine(shape, how, rng):
    """3x3 matrix in edge coordinates: about the centre mirrored, stretched, turned, then moved."""
    height, width = shape
    angle = np.deg2rad(rng.uniform(-how.degrees, how.degrees))
    zoom, stretch = 1 + rng.uniform(-how.zoom, how.zoom), 1 + rng.uniform(-how.stretch, how.stretch)
    mirror = -1.0 if rng.random() < how.flip else 1.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([mirror * zoom * stretch, zoom / stretch])
    centre = np.array([width / 2, height / 2])
    move = rng.uniform(-how.shift, how.shift, 2) * [width, height]
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = linear, centre - linear @ centre + move
    return matrix


def _warp(picture, boxes, matrix):
    centres = matrix[:2].copy()
    centres[:, 2] += matrix[:2, :2] @ [0.5, 0.5] - 0.5  # edge coordinates -> OpenCV's pixel centres
    height, width = picture.shape
    warped = cv2.warpAffine(picture, centres, (width, height), flags=cv2.INTER_LINEAR)
    if len(boxes) == 0:
        return warped, boxes
    corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]].astype(np.float64)  # [N,4,2]
    corners = corners @ matrix[:2, :2].T + matrix[:2, 2]
    full = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    seen = full.clip(0, [width, height, width, height])
    area, whole = (np.prod(b[:, 2:] - b[:, :2], axis=1) for b in (seen, full))
    return warped, seen[area > 0.3 * whole].astype(np.float32)


def _tone(picture, how, rng):
    """Gamma, contrast about the middle, and noise, as one table and one addition."""
    gamma = 2.0 ** rng.uniform(-how.gamma, how.gamma) if how.gamma else 1.0
    contrast, level = 1 + rng.uniform(-how.contrast, how.contrast), rng.uniform(-how.contrast, how.contrast) / 2
    grey = (np.linspace(0, 1, 256) ** gamma - 0.5) * contrast + 0.5 + level
    picture = (grey * 255).clip(0, 255).astype(np.uint8)[picture]
    if how.noise:
        sigma = rng.uniform(0, how.noise)
        noise = rng.standard_normal(picture.shape, dtype=np.float32) * sigma
        picture = (picture + noise).clip(0, 255).astype(np.uint8)
    return picture


def _cut_out(picture, rng):
    height, width = picture.shape
    tall, wide = rng.integers(height // 10, height // 4), rng.integers(width // 10, width // 4)
    top, left = rng.integers(0, height - tall), rng.integers(0, width - wide)
    picture = picture.copy()
    picture[top:top + tall, left:left + wide] = rng.integers(0, 256)
    return picture
