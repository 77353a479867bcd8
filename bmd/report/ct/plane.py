"""The spine of a CT as one picture: the sagittal plane that runs through the middle of every body."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bmd.types import Image, Report, Study, Vertebra, volume_of

WINDOW_HU = (-200.0, 900.0)
LONGEST_PX = 1600


def spine_plane(study: Study, report: Report) -> tuple[Study, Report]:
    """A study with that plane as its only picture, and the report in its pixels.

    Parameters
    ----------
    study : Study
        A CT.
    report : Report
        Vertebrae in (row, slice) of the volume.

    Returns
    -------
    Study, Report
        float32 (H, W) in 0..1 with square pixels, anterior to the left; boxes, contours and corners moved along.
    """
    import cv2  # late: the command line starts without it

    volume = volume_of(study)
    spacing = volume.spacing_mm
    depth, height, width = volume.voxels.shape
    columns = np.clip(np.rint(_path(report, depth, width)).astype(int), 0, width - 1)
    plane = volume.voxels[np.arange(depth), :, columns].astype(np.float32)
    low, high = WINDOW_HU
    step = max(min(spacing[0], spacing[1]), max(depth * spacing[0], height * spacing[1]) / LONGEST_PX)
    size = max(1, round(height * spacing[1] / step)), max(1, round(depth * spacing[0] / step))
    grey = cv2.resize(np.clip((plane - low) / (high - low), 0, 1), size, interpolation=cv2.INTER_LINEAR)
    scale = np.array([size[0] / height, size[1] / depth])
    picture = Image(grey, "ct", "sagittal", (step, step))
    moved = tuple(_moved(vertebra, scale) for vertebra in report.vertebrae)
    return replace(study, images=(picture,), volume=None), replace(report, vertebrae=moved)


def _path(report: Report, depth: int, width: int) -> NDArray[np.float64]:
    """Column of the spine's middle in every slice: through the bodies, straight on beyond them."""
    points = []
    for vertebra in report.vertebrae:
        if vertebra.body is not None and vertebra.body.mask.any():
            z, _, x = np.nonzero(vertebra.body.mask)
            points.append((z.mean() + vertebra.body.offset_zyx[0], x.mean() + vertebra.body.offset_zyx[2]))
    if not points:
        return np.full(depth, width / 2)
    z, x = np.array(sorted(points)).T
    return np.asarray(np.interp(np.arange(depth), z, x))


def _moved(vertebra: Vertebra, scale: NDArray[np.float64]) -> Vertebra:
    def move(points: NDArray[np.floating]) -> NDArray[np.floating]:
        return (np.asarray(points, float) + 0.5) * scale - 0.5

    corners = None if vertebra.corners_px is None else move(vertebra.corners_px)
    x1, y1, x2, y2 = move(np.array(vertebra.box_px).reshape(2, 2)).ravel().tolist()
    return replace(vertebra, box_px=(x1, y1, x2, y2), contour_px=move(vertebra.contour_px), corners_px=corners)
