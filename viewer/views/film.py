"""The film with its boxes, the way to the next one, and the same boxes in words."""

from dataclasses import replace

import streamlit as st

from core.errors import GroundglassError
from core.kinds import KINDS
from core.labels import STUDY_CLASSES
from core.vendor_luts import without_vendor_luts
from viewer import charts, films, judged, live, login, resources, state
from viewer.canvas.component import Drawing, canvas_state, film_canvas
from viewer.views import first_read, heat, layers, panes, review, worklist
from viewer.views.room import Room

CANVAS = "canvas"
HEIGHT = "var(--film-height)"
AHEAD = (1, 2, -1)
PICK = "picked elsewhere"  # in the session: (film, mark) of a box that another page has opened
STEPPED = "stepped"  # in the session: (film left, film reached) of the last steps on the canvas
REVIEWING = "reviewing"  # in the session: whether the reader has opened the tab Review
WHY = "Why this box"  # the tab under the film that opens when the reader clicks a box


def _bar(opened, settings, ids, film_id):
    """Previous and next along the list `ids`, and for `film_id` which layers are shown: their kinds, and a
    function that gives the `HeatMap` of an image, None when it is not asked for; and what stands beside the film."""
    with st.container(horizontal=True, key="film_bar", vertical_alignment="center", gap="small"):
        for label, icon, by, key in (("Previous", "chevron_left", -1, "p"), ("Next", "chevron_right", 1, "n")):
            st.button(label, icon=f":material/{icon}:", on_click=worklist.step, args=(by, ids),
                      disabled=not ids, help=f"Key {key}; also with the arrow keys, Page Up and Page Down.")
        st.space("stretch")
        if first_read.hides(film_id):
            st.html(charts.tag("span", "Truth and AI are hidden", class_="hidden"), width="content")
            return (), None, panes.ONE
        kinds, arrangement = layers.pills(), panes.chooser(opened, settings)
        return kinds, heat.chooser(opened) if "heat" in kinds else None, arrangement


def show(opened, settings, ids, film_id):
    """The film `film_id` with its boxes, and the way along the list of the films `ids`.

    What keeps the film from being shown stands in its place.
    """
    cases = resources.cases(opened)[0]
    kinds, heat_of, arrangement = _bar(opened, settings, ids, film_id)
    row = resources.row_of(opened).get(film_id)
    if row is None:
        problem = f"The address names film {film_id!r}, which is not in this data set: pick one from the list."
        film_canvas(CANVAS, None, problem="" if film_id is None else problem, height=HEIGHT, on_step=_step(ids))
        return
    image = cases.images[row]
    film, where, problem = films.opened(image)
    if film:
        problem = _note(film)
    hidden = first_read.hides(film_id)
    found = () if hidden else judged.findings(opened, settings, row)
    chosen = layers.owner(canvas_state(CANVAS).mark_of(film_id))
    room = None if hidden else Room(opened, settings, row, found, chosen)
    others = [] if arrangement == panes.ONE else panes.beside(opened, settings, row, kinds, arrangement)
    alone = [panes.ALONE[arrangement]] if arrangement != panes.ONE and not others else []
    kinds = panes.first_kinds(arrangement, kinds)
    follows = "" if problem or hidden else live.address("film", layers.followed(opened, row, kinds, chosen),
                                                        cases.predictions)
    drawn = () if problem or hidden else review.noted(layers.drawn(opened, settings, row, found, kinds, chosen), room)
    height = HEIGHT if len(others) < 2 else f"calc({HEIGHT} / 2)"
    with st.container(key="side_by_side" if others else "alone"):
        seen = film_canvas(CANVAS, where, drawn, problem=problem,
                           caption=[film_id] if hidden else [*_caption(opened, settings, row), *alone],
                           ahead=_ahead(opened, ids, film_id), height=height,
                           chosen=kinds if hidden else (*kinds, layers.READERS),
                           heat=None if problem or heat_of is None else heat_of(image), on_step=_step(ids),
                           link=panes.link(arrangement), live=follows,
                           on_want=None if hidden else layers.want(CANVAS),
                           drawing=_drawing(room, first_read.drawing(film_id, cases, row)),
                           on_draw=lambda: first_read.heed(CANVAS),
                           on_box=None if hidden else lambda: review.take(room, canvas_state(CANVAS).boxed),
                           pick="" if hidden else _asked(film_id), on_unit=_note_unit)
        for number, pane in enumerate(others, start=1):
            panes.show(opened, pane, number, height, arrangement, _step_from(ids, film_id, number))
    _below(opened, settings, row, film, problem, room, seen)


def _below(opened, settings, row, film, problem, room, seen):
    """What is said below the film at `row` (`core.film.Film`, None when it cannot be read); without a `review.Room`
    nothing of truth and AI."""
    cases = resources.cases(opened)[0]
    film_id, chosen = cases.images[row].image_id, layers.owner(seen.mark_of(cases.images[row].image_id))
    with st.container(key="below"):
        if room is None:
            (steps,) = st.tabs(["How this picture was made"], key="tabs of the hidden")
            steps.html(charts.sentences(film.steps if film else [problem], "steps"))
            return
        boxes, why, steps, said = _tabs(chosen)
    with boxes:
        if doubts := judged.doubts(opened).get(film_id):
            st.html(charts.sentences(doubts, "problems"))
        live.html("boxes", lambda moved: charts.box_table(judged.findings(opened, moved, row)), settings,
                  cases.predictions)
    with why:
        picked(opened, settings, row, room.found, chosen)
    with steps:
        st.html(charts.sentences(_steps(film, seen.plain) if film else [problem], "steps"))
    with said:
        review.show(room)


def _note_unit():
    st.session_state[state.UNIT] = canvas_state(CANVAS).unit


def _note(film):
    """Put it on the audit trail that the film is opened; the sentence of what forbids to show it, "" for nothing."""
    try:
        if said := login.note_film(film.sop_instance_uid or film.image_id):
            st.html(charts.sentences([said], "problems"))
    except GroundglassError as error:
        return str(error)
    return ""


def _drawing(room, first):
    """The canvas's `Drawing`: that of the blinded `first` read, and while the reader is reviewing a box at a time."""
    if room is None or room.mark is None or not st.session_state.get(REVIEWING):
        return first
    return replace(first or Drawing(fixed=True), purpose=room.purpose)


def _asked(film_id):
    """Id of the mark on this film that another page has opened, "" for none; forgotten with the next film."""
    film, mark = st.session_state.get(PICK, (None, ""))
    if film != film_id:
        st.session_state.pop(PICK, None)
        return ""
    return mark


def _finding(found, mark):
    """The one of the findings `found` whose mark has this id, None without any."""
    return next((each for each in found if layers.mark_id(each) == mark), None)


def _tabs(chosen):
    """The tabs below the film. A box that is `chosen` opens why it is there, unless the reader is reviewing."""
    key = "tabs of the picked" if chosen else "tabs"
    names = ["Boxes", WHY, "How this picture was made", review.TAB]
    first = review.TAB if st.session_state.get(REVIEWING) else WHY if chosen else None

    def turned():
        st.session_state[REVIEWING] = st.session_state[key] == review.TAB
    return st.tabs(names, key=key, default=first, on_change=turned)


def _steps(film, plain):
    """How the film on the canvas was made; `plain`: without the tables of its maker."""
    return (without_vendor_luts(film) if plain else film).steps


def _ahead(opened, ids, film_id):
    """(steps, address) of the films that the reader will probably open next."""
    cases, rows = resources.cases(opened)[0], resources.row_of(opened)
    near = {by: cases.images[rows[each]] for by in AHEAD if (each := state.stepped(ids, film_id, by)) != film_id}
    return [(by, films.address(image)) for by, image in near.items() if image.path and image.width]


def _caption(opened, settings, row):
    cases, weighed = resources.cases(opened)[0], judged.weighed(opened, settings)
    truth, predicted = int(weighed.truth_class[row]), int(weighed.predicted_class[row])
    lines = [cases.images[row].image_id, f"study {cases.images[row].study_id}"]
    if judged.doubts(opened).get(cases.images[row].image_id):
        lines.append("in doubt: perhaps no frontal chest film")
    if truth >= 0:
        lines.append(f"labelled {STUDY_CLASSES[truth]}")
    if predicted >= 0:
        lines.append(f"predicted {STUDY_CLASSES[predicted]}")
    return lines


def picked(opened, settings, row, found, mark):
    """What made the box that the reader has picked on the film at `row`: its candidates and its score.

    `mark` is the id of the picked mark, None without any; `found` are the film's findings.
    """
    one = _finding(found, mark)
    if one is None:
        st.html(charts.sentences(["Click a box on the film: here stands which candidates made it, and why its score is "
                                  "what it is."]))
        return
    st.html(charts.heading(charts.box_name(one), ": ".join(each for each in (one.kind, KINDS.get(one.kind)) if each)))
    if one.truth:
        st.html(charts.sentences([one.reason]))
        return
    told = judged.provenance_of(opened, settings, row, one.row)
    st.html(charts.sentences([one.reason, *told.steps]))
    st.html(charts.member_table(told.members))


def _step(ids):
    """What happens when the reader steps on from the film on the canvas.

    Where that is no longer the film of now, since the list has opened another that the canvas did not show yet, the
    step is from this one; unless it was reached by an earlier part of the same steps, which add up.
    """
    def go():
        wanted, here = canvas_state(CANVAS).step, state.film_id()
        if wanted is None:
            return
        adds_up = st.session_state.get(STEPPED) == (wanted.film_id, here)
        left = wanted.film_id if adds_up or here is None else here
        there = state.stepped(ids, left, *wanted.moves)
        st.session_state[STEPPED] = left, there
        state.show_film(there)
    return go


def _step_from(ids, film_id, number):
    """As `_step`, from the film that is read, whatever film the pane shows."""
    def go():
        wanted = canvas_state(f"pane {number}").step
        if wanted is not None:
            state.show_film(state.stepped(ids, film_id, *wanted.moves))
    return go
