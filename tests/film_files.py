"""Small DICOM files for the tests: any pixels, any transfer syntax, any attribute, right or wrong."""

import gdcm
import jpeg_ls
import numpy as np
from openjpeg.utils import encode_array
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from rle.utils import encode_pixel_data

STUDY, IMAGE = "1.2.826.0.1.3680043.8.498.1", "1.2.826.0.1.3680043.8.498.2"


def film_file(path, pixels, syntax=uid.ExplicitVRLittleEndian, frame=None, **attributes):
    """Write `pixels` [H,W] uint8, uint16, int8 or int16 to the DICOM file `path`; returns `path`.

    `frame`: an encoded frame (bytes) to store instead of encoding `pixels`; `attributes`: keywords to set, or to
    leave out when None. `PixelData` may be among them.
    """
    dataset = _dataset(pixels)
    encapsulated = uid.UID(syntax).is_encapsulated
    if encapsulated:
        dataset.PixelData = encapsulate([frame if frame is not None else encoded(pixels, syntax)])
        dataset["PixelData"].is_undefined_length = True
    elif syntax == uid.ExplicitVRBigEndian and pixels.itemsize == 2:
        dataset.PixelData = pixels.byteswap().tobytes()
    else:
        dataset.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    dataset["PixelData"].VR = "OB" if encapsulated or pixels.itemsize == 1 else "OW"
    for keyword, value in attributes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, IMAGE
    dataset.save_as(path, enforce_file_format=True)
    return path


def _dataset(pixels):
    dataset, bits = Dataset(), 8 * pixels.itemsize
    dataset.SOPClassUID, dataset.SOPInstanceUID = uid.ComputedRadiographyImageStorage, IMAGE
    dataset.StudyInstanceUID, dataset.PatientID, dataset.Modality = STUDY, "P1", "CR"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = int(np.issubdtype(pixels.dtype, np.signedinteger))
    return dataset


def encoded(pixels, syntax):
    """One frame of `pixels` as a codestream of `syntax`, lossless."""
    if syntax in (uid.JPEGLSLossless, uid.JPEGLSNearLossless):
        return bytes(jpeg_ls.encode_array(pixels.view(f"u{pixels.itemsize}")))
    if syntax in (uid.JPEG2000Lossless, uid.JPEG2000):
        return encode_array(pixels)
    if syntax == uid.RLELossless:
        return encode_pixel_data(pixels.tobytes(), rows=pixels.shape[0], columns=pixels.shape[1], number_of_frames=1,
                                 samples_per_pixel=1, bits_allocated=8 * pixels.itemsize, byteorder="<")
    raise NotImplementedError(syntax)


def lossless_jpeg_file(path, native, process=gdcm.TransferSyntax.JPEGLosslessProcess14_1):
    """Write the native DICOM file `native` to `path` as JPEG lossless; returns `path`."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(native))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(process))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return path


def empty_htj2k(rows, columns, precision):
    """An HTJ2K codestream (ISO 15444-15) of a grey image whose coefficients are all 0: one layer, empty packets.

    Undoing the level shift makes every sample 2 ** (precision - 1).
    """
    def segment(marker, body):
        return marker + (len(body) + 2).to_bytes(2, "big") + body

    def four(*values):
        return b"".join(value.to_bytes(4, "big") for value in values)

    size = segment(b"\xff\x51", b"\x40\0" + four(columns, rows, 0, 0, columns, rows, 0, 0) + b"\0\1"
                   + bytes([precision - 1, 1, 1]))
    capabilities = segment(b"\xff\x50", four(0x00020000) + b"\0\0")
    coding = segment(b"\xff\x52", b"\0\0\0\1\0" + b"\0\4\4\x40\1")  # no decompositions, 64 x 64, HT blocks, 5/3
    quantisation = segment(b"\xff\x5c", b"\x40" + bytes([(precision + 1) << 3]))
    body = b"\xff\x93" + b"\0"  # start of data; a packet header of one 0 bit says "nothing coded"
    tile = b"\xff\x90" + b"\0\x0a" + b"\0\0" + (12 + len(body)).to_bytes(4, "big") + b"\0\1"
    return b"\xff\x4f" + size + capabilities + coding + quantisation + tile + body + b"\xff\xd9"
