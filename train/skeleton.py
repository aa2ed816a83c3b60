"""The bones, airways and vessels of the thorax phantom, as rods and shells in the frame of `train.projection`.

Everything follows the patient's numbers, so that the ribs lie on the cage and the vessels inside the lungs. This
module knows nothing of attenuation, disease or display.
"""

import cv2
import numpy as np
from scipy.interpolate import PchipInterpolator

from train.projection import curve, flat_rod, solid_tubes, splat
from train.thorax import arm_axis, cage_half_depth, cage_half_width, lung_chord, spine_x


def rib_course(patient, number, side, jitter=0.0):
    """Centre line [K,3] and outward normals [K,3] of rib `number` (1..12) on `side` (-1 viewer's left, 1 right)."""
    pitch = (patient.lung_height + 2.0) / 9.6
    start = -2.6 + pitch * (number - .6) * (1 - .012 * (6 - number))
    end = {1: 2.62, 2: 2.5, 11: 1.25, 12: .95}.get(number, 2.5 - .03 * number)
    theta = np.linspace(np.arcsin(2.0 / cage_half_width(patient, start + 1.5)), end, 80)
    drop = min(3.4 + 1.38 * number, 12) * patient.lung_height / 22.5 + jitter
    y = start + drop * ((1 - np.cos(theta)) / 2) ** 1.1 - .6 * np.sin(2 * theta).clip(0) * (number > 1)
    a, b = cage_half_width(patient, y) + .12, cage_half_depth(patient, y) + .3
    if number == 1:
        a, b, y = np.full_like(y, 5.3), np.full_like(y, 4.5), y + .5
    x = side * a * np.sin(theta) + spine_x(patient, y) * (theta < 1) * (1 - theta).clip(0)
    z = -b * np.cos(theta)
    normals = np.stack([side * np.sin(theta) / a, np.zeros_like(y), -np.cos(theta) / b], 1)
    return np.stack([x, y, z], 1), normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _ends(count, steep):
    """Density [count] that rises from 0 at both ends of a rod over 1/`steep` of its length."""
    share = np.linspace(0, 1, count)
    return np.clip(np.minimum(share, 1 - share) * steep, 0, 1)


def ribs(frame, patient, rng):
    """Cortical path length [height,width] float32 in cm of the twelve pairs of ribs."""
    parts = []
    for number in range(1, 13):
        for side in (-1, 1):
            path, normals = rib_course(patient, number, side, rng.normal(0, .25))
            along = np.linspace(0, 1, len(path))
            tall = (.50 + .18 * along) * (1.1 if 2 < number < 10 else .95) * rng.uniform(.93, 1.07)
            tall, wall = tall * (.78 if number == 1 else 1), .085 if 1 < number < 11 else .06
            density = _ends(80, 9) * (1 - .35 * along)
            parts.append(flat_rod(frame, path, normals, tall, .29 - .05 * along, wall, density=density))
    return splat(frame, *parts)


FRONT = np.tile([0.0, 0.0, 1.0], (60, 1))


def shoulder_girdle(frame, patient, rng):
    """Cortical path length [height,width] float32 in cm of manubrium, clavicles, scapulae and humeri."""
    parts = []
    manubrium = np.array([[-2.9, 2.6, 7], [2.9, 2.6, 7], [2.6, 5.0, 7], [1.6, 7.4, 7], [-1.6, 7.4, 7], [-2.6, 5, 7]])
    plates = _plate(frame, manubrium, .22)
    swell = .62 + .22 * np.linspace(-1, 1, 60) ** 2
    for side in (-1, 1):
        lift = rng.normal(0, .4) - patient.shoulder
        turned = 2.2 + .3 * rng.normal() if patient.erect else 0.6  # shoulders rolled forward take the blades out
        clavicle = curve((side * 1.7, 3.4 + .3 * lift, 7), (side * 4.8, 2.6 + .5 * lift, 7.5),
                         (side * 9.5, .8 + lift, 4), (side * (patient.half_width + 1.6), -.6 + lift, 1))
        parts.append(flat_rod(frame, clavicle, FRONT, swell, swell * .85, .12, density=_ends(60, 14)))
        border, blade, ridge = _scapula(side, arm_axis(patient)[0][0] - 3.4 - .3 * turned, lift)
        plates += _plate(frame, np.concatenate([border, blade, ridge[20::-1]]), .14)
        for line, size, wall in ((border, .24, .07), (blade, .16, .04), (ridge, .55, .06)):
            half = np.full(60, size)
            parts.append(flat_rod(frame, line, FRONT, half, half * .8, wall, density=_ends(60, 6)))
        parts.append(_humerus(frame, patient, side, lift + patient.shoulder))
    return splat(frame, *parts) + plates


def _scapula(side, x, lift):
    border = curve((side * (x + 1.3), 2.3 + lift, -5), (side * (x + .6), 6.5 + lift, -7),
                   (side * (x - 1.2), 12.0 + lift, -8), (side * (x - 2.2), 14.2 + lift, -8))
    blade = curve((side * (x - 2.2), 14.2 + lift, -8), (side * (x - 5.4), 9 + lift, -8.5),
                  (side * (x - 5.6), 3 + lift, -8), (side * (x - 3), -.3 + lift, -7))
    ridge = curve((side * (x - 5.4), 3.6 + lift, -8.5), (side * (x - 1.6), 1.2 + lift, -8),
                  (side * (x + 2.4), -1.4 + lift, -5), (side * (x + 3.4), -.8 + lift, -3))
    return border, blade, ridge


def _plate(frame, outline, thickness):
    """Path length [height,width] float32 of a thin plate bounded by `outline` [K,3], softly edged."""
    mask = np.zeros((frame.height, frame.width), np.uint8)
    corners = np.round(np.stack(frame.project(outline), 1) * 16).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, shift=4)
    return cv2.GaussianBlur(mask, (0, 0), .3 * frame.pixels_per_cm).astype(np.float32) * (thickness / 255)


def _humerus(frame, patient, side, lift):
    (x, y), (elbow_x, elbow_y) = arm_axis(patient)
    heights = np.linspace(-2.2, 34, 60)
    head = PchipInterpolator([-2.2, 0, 4, 9, 34], [-1.9, -1.6, -.3, 0, 0])(heights)  # the head faces the socket
    across = x + head + (elbow_x - x) / (elbow_y - y) * heights
    shaft = np.stack([side * across, y + .6 + .6 * lift + heights, np.zeros(60)], 1)
    radius = PchipInterpolator([-2.2, -1.6, -.2, 2, 4.5, 9, 34], [.3, 1.4, 2.2, 2.3, 1.7, 1.3, 1.1])(heights)
    return flat_rod(frame, shaft, FRONT, radius, radius, .15, core=.05)


def spine(frame, patient):
    """Cortical path length [height,width] float32 in cm of vertebral bodies, pedicles and spinous processes."""
    pitch = (patient.lung_height + 2.0) / 9.6
    parts, rings = [], []
    for level in range(-6, 19):
        y = -3.4 + pitch * level
        x, wide, tall = spine_x(patient, y), 1.2 + .06 * level, pitch * .40
        waist = wide - .12 * np.sin(np.linspace(0, np.pi, 20))
        for side in (-1, 1):
            end = np.linspace([x - wide, y + side * tall, -5], [x + wide, y + side * tall, -5], 20)
            down, thin = np.tile([0, 1.0, 0], (20, 1)), np.full(20, .15)
            parts.append(flat_rod(frame, end, down, np.full(20, 1.3), thin, .035, 0))
            wall = np.stack([x + side * waist, np.linspace(y - tall, y + tall, 20), np.full(20, -5.0)], 1)
            parts.append(flat_rod(frame, wall, down[:, [1, 0, 2]], np.full(20, 1.2), thin, .025, 0))
            turn = np.linspace(0, 2 * np.pi, 24)
            ring = np.stack([x + side * (wide - .35) + .24 * np.cos(turn), y - .25 * tall + .42 * np.sin(turn),
                             np.full(24, -6.5)], 1)
            rings.append((ring, np.full(24, .10)))
        spinous = np.linspace([x, y + .1, -8], [x, y + .9 * tall + .5, -9], 12)
        parts.append(flat_rod(frame, spinous, np.tile([1.0, 0, 0], (12, 1)), np.full(12, .25), np.full(12, .28), .08))
    return splat(frame, *parts) + solid_tubes(frame, rings)


def airways(frame, patient):
    """Path length [height,width] float32 in cm of air in trachea and main bronchi."""
    split = patient.hilum * patient.lung_height - 2.0
    top = [(.1, -12, 0), (spine_x(patient, 0) * .5, 0, 0), (-.2, split, -1)]
    trunk = curve(*top)
    right = curve((-.2, split, -1), (-2.0, split + 1.9, -1), (-3.6, split + 3.3, -2))
    left = curve((-.1, split, -1), (2.2, split + 2.0, -1), (4.6, split + 3.4, -2))
    return solid_tubes(frame, [(trunk, np.full(60, .92)), (right, np.linspace(.70, .42, 60)),
                               (left, np.linspace(.62, .36, 60))])


def grow_vessels(patient, side, rng, tips=500):
    """Rods [(path, radii), ...] of the vessels of one lung: a tree that fills it, thick at the hilum.

    Each new tip joins the node that makes the way to it short and the way back to the hilum not long (a minimum
    spanning tree with a cost on the path, Cuntz et al. 2010); radii follow Murray's law with exponent 2.35.
    """
    hilum = patient.hilum * patient.lung_height + (0 if side > 0 else .9)
    x = side * rng.uniform(2.5, patient.half_width, 5 * tips)
    y = rng.uniform(.3, patient.lung_height + 5, 5 * tips)
    chord = lung_chord(patient, x, y)
    keep = np.flatnonzero(chord > rng.uniform(1.0, 9, 5 * tips))[:tips]
    z = (rng.random(len(keep)) - .5) * chord[keep] * .9
    stem = np.array([[side * 3.0, hilum, 0], [side * 4.3, hilum + .5, 0], [side * 4.9, hilum + 2.5, -1],
                     [side * 4.6, hilum + 4.6, -2], [side * 4.6, hilum - 1.6, 1], [side * 5.2, hilum - 3.2, 1]])
    tip = np.stack([x[keep], y[keep], z], 1)
    order = np.argsort(np.hypot(tip[:, 0] - stem[1, 0], tip[:, 1] - stem[1, 1]))
    nodes, parents = np.concatenate([stem, tip[order]]), np.full(len(keep) + 6, -1)
    parents[:6] = [-1, 0, 1, 2, 1, 4]
    way = np.zeros(len(nodes))
    way[:6] = [0, 1.4, 3.5, 5.6, 3.5, 5.3]
    for new in range(6, len(nodes)):
        gap = np.linalg.norm((nodes[:new] - nodes[new]) * [1, 1, .6], axis=1)
        parents[new] = np.argmin(gap + .45 * way[:new])
        way[new] = way[parents[new]] + gap[parents[new]]
    return _rods(nodes, parents, rng)


def _rods(nodes, parents, rng):
    load = np.ones(len(nodes))
    for node in range(len(nodes) - 1, 0, -1):
        load[parents[node]] += load[node]
    radius = .046 * load ** (1 / 2.35)
    rods = []
    for node in range(1, len(nodes)):
        mother = parents[node]
        t = np.linspace(0, 1, 8)[:, None]
        bow = np.sin(np.pi * t) * rng.normal(0, .07, 3) * np.linalg.norm(nodes[node] - nodes[mother])
        path = nodes[mother] * (1 - t) + nodes[node] * t + bow
        start = min(radius[mother], radius[node] * 1.25)
        end = radius[node] if load[node] > 1 else radius[node] * .4
        rods.append((path, np.linspace(start, end, 8)))
    return rods
