"""What the Tune page is waited for: the diary's table of thresholds and views, the search, the bootstrap, on one fold.

Arrays are drawn as in `benchmarks.fusion`, here as one model in eight views. Seconds of the wall clock, of one round
after a small one that compiles.
"""

import os
import time

import numpy as np

from benchmarks.fusion import EACH, FILMS, FOLD, draw_candidates, draw_truth
from core.bootstrap import bootstrap
from core.fusion import FusionSettings, fuse
from core.levels import ScoreSettings
from core.parts import Scorable, parts_of
from core.predictions import Candidates, Predictions, Source
from core.scoring import conclude
from core.search import choose, search
from core.sweeps import read_axis, sweep
from core.verdicts import judge, rate

VIEWS = 8
ROWS, COLUMNS = "iou=.40:.75:.05", f"views=0:{VIEWS - 1}"  # the diary's WBF table


def add_options(parser):
    parser.add_argument("--films", type=int, default=FOLD, help=f"films of the fold, {FOLD} unless told")
    parser.add_argument("--whole", type=int, default=FILMS, help=f"films of the bootstrap, {FILMS} unless told")


def draw(films, sources=VIEWS):
    """A `Scorable` of `films` films, each of a patient of its own, predicted by one model in `sources` views."""
    rng = np.random.default_rng(7)
    truth = draw_truth(rng, films)
    drawn = draw_candidates(rng, truth, sources, EACH)
    views = tuple(Source("model", "0", f"view{number}") for number in range(sources))
    candidates = Candidates(drawn.boxes, drawn.scores, drawn.source, drawn.offsets, views)
    boxed = np.diff(truth.offsets)[:, None] > 0
    opacity = np.clip(rng.normal(.35 + .3 * boxed, .2, (films, sources)), .001, .999)
    study = rng.dirichlet(np.ones(4), (films, sources))
    given = Predictions(truth.image_ids, truth.study_ids, candidates, opacity, views, study, views, {})
    return Scorable(truth, given, films, films)


def evaluation(cases, fusion):
    fused = fuse(cases.predictions.candidates, fusion)
    return rate(cases, conclude(cases.predictions, fused, ScoreSettings()), judge(cases, fused))


def seconds(call):
    """(seconds, result) of `call()`."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def measure(films, whole):
    """Seconds of the table, of the search with its choice, and of a paired bootstrap of `whole` films."""
    cases, patients = draw(films), np.arange(films, dtype=np.int32)
    table, cells = seconds(lambda: list(sweep(cases, FusionSettings("wbf"), ScoreSettings(), read_axis(ROWS),
                                              read_axis(COLUMNS))))
    few = draw(films, 3)
    parts = parts_of(few, patients, patients)
    sought, best = seconds(lambda: choose(few, parts, list(search(few, parts))))
    everyone = draw(whole, 1)
    both = [evaluation(everyone, FusionSettings(method)) for method in ("nms", "wbf")]
    patients = np.arange(whole, dtype=np.int32)
    drawn, found = seconds(lambda: bootstrap(both, patients, patients))
    return {"table, wbf, 8 thresholds x 8 views": {"seconds": table, "cells": len(cells)},
            "find the best, 3 sources": {"seconds": sought, "settings tried": best.tried},
            "paired bootstrap of the whole set": {"seconds": drawn, "resamples": found.samples.shape[1]}}


def run(options):
    """Figures of one fold, and of the whole set where the bootstrap is concerned."""
    measure(8, 8)
    return {"machine": {"cores": os.cpu_count(), "load": os.getloadavg()[0]}, "films": options.films,
            **measure(options.films, options.whole)}
