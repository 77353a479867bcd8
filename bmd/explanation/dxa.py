"""Grad-CAM of the DXA CNN: one map for the spine, on the whole picture, with its fidelity."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bmd.explanation.cam import LOCK, RANDOM_SEEDS, grad_cam, last_convolution
from bmd.explanation.fidelity import correlation, mask_share
from bmd.explanation.target import Target
from bmd.findings import note
from bmd.geometry import filled
from bmd.inputs.dxa import CNN_SIZE, dxa_input
from bmd.inputs.film import Placement, letterbox
from bmd.models._registry import WEIGHTS, build, load, of_role
from bmd.types import Explanation, Report, Study

ROLE = "dxa_density"
SITE = "L1-L4"
LOWER = Target("dxa.lower_density", 0, -1.0)
"""The output is one number, the density: what is shown must be said, or high density would be explained."""


class Density(nn.Module):
    """The network with its density as the only column (n, 1)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (n, 1, 256, 256) to densities (n, 1) in g/cm2."""
        density: Tensor = self.network(pictures)["bmd"]
        return density[:, None]


def explain_dxa(study: Study, report: Report, weights: Path | None = None) -> tuple[Explanation, ...]:
    """Explain the network's estimate for the spine.

    Parameters
    ----------
    study : Study
        The study the report was made from.
    report : Report
        From ``modality.analyse``.
    weights : Path, optional
        Folder with the networks' weights; by default the shipped ones.

    Returns
    -------
    tuple of Explanation
        One, for "L1-L4", or none where the network gave no estimate. ``fidelity`` holds ``inside_share`` (heat inside
        the regions), ``area_share`` (what an even map would have) and ``random_correlation``.
    """
    images = [image for image in study.images if image.modality == "dxa" and image.unit != "g/cm2"]
    network = next((answer.model for answer in report.answers if answer.model in of_role(ROLE)), None)
    if not images or network is None:
        return ()
    pixels = np.clip(np.asarray(images[0].pixels, np.float32), 0, 1)
    x = torch.from_numpy(dxa_input(pixels)[None])
    with LOCK:
        networks = [_trained(network, weights or WEIGHTS), *(_random(network, seed) for seed in RANDOM_SEEDS)]
        trained, *random = [grad_cam(n, last_convolution(n), x, [LOWER])[0] for n in networks]
    placement = letterbox(pixels, CNN_SIZE)[1]
    window = placement.window
    heat = np.ascontiguousarray(trained[window])
    inside = _regions(report, placement)
    fidelity = {
        "inside_share": round(mask_share(heat, inside), 3),
        "area_share": round(float(inside.mean()), 3),
        "random_correlation": round(float(np.mean([correlation(heat, r[window]) for r in random])), 3),
    }
    height, width = pixels.shape
    box = (-0.5, -0.5, width - 0.5, height - 0.5)
    return (Explanation(SITE, heat, box, note(LOWER.text), "Grad-CAM", fidelity),)


def _regions(report: Report, placement: Placement) -> NDArray[np.bool_]:
    """Where the regions of the report lie in the network's view of the picture, bool (h, w)."""
    inside = np.zeros((CNN_SIZE, CNN_SIZE), bool)
    for vertebra in report.vertebrae:
        inside |= filled(placement.to_square(vertebra.contour_px), (CNN_SIZE, CNN_SIZE))
    return inside[placement.window]


@cache
def _trained(name: str, weights: Path) -> Density:
    return Density(load(name, weights)).eval().float()


@cache
def _random(name: str, seed: int) -> Density:
    """The same network with the weights it would have started from; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Density(build(name)).eval().float()
