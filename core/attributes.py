"""DICOM attributes as plain numbers and text, whatever state they are in.

The only place, with `codecs`, that talks to pydicom's data set; it knows nothing of what the attributes are used for.
An attribute that cannot be understood counts as absent (text) or as NaN (numbers); no warning of pydicom escapes.
"""

import logging
import math
import threading
import warnings
from contextlib import contextmanager

import numpy as np
from pydicom.datadict import tag_for_keyword
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from core.errors import BadSettings
from core.film import LookupTable

LONGEST_TEXT, LONGEST_TABLE, LONGEST_SEQUENCE = 16_384, 2 ** 20, 4 * 2 ** 20  # bytes of an attribute as stored
MOST_ITEMS = 1000
_log = logging.getLogger("pydicom")
_gate, _inside, _catcher = threading.Lock(), 0, None


@contextmanager
def quiet():
    """Keep pydicom's warnings from the user, and from the logs, which they would tell of the patient.

    Blocks of several threads may overlap. Python's warning filters and loggers belong to the whole process, so the
    first block in sets them and the last one out restores what was there.
    """
    global _inside, _catcher
    with _gate:
        if _inside == 0:
            _catcher = warnings.catch_warnings()
            _catcher.__enter__()
            warnings.filterwarnings("ignore", module=r"pydicom\b")
            _log.disabled = True
        _inside += 1
    try:
        yield
    finally:
        with _gate:
            _inside -= 1
            if _inside == 0:
                _catcher.__exit__(None, None, None)
                _log.disabled = False


def has(dataset, keyword):
    """Whether the attribute is there with a value."""
    element = stored(dataset, tag_for_keyword(keyword))
    return element is not None and element.value not in (None, b"", "")


def stored(dataset, tag):
    """The element as it was read, not converted where pydicom allows; None when absent or without a known VR."""
    try:
        return dataset.get_item(tag)
    except Exception:  # pydicom converts some at once, and raises what it likes
        return None


def value(dataset, keyword):
    """The attribute's value as pydicom converts it; the raw text where it cannot; None when absent or empty.

    What is longer than any film's attribute is no value: converting it could take minutes and all memory.
    """
    if not has(dataset, keyword):
        return None
    if _endless(stored(dataset, tag_for_keyword(keyword)).value, keyword):
        return ""
    try:
        return dataset[keyword].value
    except Exception:  # pydicom raises what it likes on values that break their VR
        raw = stored(dataset, tag_for_keyword(keyword)).value
        return raw.decode("latin-1").rstrip(" \0").split("\\") if isinstance(raw, bytes) else None


def _endless(raw, keyword):
    """Whether the bytes `raw`, not yet converted, are more than the attribute can need."""
    if not isinstance(raw, bytes):
        return False
    if keyword.endswith("Sequence"):
        return len(raw) > LONGEST_SEQUENCE or raw.count(b"\xfe\xff\x00\xe0") > MOST_ITEMS
    return len(raw) > (LONGEST_TABLE if keyword == "LUTData" else LONGEST_TEXT)


def text(dataset, keyword):
    """The attribute as one line of text without outer blanks, several values joined by a backslash; '' when absent."""
    return "\\".join(texts(dataset, keyword))


def texts(dataset, keyword):
    """Each value of the attribute as text; [] when absent."""
    found = value(dataset, keyword)
    if found is None:
        return []
    return [" ".join(str(one).replace("\0", " ").split()) for one in _listed(found)]


def numbers(dataset, keyword):
    """Each value of the attribute as float, NaN for what is no number; [] when absent."""
    found = value(dataset, keyword)
    return [] if found is None else [_number(one) for one in _listed(found)]


def number(dataset, keyword, absent=math.nan):
    """The attribute's first value as float, NaN when it is no number; `absent` when there is none."""
    return (numbers(dataset, keyword) or [absent])[0]


def integer(dataset, keyword):
    """The attribute's first value as int; None when it is absent or no whole number."""
    found = number(dataset, keyword)
    return int(found) if math.isfinite(found) and found == int(found) else None


def items(dataset, keyword):
    """The data sets of a sequence; [] when absent or not a sequence."""
    found = value(dataset, keyword)
    return list(found) if isinstance(found, Sequence) else []


def lookup_table(item, signed, big_endian=False):
    """The `LookupTable` of an item of a Modality or VOI LUT Sequence.

    `signed`: the table's inputs are signed. PS3.3 C.11.1.1.1: 0 entries mean 65536, and an entry has 8 or 16 bits.
    Entries wider than the stated bits are believed, as the stated bits are what makers get wrong. Raises
    `BadSettings` when descriptor and data do not fit together.
    """
    descriptor = numbers(item, "LUTDescriptor")
    if len(descriptor) != 3 or not all(math.isfinite(one) for one in descriptor):
        raise BadSettings(f"the LUT Descriptor is {descriptor}, but must be three numbers: repair the header.")
    length, first, bits = (int(one) for one in descriptor)
    length = length % 65536 or 65536
    first -= 65536 if signed and first > 32767 else 0
    entries = _entries(value(item, "LUTData"), length, bits, big_endian)
    needed = max(1, int(entries.max()).bit_length())
    return LookupTable(first, max(needed, bits) if 1 <= bits <= 16 else needed, tuple(entries.tolist()))


def _entries(data, length, bits, big_endian):
    if isinstance(data, bytes):
        stored = data
    else:
        whole = np.array([_number(one) for one in _listed([] if data is None else data)])
        stored = (whole[np.isfinite(whole)].astype(np.int64) & 0xFFFF).astype("<u2").tobytes()
        big_endian = False
    if len(stored) >= 2 * length:
        return np.frombuffer(stored, ">u2" if big_endian else "<u2", length)
    if len(stored) >= length and bits <= 8:
        packed = np.frombuffer(stored, np.uint8)
        return packed.reshape(-1, 2)[:, ::-1].ravel()[:length] if big_endian and len(stored) % 2 == 0 \
            else packed[:length]
    raise BadSettings(f"the LUT Data hold {len(stored)} bytes, but the LUT Descriptor announces {length} entries of "
                      f"{bits} bits: repair the header.")


def _listed(found):
    return found if isinstance(found, (list, tuple, MultiValue)) else [found]


def _number(one):
    try:
        return float(one)
    except (TypeError, ValueError, OverflowError):
        return math.nan
