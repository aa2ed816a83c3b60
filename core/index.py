"""The header index: what the headers of a data set's films say, kept in the cache directory.

An entry is read again when the film's size or modification time has changed, or when it could not be read.
This module knows nothing of labels.
"""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from core.dicom import read_header
from core.errors import GroundglassError, UnreadableFilm
from core.files import Damaged, cache_directory, read_sealed, readable, write_sealed

FORMAT = 2
SPLITS = ("train", "test")
DEEPEST = 4  # directories below train/ or test/ that are looked into: study, series, and two to spare
THREADS = 8  # measured: reading headers waits for the disk, so threads gain as much as processes here


@dataclass(frozen=True)
class Entry:
    """One film's header; sides in pixels.

    `path` is relative to the data set, with "/" between its parts. `error` is a sentence when the header
    cannot be read; the other fields are then empty.
    """

    path: str
    patient_id: str = ""
    width: int = 0
    height: int = 0
    photometric: str = ""
    error: str = ""


def read_index(root, *, progress=None):
    """The `Entry` of each film below train/ and test/ of `root`, by path, and sentences on what failed.

    `progress` wraps the headers still to be read, as `tqdm` does, and takes `total`.
    """
    root = Path(root).absolute()
    films, problems = find_films(root)
    place = index_file(root)
    kept = _load(place, problems)
    stale = [path for path, stamp in films.items()
             if path not in kept or kept[path][0] != stamp or kept[path][1].error]
    with ThreadPoolExecutor(THREADS) as pool:
        headers = pool.map(lambda path: _entry(root, path), stale)
        fresh = list(progress(headers, total=len(stale)) if progress and stale else headers)
    changed = bool(stale) or len(kept) != len(films)
    kept.update((entry.path, (films[entry.path], entry)) for entry in fresh)
    kept = {path: kept[path] for path in films}
    if changed:
        problems += _save(place, kept)
    return tuple(entry for _, entry in kept.values()), problems


def index_file(root):
    """Where the index of the data set at `root` is kept; the name tells nothing of the data set."""
    key = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:20]
    return cache_directory() / f"headers-{key}.index"


def find_films(root):
    """The films below train/ and test/ as path -> [size, mtime in ns], sorted, and sentences on what failed.

    A film is a file whose name ends in .dcm; links are followed, into each directory once. Names must be UTF-8.
    """
    films, problems = {}, []
    for split in SPLITS:
        if (root / split).is_dir():
            _search(root / split, split, DEEPEST, films, problems, set())
    return dict(sorted(films.items())), problems


def _search(directory, name, deeper, films, problems, seen):
    """Films of one directory; `seen` are the directories already looked into, since links may lead in circles."""
    try:
        stat = Path(directory).stat()
        if (stat.st_dev, stat.st_ino) in seen:
            return
        seen.add((stat.st_dev, stat.st_ino))
        with os.scandir(directory) as entries:
            for entry in entries:
                path = f"{name}/{entry.name}"
                if readable(path) != path:
                    problems.append(f"{readable(path)} has a name that is not UTF-8, but must be: rename it.")
                elif entry.is_dir():
                    if deeper:
                        _search(entry.path, path, deeper - 1, films, problems, seen)
                elif entry.name.lower().endswith(".dcm"):
                    if entry.is_file():
                        films[path] = [entry.stat().st_size, entry.stat().st_mtime_ns]
                    else:
                        problems.append(f"{path} is no file, but a film must be one: put the film there.")
    except OSError as error:
        problems.append(f"{name} cannot be read to its end ({error.strerror}), so films there are missing: "
                        "check the directory.")


def _entry(root, path):
    try:
        header = read_header(root / path)
    except UnreadableFilm as error:
        return Entry(path, error=str(error))
    return Entry(path, header.patient_id, header.columns, header.rows, header.photometric)


def _load(place, problems):
    """path -> (stamp, Entry) as stored; empty when nothing usable is there, as it can be made again."""
    try:
        content = json.loads(read_sealed(place) or "{}")
        if content.get("format") != FORMAT:
            return {}
        return {fields["path"]: (stamp, Entry(**fields)) for stamp, fields in content["films"]}
    except Damaged as damage:
        problems.append(str(damage))
    except (ValueError, TypeError, KeyError, AttributeError):
        pass  # another version's
    return {}


def _save(place, kept):
    """Store the index, readable by its owner alone: it names patients. Sentences on a failure."""
    content = {"format": FORMAT, "films": [(stamp, asdict(entry)) for stamp, entry in kept.values()]}
    try:
        write_sealed(place, json.dumps(content).encode())
    except GroundglassError as error:
        return [str(error)]
    return []
