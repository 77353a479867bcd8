"""DXA images as the networks see them, and training examples from the shards of ``python -m bmd simulate``.

Shards have the keys of film shards, so ``dataset.Films`` reads them; regions take the place of bodies.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from bmd.data.dataset import Example, Film, View, encode_masks
from bmd.data.preprocess import Placement, letterbox, local_log_normalise

CNN_SIZE = 256
REGION_SIZE = 256
TASKS = ("dxa", "regions")


def dxa_input(image: NDArray) -> NDArray:
    """Input of ``dxa_cnn``: the whole picture letterboxed, grey values as displayed.

    Parameters
    ----------
    image : ndarray
        float32 (H, W) in 0..1.

    Returns
    -------
    ndarray
        float32 (1, 256, 256) in 0..1.
    """
    return letterbox(image, CNN_SIZE)[0][None]


def region_input(image: NDArray) -> tuple[NDArray, Placement]:
    """Input of ``dxa_regions``, float32 (1, 256, 256), normalised as films are; and where the picture lies in it."""
    square, placement = letterbox(image, REGION_SIZE)
    return local_log_normalise(square)[None], placement


def encode_dxa(film: Film, view: View, rng: np.random.Generator) -> Example:
    """Example for the DXA CNN: picture (1, S, S) and the density of L1-L4; weight 0 where no spine is shown."""
    spine = float(bool((film.labels > 0).any()))
    targets = {"bmd": torch.tensor(film.bmd_l1l4, dtype=torch.float32), "weight": torch.tensor(spine)}
    return torch.from_numpy(view.image)[None], targets


ENCODERS = {"dxa": encode_dxa, "regions": encode_masks}
