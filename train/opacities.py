"""Disease for the thorax phantom: opacities in the patterns of the four study classes, and their boxes.

An opacity replaces air by fluid or cells inside a soft-edged, fractal region of the lung, so its extra attenuation
is known exactly and the box is the extent of where it can be seen. The patterns follow the study classes' wording
(Litmanovich et al. 2020, doi 10.1097/RTI.0000000000000541); this module knows nothing of films or files.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from train.thorax import apex_height, cage_half_width, diaphragm, smoothstep

FIELD = (-24.0, -12.0, 56.0)  # x0, y0, side in cm of the square on which textures are drawn


@dataclass(frozen=True)
class Lesion:
    """One opacity, or a pneumothorax; lengths in cm in the world frame."""

    kind: str      # 'patch', 'nodule', 'effusion', 'pneumothorax'
    group: int     # lesions of one group share a box
    side: int      # -1 viewer's left (the patient's right lung), 1 viewer's right
    x: float
    y: float
    a: float       # half width
    b: float       # half height
    turn: float    # radians
    fill: float    # share of air replaced, 0..1
    depth: float   # thickness along the beam at most
    ragged: float  # how far noise moves the edge, in half widths
    seed: int      # of the texture


def draw_lesions(appearance, patient, rng):
    """Lesions of one study of class `appearance` ('negative', 'typical', 'indeterminate', 'atypical')."""
    patterns = {"typical": _typical, "indeterminate": _indeterminate, "atypical": _atypical}
    return tuple(patterns[appearance](patient, rng)) if appearance != "negative" else ()


def _patch(patient, rng, group, side, along, reach, size, fill, kind="patch"):
    """A patch at height `along` (0 apex .. 1 dome), `reach` of the way from spine to chest wall (0..1)."""
    y = along * patient.lung_height
    x = side * (1.5 + reach * (cage_half_width(patient, np.float64(y)) - 1.5))
    stretch = rng.uniform(1.0, 1.5)
    return Lesion(kind, group, side, float(x), float(y), float(size / stretch ** .5), float(size * stretch ** .5),
                  float(side * rng.uniform(-.1, .5)), float(fill), float(rng.uniform(5, 9)),
                  float(rng.uniform(.45, .8)), int(rng.integers(2 ** 31)))


def _typical(patient, rng):
    severity = rng.beta(1.6, 1.8)
    sides = (-1, 1) if rng.random() > .04 else (int(rng.choice([-1, 1])),)
    for group, side in enumerate(sides):
        strength = np.clip(severity + rng.normal(0, .12), .06, 1)
        top = rng.uniform(.30, .62) + .22 * (1 - strength)
        for along in np.linspace(top, .96, 1 + int(round(4 * strength + rng.random()))):
            reach = rng.uniform(.58, .95) - .12 * strength
            yield _patch(patient, rng, group, side, along + rng.normal(0, .03), reach, rng.uniform(1.6, 2.5)
                         + 2.2 * strength, rng.uniform(.15, .28) + .38 * strength ** 1.5 * rng.random())
        if rng.random() < .06:
            yield _patch(patient, rng, group + 2, side, rng.uniform(.16, .28), rng.uniform(.5, .8),
                         rng.uniform(1, 1.8), rng.uniform(.2, .4))


def _indeterminate(patient, rng):
    both = rng.random() < .32
    first = int(rng.choice([-1, 1]))
    upper = rng.random() < .4
    for group, side in enumerate((first, -first) if both else (first,)):
        along, reach = (rng.uniform(.2, .4), rng.uniform(.4, .8)) if upper else (rng.uniform(.5, .85),
                                                                                rng.uniform(.25, .6))
        size, fill = rng.uniform(1.5, 4.6), rng.uniform(.16, .5)
        for _ in range(int(rng.integers(1, 4))):
            yield _patch(patient, rng, group, side, along + rng.normal(0, .05), reach + rng.normal(0, .06),
                         size * rng.uniform(.6, 1), fill)


def _atypical(patient, rng):
    side = int(rng.choice([-1, 1]))
    kind = rng.choice(["lobar", "nodules", "effusion", "pneumothorax"], p=[.38, .24, .24, .14])
    if kind == "lobar":
        along = rng.choice([.26, .62, .84])
        yield _patch(patient, rng, 0, side, along, rng.uniform(.45, .65), rng.uniform(3.2, 4.8), rng.uniform(.6, .9))
        yield _patch(patient, rng, 0, side, along + .04, rng.uniform(.5, .8), rng.uniform(2, 3), rng.uniform(.5, .8))
    elif kind == "nodules":
        for group in range(int(rng.choice([1, 1, 2, 3]))):
            where = int(rng.choice([-1, 1]))
            lesion = _patch(patient, rng, group, where, rng.uniform(.2, .85), rng.uniform(.3, .85),
                            rng.uniform(.55, 1.9), rng.uniform(.75, 1), kind="nodule")
            yield Lesion(**{**lesion.__dict__, "depth": 2 * lesion.a, "ragged": .12})
    elif kind == "effusion":
        yield Lesion("effusion", 0, side, 0, float(rng.uniform(.72, .95) * patient.lung_height),
                     float(rng.uniform(2, 4)), float(rng.uniform(1, 3)), 0, .95, 14.0, 0, 0)
    else:
        yield Lesion("pneumothorax", 0, side, 0, float(rng.uniform(.45, .8) * patient.lung_height),
                     float(rng.uniform(1.0, 3.2)), 0, 0, 0, 0, 0, int(rng.integers(2 ** 31)))


def fractal(rng, cells=256, octaves=6, first=3, persistence=.62):
    """Fractal noise [cells,cells] float32 with mean 0 and deviation 1: octaves of smooth random grids."""
    total = np.zeros((cells, cells), np.float32)
    for octave in range(octaves):
        coarse = rng.standard_normal((first * 2 ** octave + 3,) * 2).astype(np.float32)
        total += persistence ** octave * cv2.resize(coarse, (cells, cells), interpolation=cv2.INTER_CUBIC)
    return (total - total.mean()) / total.std()


def presence(lesion, frame, patient, x, y):
    """Share 0..1 [height,width] float32 of the air replaced by `lesion`, before the lung's own outline."""
    if lesion.kind == "effusion":
        return _meniscus(lesion, patient, x, y)
    noise_rng = np.random.default_rng(lesion.seed)
    edge = frame.sample(fractal(noise_rng, 160, 4, first=9), FIELD)
    cos, sin = np.cos(lesion.turn), np.sin(lesion.turn)
    dx, dy = x - lesion.x, y - lesion.y
    distance = np.hypot((dx * cos + dy * sin) / lesion.a, (dy * cos - dx * sin) / lesion.b)
    if lesion.kind == "nodule":
        sphere = np.sqrt(np.clip(1 - (distance + lesion.ragged * .5 * edge) ** 2, 0, None))
        return (lesion.fill * sphere).astype(np.float32)
    inside = smoothstep((1.25 - distance + lesion.ragged * .4 * edge) / .9)
    fine = frame.sample(fractal(noise_rng, 320, 4, first=30, persistence=.75), FIELD)
    grain = np.clip(.9 + .17 * fine + .13 * edge, .25, 1.35)
    return (lesion.fill * inside * np.where(lesion.fill > .6, .5 + .5 * grain, grain)).astype(np.float32)


def _meniscus(lesion, patient, x, y):
    width = cage_half_width(patient, y)
    out = np.clip(np.abs(x) / width, 0, 1)
    level = (.3 * diaphragm(patient, x, width) + .7 * lesion.y + lesion.b
             - 1.2 * lesion.a * out ** 3 - 2.2 * np.clip((out - .8) / .2, 0, 1) ** 2.5)
    return (lesion.fill * smoothstep((y - level) / 1.6) * (x * lesion.side > 0)).astype(np.float32)


def outside_collapse(lesion, patient, x, y):
    """Signed distance in cm [height,width] into the air outside a collapsed lung; negative inside the lung."""
    width = cage_half_width(patient, y)
    gap = lesion.a * smoothstep((lesion.y - y) / (.7 * patient.lung_height) + .35)
    lateral = np.abs(x) - (width - gap)
    apical = (lesion.a * .9 + apex_height(x)) - y
    return np.where(x * lesion.side > 0, np.maximum(lateral, apical), -9.0).astype(np.float32)


def visible_extent(added, least=.05, share=.28):
    """Box (x_min, y_min, x_max, y_max) in pixels of where `added` attenuation [height,width] is visible, or None.

    Visible is what exceeds `share` of the map's own peak (99.5th percentile of what is there) and `least`; islands
    under 6 % of the visible area do not widen the box.
    """
    there = added[added > least / 3]
    if not there.size:
        return None
    seen = (added > max(least, share * float(np.percentile(there, 98)))).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(seen, connectivity=8)
    if count < 2:
        return None
    area = stats[1:, cv2.CC_STAT_AREA]
    parts = stats[1:][area >= .06 * area.sum()]
    x, y = parts[:, cv2.CC_STAT_LEFT], parts[:, cv2.CC_STAT_TOP]
    return (float(x.min()), float(y.min()), float((x + parts[:, cv2.CC_STAT_WIDTH]).max()),
            float((y + parts[:, cv2.CC_STAT_HEIGHT]).max()))
