"""Decides whether bfloat16 is worth using: by timing, because processors that "support" it can be 9 times slower."""

from __future__ import annotations

import statistics
import time
from functools import cache

import torch
from torch import nn

PAIRS = 9
AT_LEAST = 1.2
"""So many times faster bfloat16 has to be."""


def _seconds(layer: nn.Module, x: torch.Tensor, bf16: bool) -> float:
    """Processor seconds of this thread for one pass: waiting for a core, or for Python's interpreter, is none."""
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        start = time.thread_time()
        layer(x)
        return time.thread_time() - start


@cache
def bf16_is_faster(device: str = "cpu") -> bool:
    """Whether bfloat16 autocast beats float32 here.

    On a GPU: what torch reports. On a CPU: a 32-channel convolution in channels_last is timed both ways in turn (some
    ten ms), and in the median pair bfloat16 has to be at least ``AT_LEAST`` times faster. The engine starts with its
    first visitor, when other threads and programs may be at work: a few slow passes decide nothing.
    """
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    layer = nn.Conv2d(32, 32, 3, padding=1).to(memory_format=torch.channels_last)
    x = torch.randn(4, 32, 48, 48).to(memory_format=torch.channels_last)
    pairs = [(_seconds(layer, x, True), _seconds(layer, x, False)) for _ in range(PAIRS + 1)]
    gains = [full / max(half, 1e-9) for half, full in pairs[1:]]  # the first pair prepares kernels
    return statistics.median(gains) >= AT_LEAST
