"""Batches of changed films, made by threads ahead of the steps that take them.

What is drawn for a film depends only on the seed, the step and the film's place in the batch, so that several
processes can each make a share of one batch.
"""

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from train.augmentation import augment, strength
from train.teaching import painted

AHEAD = 2  # steps
THREADS = min(8, os.cpu_count() or 1)


@dataclass(frozen=True, eq=False)
class Batch:
    """Pictures uint8 [B,S,S] and what they should be recognised as.

    `targets` holds (weight, boxes, rows): the loss of a batch is the weighted sum of the losses for each, `boxes`
    being a list of B float32 arrays [N,4] xyxy in input pixels and `rows` int64 [B] the films whose labels count.
    """

    pictures: np.ndarray
    targets: tuple


def batches(films, plan, settings, first, share=slice(None)):
    """The `Batch` of each step of `plan` from step `first` on; `share` are the places of the batch that are wanted."""
    how = strength(settings.augment)

    def started(step):
        rows = plan.films_of(step)
        places = range(len(rows))[share]
        return rows[share], [pool.submit(_film, films, rows[place], how, (settings.seed, 1, step, place))
                             for place in places]

    with ThreadPoolExecutor(THREADS) as pool:
        ahead = deque(started(step) for step in range(first, min(first + AHEAD, plan.steps)))
        for step in range(first, plan.steps):
            if step + AHEAD < plan.steps:
                ahead.append(started(step + AHEAD))
            rows, films_ahead = ahead.popleft()
            pictures, boxes = zip(*(each.result() for each in films_ahead), strict=True)
            batch = Batch(np.stack(pictures), ((1.0, list(boxes), rows),))
            if settings.mixup:
                batch = mixed_up(batch, settings, step)
            if settings.paint:
                batch = Batch(painted(batch.pictures, batch.targets, settings.paint), batch.targets)
            yield batch


def _film(films, row, how, seed):
    return augment(films.pictures[row], films.boxes_of(row), how, np.random.default_rng(seed))


def mixed_up(batch, settings, step):
    """`batch` with each film mixed with its neighbour (Zhang et al. 2018, arXiv 1710.09412), by a Beta-drawn weight.

    A classifier's loss is mixed by the same weight. A detector keeps the boxes of both films (Zhang et al. 2019,
    arXiv 1902.04103). The last film of an odd batch has no neighbour and stays as it is.
    """
    (_, boxes, rows), = batch.targets
    weight = float(np.random.default_rng([settings.seed, 2, step]).beta(settings.mixup, settings.mixup))
    partner = np.arange(len(rows)) ^ 1
    partner[partner == len(rows)] = len(rows) - 1
    flat = batch.pictures.reshape(len(rows), -1)
    pictures = cv2.addWeighted(flat, weight, flat[partner], 1 - weight, 0).reshape(batch.pictures.shape)
    if settings.task == "detector":
        both = [boxes[own] if own == other else np.concatenate([boxes[own], boxes[other]])
                for own, other in enumerate(partner)]
        return Batch(pictures, ((1.0, both, rows),))
    return Batch(pictures, ((weight, boxes, rows), (1 - weight, [boxes[other] for other in partner], rows[partner])))
