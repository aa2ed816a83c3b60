"""In what way a box misses the one it is meant for: which of its edges are off, in words.

It knows nothing of scores or verdicts. Left and right are those of the picture, as everywhere in this project.
"""

import numpy as np

OFF = 0.12  # of the other box's side; when no edge is off by more, the IoU is above .5


def edges_off(box, truth):
    """What is off about `box` beside `truth`, both xyxy: a tuple of phrases such as 'too wide', 'lower edge too low'.

    An edge is off by more than `OFF` of the side of `truth`. Both edges of a direction outwards are 'too wide' or 'too
    tall', both inwards 'too narrow' or 'too short', both the same way 'too far left', 'too far right', 'too high' or
    'too low'. Boxes that only so differ that no edge is off have no phrase.
    """
    box, truth = np.asarray(box, np.float64), np.asarray(truth, np.float64)
    sides = truth[2:] - truth[:2]
    off = (box - truth) / np.where(sides > 0, sides, 1)[[0, 1, 0, 1]]
    across = _direction(off[0], off[2], ("too wide", "too narrow", "too far left", "too far right"),
                        ("left edge too far", "right edge too far"), ("left", "right"))
    down = _direction(off[1], off[3], ("too tall", "too short", "too high", "too low"),
                      ("upper edge too", "lower edge too"), ("high", "low"))
    return tuple(each for each in (across, down) if each)


def _direction(first, last, both, edges, ways):
    """The phrase for the first and the last edge of one direction, "" when neither is off."""
    if abs(first) > OFF and abs(last) > OFF:
        outwards, inwards, back, forth = both
        if first < 0 < last:
            return outwards
        return inwards if last < 0 < first else back if first < 0 else forth
    if abs(first) > OFF:
        return f"{edges[0]} {ways[int(first > 0)]}"
    return f"{edges[1]} {ways[int(last > 0)]}" if abs(last) > OFF else ""
