"""Training steps a second with the real input pipeline, beside the same step on one fixed batch, and what speeds it up.

Films are drawn noise: what is measured is time. The two take turns, so that other programs slow both alike.
"""

import itertools
import time
from dataclasses import replace

import numpy as np
import torch

from train.batches import batches
from train.classifier import ClassifierTask
from train.data import FilmSet
from train.depthwise import quicken
from train.engine import planned, ready, train_step
from train.settings import TrainSettings


def add_options(parser):
    parser.add_argument("--architecture", default="tf_efficientnet_lite0", help="of the classifier, lite0 unless told")
    parser.add_argument("--size", type=int, default=256, help="side of the input in pixels, 256 unless told")
    parser.add_argument("--batch", type=int, default=16, help="films a step, 16 unless told")
    parser.add_argument("--steps", type=int, default=10, help="steps of a turn, 10 unless told")
    parser.add_argument("--turns", type=int, default=3, help="turns of each, 3 unless told")


def draw_films(count, size, seed=0):
    """A `FilmSet` of `count` noisy films of `size` pixels, half of them with a box."""
    rng = np.random.default_rng(seed)
    ids = np.array([str(number) for number in range(count)])
    boxed = np.arange(count) % 2
    boxes = np.tile(np.array([[0.1, 0.2, 0.4, 0.7]], np.float32) * size, (boxed.sum(), 1))
    return FilmSet("noise", None, rng.integers(0, 256, (count, size, size), np.uint8), ids, ids, ids,
                   np.full(count, size), np.full(count, size), boxes, np.r_[0, np.cumsum(boxed)],
                   rng.integers(0, 4, count).astype(np.int8), np.zeros(count, bool), np.zeros(count, int))


class _Trainer:
    """A network of `settings` that takes steps."""

    def __init__(self, settings, films, *, quick=True, layout=torch.channels_last):
        self.task, self.settings, self.step = ClassifierTask(settings), settings, 0
        self.plan = planned(self.task, films, settings)
        self.network = ready(self.task, self.task.start().to(memory_format=layout), frozen=False)
        if quick:
            quicken(self.network)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1e-4)

    def seconds(self, some):
        """How long a step on each `Batch` of `some` takes, all together."""
        start = time.perf_counter()
        for batch in some:
            train_step(self.task, self.network, batch, self.optimizer, 1e-4, self.step, self.settings,
                       torch.device("cpu"))
            self.step += 1
        return time.perf_counter() - start


def run(options):
    """Steps a second of both and their ratio; how much depthwise gradients, and bf16 with channels last, bring."""
    films = draw_films(8 * options.batch, options.size)
    epochs = 2 + options.steps * (options.turns + 1) // 8
    settings = TrainSettings(task="joint", architecture=options.architecture, size=options.size, batch=options.batch,
                             epochs=epochs, mask_loss=0.5, pretrained="none", fold="all")
    trainer = _Trainer(settings, films)
    feed = batches(films, trainer.plan, settings, 0)
    fixed = next(feed)
    trainer.seconds([fixed, next(feed)])
    real = still = 0.0
    for _ in range(options.turns):
        real += trainer.seconds(itertools.islice(feed, options.steps))
        still += trainer.seconds([fixed] * options.steps)
    feed.close()
    count = options.steps * options.turns
    return {"films a step": options.batch, "real training, steps/s": count / real,
            "fixed batch, steps/s": count / still, "real to fixed": still / real,
            **_measures(options, settings, films, fixed)}


def _measures(options, settings, films, fixed):
    """The same step without each measure, as a multiple of the time with all."""
    others = {"with all": _Trainer(settings, films),
              "without own depthwise gradients": _Trainer(settings, films, quick=False),
              "in fp32, contiguous": _Trainer(replace(settings, precision="fp32"), films, quick=False,
                                              layout=torch.contiguous_format)}
    seconds = dict.fromkeys(others, 0.0)
    for trainer in others.values():
        trainer.seconds([fixed])
    for _ in range(options.turns):
        for name, trainer in others.items():
            seconds[name] += trainer.seconds([fixed] * max(1, options.steps // 3))
    whole = seconds.pop("with all")
    return {f"{name}, times the seconds": each / whole for name, each in seconds.items()}
