"""A picture as the view network sees it: what is this? The same in training and in use."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.inputs.film import letterbox, local_log_normalise

VIEW_SIZE = 160
"""Side of the input in pixels: at 3 mm of a trunk a pixel, enough to tell what is shown, too little to measure it."""


EVEN = 0.06
"""Rows and columns at the edges whose greys differ by less are frame, collimator or air, and are left out."""
LEAST = 0.25
"""Share of a side that always stays."""


def trimmed(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture (H, W) without even rows and columns at its edges, so that a border of any grey changes nothing."""
    top, bottom = _uneven(grey)
    left, right = _uneven(grey[top:bottom].T)
    again = _uneven(grey[top:bottom, left:right])
    return grey[top + again[0] : top + again[1], left:right]


def _uneven(grey: NDArray[np.float32]) -> tuple[int, int]:
    """First row that is not even, and one past the last; the whole where less than ``LEAST`` would stay."""
    seen = np.sort(grey[:, :: max(1, grey.shape[1] // 64)], axis=1)
    spared = seen.shape[1] // 40  # a letter or a speck of dust
    rows = np.flatnonzero(seen[:, -1 - spared] - seen[:, spared] > EVEN)
    if len(rows) == 0 or rows[-1] + 1 - rows[0] < max(16, LEAST * len(grey)):
        return 0, len(grey)
    return int(rows[0]), int(rows[-1]) + 1


def view_input(picture: NDArray[np.floating]) -> NDArray[np.float32]:
    """Input of ``view_cnn``.

    Parameters
    ----------
    picture : ndarray
        float (H, W) in 0..1, of any kind.

    Returns
    -------
    ndarray
        float32 (2, 160, 160): the letterboxed picture without even borders, as displayed and normalised as films are.
        The first tells a slice or a photograph by its greys, the second shows bones whatever the window.
    """
    return _channels(_square(picture)[0])


def every_way(picture: NDArray[np.floating]) -> NDArray[np.float32]:
    """Inputs of the picture, of its negative, and of the mirror images of both, float32 (4, 2, 160, 160).

    The same four, in another order, for a mirrored picture or a negative: what is averaged over them cannot change.
    """
    square, window = _square(picture)
    negative = np.zeros_like(square)
    negative[window] = 1 - square[window]
    one, other = _channels(square), _channels(negative)
    return np.stack([one, one[..., ::-1], other, other[..., ::-1]])


def _square(picture: NDArray[np.floating]) -> tuple[NDArray[np.float32], tuple[slice, slice]]:
    """The letterboxed picture, and the rows and columns it covers."""
    grey = trimmed(np.asarray(picture, np.float32))
    largest = max(grey.shape)
    if largest > 4 * VIEW_SIZE:  # an area mean first: a film of 40 Mpx costs one pass
        ratio = 2 * VIEW_SIZE / largest
        grey = cv2.resize(grey, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
    square, placement = letterbox(np.ascontiguousarray(np.clip(grey, 0, 1)), VIEW_SIZE)
    return square, placement.window


def _channels(square: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.stack([square, local_log_normalise(square)]).astype(np.float32)
