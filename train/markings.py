"""What lies on a phantom film beside the patient: the word SYNTHETIC, side markers, collimation, leads and lines.

Writing is burnt into the grey picture after exposure; metal and plastic are attenuation before it. This module
knows nothing of anatomy or files.
"""

import cv2
import numpy as np

from train.projection import curve, solid_tubes

LABEL = "SYNTHETIC"
FONT = cv2.FONT_HERSHEY_SIMPLEX


def _stamp(grey, text, corner, size, level, tilt=0.0):
    """`grey` with `text` burnt in; `corner` is the text's lower left in pixels, `size` its cap height in pixels."""
    scale = size / 21.0  # Hershey capitals are 21 units high
    thick = max(1, round(size / 8))
    mask = np.zeros(grey.shape, np.uint8)
    cv2.putText(mask, text, tuple(int(round(c)) for c in corner), FONT, scale, 255, thick, cv2.LINE_AA)
    if tilt:
        turn = cv2.getRotationMatrix2D(tuple(float(c) for c in corner), tilt, 1)
        mask = cv2.warpAffine(mask, turn, mask.shape[::-1], flags=cv2.INTER_LINEAR)
    share = cv2.GaussianBlur(mask, (0, 0), max(.4, size / 40)).astype(np.float32) / 255
    return grey * (1 - share) + level * share


def text_width(text, size):
    """Width in pixels of `text` in capitals `size` pixels high."""
    return cv2.getTextSize(text, FONT, size / 21.0, max(1, round(size / 8)))[0][0]


def burn_in(grey, portable, rng):
    """`grey` [height,width] with the SYNTHETIC line in a lower corner and a side marker in an upper one."""
    height, width = grey.shape
    small = max(5.0, .011 * min(height, width))
    line = f"{LABEL} PHANTOM" if min(height, width) >= 600 else LABEL
    inset = 1.2 * small
    x = inset if rng.random() < .5 else width - inset - text_width(line, small)
    marked = _stamp(grey, line, (x, height - inset), small, .97)
    large = small * rng.uniform(2.0, 3.2)
    left = rng.random() < .6
    letter = "R" if left else "L"
    place = rng.uniform(.02, .07) * width
    x = place if left else width - place - large
    y = rng.uniform(.04, .12) * height + large
    marked = _stamp(marked, letter, (x, y), large, rng.uniform(.9, 1), rng.normal(0, 6))
    if portable and rng.random() < .6:
        words = str(rng.choice(["PORTABLE", "AP SEMI ERECT", "AP SUPINE", "ICU"]))
        x = width - inset - text_width(words, small) if left else inset
        marked = _stamp(marked, words, (x, .03 * height + small), small, .95)
    return marked


def collimate(grey, rng, wide):
    """`grey` with a black border outside a slightly turned rectangle that keeps at least `wide` of each side."""
    height, width = grey.shape
    shares = 1 - rng.uniform(0, 1 - wide, 4) * (rng.random(4) < .7)
    half = np.array([width, height]) / 2
    left, right, top, bottom = (shares * [half[0], half[0], half[1], half[1]])
    corners = np.array([[-left, -top], [right, -top], [right, bottom], [-left, bottom]])
    turn = rng.normal(0, .012)
    corners = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + half
    field = np.zeros(grey.shape, np.uint8)
    cv2.fillPoly(field, [np.round(corners * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    return grey * (cv2.GaussianBlur(field, (0, 0), .8).astype(np.float32) / 255)


def _wander(start, end, sag, rng, count=80):
    t = np.linspace(0, 1, count)[:, None]
    bend = np.sin(np.pi * t) * sag + np.sin(2 * np.pi * t + rng.uniform(0, 6)) * rng.normal(0, .8, 3)
    ends = np.sin(np.pi * t) ** .5
    return np.array(start) * (1 - t) + np.array(end) * t + bend * ends * [1, 1, 0]


def devices(frame, patient, rng):
    """Metal path length [height,width] float32 in cm of ECG leads, a central line or a port, for some patients."""
    h, w = patient.lung_height, patient.half_width
    rods = []
    if rng.random() < (.15 if patient.erect else .6):  # ECG leads: electrodes with clips and thin wires
        for _ in range(int(rng.integers(2, 5))):
            spot = np.array([rng.choice([-1, 1]) * rng.uniform(.45, .95) * w, rng.uniform(.1, 1.05) * h, 9])
            away = np.array([rng.choice([-1, 1]) * rng.uniform(1.0, 1.5) * w, rng.uniform(.6, 1.5) * h, 9])
            path = _wander(spot, away, [0, rng.uniform(0, 5), 0], rng)
            rods.append((path, np.full(80, .028)))
            turn = np.linspace(0, 2 * np.pi, 30)
            ring = spot + np.stack([.42 * np.cos(turn), .42 * np.sin(turn), 0 * turn], 1)
            rods.append((ring, np.full(30, .045)))
            rods.append((np.linspace(spot - [.12, 0, 0], spot + [.12, 0, 0], 8), np.full(8, .12)))
    if rng.random() < (.05 if patient.erect else .35):  # central line from the right neck or the left subclavian
        start = [-4.2, -8, 4] if rng.random() < .6 else [9, 1.0, 5]
        middle, tip = np.array([-2.0, 4.5, 2]), np.array([-2.3, patient.hilum * h + 1.5, 1])
        first = _wander(start, middle, [.4, .3, 0], rng, 50)
        rods.append((np.concatenate([first, np.linspace(middle, tip, 30)]), np.full(80, .042)))
    if rng.random() < .05:  # port: a small chamber under the right clavicle, its tube to the vena cava
        turn = np.linspace(0, 2 * np.pi, 40)
        centre = np.array([-rng.uniform(.5, .65) * w, .2 * h, 9])
        for radius, wire in ((.55, .05), (.95, .035)):
            circle = np.stack([radius * np.cos(turn), 1.1 * radius * np.sin(turn), 0 * turn], 1)
            rods.append((centre + circle, np.full(40, wire)))
        tube = curve(centre + [.95, -.3, 0], (-4.6, 2.2, 7), (-2.7, 2.6, 4), (-2.2, 5, 2), (-2.3, .43 * h, 1))
        rods.append((tube, np.full(60, .03)))
    return solid_tubes(frame, rods)
