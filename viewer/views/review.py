"""The tab Review: what the reader says of the picked box, the film and the study, saved at once."""

import functools
from dataclasses import replace
from html import escape

import streamlit as st

from core.errors import BadReview
from core.reviews import BOX_VERDICTS, LEVEL_VERDICTS, LOOSE, MISSING, MOST_NOTE
from core.reviews_told import sentence
from viewer import charts, judged, login, resources, reviewed
from viewer.canvas.component import Layer, Mark
from viewer.views import first_read, layers, readers

TAB = "Review"
SAID = "review said"  # in the session: the sentence on a verdict that could not be saved
WORDS = {LOOSE: "too tight or loose", "agree with truth": "truth right",
         "agree with model": "model right"}  # on the buttons
KEYS = {"true finding": "t", "false": "f", MISSING: "m", LOOSE: "l", "device": "d", "skin fold": "k", "scapula": "p",
        "heart": "h", "other": "o"}  # with Shift
FILM_KEYS = {"agree with truth": "g", "agree with model": "a"}
UNDO_KEY = "u"
MOST_LABEL = 12  # characters of a reader's name at a box
HOW = "Key x, then a left drag on the film, {}; it is saved at once."


def noted(shown, room):
    """The canvas's layers `shown`, whose marks say on hover what readers said of their boxes in the `Room`, and the
    layer of what readers drew."""
    said = {each.mark: tuple(map(_words, each.said)) for each in room.boxes if each.said}
    told = [replace(layer, marks=tuple(replace(mark, details=(*mark.details, *said.get(mark.id, ())))
                                       for mark in layer.marks)) for layer in shown]
    return [*told, Layer(layers.READERS, tuple(mark for each in room.boxes for mark in _marks(each)))]


def _marks(target):
    """The marks of what readers drew for the `Target`, or in its place."""
    for review in target.said:
        if target.side == "reader" or review.instead:
            name = "you" if review.reader == reviewed.reader() else review.reader
            for place, box in enumerate(review.meant):
                yield Mark(f"{target.mark}{layers.DRAWN}{review.number} {place}", tuple(box),
                           label=f"{name[:MOST_LABEL]}: {'missing' if review.verdict == MISSING else 'redrawn'}",
                           details=tuple(map(_words, target.said)))


def _words(review):
    return f"{review.reader}: {', '.join(each for each in (review.verdict, review.note) if each)}"


def show(room):
    """The panel for a `Room`."""
    problem = st.session_state.get(SAID) or room.problem
    if problem:
        st.html(charts.tag("div", charts.sentences([problem], "problems"), role="alert"))
    if room.problem and room.mark is None:
        return
    with st.container(key="review_panel", gap="xsmall"):
        _box_row(room)
        _level_row(room)
        _note_row(room)
        st.html(charts.sentences([HOW.format(room.purpose), *map(sentence, room.told())]))


def _box_row(room):
    with st.container(key="box_verdicts", horizontal=True, gap="xsmall", vertical_alignment="center"):
        name = room.box.name if room.box else "Box"
        st.html(charts.tag("span", name, class_="about"), width="content")
        for verdict, meaning in BOX_VERDICTS.items():
            redrawn = room.box is not None and room.box.side == "reader" and verdict == LOOSE  # by drawing it anew
            _verdict(room, "box", verdict, meaning, KEYS[verdict], disabled=room.box is None or redrawn)


def _level_row(room):
    cases = resources.cases(room.opened)[0]
    failures = judged.weighed(room.opened, room.settings)
    unknown = {"film": (failures.truth_boxes[room.row] < 0, not cases.predicted[room.row]),
               "study": (failures.truth_class[room.row] < 0, failures.predicted_class[room.row] < 0)}
    with st.container(key="level_verdicts", horizontal=True, gap="xsmall", vertical_alignment="center"):
        for level in ("film", "study"):
            st.html(charts.tag("span", level.capitalize(), class_="about"), width="content")
            for (verdict, meaning), missing in zip(LEVEL_VERDICTS.items(), unknown[level], strict=True):
                _verdict(room, level, verdict, meaning, FILM_KEYS[verdict] if level == "film" else None,
                         disabled=bool(missing))
        st.space("stretch")
        st.html(charts.tag("span", escape(_count(room)), class_="aside", role="status"), width="content")


def _verdict(room, level, verdict, meaning, key, disabled):
    """One button; pressed again it takes the verdict back."""
    own = room.own(level)
    stands = own is not None and own.verdict == verdict
    words = f"{meaning[:1].upper()}{meaning[1:]}{'. Press again to take it back' if stands else ''}"
    st.button(WORDS.get(verdict, verdict), key=f"say_{level}_{verdict}", type="primary" if stands else "secondary",
              disabled=disabled, help=f"{words}{f' (Shift+{key.upper()})' if key else ''}.",
              shortcut=f"Shift+{key}" if key else None, on_click=_save,
              args=(room, level, "" if stands else verdict, own.note if own else ""))


def _note_row(room):
    level = "box" if room.box else "film"
    own = room.own(level)
    about = room.box.name if room.box else "this film"
    # a new field for each target and each saved note, so that none shows another's text; a verdict leaves it in place
    key = f"note_{level}_{room.image.image_id}_{about}_{own.note if own else ''}"
    with st.container(key="review_note", horizontal=True, gap="xsmall"):
        st.text_input("Note", own.note if own else "", max_chars=MOST_NOTE, key=key, label_visibility="collapsed",
                      placeholder=f"Note on {about}; Enter saves it", on_change=_save_note, args=(room, level, key))
        if not first_read.is_on():  # which asks for it too
            readers.field()
        _hand_on(room)


def _count(room):
    """How much this reader has said, and of how many films anybody has said anything."""
    name = reviewed.reader()
    own = sum(each.reader == name for reviews in reviewed.standing(room.opened, room.mark).values() for each in reviews)
    films = sum(state != "open" for state in reviewed.states(room.opened, room.mark) or ())
    return f"{own:,} by {'you' if name == reviewed.NOBODY else name} · {films:,} film{'s' * (films != 1)} reviewed"


def _hand_on(room):
    """Undo, and the files."""
    last = reviewed.last(room.opened, room.mark, reviewed.reader())
    words = f"Take back: {charts.literal(sentence(last))}" if last else "You have said nothing yet."
    st.button("Undo", icon=":material/undo:", key="undo_review", disabled=last is None, shortcut=f"Shift+{UNDO_KEY}",
              help=f"{words} (Shift+{UNDO_KEY.upper()})", on_click=_undo, args=(last,))
    for kind, mime in (("csv", "text/csv"), ("json", "application/json")):
        st.download_button(kind.upper(), functools.partial(reviewed.exported, room.opened, room.mark, kind),
                           f"groundglass-reviews.{kind}", mime, key=f"reviews_{kind}", on_click=_note_export,
                           help=f"All verdicts of all readers on this data set, as {kind.upper()}.")


def _note_export():
    login.note_export("reviews")


def take(room, boxed):
    """Save what the reader has drawn on the film of the `Room` (`viewer.canvas.component.Boxed`, None for nothing)."""
    if boxed is not None and boxed.film_id == room.image.image_id:
        _try(lambda: reviewed.save(room.drawing(room.target(layers.owner(boxed.mark)), boxed.xyxy)))


def _save(room, level, verdict, note):
    _try(lambda: reviewed.save(room.review(level, verdict, note)))


def _save_note(room, level, key):
    own = room.own(level)
    _save(room, level, own.verdict if own else "", (st.session_state.get(key) or "").strip())


def _undo(review):
    _try(lambda: reviewed.undo(review))


def _try(act):
    """Do it, and keep the sentence of what was in the way for the panel."""
    st.session_state[SAID] = ""
    try:
        act()
    except BadReview as error:
        st.session_state[SAID] = str(error)
