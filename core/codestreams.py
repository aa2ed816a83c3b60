"""What a codestream says of itself, read from its markers alone: kind, size, precision, and whether it is all there.

It decodes nothing and knows nothing of DICOM; errors are `UnreadableFilm` whose text continues after a file's name.
"""

from dataclasses import dataclass

from core.errors import UnreadableFilm

MOST_TILES = 16_384  # of one image; makers use one, or a few hundred
START, TILE, DATA_END = b"\xff\x4f\xff\x51", b"\xff\x90", b"\xff\xd9"  # SOC and SIZ, SOT, EOC: ISO 15444-1 A.2


@dataclass(frozen=True)
class Coded:
    """What a codestream says of itself; `kind` as in `decoder_child.KINDS`, `precision` in bits; `signed` samples."""

    kind: str
    rows: int
    columns: int
    components: int
    precision: int
    signed: bool = False


def codestream(frame):
    """`Coded` of a JPEG, JPEG-LS or JPEG 2000 codestream (bytes), read from its headers only."""
    start = frame.find(START, 0, 4096)  # a JP2 file header may stand before it
    try:
        if frame[:2] == b"\xff\xd8":
            return _jpeg_size(frame)
        if start >= 0:
            return _jpeg2000_size(frame[start + 4:start + 4 + 42])
    except IndexError:
        pass
    raise UnreadableFilm(f"has compressed pixel data that begin with {frame[:4].hex(' ')}, but JPEG begins with ff d8 "
                         "and JPEG 2000 with ff 4f ff 51: copy it again.")


def _number(data, at, length):
    return int.from_bytes(data[at:at + length], "big")


def _jpeg_size(frame):
    """ISO 10918-1 B.2: markers up to the start of frame, which holds precision, rows, columns and components."""
    at = 2
    while frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            kind = {0xC3: "JPEG lossless", 0xF7: "JPEG-LS"}.get(marker, "JPEG")
            return Coded(kind, _number(frame, at + 5, 2), _number(frame, at + 7, 2), frame[at + 9], frame[at + 4])
        else:
            at += 2 + max(2, _number(frame, at + 2, 2))
    raise IndexError


def _jpeg2000_size(segment):
    """ISO 15444-1 A.5.1: the SIZ segment, from its length field on."""
    right, bottom, left, top = (_number(segment, at, 4) for at in (4, 8, 12, 16))
    return Coded("JPEG 2000", bottom - top, right - left, _number(segment, 36, 2), (segment[38] & 0x7F) + 1,
                 segment[38] > 0x7F)


def insist_whole(frame, coded):
    """Pass when the codestream of `coded` holds all its parts; decoders fill up what is missing without a word.

    Raises `UnreadableFilm`. Returns the codestream, without the boxes of a JP2 file, which DICOM does not know.
    """
    if coded.kind != "JPEG 2000":
        if DATA_END not in frame[-64:]:
            raise _partial(frame, coded, "without an end marker, but a whole image ends with ff d9")
        return frame
    frame = frame[frame.find(START):]
    tiles, sampled = _tiles(frame), frame[43:45]
    if sampled != b"\1\1":
        raise _partial(frame, coded, f"of which only every {max(sampled)}th is coded, but all must be")
    if not 1 <= tiles <= MOST_TILES:
        raise _partial(frame, coded, f"in {tiles} tiles, but 1 to {MOST_TILES} is the rule")
    if (missing := tiles - len(_present(frame, tiles))) > 0:
        raise _partial(frame, coded, f"of which {missing} of {tiles} tiles are missing, but all must be there")
    return frame


def _partial(frame, coded, what):
    return UnreadableFilm(f"holds {len(frame)} bytes of {coded.kind} data {what}: it is truncated or damaged, copy it "
                          "again.")


def _tiles(frame):
    """How many tiles the SIZ segment announces (ISO 15444-1 B.3); 0 where it says nonsense."""
    right, bottom = _number(frame, 8, 4), _number(frame, 12, 4)
    width, height, left, top = (_number(frame, at, 4) for at in (24, 28, 32, 36))
    if not width or not height or left >= right or top >= bottom:
        return 0
    return -(-(right - left) // width) * -(-(bottom - top) // height)


def _present(frame, tiles):
    """Numbers of the tiles whose parts lie whole in the frame (ISO 15444-1 A.4.2: Isot, Psot)."""
    at, found = frame.find(TILE), set()
    while at >= 0 and frame[at:at + 2] == TILE and at + 12 <= len(frame):
        number, length = _number(frame, at + 4, 2), _number(frame, at + 6, 4)
        if length == 0:  # the last part reaches to the end of the codestream
            if DATA_END in frame[-64:]:
                found.add(number)
            break
        if length < 14 or at + length > len(frame):
            found.discard(number)
            break
        found.add(number)
        at += length
    return {number for number in found if number < tiles}
