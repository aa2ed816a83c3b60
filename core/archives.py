"""The films in a zip archive, unpacked one by one and within limits; its names are told and never become paths.

It knows nothing of what a film says.
"""

import struct
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.errors import BadUpload
from core.files import whole_file
from core.parsing import MOST_BYTES

START, EMPTY = b"PK\3\4", b"PK\5\6"  # of an archive, and of one that holds nothing
MOST_ENTRIES = 5000
MOST_DIRECTORY = 4 * 2 ** 20  # bytes of an archive's table of contents: 5,000 entries with long names
HEAD = 136  # bytes that tell a film from other files
PIECE = 2 ** 20  # bytes unpacked at a time
_END, _END_64 = struct.Struct("<4s4H2LH"), b"PK\6\7"  # APPNOTE.TXT 4.3.16, 4.3.15
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError,
           IndexError, struct.error)


@dataclass(frozen=True)
class Member:
    """A file of an archive: its name there, and how many bytes it says it unpacks to."""

    name: str
    size: int
    _archive: zipfile.ZipFile
    _info: zipfile.ZipInfo

    def head(self):
        """Its first bytes, as many as tell a film from other files. Raises `BadUpload`."""
        return b"".join(self._pieces(HEAD))[:HEAD]

    def unpack(self, path):
        """Write it to the file `path`. Raises `BadUpload` and leaves no file then."""
        if self.size > MOST_BYTES:
            raise BadUpload(f"says that it unpacks to {self.size:,} bytes, but a film has at most {MOST_BYTES:,}: "
                            "leave it out.")
        with whole_file(path, BadUpload, 0o600) as temporary, temporary.open("wb") as file:
            for piece in self._pieces(MOST_BYTES):
                file.write(piece)

    def _pieces(self, most):
        if self._info.flag_bits & 1:
            raise BadUpload("is encrypted, but must be readable: unpack it with its password and drop the films.")
        done = 0
        try:
            with self._archive.open(self._info) as file:
                while done < most and (piece := file.read(min(PIECE, most - done))):
                    done += len(piece)
                    yield piece
        except _BROKEN as failure:
            reason = " ".join(str(failure).split())[:120] or type(failure).__name__
            raise BadUpload(f"cannot be unpacked ({reason}), but every film must be whole: pack the archive "
                            "again.") from None


def is_archive(head):
    """Whether a file that begins with the bytes `head` is a zip archive."""
    return head[:4] in (START, EMPTY)


@contextmanager
def opened(path):
    """The `Member`s of the archive `path`, directories left out. Raises `BadUpload`; names are not in its sentence."""
    _insist(path)
    try:
        archive = zipfile.ZipFile(path)
    except _BROKEN as failure:
        reason = " ".join(str(failure).split())[:120] or type(failure).__name__
        raise BadUpload(f"cannot be read as a zip archive ({reason}), but its table of contents must be whole: pack it "
                        "again.") from None
    with archive:
        infos = [info for info in archive.infolist() if not info.filename.endswith("/")]
        if len(infos) > MOST_ENTRIES:
            raise BadUpload(f"holds {len(infos):,} files, but at most {MOST_ENTRIES:,} are taken at a time: pack fewer "
                            "into one.")
        yield [Member(info.filename, info.file_size, archive, info) for info in infos]


def _insist(path):
    """Refuse a table of contents that would fill the memory before `zipfile` has counted its entries."""
    with Path(path).open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _END.size - 65535 - 20))
        tail = file.read()
    place = tail.rfind(EMPTY)
    if place < 0 or len(tail) - place < _END.size:
        raise BadUpload("cannot be read as a zip archive (it has no end), but must be whole: copy it again.")
    *_, directory, _, _ = _END.unpack_from(tail, place)
    if _END_64 in tail[max(0, place - 20):place] or directory > MOST_DIRECTORY:
        raise BadUpload(f"has a table of contents of more than {MOST_DIRECTORY:,} bytes, but that is the most: pack "
                        "fewer films into one.")
