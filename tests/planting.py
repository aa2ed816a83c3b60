"""Mistakes of the diary planted into correct predictions, and predictions written to files unchecked, as the doctor's
tests need them."""

import json
from dataclasses import asdict, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.exhibits import read_exhibit
from core.labels import STUDY_CLASSES


def stacked(x_min, y_min, x_max, y_max):
    return np.stack([x_min, y_min, x_max, y_max], axis=1)


def as_sides(boxes, sides):
    x_min, y_min, x_max, y_max = boxes.T
    return stacked(x_min, y_min, x_max - x_min, y_max - y_min)


def as_centres(boxes, sides):
    x_min, y_min, x_max, y_max = boxes.T
    return stacked((x_min + x_max) / 2, (y_min + y_max) / 2, x_max - x_min, y_max - y_min)


def as_sums(boxes, sides):
    x_min, y_min, x_max, y_max = boxes.T
    return stacked(x_min, y_min, x_min + x_max, y_min + y_max)


def transposed(boxes, sides):
    return boxes[:, [1, 0, 3, 2]]


def mirrored(boxes, sides):
    x_min, y_min, x_max, y_max = boxes.T
    return stacked(sides[:, 0] - x_max, y_min, sides[:, 0] - x_min, y_max)


def other_side(boxes, sides):
    width, height = sides.T
    return boxes / np.tile(sides, 2) * stacked(height, width, height, width)


def in_frame(size):
    return lambda boxes, sides: boxes / np.tile(sides, 2) * size


def cut_in_half(boxes, sides):
    return np.minimum(boxes, np.tile(sides / 2, 2))


def padded(size):
    return lambda boxes, sides: boxes * (size / sides.max(axis=1, keepdims=True))


def centred(size):
    return lambda boxes, sides: padded(size)(boxes, sides) + np.tile(
        (size - padded(size)(sides, sides)) / 2, 2)


def cut_at(pixels):
    return lambda boxes, _: np.minimum(boxes, pixels)


def beyond(boxes, sides):
    return boxes + np.tile(sides, 2) * 0.3


def to_the_left(boxes, sides):
    return boxes - np.tile(sides * [0.4, 0], 2)


def twice(boxes, sides):
    return boxes * 2


def pushed(boxes, sides):
    return boxes + sides[:, :1] * [0, 0, 0.5, 0]


COORDINATES = {  # plant -> (mistake, how the boxes come to stand)
    "x, y, width, height": (1, as_sides), "transposed": (2, transposed), "cut in half": (3, cut_in_half),
    "moved beyond": (3, beyond), "twice as large": (3, twice), "right edge pushed out": (3, pushed),
    "mirrored": (4, mirrored), "other side": (5, other_side), "frame of 512": (6, in_frame(512)),
    "fractions": (6, in_frame(1)),
}
MORE = {  # the same mistakes made otherwise
    "moved to the left": (3, to_the_left), "frame of 256": (6, in_frame(256)), "padded to 512": (6, padded(512)),
    "in the middle of 512": (6, centred(512)), "centre, width, height": (1, as_centres), "sums": (1, as_sums),
    "half as large again": (3, lambda boxes, sides: boxes * 1.5),
}


def moved(exhibit, sides, *ways, views=None):
    """The exhibit whose boxes came to stand by each of `ways` in turn, of all sources or of those with a view in
    `views`."""
    boxes = exhibit.boxes.copy()
    mine = np.array([views is None or source.view in views for source in exhibit.sources])[exhibit.source]
    for way in ways:
        boxes[mine] = way(boxes[mine], sides[exhibit.film[mine]])
    return replace(exhibit, boxes=boxes)


def hard(exhibit):
    return replace(exhibit, p_none=np.round(exhibit.p_none), scores=np.round(exhibit.scores))


def hard_study(exhibit):
    best = exhibit.study.argmax(axis=2)[..., None] == np.arange(4)
    return replace(exhibit, study=best.astype(float))


def default_study(exhibit, share=1.0):
    study = exhibit.study.copy()
    study[:int(np.ceil(share * len(study)))] = [1, 0, 0, 0]
    return replace(exhibit, study=study)


def once_per_box(exhibit, counts):
    """Each film's detections as often as it has boxes, `counts` [F], at least once."""
    times = np.maximum(1, counts)[exhibit.film]
    return exhibit.rows(np.repeat(np.arange(len(times)), times))


def skipped(exhibit, least):
    return exhibit.rows(exhibit.scores >= least)


def without(exhibit, films):
    """The exhibit whose `films` (rows) have no boxes."""
    return exhibit.rows(~np.isin(exhibit.film, films))


def shuffled(exhibit, seed=0):
    """The exhibit whose detections stand in any order inside their films."""
    return exhibit.rows(np.lexsort((np.random.default_rng(seed).random(len(exhibit.film)), exhibit.film)))


def filed(place, exhibit):
    """The exhibit written to `place` as it stands, and read again."""
    place.mkdir(parents=True, exist_ok=True)
    if exhibit.is_csv:
        path = place / "answer.csv"
        path.write_text("id,PredictionString\n" + "\n".join(_csv_rows(exhibit)) + "\n")
        return read_exhibit(path)
    sources = [source.name for source in exhibit.sources]
    numbers = zip(("x_min", "y_min", "x_max", "y_max", "score"), (*exhibit.boxes.T, exhibit.scores), strict=True)
    columns = {"image_id": [exhibit.image_ids[row] for row in exhibit.film],
               "source": [sources[row] for row in exhibit.source], **dict(numbers)}
    pq.write_table(pa.table(columns), place / "candidates.parquet")
    _dense(place / "opacity.parquet", "image_id", exhibit.image_ids, exhibit.opacity_sources,
           {"probability": 1 - exhibit.p_none})
    _dense(place / "study.parquet", "study_id", exhibit.study_ids, exhibit.study_sources,
           {name: exhibit.study[..., at] for at, name in enumerate(STUDY_CLASSES)})
    groups = {"candidates": exhibit.sources, "opacity": exhibit.opacity_sources, "study": exhibit.study_sources}
    manifest = {**exhibit.manifest, "format": 1, "image_ids": exhibit.image_ids, "study_ids": exhibit.study_ids,
                "files": {part: f"{part}.parquet" for part in groups},
                "sources": {part: [asdict(source) for source in group] for part, group in groups.items()}}
    (place / "manifest.json").write_text(json.dumps(manifest))
    return read_exhibit(place)


def _dense(path, level, ids, sources, values):
    rows = [(row, at) for row in range(len(ids)) for at in range(len(sources))]
    pq.write_table(pa.table({level: pa.array([ids[row] for row, _ in rows], pa.string()),
                             "source": pa.array([sources[at].name for _, at in rows], pa.string()),
                             **{name: each[:, :len(sources)].reshape(-1) for name, each in values.items()}}), path)


def _csv_rows(exhibit):
    for row, study_id in enumerate(exhibit.study_ids):
        said = zip(STUDY_CLASSES, exhibit.study[row].mean(axis=0), strict=True)
        yield f"{study_id}_study," + " ".join(f"{name} {p} 0 0 1 1" for name, p in said)
    for row, image_id in enumerate(exhibit.image_ids):
        mine = np.flatnonzero(exhibit.film == row)
        words = [f"opacity {score} {' '.join(map(str, box))}" for score, box in
                 zip(exhibit.scores[mine].tolist(), exhibit.boxes[mine].tolist(), strict=True)]
        yield f"{image_id}_image," + " ".join([*words, f"none {exhibit.p_none[row].mean()} 0 0 1 1"])
