"""A report of some films: what is on each, what went wrong, and what the reader said of it.

The values alone, without a layout: `core.report_html` and `core.report_pdf` write them. Films whose picture cannot be
made keep their place with the reason in its stead. This module knows nothing of pages, files or databases.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from core.dicom import read_film
from core.display import shown
from core.errors import GroundglassError
from core.failures import Finding, findings
from core.kinds import KINDS
from core.labels import STUDY_CLASSES
from core.reported import NAME, WARNING, version

LARGEST = 1000  # pixels of the longer side of a film in a report
COLOURS = {"TP": "#6cc4ff", "FP": "#ff9152", "FN": "#f5e960", "truth": "#45d6a8", "plain": "#d5dde6"}  # as the viewer's
HEADS = ("film", "TP", "FP", "FN", "kinds of failure")  # of `contents`
TITLE = f"{NAME}: report of selected films"


@dataclass(frozen=True, eq=False)
class Case:
    """One film of a report.

    `picture` uint8 [H,W], at most LARGEST a side, None when `problem` says why there is none; `scale` is how many of
    its pixels are one of the film's. `findings` are the boxes in pixels of the original image, `kinds` maps kinds of
    failure to what they are, `facts` are names and values, `said` what readers said, a sentence each.
    """

    image_id: str
    study_id: str
    picture: np.ndarray | None
    scale: float
    findings: tuple[Finding, ...]
    kinds: dict[str, str]
    facts: tuple[tuple[str, str], ...]
    said: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True)
class Report:
    """`origin`: names and values of where it all came from, which stand on every report. `cases` in the order asked."""

    cases: tuple[Case, ...]
    origin: tuple[tuple[str, str], ...]


def report(judged, rows, stamp, said=None, progress=None):
    """The `Report` of the films at `rows` of `judged` (`core.judgement.Judged`).

    stamp: that of `core.stamp.stamp`; said: image id -> sentences of readers, oldest first (None: none); progress:
    wraps the rows as they are gone through.
    """
    cases = tuple(_case(judged, row, (said or {}).get(judged.cases.images[row].image_id, ()))
                  for row in (progress(rows) if progress else rows))
    return Report(cases, _origin(stamp, judged.display))


def _origin(stamp, display):
    settings = {"display confidence": f"{display:g}", **stamp.get("settings", {})}
    weights = stamp.get("weights", {})
    return (("program", f"{NAME} {version()}"), ("data set", str(stamp.get("data set", ""))),
            ("date", str(stamp.get("date", ""))),
            ("settings", ", ".join(f"{name} {value}" for name, value in settings.items())),
            *((("weights", ", ".join(f"{name} {digest[:12]}" for name, digest in weights.items())),)
              if weights else (("weights", "unknown"),)), ("warning", WARNING))


def _case(judged, row, said):
    cases = judged.cases
    image, picture, scale, problem = cases.images[row], None, 1.0, ""
    try:
        picture, scale = _picture(image)
    except GroundglassError as failure:
        problem = str(failure)
    found = findings(cases, judged.answer, judged.matches, row, judged.display, judged.diagnosis)
    kinds = {name: KINDS[name] for name in judged.diagnosis.of_film(row)}
    return Case(image.image_id, image.study_id, picture, scale, tuple(found), kinds, tuple(_facts(judged, row)),
                tuple(said), problem)


def _picture(image):
    """The film as the viewer first shows it, reduced to LARGEST, and the scale."""
    picture = shown(read_film(image.file))
    scale = min(1.0, LARGEST / max(picture.shape))
    if scale < 1:
        size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return picture, scale


def _facts(judged, row):
    """What is labelled and predicted of the film and its study."""
    cases, answer = judged.cases, judged.answer
    study, boxes = int(cases.film_study[row]), cases.boxes_of(row)
    labelled = int(cases.study_class[study])
    yield "labelled", "unknown" if labelled < 0 else STUDY_CLASSES[labelled]
    yield "boxes labelled", "unknown" if boxes is None else str(len(boxes))
    if not np.isnan(answer.study[study]).any():
        yield "predicted", ", ".join(f"{name} {value:.2f}" for name, value in
                                     zip(STUDY_CLASSES, answer.study[study], strict=True))
    if not np.isnan(answer.p_none[row]):
        yield "probability of any opacity", f"{1 - answer.p_none[row]:.2f}"


def letters(finding):
    """What is written at a box: its verdict, or what it is, and its confidence."""
    word = finding.verdict or ("truth" if finding.truth else "")
    number = "" if finding.confidence is None else f"{finding.confidence:.2f}"
    return " ".join(each for each in (word, number) if each)


def colour(finding):
    """The colour of a box, of COLOURS."""
    return COLOURS[finding.verdict or ("truth" if finding.truth else "plain")]


def in_words(finding):
    """A box in words: (what it is, confidence, IoU, kind, reason), texts."""
    return (letters(finding).split(" ")[0] or "detection",
            "" if finding.confidence is None else f"{finding.confidence:.2f}",
            "" if finding.iou is None else f"{finding.iou:.2f}", finding.kind, finding.reason)


def contents(case):
    """The line on a film in a report's table of contents: (id, TP, FP, FN, kinds of failure), texts."""
    counts = (str(sum(each.verdict == verdict for each in case.findings)) for verdict in ("TP", "FP", "FN"))
    return case.image_id, *counts, ", ".join(case.kinds)
