"""Single DICOM pictures, radiographs and densitometers' images, to `Study`; CT slices have `ct_dicom`.

About forty tags are asked for, none a name.
"""

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
from bmd.findings import Finding, note
from bmd.readers import decoders, display
from bmd.readers.dxa import SAYS_DXA, said_by_header
from bmd.readers.header import number, stored, word
from bmd.readers.limits import check_picture
from bmd.readers.patient import demographics
from bmd.readers.stream import open_stream
from bmd.types import Acquisition, Image, Modality, SpacingOf, Study, View

# pydicom's warnings quote the values they complain about, which may be the patient's name or date of birth.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
warnings.filterwarnings("ignore", category=UserWarning, module="pydicom")
pydicom_config.settings.reading_validation_mode = pydicom_config.IGNORE

TAGS = """
Modality SOPClassUID Manufacturer ManufacturerModelName SeriesDescription StudyDescription ProtocolName
BodyPartExamined ViewPosition PatientOrientation PresentationIntentType BurnedInAnnotation
PatientAge PatientBirthDate StudyDate AcquisitionDate PatientSex PatientSize PatientWeight
SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows Columns BitsAllocated BitsStored
HighBit PixelRepresentation PixelPaddingValue PixelPaddingRangeLimit PixelAspectRatio
PixelSpacing ImagerPixelSpacing NominalScannedPixelSpacing LossyImageCompression
RescaleIntercept RescaleSlope RescaleType ModalityLUTSequence WindowCenter WindowWidth VOILUTFunction VOILUTSequence
RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor BluePaletteColorLookupTableDescriptor
RedPaletteColorLookupTableData GreenPaletteColorLookupTableData BluePaletteColorLookupTableData
SegmentedRedPaletteColorLookupTableData SegmentedGreenPaletteColorLookupTableData
SegmentedBluePaletteColorLookupTableData
FloatPixelData DoubleFloatPixelData PixelData
""".split()

OTHER_MODALITIES = frozenset("CT MR MG PX IO US IVUS PT NM SEG SR KO PR RTSTRUCT RTPLAN RTDOSE ECG OP SM ES XC".split())
"""Modalities that are neither radiographs nor densitometry; the catalogue says in ``read.modality`` what each is."""
DENSITY = "G_CM2"
"""Rescale type of pixels that are areal density in g/cm2."""
_LATERAL = {"LL", "RL", "LAT", "LATERAL", "LLAT", "RLAT", "LEFT LATERAL", "RIGHT LATERAL"}
_FRONTAL = {"AP", "PA"}
_MAX_SPACING_MM = 5.0


def read_dicom(data: bytes, wanted_dxa: bool = False) -> Study:
    """Read one radiograph or DXA image.

    Parameters
    ----------
    data : bytes
        A whole DICOM file, with or without preamble, in any transfer syntax `decoders` or pydicom can decode.
    wanted_dxa : bool
        Whether a DXA image was asked for, which only the words of a refusal depend on.

    Returns
    -------
    Study
        One picture, bone bright, and for DXA its densities as a second where the pixels hold them; no identifier of
        the patient.

    Raises
    ------
    InputError
        Neither a single radiograph nor a DXA image, damaged, or in a syntax that cannot be decoded.
    LimitError
        Larger, deeper or more swollen than `limits` allows. Checked before decoding.
    """
    stream = open_stream(data)
    header = pydicom.dcmread(BytesIO(stream.data), force=True, specific_tags=list(TAGS))
    _refuse_other_kinds(header, wanted_dxa)
    _check_size(header)
    values = _stored_values(header, stream.syntax)
    display.refuse_nan(values)
    notes: list[Finding] = []
    pixels = _shown(header, values, notes)
    patient = demographics(header, notes)
    spacing, spacing_of = _spacing(header, notes)
    taken = _acquisition(header, stream.syntax, spacing_of)
    _describe(header, taken, notes)
    kind, said = word(header, "Modality"), said_by_header(header)
    notes += [] if said is None else [said]
    scanned = said is not None and said.code == SAYS_DXA
    modality: Modality = "dxa" if scanned else "radiograph"
    images = [Image(pixels, modality, _view(header), spacing, acquisition=taken)]
    if scanned and word(header, "RescaleType") == DENSITY:
        density = _rescaled(header, values).astype(np.float32)
        images.append(Image(density, "dxa", _view(header), spacing, "g/cm2", taken))
        notes.append(note("read.density"))
    return Study(
        uid=hashlib.sha256(data).hexdigest()[:16],
        images=tuple(images),
        patient=patient,
        origin=f"DICOM {kind}".strip(),
        notes=tuple(notes),
    )


def encapsulated(data: bytes) -> bytes | None:
    """The PDF in a DICOM file that holds one in place of a picture, as densitometers send reports; None of others.

    Raises
    ------
    LimitError, InputError
        As `read_dicom`.
    """
    stream = open_stream(data)
    header = pydicom.dcmread(BytesIO(stream.data), force=True, specific_tags=["EncapsulatedDocument"])
    document = stored(header, "EncapsulatedDocument")
    return bytes(document) if isinstance(document, bytes) and document.startswith(b"%PDF") else None


def _refuse_other_kinds(header: Any, wanted_dxa: bool) -> None:
    modality = word(header, "Modality")
    if modality in OTHER_MODALITIES:
        found = note(f"read.modality.{modality}")
        if wanted_dxa:
            raise InputError("read.ct_as_dxa_image" if modality == "CT" else "read.other_as_dxa_image", found=found)
        raise InputError("read.ct_as_film" if modality == "CT" else "read.other_as_film", found=found)
    if not any(tag in header for tag in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise InputError("read.no_pixels")


def _check_size(header: Any) -> None:
    rows, columns = int(number(header, "Rows") or 0), int(number(header, "Columns") or 0)
    frames = int(number(header, "NumberOfFrames") or 1)
    bits = int(number(header, "BitsAllocated") or 16)
    if frames > 1:
        raise InputError("read.several_frames", count=frames)
    check_picture(rows, columns, int(number(header, "SamplesPerPixel") or 1), max(1, bits // 8))


def _stored_values(header: Any, syntax: str) -> NDArray[Any]:
    """Pixels as stored: (H, W) or (H, W, 3)."""
    if syntax in decoders.SUPPORTED:
        colour = word(header, "PhotometricInterpretation") == "RGB"
        frame = get_frame(header.PixelData, 0, number_of_frames=1)
        values = decoders.decode_frame(frame, syntax, int(header.Rows), int(header.Columns), colour)
        return decoders.as_stored(values, bool(number(header, "PixelRepresentation")), int(header.BitsStored))
    if UID(syntax).is_encapsulated and syntax != RLELossless:
        raise InputError("read.compression_unknown", name=UID(syntax).name)
    header.file_meta.TransferSyntaxUID = UID(syntax)
    return np.asarray(header.pixel_array)


def _shown(header: Any, values: NDArray[Any], notes: list[Finding]) -> NDArray[np.float32]:
    """The picture as a viewer shows it, inverted where the header says low values are bright."""
    if word(header, "PhotometricInterpretation") == "PALETTE COLOR":
        values = apply_color_lut(values, header)
    if values.ndim == 3:
        luminance, variation = display.grey(values)
        notes.append(note("read.colour"))
        if variation > display.COLOURFUL:
            notes.append(note("read.photograph"))
        return display.unit(luminance / np.float32(np.iinfo(values.dtype).max))
    if values.ndim != 2:
        raise InputError("read.dimensions", count=values.ndim)
    keep = _not_padding(header, values)
    shown = _windowed(header, _rescaled(header, values), keep, notes)
    if word(header, "PhotometricInterpretation") == "MONOCHROME1":
        shown = 1 - shown
        notes.append(note("read.inverted"))
    if keep is not None:
        shown[~keep] = 0
    return shown


def _not_padding(header: Any, values: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Where the pixels are picture; None when the header names no padding value or all would be padding."""
    first = number(header, "PixelPaddingValue")
    if first is None:
        return None
    last = number(header, "PixelPaddingRangeLimit")
    low, high = sorted((first, first if last is None else last))
    keep = (values < low) | (values > high)
    return keep if keep.any() and not keep.all() else None


def _rescaled(header: Any, values: NDArray[Any]) -> NDArray[Any]:
    if header.get("ModalityLUTSequence"):
        return apply_modality_lut(values, header)
    slope, intercept = number(header, "RescaleSlope"), number(header, "RescaleIntercept")
    if slope in (None, 0.0) or (slope == 1 and not intercept):
        return values
    return values.astype(np.float32) * np.float32(slope) + np.float32(intercept or 0)


def _windowed(
    header: Any, values: NDArray[Any], keep: NDArray[np.bool_] | None, notes: list[Finding]
) -> NDArray[np.float32]:
    """Apply the file's own look-up table or window; stretch the percentiles where it has none that shows anything."""
    shown = None
    if header.get("VOILUTSequence") and np.issubdtype(values.dtype, np.integer):
        try:
            table = apply_voi(values, header)
            shown = table.astype(np.float32) / np.float32(max(int(table.max()), 1))
            source = "table"
        except (AttributeError, IndexError, KeyError, NotImplementedError, TypeError, ValueError):
            notes.append(note("read.table_damaged"))
    if shown is None:
        centre, width = number(header, "WindowCenter"), number(header, "WindowWidth")
        if centre is not None and width is not None and width > 0:
            shown = display.window(values, centre, width, word(header, "VOILUTFunction"))
            source = "window"
    if shown is not None and not display.hides_the_picture(shown, keep):
        notes.append(note("read.table_used" if source == "table" else "read.window_used"))
        return shown
    if shown is not None:
        notes.append(note("read.table_hides" if source == "table" else "read.window_hides"))
    notes.append(note("read.stretched"))
    return display.stretch(values, keep)


def _view(header: Any) -> View | None:
    position = str(stored(header, "ViewPosition") or "").strip().upper()
    if position in _LATERAL:
        return "lateral"
    if position in _FRONTAL:
        return "ap"
    rows_toward = str((stored(header, "PatientOrientation") or [""])[0]).upper()[:1]
    if rows_toward in ("A", "P"):
        return "lateral"
    return "ap" if rows_toward in ("L", "R") else None


def _spacing(header: Any, notes: list[Finding]) -> tuple[tuple[float, float] | None, SpacingOf | None]:
    """Pixel spacing (row, column) in mm, and where it holds: calibrated, else at the detector, else of the scanner."""
    places: tuple[tuple[str, SpacingOf], ...] = (
        ("PixelSpacing", "patient"),
        ("ImagerPixelSpacing", "detector"),
        ("NominalScannedPixelSpacing", "scanner"),
    )
    for tag, where in places:
        row, column = number(header, tag, 0), number(header, tag, 1)
        if row is None or column is None:
            continue
        if 0 < row <= _MAX_SPACING_MM and 0 < column <= _MAX_SPACING_MM:
            notes.append(note(f"read.spacing.{where}"))
            return (row, column), where
        notes.append(note("read.spacing_implausible"))
    return None, None


def _acquisition(header: Any, syntax: str, spacing_of: SpacingOf | None) -> Acquisition:
    bits = number(header, "BitsStored")
    return Acquisition(
        transfer_syntax=syntax,
        bits=int(bits) if bits else None,
        lossy=decoders.lossy(header, syntax),
        inverted=word(header, "PhotometricInterpretation") == "MONOCHROME1",
        processed={"FOR PROCESSING": False, "FOR PRESENTATION": True}.get(word(header, "PresentationIntentType")),
        spacing_of=spacing_of,
    )


def _describe(header: Any, taken: Acquisition, notes: list[Finding]) -> None:
    """Facts that help the reader of the result; free text of the file is never copied."""
    if taken.bits is not None:
        notes.append(note("read.bits", count=taken.bits))
    if taken.processed is False:
        notes.append(note("read.unprocessed"))
    if word(header, "BurnedInAnnotation") == "YES":
        notes.append(note("read.burnt_in"))
