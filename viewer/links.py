"""What the address says of study and model, so that a copied one opens the same thing for somebody else.

Film and settings stand there by `viewer.state`. The model is the name of a run, or of the predictions named when the
server was started; an address never names a path. This module knows nothing of pages.
"""

from pathlib import Path

import streamlit as st

from viewer import resources, state

FOLLOWED = "link followed"  # in the session: whether the address was looked at
MISSING = "model missing"  # in the session: the sentence on a model that the address names and nobody knows


def follow():
    """Put on show the model that the address names, when the reader has just come by it."""
    session = st.session_state
    if FOLLOWED in session:
        return
    session[FOLLOWED] = True
    named = st.query_params.get(state.MODEL)
    if not named or named == model():
        return
    run = next((each for each in _runs() if each.name == named and each.predictions is not None), None)
    if run is None:
        session[MISSING] = (f"The address names the model {named[:60]!r}, but this server shows {model()!r}: ask "
                            "whoever sent it which predictions are meant.")
    else:
        state.choose_run(str(run.predictions))


def problem():
    """The sentence on a model that the address names and this server has not, "" for none."""
    return st.session_state.get(MISSING, "")


def model():
    """The name of the model on show: of its run, or of the directory of its predictions."""
    if state.own_on_show():
        return "own films"
    if chosen := state.chosen_run():
        return next((each.name for each in _runs() if str(each.predictions) == chosen), Path(chosen).name)
    predictions = state.place().predictions
    return Path(predictions).absolute().name if predictions else "none"


def _runs():
    return resources.runs(state.runs_directory())[0]


def open_study(opened):
    """Show the first film of the study that the address names, where it names no film."""
    study = st.query_params.get(state.STUDY)
    if study and state.film_id() is None:
        film = next((each.image_id for each in resources.cases(opened)[0].images if each.study_id == study), None)
        if film is not None:
            state.show_film(film)


def tell(opened):
    """Have the address name the study of the film on show, and the model."""
    name = model()

    def of_film(film_id):
        row = resources.row_of(opened).get(film_id)
        return {state.STUDY: None if row is None else resources.cases(opened)[0].images[row].study_id,
                state.MODEL: name}
    state.name_beside(of_film)
