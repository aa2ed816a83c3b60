"""Films as large as flat-panel detectors make them, written for one run: phantoms enlarged, with noise of their own."""

from dataclasses import replace

import cv2
import numpy as np

from train.phantom import PhantomSettings, make_film, plan, write_tables
from train.phantom_dicom import FilmHeader, write_film

WIDTH, HEIGHT = 4256, 3488
SIDE = 512  # of the phantom that is enlarged
NOISE = 0.004  # standard deviation, of grey 0..1: some 16 of 4,096 levels, so that lossless codes have work to do


def write_large(folder, count):
    """Write `count` films of WIDTH x HEIGHT, 12 bits, uncompressed, with labels, to `folder`; returns it."""
    settings = PhantomSettings(count=count, side=SIDE)
    shots = [replace(shot, labelled=True) for shot in plan(settings)][:count]
    boxes = [_write(folder, shot, settings) for shot in shots]
    write_tables(folder, shots, boxes)
    return folder


def _write(folder, shot, settings):
    grey, boxes, _, _, _ = make_film(shot, settings)
    scale = np.array([WIDTH / grey.shape[1], HEIGHT / grey.shape[0]] * 2, np.float32)
    large = cv2.resize(grey, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    large += np.random.default_rng(shot.number).normal(0, NOISE, large.shape).astype(np.float32)
    header = FilmHeader(shot.study_id, shot.series_id, shot.image_id, f"SYNTHETIC-{shot.patient}", "MONOCHROME2",
                        "explicit", "DX", "PA", "M", spacing=0.1, instance=shot.instance)
    place = folder / "train" / shot.study_id / shot.series_id
    place.mkdir(parents=True, exist_ok=True)
    write_film(place / f"{shot.image_id}.dcm", large, header)
    return np.asarray(boxes, np.float32).reshape(-1, 4) * scale
