"""The tab Review: what the reader says of the picked box, the film and the study, saved at once."""

import functools
from dataclasses import replace
from html import escape

import streamlit as st

from core.errors import BadReview
from core.labels import STUDY_CLASSES
from core.reviews import BOX_VERDICTS, LEVEL_VERDICTS, MOST_NOTE, Review
from core.reviews_told import sentence
from viewer import charts, judged, login, resources, reviewed
from viewer.views import first_read, layers, readers

TAB = "Review"
SAID = "review said"  # in the session: the sentence on a verdict that could not be saved
WORDS = {"truth too tight or loose": "too tight or loose", "agree with truth": "truth right",
         "agree with model": "model right"}  # on the buttons
KEYS = {"true finding": "t", "false": "f", "truth missing": "m", "truth too tight or loose": "l", "device": "d",
        "skin fold": "k", "scapula": "p", "heart": "h", "other": "o"}  # with Shift
FILM_KEYS = {"agree with truth": "g", "agree with model": "a"}
UNDO_KEY = "u"


class Room:
    """What there is to say of one film of what is open: its findings, and what stands of it.

    `problem` is the sentence on reviews that cannot be read. `box` is the finding that the reader has picked, or None.
    """

    def __init__(self, opened, settings, row, found, box=None):
        self.opened, self.settings, self.found, self.box = opened, settings, found, box
        self.row, self.image = row, resources.cases(opened)[0].images[row]
        self.stamp, self.problem, self.mark = reviewed.seen(opened, settings), "", None
        try:
            self.mark = reviewed.mark(opened)
            self.of_film, self.of_study = reviewed.said_of(opened, self.mark, self.image.image_id, self.image.study_id)
        except BadReview as error:
            self.of_film, self.of_study, self.problem = (), (), str(error)
        self.of_boxes = reviewed.by_box(self.of_film, found, self.stamp)

    def own(self, level):
        """What this reader says of the picked box ("box"), the film or the study, None for nothing."""
        reviews = {"film": [each for each in self.of_film if each.level == "film"], "study": self.of_study,
                   "box": self.of_boxes[self.found.index(self.box)] if self.box else ()}[level]
        return next((each for each in reversed(reviews) if each.reader == reviewed.reader()), None)

    def others(self):
        """What the other readers say of the picked box, the film and the study."""
        about = [*(self.of_boxes[self.found.index(self.box)] if self.box else ()),
                 *(each for each in self.of_film if each.level == "film"), *self.of_study]
        return [each for each in about if each.reader != reviewed.reader()]

    def review(self, level, verdict, note):
        """The `Review` with which the reader says this. Raises `BadReview`."""
        about = {"side": "truth" if self.box.truth else "detection", "box": self.box.xyxy} if level == "box" else {}
        target = self.image.study_id if level == "study" else self.image.image_id
        return Review(reviewed.reader(), resources.data_set(self.opened).name, level, target, verdict, note,
                      instead=self._instead(level, verdict), stamp=self.stamp, **about)

    def _instead(self, level, verdict):
        """What should stand in the label's place: what the model says, or the detection on a box that is off."""
        if verdict == "agree with model" and level == "film":
            return [each.xyxy for each in self.found if not each.truth]
        if verdict == "agree with model":
            predicted = int(judged.weighed(self.opened, self.settings).predicted_class[self.row])
            return STUDY_CLASSES[predicted] if predicted >= 0 else None
        if verdict == "truth too tight or loose" and self.box.truth:
            near = [each for each in self.found if not each.truth and each.partner == self.box.row]
            best = max(near, key=lambda each: each.iou, default=None)
            return None if best is None else [best.xyxy]
        return None


def noted(drawn, room):
    """The canvas's layers `drawn`, whose marks say on hover what readers said of their boxes in the `Room`."""
    said = {layers.mark_id(finding): tuple(_words(each) for each in about)
            for finding, about in zip(room.found, room.of_boxes, strict=True) if about}
    return [replace(layer, marks=tuple(replace(mark, details=(*mark.details, *said.get(mark.id, ())))
                                       for mark in layer.marks)) for layer in drawn]


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
        if others := room.others():
            st.html(charts.sentences([sentence(each) for each in others]))


def _box_row(room):
    with st.container(key="box_verdicts", horizontal=True, gap="xsmall", vertical_alignment="center"):
        name = charts.box_name(room.box) if room.box else "Box"
        st.html(charts.tag("span", name, class_="about"), width="content")
        for verdict, meaning in BOX_VERDICTS.items():
            _verdict(room, "box", verdict, meaning, KEYS[verdict], disabled=room.box is None)


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
    about = charts.box_name(room.box) if room.box else "this film"
    # a new field for each target and each saved note, so that none shows another's text
    key = f"note_{level}_{room.image.image_id}_{about}_{own and own.number}"
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
