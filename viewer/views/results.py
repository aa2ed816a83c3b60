"""What the models say of this film and study, and how well they do on the whole set."""

import streamlit as st

from core.changes import ap_changes
from viewer import charts, judged, resources, reviewed, tuning

LEGEND = "T truth, P predicted"


def show(opened, settings, film_id):
    """The probabilities of the film `film_id` and the scores of the whole set."""
    row = resources.row_of(opened).get(film_id)
    if row is not None:
        _probabilities(opened, settings, row)
    _scores(opened, settings)


def _probabilities(opened, settings, row):
    """The probabilities of the film at `row` and of its study, next to the truth."""
    cases, weighed = resources.cases(opened)[0], judged.weighed(opened, settings)
    answer = resources.answer(opened, settings.fusion, settings.score)
    st.html(charts.heading("Study and film", LEGEND))
    boxes = weighed.truth_boxes[row]
    st.html(charts.probability_table(
        answer.study[cases.film_study[row]].tolist(), int(weighed.truth_class[row]), float(weighed.p_opacity[row]),
        float(answer.p_none[row]), None if boxes < 0 else bool(boxes)))


def _scores(opened, settings):
    """The six APs and their mean with the change against the pinned settings, or why there are none."""
    cases, problem = resources.cases(opened)
    evaluation = resources.evaluation(opened, settings.fusion, settings.score)
    scored = "" if evaluation is None else f"{cases.films:,} films · {cases.studies:,} studies"
    st.html(charts.heading("Whole set: AP", scored))
    if evaluation is None:
        st.html(charts.sentences([_why_not(opened, cases, problem)]))
        return
    pinned = tuning.pinned(cases.predictions)
    before = resources.evaluation(opened, pinned.fusion, pinned.score)
    yours = reviewed.beside(opened, settings.fusion, settings.score, reviewed.known(opened), reviewed.reader())
    st.html(charts.ap_table(evaluation.summary(), ap_changes(evaluation, before), tuning.baseline(),
                            yours and yours.corrected.summary()))
    notes = [*cases.remarks, *evaluation.warnings]
    if yours:
        what = ", ".join(f"{count} × {what}" for what, count in yours.counts().items())
        notes.insert(0, f"Yours: labels as you corrected them ({what}).")
    if notes:
        st.html(charts.sentences(notes))


def _why_not(opened, cases, problem):
    if problem:
        return problem
    if opened.predictions is None:
        return ("No predictions were named, so there are films and ground truth alone: start with --predictions DIR, "
                "which python -m core predict writes.")
    if cases.labels is None:
        return "This data set has no labels, so there are no verdicts and no AP: films and detections are shown."
    return "No labelled film is among those predicted, so there are no verdicts and no AP."
