"""Films of many pixels, made smaller once before anything looks at them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.inference.film.found import Film
from bmd.types import Box, Vertebra

LEAST_SIDE = 1536
"""Longest side, pixels, below which no film is reduced: four times what any network sees of it."""


def step(shape: tuple[int, ...]) -> int:
    """By how much a film of some (height, width) is reduced: 1 below 3072 pixels."""
    return max(1, max(shape) // LEAST_SIDE)


def reduced(pixels: NDArray[np.floating]) -> tuple[Film, tuple[float, float]]:
    """A film for the networks.

    Parameters
    ----------
    pixels : ndarray
        (H, W), the film as it came.

    Returns
    -------
    film : ndarray
        float32 (h, w) in 0..1, an area mean of ``step`` times ``step`` pixels; the same size where that is 1.
    scale : tuple of float
        Pixels of the film for one of these, (x, y).
    """
    height, width = pixels.shape
    by = step(pixels.shape)
    film = np.asarray(pixels, np.float32)
    if by > 1:
        film = cv2.resize(film, (width // by, height // by), interpolation=cv2.INTER_AREA)
    return np.clip(film, 0, 1), (width / film.shape[1], height / film.shape[0])


def on_whole_film(vertebra: Vertebra, scale: tuple[float, float]) -> Vertebra:
    """A body found on the reduced film in pixels of the film as it came."""
    if scale == (1.0, 1.0):
        return vertebra

    def moved(points: NDArray[np.floating]) -> NDArray[np.float32]:
        return np.asarray((np.asarray(points, float) + 0.5) * scale - 0.5, np.float32)

    box = moved(np.reshape(vertebra.box_px, (2, 2))).ravel()
    corners = vertebra.corners_px
    return replace(
        vertebra,
        box_px=_box(box),
        contour_px=moved(vertebra.contour_px),
        corners_px=None if corners is None else moved(corners),
    )


def _box(values: NDArray[np.floating]) -> Box:
    x1, y1, x2, y2 = (float(value) for value in values)
    return x1, y1, x2, y2
