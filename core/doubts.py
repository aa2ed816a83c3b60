"""Why a film may be none that the models know: a frontal chest radiograph, seen from what its header says of it.

Nothing is refused here, and what a header leaves out is not held against it.
"""

import re

from core.attributes import quiet, text, texts
from core.parsing import read_attributes
from core.tables import shown

TAGS = ("Modality", "BodyPartExamined", "ViewPosition", "PatientOrientation", "SeriesDescription", "ProtocolName",
        "StudyDescription", "Rows", "Columns")
RADIOGRAPHS = ("CR", "DX", "DR", "RG")  # PS3.3 C.7.3.1.1.1, and DR, which some makers write for DX
CHEST = re.compile(r"CHEST|THORA|TORAX|TÓRAX|LUNG|PULM|POUMON|PECHO|RIB|WHOLEBODY|ABDOMEN.*CHEST")
FRONTAL = re.compile(r"(?:^|[^A-Z])(?:PA|AP|FRONTAL|POSTERO.?ANTERIOR|ANTERO.?POSTERIOR)(?:$|[^A-Z])")
LATERAL = re.compile(r"(?:^|[^A-Z])(?:LAT|LATERAL|LL|RL|PROFIL|LATERO.?LATERAL)(?:$|[^A-Z])")
DESCRIPTIONS = ("SeriesDescription", "ProtocolName", "StudyDescription")
COMPUTED = re.compile(r"(?:^|[^A-Z])(?:SYNTHETIC|PHANTOM|SIMULAT)")
OF_ORIGIN = (*DESCRIPTIONS, "ManufacturerModelName", "ImageComments")
SMALLEST = 128  # pixels of a side


def header_doubts(path):
    """Sentences on what the header of the DICOM file `path` says against a frontal chest radiograph; () when nothing.

    Raises `UnreadableFilm`.
    """
    with quiet():
        dataset = read_attributes(path, TAGS, before_pixels=True)
        said = {name: text(dataset, name) for name in TAGS}
        orientation = texts(dataset, "PatientOrientation")
    sides = [int(said[name]) if said[name].isdigit() else 0 for name in ("Rows", "Columns")]
    return doubts_of(said, orientation, *sides)


def origin_of_synthetic(path):
    """What the header of the file `path` says of a film that was computed or is of a phantom; () for any other.

    No doubt by itself: it explains one. Raises `UnreadableFilm`.
    """
    with quiet():
        dataset = read_attributes(path, OF_ORIGIN, before_pixels=True)
        said = {name: text(dataset, name) for name in OF_ORIGIN}
    return tuple(f"{name} is {shown(words)}: the film is synthetic or of a phantom, and of no patient."
                 for name, words in said.items() if COMPUTED.search(words.upper()))[:1]


def doubts_of(said, orientation, rows, columns):
    """The sentences, from `said` (keyword -> text, "" unknown), the directions of Patient Orientation, and the sides.

    A side of 0 is unknown.
    """
    upper = {name: value.upper() for name, value in said.items()}
    found = []
    if upper["Modality"] and upper["Modality"] not in RADIOGRAPHS:
        found.append(f"Modality is {shown(said['Modality'])}, but a radiograph says {', '.join(RADIOGRAPHS[:2])}.")
    part = upper["BodyPartExamined"].replace(" ", "")
    if part and not CHEST.search(part):
        found.append(f"Body Part Examined is {shown(said['BodyPartExamined'])}, not the chest.")
    view = upper["ViewPosition"]
    if view and not FRONTAL.search(view):
        found.append(f"View Position is {shown(said['ViewPosition'])}, but PA or AP is frontal.")
    elif not view:
        found += [f"{name} is {shown(said[name])}, which tells of a lateral film." for name in DESCRIPTIONS
                  if LATERAL.search(upper[name]) and not FRONTAL.search(upper[name])][:1]
    if doubt := _orientation_doubt(orientation):
        found.append(doubt)
    if 0 < min(rows, columns) < SMALLEST:
        found.append(f"The picture has {columns} x {rows} pixels, but the models were trained on films of {SMALLEST} "
                     "and more on each side.")
    return tuple(found)


def _orientation_doubt(directions):
    """What the directions of rows and columns (PS3.3 C.7.6.1.1.1) say: frontal films run L or R, and F."""
    if len(directions) != 2 or not all(directions):
        return ""
    stated = "\\".join(directions)
    if directions[0][0] in "AP":
        return f"Patient Orientation is {shown(stated)}: its rows run between front and back, as in a lateral film."
    if directions[1][0] != "F" or directions[0][0] not in "LR":
        return f"Patient Orientation is {shown(stated)}: the film is turned, but the models know upright ones."
    return ""
