"""Enhanced CT: one file of many frames with functional groups, as scanners and archives write it (PS3.3 A.38)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, generate_uid

from tests.readers import films

ENHANCED = "1.2.840.10008.5.1.4.1.1.2.1"
AXIAL = (1, 0, 0, 0, 1, 0)
UPRIGHT = (1, 0, 0, 0, 0, -1)
"""Orientation of coronal frames."""


def item(**tags: Any) -> list[Dataset]:
    """A sequence of one item."""
    found = Dataset()
    for name, value in tags.items():
        setattr(found, name, value)
    return [found]


def frame(
    place: Sequence[float],
    orientation: Sequence[float] = AXIAL,
    spacing: tuple[float, float] = (2.0, 1.5),
    scale: tuple[float, float] = (1.0, -1024.0),
    kind: Sequence[str] = ("ORIGINAL", "PRIMARY", "AXIAL", "NONE"),
    **content: Any,
) -> Dataset:
    """The functional groups of one frame; ``content`` goes into its frame content (StackID, ...)."""
    groups = Dataset()
    groups.PlanePositionSequence = item(ImagePositionPatient=list(place))
    groups.PlaneOrientationSequence = item(ImageOrientationPatient=list(orientation))
    groups.PixelMeasuresSequence = item(PixelSpacing=list(spacing), SliceThickness=3.0)
    groups.PixelValueTransformationSequence = item(RescaleSlope=scale[0], RescaleIntercept=scale[1], RescaleType="HU")
    groups.CTImageFrameTypeSequence = item(FrameType=list(kind))
    groups.FrameContentSequence = item(**content)
    return groups


def places(count: int, step: float = 3.0) -> list[list[float]]:
    """Positions of axial frames, as `volumes.series` has them."""
    return [[-50.0, -40.0, 300.0 - step * k] for k in range(count)]


def dataset(pixels: np.ndarray, frames: Sequence[Dataset], shared: Dataset | None = None, **tags: Any) -> Any:
    """HU (frames, rows, columns) with the groups of each frame; each is stored by its own slope and intercept."""
    stored = []
    for plane, groups in zip(pixels, frames, strict=True):
        source = groups if "PixelValueTransformationSequence" in groups else shared
        scale = source.PixelValueTransformationSequence[0]
        stored.append(np.round((plane - float(scale.RescaleIntercept)) / float(scale.RescaleSlope)))
    values = np.array(stored).astype(np.uint16)
    header = films.dataset(values[0], bits=16, Modality="CT", SOPClassUID=ENHANCED, SeriesInstanceUID=generate_uid())
    header.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    header.PixelData = values.tobytes()
    header.NumberOfFrames = len(values)
    header.PerFrameFunctionalGroupsSequence = list(frames)
    header.SharedFunctionalGroupsSequence = [shared or Dataset()]
    for name, value in tags.items():
        setattr(header, name, value)
    return header


def enhanced(
    pixels: np.ndarray,
    frames: Sequence[Dataset] | None = None,
    shared: Dataset | None = None,
    syntax: str | None = None,
    **tags: Any,
) -> bytes:
    """The file of `dataset`; axial frames from head to feet unless others are given."""
    frames = [frame(place) for place in places(len(pixels))] if frames is None else frames
    header = dataset(pixels, frames, shared, **tags)
    if syntax is not None:
        shape = (len(pixels), header.Rows, header.Columns)
        values = np.frombuffer(header.PixelData, np.uint16).reshape(shape)
        if syntax == "1.2.840.10008.1.2.5":
            header.compress(UID(syntax))
        else:
            header.PixelData = encapsulate([bytes(films.ENCODERS[syntax](plane)) for plane in values])
            header["PixelData"].VR = "OB"
            header["PixelData"].is_undefined_length = True
            header.file_meta.TransferSyntaxUID = UID(syntax)
    return films.saved(header)
