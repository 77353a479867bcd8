"""Grad-CAM of the DXA CNN: one map for the spine, on the whole picture, with its fidelity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bmd.explanation.cam import Output, heat_maps, last_convolution
from bmd.explanation.fidelity import numbers
from bmd.explanation.target import Target
from bmd.findings import note
from bmd.geometry import filled
from bmd.inputs.dxa import CNN_SIZE, Way, dxa_input
from bmd.inputs.film import Placement, letterbox
from bmd.models._registry import of_role
from bmd.types import Explanation, Report, Study

ROLE = "dxa_density"
SITE = "L1-L4"
LOWER = Target(note("dxa.lower_density"), 0, -1.0)
"""The output is one number, the density: what is shown must be said, or high density would be explained."""


def explain_dxa(study: Study, report: Report, weights: Path | None = None) -> tuple[Explanation, ...]:
    """Explain the network's estimate for the spine; see the package, but all of it is one map.

    Parameters
    ----------
    weights : Path, optional
        Folder with the networks' weights; by default the shipped ones.

    Returns
    -------
    tuple of Explanation
        One, for "L1-L4", or none where the network gave no estimate; ``inside_share`` is heat inside the regions.
    """
    images = [image for image in study.images if image.modality == "dxa" and image.unit != "g/cm2"]
    name = next((answer.model for answer in report.answers if answer.model in of_role(ROLE)), None)
    if not images or name is None:
        return ()
    way = Way(report.suitability.inverted, report.suitability.upside_down)
    pixels = way.turn(np.clip(np.asarray(images[0].pixels, np.float32), 0, 1))
    x = torch.from_numpy(dxa_input(pixels)[None])
    maps = heat_maps(name, lambda network: Output(network, "bmd"), last_convolution, x, [LOWER], weights)
    placement = letterbox(pixels, CNN_SIZE)[1]
    window = placement.window
    heat, *random = (np.ascontiguousarray(one[0][window][:: -1 if way.down else 1]) for one in maps)
    inside = _regions(report, placement)
    height, width = pixels.shape
    box = (-0.5, -0.5, width - 0.5, height - 0.5)
    return (Explanation(SITE, heat, box, LOWER.what, note("heat.grad_cam"), numbers(heat, random, inside)),)


def _regions(report: Report, placement: Placement) -> NDArray[np.bool_]:
    """Where the regions of the report lie in the network's view of the picture, bool (h, w)."""
    inside = np.zeros((CNN_SIZE, CNN_SIZE), bool)
    for vertebra in report.vertebrae:
        inside |= filled(placement.to_square(vertebra.contour_px), (CNN_SIZE, CNN_SIZE))
    return inside[placement.window]
