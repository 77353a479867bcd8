"""Boxes of a batch as arrays of fixed shape, for engines that know arrays only."""

from __future__ import annotations

import torch
from torch import Tensor


def stacked(found: list[dict[str, Tensor]], count: int = 50) -> dict[str, Tensor]:
    """Detections in torchvision's form, one dict of ``boxes``, ``labels`` and ``scores`` a picture, as arrays.

    Parameters
    ----------
    found : list of dict
        ``boxes`` (n, 4) x1, y1, x2, y2 in pixels of the network's input (pixel i covers i..i + 1), ``labels`` (n,)
        from 1, ``scores`` (n,) sorted downwards; n differs from picture to picture.
    count : int
        Rows a picture; more boxes than that are left out, the weakest first.

    Returns
    -------
    dict of Tensor
        float32 ``boxes`` (N, count, 4), ``labels`` and ``scores`` (N, count). Rows without a box have label 0 and
        score 0.
    """
    widths = {"boxes": (count, 4), "labels": (count,), "scores": (count,)}
    device = found[0]["boxes"].device if found else torch.device("cpu")
    out = {key: torch.zeros(len(found), *shape, device=device) for key, shape in widths.items()}
    for row, one in enumerate(found):
        for key, rows in out.items():
            kept = one[key][:count]
            rows[row, : len(kept)] = kept.to(rows)
    return out
