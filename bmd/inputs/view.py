"""A picture as the view network sees it: what is this? The same in training and in use."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.inputs.film import letterbox, local_log_normalise

VIEW_SIZE = 160
"""Side of the input in pixels: at 3 mm of a trunk a pixel, enough to tell what is shown, too little to measure it."""


def view_input(picture: NDArray[np.floating]) -> NDArray[np.float32]:
    """Input of ``view_cnn``.

    Parameters
    ----------
    picture : ndarray
        float (H, W) in 0..1, of any kind.

    Returns
    -------
    ndarray
        float32 (2, 160, 160): the letterboxed picture as displayed, and normalised as films are. The first tells a
        slice or a photograph by its greys, the second shows bones whatever the window.
    """
    grey = np.clip(np.asarray(picture, np.float32), 0, 1)
    largest = max(grey.shape)
    if largest > 4 * VIEW_SIZE:  # an area mean first: a film of 40 Mpx costs one pass
        ratio = 2 * VIEW_SIZE / largest
        grey = cv2.resize(grey, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
    square = letterbox(np.ascontiguousarray(grey), VIEW_SIZE)[0]
    return np.stack([square, local_log_normalise(square)]).astype(np.float32)
