"""PASCAL VOC's XML (Everingham et al. 2010, VOC development kit), out and in: Annotations/ID.xml for each film.

`bndbox` counts pixels from 1 and includes its last one: a box that reaches from edge x_min to edge x_max, the film's
edge being 0, is written as x_min + 1 to x_max. Detections carry `confidence`. ImageSets/Main/exported.txt lists the
files of the last export; where it is there, no others are read. It knows nothing of how boxes came about.
"""

from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

from core.boxed import file_name, gathered
from core.errors import BadExport
from core.files import plain_bytes, whole_file

FOLDER, LISTED = "Annotations", "ImageSets/Main/exported.txt"
MOST_BYTES = 16 * 2 ** 20  # of one file


def write_voc(directory, boxed, origin_lines):
    """Write `boxed` (`core.boxed.Boxed`) to Annotations/ in `directory`; the paths written.

    Files of an earlier export that are not among them are deleted.
    """
    directory = Path(directory)
    before = _listed(directory) or []
    written = [_write(directory / FOLDER / f"{file_name(film[0])}.xml", *film, origin_lines)
               for film in boxed.films()]
    with whole_file(directory / LISTED, BadExport) as temporary:
        temporary.write_text("".join(f"{place.stem}\n" for place in written), "utf-8")
    for old in set(before) - set(written):
        with suppress(OSError):  # it is no longer listed, so it is not read
            old.unlink()
    return [*written, directory / LISTED]


def _listed(directory):
    """The files that the last export lists, in its order; None where there is no list. Raises `BadExport`."""
    place = directory / LISTED
    try:
        stems = plain_bytes(place, MOST_BYTES).decode("utf-8").splitlines()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as failure:
        raise BadExport(f"{place} cannot be read ({str(failure)[:80]}), but lists the files of the export: delete it "
                        "to read every file.") from None
    if odd := [stem for stem in stems if file_name(stem) != stem]:
        raise BadExport(f"{place.name} lists {odd[0][:80]!r}, but names of files in {FOLDER} must stand there: mend "
                        "it.")
    return [directory / FOLDER / f"{stem}.xml" for stem in stems]


def _write(place, image_id, width, height, boxes, scores, origin_lines):
    root = ElementTree.Element("annotation")
    ElementTree.SubElement(root, "filename").text = f"{image_id}.dcm"
    source = ElementTree.SubElement(root, "source")
    ElementTree.SubElement(source, "annotation").text = " | ".join(origin_lines)
    size = ElementTree.SubElement(root, "size")
    for name, value in (("width", width), ("height", height), ("depth", 1)):
        ElementTree.SubElement(size, name).text = str(value)
    for row, (left, top, right, bottom) in enumerate(boxes.astype(float).tolist()):
        found = ElementTree.SubElement(root, "object")
        ElementTree.SubElement(found, "name").text = "opacity"
        if scores is not None:
            ElementTree.SubElement(found, "confidence").text = repr(float(scores[row]))
        corners = ElementTree.SubElement(found, "bndbox")
        for name, value in (("xmin", left + 1), ("ymin", top + 1), ("xmax", right), ("ymax", bottom)):
            ElementTree.SubElement(corners, name).text = repr(value)
    ElementTree.indent(root)
    with whole_file(place, BadExport) as temporary:
        temporary.write_bytes(ElementTree.tostring(root, "utf-8", xml_declaration=True))
    return place


def read_voc(directory):
    """`Boxed` of the XML files in `directory`/Annotations, of those alone that the last export lists where it did.

    Raises `BadExport` naming the file that breaks a rule.
    """
    places = _listed(Path(directory))
    if places is None:
        places = sorted((Path(directory) / FOLDER).glob("*.xml"))
    if not places:
        raise BadExport(f"{directory} holds no {FOLDER}/*.xml, but a VOC folder does: name another.")
    return gathered(_read(place) for place in places)


def _read(place):
    try:
        data = plain_bytes(place, MOST_BYTES)
        if b"<!DOCTYPE" in data.replace(b"\0", b""):  # in UTF-16, too
            raise ValueError("its document type is one that declares entities, or may")
        root = ElementTree.fromstring(data)
        boxes, scores = [], []
        for found in root.iter("object"):
            if found.findtext("name") == "opacity":
                left, top, right, bottom = (float(found.findtext(f"bndbox/{name}"))
                                            for name in ("xmin", "ymin", "xmax", "ymax"))
                boxes.append((left - 1, top - 1, right, bottom))
                scores.append(found.findtext("confidence"))
        if scores and len({score is None for score in scores}) > 1:
            raise ValueError("some boxes have a confidence and others none")
        given = None if not scores or scores[0] is None else [float(score) for score in scores]
        image_id = (root.findtext("filename") or place.name).rsplit(".", 1)[0]
        return image_id, int(root.findtext("size/width")), int(root.findtext("size/height")), boxes, given
    except (OSError, ValueError, TypeError, ElementTree.ParseError) as fault:
        raise BadExport(f"{place.name} breaks VOC's format ({str(fault)[:80]}), but filename, size and each object's "
                        "name and bndbox are needed: mend it.") from None
