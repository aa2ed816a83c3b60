"""What is found of all films of a data set under one setting, together: answer, verdicts and kinds of failure.

It knows nothing of what is made of them.
"""

from dataclasses import dataclass

from core.cases import Cases
from core.fusion import fuse
from core.kinds import Diagnosis, diagnose
from core.matching import Matches
from core.scoring import Answer, conclude
from core.verdicts import judge


@dataclass(frozen=True, eq=False)
class Judged:
    """`cases`, and under one setting the `answer` about all of them, the verdicts `matches` of the scored ones (None:
    nothing is scored), the least confidence shown, `display`, and the `diagnosis`."""

    cases: Cases
    answer: Answer
    matches: Matches | None
    display: float
    diagnosis: Diagnosis


def judge_cases(cases, fusion, scoring, display, neighbours=None):
    """The `Judged` of `cases` under `FusionSettings`, `ScoreSettings` and the least confidence shown.

    neighbours: as `core.kinds.diagnose` takes them.
    """
    fused = fuse(cases.predictions.candidates, fusion)
    answer, matches = conclude(cases.predictions, fused, scoring), judge(cases, fused)
    return Judged(cases, answer, matches, display,
                  diagnose(cases, fused, answer, matches, fusion, scoring, display, neighbours))
