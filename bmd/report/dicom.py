"""What every DICOM file that is written here holds: simulated studies only, said so in every header."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, generate_uid

from bmd.text import text
from bmd.types import Study


def new_file(
    study: Study, title: str, sop_class: UID, uids: tuple[str, str, str], deflate: bool = False
) -> FileDataset:
    """A header with identifiers, that it is simulated, and the simulated patient's figures as far as they are known.

    Parameters
    ----------
    study : Study
        What is written.
    title : str
        Series description. Never put a name here.
    sop_class : str
        UID of the kind of object.
    uids : tuple of str
        What tells study, series and instance apart: with ``study.uid`` they give the UIDs, so that the same study
        gives the same bytes.
    deflate : bool
        Compress the whole data set (no pixel is changed).
    """
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian if deflate else ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = sop_class
    header = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPInstanceUID = (uid(study, part) for part in uids)
    header.SOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, header.SOPInstanceUID
    header.PatientName, header.PatientID = "Simulated^Patient", study.uid
    header.SeriesDescription, header.ImageComments = title, text("report.simulated", use=text("intended_use"))
    patient = study.patient
    if patient.age_y is not None:
        header.PatientAge = f"{int(patient.age_y):03d}Y"
    header.PatientSex = patient.sex or ""
    if patient.height_cm is not None:
        header.PatientSize = f"{patient.height_cm / 100:.3f}"
    if patient.weight_kg is not None:
        header.PatientWeight = f"{patient.weight_kg:.1f}"
    return header


def uid(study: Study, part: str) -> UID:
    """A UID made from the study's and a word that tells its parts apart."""
    return generate_uid(entropy_srcs=[study.uid, part])


def grey(header: FileDataset, stored: NDArray[Any], bits: int) -> None:
    """Put 16 bit grey pixels (H, W), of which ``bits`` are used, into a header."""
    header.Rows, header.Columns = stored.shape
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, bits, bits - 1, 0
    header.PixelData = stored.astype("<u2", copy=False).tobytes()


def saved(header: FileDataset) -> bytes:
    """The file."""
    out = BytesIO()
    header.save_as(out, enforce_file_format=True)
    return out.getvalue()
