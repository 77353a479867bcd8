"""A film as a DICOM file that any viewer opens: the built-in sample cases, and simulated films for teaching."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation

from bmd.report.dicom import grey, new_file, saved
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
    header = _new(study, title, deflate)
    header.Modality = "DX"
    if image.view in ("lateral", "ap"):
        header.ViewPosition = "LL" if image.view == "lateral" else "AP"
    grey(header, pixels, _BITS)
    header.WindowCenter, header.WindowWidth = 2 ** (_BITS - 1), 2**_BITS
    if image.spacing_mm is not None:
        header.ImagerPixelSpacing = [f"{value:.4f}" for value in image.spacing_mm]
    return saved(header)


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
    header = _new(study, title, deflate=True)
    header.Modality, header.ViewPosition = "BMD", "AP"
    grey(header, stored, 16)
    header.RescaleSlope, header.RescaleIntercept, header.RescaleType = _DXA_STEP, _DXA_LOW, "G_CM2"
    top = 1.15 * float(np.percentile(image.pixels, 98))
    header.WindowCenter, header.WindowWidth = round(top / 2, 3), round(top, 3)
    header.VOILUTFunction = "LINEAR_EXACT"  # the usual function takes one unit off the width
    if image.spacing_mm is not None:
        header.PixelSpacing = [f"{value:.4f}" for value in image.spacing_mm]
    return saved(header)


def _new(study: Study, title: str, deflate: bool) -> FileDataset:
    header = new_file(study, title, DigitalXRayImageStorageForPresentation, ("1", "2", "3"), deflate)
    header.PresentationIntentType, header.BodyPartExamined = "FOR PRESENTATION", "LSPINE"
    return header
