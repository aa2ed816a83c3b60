"""The competition's CSV (`id,PredictionString`), out and in.

Image rows hold `opacity p x_min y_min x_max y_max` for each detection and `none p 0 0 1 1`; study rows hold
`p 0 0 1 1` after each of the four classes. Numbers are written with as many digits as bring them back to the
last bit. It knows nothing of how an answer was made.
"""

import csv

import numpy as np
import pyarrow as pa

from core.errors import BadTable
from core.files import cell as literal_cell
from core.files import whole_file
from core.labels import STUDY_CLASSES
from core.scoring import Answer
from core.tables import BadCell, insist, read_boxes, read_id, read_table

COLUMNS = ("id", "PredictionString")
WHOLE = "0 0 1 1"  # the box of what is said of a whole image or study
NEUTRAL = {"image": f"none 0.5 {WHOLE}", "study": " ".join(f"{name} 0.25 {WHOLE}" for name in STUDY_CLASSES)}


def read_submission(path):
    """The `Answer` in the CSV at `path`, about the ids that it holds.

    Raises `BadTable` naming file, row and column for the first cell that breaks a rule: an id without
    `_image` or `_study` or given twice, words that do not come by six, an unknown class, a number that is not
    finite, a reversed box, `none` or a study class given twice or with another box than 0 0 1 1.
    """
    table = read_table(path, COLUMNS)
    films, studies, faults = {}, {}, list(table.faults)
    for position, (text, cell) in enumerate(table.records()):
        column = "id"
        try:
            level, each = _identified(text)
            rows = films if level == "image" else studies
            if each in rows:
                raise BadCell("occurs a second time, but each id must have one row: remove one")
            column = "PredictionString"
            rows[each] = _read_image(cell) if level == "image" else _read_study(cell)
        except BadCell as fault:
            faults.append(table.fault(position, column, fault))
    insist(faults)
    boxes = [np.zeros((0, 5)), *(boxes for boxes, _ in films.values())]
    offsets = np.cumsum([len(each) for each in boxes])
    boxes = np.concatenate(boxes)
    return Answer(tuple(films), tuple(studies), boxes[:, 1:].astype(np.float32), boxes[:, 0], offsets,
                  np.array([p_none for _, p_none in films.values()], np.float64),
                  np.array(list(studies.values()), np.float64).reshape(-1, len(STUDY_CLASSES)))


def _identified(text):
    """('image' or 'study', id) of the cell. Raises `BadCell`."""
    for level in ("image", "study"):
        if text.endswith(f"_{level}"):
            return level, read_id(text, level)
    raise BadCell("is no id, but must end in _image or _study: write it as the competition does")


def _read_image(cell):
    """Detections float64 [N,5] (score, box) by descending score, and p(none), NaN where it is not given."""
    named, numbers = read_boxes(cell, ("opacity", "none"))
    is_none = np.array([name == "none" for name in named], bool)
    detections = numbers[~is_none]
    return (detections[np.argsort(-detections[:, 0], kind="stable")],
            _of_whole("none", numbers[is_none]) if is_none.any() else np.nan)


def _read_study(cell):
    """Probability of each of `STUDY_CLASSES`, NaN where it is not given."""
    named, numbers = read_boxes(cell, STUDY_CLASSES)
    rows = {name: numbers[[each == name for each in named]] for name in set(named)}
    return [_of_whole(name, rows[name]) if name in rows else np.nan for name in STUDY_CLASSES]


def _of_whole(name, numbers):
    if len(numbers) > 1:
        raise BadCell(f"gives {name} {len(numbers)} times, but it can be said once: remove the others")
    if numbers[0, 1:].tolist() != [0, 0, 1, 1]:
        raise BadCell(f"gives {name} the box {numbers[0, 1:].tolist()}, but it is about the whole and takes "
                      f"{WHOLE}: mend it")
    return numbers[0, 0]


def read_sample(path):
    """The ids of the CSV at `path` in its order, as pairs of ('image' or 'study', id). Raises `BadTable`."""
    table = read_table(path, COLUMNS[:1])
    ids, faults = {}, list(table.faults)
    for position, text in enumerate(table.cells["id"]):
        try:
            pair = _identified(text)
            if pair in ids:
                raise BadCell("occurs a second time, but each id must have one row: remove one")
            ids[pair] = None
        except BadCell as fault:
            faults.append(table.fault(position, "id", fault))
    insist(faults)
    return tuple(ids)


def write_submission(path, answer, sample=None):
    """Write `answer` as CSV to `path`, one row for each of the pairs `sample` (see `read_sample`), else for
    its own.

    An id that the answer does not know gets the `NEUTRAL` words. Sentences on these, on ids left out and on
    rows without a word. Raises `BadTable` when the file cannot be written.
    """
    words = {("study", each): row for each, row in zip(answer.study_ids, _study_words(answer.study), strict=True)}
    words.update((("image", each), row) for each, row in zip(answer.image_ids, _image_words(answer), strict=True))
    sample = tuple(words) if sample is None else sample
    with whole_file(path, BadTable) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows((literal_cell(f"{each}_{level}"), words.get((level, each), NEUTRAL[level]))
                         for level, each in sample)
    unknown = [pair for pair in sample if pair not in words]
    outside, empty = words.keys() - set(sample), [pair for pair in sample if words.get(pair) == ""]
    remarks = []
    if unknown:
        remarks.append(f"{len(unknown)} ids such as {'_'.join(unknown[0][::-1])} are not predicted and say "
                       f"what no model said: {NEUTRAL['image']} or {NEUTRAL['study']}.")
    if outside:
        remarks.append(f"{len(outside)} predicted ids such as {'_'.join(min(outside)[::-1])} are not in the "
                       "sample and are left out.")
    if empty:
        remarks.append(f"{len(empty)} rows such as {'_'.join(empty[0][::-1])} are empty, because no model "
                       "answered.")
    return tuple(remarks)


def _image_words(answer):
    """The words of each image row."""
    columns = [_digits(answer.scores), *map(_digits, answer.boxes.T)]
    detections = [" ".join(("opacity", *row)) for row in zip(*columns, strict=True)]
    none = [[] if text == "nan" else [f"none {text} {WHOLE}"] for text in _digits(answer.p_none)]
    return [" ".join(detections[start:stop] + last) for start, stop, last in
            zip(answer.offsets[:-1], answer.offsets[1:], none, strict=True)]


def _study_words(study):
    """The words of each study row [S,4]."""
    return [" ".join(f"{name} {text} {WHOLE}" for name, text in zip(STUDY_CLASSES, row, strict=True) if text != "nan")
            for row in zip(*map(_digits, study.T), strict=True)]


def _digits(numbers):
    """The shortest text of each number [N] that reads back as the same float, as a list."""
    return pa.array(np.ascontiguousarray(numbers)).cast(pa.string()).to_pylist()
