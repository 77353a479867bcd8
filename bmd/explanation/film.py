"""One explanation per measured vertebra: Grad-CAM of the density network on its crop, put back on the film."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bmd.explanation import cam
from bmd.explanation.fidelity import numbers
from bmd.explanation.target import Target, category_target
from bmd.findings import note
from bmd.geometry import filled
from bmd.inputs.film import Cut, Placement, crop_matrix, crop_tensor, placed
from bmd.inputs.patient import patient_vector
from bmd.models._density import DensityNetwork
from bmd.models._registry import WEIGHTS
from bmd.reference import OSTEOPENIA_BELOW_T, OSTEOPOROSIS_FROM_T
from bmd.types import Box, Explanation, Prediction, Report, Study, Vertebra

LONGEST = 160
"""Most pixels of a heat map along its longer side."""


class Bound(nn.Module):
    """The network as a function of the crops alone: what is known of the patient is bound, for one call."""

    def __init__(self, network: nn.Module, patient: Tensor) -> None:
        super().__init__()
        self.network, self.patient = network, patient

    def forward(self, crops: Tensor) -> Tensor:
        """Crops (n, 1, 64, 64) to the logarithms (n, 3) of the classes' shares of the predicted T-scores."""
        count = len(crops)
        out = self.network(crops, self.patient.expand(count, -1), crops.new_ones(count, 1))
        return log_shares(out["t_score"], out["t_spread"])


def log_shares(t: Tensor, spread: Tensor) -> Tensor:
    """Logarithms (n, 3) of the shares of the WHO classes in normal distributions (n,); those shown, before calibration.

    Logarithms, because the gradient of a share vanishes where the class is certain or excluded.
    """
    normal = torch.special.log_ndtr((t - OSTEOPENIA_BELOW_T) / spread)
    osteoporosis = torch.special.log_ndtr((OSTEOPOROSIS_FROM_T - t) / spread)
    rest = 1 - normal.exp() - osteoporosis.exp()
    return torch.stack([normal, rest.clamp(min=1e-6).log(), osteoporosis], 1)


def heat_maps(
    name: str, crops: NDArray[np.float32], patient: NDArray[np.float32], targets: list[Target]
) -> list[cam.Maps]:
    """`cam.heat_maps` of crops (n, 1, 64, 64) with what is known of the patient, float32 (8,)."""
    known = torch.from_numpy(np.asarray(patient, np.float32))[None]
    pictures = torch.from_numpy(np.ascontiguousarray(crops, np.float32))
    return cam.heat_maps(name, lambda network: Bound(network, known), cam.heat_layer, pictures, targets)


def explain(study: Study, report: Report, levels: tuple[str, ...] | None = None) -> tuple[Explanation, ...]:
    """Explain the predicted category of each measured vertebra, or of these ``levels``; see the package.

    Returns
    -------
    tuple of Explanation
        In the order of ``report.measurements``, ``box_px`` in pixels of the film.
    """
    films = [image for image in study.images if image.modality == "radiograph"]
    bodies = {v.level: v for v in report.vertebrae if v.corners_px is not None}
    chosen = [(p, bodies[p.level]) for p in report.measurements if _wanted(p, levels) and p.level in bodies]
    if not films or not chosen:
        return ()
    film = np.clip(np.asarray(films[0].pixels, np.float32), 0, 1)
    film = 1 - film if report.suitability.inverted else film
    corners = np.stack([np.asarray(v.corners_px) for _, v in chosen])
    targets = [category_target(str(p.category)) for p, _ in chosen]
    known = patient_vector(report.patient)
    cut = cut_of(chosen[0][0].model)
    trained, *random = heat_maps(chosen[0][0].model, crop_tensor(film, corners, cut).numpy(), known, targets)
    placement = placed(film.shape)
    found = []
    for k, (prediction, vertebra) in enumerate(chosen):
        to_film = _crop_to_film(corners[k], placement, cut)
        heat, box = on_film(trained[k], to_film)
        inside = _body_in_crop(vertebra, to_film, cut.size)
        fidelity = numbers(trained[k], [r[k] for r in random], inside)
        found.append(Explanation(str(prediction.level), heat, box, targets[k].what, note("heat.grad_cam"), fidelity))
    return tuple(found)


def _wanted(prediction: Prediction, levels: tuple[str, ...] | None) -> bool:
    return prediction.category is not None and (levels is None or prediction.level in levels)


def cut_of(name: str) -> Cut:
    """How the crops of a density network are cut."""
    return cast(DensityNetwork, cam.trained(name, WEIGHTS)).cut


def _crop_to_film(corners: NDArray[np.floating], placement: Placement, cut: Cut) -> NDArray[np.float64]:
    """Affine (2, 3) from crop pixels to pixels of the film as it came."""
    matrix = crop_matrix(placement.to_square(corners), cut.size, cut.margin)
    ends = placement.to_image(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]) @ matrix[:, :2].T + matrix[:, 2])
    return np.column_stack([ends[1] - ends[0], ends[2] - ends[0], ends[0]])


def on_film(heat: NDArray[np.float32], to_film: NDArray[np.float64]) -> tuple[NDArray[np.float32], Box]:
    """Turn a map of a (turned, perhaps mirrored) crop into an upright one that covers a box of the film.

    Returns
    -------
    heat, box
        float32 (h, w) in 0..1, zero outside the crop, and the box it covers in film pixels.
    """
    side = heat.shape[0]
    edges = np.array([[-0.5, -0.5], [side - 0.5, -0.5], [side - 0.5, side - 0.5], [-0.5, side - 0.5]])
    edges = edges @ to_film[:, :2].T + to_film[:, 2]
    low, high = edges.min(0), edges.max(0)
    step = max(1.0, float((high - low).max()) / LONGEST)
    width, height = (max(2, int(n)) for n in np.ceil((high - low) / step))
    scale = (high - low) / [width, height]
    to_grid = np.column_stack([to_film[:, :2] / scale[:, None], (to_film[:, 2] - low) / scale - 0.5])
    grid = cv2.warpAffine(heat, to_grid, (width, height), flags=cv2.INTER_LINEAR)
    return np.clip(grid, 0, 1).astype(np.float32), (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def _body_in_crop(vertebra: Vertebra, to_film: NDArray[np.float64], size: int) -> NDArray[np.bool_]:
    """The body on its crop, bool (size, size)."""
    inverse = cv2.invertAffineTransform(to_film)
    return filled(np.asarray(vertebra.contour_px) @ inverse[:, :2].T + inverse[:, 2], (size, size))
