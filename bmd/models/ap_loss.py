"""AP-loss: train a detector's scores by their ranking.

Chen K, Li J, Lin W, et al. Towards accurate one-stage object detection with AP-loss. CVPR 2019.

What the paper says
    Every foreground score i and background score j give a term L_ij = H(s_j - s_i) / (1 + sum_k H(s_k - s_i)), H a
    step smoothed to a ramp of half width delta = 1; the loss is the mean over i of the sum over j, which is 1 - AP.
    The step has no useful derivative, so the error-driven update of the perceptron takes the place of the gradient:
    g_i = -sum_j L_ij, g_j = sum_i L_ij. Interpolated AP: a cut counts with the best precision at its own or any lower
    score. All images of a batch are ranked together.

Differences from the paper
    - None in value. The paper's code loops over the foreground scores; here sums over the ramp come from sorted
      scores and prefix sums, O((P + N) log N) without a P x N table. The tests compare both.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

DELTA = 1.0


def ramp_sum(values: Tensor, weights: Tensor, at: Tensor, delta: float = DELTA) -> Tensor:
    """Sum over k of weights[k] * H(values[k] - at[q]) for every q.

    Parameters
    ----------
    values : Tensor
        float64 (n,), sorted upwards.
    weights : Tensor
        float64 (n,).
    at : Tensor
        float64 (m,).

    Returns
    -------
    Tensor
        float64 (m,).
    """
    zero = values.new_zeros(1)
    w = torch.cat([zero, weights.cumsum(0)])  # (n + 1,) prefix sums
    wv = torch.cat([zero, (weights * values).cumsum(0)])  # (n + 1,)
    low = torch.searchsorted(values, at - delta)
    high = torch.searchsorted(values, at + delta, right=True)
    band, band_v = w[high] - w[low], wv[high] - wv[low]
    return w[-1] - w[high] + (band_v - at * band) / (2 * delta) + band / 2


def ranking_errors(foreground: Tensor, background: Tensor, delta: float = DELTA) -> tuple[Tensor, Tensor, Tensor]:
    """AP-loss and the error-driven updates of both kinds of scores.

    Parameters
    ----------
    foreground, background : Tensor
        Scores (P,) and (N,), any float type; P at least 1.

    Returns
    -------
    loss : Tensor
        1 - interpolated AP, float64 scalar.
    foreground_update, background_update : Tensor
        float64 (P,) negative and (N,) positive; both sum to the same size.
    """
    s, order = foreground.double().sort()
    n = background.double()
    above = 0.5 + ramp_sum(s, torch.ones_like(s), s, delta)  # a score meets itself on the ramp at 0.5
    false = ramp_sum(n.sort().values, torch.ones_like(n), s, delta)
    precision = above / (above + false)
    best = precision.cummax(0).values  # interpolated: the best precision at this or any lower cut
    scale = torch.where(best > precision, (1 - best) / (1 - precision).clamp(min=1e-12), 1.0)
    weights = scale / (above + false)
    background_update = weights.sum() - ramp_sum(s, weights, n, delta)  # H(-x) = 1 - H(x)
    foreground_update = torch.empty_like(s)
    foreground_update[order] = best - 1
    count = len(s)
    return 1 - best.mean(), foreground_update / count, background_update.clamp(min=0) / count


class APLoss(torch.autograd.Function):
    """1 - AP of logits against 1 (object), 0 (background) and -1 (ignored); backward is the error-driven update."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor) -> Tensor:
        """Rank all logits (any shape) together; ``targets`` has the same shape."""
        foreground, background = targets > 0, targets == 0
        update = torch.zeros_like(logits, dtype=torch.float32)
        loss = logits.new_zeros((), dtype=torch.float32)
        if foreground.any():
            # background further than delta below every object has no part in any pair
            background = background & (logits >= logits[foreground].min() - DELTA)
            value, up, down = ranking_errors(logits[foreground], logits[background])
            update[foreground], update[background] = up.float(), down.float()
            loss = value.float()
        ctx.save_for_backward(update)
        ctx.dtype = logits.dtype
        return loss

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Error-driven update in place of the derivative."""
        (update,) = ctx.saved_tensors
        return (update * gradients[0]).to(ctx.dtype), None
