"""What the networks of Lim & Kim share: classes of a pixel, how masks are judged, networks that give masks alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bmd.models._blocks import fixed
from bmd.reference import LEVELS, UNNAMED

CLASSES = len(LEVELS) + 1  # background and nine levels; also nine centre maps and "any vertebral body"


class OutlineNetwork(nn.Module):
    """A network of masks and nothing else, under the contract of the task "outlines".

    Parameters
    ----------
    entropy : float
        Weight of the cross entropy beside the Dice loss.
    """

    def __init__(self, entropy: float) -> None:
        super().__init__()
        self.entropy = entropy

    @staticmethod
    def example() -> tuple[Tensor]:
        """A fixed input for golden outputs and contract tests."""
        return (fixed(1, 1, 64, 128),)

    def scales(self, x: Tensor) -> list[Tensor]:
        """Logits (N, 10, H, W) of films (N, 1, H, W), then those of coarser scales that are to be judged too."""
        raise NotImplementedError

    def forward(self, x: Tensor, targets: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Masks in eval mode, losses when targets are given.

        Parameters
        ----------
        x : Tensor
            Films (N, 1, H, W) from ``inputs.film.film_tensor``; H and W divisible by 32.
        targets : dict of Tensor, optional
            ``labels`` uint8 (N, H, W): 0 background, 1..9 levels, ``UNNAMED`` on bodies above T10.

        Returns
        -------
        dict of Tensor
            ``masks`` (N, 10, H, W), softmax over background and levels; or the losses ``mask_dice`` and
            ``mask_entropy``, means over the scales.
        """
        scales = self.scales(x)
        if targets is None:
            return {"masks": scales[0].float()}
        with torch.autocast(x.device.type, enabled=False):
            rows = [mask_losses(logits.float(), targets["labels"]) for logits in scales]
            dice, entropy = (torch.stack(column).mean() for column in zip(*rows, strict=True))
        return {"mask_dice": dice} | ({"mask_entropy": self.entropy * entropy} if self.entropy else {})


def mask_losses(masks: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Dice loss (eq. 1), class by class with "any bone" as one more, and cross entropy of logits (N, 10, h, w).

    ``labels`` uint8 (N, H, W), of H a multiple of h; cells of bodies above T10 (``UNNAMED``) are not judged.
    """
    named = labels != UNNAMED
    log_p = masks.log_softmax(1)  # (N, 10, h, w)
    truth = coverage(labels * named, log_p.shape)  # (N, 10, h, w)
    judged = cells(named, log_p.shape).all(3)[:, None]  # (N, 1, h, w)
    entropy = -(truth * log_p * judged).sum() / judged.sum().clamp(min=1)
    p = log_p.exp()
    p = torch.cat([p[:, 1:], 1 - p[:, :1]], 1)  # nine levels and "any bone": a body misnamed is still a body
    truth = torch.cat([truth[:, 1:], 1 - truth[:, :1]], 1)
    return dice_loss(p * judged, truth * judged), entropy


def cells(labels: Tensor, shape: torch.Size) -> Tensor:
    """The pixels of (N, H, W) that each cell of (N, C, h, w) covers, (N, h, w, pixels)."""
    rows, columns = labels.shape[-2] // shape[-2], labels.shape[-1] // shape[-1]
    return labels.unfold(1, rows, rows).unfold(2, columns, columns).flatten(3)


def coverage(labels: Tensor, shape: torch.Size) -> Tensor:
    """Share of each cell of (N, C, h, w) that each class of labels (N, H, W) covers."""
    classes = cells(labels, shape).long()  # (N, h, w, pixels)
    counts = torch.zeros(*classes.shape[:3], shape[1], device=labels.device)
    counts.scatter_add_(3, classes, torch.ones_like(classes, dtype=torch.float32))
    return (counts / classes.shape[3]).permute(0, 3, 1, 2)


def dice_loss(p: Tensor, truth: Tensor, smooth: float = 20.0) -> Tensor:
    """1 - Dice (eq. 1), soft, one value per channel over the batch, averaged. (N, C, h, w) each."""
    overlap = (p * truth).sum((0, 2, 3))
    size = p.square().sum((0, 2, 3)) + truth.square().sum((0, 2, 3))
    return (1 - (2 * overlap + smooth) / (size + smooth)).mean()
