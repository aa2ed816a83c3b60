"""Fusion, matching, mAP and what films cost it, at the size of the competition, and `ensemble_boxes` beside it.

The arrays are drawn, not predicted: what is measured is time, so only the numbers of candidates, how they crowd and
how their scores fall off matter. Figures are the least of several rounds, in seconds of the wall clock.
"""

import os
import time
from pathlib import Path

import numpy as np
from ensemble_boxes import weighted_boxes_fusion

from core.costs import costs
from core.evaluation import evaluate
from core.fusion import FusionSettings, fuse
from core.labels import GroundTruth
from core.levels import reweight
from core.parallel import WORKERS
from core.predictions import Candidates, Source

FILMS, SOURCES, EACH = 6334, 8, 100  # the competition, and candidates of one source on one film
FOLD = 1267
WIDTH, HEIGHT = 2800, 2300


def add_options(parser):
    parser.add_argument("--films", type=int, default=FILMS, help=f"films of the whole set, {FILMS} unless told")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which the fastest counts, 5 unless told")
    parser.add_argument("--peer-films", type=int, default=16, help="films ensemble_boxes is timed on, 16 unless told")


def draw_truth(rng, films):
    """`GroundTruth` of as many boxes a film, and studies a class, as the competition has."""
    counts = rng.choice([0, 1, 2, 3], films, p=[.322, .154, .491, .033])
    corner = rng.uniform((.1, .15), (.55, .5), (counts.sum(), 2))
    boxes = np.c_[corner, corner + rng.uniform(.12, .4, (len(corner), 2))] * [WIDTH, HEIGHT, WIDTH, HEIGHT]
    ids = tuple(map(str, range(films)))
    return GroundTruth(ids, ids, np.arange(films), boxes, np.r_[0, counts.cumsum()],
                       rng.choice(4, films, p=[.277, .472, .173, .078]))


def draw_candidates(rng, truth, sources, each):
    """`Candidates`, `each` per film and source, around places that all sources of a film share: half, with the higher
    scores, around two (its boxes, where it has some), the others around 24 more. Scores fall off from .9 to .01."""
    films = len(truth.image_ids)
    shape = (films, sources, each)
    strong = rng.random((films, sources, 1)) * 1.2 > np.arange(each) / each
    place = np.where(strong, rng.integers(0, 2, shape), rng.integers(2, 26, shape))
    boxes = draw_places(rng, truth, 26)[np.arange(films)[:, None, None], place]
    sides = np.concatenate([boxes[..., 2:] - boxes[..., :2]] * 2, axis=-1)
    boxes += rng.normal(0, .09, (*shape, 4)) * sides
    boxes[..., 2:] = np.maximum(boxes[..., 2:], boxes[..., :2] + 5)
    scores = -np.sort(-(.01 * 90 ** rng.beta(.7, 2.2, shape)), axis=-1)
    source = np.broadcast_to(np.arange(sources)[:, None], shape)
    names = tuple(Source(f"model{number}", "0", "id") for number in range(sources))
    return Candidates(boxes.reshape(-1, 4), scores.reshape(-1), source.reshape(-1),
                      np.arange(films + 1) * sources * each, names)


def draw_places(rng, truth, number):
    """Boxes [F,number,4] anywhere on each film, the first two of them in its ground truth where it has some."""
    films = len(truth.image_ids)
    corner = rng.uniform(.05, .6, (films, number, 2)) * [WIDTH, HEIGHT]
    places = np.concatenate([corner, corner + rng.uniform(300, 900, (films, number, 2))], axis=-1)
    boxed = np.diff(truth.offsets) > 0
    places[boxed, 0] = truth.boxes[truth.offsets[:-1][boxed]]
    places[boxed, 1] = truth.boxes[truth.offsets[1:][boxed] - 1]
    return places


def least_seconds(rounds, call):
    """The least of `rounds` wall clock times and of processor times (all threads) of `call()`, after a first call
    that does not count."""
    call()
    wall, processor = [], []
    for _ in range(rounds):
        start = time.perf_counter(), time.process_time()
        call()
        wall.append(time.perf_counter() - start[0])
        processor.append(time.process_time() - start[1])
    return min(wall), min(processor)


class Task:
    """One setting on one set: fusion, re-weighting, matching and the six-class mAP."""

    def __init__(self, seed, films, sources, settings):
        rng = np.random.default_rng(seed)
        self.truth, self.settings = draw_truth(rng, films), settings
        self.candidates = draw_candidates(rng, self.truth, sources, EACH)
        self.p_opacity, self.study = rng.random(films), rng.dirichlet(np.ones(4), films)

    def fuse(self):
        vars(self.candidates).pop("ranked", None)  # as if nothing had been fused before
        return fuse(self.candidates, self.settings)

    def score(self, fused):
        scores = reweight(fused, self.p_opacity, .3)
        return evaluate(self.truth, fused, 1 - self.p_opacity, self.study, scores=scores)

    def fuse_and_score(self):
        return self.score(self.fuse())

    def figures(self, rounds):
        """Seconds of the wall clock, and of the processors where the machine may be busy with something else."""
        fused = self.fuse()
        wall, processor = least_seconds(rounds, self.fuse_and_score)
        return {"fuse": least_seconds(rounds, self.fuse)[0],
                "score": least_seconds(rounds, lambda: self.score(fused))[0], "fuse and score": wall,
                "processor seconds": processor, "candidates": len(self.candidates.scores), "detections": len(fused)}


def peer_figures(task, films):
    """Mean seconds of ensemble_boxes' WBF on each of `films` films spread over the set, and on how many of them it
    finds what `fuse` finds, to 1e-6. Boxes go to it in 0..1, as it asks."""
    fused, wall, processor, equal = task.fuse(), [], [], 0
    for film in np.linspace(0, len(fused.offsets) - 2, films).astype(int):
        rows = slice(task.candidates.offsets[film], task.candidates.offsets[film + 1])
        boxes = _unit(task.candidates.boxes[rows]).reshape(SOURCES, -1, 4)
        scores = task.candidates.scores[rows].reshape(SOURCES, -1)
        start = time.perf_counter(), time.process_time()
        found, confidence, _ = weighted_boxes_fusion(boxes, scores, np.zeros_like(scores), iou_thr=task.settings.iou,
                                                     skip_box_thr=task.settings.skip)
        wall.append(time.perf_counter() - start[0])
        processor.append(time.process_time() - start[1])
        rows = slice(fused.offsets[film], fused.offsets[film + 1])
        ours, theirs = np.c_[fused.scores[rows], _unit(fused.boxes[rows])], np.c_[confidence, found]
        equal += ours.shape == theirs.shape and np.allclose(ours, theirs, rtol=0, atol=1e-6)
    whole = len(fused.offsets) - 1
    return {"a film": float(np.mean(wall)), "whole set": float(np.mean(wall)) * whole,
            "processor seconds": float(np.mean(processor)) * whole, "films timed": films, "films equal to 1e-6": equal}


def _unit(boxes):
    """Boxes in 0..1 with room for those that reach over the film's edge, which the peer would cut."""
    return boxes.astype(np.float64) / ([WIDTH * 2, HEIGHT * 2] * 2) + .25


def peak_above(call):
    """Most MiB that the process holds during `call()` above what it held before; None where Linux does not tell."""
    clear, status = Path("/proc/self/clear_refs"), Path("/proc/self/status")
    try:
        clear.write_text("5")
        before = _status(status, "VmRSS")
    except OSError:
        return None
    call()
    return (_status(status, "VmHWM") - before) / 1024


def _status(path, name):
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(name))


def run(options):
    """Figures of the whole set (WBF, and NMS of one source), of one fold, of the growth, and of the peer."""
    wbf, nms = FusionSettings("wbf", .6, .01, conf_type="avg"), FusionSettings("nms", .6, .01)
    whole = Task(1, options.films, SOURCES, wbf)
    ours = whole.figures(options.rounds)
    ours["MiB above the arrays"] = peak_above(whole.fuse_and_score)
    peer = peer_figures(whole, options.peer_films)
    parts = {str(films): Task(4, films, SOURCES, wbf).figures(options.rounds)["fuse and score"]
             for films in (options.films // 8, options.films // 4, options.films // 2)}
    scored = whole.fuse_and_score()
    return {
        "machine": {"cores": os.cpu_count(), "threads": WORKERS, "load": os.getloadavg()[0]},
        "whole set, 8 sources, wbf": ours,
        "ensemble_boxes, the same": peer,
        "times faster": {"fuse and score": peer["whole set"] / ours["fuse and score"],
                         "processor": peer["processor seconds"] / ours["processor seconds"]},
        "whole set, 1 source, nms": Task(2, options.films, 1, nms).figures(options.rounds),
        "one fold, 3 sources, wbf": Task(3, FOLD, 3, wbf).figures(options.rounds),
        "whole set, cost of every film and study": least_seconds(options.rounds, lambda: costs(scored))[0],
        "seconds by films": {**parts, str(options.films): ours["fuse and score"]},
    }
