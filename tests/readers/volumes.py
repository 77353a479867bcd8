"""Small CT volumes for the reader tests: DICOM series, NIfTI files and archives in every order and fault."""

from __future__ import annotations

import struct
import zipfile
from io import BytesIO
from typing import Any

import numpy as np
from pydicom.uid import generate_uid

from tests.readers import films

CT = "1.2.840.10008.5.1.4.1.1.2"


def volume(depth: int = 12, rows: int = 20, columns: int = 24) -> np.ndarray:
    """HU int16, different along every axis, so that flips and mixed-up slices show."""
    z, y, x = np.mgrid[0:depth, 0:rows, 0:columns]
    return (40 * z + 3 * y + x - 200).astype(np.int16)


def series(pixels: np.ndarray, step: float = 3.0, tilt_mm: float = 0.0, **tags: Any) -> list[bytes]:
    """One DICOM file per slice, head first; ``tilt_mm`` moves each slice back against the one above."""
    uid = tags.pop("SeriesInstanceUID", generate_uid())
    places = tags.pop("places", np.arange(len(pixels)) * step)
    syntax = tags.pop("syntax", None)
    out = []
    for k, plane in enumerate(pixels):
        own = {
            "Modality": "CT",
            "SOPClassUID": CT,
            "SeriesInstanceUID": uid,
            "ImagePositionPatient": [-50.0, -40.0 + k * tilt_mm, 300.0 - float(places[k])],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [2.0, 1.5],
            "RescaleSlope": 1,
            "RescaleIntercept": -1024,
            "InstanceNumber": k + 1,
            **tags,
        }
        stored = (plane.astype(np.int32) - int(own["RescaleIntercept"])).astype(np.uint16)
        out.append(films.compressed(syntax, stored, 16, **own) if syntax else films.dicom(stored, bits=16, **own))
    return out


def named(files: list[bytes]) -> list[tuple[str, bytes]]:
    return [(f"IM{k}", data) for k, data in enumerate(files)]


def archive(files: list[bytes], names: list[str] | None = None, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", method) as target:
        for k, data in enumerate(files):
            target.writestr(names[k] if names else f"a/{k}", data)
    return out.getvalue()


def nifti(
    pixels: np.ndarray, affine: np.ndarray, slope: float = 1.0, intercept: float = 0.0, order: str = "<"
) -> bytes:
    """NIfTI-1 of an array indexed (x, y, z) or (x, y, z, t), with an sform."""
    codes = {"u1": 2, "i2": 4, "i4": 8, "f4": 16, "f8": 64, "u2": 512}
    head = bytearray(352)
    struct.pack_into(order + "i", head, 0, 348)
    dim = [pixels.ndim, *pixels.shape, *[1] * (7 - pixels.ndim)]
    struct.pack_into(order + "8h", head, 40, *dim)
    struct.pack_into(order + "2h", head, 70, codes[pixels.dtype.str[1:]], pixels.dtype.itemsize * 8)
    struct.pack_into(order + "8f", head, 76, 1, *np.linalg.norm(affine[:3, :3], axis=0), 0, 0, 0, 0)
    struct.pack_into(order + "3f", head, 108, 352, slope, intercept)
    struct.pack_into(order + "2h", head, 252, 0, 1)
    struct.pack_into(order + "12f", head, 280, *affine[:3].ravel())
    head[344:348] = b"n+1\0"
    return bytes(head) + pixels.astype(pixels.dtype.newbyteorder(order)).tobytes(order="F")


def as_nifti(pixels: np.ndarray, spacing: tuple[float, float, float] = (3.0, 2.0, 1.5), **rest: Any) -> bytes:
    """The volume (D, H, W) of `types.Image` as a NIfTI in the usual order: x to the right, y to the front, z up."""
    turned = np.transpose(pixels, (2, 1, 0))[::-1, ::-1, ::-1]
    affine = np.diag([spacing[2], spacing[1], spacing[0], 1.0])
    return nifti(np.ascontiguousarray(turned), affine, **rest)
