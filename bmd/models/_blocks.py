"""Building blocks shared by the networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS_PER_GROUP = 16
"""Group norm with 16 channels a group (Wu & He 2018, table 3); narrower groups are up to 7 times slower on a CPU."""


def fixed(*shape: int) -> Tensor:
    """Normally distributed numbers, always the same: what golden outputs and contract tests feed a network."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def group_norm(channels: int) -> nn.GroupNorm:
    """Group normalisation with groups of 16 channels (one group when there are fewer)."""
    groups = max(1, channels // CHANNELS_PER_GROUP)
    while channels % groups:
        groups -= 1
    return nn.GroupNorm(groups, channels)


class ConvNorm(nn.Sequential):
    """3 x 3 convolution, group norm, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            group_norm(outputs),
            nn.LeakyReLU(0.01, inplace=True),
        )


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut, with dropout of whole channels between them."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.first = ConvNorm(inputs, outputs, stride)
        self.dropout = nn.Dropout2d(dropout) if dropout else nn.Identity()
        self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), group_norm(outputs))
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or stride > 1:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), group_norm(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
        y = self.second(self.dropout(self.first(x)))
        return F.leaky_relu(y + self.shortcut(x), 0.01)


def upsample(x: Tensor, like: Tensor) -> Tensor:
    """Resize bilinearly to the height and width of ``like``."""
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)


def position_waves(height: int, width: int, waves: int, device: torch.device) -> Tensor:
    """Sines and cosines of the place in the picture, (4 * waves, height, width) in -1..1.

    Relative to the picture, not to pixels, so that a network keeps its bearings at any input size.
    """
    y = (torch.arange(height, device=device) + 0.5) / height
    x = (torch.arange(width, device=device) + 0.5) / width
    octave = 2.0 ** torch.arange(waves, device=device) * torch.pi  # (waves,)
    ty = (octave[:, None] * y)[:, :, None].expand(-1, -1, width)  # (waves, H, W)
    tx = (octave[:, None] * x)[:, None, :].expand(-1, height, -1)  # (waves, H, W)
    return torch.cat([ty.sin(), ty.cos(), tx.sin(), tx.cos()])


class GlobalContext(nn.Module):
    """Self-attention over the whole map: every place sees every other place and knows where it is.

    Naming a vertebra means counting up from the sacrum, which may be half a film away. One pre-norm transformer
    layer (Vaswani et al. 2017) on a coarse map costs next to nothing and gives that view.
    """

    def __init__(self, channels: int, heads: int = 4, waves: int = 4, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.waves = heads, waves
        self.place = nn.Conv2d(4 * waves, channels, 1)
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv, self.out = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.mlp = nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        n, c, h, w = x.shape
        waves = position_waves(h, w, self.waves, x.device).flatten(1).T  # (H * W, 4 * waves)
        place = F.linear(waves, self.place.weight.flatten(1), self.place.bias)  # (H * W, C)
        t = x.flatten(2).transpose(1, 2) + place  # (N, H * W, C)
        q, k, v = self.qkv(self.norm1(t)).reshape(n, h * w, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        # written out: on a CPU torch's fused attention in bfloat16 is several times slower on such short sequences
        weights = (q @ k.transpose(-2, -1) * (c // self.heads) ** -0.5).softmax(-1)  # (N, heads, H * W, H * W)
        a = weights @ v  # (N, heads, H * W, C / heads)
        t = t + self.dropout(self.out(a.transpose(1, 2).reshape(n, h * w, c)))
        t = t + self.dropout(self.mlp(self.norm2(t)))
        out: Tensor = t.transpose(1, 2).reshape(n, c, h, w)
        return out
