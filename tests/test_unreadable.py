"""Files that cannot be shown truthfully: each gives one sentence with the value, the rule and the remedy."""

import numpy as np
import pytest
from film_files import film_file
from pydicom import uid
from pydicom.dataset import Dataset

from core.dicom import read_film, read_header
from core.errors import UnreadableFilm

RAMP = np.arange(1000, dtype=np.uint16).reshape(25, 40)
START = b"\0" * 128 + b"DICM"
SHORT_TABLE = Dataset()
SHORT_TABLE.LUTDescriptor, SHORT_TABLE.LUTData = [1000, 0, 12], [1, 2]
for element in SHORT_TABLE:
    element.VR = "US"


@pytest.mark.parametrize("attributes, told, reason", [
    ({"SamplesPerPixel": 3}, "3 samples per pixel", "colour with a grey name"),
    ({"PhotometricInterpretation": "RGB"}, "RGB", "colour has no window"),
    ({"PhotometricInterpretation": "PALETTE COLOR"}, "PALETTE COLOR", "neither have palettes"),
    ({"PhotometricInterpretation": None}, "no Photometric Interpretation", "white could be either end"),
    ({"NumberOfFrames": "12"}, "12 frames", "a film is one picture"),
    ({"NumberOfFrames": "-1"}, "-1 frames", "whatever that means"),
    ({"Rows": None}, "Rows missing", "no sides"),
    ({"Columns": 0}, "Columns 0", "a side of nothing"),
    ({"Rows": 60000, "Columns": 60000}, "60000 x 60000", "more memory than any film needs"),
    ({"Rows": 26}, "2000 bytes of pixel data, but 26 x 40 pixels of 16 bits need 2080", "truncated"),
    ({"PixelData": b""}, "0 bytes of pixel data", "empty"),
    ({"PixelData": None}, "no Pixel Data", "not an image"),
    ({"BitsAllocated": None}, "Bits Allocated missing", "the word is not known"),
    ({"BitsAllocated": 1}, "Bits Allocated 1", "a mask, not a film"),
    ({"BitsAllocated": 32}, "Bits Allocated 32", "a dose, not a film"),
    ({"BitsStored": 17}, "Bits Stored 17", "more bits than the word has"),
    ({"BitsStored": 0}, "Bits Stored 0", "no bits at all"),
    ({"PixelRepresentation": 2}, "Pixel Representation 2", "neither unsigned nor signed"),
    ({"ModalityLUTSequence": [SHORT_TABLE]}, "Modality LUT", "values that mean nothing"),
])
def test_what_cannot_be_shown_is_refused_in_one_sentence(tmp_path, attributes, told, reason):
    with pytest.raises(UnreadableFilm) as refusal:
        read_film(film_file(tmp_path / "film.dcm", RAMP, **attributes))
    sentence = str(refusal.value)
    assert told in sentence, reason
    assert sentence.startswith("film.dcm ") and sentence.endswith(".") and "\n" not in sentence
    assert "but" in sentence and ":" in sentence


@pytest.mark.parametrize("slope", ["nan", "inf", "abc"])
def test_a_slope_that_is_no_number_is_refused(tmp_path, slope):
    path = film_file(tmp_path / "film.dcm", RAMP, RescaleSlope="1.25", RescaleIntercept="0")
    path.write_bytes(path.read_bytes().replace(b"1.25", slope.encode().ljust(4)))
    with pytest.raises(UnreadableFilm, match="Rescale Slope"):
        read_film(path)


@pytest.mark.parametrize("content, told", [(b"", "not a DICOM file"), (b"a,b\n1,2\n", "not a DICOM file"),
                                           (START, "no Pixel Data|cannot be read"),
                                           (START + b"\x02\0\0\0UL\x04\0", "no Pixel Data|cannot be read")])
def test_other_files_are_refused_in_one_sentence(tmp_path, content, told):
    path = tmp_path / "other.dcm"
    path.write_bytes(content)
    with pytest.raises(UnreadableFilm, match=told):
        read_film(path)
    with pytest.raises(UnreadableFilm):
        read_header(path)


def test_files_that_cannot_be_opened_are_refused(tmp_path):
    for path in (tmp_path / "absent.dcm", tmp_path):
        for read in (read_film, read_header):
            with pytest.raises(UnreadableFilm, match="cannot be opened"):
                read(path)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.110", "1.2.3.4"])
def test_a_transfer_syntax_without_decoder_is_named(tmp_path, syntax):
    path = film_file(tmp_path / "film.dcm", RAMP, uid.JPEGLSLossless)
    data = path.read_bytes()
    old = b"UI" + (22).to_bytes(2, "little") + b"1.2.840.10008.1.2.4.80"
    assert old in data
    new = syntax.encode() + b"\0" * (len(syntax) % 2)
    path.write_bytes(data.replace(old, b"UI" + len(new).to_bytes(2, "little") + new))
    with pytest.raises(UnreadableFilm, match="is encoded as"):
        read_film(path)
