"""The program that runs foreign decoders apart from the rest, since damaged films make some end their process.

Started by `codecs` as a script. It reads jobs from standard input until that closes, each `JOB` (index into `KINDS`,
rows, columns, bits, length) and that many bytes of codestream, and answers on standard output with a length, `FAILED`
when the decoder raised, and that many bytes of samples: rows from the top, 1 byte a sample for up to 8 bits, else 2,
little endian. It knows nothing of the rest of Groundglass and imports none of it.
"""

import resource
import struct
import sys

JOB, ANSWER, FAILED = struct.Struct("<5I"), struct.Struct("<I"), 2 ** 32 - 1
MOST_MEMORY = 3 * 2 ** 30  # three times what 100 megapixels take on their way out of GDCM


def serve():
    """Answer jobs until standard input closes."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while len(head := source.read(JOB.size)) == JOB.size:
        kind, rows, columns, bits, length = JOB.unpack(head)
        frame = source.read(length)
        try:
            samples = KINDS[tuple(KINDS)[kind]](frame, rows, columns, bits)
        except BaseException:  # a panic of the RLE decoder is no Exception
            sink.write(ANSWER.pack(FAILED))
        else:
            sink.write(ANSWER.pack(len(samples)))
            sink.write(samples)
        sink.flush()


def _jpeg_ls(frame, rows, columns, bits):
    import jpeg_ls

    return jpeg_ls.decode_pixel_data(frame)[0]


def _jpeg_2000(frame, rows, columns, bits):
    from openjpeg import decode_pixel_data

    return decode_pixel_data(frame, version=2)


def _rle(frame, rows, columns, bits):
    from rle.utils import decode_pixel_data

    return decode_pixel_data(frame, version=2, rows=rows, columns=columns, bits_allocated=bits)


def _lossless(frame, rows, columns, bits):
    return _by_gdcm(frame, rows, columns, bits, "1.2.840.10008.1.2.4.57")


def _dct(frame, rows, columns, bits):
    return _by_gdcm(frame, rows, columns, bits, "1.2.840.10008.1.2.4.51")


def _by_gdcm(frame, rows, columns, bits, syntax):
    """JPEG lossless and 12-bit DCT, which only GDCM decodes among the free libraries."""
    import gdcm

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


KINDS = {"JPEG-LS": _jpeg_ls, "JPEG 2000": _jpeg_2000, "RLE": _rle, "JPEG lossless": _lossless, "JPEG": _dct}

if __name__ == "__main__":
    serve()
