"""The settings of now, read out of the texts that the address holds, and the ones that changes are told against.

Each setting goes by its query parameter's name. A text that is none of the values a setting may have counts as not
given. This module knows nothing of results.
"""

import math

import streamlit as st

from core.errors import BadSettings
from core.fusion import CONF_TYPES, DECAYS, METHODS, FusionSettings
from core.levels import ScoreSettings
from viewer import state
from viewer.state import Settings, chosen_sources

PINNED = "pinned settings"  # in the session: the texts of the settings that changes are told against
FUSION, SCORE = FusionSettings(), ScoreSettings()
START = {"show": Settings().display, "method": FUSION.method, "iou": FUSION.iou, "skip": FUSION.skip,
         "decay": FUSION.decay, "sigma": FUSION.sigma, "conf_type": FUSION.conf_type, "n": SCORE.exponent,
         "none_study": SCORE.none_study, "none_boxes": SCORE.none_boxes,
         "models": (), "folds": (), "views": (), "weights": (), "scales": ()}
CHOICES = {"method": METHODS, "decay": DECAYS, "conf_type": CONF_TYPES}
RANGES = {"show": (0, 1), "iou": (0, 1), "skip": (0, 1), "sigma": (0.001, 100), "n": (0, 100), "none_study": (0, 1),
          "none_boxes": (0, 100)}  # what may be asked for; sliders offer what is of use
FACTORS = ("weights", "scales")
BETWEEN = "~"  # stands between the parts of a text that are several


def value(name, texts=None):
    """The value of a setting, a key of START: a number, a text, or a tuple of them."""
    text = (state.kept() if texts is None else texts).get(name)
    try:
        return START[name] if text is None else _read(name, text)
    except ValueError:
        return START[name]


def _read(name, text):
    """The value that `text` stands for. Raises `ValueError` for none that the setting may have."""
    if name in CHOICES:
        choice = text.lower().replace("-", "_")
        if choice not in CHOICES[name]:
            raise ValueError(text)
        return choice
    if name in RANGES:
        return _number(text, *RANGES[name])
    parts = tuple(text.split(BETWEEN))
    return tuple(_number(part, 1e-6, 1e6) for part in parts) if name in FACTORS else parts


def _number(text, low, high):
    number = float(text)
    if not (math.isfinite(number) and low <= number <= high):
        raise ValueError(text)
    return number


def put(**values):
    """Set some settings, keys of START."""
    state.keep(**{name: _text(name, each) for name, each in values.items()})


def moved(texts, predictions, setting, value):
    """`texts`, but with the slider of `setting` at `value`: a number of START, or a factor of FACTORS and the place of
    its source (`weights.2`). Raises `BadSettings` for a source that is not there."""
    name, _, place = setting.partition(".")
    if not place:
        given = value
    else:
        sources = predictions.candidates.sources
        if int(place) >= len(sources):
            raise BadSettings(f"source {place} is asked for, but there are {len(sources)}: reload the page.")
        given = _with_factor(name, int(place), sources, value, texts)
    told = _text(name, given)
    return {**{key: text for key, text in texts.items() if key != name}, **({} if told is None else {name: told})}


def is_number(setting, value):
    """Whether `value` is the text of a number that the slider of `setting` may stand at."""
    name, dot, place = setting.partition(".")
    try:
        return (name in FACTORS and place.isdecimal() and len(place) < 6 if dot else name in RANGES) and _number(
            value, *(RANGES.get(name) or (1e-6, 1e6))) is not None
    except ValueError:
        return False


def _text(name, given):
    if isinstance(given, tuple | list):
        given = tuple(given)
        if name in FACTORS and all(each == 1 for each in given):
            given = ()
    if given == START[name]:
        return None
    return BETWEEN.join(map(_plain, given)) if isinstance(given, tuple) else _plain(given)


def _plain(given):
    return f"{given:.6g}" if isinstance(given, float) else str(given)


def tasks(predictions):
    """Task -> its sources (`core.predictions.Source`)."""
    return {"detector": predictions.candidates.sources, "opacity": predictions.opacity_sources,
            "study": predictions.study_sources}


def settings(predictions, texts=None):
    """The `viewer.state.Settings` of now for `predictions`; `texts` are others than those of now.

    Raises `BadSettings` when the chosen sources leave nothing of a task.
    """
    given = {name: value(name, texts) for name in START}
    chosen = [_chosen(task, sources, given) for task, sources in tasks(predictions).items()]
    factors = [_factors(given[name], predictions.candidates.sources, chosen[0]) for name in FACTORS]
    fusion = FusionSettings(given["method"], given["iou"], given["skip"], given["decay"], given["sigma"],
                            given["conf_type"], chosen[0], *factors)
    return Settings(fusion, ScoreSettings(given["n"], given["none_study"], given["none_boxes"], *chosen[1:]),
                    given["show"])


def _chosen(task, sources, given):
    try:
        return chosen_sources(sources, given["models"], given["folds"], given["views"])
    except BadSettings as error:
        raise BadSettings(f"For the {task}, {error}") from None


def _factors(given, sources, chosen):
    """The factors of just the `chosen` sources, None when all are 1 or there is not one for each of `sources`."""
    if len(given) != len(sources):
        return None
    of = {source.name: factor for source, factor in zip(sources, given, strict=True)}
    kept = tuple(of[name] for name in (of if chosen is None else chosen))
    return None if all(factor == 1 for factor in kept) else kept


def factor(name, place, sources, texts=None):
    """The factor of the source at `place` among the detector's `sources`; `name` is one of FACTORS."""
    given = value(name, texts)
    return given[place] if len(given) == len(sources) else 1.0


def put_factor(name, place, sources, number):
    """Set the factor of one source."""
    put(**{name: _with_factor(name, place, sources, number)})


def _with_factor(name, place, sources, number, texts=None):
    """The factors of all sources, that of the one at `place` being `number`."""
    given = [factor(name, each, sources, texts) for each in range(len(sources))]
    given[place] = float(number)
    return tuple(given)


def adopt(fusion, score, sources):
    """Set what `FusionSettings` and `ScoreSettings` hold; of the detector's `sources` they may have chosen views."""
    new = {"method": fusion.method, "iou": fusion.iou, "skip": fusion.skip, "decay": fusion.decay,
           "sigma": fusion.sigma, "conf_type": fusion.conf_type, "n": score.exponent,
           "none_study": score.none_study, "none_boxes": score.none_boxes}
    views = tuple(dict.fromkeys(each.view for each in sources
                                if fusion.sources is None or each.name in fusion.sources))
    everything = tuple(dict.fromkeys(each.view for each in sources))
    put(**new, views=() if views == everything else views)


def pinned(predictions):
    """The `Settings` that changes are told against; the first ones unless the reader has pinned others."""
    return settings(predictions, st.session_state.get(PINNED, {}))


def baseline():
    """What changes are told against, in words."""
    return f"against the {'pinned' if PINNED in st.session_state else 'default'} settings"


def pin():
    """Tell changes against the settings of now."""
    st.session_state[PINNED] = state.kept()


def reset():
    """Back to the first settings, also as the baseline."""
    st.session_state.pop(PINNED, None)
    put(**START)


state.FIRST.update({name: _plain(given) for name, given in START.items() if not isinstance(given, tuple)})
