"""Which way round a DXA image is: the network of regions, trained to find nothing in negatives and upside-down scans.

Started from the weights of ``dxa_regions`` and trained as that is, on scans as they are passed around; three of ten
views are a negative, upside down, both, or on their side, and hold no region. How much of a spine it finds in a picture
turned this way and that tells which way is right. It names and outlines too, but is shy of whatever looks strange to
it, real scans among them, so names and outlines remain those of ``dxa_regions``.
"""

from __future__ import annotations

from dataclasses import dataclass

from bmd.models._registry import Spec, register
from bmd.models.cmnet import CMNet
from bmd.models.dxa_regions import DxaRegionsRecipe


@dataclass(frozen=True)
class DxaWaysRecipe(DxaRegionsRecipe):
    """Defaults for the shipped weights."""

    init: str = "dxa_regions"  # that knows the regions
    minutes: float = 18.0  # wall clock budget
    turned: float = 0.3  # share of examples the wrong way round, which hold nothing


@register(
    Spec(
        "dxa_ways",
        "DXA ways round",
        "after Lim & Kim 2023, J Biomed Eng Res 44",
        task="regions",
        role="dxa_way",
        modality="dxa",
    )
)
class DxaWays(CMNet):
    """See ``CMNet``; input (N, 1, 256, 256)."""

    Recipe = DxaWaysRecipe
