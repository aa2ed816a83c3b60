"""A film as one body of bytes for the browser, without loss: a header, its looks as tables, its pixels.

    b"GGF1" | length of header, uint32 little-endian | header, JSON in UTF-8
            | one table of 65,536 bytes per look: index -> grey level 0..255
            | when the header's "modality" is null: 65,536 float32 little-endian, index -> modality value
            | byte planes of the pixels: all low bytes, then (16-bit films) all high bytes; row by row

A pixel's *index* is its stored value plus the header's "offset" (32,768 for signed films, else 0). The planes hold the
zigzag code of the difference to the index on the left (0 left of the first column), modulo 256 or 65,536: neighbours
on a radiograph differ little, so the high plane is nearly empty and both deflate well. The body is deflated (zlib,
RFC 1950) for transport as HTTP `Content-Encoding: deflate`, which every browser undoes by itself. `unpack.js` is the
other half.

This module knows nothing of DICOM, files or Streamlit.
"""

import json
import os
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np

MAGIC = b"GGF1"
INDICES = 65_536
STRIP = 2 ** 20  # pixels coded at a time
PIECE = 2 ** 22  # bytes deflated at a time
ZLIB_HEAD = bytes((0x78, 0x01))  # deflate with a window of 32 KiB, fastest (RFC 1950)


def pack(pixels, header, tables, modality=None):
    """The body, not yet deflated, of `pixels` [H,W] (uint8, uint16 or int16, values as stored).

    `tables` [L,65536] uint8 is one row per look; `modality` float32 [65536], index -> modality value, or None when the
    header's "modality" holds its (slope, intercept). `header` is any JSON object; size, offset, number of bytes per
    pixel and of looks are added to it.
    """
    indices, offset = _indices(pixels)
    tables = np.ascontiguousarray(tables, np.uint8).reshape(-1, INDICES)
    own = {"height": pixels.shape[0], "width": pixels.shape[1], "offset": offset, "bytes": indices.dtype.itemsize,
           "tables": len(tables)}
    text = json.dumps({"modality": None, **header, **own}, separators=(",", ":")).encode()
    parts = [MAGIC, len(text).to_bytes(4, "little"), text, tables.tobytes()]
    if modality is not None:
        parts.append(np.ascontiguousarray(modality, "<f4").reshape(INDICES).tobytes())
    return b"".join(parts + _planes(indices))


def deflate(body):
    """`body` as a zlib stream; runs of one byte only, for on a film longer matches cost more than they save.

    Measured on films of 4 to 15 million pixels: a fifth smaller than the default strategy at level 1, or as small in
    half the time. Large bodies are cut in pieces for all processors: blocks of one deflate stream (RFC 1951) may come
    from different compressors when each piece ends on a byte, as a sync flush does it.
    """
    whole = memoryview(body)  # pieces of it are no copies
    pieces = [whole[start:start + PIECE] for start in range(0, len(whole), PIECE)] or [b""]
    with ThreadPoolExecutor(min(len(pieces), os.cpu_count() or 1)) as crew:
        blocks = list(crew.map(_blocks, pieces, [zlib.Z_SYNC_FLUSH] * (len(pieces) - 1) + [zlib.Z_FINISH]))
    return b"".join([ZLIB_HEAD, *blocks, zlib.adler32(body).to_bytes(4, "big")])


def _blocks(piece, end):
    stream = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_RLE)
    return stream.compress(piece) + stream.flush(end)


def unpack(body):
    """(pixels, header, tables, modality) of a body made by `pack`, for tests and for clients in Python.

    Raises `ValueError` when the body is not one or is cut short.
    """
    if body[:4] != MAGIC:
        raise ValueError(f"the body begins with {body[:4]!r}, but a film begins with {MAGIC!r}")
    start = 8 + int.from_bytes(body[4:8], "little")
    header = json.loads(body[8:start])
    tables = np.frombuffer(body, np.uint8, header["tables"] * INDICES, start).reshape(-1, INDICES)
    start += tables.size
    modality = None
    if header["modality"] is None:
        modality = np.frombuffer(body, "<f4", INDICES, start)
        start += modality.nbytes
    shape = (header["height"], header["width"])
    code = np.zeros(shape, np.uint16)
    for plane in range(header["bytes"]):
        low = np.frombuffer(body, np.uint8, code.size, start + plane * code.size).reshape(shape)
        code |= low.astype(np.uint16) << (8 * plane)
    difference = (code >> 1) ^ (0 - (code & 1))
    indices = np.cumsum(difference, axis=1, dtype=np.uint16)
    if header["bytes"] == 1:
        indices = indices.astype(np.uint8)
    elif header["offset"]:
        indices = (indices - np.uint16(header["offset"])).view(np.int16)
    return indices, header, tables, modality


def _indices(pixels):
    if pixels.dtype == np.int16:
        return pixels.view(np.uint16) + np.uint16(32_768), 32_768
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"pixels are {pixels.dtype}, but must be uint8, uint16 or int16, as stored")
    return pixels, 0


def _planes(indices):
    """The byte planes of `indices` [H,W], low first; made a few rows at a time to spare memory."""
    planes = [np.empty(indices.shape, np.uint8) for _ in range(indices.itemsize)]
    step = max(1, STRIP // max(1, indices.shape[1]))
    for start in range(0, len(indices), step):
        rows = slice(start, start + step)
        code = _zigzag(indices[rows])
        for place, plane in enumerate(planes):
            plane[rows] = code >> (8 * place)
    return planes


def _zigzag(indices):
    code = indices.copy()
    code[:, 1:] -= indices[:, :-1]
    sign = code.view(np.int8 if code.itemsize == 1 else np.int16)
    return ((sign << 1) ^ (sign >> (8 * code.itemsize - 1))).view(indices.dtype)
