"""A corpus of malformed and unusual films, tables and weights, made by script; run by hand with --long.

Each case is a file and what must come of it: its picture as it went in ("shown"), a sentence ("refused"), or one of the
two ("either": then never another picture, where the right one is known). Nothing here is a real patient's.
"""

import argparse
import io
import json
import os
import struct
import sys
import tempfile
import time
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pydicom
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.tag import Tag

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))

from film_files import empty_htj2k, encoded, film_file, lossless_jpeg_file

RAMP = (np.add.outer(np.arange(40) * 50, np.arange(64) * 31)).astype(np.uint16)  # 12 bits
BYTES = (RAMP >> 4).astype(np.uint8)
CODED = (uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.RLELossless, uid.JPEGLosslessSV1, uid.JPEGBaseline8Bit)
TWELVE = {"BitsStored": 12, "HighBit": 11}


@dataclass(frozen=True, eq=False)
class Case:
    """A file, what must come of it, and the stored values that may be shown (None: any)."""

    name: str
    path: Path
    verdict: str
    pixels: np.ndarray | None = None


def films(folder):
    """The `Case`s of films, written to `folder`."""
    return [
        *_attributes(folder),
        *_truncated(folder),
        *_streams(folder),
        *_elements(folder),
        *_deflated(folder),
        *_others(folder),
    ]


def _attributes(folder):
    """Films whose header says something odd about a good picture."""
    rows = [
        (f"refused {keyword} {number}", "refused", {keyword: odd})
        for keyword, values in {
            "Rows": (0, 1, 39, 41, 65535),
            "Columns": (0, 1, 32, 63, 65, 128, 65535),
            "BitsAllocated": (1, 8, 12, 32, 64),
            "BitsStored": (0, 4, 8, 17),
            "PixelRepresentation": (2, 9),
            "SamplesPerPixel": (0, 2, 3, 4),
            "NumberOfFrames": ("2", "-1", "99999999"),
            "PhotometricInterpretation": (
                "RGB",
                "YBR_FULL",
                "YBR_FULL_422",
                "YBR_ICT",
                "PALETTE COLOR",
                "ARGB",
                "HSV",
                "",
                "MONOCHROME3",
                "\x1b[31m",
                "<b>",
            ),
            "PixelData": (b"", b"\0\0", RAMP.tobytes() * 2, RAMP.tobytes()[:-2]),
        }.items()
        for number, odd in enumerate(values)
    ]
    rows += [
        (f"missing {keyword}", "refused", {keyword: None})
        for keyword in ("Rows", "Columns", "BitsAllocated", "PhotometricInterpretation", "PixelData")
    ]
    rows += [
        (f"missing {keyword}", "shown", {keyword: None})
        for keyword in (
            "PatientID",
            "StudyInstanceUID",
            "Modality",
            "SamplesPerPixel",
            "PixelRepresentation",
            "HighBit",
        )
    ]
    rows += [
        (f"high bit {bit}", verdict, {"HighBit": bit})
        for bit, verdict in (
            (0, "shown"),
            (10, "shown"),
            (12, "refused"),
            (15, "refused"),
            (16, "shown"),
            (255, "shown"),
        )
    ]
    rows += [
        (f"{keyword} {number}", "shown", {keyword: odd})
        for keyword, values in {
            "WindowCenter": (["0", "1"], "1e300"),
            "NumberOfFrames": ("1", "0"),
            "PixelPaddingValue": (0, 65535),
            "PatientID": (
                "<script>alert(1)</script>",
                "=cmd|' /C calc'!A0",
                "%s%n{0}",
                "../../etc/passwd",
                "\\\\",
                "a" * 64,
            ),
            "PatientName": ("Ωμέγα^Ж", "^^^^", "x" * 60),
            "PatientOrientation": (["Q", "F"], ["L"], ["L", "F", "H"]),
            "PixelSpacing": (["0", "0"], ["-1", "1"], ["1"], ["1e-300", "1e300"]),
            "VOILUTFunction": ("SIGMOID", "NONSENSE"),
            "PresentationLUTShape": ("INVERSE", "ODD"),
            "PixelAspectRatio": (["0", "0"],),
            "VOILUTSequence": ([],),
            "ModalityLUTSequence": ([],),
            "WindowCenterWidthExplanation": (["a"] * 40, "<img src=x onerror=alert(1)>"),
            "ImageLaterality": ("Q", "<i>"),
            "SOPInstanceUID": ("1..2", "x"),
            "ViewPosition": ("PA", "\x00\x07"),
        }.items()
        for number, odd in enumerate(values)
    ]
    found = [_film(folder, name, verdict, **{**TWELVE, **changes}) for name, verdict, changes in rows]
    return [*found, *_rescaled(folder), *_windowed(folder), *_tabled(folder)]


def _film(folder, name, verdict, pixels=RAMP, syntax=uid.ExplicitVRLittleEndian, frame=None, **attributes):
    """A `Case` of a film with these `attributes`, some of which pydicom would not write if it were asked."""
    path = folder / f"{name.replace(' ', '-').replace('/', '-')}.dcm"
    with pydicom.config.disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        film_file(path, pixels, syntax, frame, **attributes)
    return Case(name, path, verdict, pixels)


def _patched(folder, name, verdict, **texts):
    """A film with decimal strings that no DICOM library would write."""
    marks = {keyword: f"{place}.2345678" for place, keyword in enumerate(texts, 1)}
    case = _film(folder, name, verdict, **TWELVE, **marks)
    data = case.path.read_bytes()
    for keyword, odd in texts.items():
        old = marks[keyword].encode() + b" " * (len(marks[keyword]) % 2)
        assert old in data
        data = data.replace(old, odd.encode("latin-1")[: len(old)].ljust(len(old)))
    case.path.write_bytes(data)
    return case


def _rescaled(folder):
    odd = {
        "nan": "refused",
        "inf": "refused",
        "-inf": "refused",
        "abc": "refused",
        "1e308": "refused",
        "1e-99": "refused",
        "0": "shown",
        "-1": "shown",
        "1,5": "refused",
        "1\\2": "shown",
        "0x10": "refused",
        "\xff\xfe": "refused",
        "1e-400": "shown",
        "--1": "refused",
        "1_0": "either",
        "+2.5e-1": "shown",
    }
    return [
        _patched(folder, f"slope {number}", verdict, RescaleSlope=text, RescaleIntercept="0")
        for number, (text, verdict) in enumerate(odd.items())
    ] + [
        _patched(folder, f"intercept {number}", verdict, RescaleSlope="1", RescaleIntercept=text)
        for number, (text, verdict) in enumerate(
            {
                "nan": "refused",
                "inf": "refused",
                "1e20": "refused",
                "1e400": "refused",
                "x": "refused",
                "-1024": "shown",
                "1e9": "shown",
            }.items()
        )
    ]


def _windowed(folder):
    texts = [
        "nan",
        "inf",
        "-inf",
        "",
        "abc",
        "1e300",
        "-1e300",
        "1e-300",
        "0",
        "-5",
        "1e30",
        "99999999",
        "1\\nan",
        "NaN(1)",
    ]
    return [
        _patched(folder, f"{what} {number}", "shown", **{**{"WindowCenter": "500", "WindowWidth": "900"}, what: text})
        for what in ("WindowCenter", "WindowWidth")
        for number, text in enumerate(texts)
    ]


def _tabled(folder):
    """Modality and VOI tables whose descriptor and data do not go together."""

    def item(descriptor, data):
        found = Dataset()
        found.add_new(Tag("LUTDescriptor"), "US", descriptor)
        found.add_new(Tag("LUTData"), "OW", data)
        return found

    good = np.arange(4096, dtype="<u2").tobytes()
    items = {
        "short": item([4096, 0, 12], good[:100]),
        "long": item([100, 0, 12], good),
        "none": item([], b""),
        "two": item([4096, 0], good),
        "bits": item([4096, 0, 99], good),
        "zero bits": item([4096, 0, 0], good),
        "all": item([0, 0, 16], good),
        "one": item([1, 0, 12], good[:2]),
        "empty": Dataset(),
        "odd": item([3, 0, 8], b"\1\2\3\4"),
        "flat": item([4096, 0, 12], bytes(8192)),
    }
    cases = [
        _film(folder, f"voi table {name}", "shown", **TWELVE, VOILUTSequence=[each]) for name, each in items.items()
    ]
    cases += [
        _film(folder, f"modality table {name}", "either", **TWELVE, ModalityLUTSequence=[each])
        for name, each in items.items()
    ]
    return [*cases, _film(folder, "many tables", "shown", **TWELVE, VOILUTSequence=[items["long"]] * 300)]


def _truncated(folder):
    """One film of each kind, cut at many places."""
    cases = []
    for syntax in (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian, *CODED):
        data = coded_film(folder / "whole.dcm", syntax).read_bytes()
        for place in range(1, 12):
            path = folder / f"cut-{place}-{syntax[-4:]}.dcm"
            path.write_bytes(data[: len(data) * place // 12])
            cases.append(Case(f"cut at {place}/12 {uid.UID(syntax).name}", path, "refused"))
    return cases


def coded_film(path, syntax):
    """A small film in `syntax`, with JPEG of both kinds; returns `path`."""
    if syntax == uid.JPEGLosslessSV1:
        return lossless_jpeg_file(path, film_file(path.with_suffix(".native"), RAMP, **TWELVE))
    if syntax == uid.JPEGBaseline8Bit:
        return film_file(path, BYTES, syntax, cv2.imencode(".jpg", BYTES)[1].tobytes())
    return film_file(path, RAMP, syntax, **TWELVE)


def frame_of(path):
    """The one codestream in the film `path`."""
    from pydicom.encaps import generate_frames

    return next(generate_frames(pydicom.dcmread(path).PixelData, number_of_frames=1))


def _streams(folder):
    """Codestreams that are cut short, lie, or ask for more than there is."""
    cases = []
    for syntax in CODED:
        frame = frame_of(coded_film(folder / "whole.dcm", syntax)).rstrip(b"\0")
        pixels = BYTES if syntax == uid.JPEGBaseline8Bit else RAMP
        end = {uid.JPEG2000Lossless: b"\xff\xd9", uid.RLELossless: b""}.get(syntax, b"\xff\xd9")
        short = {f"{part}/8": frame[: len(frame) * part // 8] + end for part in range(1, 8)}
        odd = {
            **short,
            "nothing": b"\0\0",
            "zeros": bytes(len(frame)),
            "ones": b"\xff" * len(frame),
            "start": frame[:2],
            "twice": frame + frame,
            "text": b"GIF89a" + frame,
            "reversed": frame[::-1],
        }
        for name, each in odd.items():
            verdict = "either" if name in ("twice", "text") else "refused"
            bits = {} if pixels is BYTES else TWELVE
            cases.append(
                _film(
                    folder,
                    f"{uid.UID(syntax).name} {name}",
                    verdict,
                    pixels,
                    syntax,
                    each + b"\0" * (len(each) % 2),
                    **bits,
                )
            )
    return [*cases, *_lying(folder), *_runs(folder), *_wrapped(folder)]


def _lying(folder):
    """JPEG 2000, HTJ2K and JPEG whose own headers are changed."""
    j2k, htj2k = encoded(RAMP, uid.JPEG2000Lossless), empty_htj2k(40, 64, 12)
    jpeg, size = cv2.imencode(".jpg", BYTES)[1].tobytes(), struct.pack
    siz, at = j2k.index(b"\xff\x51"), jpeg.index(b"\xff\xc0")
    changes = {
        "vast": (8, size(">II", 65535, 65535)),
        "empty": (8, size(">II", 0, 0)),
        "offset": (16, size(">II", 63, 39)),
        "tiny tiles": (24, size(">II", 1, 1)),
        "no tiles": (24, size(">II", 0, 0)),
        "parts": (40, size(">H", 16384)),
        "38 bits": (42, b"\x25"),
        "signed 38": (42, b"\xa5"),
        "sampled": (43, b"\2\2"),
        "unsampled": (43, b"\0\0"),
    }
    cases = []
    for family, stream, syntax in (("J2K", j2k, uid.JPEG2000Lossless), ("HTJ2K", htj2k, uid.HTJ2KLossless)):
        for name, (offset, new) in changes.items():
            odd = stream[: siz - 2 + offset] + new + stream[siz - 2 + offset + len(new) :]
            cases.append(
                _film(
                    folder,
                    f"{family} {name}",
                    "either" if name in ("tiny tiles", "parts") else "refused",
                    RAMP,
                    syntax,
                    odd,
                    **TWELVE,
                )
            )
        for mark in (b"\xff\x52", b"\xff\x5c", b"\xff\x90", b"\xff\x93"):
            place = stream.index(mark)
            for offset in range(2, 12):
                odd = stream[: place + offset] + b"\xff" + stream[place + offset + 1 :]
                cases.append(
                    _any(_film(folder, f"{family} {mark.hex()} {offset}", "either", RAMP, syntax, odd, **TWELVE))
                )
    jpegs = {
        "tall": jpeg[: at + 5] + b"\xff\xff\xff\xff" + jpeg[at + 9 :],
        "flat": jpeg[: at + 5] + bytes(4) + jpeg[at + 9 :],
        "twelve bits": jpeg[: at + 4] + b"\x0c" + jpeg[at + 5 :],
        "three parts": jpeg[: at + 9] + b"\3" + jpeg[at + 10 :],
        "arithmetic": jpeg[: at + 1] + b"\xc9" + jpeg[at + 2 :],
        "no tables": jpeg.replace(b"\xff\xdb", b"\xff\xe5"),
        "no codes": jpeg.replace(b"\xff\xc4", b"\xff\xe5"),
        "no scan": jpeg[: jpeg.index(b"\xff\xda")] + b"\xff\xd9",
    }
    for name, odd in jpegs.items():
        cases.append(
            _film(
                folder,
                f"JPEG {name}",
                "either" if name == "no codes" else "refused",
                BYTES,
                uid.JPEGBaseline8Bit,
                odd + b"\0" * (len(odd) % 2),
            )
        )
    noise = np.random.default_rng(1).integers(0, 255, (40, 64), np.uint8)
    good = cv2.imencode(".jpg", noise)[1].tobytes()
    scan = good.index(b"\xff\xda") + 12
    for part in range(1, 10):
        odd = good[: scan + (len(good) - scan) * part // 10].rstrip(b"\xff") + b"\xff\xd9"
        cases.append(
            _film(
                folder,
                f"JPEG scan ends at {part}/10",
                "refused",
                noise,
                uid.JPEGBaseline8Bit,
                odd + b"\0" * (len(odd) % 2),
            )
        )
    progressive = cv2.imencode(".jpg", BYTES, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    more = progressive[progressive.rindex(b"\xff\xda") : -2]
    return [
        *cases,
        _any(
            _film(
                folder,
                "JPEG of 20,000 scans",
                "either",
                BYTES,
                uid.JPEGBaseline8Bit,
                progressive[:-2] + more * 20_000 + b"\xff\xd9",
            )
        ),
    ]


def _any(case):
    """The case without a known picture: what was changed may be what was coded."""
    return Case(case.name, case.path, case.verdict)


def _runs(folder):
    """RLE headers (PS3.5 G.5) with wrong counts, offsets and runs."""
    good = encoded(RAMP, uid.RLELossless)
    words = [list(struct.unpack("<16I", good[:64])) for _ in range(8)]
    words[0][0], words[1][0], words[2][0], words[3][0] = 0, 1, 3, 2**32 - 1
    words[4][1], words[5][2], words[6][2], words[7][1] = 0, 2**32 - 1, 64, 70
    odd = [struct.pack("<16I", *each) + good[64:] for each in words] + [
        good[:64] + b"\x80" * 500,
        good[:64] + b"\x7f" * 9,
        good[:64] + b"\x81\0" * 9000,
        good[:63],
        good[:64],
    ]
    return [
        _film(folder, f"RLE {number}", "refused", RAMP, uid.RLELossless, each + b"\0" * (len(each) % 2), **TWELVE)
        for number, each in enumerate(odd)
    ]


def _wrapped(folder):
    """Encapsulation (PS3.5 A.4) that is not as it should be."""
    frame = frame_of(coded_film(folder / "whole.dcm", uid.JPEGLSLossless))
    item, end = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"
    pieces = b"".join(
        item + struct.pack("<I", len(frame[at : at + 10])) + frame[at : at + 10] for at in range(0, len(frame), 10)
    )
    data = {
        "pieces": (item + bytes(4) + pieces, "shown"),
        "no table": (item + struct.pack("<I", len(frame)) + frame, "refused"),
        "wrong table": (item + b"\4\0\0\0\xff\xff\xff\x7f" + item + struct.pack("<I", len(frame)) + frame, "shown"),
        "long piece": (item + bytes(4) + item + b"\xff\xff\xff\x7f" + frame, "refused"),
        "endless piece": (item + bytes(4) + item + b"\xff\xff\xff\xff" + frame, "refused"),
        "empty pieces": (item + bytes(4) + (item + bytes(4)) * 200_000, "refused"),
        "two frames": (encapsulate([frame, frame]), "refused"),
        "bare": (frame, "refused"),
        "long table": (
            item + struct.pack("<I", 400_000) + bytes(400_000) + item + struct.pack("<I", len(frame)) + frame,
            "shown",
        ),
        "end at once": (item + bytes(4) + end, "refused"),
    }
    cases = []
    for name, (odd, verdict) in data.items():
        case = _film(folder, f"wrapped {name}", verdict, RAMP, uid.JPEGLSLossless, b"\0\0", **TWELVE)
        head = case.path.read_bytes().split(b"\xe0\x7f\x10\x00OB")[0]
        case.path.write_bytes(head + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + odd + end)
        cases.append(case)
    return cases


def _elements(folder):
    """Data sets with elements that no pixel needs: deep, long, many, broken."""
    plain = film_file(folder / "plain.dcm", RAMP, **TWELVE).read_bytes()
    meta, body = plain[: plain.index(b"\x08\0\x16\0UI")], plain[plain.index(b"\x08\0\x16\0UI") :]
    item, over = b"\xfe\xff\x00\xe0\xff\xff\xff\xff", b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    sequence = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff"
    front = {
        "deep 50": (sequence + item) * 50 + over * 50,
        "deep 5000": (sequence + item) * 5000 + over * 5000,
        "empty items": sequence + b"\xfe\xff\x00\xe0\0\0\0\0" * 1_000_000 + over[8:],
        "private": b"\x09\0\x10\0LO\4\0ABCD" + b"\x09\0\x01\x10UN\0\0\4\0\0\0abcd" * 1000,
        "million private": b"\x09\0\x01\x10SH\0\0" * 1_000_000,
        "unknown VR": b"\x08\0\x08\0ZZ\2\0AB",
        "no VR": b"\x08\0\x08\0\0\0\2\0AB",
        "odd length": b"\x08\0\x08\0CS\3\0ABC",
        "huge length": b"\x08\0\x08\0UN\0\0\xf0\xff\xff\xff",
        "endless": b"\x09\0\x01\x10UN\0\0\xff\xff\xff\xffABCD",
        "charset": b"\x08\0\x05\0CS\x0a\0ISO_IR 999",
        "charsets": b"\x08\0\x05\0CS\x14\0\\ISO 2022 IR 87\\\\\\\\\\",
        "bad bytes": b"\x08\0\x80\0LO\4\0\xff\xfe\xc3\x28",
        "group 0": b"\0\0\0\0UL\4\0\xff\xff\xff\xff",
        "stray end": over,
        "stray item": item,
    }
    verdicts = {
        "private": "shown",
        "deep 50": "shown",
        "odd length": "either",
        "charset": "shown",
        "charsets": "shown",
        "bad bytes": "shown",
        "huge length": "refused",
        "endless": "refused",
        "empty items": "refused",
    }
    cases = []
    for name, odd in front.items():
        path = folder / f"element-{name.replace(' ', '-')}.dcm"
        path.write_bytes(meta + odd + body)
        cases.append(Case(f"element {name}", path, verdicts.get(name, "either"), RAMP))
    short = {
        b"\x28\0\x10\0US\2\0": (
            b"\x28\0\x10\0SS\2\0",
            b"\x28\0\x10\0IS\2\0",
            b"\x28\0\x10\0FL\2\0",
            b"\x28\0\x10\0SQ\2\0",
            b"\x28\0\x10\0US\1\0",
            b"\x28\0\x10\0US\0\0",
            b"\x28\0\x10\0LO\xff\xff",
        ),
        b"\xe0\x7f\x10\0OW\0\0": (
            b"\xe0\x7f\x10\0OB\0\0",
            b"\xe0\x7f\x10\0UN\0\0",
            b"\xe0\x7f\x10\0SQ\0\0",
            b"\xe0\x7f\x08\0OF\0\0",
            b"\xe0\x7f\x09\0OD\0\0",
            b"\xe0\x7f\x10\0OW\xff\xff",
        ),
    }
    for number, (old, new) in enumerate((old, new) for old, news in short.items() for new in news):
        path = folder / f"vr-{number}.dcm"
        path.write_bytes(plain.replace(old, new))
        cases.append(Case(f"VR {number}", path, "either", RAMP))
    return [*cases, *_lengthy(folder, meta, body)]


def _lengthy(folder, meta, body):
    """Values far longer than their attribute can be, in implicit VR, where lengths have 32 bits."""
    implicit = film_file(folder / "implicit.dcm", RAMP, uid.ImplicitVRLittleEndian, **TWELVE).read_bytes()
    start = implicit.index(b"\x08\0\x16\0")
    cases = []
    for name, tag, text in (
        ("patient", b"\x10\0\x20\0", b"X" * 30_000_000),
        ("centres", b"\x28\0\x50\x10", b"1\\" * 4_000_000),
        ("slope", b"\x28\0\x53\x10", b"1\\" * 4_000_000),
        ("tables", b"\x28\0\x10\x30", b"\xfe\xff\x00\xe0\0\0\0\0" * 500_000),
        ("modality", b"\x28\0\0\x30", b"\xfe\xff\x00\xe0\0\0\0\0" * 500_000),
    ):
        path = folder / f"long-{name}.dcm"
        pixel = implicit.index(b"\xe0\x7f\x10\0")
        path.write_bytes(
            implicit[:pixel] + tag + struct.pack("<I", len(text)) + text + implicit[pixel:]
            if tag[0] == 0x28
            else implicit[:start] + tag + struct.pack("<I", len(text)) + text + implicit[start:]
        )
        cases.append(Case(f"long {name}", path, {"slope": "refused", "modality": "refused"}.get(name, "either"), RAMP))
    return cases


def _deflated(folder):
    """Deflated films that inflate to more than they should, or not at all."""
    plain = film_file(folder / "deflated.dcm", RAMP, uid.DeflatedExplicitVRLittleEndian, **TWELVE).read_bytes()
    at = 132 + 12 + struct.unpack("<I", plain[140:144])[0]
    meta, body = plain[:at], zlib.decompress(plain[at:], -15)
    pixel = body.index(b"\xe0\x7f\x10\0")
    vast = body[:pixel] + b"\xe0\x7f\x10\0OW\0\0" + struct.pack("<I", 2**31)

    def packed(parts):
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return b"".join(packer.compress(part) for part in parts) + packer.flush()

    million = bytes(2**20)
    bodies = {
        "bomb": (packed([vast, *[million] * 1024]), "refused"),
        "early bomb": (packed([*[million] * 1024, body]), "refused"),
        "cut": (packed([body])[:-20], "refused"),
        "not deflated": (body, "refused"),
        "nothing": (b"", "refused"),
        "zlib header": (zlib.compress(body), "refused"),
        "trailing": (packed([body]) + b"abc", "shown"),
    }
    cases = []
    for name, (odd, verdict) in bodies.items():
        path = folder / f"deflated-{name.replace(' ', '-')}.dcm"
        path.write_bytes(meta + odd)
        cases.append(Case(f"deflated {name}", path, verdict, RAMP))
    return cases


def _others(folder):
    """What is no film at all."""
    contents = {
        "nothing": b"",
        "zero": b"\0" * 4096,
        "preamble": b"\0" * 128 + b"DICM",
        "half preamble": b"\0" * 130,
        "text": b"hello\n" * 100,
        "png": b"\x89PNG\r\n\x1a\n" + bytes(500),
        "zip": b"PK\3\4" + bytes(500),
        "pickle": b"cos\nsystem\n(S'touch hacked'\ntR.",
        "json": b"{}",
        "DICM first": b"DICM" + bytes(500),
        "bare group": b"\x08\0\x05\0CS\2\0AB",
        "bare implicit": b"\x08\0\x05\0\2\0\0\0AB",
        "html": b"<html>" * 99,
        "dicomdir": b"\0" * 128 + b"DICM\2\0\x10\0UI\x14\0001.2.840.10008.1.2.1\0\x04\0\x20\x12SQ\0\0\0\0\0\0",
    }
    cases = []
    for name, content in contents.items():
        path = folder / f"other-{name.replace(' ', '-')}.dcm"
        path.write_bytes(content)
        cases.append(Case(f"no film: {name}", path, "refused"))
    made = {
        "directory": lambda path: path.mkdir(),
        "pipe": os.mkfifo,
        "loop": lambda path: path.symlink_to(path),
        "dangling": lambda path: path.symlink_to(folder / "absent"),
        "device": lambda path: path.symlink_to("/dev/zero"),
        "sparse": lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 2**40),
    }
    for name, make in made.items():
        make(path := folder / f"other-{name}.dcm")
        cases.append(Case(f"no file: {name}", path, "refused"))
    good = film_file(folder / "linked.bin", RAMP, **TWELVE)
    (folder / "other-link.dcm").symlink_to(good)
    (folder / "other-\udcff\x1b[0m<b>.dcm").write_bytes(good.read_bytes())
    return [
        *cases,
        Case("link", folder / "other-link.dcm", "shown", RAMP),
        Case("odd name", folder / "other-\udcff\x1b[0m<b>.dcm", "shown", RAMP),
    ]


def judge(case, read):
    """What is wrong with what `read(path)` (as `core.dicom.read_film`) makes of a case; '' when nothing is."""
    from core.errors import UnreadableFilm

    try:
        film = read(case.path)
    except UnreadableFilm as refusal:
        sentence = str(refusal)
        if "\n" in sentence or not sentence.endswith("."):
            return f"said {sentence!r}"
        return f"was refused: {sentence}" if case.verdict == "shown" else ""
    if case.verdict == "refused":
        return "was shown"
    exact = case.pixels is not None and not np.array_equal(film.pixels.astype(np.int64), case.pixels.astype(np.int64))
    lossy = case.pixels is not None and case.pixels.dtype == np.uint8 and film.pixels.shape == case.pixels.shape
    return "showed another picture" if exact and not lossy else ""


IMAGE_HEADER, STUDY_HEADER = (
    "id,boxes,label,StudyInstanceUID",
    ("id,Negative for Pneumonia,Typical Appearance,Indeterminate Appearance,Atypical Appearance"),
)
GOOD = {
    "train_image_level.csv": (IMAGE_HEADER, "a_image,,none 1 0 0 1 1,s", "b_image,,opacity 1 1 2 30 40,t"),
    "train_study_level.csv": (STUDY_HEADER, "s_study,1,0,0,0", "t_study,0,1,0,0"),
}
BAD_CELLS = {
    "label": (
        "",
        "opacity",
        "opacity 1 2 3",
        "opacity 1 nan 2 3 4",
        "opacity 1 5 5 1 1",
        "opacity 1 inf 0 1 1",
        "lung 1 0 0 1 1",
        "none 1 0 0 1 1 opacity 1 0 0 9 9",
        "opacity 1 1 1 1 1",
        "opacity 1 1_0 0 30 40",
        "opacity 1 1e999 0 1 1",
        "none 1 0 0 2 2",
        "none 1 0 0 1 1 none 1 0 0 1 1",
        "=1+1",
        "opacity one 0 0 1 1",
        "opacity 1 " + "9" * 400 + " 0 1 1",
        "opacity 1 0x1 0 9 9",
        "x " * 1_000_000,
    ),
    "id": ("", "_image", "c", "c_study", "a_image", "../c", "c_image\0"),
    "StudyInstanceUID": ("",),
}


def tables(folder):
    """Directories with labels that are wrong in one way: (name, directory, what a sentence must hold)."""
    cases = []
    for column, cells in BAD_CELLS.items():
        for number, cell in enumerate(cells):
            row = {"id": "c_image", "boxes": "", "label": "none 1 0 0 1 1", "StudyInstanceUID": "s", column: cell}
            cases.append(
                (
                    f"{column} {number}",
                    {"train_image_level.csv": (*GOOD["train_image_level.csv"], ",".join(row.values()))},
                    "row 4, column " + ("id" if "\0" in cell else column),
                )
            )
    whole = {name: "\n".join(rows) + "\n" for name, rows in GOOD.items()}
    image = whole["train_image_level.csv"]
    files = {
        "missing column": (image.replace("label", "lable"), "row 1"),
        "doubled column": (image.replace("boxes", "id"), "row 1"),
        "semicolons": (image.replace(",", ";"), "semicolons"),
        "tabs": (image.replace(",", "\t"), "tabs"),
        "utf-16": (image.encode("utf-16"), "row 1"),
        "nothing": ("", "row 1"),
        "blank": ("\n\n\n", "row 1"),
        "quote": (image + '"c_image,,none 1 0 0 1 1,s\n', "row 4"),
        "few": (image + "c_image\n", "row 4"),
        "many": (image + "c_image" + "," * 99 + "\n", "row 4"),
        "latin": (image.encode() + b"\xe9_image,,none 1 0 0 1 1,s", "row 4"),
        "zeros": (image.encode() + bytes(5000), "row 4"),
        "binary": (bytes(range(256)) * 40, "row 1"),
        "million rows": (image + "x\n" * 1_000_000, "rows"),
        "huge": (image + " " * (65 * 2**20), "bytes"),
    }
    for name, (content, told) in files.items():
        cases.append((name, {"train_image_level.csv": content}, told))
    return [(name, _labels(folder / str(number), changed), told) for number, (name, changed, told) in enumerate(cases)]


def fine_tables(folder):
    """Directories with labels that are written in another way, but right."""
    whole = {name: "\n".join(rows) + "\n" for name, rows in GOOD.items()}
    ways = [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: text.replace("\n", "\n\n").encode(),
        lambda text: text.replace(",", '","').replace("\n", '"\n"').join(('"', "")).removesuffix('"').encode(),
        lambda text: text.rstrip().encode(),
    ]
    return [
        _labels(folder / f"fine-{number}", {name: way(text) for name, text in whole.items()})
        for number, way in enumerate(ways)
    ]


def _labels(folder, changed):
    folder.mkdir()
    for name, content in {**GOOD, **changed}.items():
        text = "\n".join(content) if isinstance(content, tuple) else content
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def weights(folder, good):
    """Weights files that must be refused, made from the file `good`: [(name, path)]."""
    data = Path(good).read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    card = json.loads(header["__metadata__"]["groundglass"])
    first = next(name for name in header if name != "__metadata__" and header[name]["dtype"] == "F16")

    def with_header(changed, body=None):
        text = json.dumps(changed).encode()
        return len(text).to_bytes(8, "little") + text + (data[8 + length :] if body is None else body)

    def with_card(**changes):
        return with_header({**header, "__metadata__": {"groundglass": json.dumps({**card, **changes})}})

    pickled = io.BytesIO()
    pickled.write(b'cbuiltins\nexec\n(S\'open("hacked","w")\'\ntR.')
    start, _ = header[first]["data_offsets"]
    holed = bytearray(data)
    holed[8 + length + start : 8 + length + start + 2] = b"\x00\x7e"
    contents = {
        "nothing": b"",
        "cut header": data[: length // 2],
        "cut": data[: len(data) // 2],
        "one byte short": data[:-1],
        "one byte long": data + b"\0",
        "pickle": pickled.getvalue(),
        "zip": b"PK\3\4" + data,
        "text": b"weights",
        "huge header": (2**60).to_bytes(8, "little") + data[8:],
        "long header": (90 * 2**20).to_bytes(8, "little") + b"{" * 100,
        "deep header": with_header([[]]),
        "no card": with_header({**header, "__metadata__": {}}),
        "NaN": bytes(holed),
        "deep card": with_header({**header, "__metadata__": {"groundglass": "[" * 100_000}}),
        "card of text": with_header({**header, "__metadata__": {"groundglass": '"x"'}}),
        "missing tensor": with_header({name: each for name, each in header.items() if name != first}),
        "other shape": with_header({**header, first: {**header[first], "shape": [1, *header[first]["shape"]]}}),
        "vast shape": with_header({**header, first: {**header[first], "shape": [2**40]}}),
        "renamed": with_header({("evil" if name == first else name): each for name, each in header.items()}),
        **{
            f"card {key} {number}": with_card(**{key: odd})
            for key, values in {
                "task": ("evil", [], None),
                "architecture": (
                    "hf-hub:evil/model",
                    "local-dir:/tmp",
                    "../x",
                    "resnet50",
                    "",
                    None,
                    7,
                    "vit_gigantic_patch14_clip_224",
                ),
                "image_size": ([0, 0], [2**20, 2**20], "ab", [1.5, 2], None, []),
                "classes": ([], "x", None),
                "mean": ("x", None, 9),
                "std": (0, -1, "y"),
                "channels": (0, 4096, "z"),
                "unknown": (1,),
            }.items()
            for number, odd in enumerate(values)
        },
    }
    found = []
    for name, content in contents.items():
        path = folder / f"{name.replace(' ', '-')}.safetensors"
        path.write_bytes(content)
        found.append((name, path))
    os.mkfifo(folder / "pipe.safetensors")
    (folder / "folder.safetensors").mkdir()
    return [*found, *((name, folder / f"{name}.safetensors") for name in ("pipe", "folder", "absent"))]


def mutated(data, rng, changes=8):
    """`data` (bytes) with a few bytes changed, cut out, doubled or moved."""
    changed = bytearray(data)
    for _ in range(rng.integers(1, changes + 1)):
        at, length = int(rng.integers(0, len(changed) + 1)), int(rng.integers(1, 40))
        kind = rng.integers(0, 5)
        if kind < 2 and at < len(changed):
            changed[at] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFE, 0xFF, int(rng.integers(256))]))
        elif kind == 2:
            del changed[at : at + length]
        elif kind == 3:
            changed[at:at] = changed[at : at + length] * int(rng.integers(1, 50))
        else:
            changed[at : at + length] = rng.bytes(length)
        if not changed:
            break
    return bytes(changed)


def _tell(name, started, worst):
    took = time.monotonic() - started
    if took > worst[0]:
        worst[:] = [took, name]


def main(arguments=None):
    """Run the corpus and, with --long, many mutations of it; tells what broke, the slowest case and the memory."""
    import hostile_more  # which takes its tools from here

    from core import decoding
    from core.dicom import read_film, read_header
    from core.errors import GroundglassError

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--long", action="store_true", help="also 20,000 mutations of the corpus' films")
    parser.add_argument("--mutations", type=int, help="that many mutations instead")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    rng, worst, broken, shown = np.random.default_rng(given.seed), [0.0, ""], [], 0
    with tempfile.TemporaryDirectory() as folder:
        more = Path(folder) / "more"
        more.mkdir()
        cases = [*films(Path(folder)), *hostile_more.films(more)]
        for case in cases:
            started = time.monotonic()
            if problem := judge(case, read_film):
                broken.append(f"{case.name} {problem}")
            _tell(case.name, started, worst)
        small = [case.path for case in cases if case.path.is_file() and case.path.stat().st_size < 50_000]
        count = given.mutations or (20_000 if given.long else 0)
        for number in range(count):
            path = Path(folder) / "mutated.dcm"
            origin = small[rng.integers(len(small))]
            path.write_bytes(mutated(origin.read_bytes(), rng))
            started = time.monotonic()
            for read in (read_header, read_film):
                try:
                    read(path)
                    shown += 1
                except GroundglassError:
                    pass
                except BaseException as defect:
                    broken.append(f"mutation {number} of {origin.name} (seed {given.seed}): {defect!r}")
            _tell(f"mutation {number} of {origin.name}", started, worst)
    decoding._nursery.end()
    print("\n".join(broken) or "nothing broke")
    print(
        f"{len(cases)} films and {count} mutations ({shown} well read), slowest {worst[0]:.2f} s ({worst[1]}), "
        f"most memory {_most('RUSAGE_SELF')} MiB here and {_most('RUSAGE_CHILDREN')} MiB in a decoder"
    )
    return 1 if broken else 0


def _most(who):
    import resource

    return resource.getrusage(getattr(resource, who)).ru_maxrss // 1024


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    sys.exit(main())
