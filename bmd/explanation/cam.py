"""Grad-CAM of the density network, one map per vertebra (Selvaraju et al. 2017, by pytorch-grad-cam).

The library hooks the network it explains and is not safe to share between threads, so maps are made on copies of the
network that serve nothing else, in float32, under one lock.
"""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bmd.explanation.target import Target
from bmd.models._registry import WEIGHTS, build, default, load

NETWORK = default("density")
RANDOM_SEEDS = (11, 12)
"""Randomised networks that a map is compared with; the mean of the correlations is reported."""

LOCK = threading.Lock()


class Bound(nn.Module):
    """The network as a function of the crops alone: what is known of the patient is bound beforehand."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.patient: Tensor | None = None

    def forward(self, crops: Tensor) -> Tensor:
        """Crops (n, 1, 64, 64) to the combined output (n, 4), columns as ``target.COLUMNS``."""
        if self.patient is None:
            raise RuntimeError("bind the patient first")
        count = len(crops)
        out = self.network(crops, self.patient.expand(count, -1), crops.new_ones(count, 1))
        return torch.cat([out["category_logits"], out["t_score"].reshape(count, 1)], 1)


def heat_maps(crops: NDArray, patient: NDArray, targets: list[Target], weights: Path | None = None) -> list[NDArray]:
    """Heat maps of the trained network and, after it, of each randomised one.

    Parameters
    ----------
    crops : ndarray
        float32 (n, 1, 64, 64) from ``inputs.film.crop_tensor``.
    patient : ndarray
        float32 (8,) from ``inputs.patient.patient_vector``.
    targets : list of Target
        One per crop.
    weights : Path, optional
        Folder with the networks' weights; by default the shipped ones.

    Returns
    -------
    list of ndarray
        1 + len(RANDOM_SEEDS) arrays, each float32 (n, 64, 64) in 0..1.

    Raises
    ------
    WeightsError
        The weights are missing or damaged.
    """
    images = torch.from_numpy(np.ascontiguousarray(crops, np.float32))
    known = torch.from_numpy(np.asarray(patient, np.float32))[None]
    with LOCK:
        networks = [_trained(weights or WEIGHTS), *(_random(seed) for seed in RANDOM_SEEDS)]
        return [_maps(network, images, known, targets) for network in networks]


def _maps(network: Bound, images: Tensor, patient: Tensor, targets: list[Target]) -> NDArray:
    network.patient = patient
    try:
        return grad_cam(network, last_convolution(network), images, targets)
    finally:
        network.patient = None  # the network outlives the session that asked; nothing of the patient does


def grad_cam(network: nn.Module, layer: nn.Module, images: Tensor, targets: list[Target]) -> NDArray:
    """Grad-CAM of one layer; ``targets`` read rows of the network's output. Call it under ``LOCK`` only.

    Returns
    -------
    ndarray
        float32 (n, H, W) in 0..1, at the size of ``images`` (n, C, H, W).
    """
    from pytorch_grad_cam import GradCAM

    with torch.enable_grad(), GradCAM(model=network, target_layers=[layer]) as cam:
        heat = cam(input_tensor=images, targets=list(targets))
    network.zero_grad(set_to_none=True)
    if heat is None or heat.shape != (len(images), *images.shape[-2:]):  # the library's "with" block hides errors
        raise RuntimeError("Grad-CAM gave no maps")
    return np.nan_to_num(np.asarray(heat, np.float32)).clip(0, 1)


def last_convolution(network: nn.Module) -> nn.Module:
    """The deepest convolution: where Grad-CAM is read."""
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)][-1]


@cache
def _trained(weights: Path) -> Bound:
    return Bound(load(NETWORK, weights)).eval().float()


@cache
def _random(seed: int) -> Bound:
    """The same network with the weights it would have started from; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Bound(build(NETWORK)).eval().float()
