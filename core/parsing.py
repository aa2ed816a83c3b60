"""The attributes of a DICOM file, read within limits whatever the file holds; no failure but `UnreadableFilm`.

A file is opened only when it is a plain file of bearable size, is read a bounded number of times, and is inflated only
so far. It knows nothing of what the attributes mean; texts of its errors continue after a file's name.
"""

import io
import os
import zlib
from contextlib import contextmanager

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_dataset
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from core.errors import UnreadableFilm
from core.files import open_plain

MOST_BYTES = 192 * 2 ** 20  # of a file: half as much again as the most pixels take
MOST_INFLATED = 144 * 2 ** 20  # of a deflated file: 64 megapixels of 16 bits, and a header
MOST_HEADER = 16 * 2 ** 20  # that are read, or inflated, where only the header is wanted
MOST_READS = 100_000  # at most two seconds of a busy core; a radiograph's header takes some hundreds
PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)


class _Endless(Exception):
    """A file that takes more reads than any film."""


class _Bounded:
    """A file for pydicom that never reads beyond its end, and not without end: `most` bytes in all."""

    def __init__(self, file, size, most=MOST_BYTES):
        self._file, self._size, self._left, self._most = file, size, MOST_READS, most
        self.seek, self.tell = file.seek, file.tell

    def read(self, count=-1):
        left = max(0, self._size - self._file.tell())
        count = left if count is None or count < 0 else min(count, left)
        self._left, self._most = self._left - 1, self._most - count
        if self._left < 0 or self._most < 0:
            raise _Endless("more elements, or longer ones, than a radiograph can have")
        return self._file.read(count)


def read_attributes(path, tags, before_pixels=False):
    """The attributes `tags` of the file `path` as a pydicom data set; those before the pixels when `before_pixels`.

    All of them when `tags` is None. Raises `UnreadableFilm`.
    """
    tags = None if tags is None else [Tag(tag) for tag in tags]
    most = MOST_HEADER if before_pixels else MOST_BYTES
    try:
        with _opened(path) as (file, size):
            bare = _starts_like_a_data_set(file.read(136))
            file.seek(0)
            if not bare and (meta := _deflated(file, size)) is not None:
                return _inflated(file, meta, tags, before_pixels)
            file.seek(0)
            return pydicom.dcmread(_Bounded(file, size, most), specific_tags=tags, force=bare,
                                   stop_before_pixels=before_pixels)
    except UnreadableFilm:
        raise
    except OSError as failure:
        raise UnreadableFilm(f"cannot be opened ({failure.strerror or failure}), but a readable file is needed: check "
                             "its path and permissions.") from None
    except InvalidDicomError:
        raise UnreadableFilm("is not a DICOM file: byte 128 must be followed by 'DICM', choose another file.") from None
    except Exception as failure:  # pydicom raises what it likes on damaged files
        reason = " ".join(str(failure).split())[:120] or type(failure).__name__
        raise UnreadableFilm(f"cannot be read as DICOM ({reason}), but every element must be whole: copy it again from "
                             "its source.") from None


@contextmanager
def _opened(path):
    """The plain file at `path` and its size; pipes and devices are not waited for."""
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MOST_BYTES:
            raise UnreadableFilm(f"has {size:,} bytes, but a film has at most {MOST_BYTES:,}: choose another file.")
        yield file, size


def starts_like_a_film(head):
    """Whether a file whose first 136 bytes are `head` may be a DICOM file."""
    return head[128:132] == b"DICM" or _starts_like_a_data_set(head)


def _starts_like_a_data_set(head):
    """Whether a file without preamble begins with an element of group 2 or 8, as those of some old devices do."""
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    short = len(head) >= 8 and int.from_bytes(head[4:8], "little") < 1024
    return head[128:132] != b"DICM" and head[:2] in (b"\x02\0", b"\x08\0") and (explicit or short)


def _deflated(file, size):
    """The file meta information (PS3.10 7.1) of a deflated file, which is left at the deflated bytes; else None."""
    file.seek(128)
    if file.read(4) != b"DICM":
        return None
    meta = read_dataset(_Bounded(file, size), False, True, stop_when=lambda tag, *_: tag >> 16 != 2)
    return meta if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian else None


def _inflated(file, meta, tags, before_pixels):
    """The data set behind `meta` (PS3.5 A.5); what inflates to more than a film can hold is not inflated."""
    most, inflater = MOST_HEADER if before_pixels else MOST_INFLATED, zlib.decompressobj(-zlib.MAX_WBITS)
    plain = inflater.decompress(file.read(), most)
    if not before_pixels and not inflater.eof:
        what = f"inflates to more than {most:,} bytes" if len(plain) >= most else "has deflated data that end too early"
        raise UnreadableFilm(f"{what}, but a film must inflate whole to at most {most:,}: copy it again from its "
                             "source.")
    stop = (lambda tag, *_: tag in PIXELS) if before_pixels else None
    found = read_dataset(_Bounded(io.BytesIO(plain), len(plain)), False, True, stop_when=stop, specific_tags=tags)
    found.file_meta = pydicom.dataset.FileMetaDataset(meta)
    return found
