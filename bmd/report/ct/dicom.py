"""A simulated CT as a zip of DICOM slices that any viewer opens: the built-in cases, and volumes for teaching."""

from __future__ import annotations

import zipfile
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import CTImageStorage

from bmd.report.dicom import grey, new_file, saved, uid
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
    header = new_file(study, title, CTImageStorage, ("a", "b", str(index)))
    header.FrameOfReferenceUID = uid(study, "c")
    header.Modality, header.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    header.InstanceNumber, header.SliceThickness = index + 1, f"{spacing[0]:.3f}"
    header.PixelSpacing = [f"{spacing[1]:.4f}", f"{spacing[2]:.4f}"]
    header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    header.ImagePositionPatient = ["0", "0", f"{-index * spacing[0]:.3f}"]
    if isinstance(case.truth, CtTruth):
        header.KVP = f"{case.truth.kvp:.0f}"
        if case.truth.phase != "none":
            header.ContrastBolusAgent = "simulated"
    grey(header, stored, 12)
    header.RescaleSlope, header.RescaleIntercept, header.RescaleType = str(step_hu), str(LOWEST_HU), "HU"
    return saved(header)
