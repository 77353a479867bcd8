"""DXA images: the density of L1-L4 from the picture alone, and where the regions lie.

Shards of ``python -m bmd simulate --modality dxa`` have the keys of film shards; regions take the place of bodies.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bmd.metrics import dice as overlap
from bmd.metrics import percentage_error
from bmd.simulator.dxa.archive import bridged, coarse, streaked, technicians_lines
from bmd.training.augment import FilmAugment, draw_display
from bmd.training.examples import Arrays
from bmd.training.films import FIRST_LUMBAR, Film, Films, View, plain_view, warp
from bmd.training.task import Example, Items, Metrics
from bmd.training.tasks.film import MASKS, device_of, image_tensor, view_batches

CNN_SIZE = 256
LUMBAR_REGIONS = range(FIRST_LUMBAR, FIRST_LUMBAR + 4)


class Scans(Films):
    """All scans of a folder: in the format of films, without a mask of metal."""

    @staticmethod
    def take(shard: Mapping[str, NDArray[Any]]) -> Arrays:
        """See ``Rows``."""
        return Films.take({**shard, "metal": np.broadcast_to(np.uint8(0), shard["labels"].shape)})


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
        view = warp(film, matrix, self.size, 1, 0)
        image = view.image
        if rng.random() < 0.3:
            image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.9))
        if rng.random() < 0.3:
            image = image + rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(0.003, 0.02))
        return replace(view, image=np.clip(image, 0, 1).astype(np.float32))


PASSED: tuple[tuple[float, Callable[..., NDArray[np.float32]]], ...] = ((0.4, bridged), (0.4, coarse), (0.4, streaked))
"""How often a scan looks as if it had been passed around, see ``simulator.dxa.archive``."""
LINED = 0.4
"""How often a technician's lines are drawn on it."""


@dataclass(frozen=True)
class RegionAugment:
    """A view for the region network: that of the localisers without what is printed on films.

    A share ``turned`` of the views is the wrong way round, bone dark, upside down or on its side, and holds no region.
    Pictures of something else keep their framing.
    """

    size: int = 256
    tight: float = 0.1
    turned: float = 0.0

    def __call__(self, film: Film, rng: np.random.Generator) -> View:
        """Draw one view; all randomness comes from ``rng``."""
        if not np.isfinite(film.corners).any():
            view = plain_view(film, self.size, 1)
            return replace(view, image=draw_display(view.image, rng))
        film, wrong = passed_around(film, rng), rng.random() < self.turned
        film = wrong_way_round(film, rng) if wrong else film
        view = FilmAugment(self.size, 1, self.tight, printed=0.0)(film, rng)
        if not wrong:
            return view
        return replace(view, labels=np.zeros_like(view.labels), corners=np.full_like(view.corners, np.nan))


def passed_around(film: Film, rng: np.random.Generator) -> Film:
    """The same scan as archives hold it."""
    shown = film.image.astype(np.float32) / np.float32(255)
    for share, change in PASSED:
        if rng.random() < share:
            shown = change(shown, rng)
    if rng.random() < LINED:
        shown = technicians_lines(shown, film.corners, film.labels, film.visible, rng)
    return replace(film, image=np.round(shown * 255).astype(np.uint8))


def wrong_way_round(film: Film, rng: np.random.Generator) -> Film:
    """A scan as its negative, upside down, both, or on its side, with its corners and regions."""
    kind = rng.choice(["dark", "down", "both", "side"], p=(0.4, 0.35, 0.15, 0.1))
    if kind in ("dark", "both"):
        film = replace(film, image=negative(film.image))
    if kind in ("down", "both"):
        corners = film.corners * np.array([1, -1], np.float32) + np.array([0, len(film.image) - 1], np.float32)
        film = replace(film, image=film.image[::-1].copy(), labels=film.labels[::-1].copy(), corners=corners)
    if kind == "side":
        image, labels = (np.ascontiguousarray(one.T) for one in (film.image, film.labels))
        film = replace(film, image=image, labels=labels, corners=film.corners[..., ::-1].copy())
    return film


def negative(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bone dark; the padding of a shard's square stays black, as that of a picture to be read is."""
    out = np.zeros_like(image)
    rows, columns = (np.flatnonzero(image.any(axis)) for axis in (1, 0))
    if len(rows):
        y, x = (min(int(found[0]), len(image) - 1 - int(found[-1])) for found in (rows, columns))  # centred
        inner = np.s_[y : len(image) - y, x : len(image) - x]
        out[inner] = 255 - image[inner]
    return out


def shows_spine(film: Film) -> bool:
    """Whether a scan shows a spine from the front; the others of a folder show something else."""
    return bool((film.labels > 0).any())


def encode_dxa(film: Film, view: View, rng: np.random.Generator) -> Example:
    """Example for the DXA CNN: picture (1, S, S) and the density of L1-L4; weight 0 where no spine is shown."""
    weight = torch.tensor(float(shows_spine(film)))
    targets = {"bmd": torch.tensor(film.bmd_l1l4, dtype=torch.float32), "weight": weight}
    return torch.from_numpy(view.image)[None], targets


# --- validation --------------------------------------------------------------------------------------------------
@torch.inference_mode()
def estimates(network: nn.Module, films: Items[Film], size: int = CNN_SIZE) -> NDArray[np.float64]:
    """Densities (n,) in g/cm2 that the DXA CNN gives for plain views."""
    found = []
    for _, views in view_batches(films, size, 16):
        x = torch.from_numpy(np.stack([view.image for view in views]))[:, None]
        found.append(network(x.to(device_of(network)))["bmd"].float().cpu().numpy())
    return np.concatenate(found).astype(float)


def validate_dxa(network: nn.Module, films: Items[Film], size: int) -> Metrics:
    """Mean absolute error and its SD in per cent of the true density, and correlation, as the paper reports them."""
    said = estimates(network, films, size)
    all_films = [films[k] for k in range(len(films))]
    spines = [k for k, film in enumerate(all_films) if shows_spine(film)]
    return dxa_metrics(said[spines], np.array([all_films[k].bmd_l1l4 for k in spines]))


def dxa_metrics(found: NDArray[np.float64], truth: NDArray[np.float64]) -> Metrics:
    """The paper's three figures for densities (n,) in g/cm2: ``mae_percent``, ``sd_percent``, ``r``."""
    mean, sd = percentage_error(truth, found) if len(truth) else (float("nan"), float("nan"))
    r = float(np.corrcoef(found, truth)[0, 1]) if len(truth) > 2 else float("nan")
    return {"mae_percent": mean, "sd_percent": sd, "r": r}


@torch.inference_mode()
def validate_regions(network: nn.Module, films: Items[Film], size: int) -> Metrics:
    """Dice of L1-L4 in view, share whose region has the right name, share of other pictures left empty."""
    dice, exact, empty = [], [], []
    for rows, views in view_batches(films, size, 16):
        x = torch.stack([image_tensor(view) for view in views]).to(device_of(network))
        for film, view, mask in zip(rows, views, region_labels(network(x)["masks"], size), strict=True):
            if not shows_spine(film):
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


def region_labels(masks: Tensor, size: int) -> NDArray[np.int64]:
    """Label maps (N, S, S) from mask logits (N, 10, S/2, S/2)."""
    fine = nn.functional.interpolate(masks.float().softmax(1), (size, size), mode="bilinear")
    return fine.argmax(1).cpu().numpy()


REGIONS = replace(
    MASKS,
    name="regions",
    inputs="letterbox to the input size, local log normalisation (bmd/inputs/dxa.py: region_input)",
    cohort="simulated_dxa",
    unit="scans",
    read=Scans,
    augment=lambda recipe: RegionAugment(recipe.size, recipe.tight, recipe.turned),
    validate=validate_regions,
)
DENSITY = replace(
    REGIONS,
    name="dxa",
    inputs="letterbox to the input size, grey values as displayed (bmd/inputs/dxa.py: dxa_input)",
    headline="mae_percent",
    augment=lambda recipe: DxaAugment(recipe.size),
    encode=encode_dxa,
    validate=validate_dxa,
)
