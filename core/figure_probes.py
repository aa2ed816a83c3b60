"""The probes for figures that another program printed: an absent class averaged in as 0 (9), detections not sorted by
confidence inside the image (14), only images with boxes scored (15), or another convention.

This module knows nothing of files.
"""

import re

from core.conventions import CONVENTIONS, METRIC, combined, read, read_all
from core.errors import BadSettings
from core.evaluation import CLASSES
from core.findings import MISTAKES, fault, mistake

NUMBER = {"absent class counted 0": 9, "mean of the image classes": 9, "mean of the study classes": 9,
          "not sorted inside the film": 14, "shuffled inside the film": 14, "least confident first inside the film": 14,
          "not sorted over the set": 14, "only boxed films": 15}
FINE = 6e-4  # a figure known at least this well is sought among pairs of conventions too
_FIGURE = re.compile(r"([a-z]+)=(\d*\.?\d+)")


def read_figure(text):
    """(class or 'mean', figure, how far the printed digits reach) of a text such as opacity=.248.

    Raises `BadSettings`.
    """
    found = _FIGURE.fullmatch(text.strip().lower().replace("map=", "mean=").replace("opacity_ap=", "opacity="))
    if not found or found[1] not in (*CLASSES, "mean") or not 0 <= float(found[2]) <= 1:
        raise BadSettings(f"the figure is {text!r}, but must be one of {', '.join(CLASSES)} or mean, = and a "
                          "number of 0 "
                          "to 1: write opacity=.248.")
    return found[1], float(found[2]), max(0.51 * 10.0 ** -len(found[2].partition(".")[2]), 2e-6)


def probe_figures(scored, figures):
    """Findings on `figures`, texts as `read_figure` takes them, about a `core.scoring.Scored` answer.

    Its detections must stand inside a film in the order of the file.
    """
    readings = None
    for text in figures:
        name, figure, slack = read_figure(text)
        readings = readings or read_all(scored.truth, scored.answer)
        true = readings[0].figure(name)
        if true is not None and abs(true - figure) <= slack:
            continue
        yield _explained(scored, readings, text, name, figure, slack)


def _explained(scored, readings, text, name, figure, slack):
    words = f"{text} was reported; the metric gives {_text(readings[0].figure(name))}"
    best = _nearest(readings, name, figure, slack)
    if best is None and slack < FINE:
        pairs = [combined(one, two) for place, one in enumerate(CONVENTIONS[1:]) for two in CONVENTIONS[place + 2:]
                 if one.name in NUMBER or two.name in NUMBER]
        best = _nearest([read(scored.truth, scored.answer, each) for each in pairs if each is not None], name, figure,
                        slack)
    if best is None and name in CLASSES and (half := _diluted(readings, name, figure, slack)):
        return mistake(9, f"{words}, and {half}. {MISTAKES[9].capitalize()} is no score of the class.", (),
                       "Leave an absent class out of the mean.")
    if best is None:
        return fault("a figure that no convention gives", f"{words}, and none of {len(readings) - 1} other "
                                                          "conventions, "
                     "one or two at a time, gives the figure.", (), "Compare the two programs' inputs.")
    numbers = _numbers(best)
    said = f"{words}, and '{best.convention.name}' gives {_text(best.figure(name))}. {best.convention.meaning}"
    remedy = "Score with python -m core evaluate."
    return mistake(numbers[0], said, (), remedy) if numbers else fault("a figure by another "
                                                                       "convention", said, (), remedy)


def _nearest(readings, name, figure, slack):
    """The reading that gives the figure, one that is a mistake of the diary before others; None without any."""
    near = []
    for each in readings:
        value = each.figure(name)
        if value is not None and each.convention is not METRIC:
            room = slack + (each.spread if name in ("opacity", "mean") else 0)
            if abs(value - figure) <= room:
                near.append((not _numbers(each), abs(value - figure), each))
    return min(near, key=lambda row: row[:2])[2] if near else None


def _numbers(reading):
    """The diary's mistakes in a reading's convention; a mean is one of them where a class in it has no AP."""
    names = [part for part in reading.convention.name.split(" + ") if part in NUMBER]
    return [NUMBER[name] for name in names if NUMBER[name] != 9 or not all(reading.aps[each] for each in (
        {"image": CLASSES[:2], "study": CLASSES[2:]}.get(reading.convention.mean, CLASSES)))]


def _diluted(readings, name, figure, slack):
    """How the figure is a class's AP averaged with absent classes that count 0, "" where it is not."""
    true = readings[0].figure(name)
    for count in range(2, 7):
        if true is not None and abs(true / count - figure) <= slack:
            return f"that over {count} is the figure: {count - 1} absent classes were averaged in as 0"
    return ""


def _text(value):
    return "no figure" if value is None else f"{value:.5f}"
