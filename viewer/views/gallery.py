"""The gallery: every missed box, false positive or localisation error as a crop, and the zones they lie in."""

import streamlit as st

from core.gallery import ORDERS, SETS, chosen, records, surroundings
from core.kinds import CODES, KINDS
from core.zones import ZONES
from viewer import charts, judged, plots, resources, state, tuning
from viewer.pictures import picture_url
from viewer.tiles.component import Tile, tiles
from viewer.views import explain, film, frame, layers, sheets

PAGE = 24  # crops at a time
AT = "gallery page"  # in the session: which of the pages, from 0, and of what
OPENED = "gallery opened"  # in the session: the reader has opened a crop
SIDE = 288  # pixels of a crop


def page():
    """Lay out the page: what is wanted on the left, the crops on the right."""
    if st.session_state.pop(OPENED, False):
        frame.go(0)
    if (found := frame.open_cases()) is None:
        return
    opened, _, cases, problem = found
    if not cases.films:
        frame.nothing(problem or "A gallery needs labelled films with predictions: name --data and --predictions.")
        return
    settings = tuning.settings(cases.predictions)
    told = judged.gallery_of(opened, settings)
    with st.container(key="tune", horizontal=True):
        left, right = st.container(key="tune_settings"), st.container(key="tune_result")
    with left:
        which, order, kinds, zones = _wanted(told)
        _zones(told)
    rows = chosen(told, which, order, kinds, zones)
    with right:
        _crops(opened, settings, told, rows, (which, order, kinds, zones))
        explain.export(opened, settings, lambda: records(told, rows, cases.images), which.replace(" ", "-"),
                       ({"display": settings.display},))


def _wanted(told):
    """(which of SETS, which of ORDERS, kinds, zones) as the reader chooses them."""
    _remember("gallery_set", SETS, "missed")
    which = st.segmented_control("Gallery", list(SETS), required=True, key="gallery_set", width="stretch")
    st.html(charts.sentences([f"{which}: {SETS[which]}."]))
    _remember("gallery_order", ORDERS, "cost")
    order = st.selectbox("Order by", list(ORDERS), key="gallery_order",
                         help="; ".join(f"{name}: {meaning}" for name, meaning in ORDERS.items()) + ".")
    present = {int(code) for code in told.kind[chosen(told, which)]}
    kinds = st.pills("Kind of failure", [name for name in KINDS if CODES[name] in present], selection_mode="multi",
                     key=f"gallery_kinds {which}", help="Only these kinds; none chosen means all.")
    zones = st.pills("Zone", ZONES, selection_mode="multi", key="gallery_zones",
                     help="Where the middle of the box lies, as shares of the film: no lung is segmented. Right is the "
                          "patient's. None chosen means all.")
    return which, order, tuple(kinds), tuple(zones)


def _remember(key, options, first):
    """Let the widget `key` begin with what the address says, and stay as it was when the reader comes back.

    It is not bound to the address: from a page with such a widget Streamlit goes to no other by itself.
    """
    named = st.session_state.get(key, st.session_state.get(f"{key} kept", st.query_params.get(key)))
    st.session_state[key] = st.session_state[f"{key} kept"] = named if named in options else first


def _zones(told):
    wrong = told.kind >= 0
    st.html(charts.heading("Where they lie", "the film, as it is looked at"))
    st.plotly_chart(plots.zone_map(told.middle[told.truth & wrong], told.middle[~told.truth & wrong]), key="zone_map",
                    on_select=_keep_zone, selection_mode="points", config={"displayModeBar": False})
    st.html(charts.sentences(["A click on a zone keeps its crops alone."]))
    st.html(charts.plain_table(("zone", "boxes", "missed", "of them", "FP"), [
        (each.zone, str(each.truth), str(each.missed),
         "–" if each.miss_rate is None else f"{each.miss_rate:.0%}", str(each.false_positives))
        for each in told.zones()], "Boxes, misses and false positives of each zone"))


def _keep_zone():
    """The reader has clicked a zone of the map."""
    points = st.session_state["zone_map"]["selection"]["points"]
    if points:
        st.session_state["gallery_zones"] = [points[0]["customdata"]]


def _crops(opened, settings, told, rows, asked):
    """A page of crops and the way to the others; another choice begins at the first."""
    pages = max(1, -(-len(rows) // PAGE))
    at, of = st.session_state.get(AT, (0, asked))
    at = min(at, pages - 1) if of == asked else 0
    with st.container(horizontal=True, key="gallery_bar", vertical_alignment="center"):
        st.html(charts.heading(f"{len(rows):,} boxes", f"{at * PAGE + bool(len(rows)):,} to "
                                                       f"{min(len(rows), (at + 1) * PAGE):,}"))
        for label, icon, by, key in (("Previous", "chevron_left", -1, "p"), ("Next", "chevron_right", 1, "n")):
            st.button(label, icon=f":material/{icon}:", on_click=_turn, args=(at + by, asked), shortcut=key,
                      disabled=not 0 <= at + by < pages)
    if not len(rows):
        st.html(charts.sentences(["No box fits: widen the choice of kinds or zones."]))
        return
    st.html(sheets.legend())
    shown = rows[at * PAGE:(at + 1) * PAGE]
    tiles("gallery", [_tile(opened, settings, told, row) for row in shown], lambda name: _open(opened, told, name))


def _turn(at, asked):
    st.session_state[AT] = at, asked


def _open(opened, told, name):
    row = int(name)
    film_id = resources.cases(opened)[0].images[told.film[row]].image_id
    state.show_film(film_id)
    st.session_state[film.PICK] = film_id, layers.mark_of(told.truth[row], int(told.row[row]))
    st.session_state[OPENED] = True


def _tile(opened, settings, told, row):
    """The crop around the box at `row` of the gallery, with all boxes that reach into it."""
    film, box = int(told.film[row]), told.boxes[row].tolist()
    image = resources.cases(opened)[0].images[film]
    title = f"{'FN' if told.truth[row] else 'FP'} {image.image_id}"
    if problem := sheets.unseen(image):
        return Tile(str(row), "", 1.0, title, (), (), problem)
    part = surroundings(box, image.width, image.height)
    own = told.truth[row], int(told.row[row])
    shapes = [sheets.shape(each, part, (each.truth, each.row) == own)
              for each in judged.findings(opened, settings, film)]
    numbers = [f"{word} {value:.2f}" for word, value in (("conf", told.confidence[row]), ("IoU", told.iou[row]))
               if value == value and value > 0]
    lines = (list(KINDS)[told.kind[row]], ", ".join(numbers), f"cost {1000 * told.cost[row]:.2f}")
    return Tile(str(row), picture_url(image.path, part, SIDE), (part[2] - part[0]) / (part[3] - part[1]), title, lines,
                tuple(shapes))
