"""Pair ensemble of ResNet-18 + ACM: the WHO class from one axial CT slice, seen through two windows.

Choi S.-H. et al. Efficient osteoporosis prediction using a pair of ensemble models. J. Korea Soc. Comput. Inf. 2021;
the attend-and-compare module: Kim M. et al. Learning visual context by comparison. ECCV 2020.

What the paper says
    One slice, two pictures of it (eq. 1): HU from -128 to 1024 (x^s) and from -450 to 1024 (x^t), each to 0..255. Two
    ResNet-18 + ACM, pooled features g_s and g_t, each with a classifier of its own; g = a g_s + (1 - a) g_t with a
    learnable, 0.5 at first (eq. 2), and a classifier on g. Loss: cross entropy of the three (eq. 3) + 0.1 x the cosine
    of g_s and g_t (eq. 4, 5). Adam, 1e-3, cosine annealing, batch 128, 60 epochs, pretrained on ImageNet; 1,200
    training and 300 test slices a class. Accuracy 77.11 %; without L_dis 74.00 %; single 64.00 % (x^s), 68.44 % (x^t).

Differences from the paper
    - The slice is cropped to 120 mm around the vertebra and 120 x 120 pixels instead of shown whole: 1 mm pixels
      keep trabecular texture within the reach of a CPU.
    - Trained from random weights on simulated CT, with time for few epochs; channels are halved (``width`` 32, 64 in
      ResNet-18), which a CPU trains about three times faster. Batch 32, AdamW.
    - The paper does not say where its ACMs stand: here one at the end of each of the four stages, without the
      orthogonality loss of Kim et al., which it does not mention. Attention maps: one for every 16 channels. Kim et
      al.'s code has a module in every block, before the shortcut is added, and 32 maps made by grouped convolutions;
      ``resnet18_acm`` has that as an option.
    - The paper's ablations are options: ``windows`` "s" or "t" trains one branch alone, "ss" or "tt" two on the same
      window; ``dissimilarity`` 0 leaves out L_dis; ``share`` fixes a of eq. 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bmd.errors import OptionError
from bmd.models._blocks import fixed
from bmd.models._recipe import CtRecipe
from bmd.models._registry import Spec, register
from bmd.reference import CATEGORIES

WINDOWS = ("s", "t")  # order of the input's channels
CHANNELS_PER_MAP = 16


@dataclass(frozen=True)
class PairAcmRecipe(CtRecipe):
    """Defaults for the shipped weights."""

    size: int = 120  # side of the crop
    minutes: float = 20.0  # wall clock budget
    windows: str = "st"  # both windows, "s" or "t" alone, or two branches on one: "ss", "tt"
    dissimilarity: float = 0.1  # weight of L_dis, the cosine of the two branches' features, in the loss
    share: float = 0.0  # a of eq. 2 fixed at that; 0 learns it from 0.5 on
    width: int = 32  # channels of the first stage; ResNet-18 has 64


class AttendAndCompare(nn.Module):
    """Add what one attention sees, subtract what another sees, and weigh the channels (Kim et al. 2020, fig. 2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.maps = max(1, channels // CHANNELS_PER_MAP)
        self.key = nn.Conv2d(channels, self.maps, 1, bias=False)
        self.query = nn.Conv2d(channels, self.maps, 1, bias=False)
        self.gate = nn.Sequential(
            nn.Conv2d(channels, channels // 2, 1), nn.ReLU(), nn.Conv2d(channels // 2, channels, 1)
        )

    def attend(self, scores: Tensor, x: Tensor) -> Tensor:
        """Mean of x (N, C, H, W) weighted by the softmax of scores (N, maps, H, W): (N, C, 1, 1)."""
        n, c = x.shape[:2]
        weights = scores.float().flatten(2).softmax(2).to(x.dtype)  # (N, maps, H * W)
        grouped = x.reshape(n, self.maps, c // self.maps, -1)  # (N, maps, C / maps, H * W)
        return (grouped @ weights[..., None]).reshape(n, c, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        mean = x.mean((2, 3), keepdim=True)
        centred = x - mean
        difference = self.attend(self.key(centred), centred) - self.attend(self.query(centred), centred)
        gated: Tensor = (x + difference) * self.gate(mean).sigmoid()
        return gated


class BasicBlock(nn.Module):
    """ResNet's basic block with batch norm (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or stride > 1:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
        return F.relu(self.body(x) + self.shortcut(x))


class Branch(nn.Sequential):
    """ResNet-18 + ACM on one grey picture: (N, 1, S, S) -> (N, 8 * width, S / 32, S / 32)."""

    def __init__(self, width: int) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(1, width, 7, 2, 3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
        ]
        inputs = width
        for stage in range(4):
            outputs = width * 2**stage
            layers += [BasicBlock(inputs, outputs, 1 if stage == 0 else 2), BasicBlock(outputs, outputs, 1)]
            layers += [AttendAndCompare(outputs)]
            inputs = outputs
        super().__init__(*layers)


@register(
    Spec(
        "pair_acm",
        "Pair ensemble (ResNet-18 + ACM)",
        "Choi et al. 2021",
        task="slice",
        role="slices",
        default=True,
        modality="ct",
    )
)
class PairAcm(nn.Module):
    """Two branches, three classifiers."""

    Recipe = PairAcmRecipe

    def __init__(self, windows: str, dissimilarity: float, width: int, share: float = 0.0) -> None:
        super().__init__()
        if windows not in ("st", "ss", "tt", *WINDOWS):
            raise OptionError("network.unknown_windows", windows=windows)
        if not 0 <= share < 1:
            raise OptionError("network.unknown_share", share=share)
        self.dissimilarity = dissimilarity
        slots = WINDOWS if len(windows) > 1 else windows
        self.reads = dict(zip(slots, map(WINDOWS.index, windows), strict=True))
        """Channel of the input that each branch sees."""
        self.branches = nn.ModuleDict({name: Branch(width) for name in slots})
        self.classifiers = nn.ModuleDict({name: nn.Linear(8 * width, len(CATEGORIES)) for name in slots})
        if len(windows) > 1:
            self.joint = nn.Linear(8 * width, len(CATEGORIES))
            if share:
                self.register_buffer("share", torch.tensor([share]))
            else:
                self.share = nn.Parameter(torch.tensor([0.5]))  # alpha of eq. 2

    @staticmethod
    def example() -> tuple[Tensor]:
        """A fixed input for golden outputs and contract tests."""
        return (fixed(3, 2, 120, 120),)

    def features(self, slices: Tensor) -> dict[str, Tensor]:
        """Pooled features of each branch: (N, 2, S, S) -> (N, 8 * width) each."""
        return {name: self.branches[name](slices[:, i : i + 1]).mean((2, 3)).float() for name, i in self.reads.items()}

    def forward(self, slices: Tensor, targets: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Logits (N, 3) of the joint and of each branch's classifier; or, with targets in training, the losses.

        Parameters
        ----------
        slices : Tensor
            (N, 2, S, S) from ``inputs.ct.slice_windows``: x^s and x^t.
        targets : dict, optional
            ``category`` int64 (N,), index into ``reference.CATEGORIES``.
        """
        features = self.features(slices)
        with torch.autocast(slices.device.type, enabled=False):
            out = {f"logits_{name}": self.classifiers[name](g) for name, g in features.items()}
            if len(features) == 1:
                out = {"logits": out[f"logits_{next(iter(features))}"]}
            else:
                out = {
                    "logits": self.joint(self.share * features["s"] + (1 - self.share) * features["t"])
                } | out  # eq. 2
            if targets is None or not self.training:
                return out
            return self.losses(out, features, targets["category"])

    def losses(self, out: dict[str, Tensor], features: dict[str, Tensor], category: Tensor) -> dict[str, Tensor]:
        """Cross entropy of every classifier (eq. 3) and the weighted cosine of the features (eq. 4, 5)."""
        losses = {name.replace("logits", "category"): F.cross_entropy(value, category) for name, value in out.items()}
        if len(features) > 1 and self.dissimilarity:
            losses["similar"] = self.dissimilarity * F.cosine_similarity(features["s"], features["t"]).mean()
        return losses
