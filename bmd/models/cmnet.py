"""CM-Net: masks and centres of the vertebrae on a lateral film.

Lim S, Kim H. Deep Learning-based Spine Segmentation Technique Using the Center Point of the Spine and Modified
U-Net. J Biomed Eng Res 44 (2023). The modified U-Net follows Abraham N, Khan NM. A novel focal Tversky loss function
with improved attention U-Net for lesion segmentation. ISBI 2019.

What the paper says
    Six-level context and localisation pathways joined by skip connections; group normalisation, leaky ReLU, dropout;
    the vertebral centres join as extra channels; the label is mask and centre; Dice loss of both (eq. 1), averaged
    (eq. 2); Adam, lr 2e-5, batch 10, 100 epochs; 1024 x 512 letterboxed, histogram equalised; scaling, rotation, flips.

Differences from the paper
    - The centres were marked by hand there, at inference too. Here a centre head on the localisation pathway (1/4 of
      the input) finds them, and its maps join the finest features as the paper's centre channels do.
    - Nine levels T10-L5 and S1 as classes instead of one foreground, and one map of "any vertebral body": naming a
      body means counting from the sacrum.
    - Of Abraham & Khan's network it has neither the attention gates on the skips, nor the smaller pictures beside the
      input, nor losses at coarser scales; Lim & Kim describe none of the three (``modified_unet`` has them as options).
      Skips are added, not joined, after a 1 x 1 convolution: half the work on a CPU. Widths are not given there: 16,
      32, 64, 96, 160, 192.
    - Dice has squares in its sums (Milletari et al. 2016), which is eq. 1 on hard masks only, and is taken class by
      class. A budget of minutes, not 100 epochs; batch 8.
    - One self-attention layer at 1/32 and one at 1/16 of the input: counting needs the whole film in view.
    - The first convolution has stride 2, so the finest convolutions and the masks have half the input's resolution.
    - A mask pixel is two film pixels wide; its label is the share of it that each level covers, so that the border
      between two pixels is learned too and maps enlarged to the film's size are sharp.
    - Dice as in the paper plus cross entropy (masks) and focal loss (centres, Law & Deng 2018), which keep the
      gradient alive before anything overlaps. AdamW, lr 2e-3, cosine over the time budget.
    - Local log normalisation (bmd/inputs/film.py) instead of histogram equalisation; 384 x 384 letterboxed.
    - One more map from the finest features, "metal": the shadow of an implant hides the body below it. Dice plus cross
      entropy in which the pixels of metal, one in some hundred, weigh as much together as all others.
    - Bodies above T10, which long films show and no class names, are judged by no mask and not by the map of "any
      vertebral body"; the maps of the nine centres stay empty there, since none of the nine it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bmd.models._blocks import ConvNorm, GlobalContext, Residual, fixed, upsample
from bmd.models._masks import CLASSES, cells, dice_loss, mask_losses
from bmd.models._recipe import Recipe
from bmd.models._registry import Spec, register
from bmd.reference import UNNAMED


@dataclass(frozen=True)
class CMNetRecipe(Recipe):
    """Defaults for the shipped weights."""

    lr: float = 2e-3  # paper: 2e-5 with Adam and 100 epochs of 556 films
    dropout: float = 0.1  # share of channels dropped in the context pathway below 1/8
    focal: float = 0.3  # weight of the focal loss beside the Dice loss of the centres
    tight: float = 0.2  # share of examples that show only part of the spine
    metal: bool = True  # one more map: implants


@register(
    Spec(
        "cmnet",
        "CM-Net",
        "Lim & Kim 2023, J Biomed Eng Res 44",
        task="masks",
        role="localiser",
        default=True,
        modality="radiograph",
    )
)
class CMNet(nn.Module):
    """Modified U-Net with centre channels.

    Parameters
    ----------
    dropout, focal : float
        See the recipe.
    metal : bool
        Whether implants are looked for; weights from before that was learned say nothing of it.
    widths : tuple of int
        Channels at 1/2, 1/4, 1/8, 1/16, 1/32 and 1/64 of the input.

    Attributes
    ----------
    added : tuple of str
        How the tensors begin that older weights lack: a training that starts from those draws them anew.
    """

    Recipe = CMNetRecipe
    added = ("metal_head.",)

    def __init__(
        self,
        dropout: float,
        focal: float,
        metal: bool = False,
        widths: tuple[int, ...] = (16, 32, 64, 96, 160, 192),
    ) -> None:
        super().__init__()
        w, self.focal = widths, focal
        self.stem = ConvNorm(1, w[0], 2)
        self.context = nn.ModuleList(
            nn.Sequential(Residual(a, b, 2, drop), Residual(b, b, 1, drop))
            for a, b, drop in zip(w[:-1], w[1:], (0, 0, dropout, dropout, dropout), strict=True)
        )
        self.reduce = nn.ModuleList(nn.Conv2d(w[i + 1], w[i], 1) for i in (4, 3, 2, 1, 0))
        self.localise = nn.ModuleList(Residual(w[i], w[i]) for i in (4, 3, 2, 1))
        self.attend = nn.ModuleList((GlobalContext(w[4]), GlobalContext(w[3])))
        self.centre_head = nn.Sequential(ConvNorm(w[1], 48), nn.Conv2d(48, CLASSES, 1))
        nn.init.constant_(self.centre_head[1].bias, -4.0)  # type: ignore[arg-type]  # start at "no centre here"
        self.finest = nn.Sequential(ConvNorm(w[0] + CLASSES, w[0]), Residual(w[0], w[0]))
        self.mask_head = nn.Conv2d(w[0], CLASSES, 3, padding=1)
        self.metal_head: nn.Module | None = None
        if metal:
            self.metal_head = nn.Conv2d(w[0], 1, 3, padding=1)
            nn.init.constant_(self.metal_head.bias, -4.0)  # type: ignore[arg-type]  # start at "none"

    @staticmethod
    def example() -> tuple[Tensor]:
        """A fixed input for golden outputs and contract tests."""
        return (fixed(1, 1, 64, 128),)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Logits of films (N, 1, H, W): masks (N, 10, H/2, W/2), centres (N, 10, H/4, W/4), metal (N, 1, H/2, W/2)."""
        skips = [self.stem(x)]  # (N, 16, H/2, W/2)
        for stage in self.context:
            skips.append(stage(skips[-1]))  # (N, 32, H/4, W/4) ... (N, 192, H/64, W/64)
        y = skips.pop()
        for i, (reduce, localise) in enumerate(zip(self.reduce[:-1], self.localise, strict=True)):
            skip = skips.pop()
            y = localise(skip + upsample(reduce(y), skip))  # (N, 160, H/32, W/32) ... (N, 32, H/4, W/4)
            if i < len(self.attend):
                y = self.attend[i](y)
        centres = self.centre_head(y)  # (N, 10, H/4, W/4)
        skip = skips.pop()
        y = skip + upsample(self.reduce[-1](y), skip)  # (N, 16, H/2, W/2)
        y = torch.cat([y, upsample(torch.sigmoid(centres), skip)], 1)  # (N, 26, H/2, W/2)
        y = self.finest(y)
        found = {"masks": self.mask_head(y), "centres": centres}
        return found if self.metal_head is None else found | {"metal": self.metal_head(y)}

    def forward(self, x: Tensor, targets: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Maps in eval mode, losses in training mode.

        Parameters
        ----------
        x : Tensor
            Films (N, 1, H, W) from ``inputs.film.film_tensor``; H and W divisible by 64.
        targets : dict of Tensor, optional
            ``labels`` uint8 (N, H, W), ``UNNAMED`` on bodies above T10; ``centres`` float (N, 10, H/4, W/4) in 0..1 and
            ``centre_weight`` (N, 10), 0 where a body is half in view and its map is not judged; with a map of metal
            also ``metal`` uint8 (N, H, W), 0 or 1. With targets the losses are returned.

        Returns
        -------
        dict of Tensor
            ``masks`` (N, 10, H/2, W/2), softmax over background and levels, and ``centres`` (N, 10, H/4, W/4), sigmoid:
            nine levels, then any vertebral body T10-L5, and ``metal`` (N, 1, H/2, W/2), sigmoid, where it is looked
            for; or the losses ``mask_dice``, ``mask_entropy``, ``centre_dice``, ``centre_focal``, ``metal_dice``,
            ``metal_entropy``.
        """
        found = self.maps(x)
        if targets is None:
            return {key: value.float() for key, value in found.items()}
        with torch.autocast(x.device.type, enabled=False):
            losses = self.losses(found["masks"].float(), found["centres"].float(), targets)
            return losses | (metal_losses(found["metal"].float(), targets["metal"]) if "metal" in found else {})

    def losses(self, masks: Tensor, centres: Tensor, targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """Eq. 2: the mean of the loss of masks and of centres; each Dice (eq. 1) plus a pixel-wise loss."""
        named = targets["labels"] != UNNAMED
        mask_dice, mask_entropy = mask_losses(masks, targets["labels"])
        weight = targets["centre_weight"][:, :, None, None].expand_as(centres).clone()  # (N, 10, h', w')
        weight[:, -1] *= cells(named, centres.shape).all(3)
        q = centres.sigmoid()
        return {
            "mask_dice": mask_dice / 2,
            "mask_entropy": mask_entropy / 2,
            "centre_dice": dice_loss(q * weight, targets["centres"] * weight) / 2,
            "centre_focal": self.focal * focal_loss(centres, targets["centres"], weight) / 2,
        }


def metal_losses(logits: Tensor, metal: Tensor) -> dict[str, Tensor]:
    """Dice and cross entropy of the map of metal (N, 1, h, w) for its truth uint8 (N, H, W), 0 or 1.

    Few films show metal, and little of it: its pixels weigh as much together as all others do.
    """
    truth = cells(metal.float(), logits.shape).mean(3)[:, None]  # (N, 1, h, w)
    there = -(truth * F.logsigmoid(logits)).sum() / truth.sum().clamp(min=1)
    elsewhere = -((1 - truth) * F.logsigmoid(-logits)).sum() / (1 - truth).sum().clamp(min=1)
    return {"metal_dice": dice_loss(logits.sigmoid(), truth) / 2, "metal_entropy": (there + elsewhere) / 4}


def focal_loss(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Penalty-reduced focal loss of heat maps (Law & Deng 2018, eq. 1): alpha 2, beta 4, per centre."""
    p = logits.sigmoid()
    peak = (truth > 0.999).float()
    at_peak = peak * (1 - p).square() * F.logsigmoid(logits)
    elsewhere = (1 - peak) * (1 - truth).pow(4) * p.square() * F.logsigmoid(-logits)
    return -((at_peak + elsewhere) * weight).sum() / (peak * weight).sum().clamp(min=1)
