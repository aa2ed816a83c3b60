"""Projection of tubes and shells in centimetres onto a film: from points in space to path lengths in pixels.

The world frame is in cm: x to the viewer's right (the patient's left), y down from the apex of the lungs, z towards
the patient's front. The beam runs along z. This module knows nothing of anatomy, attenuation or display.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.interpolate import CubicSpline


@dataclass(frozen=True)
class Frame:
    """Where a film lies in the world: size in pixels, pixels per cm, centre, and how the patient stands to it.

    `tilt` (radians) turns the picture in its plane; `oblique` (cm of x per cm of z) shears front against back, which
    is what a small rotation about the long axis does to a projection.
    """

    width: int
    height: int
    pixels_per_cm: float
    centre_x: float
    centre_y: float
    tilt: float = 0.0
    oblique: float = 0.0

    @property
    def to_pixels(self):
        """Affine matrix [2,3] float64 from (x, y, 1) in cm at z = 0 to pixel coordinates."""
        cos, sin = np.cos(self.tilt) * self.pixels_per_cm, np.sin(self.tilt) * self.pixels_per_cm
        linear = np.array([[cos, -sin], [sin, cos]])
        shift = np.array([self.width / 2, self.height / 2]) - linear @ np.array([self.centre_x, self.centre_y])
        return np.column_stack([linear, shift])

    def project(self, points):
        """Pixel coordinates, two arrays [N], of `points` [N,3] in cm."""
        matrix = self.to_pixels.astype(points.dtype)
        x, y, z = points.T
        x = x + points.dtype.type(self.oblique) * z
        return tuple(a * x + b * y + c for a, b, c in matrix)

    def touches(self, points, margin):
        """Whether the bounding box of `points` [N,3], wider by `margin` cm, meets the film."""
        u, v = self.project(points)
        far = margin * self.pixels_per_cm
        return bool(u.max() + far > 0 and v.max() + far > 0 and u.min() - far < self.width
                    and v.min() - far < self.height)

    def reduced(self, factor):
        """The same film with pixels `factor` times as wide, rounded up to whole pixels."""
        width, height = -(-self.width // factor), -(-self.height // factor)
        shift = np.array([width * factor - self.width, height * factor - self.height]) / 2 / self.pixels_per_cm
        cos, sin = np.cos(self.tilt), np.sin(self.tilt)
        return replace(self, width=width, height=height, pixels_per_cm=self.pixels_per_cm / factor,
                       centre_x=self.centre_x + float(cos * shift[0] + sin * shift[1]),
                       centre_y=self.centre_y + float(cos * shift[1] - sin * shift[0]))

    def enlarge(self, picture, factor):
        """Film [height,width] float32 from `picture` made on `reduced(factor)`."""
        if factor == 1:
            return picture
        back = np.array([[1 / factor, 0, 0], [0, 1 / factor, 0]])
        return cv2.warpAffine(picture.astype(np.float32, copy=False), back, (self.width, self.height),
                              flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE)

    def grid(self, step=1):
        """World x and y, each float32 [height/step, width/step], of the pixel centres of every `step`-th pixel."""
        inverse = cv2.invertAffineTransform(self.to_pixels)
        row = (np.arange(0, self.height, step) + (step - 1) / 2)[:, None]
        column = (np.arange(0, self.width, step) + (step - 1) / 2)[None]
        return tuple((a * column + b * row + c).astype(np.float32) for a, b, c in inverse)

    def sample(self, field, extent):
        """Film [height,width] float32 of a square `field` that covers `extent` cm (x0, y0, side); edges repeat."""
        x0, y0, side = extent
        cell = side / field.shape[0]
        to_cell = np.array([[1 / cell, 0, -x0 / cell], [0, 1 / cell, -y0 / cell], [0, 0, 1]])
        back = to_cell @ np.vstack([cv2.invertAffineTransform(self.to_pixels), [0, 0, 1]])
        return cv2.warpAffine(np.asarray(field, np.float32), back[:2], (self.width, self.height),
                              flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT)


def splat(frame, *parts):
    """Path length [height,width] float32 in cm of `parts`, pairs of points [N,3] (cm) and volumes [N] (cm3).

    Every point is shared by the four pixels around it (bilinear), so volume is conserved inside the film.
    """
    picture = np.zeros((frame.height + 2, frame.width + 2), np.float32)  # a margin catches what falls off the edge
    for points, volumes in parts:
        u, v = frame.project(points)
        inside = (u > -1) & (v > -1) & (u < frame.width - .01) & (v < frame.height - .01)
        if inside.any():
            _add(picture, u[inside] + 1, v[inside] + 1, volumes[inside])
    return picture[1:-1, 1:-1] * np.float32(frame.pixels_per_cm ** 2)


def _add(picture, u, v, volumes):
    """Add `volumes` [N] at the pixel coordinates `u`, `v` [N] to `picture`, inside their bounding box only."""
    left, top = u.astype(np.int32), v.astype(np.int32)
    right_part, bottom_part = u - left, v - top
    x0, y0, x1, y1 = left.min(), top.min(), left.max() + 2, top.max() + 2
    stride, rows = x1 - x0, y1 - y0
    corner = (top - y0) * stride + (left - x0)
    total = np.zeros(rows * stride)
    low = volumes * bottom_part
    for weight, step in ((volumes - low, 0), (low, stride)):
        right = weight * right_part
        total += np.bincount(corner + step, weight - right, minlength=rows * stride)
        total += np.bincount(corner + (step + 1), right, minlength=rows * stride)
    picture[y0:y1, x0:x1] += total.reshape(rows, stride)


def curve(*points):
    """Smooth course [60,3] through a few points [3], by cubic interpolation over their index."""
    points = np.array(points, float)
    return CubicSpline(np.arange(len(points)), points)(np.linspace(0, len(points) - 1, 60))


def resample(path, radii, spacing):
    """Points [M,3], radii [M] and step [M] in cm along `path` [K,3], at most `spacing` cm apart."""
    lengths = np.linalg.norm(np.diff(path, axis=0), axis=1)
    along = np.concatenate([[0], np.cumsum(lengths)])
    count = max(2, int(np.ceil(along[-1] / spacing)))
    at = (np.arange(count) + .5) * along[-1] / count
    points = np.stack([np.interp(at, along, axis) for axis in path.T], axis=1)
    return points, np.interp(at, along, radii), np.full(count, along[-1] / count)


def solid_tubes(frame, tubes):
    """Path length [height,width] float32 in cm through round rods: `tubes` is a list of (path [K,3], radii [K]).

    A rod is drawn as a chain of balls whose volume is the rod's, which leaves no seams where rods bend or meet.
    """
    if not tubes:
        return np.zeros((frame.height, frame.width), np.float32)
    pixel = 1 / frame.pixels_per_cm
    parts = [resample(path, radii, max(.5 * pixel, .4 * float(np.mean(radii)))) for path, radii in tubes]
    points, radii, steps = (np.concatenate([part[i] for part in parts]).astype(np.float32) for i in range(3))
    clouds, volumes = [], []
    grains = 2 ** np.ceil(np.log2((radii / pixel * 2.2) ** 2 + 4)).astype(int)
    for count in np.unique(grains):
        rows = grains == count
        share = (np.arange(count, dtype=np.float32) + .5) / count
        reach = np.sqrt(1 - (1 - share) ** (2 / 3))  # radii that share the projection of a ball evenly
        angle = np.arange(count) * 2.39996323 + np.arange(rows.sum())[:, None] * 1.7
        offset = (reach * radii[rows, None])[..., None] * np.stack([np.cos(angle), np.sin(angle), 0 * angle], -1)
        clouds.append((points[rows, None] + offset).astype(np.float32).reshape(-1, 3))
        volumes.append(np.repeat(np.pi * radii[rows] ** 2 * steps[rows] / count, count))
    return splat(frame, *zip(clouds, volumes, strict=True))


def _section_axes(path, normals, tall, thick, points):
    """Half axes of the elliptic section at `points` as vectors, two arrays [M,3] float32."""
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    at = (np.arange(len(points)) + .5) * along[-1] / len(points)
    normals, tangents = (np.stack([np.interp(at, along, axis) for axis in vectors.T], 1)
                         for vectors in (normals, np.gradient(path, along, axis=0)))
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    normals = normals - (normals * tangents).sum(1, keepdims=True) * tangents
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    binormals = np.cross(tangents, normals)
    return (tall[:, None] * binormals).astype(np.float32), (thick[:, None] * normals).astype(np.float32)


def flat_rod(frame, path, normals, tall, thick, wall, core=.2, density=1.0):
    """Points [M,3] in cm and volumes [M] in cm3 of a flat rod of bone such as a rib: a dense wall, a loose core.

    They lie finely enough for `frame`; a rod that misses the film has none.

    path: [K,3] cm. normals: [K,3] unit vectors along the thin axis of its elliptic section. tall, thick: half axes
    [K] in cm across and along the normals. wall: its thickness in cm. core: density of the inside, as share of the
    wall's. density: of both along the rod, [K] or a number.
    """
    if not frame.touches(path, float(np.max(tall))):
        return np.zeros((0, 3), np.float32), np.zeros(0, np.float32)
    spacing = max(.8 / frame.pixels_per_cm, .027)
    points, tall, step = resample(path, tall, spacing)
    thick = resample(path, thick, spacing)[1]
    mass = resample(path, np.broadcast_to(density, len(path)), spacing)[1] * step
    across, along = _section_axes(path, normals, tall, thick, points)
    points = points.astype(np.float32)
    count = max(8, int(np.ceil(2 * np.pi * tall.max() / spacing)))
    # random grains instead of a lattice: no streaks along the rod, and a little of the bone's own texture
    grain = np.random.default_rng(len(points)).random((4, count, len(points)), np.float32)
    angle = ((np.arange(count, dtype=np.float32)[:, None] + grain[0]) * np.float32(2 * np.pi / count))
    cos, sin = np.cos(angle)[..., None], np.sin(angle)[..., None]
    slide = (grain[1] - .5)[..., None] * np.gradient(points, axis=0)
    arc = np.hypot(tall * sin[..., 0], thick * cos[..., 0]) * (2 * np.pi / count)
    clouds, volumes = [(points + slide + cos * across + sin * along).reshape(-1, 3)], [(arc * wall * mass).ravel()]
    if core:
        reach, angle = np.sqrt(grain[2])[..., None], 2 * np.float32(np.pi) * grain[3][..., None]
        clouds.append((points + reach * (np.cos(angle) * across + np.sin(angle) * along)).reshape(-1, 3))
        volumes.append(np.tile(core * np.pi * tall * thick / count * mass, count))
    return np.concatenate(clouds), np.concatenate(volumes).astype(np.float32)
