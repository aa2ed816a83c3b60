"""What is drawn over a film: the layers that the reader has chosen, as the canvas takes them."""

import streamlit as st

from core import standing
from viewer import charts, judged, resources, state
from viewer.canvas.component import KINDS, Layer, Mark, canvas_state, told

MEMBER = " member "  # between the id of a detection and the number of a candidate that made it
DRAWN = " drawn "  # between the id of a box and the number of the review that says where it should be
MEMBERS = 8  # candidates of a picked detection that are drawn, the most confident ones
PILLS = "layers"  # in the session: the names of the layers that are shown
READERS = "readers"  # the kind of layer that is there whenever readers drew boxes, so that it needs no pill
KIND_OF = dict(zip(state.LAYERS, (kind for kind in KINDS if kind != READERS), strict=True))
GHOSTS, OF_SOURCE = 60, 8  # candidates drawn on a film, and boxes of one source, the most confident ones
ASKED = "layer asked for"  # in the session, for one run: a key has set the pills
KEYS = ", ".join(f"{each.key} {each.name}" for each in KINDS.values())
HELP = f"What is drawn over the film. Keys: {KEYS}; a hides and shows all of the AI."


def pills():
    """The layers to choose from, as pills; the kinds of those chosen."""
    first = None if st.session_state.pop(ASKED, False) else state.FIRST_LAYERS  # no default beside a value that is set
    names = st.pills("Layers", state.LAYERS, selection_mode="multi", default=first, key=PILLS,
                     bind="query-params", label_visibility="collapsed", help=HELP)
    return [KIND_OF[name] for name in names]


def drawn(opened, settings, row, found, kinds, picked=None):
    """The canvas's layers of those `kinds` for the film at `row`, whose `core.failures.Finding`s are `found`; with the
    candidates that made the detection whose mark is `picked`."""
    return (*_behind(opened, settings, row, kinds), *judged_layers(found, kinds),
            *members(opened, settings, row, found, picked))


def followed(opened, row, kinds=("truth", "detections"), picked=None):
    """What a canvas is told under other settings (for `viewer.live.address`): arguments as in `drawn`."""
    def of(settings):
        return told(drawn(opened, settings, row, judged.findings(opened, settings, row), kinds, picked))
    return of


def judged_layers(found, kinds=("truth", "detections")):
    """The layers of ground truth and of detections, as far as they are among `kinds`, for `core.failures.Finding`s."""
    return [Layer(kind, tuple(_mark(each) for each in found if each.truth == (kind == "truth")))
            for kind in ("truth", "detections") if kind in kinds]


def _behind(opened, settings, row, kinds):
    """The layers of what stands behind the detections of the film at `row`: raw candidates, and each source alone."""
    candidates, found = resources.cases(opened)[0].predictions.candidates, []
    if "candidates" in kinds:
        best, count = standing.raw_candidates(candidates, row, settings.fusion.sources, GHOSTS)
        words = f"{len(best)} most confident of {count:,} candidates" if len(best) < count else f"{count} candidates"
        found.append(Layer("candidates", _plain("c", best), words))
    if "sources" in kinds:
        answers = standing.source_answers(candidates, row, settings.fusion, settings.display, OF_SOURCE)
        found += [Layer("sources", _plain(f"s{number} ", each.boxes), each.source, number)
                  for number, each in enumerate(answers)]
    return found


def _plain(name, boxes):
    """Marks of `core.standing.Candidate`s, which nobody judged; their ids begin with `name`."""
    return tuple(Mark(f"{name}{place}", each.xyxy, confidence=each.score, details=(each.source,))
                 for place, each in enumerate(boxes))


def want(canvas):
    """What happens when the reader presses, on the canvas of that key, the key of a layer that is not chosen."""
    def add():
        if kind := canvas_state(canvas).wanted:
            st.session_state[PILLS] = [name for name in state.LAYERS
                                       if name in st.session_state.get(PILLS, ()) or KIND_OF[name] == kind]
            st.session_state[ASKED] = True
    return add


def _mark(finding):
    paired = finding.partner is not None and finding.verdict in ("TP", "")
    return Mark(mark_id(finding), finding.xyxy, finding.verdict, finding.confidence,
                pair=mark_of(not finding.truth, finding.partner) if paired else None, iou=finding.iou,
                details=tuple(each for each in (finding.kind, finding.reason) if each))


def mark_id(finding):
    """Id of the mark of a `core.failures.Finding`."""
    return mark_of(finding.truth, finding.row)


def mark_of(truth, row):
    """Id of the mark of a film's ground-truth box, or of its detection, counted from 0."""
    return f"{'t' if truth else 'd'}{row}"


def owner(mark):
    """Id of the box that a mark belongs to: itself, the detection whose member it is, or the box it was drawn for."""
    return mark and mark.split(MEMBER)[0].split(DRAWN)[0]


def members(opened, settings, row, found, mark):
    """A layer of the most confident candidates that made the picked detection, plain boxes; none without one."""
    one = next((each for each in found if not each.truth and mark_id(each) == mark), None)
    if one is None:
        return ()
    told = judged.provenance_of(opened, settings, row, one.row)
    return (Layer("detections", tuple(
        Mark(f"{mark}{MEMBER}{place}", each.xyxy, confidence=each.score, details=(
            f"{'began' if each.leader else 'belongs to'} {charts.box_name(one)}", each.source))
        for place, each in enumerate(told.members[:MEMBERS]))),)
