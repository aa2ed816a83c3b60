"""COCO's JSON (cocodataset.org, "Data format": object detection), out and in: one file for all films.

`bbox` is [x, y, width, height] in pixels of the original image, the top left corner of the film being 0, 0. Detections
carry `score`. It knows nothing of how boxes came about.
"""

import json
from pathlib import Path

import numpy as np

from core.boxed import gathered
from core.errors import BadExport
from core.files import plain_bytes, whole_file

FILE = "coco.json"
MOST_BYTES = 64 * 2 ** 20  # of JSON, which becomes up to twenty times as much memory


def write_coco(directory, boxed, origin_lines, stamp):
    """Write `boxed` (`core.boxed.Boxed`) to coco.json in `directory`; the path written."""
    images, annotations = [], []
    for number, (image_id, width, height, boxes, scores) in enumerate(boxed.films(), start=1):
        images.append({"id": number, "file_name": f"{image_id}.dcm", "width": width, "height": height})
        for row, (left, top, right, bottom) in enumerate(boxes.astype(np.float64).tolist()):
            annotations.append({
                "id": len(annotations) + 1, "image_id": number, "category_id": 1, "iscrowd": 0,
                "bbox": [left, top, right - left, bottom - top], "area": (right - left) * (bottom - top),
                **({} if scores is None else {"score": float(scores[row])})})
    whole = {"info": {"description": " | ".join(origin_lines), **stamp}, "licenses": [],
             "categories": [{"id": 1, "name": "opacity"}], "images": images, "annotations": annotations}
    place = Path(directory) / FILE
    with whole_file(place, BadExport) as temporary:
        temporary.write_text(json.dumps(whole), "utf-8")
    return place


def read_coco(place):
    """`Boxed` of the file `place`, or of coco.json in it. Raises `BadExport` naming what breaks the format."""
    place = Path(place)
    place = place / FILE if place.is_dir() else place
    whole = _parsed(place)
    try:
        sizes = {each["id"]: (str(each["file_name"]).rsplit("/", 1)[-1].rsplit(".", 1)[0], int(each["width"]),
                              int(each["height"])) for each in whole["images"]}
        wanted = {each["id"] for each in whole["categories"] if each["name"] == "opacity"}
        found = {each: ([], []) for each in sizes}
        for each in whole["annotations"]:
            if each["category_id"] in wanted:
                left, top, width, height = map(float, each["bbox"])
                boxes, scores = found[each["image_id"]]
                boxes.append((left, top, left + width, top + height))
                scores.append(float(each["score"]) if "score" in each else None)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as fault:
        raise BadExport(f"{place.name} breaks COCO's format ({type(fault).__name__}: {str(fault)[:80]}), but images "
                        "need id, file_name, width and height, annotations image_id, category_id and bbox: mend it.") \
            from None
    if not wanted:
        raise BadExport(f"{place.name} has no category named opacity, but boxes of that class are read: name it so.")
    return gathered((*sizes[number], boxes, _scores(scores)) for number, (boxes, scores) in found.items())


def _parsed(place):
    try:
        return json.loads(plain_bytes(place, MOST_BYTES).decode("utf-8"))
    except OSError as failure:
        raise BadExport(f"{place} cannot be opened ({failure.strerror or failure}), but a COCO file is needed: name "
                        "another.") from None
    except (ValueError, RecursionError):
        raise BadExport(f"{place.name} is not JSON, but a COCO file is: name another.") from None


def _scores(scores):
    if not scores or None not in scores:
        return scores if scores else None
    if any(score is not None for score in scores):
        raise BadExport("some annotations of a film have a score and others none, but all must be detections or all "
                        "ground truth: separate them.")
    return None
