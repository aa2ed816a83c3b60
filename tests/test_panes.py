"""Panes beside the film: settings that leave nothing are one pane's problem."""

import numpy as np

from core.predictions import Candidates, Predictions, Source
from viewer import state
from viewer.views import panes


def test_a_model_without_the_chosen_view_says_so_in_its_pane_alone(monkeypatch):
    monkeypatch.setattr(state, "kept", lambda: {"views": "flip"})
    sources = (Source("a", "0", "plain"), Source("b", "0", "flip"))
    predictions = Predictions(("one",), ("study",), Candidates(np.zeros((0, 4)), np.zeros(0), np.zeros(0), np.zeros(2),
                                                               sources), np.zeros((1, 0)), (), np.zeros((1, 0, 4)), ())
    without, fine = (panes._with(predictions, "models", name, 0, ("truth",), name) for name in "ab")
    assert without.settings is None and "detector" in without.problem
    assert fine.problem == "" and fine.settings is not None
