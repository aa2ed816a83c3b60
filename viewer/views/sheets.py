"""The worklist as a grid of films with their boxes, sheet by sheet."""

import streamlit as st

from core.gallery import within
from core.report import colour
from viewer import charts, judged, resources, state
from viewer.pictures import picture_url
from viewer.tiles.component import Shape, Tile, tiles

SIZE = 24  # films of a sheet
SIDE = 256  # pixels of a picture's longer side
NARROWEST = 124  # CSS pixels of a tile, of which two fit beside each other in the smallest window
TURNED = "sheet turned to"  # in the session: (ids, film, number of the sheet) that the reader has turned to
NUMBER = "sheet number"
LEGEND = "solid: AI, TP or FP · dashed: truth, FN if missed"


def films(opened, settings, ids, film_id):
    """The sheet of the films `ids` that holds the film that is open, or the one that the reader has turned to."""
    pages = -(-len(ids) // SIZE)
    turned = st.session_state.get(TURNED)
    if turned and turned[0] is ids and turned[1] == film_id and turned[2] < pages:
        page = turned[2]
    else:
        page = ids.index(film_id) // SIZE if film_id in ids else 0
    rows, layers = resources.row_of(opened), st.session_state.get("layers", state.LAYERS)
    with st.container(key="sheet"):
        tiles("sheet_tiles", [_tile(opened, settings, rows[each], each == film_id, layers)
                              for each in ids[page * SIZE:(page + 1) * SIZE]], state.show_film, least=NARROWEST)
    st.html(legend())
    if pages > 1:
        _pager(page, pages, lambda number: st.session_state.update({TURNED: (ids, film_id, number)}))


def _pager(page, pages, turn):
    """Buttons to the sheets beside, and a field for any other."""
    st.session_state[NUMBER] = page + 1
    with st.container(horizontal=True, key="pager", vertical_alignment="center", gap="small"):
        st.button("Previous sheet", icon=":material/chevron_left:", on_click=turn, args=(page - 1,), disabled=page < 1)
        st.number_input("Sheet", min_value=1, max_value=pages, step=1, key=NUMBER, label_visibility="collapsed",
                        on_change=lambda: turn(st.session_state[NUMBER] - 1))
        st.html(charts.tag("span", f"of {pages:,} sheets", class_="pages"), width="content")
        st.button("Next sheet", icon=":material/chevron_right:", on_click=turn, args=(page + 1,),
                  disabled=page + 1 >= pages)


def _tile(opened, settings, row, here, layers):
    cases, weighed = resources.cases(opened)[0], judged.weighed(opened, settings)
    image = cases.images[row]
    if problem := unseen(image, cases.refused):
        return Tile(image.image_id, "", 1.0, image.image_id, (_words(weighed, row),), (), problem, here)
    whole = (0, 0, image.width, image.height)
    shapes = tuple(shape(each, whole, each.verdict in ("FP", "FN")) for each in judged.findings(opened, settings, row)
                   if state.LAYERS[not each.truth] in layers)
    return Tile(image.image_id, picture_url(image.path, side=SIDE), image.width / image.height, image.image_id,
                (_words(weighed, row),), shapes, current=here)


def _words(weighed, row):
    """Labelled and predicted class, and the counts of its boxes."""
    truth, predicted = (charts.SHORT[int(codes[row])] for codes in (weighed.truth_class, weighed.predicted_class))
    counts = " ".join(f"{int(values[row])} {name}" for name, values in (("TP", weighed.tp), ("FP", weighed.fp),
                                                                        ("FN", weighed.fn)) if values[row] > 0)
    return " · ".join(each for each in (f"T {truth or '–'} AI {predicted or '–'}", counts) if each)


def unseen(image, refused=()):
    """Why there is no picture of a `core.dataset.Image`, "" where there is one; `refused` are ids of unreadable films.
    """
    if image.path is None:
        return "The film is not in the data set."
    return "" if image.width and image.image_id not in refused else "The film cannot be read."


def legend():
    """What lines and letters on the pictures mean."""
    return charts.tag("div", LEGEND, class_="legend")


def shape(finding, part, strong):
    """The `Shape` of a `core.failures.Finding` on a picture of this `part` (xyxy) of its film."""
    return Shape(within(finding.xyxy, part), colour(finding), finding.truth, strong, finding.verdict)
