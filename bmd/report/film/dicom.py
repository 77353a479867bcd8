"""A film as a DICOM file that any viewer opens: the built-in sample cases, and simulated films for teaching."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    generate_uid,
)

from bmd.text import text
from bmd.types import Study

_BITS = 12
_DXA_LOW, _DXA_STEP = -0.5, 0.0001
"""Density of the stored value 0 and of one step, g/cm2."""


def film_dicom(study: Study, title: str = "Simulated film", deflate: bool = True) -> bytes:
    """Write the first picture of a study as a digital X-ray file (DX, MONOCHROME2, 12 bit).

    Parameters
    ----------
    study : Study
        One radiograph, 0..1, bone bright. Its demographics go into the header where they are known.
    title : str
        Series description. Never put a name here.
    deflate : bool
        Compress the whole data set (no pixel is changed).

    Returns
    -------
    bytes
        The file. UIDs come from ``study.uid``, so the same study gives the same bytes.
    """
    image = study.images[0]
    pixels = np.round(np.clip(image.pixels, 0, 1) * (2**_BITS - 1)).astype("<u2")
    header = FileDataset("", {}, file_meta=_meta(study, deflate), preamble=bytes(128))
    _identify(header, study, title)
    header.Modality = "DX"
    if image.view in ("lateral", "ap"):
        header.ViewPosition = "LL" if image.view == "lateral" else "AP"
    _pixels(header, pixels, image.spacing_mm)
    out = BytesIO()
    header.save_as(out, enforce_file_format=True)
    return out.getvalue()


def dxa_dicom(study: Study, title: str = "Simulated DXA scan") -> bytes:
    """Write the densities of a calibrated DXA study as a densitometer's file (BMD, 16 bit, rescaled to g/cm2).

    Parameters
    ----------
    study : Study
        A display image and, second, areal density in g/cm2 on the same square pixels.
    title : str
        Series description. Never put a name here.
    """
    image = study.images[1]
    stored = np.round((np.clip(image.pixels, _DXA_LOW, _DXA_LOW + 6.5) - _DXA_LOW) / _DXA_STEP).astype("<u2")
    header = FileDataset("", {}, file_meta=_meta(study, deflate=True), preamble=bytes(128))
    _identify(header, study, title)
    header.Modality, header.ViewPosition = "BMD", "AP"
    header.Rows, header.Columns = stored.shape
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 16, 15, 0
    header.RescaleSlope, header.RescaleIntercept, header.RescaleType = _DXA_STEP, _DXA_LOW, "G_CM2"
    top = 1.15 * float(np.percentile(image.pixels, 98))
    header.WindowCenter, header.WindowWidth = round(top / 2, 3), round(top, 3)
    header.VOILUTFunction = "LINEAR_EXACT"  # the usual function takes one unit off the width
    if image.spacing_mm is not None:
        header.PixelSpacing = [f"{value:.4f}" for value in image.spacing_mm]
    header.PixelData = stored.tobytes()
    out = BytesIO()
    header.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _meta(study: Study, deflate: bool) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian if deflate else ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[study.uid, "3"])
    return meta


def _identify(header: FileDataset, study: Study, title: str) -> None:
    """What every file says: identifiers, that it is simulated, and the simulated patient's figures."""
    patient = study.patient
    header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID
    header.StudyInstanceUID, header.SeriesInstanceUID = (generate_uid(entropy_srcs=[study.uid, n]) for n in ("1", "2"))
    header.PresentationIntentType = "FOR PRESENTATION"
    header.PatientName, header.PatientID = "Simulated^Patient", study.uid
    header.SeriesDescription, header.ImageComments = title, text("report.simulated", use=text("intended_use"))
    header.BodyPartExamined = "LSPINE"
    if patient.age_y is not None:
        header.PatientAge = f"{int(patient.age_y):03d}Y"
    header.PatientSex = patient.sex or ""
    if patient.height_cm is not None:
        header.PatientSize = f"{patient.height_cm / 100:.3f}"
    if patient.weight_kg is not None:
        header.PatientWeight = f"{patient.weight_kg:.1f}"


def _pixels(header: Dataset, pixels: np.ndarray, spacing_mm: tuple[float, ...] | None) -> None:
    header.Rows, header.Columns = pixels.shape
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, _BITS, _BITS - 1, 0
    header.WindowCenter, header.WindowWidth = 2 ** (_BITS - 1), 2**_BITS
    if spacing_mm is not None:
        header.ImagerPixelSpacing = [f"{value:.4f}" for value in spacing_mm]
    header.PixelData = pixels.tobytes()
