"""Ground truth: the boxes of films and the class of studies, as the competition's two CSVs give them.

It knows nothing of films on disk; labels can be scored against where there are none.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import BadDataset, BadTable
from core.tables import BadCell, insist, read_boxes, read_id, read_table, shown

IMAGE_CSV, STUDY_CSV = "train_image_level.csv", "train_study_level.csv"
IMAGE_COLUMNS = ("id", "boxes", "label", "StudyInstanceUID")
STUDY_COLUMNS = ("id", "Negative for Pneumonia", "Typical Appearance", "Indeterminate Appearance",
                 "Atypical Appearance")
_MARKS = ("0", "1")
MOST_BOXES = 1000  # of one film; radiologists drew eight at most
SAME_BOX = 0.5  # pixels by which the columns boxes and label may differ
STUDY_CLASSES = ("negative", "typical", "indeterminate", "atypical")


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """Labels of F films and S studies; ids are text without the suffixes `_image` and `_study`.

    `image_study` int32 [F] indexes `study_ids` (-1: the study is not among them). The boxes of film f are
    `boxes[offsets[f]:offsets[f + 1]]`, float32 [G,4] xyxy in pixels of the original image as the label gives
    them, also where they reach beyond the image; `offsets` int64 [F+1]. `study_class` int8 [S] indexes
    `STUDY_CLASSES`, -1 where it is unknown. All arrays are read-only.
    """

    image_ids: tuple[str, ...]
    study_ids: tuple[str, ...]
    image_study: np.ndarray
    boxes: np.ndarray
    offsets: np.ndarray
    study_class: np.ndarray

    def __post_init__(self):
        films = len(self.image_ids)
        shapes = {"image_study": (np.int32, (films,)), "offsets": (np.int64, (films + 1,)),
                  "boxes": (np.float32, (len(self.boxes), 4)),
                  "study_class": (np.int8, (len(self.study_ids),))}
        for name, (dtype, shape) in shapes.items():
            array = np.asarray(getattr(self, name), dtype).view()
            if array.shape != shape:
                raise BadDataset(f"{name} has shape {array.shape}, but must be {shape}: use read_truth.")
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def boxes_of(self, film):
        """Boxes float32 [.,4] of the film at row `film`."""
        return self.boxes[self.offsets[film]:self.offsets[film + 1]]

    def subset(self, image_ids, study_ids):
        """The labels of these films and studies alone, in the order given.

        Raises `BadDataset` for an unknown id.
        """
        films, studies = _rows(self.image_ids, image_ids, "image"), _rows(self.study_ids, study_ids, "study")
        place = np.full(len(self.study_ids) + 1, -1, np.int32)  # the last entry answers for image_study -1
        place[studies] = np.arange(len(studies))
        counts = np.diff(self.offsets)[films]
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        rows = np.repeat(self.offsets[films] - offsets[:-1], counts) + np.arange(offsets[-1])
        return GroundTruth(tuple(image_ids), tuple(study_ids), place[self.image_study[films]],
                           self.boxes[rows], offsets, self.study_class[studies])


def _rows(known, wanted, level):
    row_of = {each: row for row, each in enumerate(known)}
    try:
        return np.array([row_of[each] for each in wanted], np.int64)
    except KeyError as missing:
        raise BadDataset(f"{level} id {missing.args[0]!r} has no label, but only labelled ids can be scored: "
                         f"leave it out, or add it to train_{level}_level.csv.") from None


@dataclass(frozen=True, eq=False)
class Labels:
    """What the two CSVs of a directory say.

    `truth` holds every row that is right (None when neither file can be read), `faults` a sentence for each
    that is not, `remarks` sentences about what does not fit together but leaves the labels usable. `image_rows`
    are the row numbers of the films of `truth` in their CSV.
    """

    truth: GroundTruth | None
    faults: tuple[str, ...]
    remarks: tuple[str, ...]
    image_rows: tuple[int, ...] = ()

    def strict(self):
        """`truth` when nothing is at fault. Raises `BadTable`: a score on broken labels would be a lie."""
        insist(self.faults, of_rows=self.truth is not None)
        return self.truth


def read_truth(root):
    """The labels of the directory `root`, from its CSVs alone.

    Raises `BadTable` for any fault in them and `BadDataset` when `root` is no directory.
    """
    return read_labels(root).strict()


def read_labels(root):
    """The `Labels` of the directory `root`: one bad row, or one bad file, never hides the others.

    Raises `BadDataset` when `root` is no directory.
    """
    root = Path(root)
    if not root.is_dir():
        raise BadDataset(f"{root} is no directory, but must hold the competition's files: name another one.")
    films, film_faults, remarks = _rows_of(root / IMAGE_CSV, IMAGE_COLUMNS, _read_films)
    studies, study_faults, _ = _rows_of(root / STUDY_CSV, STUDY_COLUMNS, _read_studies)
    faults = (*film_faults, *study_faults)
    if films is None and studies is None:
        return Labels(None, faults, ())
    unknown = sorted({study for study, _, _ in (films or {}).values()} - set(studies or {}))
    if unknown and studies is not None:
        remarks = [*remarks, f"{len(unknown)} studies of {IMAGE_CSV} such as {shown(unknown[0])} have no row "
                             f"in {STUDY_CSV}: their class is unknown and not scored."]
    rows = tuple(row for _, _, row in (films or {}).values())
    films = {image_id: (study, boxes) for image_id, (study, boxes, _) in (films or {}).items()}
    return Labels(_truth(films, studies or {}), faults, tuple(remarks), rows)


def _rows_of(path, columns, read):
    try:
        table = read_table(path, columns)
    except BadTable as error:
        return None, [str(error)], []
    rows, faults, remarks = read(table)
    return rows, [*table.faults, *faults], remarks


def _read_films(table):
    """image id -> (study id, boxes float32 [N,4], row number) of the right rows, faults, remarks."""
    films, faults, differing = {}, [], []
    for position, (text, listed, label, study_id) in enumerate(table.records()):
        column = "id"
        try:
            image_id = read_id(text, "image")
            _once(image_id, films)
            column = "StudyInstanceUID"
            if not study_id:
                raise BadCell("is empty, but must name the study: fill it in")
            column = "label"
            boxes = _label_boxes(label)
        except BadCell as fault:
            faults.append(table.fault(position, column, fault))
            continue
        films[image_id] = study_id, boxes, table.rows[position]
        if not _same(listed, boxes):
            differing.append(table.rows[position])
    remarks = [f"{table.name} row {differing[0]}, column boxes: {len(differing)} rows from there on give "
               "other boxes "
               "than the column label, which is used: mend the wrong one."] if differing else []
    return films, faults, remarks


def _read_studies(table):
    """study id -> row of `STUDY_CLASSES` of the right rows, faults, no remarks."""
    studies, faults = {}, []
    for position, (text, *marks) in enumerate(table.records()):
        column = "id"
        try:
            study_id = read_id(text, "study")
            _once(study_id, studies)
            wrong = [name for name, mark in zip(STUDY_COLUMNS[1:], marks, strict=True) if mark not in _MARKS]
            column = wrong[0] if wrong else STUDY_COLUMNS[-1]
            if wrong:
                raise BadCell("must be 0 or 1: mend it")
            if marks.count("1") != 1:
                raise BadCell(f"ends a row with {marks.count('1')} classes marked 1, but just one must be: "
                              "mend it")
        except BadCell as fault:
            faults.append(table.fault(position, column, fault))
            continue
        studies[study_id] = marks.index("1")
    return studies, faults, []


def _once(each, known):
    if each in known:
        raise BadCell("occurs a second time, but each id must have one row: remove one")


def _label_boxes(label):
    names, numbers = read_boxes(label, ("opacity", "none"))
    if len(names) > MOST_BOXES:
        raise BadCell(f"holds {len(names):,} boxes, but a film has {MOST_BOXES:,} opacities at most: mend it")
    if not names:
        raise BadCell("is empty, but must hold boxes or none 1 0 0 1 1: fill it in")
    if "none" in names:
        if len(names) > 1 or numbers[0, 1:].tolist() != [0, 0, 1, 1]:
            raise BadCell("must be just none 1 0 0 1 1 where there is no opacity: mend it")
        return np.zeros((0, 4), np.float32)
    boxes = numbers[:, 1:].astype(np.float32)
    if (boxes[:, 2:] <= boxes[:, :2]).any():
        raise BadCell("holds a box without area, which nothing can match: mend or remove it")
    return boxes


def _same(listed, boxes):
    """Whether the column `boxes`, a list of x, y, width and height, gives the same corners."""
    try:
        entries = json.loads(listed.replace("'", '"')) if listed.strip() else []
        names = "x", "y", "width", "height"
        sides = np.array([[entry[name] for name in names] for entry in entries], float)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return False
    sides = sides.reshape(-1, 4)
    corners = np.concatenate([sides[:, :2], sides[:, :2] + sides[:, 2:]], axis=1)
    return len(corners) == len(boxes) and bool((np.abs(corners - boxes) <= SAME_BOX).all())


def _truth(films, studies):
    study_ids = tuple(dict.fromkeys([*studies, *(study_id for study_id, _ in films.values())]))
    row_of = {study_id: row for row, study_id in enumerate(study_ids)}
    counts = [len(boxes) for _, boxes in films.values()]
    return GroundTruth(
        tuple(films), study_ids, np.array([row_of[study_id] for study_id, _ in films.values()], np.int32),
        np.concatenate([np.zeros((0, 4), np.float32), *(boxes for _, boxes in films.values())]),
        np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]),
        np.array([studies.get(study_id, -1) for study_id in study_ids], np.int8))
