"""The competition's CSVs as cells of text; what is wrong is named by file, row and column.

Row 1 is the header, as an editor or a spreadsheet counts. A cell is never taken for a number or a missing
value, so ids like 000123, 1e5 and nan survive. This module knows nothing of what the columns mean.
"""

import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import BadTable
from core.files import FORMULA

NUMBERS = ("confidence", "x_min", "y_min", "x_max", "y_max")
MAX_SENTENCES, ON_A_PAGE = 50, 20
MOST_CELL = 2 ** 20  # characters of a cell with boxes: some forty thousand of them
MOST_BYTES, MOST_ROWS = 64 * 2 ** 20, 150_000  # of a CSV: ten times what the competition's largest takes
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, eq=False)
class Table:
    """Cells of the wanted columns, top to bottom.

    `cells` maps a column to its texts, `rows` are their row numbers in the file. `faults` are sentences about
    rows that have no place in `cells`, because they cannot be cut into cells.
    """

    name: str
    cells: dict[str, list[str]]
    rows: list[int]
    faults: tuple[str, ...]

    def records(self):
        """One tuple of cells for each row, in the order of the columns asked for."""
        return zip(*self.cells.values(), strict=True)

    def fault(self, position, column, rule):
        """The sentence about the cell at `position` of `cells[column]`; `rule` says what must hold."""
        return (f"{self.name} row {self.rows[position]}, column {column}: "
                f"{shown(self.cells[column][position])} "
                f"{rule}.")


class BadCell(Exception):
    """What a cell breaks: the end of a sentence that begins with its place and value."""


def shown(text):
    """`text` quoted for a message, on one line, cut where it is long."""
    return repr(text if len(text) <= 60 else f"{text[:40]} ... {text[-15:]}").replace("\\udc", "\\x")


def some(sentences, what="more like these", most=MAX_SENTENCES):
    """The first `most` of `sentences`, and one that counts the rest."""
    rest = len(sentences) - most
    return (*sentences[:most], f"... and {rest} {what}.") if rest > 1 else tuple(sentences)


def told(error, most=ON_A_PAGE):
    """What a `GroundglassError` says to a reader: each wrong row of a table by itself, the first `most` of them and how
    many more there are; else its one sentence."""
    return some(getattr(error, "faults", ()), most=most) or (str(error),)


def insist(faults, *, of_rows=True):
    """Raise `BadTable` with the first of `faults`, counting the others; pass when there is none.

    The error holds all of them where they are faults `of_rows`, each to be mended by itself.
    """
    if faults:
        others = f" ({len(faults) - 1} more like it)" if len(faults) > 1 else ""
        raise BadTable(f"{faults[0].removesuffix('.')}{others}.", faults if of_rows else ())


def read_table(path, columns):
    """The `Table` of `columns` in the CSV at `path`.

    A byte order mark and any line end are read over; other columns are ignored. Raises `BadTable` when the
    file is missing, is no comma-separated UTF-8 text, or lacks or doubles a column.
    """
    path = Path(path)
    lines = read_lines(path)
    header = _header(path.name, lines[0], columns)
    rows, found, faults = [], [], []
    for number, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        try:
            cells = cells_of(line)
            if len(cells) != len(header):
                raise BadCell(f"holds {len(cells)} cells, but the header names {len(header)}: mend the row")
        except BadCell as fault:
            faults.append(f"{path.name} row {number}, column {columns[0]}: {shown(line)} {fault}.")
            continue
        rows.append(number)
        found.append(cells)
    places = {column: header.index(column) for column in columns}
    cells = {column: [row[place] for row in found] for column, place in places.items()}
    return Table(path.name, cells, rows, tuple(faults))


def read_lines(path):
    """The lines of the text file `path`, without their ends; bytes that are no UTF-8 stay as surrogates.

    Raises `BadTable` when it is missing, no plain file, or larger than a table may be.
    """
    path = Path(path)
    lines = _LINE_END.split(_text(path), MOST_ROWS + 1)
    if len(lines) > MOST_ROWS + 1:
        raise BadTable(f"{path.name} row {MOST_ROWS + 2} and those after it are too many, but a table has at most "
                       f"{MOST_ROWS} rows: split it.")
    return lines


def _text(path):
    try:
        if path.exists() and not path.is_file():
            raise BadTable(f"{path} is no plain file, but a table must be one: name the file itself.")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise BadTable(f"{path} does not exist, but is needed: put the competition's file there.") from None
    except OSError as error:
        raise BadTable(f"{path} cannot be read ({error.strerror}), but is needed: check what it is and who "
                       "may read it.") from None
    if len(content) > MOST_BYTES:
        raise BadTable(f"{path} has {path.stat().st_size:,} bytes, but a table has at most {MOST_BYTES:,}: split it.")
    return content.decode("utf-8-sig", errors="surrogateescape")


def cells_of(line, separator=","):
    """The cells of one line; a quote that stays open is a `BadCell`, it must not swallow the next lines."""
    if not line.isascii() and any("\udc80" <= character <= "\udcff" for character in line):
        raise BadCell("is not UTF-8 text, but must be: save the file as UTF-8")
    if "\0" in line:
        raise BadCell("holds a zero byte, but must be text: save the file as UTF-8")
    csv.field_size_limit(max(csv.field_size_limit(), len(line) + 1))
    try:
        return next(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error as error:
        raise BadCell(f"cannot be cut into cells ({error}), but quotes must come in pairs: mend the "
                      "row") from None


def _header(name, line, columns):
    try:
        header = cells_of(line)
    except BadCell as fault:
        raise BadTable(f"{name} row 1, the header: {shown(line)} {fault}.") from None
    if not line.strip():
        raise BadTable(f"{name} row 1 is empty, but must name the columns {', '.join(columns)}: add the "
                       "header.")
    for separator, word in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in line:
            raise BadTable(f"{name} row 1 is separated by {word}, but commas are needed: save it as "
                           "comma-separated.")
    faults = [f"{name} row 1 lacks the column {column!r} among {shown(', '.join(header))}, but it is needed: add it, "
              "spelled just so." for column in columns if column not in header]
    faults += [f"{name} row 1 names the column {shown(column)} {times} times, but one is meant: remove the others."
               for column, times in Counter(header).items() if times > 1]
    insist(faults)
    return header


def read_id(text, level):
    """The id before its suffix `_image` or `_study`; `level` is 'image' or 'study'. Raises `BadCell`."""
    if text[:1] == "'" and text[1:2] in FORMULA:  # see core.files.cell
        text = text[1:]
    stem = text.removesuffix(f"_{level}")
    if stem == text or not stem:
        raise BadCell(f"is no {level} id, but must end in _{level}: write it as the competition does")
    return stem


def read_boxes(text, classes):
    """The classes (K texts) and numbers float64 [K,5] (`NUMBERS`) of a cell with six words for each box.

    Raises `BadCell` for a wrong number of words, a class outside `classes`, what is no finite number, and a
    box whose corners are reversed.
    """
    if len(text) > MOST_CELL:
        raise BadCell(f"holds {len(text):,} characters, but boxes take {MOST_CELL:,} at most: remove some")
    words = text.split()
    if len(words) % 6:
        raise BadCell(f"holds {len(words)} words, but each box takes six (class, {', '.join(NUMBERS)}): "
                      "add or remove words")
    named = words[::6]
    if not set(named) <= set(classes):
        unknown = next(each for each in named if each not in classes)
        raise BadCell(f"holds the class {shown(unknown)}, but only {', '.join(classes)} can stand there: "
                      "mend it")
    del words[::6]
    numbers = _numbers(words, plain=text.isascii() and "_" not in text).reshape(-1, 5)
    reversed_rows = np.flatnonzero((numbers[:, 3] < numbers[:, 1]) | (numbers[:, 4] < numbers[:, 2]))
    if len(reversed_rows):
        raise BadCell(f"holds the box {numbers[reversed_rows[0], 1:].tolist()}, but x_max >= x_min and "
                      "y_max >= y_min must hold: give corners, not width and height")
    return named, numbers


def _numbers(words, plain):
    """`words` as float64, each finite in float32 too.

    `plain` spares looking for what only Python takes for a number, such as 1_0.
    """
    try:
        numbers = np.array(list(map(float, words)), np.float64)
        with np.errstate(over="ignore"):
            good = np.isfinite(numbers.astype(np.float32))
        if not plain:
            good &= [bool(_NUMBER.fullmatch(word)) for word in words]
    except (ValueError, OverflowError):
        good = np.array([bool(_NUMBER.fullmatch(word)) for word in words])
        numbers = np.zeros(len(words))
    if not good.all():
        place = int(np.argmin(good))
        raise BadCell(f"holds {shown(words[place])} for {NUMBERS[place % 5]} of box {place // 5 + 1}, but "
                      "it must be a finite number: mend it")
    return numbers
