"""One phantom film to one DICOM file: CR or DX, 12 bits stored in 16, in one of several transfer syntaxes.

The pixels come in as grey from 0 (black) to 1 (white, dense); what they show is not this module's business. Every
header says SYNTHETIC.
"""

from dataclasses import dataclass

import gdcm
import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    JPEG2000,
    ComputedRadiographyImageStorage,
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from core.files import whole_file

UID_ROOT = "2.25."  # ISO/IEC 9834-8: a UUID as a decimal number
SYNTAXES = {
    "explicit": ExplicitVRLittleEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "rle": RLELossless,
    "jpegls": JPEGLSLossless,
    "jpegls-near": JPEGLSNearLossless,
    "j2k": JPEG2000Lossless,
    "j2k-lossy": JPEG2000,
    "jpeg": JPEGLosslessSV1,
}


@dataclass(frozen=True)
class FilmHeader:
    """What the header says beside the pixels; identifiers are 12 hexadecimal digits, spacing in mm."""

    study_id: str
    series_id: str
    image_id: str
    patient_id: str
    photometric: str
    syntax: str
    modality: str         # CR or DX; a MONOCHROME1 film must be CR, for in DX it would need a Presentation LUT Shape
    view_position: str
    sex: str
    spacing: float
    instance: int = 1
    near: int = 0         # JPEG-LS: largest error of a pixel
    ratio: float = 0.0    # JPEG 2000 lossy: compression ratio aimed at


def uid(identifier, kind):
    """DICOM UID of `identifier` (12 hexadecimal digits); `kind` 1 study, 2 series, 3 image keeps them apart."""
    return UID_ROOT + str(int(f"{identifier}{kind:04x}4000800000000000", 16))


def stored_values(grey, photometric, window_low=.02):
    """Stored values [height,width] uint16 of 12 bits for `grey` [height,width] 0..1, bright = dense."""
    values = np.round(np.clip(grey, 0, 1) * 3900 + 4095 * window_low).astype(np.uint16)
    return 4095 - values if photometric == "MONOCHROME1" else values


def write_film(path, grey, header):
    """Write `grey` [height,width] float 0..1 with `header` (a `FilmHeader`) to `path`."""
    pixels = stored_values(grey, header.photometric)
    film = _dataset(path, header)
    _describe_pixels(film, pixels, header)
    film.PixelData = pixels.tobytes()
    syntax = SYNTAXES[header.syntax]
    options = {"jpegls-near": {"jls_error": header.near}, "j2k-lossy": {"j2k_cr": [header.ratio]}}
    if syntax.is_encapsulated and header.syntax != "jpeg":
        film.compress(syntax, pixels, generate_instance_uid=False, **options.get(header.syntax, {}))
    elif header.syntax == "deflated":
        film.file_meta.TransferSyntaxUID = syntax
    if header.syntax in options:
        _declare_loss(film, pixels, header.syntax)
    with whole_file(path) as temporary:
        film.save_as(temporary, enforce_file_format=True)
        if header.syntax == "jpeg":
            _to_jpeg_lossless(temporary)


def _to_jpeg_lossless(path):
    """Rewrite the uncompressed file at `path` as JPEG Lossless, first-order prediction (gdcm; pydicom cannot)."""
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(path))
    if not reader.Read():
        raise RuntimeError(f"gdcm could not read {path}")
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    if not change.Change():
        raise RuntimeError(f"gdcm could not encode {path}")
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    if not writer.Write():
        raise RuntimeError(f"gdcm could not write {path}")


def _declare_loss(film, pixels, syntax):
    film.LossyImageCompression = "01"
    film.LossyImageCompressionRatio = f"{pixels.nbytes / len(film.PixelData):.2f}"
    film.LossyImageCompressionMethod = {"jpegls-near": "ISO_14495_1", "j2k-lossy": "ISO_15444_1"}[syntax]


def _dataset(path, header):
    meta = FileMetaDataset()
    digital = header.modality == "DX"
    meta.MediaStorageSOPClassUID = (DigitalXRayImageStorageForPresentation if digital
                                    else ComputedRadiographyImageStorage)
    meta.MediaStorageSOPInstanceUID = uid(header.image_id, 3)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    film.SOPClassUID, film.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    film.ImageType = ["DERIVED", "PRIMARY"]
    film.SpecificCharacterSet = "ISO_IR 100"
    film.StudyDate = film.SeriesDate = film.AcquisitionDate = film.ContentDate = "20200101"
    film.StudyTime = film.AcquisitionTime = film.ContentTime = "120000"
    film.AccessionNumber, film.StudyID, film.ReferringPhysicianName = "", "1", ""
    film.Modality = header.modality
    film.Manufacturer, film.ManufacturerModelName = "Groundglass", "SYNTHETIC thorax phantom"
    film.StudyDescription = "SYNTHETIC chest phantom, not a patient"
    film.SeriesDescription = f"SYNTHETIC chest {header.view_position}"
    film.ImageComments = "SYNTHETIC: computed by `python -m train phantom`; shows no human being"
    film.PatientName, film.PatientID = "SYNTHETIC^PHANTOM", header.patient_id
    film.PatientBirthDate, film.PatientSex = "", header.sex
    film.PatientIdentityRemoved, film.DeidentificationMethod = "YES", "synthetic, never identified"
    film.StudyInstanceUID, film.SeriesInstanceUID = uid(header.study_id, 1), uid(header.series_id, 2)
    film.SeriesNumber, film.InstanceNumber = 1, header.instance
    film.BodyPartExamined, film.ViewPosition = "CHEST", header.view_position
    film.PatientOrientation, film.ImageLaterality = ["L", "F"], "U"
    film.BurnedInAnnotation = "YES"
    if digital:
        film.PresentationIntentType, film.PixelIntensityRelationship = "FOR PRESENTATION", "LOG"
        film.PixelIntensityRelationshipSign, film.PresentationLUTShape = -1, "IDENTITY"
    return film


def _describe_pixels(film, pixels, header):
    film.SamplesPerPixel, film.PhotometricInterpretation = 1, header.photometric
    film.Rows, film.Columns = pixels.shape
    film.BitsAllocated, film.BitsStored, film.HighBit, film.PixelRepresentation = 16, 12, 11, 0
    film.ImagerPixelSpacing = [f"{header.spacing:.4f}"] * 2
    film.RescaleIntercept, film.RescaleSlope, film.RescaleType = 0, 1, "US"
    low, high = (int(round(level)) for level in np.percentile(pixels, (.5, 99.5)))
    centre, width = (low + high) // 2, max(high - low, 2)
    if header.modality == "DX":  # two presets, as many systems store them
        film.WindowCenter, film.WindowWidth = [centre, centre], [width, round(.7 * width)]
        film.WindowCenterWidthExplanation = ["NORMAL", "HARD"]
    else:
        film.WindowCenter, film.WindowWidth = centre, width
        film.PixelSpacing = film.ImagerPixelSpacing  # equal: not corrected for magnification
    film.LossyImageCompression = "00"
