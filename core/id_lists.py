"""Lists of films that readers name and keep, and the plain files that carry such a list from one machine to another.

Lists lie in GROUNDGLASS_LISTS, or lists in the user's state directory: a file each, called by a digest of
data set and name, so that no id and no name becomes a path. It knows nothing of what films hold.
"""

import contextlib
import hashlib
import json
import os
from pathlib import Path

from core.errors import BadTable
from core.files import state_directory, whole_file
from core.worklist import IdList

MOST_NAME, MOST_IDS = 80, 1_000_000  # characters of a name, and ids of a list


def lists_directory():
    """Where lists are kept: GROUNDGLASS_LISTS, or lists in the user's state directory; may not exist."""
    named = os.environ.get("GROUNDGLASS_LISTS")
    return Path(named).absolute() if named else state_directory() / "lists"


def id_list(name, ids):
    """The `IdList` of these image ids, each once. Raises `BadTable` for a name or a number of ids that cannot be kept.
    """
    name, ids = " ".join(str(name).split()), tuple(dict.fromkeys(ids))
    if not name or len(name) > MOST_NAME or not name.isprintable():
        raise BadTable(f"the list's name is {name[:MOST_NAME]!r}, but must have 1 to {MOST_NAME} printable characters: "
                       "choose another.")
    if not 1 <= len(ids) <= MOST_IDS:
        raise BadTable(f"the list {name!r} has {len(ids):,} ids, but must have 1 to {MOST_IDS:,}: choose other films.")
    return IdList(name, hashlib.sha256("\n".join(ids).encode("utf-8", "surrogateescape")).hexdigest()[:16], ids)


def save_list(data_set, made):
    """Keep an `IdList` about the data set of that name; one of the same name is replaced, whole or not at all.

    Raises `BadTable` when it cannot be written.
    """
    with whole_file(_place(data_set, made.name), BadTable, 0o600) as place:
        place.write_text(json.dumps({"data_set": data_set, "name": made.name, "ids": made.ids}), "utf-8")


def saved_lists(data_set):
    """name -> `IdList` of the data set of that name, by name; and sentences on files that cannot be read."""
    found, problems = {}, []
    for place in sorted(lists_directory().glob("*.json")):
        try:
            told = json.loads(place.read_text("utf-8"))
            if told["data_set"] == data_set:
                made = id_list(told["name"], [str(each) for each in told["ids"]])
                found[made.name] = made
        except (OSError, ValueError, KeyError, TypeError, BadTable):
            problems.append(f"{place} holds no list of films, though it must as all files there: remove it.")
    return dict(sorted(found.items())), problems


def forget_list(data_set, name):
    """Remove the list of that name; nothing when there is none. Raises `BadTable` when it cannot be removed."""
    place = _place(data_set, name)
    try:
        with contextlib.suppress(FileNotFoundError):
            place.unlink()
    except OSError as failure:
        raise BadTable(f"{place} cannot be removed ({failure.strerror or failure}): make its directory "
                       "writable.") from None


def as_text(ids):
    """The file that carries these image ids: UTF-8, one a line. `python -m core evaluate --ids` takes it too."""
    return "".join(f"{each}\n" for each in ids)


def from_text(name, content):
    """The `IdList` in `content` (bytes), one image id a line or the first cell of each line of a CSV, with or without
    `_image`; a first line "id" is passed over.

    Raises `BadTable` when it holds no id.
    """
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise BadTable(f"the list {name!r} is no UTF-8 text ({error.reason} at byte {error.start}), but must hold one "
                       "id a line: save it so.") from None
    ids = [line.split(",")[0].strip().strip('"').removesuffix("_image") for line in lines]
    return id_list(name, [each for number, each in enumerate(ids) if each and not (number == 0 and each == "id")])


def _place(data_set, name):
    told = f"{data_set}\n{name}".encode("utf-8", "surrogateescape")
    return lists_directory() / f"{hashlib.sha256(told).hexdigest()[:32]}.json"
