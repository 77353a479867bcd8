"""DXA images, float32 (H, W) in 0..1, as the networks see them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bmd.inputs.film import Placement, letterbox, local_log_normalise

CNN_SIZE = 256
REGION_SIZE = 256


@dataclass(frozen=True)
class Way:
    """How a picture was turned to be looked at: as its negative (``dark``), upside down (``down``)."""

    dark: bool = False
    down: bool = False

    def turn(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """The picture (H, W) in 0..1 turned this way; twice gives it back."""
        turned = 1 - pixels if self.dark else pixels
        return np.ascontiguousarray(turned[::-1] if self.down else turned, np.float32)


def dxa_input(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Input of ``dxa_cnn``, float32 (1, 256, 256) in 0..1: the whole picture letterboxed, grey values as displayed."""
    return letterbox(image, CNN_SIZE)[0][None]


def region_input(image: NDArray[np.float32]) -> tuple[NDArray[np.float32], Placement]:
    """Input of ``dxa_regions``, float32 (1, 256, 256), normalised as films are; and where the picture lies in it."""
    square, placement = letterbox(image, REGION_SIZE)
    return local_log_normalise(square)[None], placement
