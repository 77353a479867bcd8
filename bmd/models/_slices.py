"""What classifiers of one slice through one window share: the networks that Choi et al. set beside their pair."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from bmd.models._blocks import fixed
from bmd.models._recipe import CtRecipe, check_choice
from bmd.models.pair_acm import WINDOWS
from bmd.reference import CATEGORIES

AUXILIARY = 0.3
"""Weight of a side classifier's loss (Szegedy et al. 2015, GoogLeNet); the paper of Inception-v3 gives none."""


@dataclass(frozen=True)
class SliceRecipe(CtRecipe):
    """What they have in common; Choi et al. train all networks alike, with Adam at 1e-3 and a cosine."""

    size: int = 120  # side of the crop
    minutes: float = 20.0  # wall clock budget
    optimiser: str = "adam"  # paper: Adam
    weight_decay: float = 0.0  # of Adam
    window: str = "t"  # HU from -450 on (x^t), as in table 5; "s" from -128 on (x^s), as in table 2
    side: int = 0  # the crop is enlarged to this many pixels a side; 0 leaves it as it is


class SliceNetwork(nn.Module):
    """A classifier of slices through one window, under the contract of the task "slice".

    Parameters
    ----------
    window : str
        "s" or "t".
    side : int
        Pixels a side that ``classify`` sees; 0: as many as the crop has.

    Raises
    ------
    OptionError
        "network.unknown_choice": no such window.
    """

    def __init__(self, window: str, side: int) -> None:
        super().__init__()
        check_choice("window", window, WINDOWS)
        self.window, self.side = window, side

    @staticmethod
    def example() -> tuple[Tensor]:
        """A fixed input for golden outputs and contract tests."""
        return (fixed(3, 2, 120, 120),)

    def classify(self, picture: Tensor) -> dict[str, Tensor]:
        """``logits`` (N, 3) of pictures (N, 1, side, side); in training perhaps ``auxiliary``, a side classifier's."""
        raise NotImplementedError

    @property
    def heat_layer(self) -> nn.Module:
        """Where heat maps are read: the last layer whose cells are still smaller than a vertebral body."""
        raise NotImplementedError

    def forward(self, slices: Tensor, targets: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Logits (N, 3); or, with targets in training, the losses.

        Parameters
        ----------
        slices : Tensor
            (N, 2, S, S) from ``inputs.ct.slice_windows``: x^s and x^t, of which one is looked at.
        targets : dict, optional
            ``category`` int64 (N,), index into ``reference.CATEGORIES``.
        """
        index = WINDOWS.index(self.window)
        picture = slices[:, index : index + 1]
        if self.side and self.side != picture.shape[-1]:
            picture = F.interpolate(picture, size=(self.side, self.side), mode="bilinear", align_corners=False)
        out = {name: value.float() for name, value in self.classify(picture).items()}
        if targets is None or not self.training:
            return {"logits": out["logits"]}
        losses = {"category": F.cross_entropy(out["logits"], targets["category"])}
        if "auxiliary" in out:
            losses["auxiliary"] = AUXILIARY * F.cross_entropy(out["auxiliary"], targets["category"])
        return losses


def grey(convolution: nn.Conv2d) -> nn.Conv2d:
    """A first convolution like this one for one channel instead of three, with random weights."""
    found = nn.Conv2d(
        1,
        convolution.out_channels,
        (convolution.kernel_size[0], convolution.kernel_size[1]),
        (convolution.stride[0], convolution.stride[1]),
        convolution.padding,  # type: ignore[arg-type]
        bias=convolution.bias is not None,
    )
    nn.init.kaiming_normal_(found.weight, mode="fan_out", nonlinearity="relu")
    if found.bias is not None:
        nn.init.zeros_(found.bias)
    return found


def classifier(features: int) -> nn.Linear:
    """The last layer."""
    return nn.Linear(features, len(CATEGORIES))
