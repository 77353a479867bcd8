"""Decides whether bfloat16 is worth using: by timing, because processors that "support" it can be 9 times slower."""

from __future__ import annotations

import time
from functools import cache

import torch
from torch import nn


def _seconds(layer: nn.Module, x: torch.Tensor, bf16: bool) -> float:
    best = float("inf")
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        for _ in range(8):  # the first pass prepares kernels
            start = time.perf_counter()
            layer(x)
            best = min(best, time.perf_counter() - start)
    return best


@cache
def bf16_is_faster(device: str = "cpu") -> bool:
    """Whether bfloat16 autocast beats float32 here.

    On a GPU: what torch reports. On a CPU: a 32-channel convolution in channels_last is timed both ways (a few ms)
    and bfloat16 has to be at least 1.2 times faster.
    """
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    layer = nn.Conv2d(32, 32, 3, padding=1).to(memory_format=torch.channels_last)
    x = torch.randn(4, 32, 48, 48).to(memory_format=torch.channels_last)
    return _seconds(layer, x, True) * 1.2 < _seconds(layer, x, False)
