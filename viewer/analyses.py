"""What the Tune page computes beside the score, each thing once per settings.

Long searches are not here: they are run piece by piece by the page, which shows progress and can be stopped.
"""

import numpy as np
import streamlit as st

from core import bootstrap, conventions, curves, parts
from core.labels import GroundTruth
from core.scoring import Answer
from viewer import resources

KEPT = 12


@st.cache_resource(show_spinner=False, max_entries=KEPT, hash_funcs=resources.BY_TEXT)
def figures(opened, fusion, score):
    """(class -> `Curve`, `Froc`, class -> `Reliability`) of the scored films."""
    evaluation = resources.evaluation(opened, fusion, score)
    return ({name: ranking.curve() for name, ranking in evaluation.rankings.items()}, curves.froc(evaluation),
            curves.reliabilities(evaluation))


@st.cache_resource(show_spinner=False, max_entries=2, hash_funcs=resources.BY_TEXT)
def patients(opened):
    """Patient numbers of the scored films and of the scored studies."""
    return bootstrap.patients_of(resources.data_set(opened).images, resources.cases(opened)[0].truth)


@st.cache_resource(show_spinner=False, max_entries=2, hash_funcs=resources.BY_TEXT)
def patient_parts(opened):
    """The `core.parts.Parts` of the scored films."""
    return parts.parts_of(resources.cases(opened)[0], *patients(opened))


@st.cache_resource(show_spinner=False, max_entries=KEPT, hash_funcs=resources.BY_TEXT)
def part_table(opened, fusion, score):
    """The `core.curves.PartTable`."""
    return curves.part_table(resources.evaluation(opened, fusion, score), patient_parts(opened))


@st.cache_resource(show_spinner="Drawing patients …", max_entries=KEPT, hash_funcs=resources.BY_TEXT)
def compared(opened, settings, other):
    """The `core.bootstrap.Bootstrap` of two settings on the same patients, in this order."""
    both = [resources.evaluation(opened, each.fusion, each.score) for each in (settings, other)]
    return bootstrap.bootstrap(both, *patients(opened))


@st.cache_resource(show_spinner="Scoring by every convention …", max_entries=KEPT, hash_funcs=resources.BY_TEXT)
def readings(opened, fusion, score):
    """The `core.conventions.Reading`s of the scored films."""
    return conventions.read_all(*_scored(resources.cases(opened)[0], resources.answer(opened, fusion, score)))


def _scored(cases, answer) -> tuple[GroundTruth, Answer]:
    """The labels and the answer about just what can be scored, which stands first."""
    offsets = np.asarray(answer.offsets[:cases.films + 1])
    return cases.truth, Answer(answer.image_ids[:cases.films], answer.study_ids[:cases.studies],
                               answer.boxes[:offsets[-1]], answer.scores[:offsets[-1]], offsets,
                               answer.p_none[:cases.films], answer.study[:cases.studies])
