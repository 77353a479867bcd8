"""Plane geometry that every layer shares."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def filled(contour_px: NDArray[np.floating], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels inside an outline.

    Parameters
    ----------
    contour_px : ndarray
        (n, 2) points (x, y), closed implicitly; pixels are cut at 1/16.
    shape : tuple of int
        Height and width of the picture.

    Returns
    -------
    ndarray
        bool (H, W).
    """
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.round(np.asarray(contour_px, float) * 16).astype(np.int32)], (1,), shift=4)
    return mask > 0
