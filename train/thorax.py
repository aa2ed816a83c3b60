"""The soft parts of the thorax phantom: a patient as numbers, and path lengths through flesh, lung and heart.

Lengths are in cm, in the frame of `train.projection`: x to the viewer's right, y down from the apex of the lungs,
z to the front. The shapes are simple solids tuned by eye against textbook anatomy; this module knows nothing of
bones, attenuation, disease or display.
"""

from dataclasses import dataclass

import numpy as np


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
        flesh=flesh, breast=float(rng.uniform(4, 6.5) + flesh * .4) if woman else 0.0,
        heart=float(np.clip(rng.normal(1.0 if erect else 1.13, .09), .8, 1.4)), knob=float(rng.uniform(1.2, 1.9)),
        bend=float(rng.normal(0, .5)), shoulder=float(rng.normal(0 if erect else 1.2, .8)),
        hilum=float(rng.uniform(.40, .46)), erect=bool(erect), arms=float(rng.uniform(0, 5)))


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


def heart_chord(patient, x, y, oblique=0.0):
    """Path length in cm through heart, great vessels and upper mediastinum: the union of rounded solids."""
    x = x - oblique * 2.5
    h, k, top = patient.lung_height, patient.heart, patient.hilum * patient.lung_height
    low = h - 2.2
    parts = [_ellipsoid(x, y, 2.9 * k, low - 1.0 * k, 6.6 * k, 4.4 * k, 12 * k, .66),        # ventricles
             _ellipsoid(x, y, -.7 * k, low - 2.0 * k, 3.7 * k, 5.4 * k, 11 * k, -.1),        # right atrium
             _ellipsoid(x, y, 1.2, top + 1.8, 2.9 * k, 4.4, 10, -.25),                       # pulmonary trunk, atria
             _ellipsoid(x, y, 1.2, low + 2.5, 6.0, 2.6, 12, 0),                              # over the diaphragm
             _ellipsoid(x, y, 2.2, top - 3.0, patient.knob, patient.knob * 1.15, 7, 0),      # aortic knob
             6 * superellipse((x - 1.9 - spine_x(patient, y)) / 1.3, 2.0) * smoothstep((y - top + 3) / 2)]  # aorta
    waist = 2.7 + .5 * smoothstep((top - 2 - y) / 6) + .6 * smoothstep((y - top) / 6)
    column = 2.3 * patient.half_depth * superellipse((x - spine_x(patient, y) - .1) / waist, 2.0, 1.6)
    return sum(part ** 5 for part in [*parts, column]) ** .2


def _ellipsoid(x, y, cx, cy, a, b, depth, turn):
    cos, sin = np.cos(turn), np.sin(turn)
    u, v = (x - cx) * cos + (y - cy) * sin, (y - cy) * cos - (x - cx) * sin
    return depth * np.sqrt(np.clip(1 - (u / a) ** 2 - (v / b) ** 2, 0, None))


def apex_height(x):
    """Height in cm of the top of the lungs above `x`."""
    away = np.abs(x) - 5.2
    return np.abs(away / np.where(away < 0, 2.6, 3.7)) ** 2.1 * 1.8


def lung_chord(patient, x, y, oblique=0.0):
    """Path length in cm through both lungs, between cage, apex, domes and mediastinum."""
    width = cage_half_width(patient, y)
    half = cage_half_depth(patient, y) * superellipse(x / width, 2.8, 2.1)
    apex = apex_height(x)
    half = half * np.clip((y - apex) / 2.6, 0, 1) ** .6
    below = np.clip(y - diaphragm(patient, x, width), 0, None)
    open_recess = 1 - np.sqrt(np.clip(below / 2.6, 0, 1))
    return np.clip(2 * half * open_recess - heart_chord(patient, x, y, oblique), 0, None)


def body_chord(patient, x, y):
    """Path length in cm from skin to skin: trunk, neck, shoulders, arms."""
    fat = patient.flesh
    out = cage_half_width(patient, np.maximum(y, 6)) + 1.3 + fat * (.8 + .3 * smoothstep((y - 12) / 10))
    depth = patient.half_depth + .8 + fat * .75
    deep = cage_half_depth(patient, y) / patient.half_depth
    trunk = 2 * depth * (.25 + .75 * deep) * superellipse(x / out, 3.2, 2.1) * smoothstep((y + 6) / 6)
    ax = np.abs(x)
    slope = -7.6 - patient.shoulder + 5.0 * (1 - np.exp(-np.clip(ax - 5.2, 0, None) / 4.2))
    slope = slope + 3.2 * (np.clip(ax - 14.2, 0, None) / 4.5) ** 2.4
    fold = 8.5 + 2.5 * fat ** .5
    shoulders = (11.5 + fat) * np.sqrt(np.clip((y - slope) / 4.5, 0, 1)) * np.sqrt(np.clip((fold - y) / 6, 0, 1))
    neck = 12.5 * superellipse(x / (5.6 + .25 * fat), 2.4) * (y < 4)
    middle = 17.6 + fat * .5 + patient.arms * smoothstep((y - 2) / 22)
    arms = (8 + fat) * superellipse((ax - middle) / (3.7 + .5 * fat), 2.2) * smoothstep((y + 1) / 6)
    return np.maximum.reduce([trunk, shoulders, neck, arms])


def breast_chord(patient, x, y):
    """Path length in cm that the breasts add over the trunk."""
    if not patient.breast:
        return np.zeros_like(x)
    size = patient.breast
    cx, cy = .56 * patient.half_width, .86 * patient.lung_height - .35 * size
    u, v = (np.abs(x) - cx) / (1.15 * size), (y - cy) / size
    low = np.where(v > 0, v, v * .62)
    inside = np.clip(1 - u ** 2 - low ** 2, 0, None)
    return .62 * size * inside ** np.where(v > 0, .5, .9)


def bowel_gas(patient, rng_shape, x, y):
    """Path length in cm of gas under the left dome: `rng_shape` [5] in 0..1 places the bubble and its size."""
    a, b, c, d, e = rng_shape
    top = patient.lung_height + 1.1
    cx, cy, wide, tall = 5.2 + 2.5 * a, top + 2.9 + 1.2 * b, 1.8 + 2.2 * c, 1.5 + 1.6 * d
    bubble = (2.5 + 2.5 * e) * np.sqrt(np.clip(1 - ((x - cx) / wide) ** 2 - ((y - cy) / tall) ** 2, 0, None))
    level = cy + tall * (.3 + .6 * b)
    return bubble * smoothstep((level - y) / .12) if patient.erect else bubble * .8
