"""The program that runs foreign decoders apart from the rest, since damaged films make some end their process.

Started by `decoding` as a script. It reads jobs from standard input until that closes, each `JOB` (index into `KINDS`,
rows, columns, bits, length) and that many bytes of codestream. It answers on standard output with `ANSWER` (status,
length) and that many bytes: samples after `DONE`, rows from the top, 1 byte a sample for up to 8 bits, else 2, little
endian; after `FAILED` a few words of why. A decoder that so much as warns has failed: what it made would be a picture
that is partly wrong. It knows nothing of the rest of Groundglass and imports none of it.
"""

import os
import resource
import struct
import sys

JOB, ANSWER, DONE, FAILED = struct.Struct("<5I"), struct.Struct("<BI"), 0, 1
BASE, EACH = 384 * 2 ** 20, 16  # bytes of address space: of the program itself, and for each pixel of a job
PROBING = b"Unsupported JPEG data precision"  # GDCM tries its decoders of 8, 12 and 16 bits in turn
SECONDS = 10  # of the processor, for one job; the parent's own watch is shorter unless the parent is gone


def serve():
    """Answer jobs until standard input closes."""
    source, sink, warned = sys.stdin.buffer, sys.stdout.buffer, _listen()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # nothing here writes a file
    while len(head := source.read(JOB.size)) == JOB.size:
        kind, rows, columns, bits, length = JOB.unpack(head)
        frame = source.read(length)
        _limit(rows * columns)
        status, answer = _answer(KINDS[tuple(KINDS)[kind]], frame, rows, columns, bits)
        words = _heard(warned)
        if words and status == DONE:
            status, answer = FAILED, words
        sink.write(ANSWER.pack(status, len(answer)))
        sink.write(answer)
        sink.flush()


def _answer(decoder, frame, rows, columns, bits):
    try:
        return DONE, decoder(frame, rows, columns, bits)
    except BaseException as failure:  # a panic of the RLE decoder is no Exception
        return FAILED, f"{failure or type(failure).__name__}".encode("utf-8", "replace")[:300]


def _limit(pixels):
    """Allow the next job as much memory and processor time as its pixels can need, and no more."""
    most = BASE + EACH * pixels
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + SECONDS
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))


def _listen():
    """The reading end of a pipe that stands where standard error was."""
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)  # who warns without end is not waited for
    os.dup2(writing, 2)
    return reading


def _heard(reading):
    """What was said on standard error since last time, at most a few words of it."""
    said = b""
    while True:
        try:
            said += os.read(reading, 65536)
        except BlockingIOError:
            return b" ".join(line for line in said.split(b"\n") if line and not line.startswith(PROBING))[:300]


def _jpeg_ls(frame, rows, columns, bits):
    import jpeg_ls

    return jpeg_ls.decode_pixel_data(frame)[0]


def _jpeg_2000(frame, rows, columns, bits):
    from openjpeg import decode_pixel_data

    return decode_pixel_data(frame, version=2)


def _rle(frame, rows, columns, bits):
    """PS3.5 Annex G. The library believes any header, so it is given one segment at a time."""
    import numpy as np
    from rle.rle import decode_segment

    count, *offsets = struct.unpack("<16I", frame[:64])
    ends = [*offsets[1:count], len(frame)]
    if count != bits // 8 or offsets[0] != 64 or any(a >= b for a, b in zip(offsets[:count], ends, strict=True)):
        raise ValueError(f"its header names {count} segments at {offsets[:3]}")
    samples = np.empty((rows * columns, count), np.uint8)
    for place, (start, end) in enumerate(zip(offsets, ends, strict=False), 1):
        plane = decode_segment(frame[start:end])
        if not 0 <= len(plane) - rows * columns <= 2:  # a zero byte may fill up a segment
            raise ValueError(f"segment {place} holds {len(plane)} bytes of {rows * columns}")
        samples[:, count - place] = np.frombuffer(plane, np.uint8, rows * columns)
    return samples.data.cast("B")


def _dct_8(frame, rows, columns, bits):
    import simplejpeg

    return simplejpeg.decode_jpeg(_sequential(frame), "GRAY", strict=True).tobytes()


def _sequential(frame):
    """The frame with the spectral selection that a sequential scan must have (ISO 10918-1 B.2.3, table B.3).

    Some makers leave it 0; every decoder reads over it, but not without a warning.
    """
    at, sequential = 2, False
    while at + 4 <= len(frame) and frame[at] == 0xFF and frame[at + 1] != 0xDA:
        sequential |= frame[at + 1] in (0xC0, 0xC1)
        at += 1 if frame[at + 1] == 0xFF else 2 + max(2, int.from_bytes(frame[at + 2:at + 4], "big"))
    start = at + 5 + 2 * frame[at + 4] if at + 4 < len(frame) else len(frame)
    return frame[:start] + b"\0\x3f\0" + frame[start + 3:] if sequential and start + 3 < len(frame) else frame


def _lossless(frame, rows, columns, bits):
    return _by_gdcm(frame, rows, columns, bits, "1.2.840.10008.1.2.4.57")


def _dct(frame, rows, columns, bits):
    return _by_gdcm(_sequential(frame), rows, columns, bits, "1.2.840.10008.1.2.4.51")


def _by_gdcm(frame, rows, columns, bits, syntax):
    """JPEG lossless and 12-bit DCT, which only GDCM decodes among the free libraries."""
    import gdcm

    gdcm.Trace.WarningOn()
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((columns, rows, 1))
    image.SetDataElement(element)
    grey = gdcm.PhotometricInterpretation.GetPIType("MONOCHROME2")
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(grey))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    image.SetPixelFormat(gdcm.PixelFormat(1, 8 if bits <= 8 else 16, bits, bits - 1, 0))
    return image.GetBuffer().encode("utf-8", "surrogateescape")  # SWIG hands the bytes over as text


KINDS = {"JPEG-LS": _jpeg_ls, "JPEG 2000": _jpeg_2000, "RLE": _rle, "JPEG lossless": _lossless, "JPEG": _dct,
         "8-bit JPEG": _dct_8}

if __name__ == "__main__":
    serve()
