"""A simulated CT as a zip of DICOM slices that any viewer opens: the built-in cases, and volumes for teaching."""

from __future__ import annotations

import zipfile
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from bmd.text import text
from bmd.truth import Case, CtTruth
from bmd.types import volume_of

LOWEST_HU = -1000
"""HU of the stored value 0."""
_AIR_BELOW_HU = -940


def ct_zip(case: Case, title: str = "Simulated CT", step_hu: int = 1) -> bytes:
    """Write a simulated CT as axial slices, head first, in one zip archive.

    Parameters
    ----------
    case : Case
        Its study holds one CT, its truth the tube voltage and contrast phase.
    title : str
        Series description. Never put a name here.
    step_hu : int
        HU per stored step; coarser steps make a smaller file (an error of step / 3.5 in each voxel, none in means).
        Air is stored as -1000 without its noise.

    Returns
    -------
    bytes
        The archive. UIDs and times come from the study, so the same case gives the same bytes.
    """
    voxels = volume_of(case.study).voxels
    hu = np.where(voxels < _AIR_BELOW_HU, LOWEST_HU, voxels).astype(np.float32)
    stored = np.round((hu - LOWEST_HU) / step_hu).astype("<u2")
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for k, plane in enumerate(stored):
            member = zipfile.ZipInfo(f"IM{k + 1:04d}.dcm")
            archive.writestr(member, ct_slice(case, k, plane, title, step_hu), zipfile.ZIP_DEFLATED, 9)
    return out.getvalue()


def ct_slice(case: Case, index: int, stored: NDArray[np.uint16], title: str, step_hu: int) -> bytes:
    """One axial slice; z falls from head to feet, x grows to the patient's left."""
    study, spacing = case.study, volume_of(case.study).spacing_mm
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[study.uid, str(index)])
    header = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    header.SOPClassUID, header.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    header.StudyInstanceUID, header.SeriesInstanceUID = (generate_uid(entropy_srcs=[study.uid, n]) for n in ("a", "b"))
    header.FrameOfReferenceUID = generate_uid(entropy_srcs=[study.uid, "c"])
    header.Modality, header.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    header.PatientName, header.PatientID = "Simulated^Patient", study.uid
    header.SeriesDescription, header.ImageComments = title, text("report.simulated", use=text("intended_use"))
    header.InstanceNumber, header.SliceThickness = index + 1, f"{spacing[0]:.3f}"
    header.PixelSpacing = [f"{spacing[1]:.4f}", f"{spacing[2]:.4f}"]
    header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    header.ImagePositionPatient = ["0", "0", f"{-index * spacing[0]:.3f}"]
    _people(header, case)
    header.Rows, header.Columns = stored.shape
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 12, 11, 0
    header.RescaleSlope, header.RescaleIntercept, header.RescaleType = str(step_hu), str(LOWEST_HU), "HU"
    header.PixelData = stored.tobytes()
    out = BytesIO()
    header.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _people(header: FileDataset, case: Case) -> None:
    """What is known of the patient and of the scan."""
    patient, truth = case.study.patient, case.truth
    if patient.age_y is not None:
        header.PatientAge = f"{int(patient.age_y):03d}Y"
    header.PatientSex = patient.sex or ""
    if patient.height_cm is not None:
        header.PatientSize = f"{patient.height_cm / 100:.3f}"
    if patient.weight_kg is not None:
        header.PatientWeight = f"{patient.weight_kg:.1f}"
    if isinstance(truth, CtTruth):
        header.KVP = f"{truth.kvp:.0f}"
        if truth.phase != "none":
            header.ContrastBolusAgent = "simulated"
