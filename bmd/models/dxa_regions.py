"""Regions of the vertebrae on a DXA image of the lumbar spine: CM-Net, trained on simulated scans.

Densitometers find the bone edge and the spaces between vertebrae by rules their makers keep to themselves, and a
technician corrects them. Here the same network that finds vertebral bodies on films (``cmnet``) learns the regions of
T11 to L5; pictures of anything else, from the side, a hip, a forearm, hold none.

Differences from CM-Net
    Input 256 x 256, regions instead of bodies, no map of metal, one network for all vendors' looks; training starts
    from the weights of CM-Net, which already knows vertebrae.
"""

from __future__ import annotations

from dataclasses import dataclass

from bmd.models._registry import Spec, register
from bmd.models.cmnet import CMNet, CMNetRecipe


@dataclass(frozen=True)
class DxaRegionsRecipe(CMNetRecipe):
    """Defaults for the shipped weights."""

    data: str = "runs/dxa/train"  # shards of simulated DXA images
    size: int = 256  # side of the input
    init: str = "cmnet"  # vertebrae on films come first
    batch: int = 6  # examples per step
    lr: float = 6e-4  # peak of AdamW
    warmup: int = 30  # steps
    ema: float = 0.99  # decay of the running mean of the weights
    minutes: float = 20.0  # wall clock budget
    holdout: int = 100  # images of the first shards that are never trained on
    tight: float = 0.2  # share of examples that show only part of the spine
    turned: float = 0.0  # share of examples the wrong way round, which hold nothing
    dropout: float = 0.05  # share of channels dropped in the context pathway
    metal: bool = False  # outliers among the regions are found by their density


@register(
    Spec(
        "dxa_regions",
        "DXA regions",
        "after Lim & Kim 2023, J Biomed Eng Res 44",
        task="regions",
        role="dxa_regions",
        modality="dxa",
    )
)
class DxaRegions(CMNet):
    """See ``CMNet``; input (N, 1, 256, 256)."""

    Recipe = DxaRegionsRecipe
