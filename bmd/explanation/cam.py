"""Grad-CAM of any network (Selvaraju et al. 2017, by pytorch-grad-cam), trained and with random weights.

The library hooks the network it explains and is not safe to share between threads, so maps are made on copies of the
network that serve nothing else, in float32, by who has the turn (``models._turn``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bmd.explanation.target import Target
from bmd.models._registry import WEIGHTS, build, load
from bmd.models._turn import TURN

Maps: TypeAlias = NDArray[np.float32]
"""(n, H, W) in 0..1, at the size of the pictures."""
Part: TypeAlias = Callable[[nn.Module], nn.Module]
RANDOM_SEEDS = (11, 12)
"""Randomised networks that a map is compared with; the mean of the correlations is reported."""


class Output(nn.Module):
    """A network as a function of pictures that gives one of its outputs alone, (n, columns)."""

    def __init__(self, network: nn.Module, key: str) -> None:
        super().__init__()
        self.network, self.key = network, key

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (n, C, H, W) to the output (n, columns)."""
        out: Tensor = self.network(pictures)[self.key]
        return out.reshape(len(out), -1)


def heat_maps(
    name: str,
    function: Part,
    layer: Part,
    pictures: Tensor,
    targets: Sequence[Target],
    weights: Path | None = None,
) -> list[Maps]:
    """Heat maps of the trained network and, after it, of each randomised one.

    Parameters
    ----------
    name : str
        The network.
    function : callable
        Makes of the network a module that takes the pictures alone and gives rows (n, columns) for the targets.
    layer : callable
        Finds in the network the layer at which the maps are read.
    pictures : Tensor
        float32 (n, C, H, W).
    targets : sequence of Target
        One per picture.
    weights : Path, optional
        Folder with the networks' weights; by default the shipped ones.

    Returns
    -------
    list of ndarray
        1 + len(RANDOM_SEEDS) arrays.

    Raises
    ------
    WeightsError
        The weights are missing or damaged.
    """
    import pytorch_grad_cam  # noqa: F401  seconds, the first time: nobody's turn waits for it

    folder = weights or WEIGHTS
    with TURN.taken():
        networks = [trained(name, folder), *(randomised(name, folder, seed) for seed in RANDOM_SEEDS)]
        return [grad_cam(function(network), layer(network), pictures, targets) for network in networks]


def grad_cam(network: nn.Module, layer: nn.Module, pictures: Tensor, targets: Sequence[Target]) -> Maps:
    """Grad-CAM of one layer; ``targets`` read rows of the network's output. Call it in turn only."""
    from pytorch_grad_cam import GradCAM

    with torch.enable_grad(), GradCAM(model=network, target_layers=[layer]) as cam:
        heat = cam(input_tensor=pictures, targets=list(targets))
    network.zero_grad(set_to_none=True)
    if heat is None or heat.shape != (len(pictures), *pictures.shape[-2:]):  # the library's "with" block hides errors
        raise RuntimeError("Grad-CAM gave no maps")
    return np.nan_to_num(np.asarray(heat, np.float32)).clip(0, 1)


def last_convolution(network: nn.Module) -> nn.Module:
    """The deepest convolution."""
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)][-1]


def heat_layer(network: nn.Module) -> nn.Module:
    """The layer that a network names for heat maps, else its deepest convolution."""
    layer: nn.Module = getattr(network, "heat_layer", None) or last_convolution(network)
    return layer


@cache
def trained(name: str, weights: Path = WEIGHTS) -> nn.Module:
    """A copy of a trained network that serves maps only."""
    return load(name, weights).eval().float()


@cache
def randomised(name: str, weights: Path, seed: int) -> nn.Module:
    """The same network with the weights it would have started from; the global random state is left as it was."""
    network = trained(name, weights)
    assert isinstance(network.metadata, dict)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(name, **network.metadata["options"]).eval().float()
