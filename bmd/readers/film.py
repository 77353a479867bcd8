"""DICOM radiographs to `Study`. The only reader that knows pydicom, and it asks for about forty tags, none a name."""

from __future__ import annotations

import hashlib
import logging
import warnings
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import config as pydicom_config
from pydicom.encaps import get_frame
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi
from pydicom.uid import UID, RLELossless

from bmd.errors import InputError
from bmd.readers import decoders, display
from bmd.readers.header import number as _number
from bmd.readers.header import word as _word
from bmd.readers.limits import check_picture
from bmd.readers.patient import demographics
from bmd.readers.stream import open_stream
from bmd.types import Image, Study, View

# pydicom's warnings quote the values they complain about, which may be the patient's name or date of birth.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
warnings.filterwarnings("ignore", category=UserWarning, module="pydicom")
pydicom_config.settings.reading_validation_mode = pydicom_config.IGNORE

TAGS = """
Modality SOPClassUID BodyPartExamined ViewPosition PatientOrientation PresentationIntentType BurnedInAnnotation
PatientAge PatientBirthDate StudyDate AcquisitionDate PatientSex PatientSize PatientWeight
SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows Columns BitsAllocated BitsStored
HighBit PixelRepresentation PixelPaddingValue PixelPaddingRangeLimit PixelAspectRatio
PixelSpacing ImagerPixelSpacing NominalScannedPixelSpacing
RescaleIntercept RescaleSlope RescaleType ModalityLUTSequence WindowCenter WindowWidth VOILUTFunction VOILUTSequence
RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor BluePaletteColorLookupTableDescriptor
RedPaletteColorLookupTableData GreenPaletteColorLookupTableData BluePaletteColorLookupTableData
SegmentedRedPaletteColorLookupTableData SegmentedGreenPaletteColorLookupTableData
SegmentedBluePaletteColorLookupTableData
FloatPixelData DoubleFloatPixelData PixelData
""".split()

OTHER_MODALITIES = {
    "CT": "a CT slice",
    "MR": "a magnetic resonance image",
    "MG": "a mammogram",
    "PX": "a dental film",
    "IO": "a dental film",
    "US": "an ultrasound image",
    "IVUS": "an ultrasound image",
    "PT": "a PET image",
    "NM": "a nuclear medicine image",
    "SEG": "a segmentation",
    "SR": "a structured report",
    "KO": "a list of key images",
    "PR": "a presentation state",
    "RTSTRUCT": "a radiotherapy structure set",
    "RTPLAN": "a radiotherapy plan",
    "RTDOSE": "a radiotherapy dose",
    "ECG": "an electrocardiogram",
    "OP": "an ophthalmic photograph",
    "SM": "a slide microscopy image",
    "ES": "an endoscopic image",
    "XC": "a photograph",
}
DENSITOMETRY = {"BMD", "DXA"}
"""Modality of a densitometer's image; many export theirs as OT or CR, which only the content tells."""
DENSITY = "G_CM2"
"""Rescale type of pixels that are areal density in g/cm2."""
_LATERAL = {"LL", "RL", "LAT", "LATERAL", "LLAT", "RLAT", "LEFT LATERAL", "RIGHT LATERAL"}
_FRONTAL = {"AP", "PA"}
_MAX_SPACING_MM = 5.0


def read_dicom(data: bytes) -> Study:
    """Read one radiograph.

    Parameters
    ----------
    data : bytes
        A whole DICOM file, with or without preamble, in any transfer syntax `decoders` or pydicom can decode.

    Returns
    -------
    Study
        One film, bone bright; no identifier of the patient.

    Raises
    ------
    InputError
        Not a single radiograph, damaged, or in a syntax that cannot be decoded.
    LimitError
        Larger, deeper or more swollen than `limits` allows. Checked before decoding.
    """
    stream = open_stream(data)
    header = pydicom.dcmread(BytesIO(stream.data), force=True, specific_tags=list(TAGS))
    _refuse_other_kinds(header)
    _check_size(header)
    values = _stored_values(header, stream.syntax)
    display.refuse_nan(values)
    notes: list[str] = []
    pixels = _shown(header, values, notes)
    patient = demographics(header, notes)
    spacing = _spacing(header, notes)
    _describe(header, notes)
    kind = _word(header, "Modality")
    images = [Image(pixels, "dxa" if kind in DENSITOMETRY else "radiograph", _view(header), spacing)]
    if kind in DENSITOMETRY and _word(header, "RescaleType") == DENSITY:
        density = _rescaled(header, values).astype(np.float32)
        images.append(Image(density, "dxa", _view(header), spacing, unit="g/cm2"))
        notes.append("Pixels are areal bone density in g/cm²")
    return Study(
        uid=hashlib.sha256(data).hexdigest()[:16],
        images=tuple(images),
        patient=patient,
        origin=f"DICOM {kind}".strip(),
        notes=tuple(notes),
    )


def _refuse_other_kinds(header: Any) -> None:
    modality = _word(header, "Modality")
    if modality in OTHER_MODALITIES:
        raise InputError(
            "A lateral spine radiograph is needed",
            OTHER_MODALITIES[modality],
            "Open it on the page Abdominal CT" if modality == "CT" else "Choose the lateral spine film of the study",
        )
    if not any(tag in header for tag in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise InputError(
            "The DICOM file must hold a picture", "no pixels", "Choose the film itself, or export it again"
        )


def _check_size(header: Any) -> None:
    rows, columns = int(_number(header, "Rows") or 0), int(_number(header, "Columns") or 0)
    frames = int(_number(header, "NumberOfFrames") or 1)
    bits = int(_number(header, "BitsAllocated") or 16)
    if frames > 1:
        raise InputError("A film is one picture", f"{frames} pictures in the file", "Export a single frame")
    check_picture(rows, columns, int(_number(header, "SamplesPerPixel") or 1), max(1, bits // 8))


def _stored_values(header: Any, syntax: str) -> NDArray:
    """Pixels as stored: (H, W) or (H, W, 3)."""
    if syntax in decoders.SUPPORTED:
        colour = _word(header, "PhotometricInterpretation") == "RGB"
        frame = get_frame(header.PixelData, 0, number_of_frames=1)
        values = decoders.decode_frame(frame, syntax, int(header.Rows), int(header.Columns), colour)
        return decoders.as_stored(values, bool(_number(header, "PixelRepresentation")), int(header.BitsStored))
    if UID(syntax).is_encapsulated and syntax != RLELossless:
        raise InputError("This DICOM compression is not supported", UID(syntax).name, "Export the film uncompressed")
    header.file_meta.TransferSyntaxUID = UID(syntax)
    return header.pixel_array


def _shown(header: Any, values: NDArray, notes: list[str]) -> NDArray[np.float32]:
    """The picture as a viewer shows it, inverted where the header says low values are bright."""
    if _word(header, "PhotometricInterpretation") == "PALETTE COLOR":
        values = apply_color_lut(values, header)
    if values.ndim == 3:
        luminance, variation = display.grey(values)
        notes.append("Colour picture, read as grey")
        if variation > display.COLOURFUL:
            notes.append("The colours vary as in a photograph")
        return np.clip(luminance / np.float32(np.iinfo(values.dtype).max), 0, 1)
    if values.ndim != 2:
        raise InputError("A film is one grey picture", f"{values.ndim} dimensions", "Export a single frame")
    keep = _not_padding(header, values)
    shown = _windowed(header, _rescaled(header, values), keep, notes)
    if _word(header, "PhotometricInterpretation") == "MONOCHROME1":
        shown = 1 - shown
        notes.append("Stored with bone dark (MONOCHROME1), shown with bone bright")
    if keep is not None:
        shown[~keep] = 0
    return shown


def _not_padding(header: Any, values: NDArray) -> NDArray[np.bool_] | None:
    """Where the pixels are picture; None when the header names no padding value or all would be padding."""
    first = _number(header, "PixelPaddingValue")
    if first is None:
        return None
    last = _number(header, "PixelPaddingRangeLimit")
    low, high = sorted((first, first if last is None else last))
    keep = (values < low) | (values > high)
    return keep if keep.any() and not keep.all() else None


def _rescaled(header: Any, values: NDArray) -> NDArray:
    if header.get("ModalityLUTSequence"):
        return apply_modality_lut(values, header)
    slope, intercept = _number(header, "RescaleSlope"), _number(header, "RescaleIntercept")
    if slope in (None, 0.0) or (slope == 1 and not intercept):
        return values
    return values.astype(np.float32) * np.float32(slope) + np.float32(intercept or 0)


def _windowed(header: Any, values: NDArray, keep: NDArray[np.bool_] | None, notes: list[str]) -> NDArray[np.float32]:
    """Apply the file's own look-up table or window; stretch the percentiles where it has none that shows anything."""
    shown = None
    if header.get("VOILUTSequence") and np.issubdtype(values.dtype, np.integer):
        try:
            table = apply_voi(values, header)
            shown = table.astype(np.float32) / np.float32(max(int(table.max()), 1))
            word = "look-up table"
        except (AttributeError, IndexError, KeyError, NotImplementedError, TypeError, ValueError):
            notes.append("The look-up table in the file is damaged and was not used")
    if shown is None:
        centre, width = _number(header, "WindowCenter"), _number(header, "WindowWidth")
        if centre is not None and width is not None and width > 0:
            shown = display.window(values, centre, width, _word(header, "VOILUTFunction"))
            word = "window"
    if shown is not None and not display.hides_the_picture(shown, keep):
        notes.append(f"Brightness from the {word} in the file")
        return shown
    if shown is not None:
        notes.append(f"The {word} in the file hides the picture and was not used")
    notes.append("Brightness stretched to the range of the film")
    return display.stretch(values, keep)


def _view(header: Any) -> View | None:
    position = str(header.get("ViewPosition", "") or "").strip().upper()
    if position in _LATERAL:
        return "lateral"
    if position in _FRONTAL:
        return "ap"
    rows_toward = str((header.get("PatientOrientation") or [""])[0]).upper()[:1]
    if rows_toward in ("A", "P"):
        return "lateral"
    return "ap" if rows_toward in ("L", "R") else None


def _spacing(header: Any, notes: list[str]) -> tuple[float, float] | None:
    """Pixel spacing (row, column) in mm: calibrated, else at the detector, else of the scanner."""
    for tag, word in (
        ("PixelSpacing", "in the patient"),
        ("ImagerPixelSpacing", "at the detector, so the body is shown enlarged"),
        ("NominalScannedPixelSpacing", "of the film scanner"),
    ):
        row, column = _number(header, tag, 0), _number(header, tag, 1)
        if row is None or column is None:
            continue
        if 0 < row <= _MAX_SPACING_MM and 0 < column <= _MAX_SPACING_MM:
            notes.append(f"Pixel spacing {word}")
            return row, column
        notes.append("The pixel spacing in the file is implausible and was not used")
    return None


def _describe(header: Any, notes: list[str]) -> None:
    """Facts that help the reader of the result; free text of the file is never copied."""
    bits = _number(header, "BitsStored")
    if bits:
        notes.append(f"{int(bits)} bit")
    if _word(header, "PresentationIntentType") == "FOR PROCESSING":
        notes.append("Unprocessed detector image (FOR PROCESSING)")
    if _word(header, "BurnedInAnnotation") == "YES":
        notes.append("The file says that text is burnt into the picture; it may name the patient")
