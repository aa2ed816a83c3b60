"""From path lengths to a 12-bit picture: beam, scatter, quantum noise, detector, tone curve, burnt-in writing.

Beer and Lambert: I = I0 exp(-sum mu t), with effective coefficients of a 120 kV beam (NIST XCOM, about 60 keV).
This module knows nothing of studies, labels or files.
"""

import cv2
import numpy as np

from train.markings import devices
from train.opacities import FIELD, fractal, outside_collapse, presence, visible_extent
from train.projection import solid_tubes
from train.skeleton import airways, grow_vessels, ribs, shoulder_girdle, spine
from train.thorax import body_chord, bowel_gas, breast_chord, confounders, hila_chord, lung_chord, smoothstep

MU_SOFT, MU_LUNG, MU_BONE, MU_METAL = .20, .055, .58, 6.0  # per cm
SHARE_GAP = MU_SOFT - MU_LUNG


def attenuation(frame, patient, lesions, seed, study_seed):
    """Attenuation [height,width] float32, boxes [N,4] float32 xyxy px, what the lesions added, lung path in cm.

    `seed` fixes what belongs to the body (ribs, vessels, textures), so that two films of one patient agree;
    `study_seed` what belongs to the day (gas, leads and lines).
    """
    rng, day = np.random.default_rng(seed), np.random.default_rng(study_seed)
    x, y = frame.grid()
    lung = lung_chord(patient, x, y, frame.oblique)
    inside = np.minimum(lung * .4, 1)  # vessels fade where the lung thins out
    haze = frame.sample(fractal(rng, 512, 7, first=5, persistence=.72), FIELD)
    branches = [rod for side in (-1, 1) for rod in grow_vessels(patient, side, rng)]
    vessels = (solid_tubes(frame, branches) + hila_chord(patient, x, y)) * inside
    groups, filled, collapsed = disease(frame, patient, lesions, lung, x, y)
    added = sum(groups.values(), np.zeros_like(lung))
    boxes = [visible_extent(part) for group, part in sorted(groups.items()) if group >= 0]
    boxes = np.array([box for box in boxes if box is not None], np.float32).reshape(-1, 4)
    air = lung * (1 + .05 * haze * (1 - collapsed)) + airways(frame, patient) * .9
    flesh = soft_tissue(frame, patient, rng, day) - air
    bone = ribs(frame, patient, rng) + deep_bones(frame, patient, rng)
    vessels *= np.clip(1 - .9 * filled, .1, 1) * (1 - collapsed)
    total = (MU_SOFT * np.clip(flesh, 0, None) + MU_LUNG * lung * (1 - .25 * collapsed) + (MU_BONE - MU_SOFT) * bone
             + SHARE_GAP * vessels + MU_METAL * devices(frame, patient, day) + added)
    return total.astype(np.float32), boxes, added, lung


def soft_tissue(frame, patient, rng, day):
    """Path length [height,width] float32 in cm through the body as if it had no lungs; drawn at half size if fine."""
    factor = 2 if frame.pixels_per_cm > 20 else 1
    coarse = frame.reduced(factor)
    x, y = coarse.grid()
    flesh = body_chord(patient, x, y) + breast_chord(patient, x, y) * .75 + confounders(patient, day, x, y)
    flesh *= 1 + .022 * coarse.sample(fractal(rng, 384, 6, first=4, persistence=.55), FIELD)
    return frame.enlarge(flesh - bowel_gas(patient, day.random(5), x, y), factor)


def disease(frame, patient, lesions, lung, x, y):
    """Added attenuation by box group (-1: none), share of air filled and share collapsed, each [height,width].

    A pneumothorax adds only the line of its pleura; the air outside that line has neither vessels nor haze.
    """
    groups, filled, collapsed = {}, np.zeros_like(lung), np.zeros_like(lung)
    for lesion in lesions:
        if lesion.kind == "pneumothorax":
            out = outside_collapse(lesion, patient, x, y)
            collapsed = np.maximum(collapsed, smoothstep(out / .08 + .5))
            group, more = -1, .07 * np.exp(-(out / .05) ** 2) * np.minimum(lung * .4, 1)
        else:
            share = presence(lesion, frame, patient, x, y) * (x * lesion.side > 0)
            filled += share
            group, more = lesion.group, SHARE_GAP * share * np.minimum(lung, lesion.depth)
        groups[group] = groups.get(group, 0) + more
    return groups, filled, collapsed


def deep_bones(frame, patient, rng):
    """Path length [height,width] float32 in cm of the bones far from the detector: drawn coarse, hence soft."""
    factor = max(1, round(frame.pixels_per_cm / 12))
    coarse = frame.reduced(factor)
    backbone = cv2.GaussianBlur(spine(coarse, patient), (0, 0), .13 * coarse.pixels_per_cm)
    return frame.enlarge(shoulder_girdle(coarse, patient, rng) + backbone, factor)


def blur(picture, sigma):
    """Gaussian blur; wide ones are computed on a reduced picture."""
    step = max(1, int(sigma // 3))
    if step == 1:
        return cv2.GaussianBlur(picture, (0, 0), sigma)
    height, width = picture.shape
    small = cv2.resize(picture, (max(1, width // step), max(1, height // step)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / step, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def detect(total, frame, rng, dose=1.0):
    """Measured attenuation [height,width] float32: scatter, blur of the detector and quantum noise added."""
    cm = frame.pixels_per_cm
    primary = np.exp(-total)
    scatter = .24 * blur(primary * total, 3.6 * cm) + .004
    signal = cv2.GaussianBlur(primary, (0, 0), max(.45, .014 * cm)) + scatter
    # quanta a pixel: fewer in small pixels, so fine films are grainier
    quanta = 5e5 * dose * (30 / cm) ** .6
    noise = cv2.GaussianBlur(rng.standard_normal(total.shape).astype(np.float32), (0, 0), .6) * 1.7
    return -np.log(np.clip(signal + noise * np.sqrt(signal / quanta), 1e-4, None))


def tone(measured, frame, lung, contrast=1.0):
    """Grey [height,width] float32 in 0..1, bright = dense: dynamic range compressed, edges lifted, soft shoulders.

    `lung` [height,width] is the path length through lung in cm; like an automatic exposure it sets what is dark.
    """
    cm = frame.pixels_per_cm
    body = np.clip(measured, .35, 4.2)
    wide, fine = blur(body, 3.0 * cm), blur(body, .25 * cm)
    lifted = body - .35 * (wide - wide.mean()) + .45 * (body - fine)
    black = np.percentile(lifted[lung > np.percentile(lung, 75)], 12) - .25
    white = np.percentile(lifted, 97)
    t = (lifted - black) / (white - black) * 2 - 1
    s_curve = np.tanh(1.25 * contrast * t) / np.tanh(1.25 * contrast)
    return np.clip(.5 + .43 * s_curve, 0, 1)
