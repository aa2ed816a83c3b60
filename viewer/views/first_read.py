"""The blinded first read: truth and AI stay on the server until the reader has marked boxes and chosen a class.

While a film is hidden nothing of it but its pixels and ids is sent to the browser. Reads are kept under the name that
the reader gives, in the database of the reviews, and handed on as CSV and JSON; those of films that readers bring
themselves go with the session.
"""

import time
from datetime import UTC, datetime

import streamlit as st

from core.errors import BadReview, BadSettings
from core.first_reads import FirstRead, judged, records, tally
from core.first_reads_store import FirstReadStore
from core.labels import STUDY_CLASSES
from core.origins import origin_of
from core.reviews_store import default_place
from viewer import charts, resources, reviewed, state
from viewer import judged as verdicts
from viewer.canvas.component import Drawing, canvas_state
from viewer.views import explain, readers

BLIND = "blind"  # key of the switch
READS = "first reads"  # in the session: (data directory, film) -> `FirstRead`
DRAWN = "first read drawn"  # in the session: (data directory, film) -> boxes drawn so far
CLOCK = "first read clock"  # in the session: (film on show, since when)
SPENT = "first read spent"  # in the session: (data directory, film) -> seconds it was on show before
SAID = "first read said"  # in the session: what was not possible
OF = "first reads of"  # in the session: (data directory, database, reader) whose reads are in it
SWITCH = ("Hides truth and AI of each film until you have marked what you see and chosen the study's class; then they "
          "are shown beside your boxes.")
RULE = "A box hits as the metric says: an IoU above .5 with a ground-truth box that none of your boxes hit before."


def is_on():
    """Whether the reader reads blinded."""
    return bool(st.session_state.get(BLIND, st.query_params.get(BLIND) == "true"))


def hides(film_id):
    """Whether truth and AI of this film must not reach the browser."""
    return is_on() and _key(film_id) not in _kept(READS)


def is_read(film_id):
    """Whether the reader has read this film."""
    return _key(film_id) in _kept(READS)


def _key(film_id):
    return state.place().data, film_id


def _kept(name):
    return st.session_state.setdefault(name, {})


def switch(opened):
    """The switch between reading blinded and seeing all; who reads blinded says who reads."""
    st.toggle("Blinded first read", key=BLIND, bind="query-params", help=SWITCH)
    if is_on():
        readers.field()
        _recall(opened)


@st.cache_resource(show_spinner=False)
def _store(place):
    return FirstReadStore(place)


def _recall(opened):
    """Bring back what this reader has read before, once for each name and data set."""
    wanted = opened.data, default_place(), reviewed.reader()
    if st.session_state.get(OF) == wanted or state.own_on_show():
        return
    try:
        found = _store(wanted[1]).rows(reviewed.held(opened), wanted[2])
    except BadReview as error:
        found, st.session_state[SAID] = (), str(error)
    st.session_state.update({OF: wanted, READS: {(opened.data, each.image_id): each for each in found}})


def drawing(film_id, cases, row):
    """The canvas's `Drawing` for a film: the boxes so far, or those of its read with their verdicts; None unblinded."""
    if not is_on():
        return None
    read = _kept(READS).get(_key(film_id))
    if read is None:
        _tick(film_id)
        return Drawing(_kept(DRAWN).get(_key(film_id), ()))
    verdict = judged(cases, row, read)
    words = ("yours",) * len(read.boxes) if verdict.hits is None else tuple(
        f"yours: {'hit' if hit else 'no hit'}, IoU {iou:.2f}"
        for hit, iou in zip(verdict.hits, verdict.iou, strict=True))
    return Drawing(read.boxes, words, fixed=True)


def heed(canvas):
    """Keep what the reader has just drawn; for the callback of the canvas of this key."""
    if (drawn := canvas_state(canvas).drawn) is not None and hides(drawn[0]):
        _kept(DRAWN)[_key(drawn[0])] = drawn[1]


def _tick(film_id):
    """Let the clock of this film run, and keep what the one before has had."""
    before, since = st.session_state.get(CLOCK, (None, 0.0))
    if before != film_id:
        if before is not None:
            _kept(SPENT)[_key(before)] = _kept(SPENT).get(_key(before), 0.0) + time.monotonic() - since
        st.session_state[CLOCK] = film_id, time.monotonic()


def panel(opened, settings, film_id):
    """Beside the film: what is asked for while it is hidden, then how the read came out and all reads so far."""
    row = resources.row_of(opened).get(film_id)
    if row is None:
        return
    if said := st.session_state.pop(SAID, ""):
        st.html(charts.sentences([said], "problems"))
    if hides(film_id):
        _ask(opened, film_id)
    else:
        _outcome(opened, settings, row, _kept(READS)[_key(film_id)])
    if _reads(opened):
        _tally(opened, settings)


def _ask(opened, film_id):
    boxes = _kept(DRAWN).get(_key(film_id), ())
    st.html(charts.heading("Your first read", f"{len(boxes)} box{'es' * (len(boxes) != 1)} marked"))
    st.html(charts.sentences(["Mark each opacity by left drag on the film (key x: window instead; Delete removes a "
                              "box); then choose the study's class. Truth and AI stay hidden until you reveal them."]))
    none = st.checkbox("No opacity on this film", key=f"first none {film_id}", disabled=bool(boxes))
    chosen = st.pills("Study class", STUDY_CLASSES, key=f"first class {film_id}")
    ready = bool(chosen) and bool(boxes or none)
    st.button("Reveal", type="primary", disabled=not ready, on_click=_commit, args=(opened, film_id), width="stretch",
              help=None if ready else "Mark a box, or say that there is none, and choose a class.")


def _commit(opened, film_id):
    """Take and save the read of this film as it stands; from here on it is revealed and cannot be changed."""
    before, since = st.session_state.get(CLOCK, (film_id, time.monotonic()))
    seconds = _kept(SPENT).get(_key(film_id), 0.0) + (time.monotonic() - since if before == film_id else 0.0)
    boxes = _kept(DRAWN).get(_key(film_id), ())
    try:
        read = FirstRead(film_id, boxes, st.session_state.get(f"first class {film_id}") or "", seconds,
                         reviewed.reader(), datetime.now(UTC).isoformat(timespec="seconds"))
        if not state.own_on_show():
            image = resources.cases(opened)[0].images[resources.row_of(opened)[film_id]]
            _store(default_place()).save(resources.data_set(opened).name, read, origin_of(image))
    except (BadSettings, BadReview) as error:  # the film stays hidden, so that the read can be taken again
        st.session_state[SAID] = str(error)
    else:
        _kept(READS)[_key(film_id)], st.session_state[CLOCK] = read, (None, 0.0)


def _outcome(opened, settings, row, read):
    verdict, weighed = judged(resources.cases(opened)[0], row, read), verdicts.weighed(opened, settings)
    st.html(charts.heading("Your first read", f"{read.seconds:.0f} s"))
    rows = []
    if verdict.hits is not None:
        count = int(weighed.truth_boxes[row])
        model = [str(int(each[row])) if each[row] >= 0 else "–" for each in (weighed.tp, weighed.fp, weighed.fn)]
        rows = [("hits", f"{verdict.found} of {count}", model[0]), ("no hit", str(verdict.false_positives), model[1]),
                ("missed", str(verdict.missed), model[2])]
    short = (*charts.SHORT[:4], "–")
    rows.append(("class", f"{read.study_class[:3]}{_sign(verdict.right)}", short[int(weighed.predicted_class[row])]))
    rows.append(("labelled", short[int(weighed.truth_class[row])], ""))
    st.html(charts.plain_table(("", "you", "AI"), rows, "Your read of this film beside the model's answer"))


def _sign(right):
    return "" if right is None else ", right" if right else ", wrong"


def _reads(opened):
    return [read for (data, _), read in _kept(READS).items() if data == opened.data]


def _tally(opened, settings):
    """The reader's point beside the model's on the same films, and all reads to be saved."""
    cases, reads = resources.cases(opened)[0], _reads(opened)
    found = tally(cases, reads, verdicts.weighed(opened, settings))
    st.html(charts.heading(f"Your reads: {len(reads):,}",
                           f"{found.boxes} boxes on {found.films} film{'s' * (found.films != 1)}"))
    points = (found.reader, found.model)
    st.html(charts.plain_table(("", "you", "AI"), [
        ("sensitivity", *(_number(each.sensitivity) for each in points)),
        ("FP per film", *(_number(each.false_positives) for each in points)),
        ("class right", *(_number(each.right) for each in points)),
        ("median time", "–" if found.seconds is None else f"{found.seconds:.0f} s", "")],
        f"Your FROC point and the model's at confidence {settings.display:.2f}, on the films that you have read"))
    st.html(charts.sentences([RULE, f"AI is shown at a confidence of {settings.display:.2f}, on the same films."]))
    explain.export(opened, settings, lambda: records(cases, reads), "reads", ({"display": settings.display},))


def _number(value):
    return "–" if value is None else f"{value:.2f}"
