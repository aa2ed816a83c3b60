"""What differs between two evaluations of the same films.

This module knows nothing of how either came about.
"""


def ap_changes(now, before):
    """Class -> change of its AP from `before` to `now` (`core.evaluation.Evaluation`), and `mean`; None where either
    has none."""
    now, before = now.summary(), before.summary()
    return {name: None if now[name] is None or before.get(name) is None else now[name] - before[name] for name in now}
