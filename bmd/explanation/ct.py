"""Heat maps on a CT: both branches of the pair ensemble for every slice, and the image network for every hip.

Grad-CAM is read one stage before the last, where a cell is still smaller than what is looked at: 15 mm for slices
(8 x 8 cells; the last stage has 4 x 4), 15 mm for hips (15 x 15; the last 7 x 7).

Dense bone is evidence for "normal", its absence evidence for "osteoporosis": a map for the latter often lies beside the
bone, and a low ``inside_share`` then does not mean that the bone was not looked at. With the femur painted over, 24 of
24 simulated hips were called osteoporotic.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_fill_holes
from torch import nn

from bmd.explanation import cam
from bmd.explanation.cam import Maps, Output, grad_cam, heat_maps
from bmd.explanation.fidelity import numbers
from bmd.explanation.target import category_target
from bmd.findings import note
from bmd.inputs.ct import (
    HIP_HEAD,
    HIP_MM,
    HIP_SIZE,
    SLICE_BEHIND_MM,
    SLICE_MAX_HU,
    SLICE_MIN_HU,
    SLICE_MM,
    SLICE_SIZE,
    Point,
    Spacing,
    axial_crop,
    body_centre,
    hip_input,
    slice_windows,
)
from bmd.models._registry import WEIGHTS, of_role
from bmd.models._turn import TURN
from bmd.types import Box, Explanation, Hip, Report, Study, Vertebra, Volume

SLICES = "slices"
"""Role of the networks of slices: the pair, of which both branches are shown, or one that looks through one window."""
HIPS = "femur_image"
"""Network whose layers are known here; another one in its role has no maps."""
STAGE = {"slice": -4, "hip": 18}
"""Index of the layer: the third stage's ACM of a branch; the ReLU of the fifth convolution."""
BRANCHES = {"s": SLICE_MIN_HU[0], "t": SLICE_MIN_HU[1]}
"""Windows of the slice networks, and the HU shown black in each."""

BONE_SHOWN = 0.31
"""Grey value of 120 HU in the hip's window."""


def explain_ct(study: Study, report: Report, levels: tuple[str, ...] | None = None) -> tuple[Explanation, ...]:
    """Explain the category of every slice, once for each branch, and of every hip; see the package.

    ``levels`` names slices and hips ("L1", "right femur").

    Returns
    -------
    tuple of Explanation
        Slices in the order of ``report.measurements``, branch x^s before x^t (``method`` names it), ``box_px`` in the
        axial plane through the middle of the body, (column, row). Then "right femur" and "left femur", ``box_px`` in
        pixels of ``Hip.crop``.
    """
    if study.volume is None:
        return ()
    return _explain_slices(study.volume, report, levels) + _explain_hips(report, levels)


# --- slices ------------------------------------------------------------------------------------------------------
def _explain_slices(volume: Volume, report: Report, levels: tuple[str, ...] | None) -> tuple[Explanation, ...]:
    bodies, known = {v.level: v for v in report.vertebrae if v.body is not None}, of_role(SLICES)
    wanted = [p for p in report.measurements if p.model in known and p.level in bodies and p.category is not None]
    wanted = [p for p in wanted if levels is None or p.level in levels]
    if not wanted:
        return ()
    spacing = volume.spacing_mm
    centres = [body_centre(bodies[p.level]) for p in wanted]
    crops = np.stack([axial_crop(volume.voxels, spacing, centre) for centre in centres])
    targets = [category_target(str(p.category)) for p in wanted]
    pictures = torch.from_numpy(slice_windows(crops))
    model = wanted[0].model
    seen = _windows(cam.trained(model, WEIGHTS))
    maps = {name: heat_maps(model, _logits, partial(_branch_layer, name), pictures, targets) for name in seen}
    found = []
    for k, prediction in enumerate(wanted):
        mask = _body_in_crop(bodies[prediction.level], centres[k], spacing)
        for name, low_hu in seen.items():
            heat, *random = (m[k] for m in maps[name])
            box, level = _crop_box(centres[k], spacing), str(prediction.level)
            pair = note("heat.slice", branch=name, low_hu=low_hu)
            method = pair if len(seen) > 1 else note("heat.window", low_hu=low_hu)
            shown = numbers(heat, random, mask)
            window = (low_hu, SLICE_MAX_HU)
            found.append(Explanation(level, heat, box, targets[k].what, method, shown, window))
    return tuple(found)


def _logits(network: nn.Module) -> nn.Module:
    return Output(network, "logits")


def _windows(network: Any) -> dict[str, float]:
    """The windows that a slice network looks through, and the HU shown black in each."""
    looks = getattr(network, "branches", None) or (network.window,)
    return {name: low_hu for name, low_hu in BRANCHES.items() if name in looks}


def _branch_layer(branch: str, network: Any) -> nn.Module:
    """Where a branch's maps are read; that of the network where it has but one."""
    layer: nn.Module = network.branches[branch][STAGE["slice"]] if hasattr(network, "branches") else network.heat_layer
    return layer


def _crop_box(centre: Point, spacing: Spacing) -> Box:
    """What the crop covers of the slice: x1, y1, x2, y2 in columns and rows."""
    half = SLICE_SIZE * SLICE_MM / 2
    y = centre[1] + SLICE_BEHIND_MM / spacing[1]
    return (
        centre[2] - half / spacing[2],
        y - half / spacing[1],
        centre[2] + half / spacing[2],
        y + half / spacing[1],
    )


def _body_in_crop(vertebra: Vertebra, centre: Point, spacing: Spacing) -> NDArray[np.bool_]:
    """The body's voxels of the slice at its middle, on the crop: bool (120, 120)."""
    body: Any = vertebra.body
    x1, y1, _, _ = _crop_box(centre, spacing)
    layer = body.mask[int(np.clip(round(centre[0]) - body.offset_zyx[0], 0, len(body.mask) - 1))]
    rows = np.round(y1 + (np.arange(SLICE_SIZE) + 0.5) * SLICE_MM / spacing[1]).astype(int) - body.offset_zyx[1]
    columns = np.round(x1 + (np.arange(SLICE_SIZE) + 0.5) * SLICE_MM / spacing[2]).astype(int) - body.offset_zyx[2]
    mask = np.zeros((SLICE_SIZE, SLICE_SIZE), bool)
    good = np.ix_((rows >= 0) & (rows < layer.shape[0]), (columns >= 0) & (columns < layer.shape[1]))
    inside = np.ix_(rows[(rows >= 0) & (rows < layer.shape[0])], columns[(columns >= 0) & (columns < layer.shape[1])])
    mask[good] = layer[inside]
    return mask


# --- hips --------------------------------------------------------------------------------------------------------
def _explain_hips(report: Report, levels: tuple[str, ...] | None) -> tuple[Explanation, ...]:
    hips = [h for h in report.hips if h.crop is not None and h.prediction is not None]
    hips = [h for h in hips if levels is None or f"{h.side} femur" in levels]
    if not hips or report.models.get("femur_image", HIPS) != HIPS:
        return ()
    targets = [category_target(str(h.prediction.category)) for h in hips if h.prediction is not None]
    pictures = torch.from_numpy(hip_input(np.stack([_crop(h) for h in hips])))
    trained, *random = heat_maps(HIPS, _logits, _hip_layer, pictures, targets)
    box = (-0.5, -0.5, HIP_SIZE - 0.5, HIP_SIZE - 0.5)
    method = note("heat.hip")
    return tuple(
        Explanation(
            f"{hip.side} femur",
            trained[k],
            box,
            targets[k].what,
            method,
            numbers(trained[k], [r[k] for r in random], femur_mask(_crop(hip))),
        )
        for k, hip in enumerate(hips)
    )


def class_map(network: nn.Module, pictures: NDArray[np.float32], category: str) -> Maps:
    """Grad-CAM (n, S, S) of any hip network for a class, on pictures (n, 1, S, S) from ``inputs.ct.hip_input``."""
    targets = [category_target(category)] * len(pictures)
    with TURN.taken():
        return grad_cam(_logits(network), _hip_layer(network), torch.from_numpy(pictures), targets)


def _hip_layer(network: Any) -> nn.Module:
    layer: nn.Module = network.image.convolutions[STAGE["hip"]]
    return layer


def _crop(hip: Hip) -> NDArray[np.float32]:
    return np.asarray(hip.crop, np.float32)


def femur_mask(crop: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The femur on a hip's picture, bool (250, 250), estimated: a head of 50 mm and the filled bone beside it."""
    rows, columns = np.indices(crop.shape)
    down, out = (rows - HIP_HEAD[0]) * HIP_MM, (HIP_HEAD[1] - columns) * HIP_MM
    head = np.hypot(down, out) < 25
    beside = (out > 8) & (down > -22) & (down + 0.9 * out > 10)  # not the roof of the socket
    bone = binary_closing((crop > BONE_SHOWN) & beside, iterations=3)
    return np.asarray(head | (binary_fill_holes(bone | head) & (beside | head)))
