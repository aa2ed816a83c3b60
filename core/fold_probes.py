"""The probe for folds (11): images, studies, patients and near-identical films that sit in two folds.

A fold is where a film is held out; whatever sits in two folds was trained on where it is scored. This module knows
nothing of what was predicted.
"""

import json
import re
from collections import defaultdict
from pathlib import Path

import numpy as np

from core.errors import BadTable
from core.exploration import ALIKE, near_duplicates
from core.findings import fault, mistake
from core.tables import BadCell, cells_of, read_lines, shown

FOLD_NAMES = ("fold", "kfold", "k_fold", "fold_id", "fold_number", "folds", "cv_fold", "cv", "split", "set", "group")
ID_NAMES = ("id", "image_id", "imageid", "image", "sopinstanceuid", "uid", "study_id", "studyid", "study",
            "studyinstanceuid", "filename", "file", "path", "name")
_END = re.compile(r"\.(dcm|png|jpe?g|npy)$", re.IGNORECASE)


def read_folds(path):
    """Rows (id, fold) of the file at `path`, text, as often as they stand there, and sentences on rows that are wrong.

    A CSV (commas, semicolons, tabs or blanks) with a column of ids of images or studies and one of folds, with or
    without a header; or JSON, id -> fold or fold -> list of ids. Raises `BadTable` when no row is right.
    """
    path = Path(path)
    lines = read_lines(path)
    first = next((line for line in lines if line.strip()), "")
    rows, faults = (_from_json if first.lstrip()[:1] == "{" else _from_table)(path.name, lines)
    if not rows:
        raise BadTable(f"{path} holds no id with a fold, but must name a fold for each image or study: write a CSV "
                       "with the columns id and fold.", faults)
    return [(_bare(each), fold.strip()) for each, fold in rows], tuple(faults)


def _bare(text):
    return _END.sub("", text.strip().rpartition("/")[2]).removesuffix("_image").removesuffix("_study")


def _from_json(name, lines):
    try:
        told = json.loads("\n".join(lines))
    except (ValueError, RecursionError) as error:
        return [], [f"{name} begins like JSON, but is none ({str(error)[:80]}): write it anew."]
    rows, faults = [], []
    for key, each in told.items():
        for one in each if isinstance(each, list) else [each]:
            row = (str(one), key) if isinstance(each, list) else (key, str(one))
            if isinstance(one, str | int | float) and all(part.strip() for part in row):
                rows.append(row)
            else:
                faults.append(f"{name} key {shown(key)}: {shown(str(one))} must be an id or a fold, text or number: "
                              "mend it.")
    return rows, faults


def _from_table(name, lines):
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    separator = next((each for each in ",;\t" if numbered and each in numbered[0][1]), None)
    columns, rows, faults = None, [], []
    for number, line in numbered:
        try:
            cells = cells_of(line, separator) if separator else line.split()
            if columns is None:
                columns, is_header = _columns([cell.strip().lower() for cell in cells])
                if is_header:
                    continue
            if len(cells) <= max(columns) or not all(cells[place].strip() for place in columns):
                raise BadCell("must hold an id and a fold: mend the row")
        except BadCell as fault:
            faults.append(f"{name} row {number}, column fold: {shown(line)} {fault}.")
            continue
        rows.append(tuple(cells[place] for place in columns))
    return rows, faults


def _columns(head):
    """Places of the id and the fold in a first row `head`, and whether it is a header."""
    fold = next((head.index(name) for name in FOLD_NAMES if name in head), None)
    named = next((head.index(name) for name in ID_NAMES if name in head), None)
    is_header, fold = fold is not None, len(head) - 1 if fold is None else fold
    named = (0 if fold else 1) if named is None else named
    return (named, fold), is_header


def folds_of_sources(exhibit):
    """Rows (image id, fold) as the sources of an `core.exhibits.Exhibit` name them; [] unless each film has one."""
    told = defaultdict(set)
    for film, source in {*zip(exhibit.film.tolist(), exhibit.source.tolist(), strict=True)}:
        told[exhibit.image_ids[film]].add(exhibit.sources[source].fold)
    single = all(len(folds) == 1 for folds in told.values())
    return [(image_id, *folds) for image_id, folds in told.items()] if single else []


def probe_folds(rows, dataset, pictures=None):
    """Findings on folds given as `rows` (id, fold) for a `core.dataset.Dataset`.

    `pictures` of a list of images (`core.dataset.Image`) gives image id -> uint8 [S,S] small picture, to find
    near-identical films; None looks for none. Raises `BadTable` when no id is one of the data set's.
    """
    films_of = defaultdict(list)
    for image in dataset.images:
        films_of[image.study_id].append(image.image_id)
    known = {image.image_id: image for image in dataset.images}
    folds = defaultdict(set)
    for each, fold in rows:
        for image_id in [each] if each in known else films_of.get(each, ()):
            folds[image_id].add(fold)
    if not folds:
        raise BadTable(f"none of the {len(rows)} ids in the folds, such as {rows[0][0]!r}, is in {dataset.name}, "
                       "but they "
                       "must be its images or studies: name the folds of this data set.")
    yield from _shared(folds, known)
    if pictures is not None:
        yield from _alike(folds, known, pictures([known[each] for each in folds if known[each].path]))


def _shared(folds, known):
    levels = {"images": lambda image: image.image_id, "studies": lambda image: image.study_id,
              "patients": lambda image: image.patient_id}
    said, films = [], {}
    for name, of in levels.items():
        union, members = defaultdict(set), defaultdict(list)
        for image_id, own in folds.items():
            if of(known[image_id]):
                union[of(known[image_id])] |= own
                members[of(known[image_id])].append(image_id)
        torn = [key for key, own in union.items() if len(own) > 1]
        films.update(dict.fromkeys(image_id for key in torn for image_id in members[key]))
        if torn:
            said.append(f"{len(torn):,} of {len(union):,} {name}, such as {torn[0]} in folds "
                        f"{', '.join(sorted(union[torn[0]]))}")
    if said:
        yield mistake(11, f"{'; '.join(said)} sit in more than one fold. What is scored on them was trained on them.",
                      films, "Draw folds over patients: python -m train folds.")


def _alike(folds, known, pictures):
    """A finding on near-identical films of different patients in two folds."""
    names = [image_id for image_id in folds if image_id in pictures]
    pairs = near_duplicates(np.array([pictures[each] for each in names]), ALIKE) if names else []
    torn = [(names[i], names[j], r) for i, j, r in pairs if folds[names[i]].isdisjoint(folds[names[j]])
            and (known[names[i]].patient_id != known[names[j]].patient_id or not known[names[i]].patient_id)]
    if torn:
        yield fault("near-duplicate films in two folds", f"{len(torn):,} pairs of films of different patients, such as "
                    f"{torn[0][0]} and {torn[0][1]} (correlation {torn[0][2]:.4f}), look like the same film, and "
                    "sit in two folds.",
                    dict.fromkeys(each for pair in torn for each in pair[:2]), "Keep them in one fold.")
