"""What stands behind the detections of one film: its raw candidates, and what each source alone would answer.

It knows nothing of ground truth, verdicts or display.
"""

from dataclasses import dataclass

import numpy as np

from core.fusion import FusionSettings, fuse, selected_positions
from core.predictions import Candidates


@dataclass(frozen=True)
class Candidate:
    """One box of one source: `source` is model/fold/view, `score` that of the source itself, 0..1; `xyxy` in pixels of
    the original image."""

    source: str
    score: float
    xyxy: tuple[float, float, float, float]


@dataclass(frozen=True)
class SourceAnswer:
    """What a source alone would answer about a film: its `boxes` (`Candidate`), most confident first."""

    source: str
    boxes: tuple[Candidate, ...]


def raw_candidates(candidates, film, names=None, most=60):
    """(the `most` most confident `Candidate`s of the film at row `film`, best first; how many there are).

    Of `candidates` (`core.predictions.Candidates`) those of the sources called in `names`, None for all. Equal scores
    keep the order of the store. Raises `BadSettings` for an unknown source.
    """
    chosen = selected_positions(candidates.sources, names)
    rows = np.arange(*candidates.offsets[film:film + 2])
    rows = rows[np.isin(candidates.source[rows], chosen)]
    best = rows[np.argsort(-candidates.scores[rows], kind="stable")][:most]
    return tuple(_candidate(candidates, row) for row in best), len(rows)


def source_answers(candidates, film, settings, least=0.0, most=12):
    """A `SourceAnswer` for each source that takes part in `settings` (`FusionSettings`), in their order.

    Each is NMS of that source's own candidates at the settings' IoU, whatever the method; boxes less confident than
    `least` or than the settings' skip are left out, and so are all but the `most` best. Raises `BadSettings`.
    """
    rows = slice(*candidates.offsets[film:film + 2])
    boxes, scores, source = candidates.boxes[rows], candidates.scores[rows], candidates.source[rows]
    answers = []
    for place in selected_positions(candidates.sources, settings.sources):
        own = np.flatnonzero(source == place)
        one = Candidates(boxes[own], scores[own], source[own], np.array([0, len(own)]), candidates.sources)
        name = one.sources[place].name
        found = fuse(one, FusionSettings("nms", settings.iou, max(settings.skip, least), sources=(name,)))
        answers.append(SourceAnswer(name, tuple(_candidate(one, row) for row in found.leader[:most])))
    return tuple(answers)


def _candidate(candidates, row):
    return Candidate(candidates.sources[candidates.source[row]].name, float(candidates.scores[row]),
                     tuple(candidates.boxes[row].tolist()))
