"""Encoded pixel data of one frame -> stored samples, by the transfer syntaxes of PS3.5 Annex A.

Every codec is told the size that the header promises, and the codestream's own size is compared with it before
anything is decoded, so a small file cannot ask for a large memory. Errors are `UnreadableFilm` whose text continues
after a file's name. It knows nothing of DICOM headers, of signs or of what the samples mean.
"""

from dataclasses import dataclass
from itertools import islice

import numpy as np
from pydicom import uid

from core.codestreams import codestream, insist_whole
from core.decoding import DecoderFailed, decode
from core.errors import UnreadableFilm

NATIVE = (uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian,
          uid.ExplicitVRBigEndian)
JPEG = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless,
        uid.JPEGLSNearLossless)
JPEG2000 = (uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K)
MOST_FRAGMENTS = 65_536  # of one frame; makers cut it into pieces of some kilobytes
ITEM, END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"  # PS3.5 A.4, always little endian
READABLE = (*NATIVE, *JPEG, *JPEG2000, uid.RLELossless)


@dataclass(frozen=True)
class Shape:
    """What the header promises of a frame: `rows`, `columns`, bits per sample as allocated (8 or 16), and a sign."""

    rows: int
    columns: int
    allocated: int
    signed: bool = False


def samples(data, syntax, shape, words=False):
    """Samples of the one frame in `data` (bytes) as uint8 or uint16 [H,W], and the precision in bits they carry.

    `syntax`: transfer syntax UID; `words`: native 8-bit data were written as 16-bit words (VR OW), which matters for
    big endian. Raises `UnreadableFilm` for an unknown syntax, missing, short, damaged or contradicting data.
    """
    if syntax not in READABLE:
        raise UnreadableFilm(f"is encoded as {uid.UID(syntax).name}, but only native, JPEG, JPEG-LS, JPEG 2000 and RLE "
                             "films can be decoded: convert it to Explicit VR Little Endian.")
    if syntax in NATIVE:
        return _native(data, syntax == uid.ExplicitVRBigEndian, shape, words), shape.allocated
    frame = _frame(data)
    if syntax == uid.RLELossless:
        return _apart("RLE", frame, shape.rows, shape.columns, shape.allocated), shape.allocated
    coded = codestream(frame)
    if (coded.rows, coded.columns, coded.components) != (shape.rows, shape.columns, 1):
        raise UnreadableFilm(f"holds a {coded.kind} image of {coded.rows} rows, {coded.columns} columns and "
                             f"{coded.components} components, but its header promises {shape.rows}, {shape.columns} "
                             "and 1: send it again from its source.")
    if coded.precision > shape.allocated:
        raise UnreadableFilm(f"holds {coded.kind} samples of {coded.precision} bits, but its header promises at most "
                             f"{shape.allocated}: send it again from its source.")
    found = _decoded(frame, coded)
    if coded.signed and not shape.signed and (found >> (coded.precision - 1)).any():
        raise UnreadableFilm(f"holds signed {coded.kind} samples below 0, but its header promises none (Pixel "
                             "Representation 0): export it again.")
    return found, coded.precision


def _native(data, big_endian, shape, words):
    needed = shape.rows * shape.columns * shape.allocated // 8
    row = shape.columns * shape.allocated // 8
    if len(data) < needed or len(data) - needed >= max(2, min(row, shape.rows * shape.allocated // 8)):
        what = "is truncated, copy" if len(data) < needed else "has another size than its header says, send"
        raise UnreadableFilm(f"holds {len(data)} bytes of pixel data, but {shape.rows} x {shape.columns} pixels of "
                             f"{shape.allocated} bits need {needed}: it {what} it again.")
    if shape.allocated == 8:
        if big_endian and words and len(data) % 2 == 0:
            data = np.frombuffer(data, "u2").byteswap().tobytes()
        found = np.frombuffer(data, np.uint8, needed)
    else:
        found = np.frombuffer(data, ">u2" if big_endian else "<u2", needed // 2).astype(np.uint16, copy=False)
    return found.reshape(shape.rows, shape.columns)


def _frame(data):
    """All fragments of encapsulated `data` (PS3.5 A.4) in one piece: a film has one frame, whatever the table says."""
    fragments = list(islice(_fragments(data), MOST_FRAGMENTS + 2))[1:]  # the first item is the offset table
    if len(fragments) > MOST_FRAGMENTS:
        raise _astray(f"there are more than {MOST_FRAGMENTS}")
    begin = [one[:4] for one in fragments if one[:3] == b"\xff\xd8\xff" or one[:4] == b"\xff\x4f\xff\x51"]
    if len(begin) > 1:
        raise UnreadableFilm(f"holds {len(begin)} compressed frames, but a film is a single one: export the frame that "
                             "is wanted.")
    frame = b"".join(fragments)
    if not frame:
        raise UnreadableFilm("has 0 bytes of compressed pixel data, but a film needs one frame: copy it again.")
    return frame


def _fragments(data):
    """Each item's bytes, until the data end or a Sequence Delimitation Item."""
    at = 0
    while at + 8 <= len(data) and data[at:at + 4] != END:
        length = int.from_bytes(data[at + 4:at + 8], "little")
        if data[at:at + 4] != ITEM or at + 8 + length > len(data):
            raise _astray(f"at byte {at} stand {data[at:at + 8].hex(' ')}, with {len(data) - at - 8} bytes after them")
        yield data[at + 8:at + 8 + length]
        at += 8 + length


def _astray(reason):
    return UnreadableFilm(f"has pixel data whose fragments cannot be found ({reason}), but compressed pixel data must "
                          "be encapsulated as in PS3.5 A.4: copy it again.")


def _decoded(frame, coded):
    """Samples [H,W] of a codestream that says what it should."""
    allowed = (8, 12) if coded.kind == "JPEG" else range(2, 17) if coded.kind != "JPEG 2000" else range(1, 17)
    if coded.precision not in allowed:
        raise UnreadableFilm(f"holds {coded.kind} samples of {coded.precision} bits, but {allowed[0]} to {allowed[-1]} "
                             "is the rule: convert it.")
    kind = "8-bit JPEG" if coded.kind == "JPEG" and coded.precision == 8 else coded.kind
    return _apart(kind, insist_whole(frame, coded), coded.rows, coded.columns, coded.precision)


def _apart(kind, frame, rows, columns, bits):
    """Samples [H,W] from the decoder in the child process."""
    try:
        found = decode(kind, frame, rows, columns, bits)
    except DecoderFailed as failure:
        reason = "".join(each if each.isprintable() else " " for each in str(failure))
        raise UnreadableFilm(f"holds {kind} pixel data that cannot be decoded ({' '.join(reason.split())[:160]}), but "
                             "a film must decode whole: copy it again from its source.") from None
    return np.frombuffer(found, "u1" if bits <= 8 else "<u2").reshape(rows, columns)
