"""More of the corpus of `hostile`: headers and codestreams crossed with each other, meta headers, tables, real colour.

See `hostile.Case`; "either" with known pixels means shown as they went in, or refused.
"""

import io
import json
import os
import struct
import zipfile
from itertools import product

import cv2
import numpy as np
import pydicom
import torch
from film_files import empty_htj2k, encoded, film_file
from hostile import BYTES, CODED, GOOD, RAMP, TWELVE, Case, _film, coded_film, frame_of
from pydicom import uid
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.tag import Tag

NATIVE = (uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian,
          uid.DeflatedExplicitVRLittleEndian)
OTHERS = ("1.2.840.113619.5.2", "1.2.826.0.1.3680043.2.1143.107.104.103.115.2.8", "1.2.3.4", "9" * 80, "x", "",
          "1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.7.1",
          "1.2.840.10008.1.2.4.52", "1.2.840.10008.1.2.4.66", "1.2.840.10008.1.2.8.1", "1.2.840.10008.1.1",
          "1.2.840.10008.1.20", "\x1b[31m", "<script>", "=1+1", "%s", "../../x")
ROUND = {"BitsStored": 16, "HighBit": 15}


def films(folder):
    """The `Case`s, written to `folder`."""
    return [*_labelled(folder), *_crossed(folder), *_signed(folder), *_layouts(folder), *_colours(folder),
            *_frames(folder), *_tables(folder), *_metas(folder), *_doubled(folder), *_values(folder), *_jpegs(folder),
            *_fragments(folder), *_attributes(folder)]


def _relabelled(folder, name, verdict, path, syntax, pixels=RAMP):
    """The film at `path` with another transfer syntax in its meta header, which nothing else follows."""
    data, old = path.read_bytes(), pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID
    padded = [text.encode() + b"\0" * (len(text) % 2) for text in (str(old), syntax)]
    mark = b"\x02\0\x10\0UI"
    before = mark + struct.pack("<H", len(padded[0])) + padded[0]
    assert before in data
    after = data.replace(before, mark + struct.pack("<H", len(padded[1])) + padded[1], 1)
    length = struct.unpack("<I", after[140:144])[0] + len(padded[1]) - len(padded[0])
    target = folder / f"{name.replace(' ', '-').replace('/', '-')}.dcm"
    target.write_bytes(after[:140] + struct.pack("<I", length) + after[144:])
    return Case(name, target, verdict, pixels)


def _labelled(folder):
    """Every sort of pixel data under every other transfer syntax, and under those that nobody knows."""
    cases = []
    for number, (made, said) in enumerate(product((*NATIVE, *CODED), (*NATIVE, *CODED, uid.HTJ2KLossless,
                                                                       uid.JPEGExtended12Bit))):
        if made != said:
            pixels = BYTES if made == uid.JPEGBaseline8Bit else RAMP
            source = coded_film(folder / "source.dcm", made)
            cases.append(_relabelled(folder, f"label {number} {uid.UID(made).name} as {uid.UID(said).name}", "either",
                                     source, said, pixels))
    for number, other in enumerate(OTHERS):
        for made in (uid.ExplicitVRLittleEndian, uid.JPEGLSLossless):
            source = coded_film(folder / "source.dcm", made)
            verdict = "either" if made == uid.ExplicitVRLittleEndian or not other else "refused"
            cases.append(_relabelled(folder, f"syntax {number} {made[-2:]}", verdict, source, other))
    return cases


def _crossed(folder):
    """Size, precision and number of parts: the header says one thing, the codestream another."""
    cases, other = [], RAMP[:-2, :-2].copy()
    for syntax in (uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.RLELossless):
        turned = "either" if syntax == uid.RLELossless else "refused"  # RLE knows no rows
        frames = {
            "smaller": (encoded(other, syntax), "refused"),
            "transposed": (encoded(RAMP.T.copy(), syntax), turned),
            "wider": (encoded(np.pad(RAMP, 2), syntax), "refused"), "bytes": (encoded(BYTES, syntax), "either"),
            "full": (encoded(RAMP * 16 + 15, syntax), "either"),
            "few": (encoded(RAMP[:32, :32].copy(), syntax), "refused"),
        }
        for name, (frame, verdict) in frames.items():
            kept = {"bytes": BYTES, "full": RAMP * 16 + 15, "transposed": RAMP.T.reshape(RAMP.shape)}.get(name, RAMP)
            odd = frame + b"\0" * (len(frame) % 2)
            case = _film(folder, f"crossed {syntax[-2:]} {name}", verdict, RAMP, syntax, odd, **ROUND)
            cases.append(Case(case.name, case.path, verdict, kept))
        for bits in (1, 8, 11, 13, 16):
            frame = encoded(RAMP, syntax)
            cases.append(_film(folder, f"crossed {syntax[-2:]} stored {bits}", "either", RAMP, syntax,
                               frame + b"\0" * (len(frame) % 2), BitsStored=bits, HighBit=bits - 1))
    good = cv2.imencode(".jpg", BYTES)[1].tobytes()
    for name, picture in {"colour": np.repeat(BYTES[..., None], 3, 2), "small": BYTES[:8, :8]}.items():
        frame = cv2.imencode(".jpg", picture)[1].tobytes()
        cases.append(_film(folder, f"crossed JPEG {name}", "refused", BYTES, uid.JPEGBaseline8Bit,
                           frame + b"\0" * (len(frame) % 2)))
    case = _film(folder, "crossed JPEG in words", "either", BYTES.astype(np.uint16), uid.JPEGBaseline8Bit,
                 good + b"\0" * (len(good) % 2), **ROUND)
    cases.append(Case(case.name, case.path, "either", BYTES))
    for precision in (1, 8, 12, 15, 16):
        case = _film(folder, f"crossed HTJ2K {precision}", "either", RAMP, uid.HTJ2KLossless,
                     empty_htj2k(40, 64, precision), **TWELVE)
        cases.append(Case(case.name, case.path, "either", np.full((40, 64), 2 ** (precision - 1))))
    return cases


def _signed(folder):
    """Signed and unsigned values, in each syntax, as two's complement of Bits Stored."""
    values = np.minimum(RAMP.astype(np.int16) - 1500, 2047)
    cases = [_film(folder, f"signed {syntax[-5:]}", "shown", values, syntax) for syntax in
             (*NATIVE, uid.JPEGLSLossless, uid.RLELossless)]
    for bits in (12, 13, 14):
        words = (values & (2 ** bits - 1)).astype(np.uint16)
        for syntax in (uid.ExplicitVRLittleEndian, uid.JPEGLSLossless, uid.RLELossless):
            case = _film(folder, f"signed in {bits} bits {syntax[-2:]}", "shown", words, syntax, BitsStored=bits,
                         HighBit=bits - 1, PixelRepresentation=1)
            cases.append(Case(case.name, case.path, "shown", values))
    for name, each, said, verdict in (("below 0", values, 0, "refused"), ("above 0", RAMP.astype(np.int16), 0, "shown"),
                                      ("as said", values, 1, "shown")):
        cases.append(_film(folder, f"signed codestream {name}", verdict, each, uid.JPEG2000Lossless,
                           PixelRepresentation=said))
    eight = (BYTES.astype(int) - 128).astype(np.int8)
    return [*cases, _film(folder, "signed bytes", "shown", eight), _film(folder, "signed RLE bytes", "shown", eight,
                                                                       uid.RLELossless)]


def _layouts(folder):
    """Values anywhere in their words, overlays in spare bits, odd sizes, bytes in words."""
    cases = []
    for high in range(11, 16):
        shift = high - 11
        case = _film(folder, f"high bit {high} meant", "shown", (RAMP << shift).astype(np.uint16), BitsStored=12,
                     HighBit=high)
        cases.append(Case(case.name, case.path, "shown", RAMP))
    overlaid = RAMP | (np.indices(RAMP.shape).sum(0) % 2 << 15).astype(np.uint16)
    with_overlay = _film(folder, "overlay in spare bits", "shown", overlaid, **TWELVE)
    dataset = pydicom.dcmread(with_overlay.path)
    dataset.add_new(0x60000102, "US", 15)
    dataset.add_new(0x60000100, "US", 16)
    dataset.save_as(with_overlay.path)
    cases.append(Case(with_overlay.name, with_overlay.path, "shown", RAMP))
    cases.append(_film(folder, "strays without overlay", "refused", overlaid, **TWELVE))
    for rows, columns in ((1, 1), (1, 7), (7, 1), (3, 5), (5, 3), (255, 1), (1, 4096)):
        some = (np.arange(rows * columns).reshape(rows, columns) % 251).astype(np.uint8)
        for syntax in (*NATIVE, uid.RLELossless):
            cases.append(_film(folder, f"{rows} x {columns} {syntax[-4:]}", "either", some, syntax))
    for value in (0, 1, 4095):
        flat = np.full((40, 64), value, np.uint16)
        cases += [_film(folder, f"flat {value} {syntax[-4:]}", "shown", flat, syntax, **TWELVE)
                  for syntax in (NATIVE[1], uid.RLELossless, uid.JPEG2000Lossless)]
    for extra in (1, 2, 3, 126, 128, 5000):
        data = RAMP.tobytes() + bytes(extra)
        cases.append(_film(folder, f"{extra} bytes more", "either", PixelData=data + b"\0" * (len(data) % 2), **TWELVE))
    return cases


def _colours(folder):
    """Three samples a pixel, palettes and planes, as they are really written."""
    colour = np.stack([BYTES, BYTES // 2, BYTES // 3], axis=2)
    cases = []
    for scheme, plane in product(("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420", "HSV",
                                  "CMYK", "MONOCHROME2"), (0, 1, 2)):
        cases.append(_film(folder, f"colour {scheme} {plane}", "refused", BYTES, PixelData=colour.tobytes(),
                           SamplesPerPixel=3, PlanarConfiguration=plane, PhotometricInterpretation=scheme))
    palette = np.arange(256, dtype="<u2").tobytes()
    for descriptor in ([256, 0, 16], [0, 0, 16], [256, 0, 99], [256]):
        cases.append(_film(folder, f"palette {len(descriptor)} {descriptor[-1]} {descriptor[0]}", "refused", BYTES,
                           PhotometricInterpretation="PALETTE COLOR", RedPaletteColorLookupTableDescriptor=descriptor,
                           RedPaletteColorLookupTableData=palette))
    jpeg = cv2.imencode(".jpg", colour)[1].tobytes()
    for scheme in ("RGB", "YBR_FULL_422", "MONOCHROME2"):
        cases.append(_film(folder, f"colour JPEG {scheme}", "refused", BYTES, uid.JPEGBaseline8Bit,
                           jpeg + b"\0" * (len(jpeg) % 2), SamplesPerPixel=3, PhotometricInterpretation=scheme))
    return cases


def _frames(folder):
    """Several frames, one of many, and tables of frames that lie."""
    one = encoded(RAMP, uid.JPEGLSLossless)
    cases = [_film(folder, f"frames {count} {kind}", "refused", PixelData=data, NumberOfFrames=count, **TWELVE)
             for count, data, kind in (("2", RAMP.tobytes() * 2, "native"), ("3", RAMP.tobytes() * 3, "native"),
                                       ("2", RAMP.tobytes(), "short"), ("1000000000", RAMP.tobytes(), "many"))]
    for number, text in enumerate(("1.0", " 1 ", "01", "1\\1", "one", "-0", "1e0", "0x1", "1" * 12)):
        cases.append(_worded(folder, f"frames text {number}", "either", "NumberOfFrames", text))
    made, offsets, lengths = encapsulate_extended([one])
    even = one + b"\0" * (len(one) % 2)
    for name, table, sizes in (("good", offsets, lengths), ("huge", b"\xff" * 8, b"\xff" * 8), ("odd", b"\1\2\3", b""),
                               ("long", bytes(800_000), bytes(8))):
        case = _film(folder, f"extended offsets {name}", "shown", RAMP, uid.JPEGLSLossless, even, **TWELVE)
        dataset = pydicom.dcmread(case.path)
        dataset.add_new(0x7FE00001, "OV", table + b"\0" * (len(table) % 2))
        dataset.add_new(0x7FE00002, "OV", sizes)
        with pydicom.config.disable_value_validation():
            dataset.save_as(case.path)
        cases.append(case)
    return [*cases, _film(folder, "frames two in one", "refused", RAMP, uid.JPEGLSLossless, even, NumberOfFrames="2",
                          **TWELVE),
            _film(folder, "frames encapsulated twice", "refused", RAMP, uid.ExplicitVRLittleEndian, None,
                  PixelData=encapsulate([one]), **TWELVE)]


def _tables(folder):
    """VOI and Modality tables: descriptors of either sign, few and many bits, data as words, bytes and numbers."""
    def item(descriptor, data, vr="OW"):
        found = Dataset()
        found.add_new(Tag("LUTDescriptor"), "SS" if min(descriptor) < 0 else "US", descriptor)
        found.add_new(Tag("LUTData"), vr, data)
        return found

    steep = np.linspace(0, 65535, 4096).astype("<u2")
    items = {
        "sixteen": item([4096, 0, 16], steep.tobytes()), "numbers": item([4096, 0, 16], steep.tolist(), "US"),
        "negative": item([4096, -2048, 16], steep.tobytes()), "late": item([4096, 60000, 16], steep.tobytes()),
        "bytes": item([4096, 0, 8], bytes(range(256)) * 16), "byte words": item([4096, 0, 8], (steep >> 8).tobytes()),
        "falling": item([4096, 0, 16], steep[::-1].tobytes()), "odd bits": item([4096, 0, 10], (steep >> 6).tobytes()),
        "over": item([4096, 0, 10], steep.tobytes()), "ramp of two": item([2, 2000, 16], b"\0\0\xff\xff"),
    }
    cases = []
    for name, each in items.items():
        for kind in ("VOI", "Modality"):
            cases.append(_film(folder, f"{kind} table {name}", "either", **TWELVE, **{f"{kind}LUTSequence": [each]}))
        cases.append(_film(folder, f"both tables {name}", "either", **TWELVE, VOILUTSequence=[each],
                           ModalityLUTSequence=[each]))
    deep = Dataset()
    deep.VOILUTSequence = [items["sixteen"]]
    return [*cases, _film(folder, "table in a table", "either", **TWELVE, VOILUTSequence=[deep]),
            _film(folder, "two modality tables", "either", **TWELVE, ModalityLUTSequence=list(items.values())[:2])]


def _metas(folder):
    """The file meta information missing, doubled, too long, in another VR, or without a preamble."""
    plain = film_file(folder / "meta.dcm", RAMP, **TWELVE).read_bytes()
    start = plain.index(b"\x08\0\x16\0UI")
    meta, body = plain[132:start], plain[start:]
    implicit = film_file(folder / "meta-implicit.dcm", RAMP, uid.ImplicitVRLittleEndian, **TWELVE).read_bytes()
    bare = implicit[implicit.index(b"\x08\0\x16\0"):]
    front = b"\0" * 128 + b"DICM"
    contents = {
        "no meta": (front + body, "either"), "no preamble": (meta + body, "either"), "bare": (body, "either"),
        "bare implicit": (bare, "either"), "doubled": (front + meta + meta + body, "either"),
        "length 0": (front + meta[:8] + bytes(4) + meta[12:] + body, "shown"),
        "length huge": (front + meta[:8] + b"\xff\xff\xff\x7f" + meta[12:] + body, "either"),
        "length short": (front + meta[:8] + b"\x10\0\0\0" + meta[12:] + body, "either"),
        "no length": (front + meta[12:] + body, "either"),
        "lower case": (b"\0" * 128 + b"dicm" + meta + body, "refused"),
        "preamble of text": (b"II*\0" + b"x" * 124 + b"DICM" + meta + body, "shown"),
        "two preambles": (front + front + meta + body, "either"),
        "byte order mark": (b"\xef\xbb\xbf" + plain, "refused"),
        "crlf": (plain.replace(b"\n", b"\r\n"), "either"), "doubled file": (plain + plain, "either"),
        "padding after": (plain + b"\xfc\xff\xfc\xff" + b"OB\0\0\x10\0\0\0" + bytes(16), "shown"),
        "zeros after": (plain + bytes(10_000), "either"), "meta alone": (front + meta, "refused"),
        "gzip": (b"\x1f\x8b\x08\0" + plain, "refused"), "mail": (b"Content-Type: application/dicom\r\n\r\n" + plain,
                                                                  "refused"),
    }
    cases = []
    for name, (content, verdict) in contents.items():
        path = folder / f"meta-{name.replace(' ', '-')}.dcm"
        path.write_bytes(content)
        cases.append(Case(f"meta {name}", path, verdict, RAMP))
    return cases


def _doubled(folder):
    """Elements twice, out of order, empty, or of another length than their VR."""
    plain = film_file(folder / "twice.dcm", RAMP, **TWELVE).read_bytes()
    rows, pixel = plain.index(b"\x28\0\x10\0US"), plain.index(b"\xe0\x7f\x10\0OW")
    cells = {
        "rows twice": plain[:rows] + plain[rows:rows + 10] * 2 + plain[rows + 10:],
        "rows differ": plain[:rows] + b"\x28\0\x10\0US\2\0\x01\0" + plain[rows:],
        "rows last": plain[:rows] + plain[rows + 10:pixel] + plain[rows:rows + 10] + plain[pixel:],
        "rows empty": plain.replace(b"\x28\0\x10\0US\2\0\x28\0", b"\x28\0\x10\0US\0\0"),
        "rows two": plain.replace(b"\x28\0\x10\0US\2\0\x28\0", b"\x28\0\x10\0US\4\0\x28\0\x28\0"),
        "rows long": plain.replace(b"\x28\0\x10\0US\2\0\x28\0", b"\x28\0\x10\0UL\4\0\x28\0\0\0"),
        "rows text": plain.replace(b"\x28\0\x10\0US\2\0\x28\0", b"\x28\0\x10\0IS\2\0" b"40"),
        "pixels twice": plain + plain[pixel:], "pixels first": plain[:rows] + plain[pixel:] + plain[rows:pixel],
        "pixels of no length": plain[:pixel] + b"\xe0\x7f\x10\0OW\0\0\xff\xff\xff\xff" + RAMP.tobytes(),
        "pixels of no bytes": plain[:pixel] + b"\xe0\x7f\x10\0OW\0\0\0\0\0\0",
        "pixels of 4 GB": plain[:pixel] + b"\xe0\x7f\x10\0OW\0\0\xfe\xff\xff\xff" + RAMP.tobytes(),
        "pixels of short length": plain[:pixel] + b"\xe0\x7f\x10\0OB" + struct.pack("<H", RAMP.nbytes) + RAMP.tobytes(),
        "end of sequence": plain[:pixel] + b"\xfe\xff\xdd\xe0\0\0\0\0" + plain[pixel:],
    }
    cases = []
    for name, content in cells.items():
        path = folder / f"doubled-{name.replace(' ', '-')}.dcm"
        path.write_bytes(content)
        cases.append(Case(f"elements {name}", path, "refused" if name == "rows empty" else "either", RAMP))
    return cases


def _values(folder):
    """Texts that numbers, dates, names and UIDs are not; none of them changes a picture."""
    odd = ("", " ", "\\", "\\\\\\", "\0", "\n", "a\nb", "<img src=x onerror=alert(1)>", "=cmd()", "{0}%s%n", "‮abc",
           "’;--", "X" * 5000, "1e9999", "-", ".", "+.e", "9" * 300, "../../../etc/passwd", "\x1b]0;x\x07", "\ud800")
    cases = []
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "SOPInstanceUID", "ViewPosition", "ImageLaterality",
                    "BodyPartExamined", "PixelSpacing", "ImagerPixelSpacing", "PatientOrientation",
                    "WindowCenterWidthExplanation", "StudyDate", "PatientAge", "InstanceNumber"):
        for number, text in enumerate(odd):
            cases.append(_worded(folder, f"value {keyword} {number}", "shown", keyword, text))
    return cases


def _worded(folder, name, verdict, keyword, text):
    """A film with any text in an attribute, in the attribute's own VR."""
    path, tag = folder / f"{name.replace(' ', '-')}.dcm", Tag(keyword)
    film_file(path, RAMP, **TWELVE)
    raw = text.encode("utf-8", "surrogatepass")
    raw += b" " * (len(raw) % 2)
    head = struct.pack("<HH2sH", tag.group, tag.element, dictionary_VR(tag).encode(), len(raw))
    path.write_bytes(_inserted(path.read_bytes(), tag, head + raw))
    return Case(name, path, verdict, RAMP)


def _inserted(data, tag, element):
    """`data` of an explicit film with `element` where `tag` belongs, in place of one that is there."""
    at = data.index(b"\x08\0\x16\0UI")
    while at < len(data):
        group, number, length = *struct.unpack("<HH", data[at:at + 4]), struct.unpack("<H", data[at + 6:at + 8])[0]
        if Tag(group, number) >= tag:
            end = at + 8 + length if Tag(group, number) == tag else at
            return data[:at] + element + data[end:]
        at += 8 + length
    raise ValueError(tag)


def _jpegs(folder):
    """JPEG with restart markers, comments, fill bytes, other tables, thumbnails, and rubbish between its parts."""
    rng = np.random.default_rng(5)
    noise = rng.integers(0, 255, (40, 64), np.uint8)
    good = cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    scan, frame = good.index(b"\xff\xda"), good.index(b"\xff\xc0")
    variants = {
        "restarts": cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, 100, cv2.IMWRITE_JPEG_RST_INTERVAL, 2])[1]
        .tobytes(), "optimised": cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, 100,
                                                              cv2.IMWRITE_JPEG_OPTIMIZE, 1])[1].tobytes(),
        "comment": good[:2] + b"\xff\xfe\0\x08abcdef" + good[2:], "fill": good[:frame] + b"\xff\xff" + good[frame:],
        "thumbnail": good[:2] + b"\xff\xe1" + struct.pack(">H", len(good) + 2) + good + good[2:],
        "rubbish": good[:scan] + b"rubbish" + good[scan:], "no size": good[:frame + 5] + bytes(2) + good[frame + 7:],
        "two frames": good[:scan] + good[frame:scan] + good[scan:], "after": good + b"rubbish " * 20,
        "no huffman": good[:good.index(b"\xff\xc4")] + good[scan:],
        "wrong scan": good[:scan + 5] + b"\7" + good[scan + 6:],
        "restart missing": good[:scan] + b"\xff\xdd\0\4\0\1" + good[scan:],
    }
    for number in range(25):
        at = int(rng.integers(scan + 14, len(good) - 4))
        variants[f"scan hit {number}"] = good[:at] + bytes([int(rng.integers(0, 255))]) + good[at + 1:]
    cases = []
    for name, odd in variants.items():
        case = _film(folder, f"JPEG {name}", "either", noise, uid.JPEGBaseline8Bit, odd + b"\0" * (len(odd) % 2))
        cases.append(Case(case.name, case.path, "either", None if "hit" in name else noise))
    return cases


def _fragments(folder):
    """One frame of each codec in many pieces, which any film may be cut into (PS3.5 A.4)."""
    cases = []
    for syntax in CODED:
        frame = frame_of(coded_film(folder / "source.dcm", syntax))
        pixels = BYTES if syntax == uid.JPEGBaseline8Bit else RAMP
        for size in (2, 16, 1000):
            item = b"\xfe\xff\0\xe0"
            pieces = b"".join(item + struct.pack("<I", len(frame[at:at + size])) + frame[at:at + size]
                              for at in range(0, len(frame), size))
            case = _film(folder, f"pieces of {size} {syntax[-2:]}", "shown", pixels, syntax, b"\0\0",
                         **({} if pixels is BYTES else TWELVE))
            head = case.path.read_bytes().split(b"\xe0\x7f\x10\0OB")[0]
            case.path.write_bytes(head + b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + item + bytes(4) + pieces
                                  + b"\xfe\xff\xdd\xe0\0\0\0\0")
            cases.append(case)
    return cases


def _attributes(folder):
    """Windows, slopes and padding in combination, none of which changes the stored values."""
    cases = []
    windows = ((0, 1), (2047, 4096), (-1e5, 10), (1e5, 10), (500, 0.5), (500, 1e9), (500, -3), (1e9, 1e9))
    for number, ((centre, width), function, slope) in enumerate(product(
            windows, ("LINEAR", "LINEAR_EXACT", "SIGMOID"), ("1", "-1", "0.5"))):
        cases.append(_film(folder, f"window {number}", "shown", WindowCenter=str(centre), WindowWidth=str(width),
                           VOILUTFunction=function, RescaleSlope=slope, RescaleIntercept="-7", **TWELVE))
    for number, (low, high) in enumerate(((0, 0), (0, 4095), (4095, 0), (65535, 65535), (-1, -1), (100, 200))):
        for vr in ("US", "SS"):
            path = film_file(folder / f"padding-{number}-{vr}.dcm", RAMP, **TWELVE)
            dataset = pydicom.dcmread(path)
            wrapped = [np.array(each).astype("i2" if vr == "SS" else "u2").item() for each in (low, high)]
            dataset.add_new(0x00280120, vr, wrapped[0])
            dataset.add_new(0x00280121, vr, wrapped[1])
            dataset.save_as(path)
            cases.append(Case(f"padding {number} {vr}", path, "shown", RAMP))
    return cases


def weights(folder, good):
    """More weights files that must be refused, made from the file `good`: [(name, path)]."""
    data = good.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8:8 + length]), data[8 + length:]
    names = [name for name in header if name != "__metadata__"]
    first, second = names[:2]

    def whole(changed, tail=body):
        text = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
        return len(text).to_bytes(8, "little") + text + tail

    def tensor(**changes):
        return whole({**header, first: {**header[first], **changes}})

    text, pickled, archived = json.dumps(header), io.BytesIO(), io.BytesIO()
    torch.save({"x": torch.zeros(3)}, pickled)
    with zipfile.ZipFile(archived, "w") as archive:
        archive.writestr("archive/data.pkl", b'cbuiltins\nexec\n(S\'open("hacked","w")\'\ntR.')
    contents = {
        "doubled key": whole((text[:-1] + f", {json.dumps(first)}: {json.dumps(header[second])}" + "}").encode()),
        "doubled metadata": whole((text[:-1] + ', "__metadata__": {}}').encode()),
        "overlap": tensor(data_offsets=header[second]["data_offsets"]), "no dtype": tensor(dtype="F999"),
        "backwards": tensor(data_offsets=header[first]["data_offsets"][::-1]), "negative": tensor(data_offsets=[-2, 0]),
        "negative shape": tensor(shape=[-1]), "text shape": tensor(shape="x"), "no offsets": tensor(data_offsets=[]),
        "float offsets": tensor(data_offsets=[0.0, 2.0]), "other dtype": tensor(dtype="I8"),
        "extra": whole({**header, "extra": {"dtype": "F16", "shape": [0], "data_offsets": [len(body)] * 2}}),
        "no tensors": whole({"__metadata__": header["__metadata__"]}, b""), "all zeros": data[:8 + length] + bytes(64),
        "infinity": data[:8 + length] + b"\x00\x7c" * (len(body) // 2), "torch.save": pickled.getvalue(),
        "torch archive": archived.getvalue(), "gzip": b"\x1f\x8b\x08" + data, "BOM": b"\xef\xbb\xbf" + data,
        "json list": whole(b"[1]"), "json NaN": whole(b'{"a": NaN}'), "not utf-8": whole(b'{"\xff": 1}'),
        "NUL": whole(b"\0" * 100), "header 0": bytes(8) + body, "million tensors": whole(
            {**header, **{f"t{number}": {"dtype": "F16", "shape": [0], "data_offsets": [0, 0]}
                          for number in range(200_000)}}),
        "metadata of numbers": whole({**header, "__metadata__": {"groundglass": 7}}),
        "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(2000), "ONNX": b"\x08\x07\x12\x07pytorch" + bytes(500),
    }
    found = []
    for name, content in contents.items():
        path = folder / f"{name.replace(' ', '-')}.safetensors"
        path.write_bytes(content)
        found.append((name, path))
    return found


def fold_files(folder):
    """Files of folds: (path, the rows that are right, what the sentences on the others must hold, one by one)."""
    good = "id,fold\na,0\nb.dcm,1\n"
    right = [("a", "0"), ("b", "1")]
    files = {
        "fine": (good, right, ()), "mark": ("\ufeff" + good, right, ()),
        "crlf": (good.replace("\n", "\r\n"), right, ()),
        "blanks": (good.replace(",", " "), right, ()), "bare": (good.partition("\n")[2], right, ()),
        "semicolons": (good.replace(",", ";"), right, ()), "tabs": (good.replace(",", "\t"), right, ()),
        "empty lines": (good.replace("\n", "\n\n"), right, ()),
        "quote": (good + '"c,0\nd,1\n', [*right, ("d", "1")], ("row 4, column fold: '\"c,0'",)),
        "zero": (good + "c\0,0\nd,1\n", [*right, ("d", "1")], ("row 4",)),
        "latin": (good.encode() + b"\xe9,0\nd,1\n", [*right, ("d", "1")], ("row 4",)),
        "long": (good + "c" * 200_000 + ",0\n", [*right, ("c" * 200_000, "0")], ()),
        "short": (good + "c\nd,\n,1\ne,1\n", [*right, ("e", "1")], ("row 4", "row 5", "row 6")),
        "json": ('{"a": 0, "b": "1"}', right, ()), "json lists": ('{"0": ["a"], "1": ["b"]}', right, ()),
        "json odd": ('{"a": 0, "b": "1", "c": null, "d": {}, "e": [[]], "": 2}', right,
                     ("key 'c'", "key 'd'", "key 'e'", "key ''")),
        "json deep": ('{"a":' + "[" * 200_000, None, ("is none",)), "json cut": ('{"a": 0', None, ("is none",)),
        "nothing": ("", None, ()), "header alone": ("id,fold\n", None, ()),
        "binary": (bytes(range(256)) * 9, None, ("row",)),
        "utf-16": (good.encode("utf-16"), None, ("row 1", "row 2")),
    }
    cases = []
    for name, (content, rows, told) in files.items():
        path = folder / f"{name.replace(' ', '-')}.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        cases.append((path, rows, told))
    os.mkfifo(folder / "pipe.csv")
    (folder / "device.csv").symlink_to("/dev/zero")
    return [*cases, *((folder / name, None, ()) for name in ("pipe.csv", "device.csv", "absent.csv"))]


IMAGES, STUDIES = "train_image_level.csv", "train_study_level.csv"


def tables(folder):
    """More labels that are wrong in one way: (name, directory, what a sentence must hold)."""
    whole = {name: "\n".join(rows) + "\n" for name, rows in GOOD.items()}
    image, study = whole[IMAGES], whole[STUDIES]
    row = "c_image,,none 1 0 0 1 1,s\n"
    files = {
        "quoted line end": ({IMAGES: image + '"c_\nimage",,none 1 0 0 1 1,s\n'}, "row 4"),
        "quote in the middle": ({IMAGES: image + 'c_im"age,,none 1 0 0 1 1,s\n'}, "row 4"),
        "zero byte": ({IMAGES: image + row.replace("c_", "c\0")}, "row 4"),
        "escape": ({IMAGES: image + row.replace("none", "\x1b[31mnone")}, "row 4, column label"),
        "markup": ({IMAGES: image + row.replace("none", "<b>none</b>")}, "row 4, column label"),
        "formula": ({IMAGES: image + row.replace("none 1", "=1+1 1")}, "row 4, column label"),
        "tokens without end": ({IMAGES: image + "c_image,,opacity 1 " + "1 " * 1_000_000 + ",s\n"}, "row 4"),
        "digits without end": ({IMAGES: image + "c_image,,opacity 1 0 0 9 " + "9" * 40_000_000 + ",s\n"},
                               "row 4, column label"),
        "boxes without end": ({IMAGES: image + "c_image,," + "opacity 1 0 0 9 9 " * 200_000 + ",s\n"}, "row 4"),
        "deep boxes": ({IMAGES: image + 'c_image,"' + "[" * 50_000 + '",opacity 1 0 0 9 9,s\n'},
                       "row 3, column boxes: 2 rows"),
        "code in boxes": ({IMAGES: image + "c_image,__import__('os').system('touch hacked'),opacity 1 0 0 9 9,s\n"},
                          "row 3, column boxes: 2 rows"),
        "other boxes": ({IMAGES: image + "c_image,\"[{'x': 50, 'y': 0, 'width': 9, 'height': 9}]\","
                                         "opacity 1 0 0 9 9,s\n"}, "row 3, column boxes: 2 rows"),
        "utf-16 without mark": ({IMAGES: image.encode("utf-16-le")}, "row 1"),
        "utf-32": ({IMAGES: image.encode("utf-32")}, "row 1"), "pipes": ({IMAGES: image.replace(",", "|")}, "row 1"),
        "no classes": ({STUDIES: study + "u_study,0,0,0,0\n"}, "row 4"),
        "two classes": ({STUDIES: study + "u_study,1,1,0,0\n"}, "row 4"),
        "class of 2": ({STUDIES: study + "u_study,2,0,0,0\n"}, "row 4"),
        "class NaN": ({STUDIES: study + "u_study,nan,0,0,0\n"}, "row 4"),
        "class text": ({STUDIES: study + "u_study,yes,0,0,0\n"}, "row 4"),
        "study twice": ({STUDIES: study + "s_study,0,1,0,0\n"}, "row 4"),
        "study of images": ({STUDIES: study + "u_image,1,0,0,0\n"}, "row 4"),
        "study columns": ({STUDIES: study.replace("Typical Appearance", "typical")}, "row 1"),
        "full-width digits": ({IMAGES: image + row.replace("1 0", "１ 0")}, "row 4, column label"),
    }
    cases = []
    for number, (name, (changed, told)) in enumerate(files.items()):
        place = folder / str(number)
        place.mkdir()
        for file, content in {**whole, **changed}.items():
            (place / file).write_bytes(content if isinstance(content, bytes) else content.encode())
        cases.append((name, place, told))
    return cases
