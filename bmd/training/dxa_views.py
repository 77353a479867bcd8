"""What the DXA networks add to the training loop: their views of an image and their validation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bmd.metrics import dice as overlap
from bmd.models import _registry as registry
from bmd.training.augment import FilmAugment, draw_display, plain_view, warp
from bmd.training.tasks.film import FIRST_LUMBAR, Film, Films, View, image_tensor

LUMBAR_REGIONS = range(FIRST_LUMBAR, FIRST_LUMBAR + 4)


@dataclass(frozen=True)
class DxaAugment:
    """A view for the DXA CNN: mirrored, moved and turned a little, blurred or noisy; grey values are kept."""

    size: int = 256

    def __call__(self, film: Film, rng: np.random.Generator) -> View:
        """Draw one view; all randomness comes from ``rng``."""
        side = film.image.shape[0]
        scale = self.size / side * math.exp(rng.normal(0, 0.04))
        angle = math.radians(rng.normal(0, 1.5))
        mirror = -1.0 if rng.random() < 0.5 else 1.0
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        linear = np.diag([scale * mirror, scale]) @ turn
        middle = np.full(2, (self.size - 1) / 2) + rng.normal(0, 0.02 * self.size, 2)
        matrix = np.c_[linear, middle - linear @ np.full(2, (side - 1) / 2)]
        image, labels, corners = warp(film, matrix, self.size, 1, 0)
        image = image.astype(np.float32) / 255
        if rng.random() < 0.3:
            image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.9))
        if rng.random() < 0.3:
            image = image + rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(0.003, 0.02))
        return View(np.clip(image, 0, 1).astype(np.float32), labels, corners)


@dataclass(frozen=True)
class RegionAugment:
    """A view for the region network: that of the localisers; pictures of something else keep their framing."""

    size: int = 256
    tight: float = 0.1

    def __call__(self, film: Film, rng: np.random.Generator) -> View:
        """Draw one view; all randomness comes from ``rng``."""
        if np.isfinite(film.corners).any():
            return FilmAugment(self.size, 1, self.tight)(film, rng)
        view = plain_view(film, self.size, 1)
        return View(draw_display(np.round(view.image * 255).astype(np.uint8), rng), view.labels, view.corners)


def _views(films: Films, size: int, count: int = 16) -> Iterator[tuple[list[Film], list[View]]]:
    for start in range(0, len(films), count):
        rows = [films[i] for i in range(start, min(start + count, len(films)))]
        yield rows, [plain_view(film, size, 1) for film in rows]


def validate_dxa(network: nn.Module, films: Films, size: int) -> dict[str, float]:
    """Mean absolute error and its SD in per cent of the true density, and correlation, as the paper reports them."""
    found, truth = [], []
    for rows, views in _views(films, size):
        x = torch.from_numpy(np.stack([view.image for view in views]))[:, None]
        out = network(x.to(next(network.parameters()).device))["bmd"].float().cpu().numpy()
        spines = [k for k, film in enumerate(rows) if (film.labels > 0).any()]
        found += [float(out[k]) for k in spines]
        truth += [rows[k].bmd_l1l4 for k in spines]
    return dxa_metrics(np.array(found), np.array(truth))


def estimates(films: Films, weights: Path) -> tuple[NDArray, NDArray]:
    """Densities the shipped DXA CNN gives and true ones, g/cm2 (n,) each."""
    network = registry.load("dxa_cnn", weights)
    found = []
    with torch.inference_mode():
        for start in range(0, len(films), 16):
            views = [plain_view(films[i], 256, 1).image for i in range(start, min(start + 16, len(films)))]
            found.append(network(torch.from_numpy(np.stack(views))[:, None])["bmd"].numpy())
    return np.concatenate(found).astype(float), np.array([films[i].bmd_l1l4 for i in range(len(films))])


def dxa_metrics(found: NDArray, truth: NDArray) -> dict[str, float]:
    """The paper's three figures for densities (n,) in g/cm2: ``mae_percent``, ``sd_percent``, ``r``."""
    error = 100 * np.abs(found - truth) / truth
    r = float(np.corrcoef(found, truth)[0, 1]) if len(truth) > 2 else float("nan")
    return {"mae_percent": float(error.mean()), "sd_percent": float(error.std()), "r": r}


@torch.inference_mode()
def validate_regions(network: nn.Module, films: Films, size: int) -> dict[str, float]:
    """Dice of L1-L4 in view, share whose region has the right name, share of other pictures left empty."""
    dice, exact, empty = [], [], []
    for rows, views in _views(films, size):
        x = torch.stack([image_tensor(view) for view in views]).to(next(network.parameters()).device)
        for film, view, mask in zip(rows, views, region_labels(network(x)["masks"], size), strict=True):
            if not (film.labels > 0).any():
                empty.append(float((mask > 0).mean() < 0.01))
                continue
            share = view.share_in_view()
            for level in LUMBAR_REGIONS:
                if share[level] > 0.6:
                    truth = view.labels == level + 1
                    dice.append(overlap(mask == level + 1, truth))
                    exact.append(float(np.bincount(mask[truth], minlength=10)[1:].argmax() == level))
    named = {"dice": dice, "level_exact": exact, "others_empty": empty}
    return {key: float(np.mean(values)) if values else float("nan") for key, values in named.items()}


def region_labels(masks: Tensor, size: int) -> NDArray:
    """Label maps (N, S, S) from mask logits (N, 10, S/2, S/2)."""
    fine = nn.functional.interpolate(masks.float().softmax(1), (size, size), mode="bilinear")
    return fine.argmax(1).cpu().numpy()


VALIDATORS = {"dxa": validate_dxa, "regions": validate_regions}
