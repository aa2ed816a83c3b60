"""The soft parts of the thorax phantom: a patient as numbers, and path lengths through flesh, lung and heart.

Lengths are in cm, in the frame of `train.projection`: x to the viewer's right, y down from the apex of the lungs,
z to the front. The shapes are simple solids tuned by eye against textbook anatomy; this module knows nothing of
bones, attenuation, disease or display.
"""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator


@dataclass(frozen=True)
class Patient:
    """A body in numbers; lengths in cm, ratios without unit."""

    lung_height: float      # apex to the top of the right hemidiaphragm
    half_width: float       # of the cage inside, at its widest
    half_depth: float       # of the cage inside, at its deepest
    flesh: float            # thickness of the chest wall over the ribs
    breast: float           # half height of a breast; 0 for none
    heart: float            # 1 = cardiothoracic ratio of about .45
    knob: float             # radius of the aortic knob
    bend: float             # sideways curve of the spine
    shoulder: float         # how far the shoulders stand above their usual height
    hilum: float            # height of the hila
    erect: bool             # standing (PA) rather than lying or sitting (AP)
    arms: float             # how far the arms are held away from the body


def draw_patient(rng):
    """A patient drawn with the generator `rng`."""
    woman, erect = rng.random() < .5, rng.random() < .55
    size = rng.normal(.96 if woman else 1.04, .05)
    flesh = float(np.clip(rng.gamma(4, .6), .8, 5.5))
    return Patient(
        lung_height=float(np.clip(rng.normal(22.5 if erect else 19, 1.7), 15, 27) * size),
        half_width=float(np.clip(rng.normal(13.9, .6) * size, 11.5, 16.5)), half_depth=8.2 * size + rng.normal(0, .5),
        flesh=flesh, breast=float(rng.uniform(3.5, 5.5) + flesh * .3) if woman else 0.0,
        heart=float(np.clip(rng.normal(1.0 if erect else 1.13, .09), .8, 1.4)), knob=float(rng.uniform(1.2, 1.9)),
        bend=float(rng.normal(0, .5)), shoulder=float(rng.normal(0 if erect else 1.2, .8)),
        hilum=float(rng.uniform(.40, .46)), erect=bool(erect),
        arms=float(rng.uniform(0, 5) if erect else rng.uniform(-2, 3)))


def superellipse(t, power, root=2.0):
    """Half chord (1 - |t|^power)^(1/root) of a unit superellipse, 0 outside."""
    return np.clip(1 - np.abs(t) ** power, 0, None) ** (1 / root)


def smoothstep(t):
    """Cubic ramp: 0 below 0, 1 above 1."""
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def cage_half_width(patient, y):
    """Inner half width of the rib cage in cm at heights `y`."""
    t = np.clip((y + 2.2) / (.78 * patient.lung_height + 2.2), 0, 1)
    taper = 1 - .05 * smoothstep((y - .85 * patient.lung_height) / (.5 * patient.lung_height))
    return patient.half_width * np.sqrt(1 - (1 - t) ** 2.7) * taper + .05


def cage_half_depth(patient, y):
    """Inner half depth of the rib cage in cm at heights `y`."""
    return patient.half_depth * (.45 + .55 * smoothstep((y + 4) / (.55 * patient.lung_height)))


def spine_x(patient, y):
    """Sideways course of the spine in cm at heights `y`."""
    return patient.bend * np.sin((y - 2) / 9)


def diaphragm(patient, x, y_width):
    """Height of the domes in cm above `x`; `y_width` is the half width of the cage there (both arrays alike)."""
    left = x > 0
    crown = np.where(left, .46, .44) * patient.half_width
    top = patient.lung_height + np.where(left, 1.1, 0)
    out = (np.abs(x) - crown) / np.maximum(y_width - crown, 1)
    lateral = 4.6 * np.clip(out, 0, 1.4) ** 2.3
    medial = np.where(left, 1.2, 2.2) * np.clip(-out * (y_width - crown) / crown, 0, 1.2) ** 2.2
    return top + lateral + medial


def mediastinal_borders(patient):
    """Heights [K], left and right borders [K] in cm of the mediastinum on the film, smooth and densely sampled."""
    top, low, k = patient.hilum * patient.lung_height, patient.lung_height - 1.6, patient.heart
    left = [(-9, 2.9), (-1, 2.6), (top - 5.2, 2.6), (top - 3.2, 1.75 + patient.knob), (top - 1.2, 2.6),
            (top + .8, 3.5 * k), (.65 * top + .35 * low, 4.3 * k), (.35 * top + .65 * low, 6.7 * k),
            (low - 2, 8.3 * k), (low, 8.7 * k), (low + 1.5, 8.3 * k), (low + 9, 7.5 * k)]
    right = [(-9, 2.6), (-1, 2.5), (top - 4.0, 2.6), (top - 1.5, 2.8), (top + .6, 2.8),
             (.55 * top + .45 * low, 3.4 * k), (.25 * top + .75 * low, 4.5 * k), (low - .6, 4.5 * k),
             (low + 1.6, 4.0 * k), (low + 9, 3.6 * k)]
    y = np.linspace(-12, low + 9, 400)
    soft = np.hanning(37) / np.hanning(37).sum()
    return (y, *(side * np.convolve(np.pad(PchipInterpolator(*zip(*border, strict=True))(y.clip(-9)), 18, "edge"),
                                    soft, "valid") for side, border in ((1, left), (-1, right))))


def heart_chord(patient, x, y, oblique=0.0, above=1.0):
    """Path length in cm through heart, great vessels and upper mediastinum.

    `above` (0..1) takes the heart away where it is 0: it rests on the diaphragm and does not reach below.
    """
    heights, left, right = mediastinal_borders(patient)
    bulge = smoothstep((y - .3 * patient.lung_height) / 5)
    x = x - oblique * (3 * bulge - 1) - spine_x(patient, y) * .7
    left, right = np.interp(y, heights, left), np.interp(y, heights, right)
    middle, half = (left + right) / 2, (left - right) / 2
    shape = np.clip(1 - np.abs((x - middle) / half) ** 2.2, 0, None) ** (.38 + .2 * bulge)
    full = 2.3 * patient.half_depth
    depth = (1 - bulge) * full + bulge * 12 * patient.heart ** .5
    column = superellipse((x - spine_x(patient, y)) / (2.3 + 1.1 * bulge), 2.0, 1.1)
    aorta = 2.0 * superellipse((x - 1.7 - spine_x(patient, y) * .8) / 1.5, 2.0, 1.3) * smoothstep((y - 4) / 3)
    front, back = above * shape * depth, full * column
    both = np.sqrt(np.square(np.square(front)) + np.square(np.square(back)))
    return np.sqrt(both) + aorta


def hila_chord(patient, x, y):
    """Path length in cm of what hazes the hila beside their larger vessels: nodes, fat, small vessels."""
    total = np.zeros_like(x)
    for side, top in ((-1, patient.hilum * patient.lung_height + 1.6), (1, patient.hilum * patient.lung_height + .8)):
        total += .85 * np.exp(-((x - side * 4.0) / 1.3) ** 2 - ((y - top) / 2.4) ** 2)
    return total


def apex_height(x):
    """Height in cm of the top of the lungs above `x`."""
    away = np.abs(x) - 5.2
    return np.abs(away / np.where(away < 0, 2.6, 6.5)) ** 2.1 * 1.8


def lung_chord(patient, x, y, oblique=0.0):
    """Path length in cm through both lungs, between cage, apex, domes and mediastinum."""
    width = cage_half_width(patient, y)
    half = cage_half_depth(patient, y) * superellipse(x / width, 3.6, 2.0)
    apex = apex_height(x)
    half = half * np.clip((y - apex) / 2.0, 0, 1) ** .6
    below = np.clip(y - diaphragm(patient, x, width), 0, None)
    open_recess = 1 - np.sqrt(np.clip(below / 2.6, 0, 1))
    heart = heart_chord(patient, x, y, oblique, 1 - smoothstep(below / 1.4))
    return np.clip(2 * half * open_recess - heart, 0, None)


def _capsule(ax, y, start, end, radii):
    """Path length through a tapered rod between two points of the film, mirrored."""
    way = np.subtract(end, start)
    t = np.clip(((ax - start[0]) * way[0] + (y - start[1]) * way[1]) / (way @ way), 0, 1)
    radius = radii[0] + (radii[1] - radii[0]) * t
    off = ((ax - start[0] - t * way[0]) ** 2 + (y - start[1] - t * way[1]) ** 2) / radius ** 2
    return 2 * radius * np.sqrt(np.clip(1 - off, 0, None))


def trunk_half_width(patient, y):
    """Half width in cm of the trunk at the skin, at heights `y`."""
    return (cage_half_width(patient, np.maximum(y, 7)) + 1.5
            + patient.flesh * (.75 + .35 * smoothstep((y - 12) / 10)))


def arm_axis(patient):
    """Shoulder joint and elbow of the viewer's right arm, each (x, y) in cm; the other arm mirrors it."""
    x = patient.half_width + 3.6 + .3 * patient.flesh
    return (x, 1.4 - .5 * patient.shoulder), (x + 1.2 + patient.arms, 30.0)


def body_chord(patient, x, y):
    """Path length in cm from skin to skin: trunk, neck, shoulders, arms, softly joined."""
    fat, ax = patient.flesh, np.abs(x)
    out = trunk_half_width(patient, y)
    depth = (patient.half_depth + .8 + fat * .75) * (.3 + .7 * cage_half_depth(patient, y) / patient.half_depth)
    trunk = 2 * depth * superellipse(x / out, 3.0, 2.0) * smoothstep((y + 7) / 7)
    slope = -7.8 - patient.shoulder + 5.6 * (1 - np.exp(-np.clip(ax - 4.8, 0, None) / 5.0))
    shoulder, elbow = arm_axis(patient)
    joint = shoulder[0]
    slope = slope + 2.5 * smoothstep((ax - joint + 3) / 6) * np.clip(ax - joint + 3, 0, None) ** 1.5 / 4
    fold = 8 + 2.2 * fat ** .5 + 4 * np.exp(-np.clip(ax - out, 0, None) / 1.3)
    slab = (11 + fat) * np.sqrt(np.clip((y - slope) / 5, 0, 1)) * smoothstep((fold - y) / 5) ** .5
    slab = slab * superellipse(np.clip(ax / (joint + 4.5), 0, None), 8)
    neck = 12 * superellipse(x / (5.4 + .25 * fat + .5 * np.clip(y + 9, 0, 6)), 2.2) * smoothstep((5 - y) / 6)
    arms = _capsule(ax, y, shoulder, elbow, (4.6 + .4 * fat, 4.0 + .45 * fat))
    return np.cbrt(np.sqrt(sum(np.square(part * part * part) for part in (trunk, slab, neck, arms))))


def breast_chord(patient, x, y):
    """Path length in cm that the breasts add over the trunk: full below with a clear edge, fading upwards."""
    if not patient.breast:
        return np.zeros_like(x)
    size = patient.breast
    cx, cy = .52 * patient.half_width, .76 * patient.lung_height - .2 * size
    wide = min(1.1 * size, .60 * patient.half_width)
    u, v = (np.abs(x) - cx - .04 * size * np.sign(x)) / wide, (y - cy) / size
    inside = np.clip(1 - np.abs(u) ** 2.2 - np.where(v > 0, v, .6 * v) ** 2, 0, None)
    return .55 * size * inside ** .6 * smoothstep((v + 1.5) / 1.4)


def confounders(patient, day, x, y):
    """Path length in cm of nipples and a skin fold, where the generator `day` puts any."""
    extra = np.zeros_like(x)
    if day.random() < .18:
        cx, cy = day.uniform(.50, .62) * patient.half_width, day.uniform(.74, .86) * patient.lung_height
        size = day.uniform(.35, .55)
        for side in (-1, 1):
            far = ((x - side * cx) ** 2 + (y - cy - day.normal(0, .4)) ** 2) / size ** 2
            extra += day.uniform(.5, 1.1) * np.sqrt(np.clip(1 - far, 0, None))
    if day.random() < (.05 if patient.erect else .2):
        side, lean = day.choice([-1, 1]), day.normal(.25, .1)
        edge = side * x - (day.uniform(.45, .75) * patient.half_width + lean * (y - .5 * patient.lung_height))
        ends = smoothstep((y - .15 * patient.lung_height) / 5) * smoothstep((1.2 * patient.lung_height - y) / 5)
        extra += day.uniform(.6, 1.4) * ends * smoothstep(-edge / .12) * np.exp(np.minimum(edge, 0) / 2.2)
    return extra


def bowel_gas(patient, place, x, y):
    """Path length in cm of gas under the left dome; `place` [5] in 0..1 sets where the bubble lies and its size."""
    a, b, c, d, e = place
    across = (x - 4.6 - 2.8 * a) / (1.6 + 2.4 * c)
    roof = diaphragm(patient, x, cage_half_width(patient, y)) + .6 + .5 * a + 2.2 * across ** 4
    floor = patient.lung_height + 2.4 + 2.4 * d + .25 * across ** 2
    bubble = (2 + 3.2 * e) * np.sqrt(np.clip(1 - across ** 2, 0, None)) * np.sqrt(np.clip((y - roof) / 1.5, 0, 1))
    bubble = bubble * smoothstep((floor - y) / (.15 if patient.erect else 2.0) + .5) * (b < .85)
    return bubble
