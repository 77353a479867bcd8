"""Lateral films: masks and centres, and masks alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bmd.inputs.film import local_log_normalise
from bmd.metrics import auc
from bmd.metrics import dice as overlap
from bmd.reference import LEVELS, UNNAMED
from bmd.training.augment import FilmAugment
from bmd.training.films import FIRST_LUMBAR, Film, Films, MetalFilms, View, plain_view
from bmd.training.task import Example, Items, Metrics, Task


def image_tensor(view: View) -> Tensor:
    """Normalise a view for a localiser: float32 (1, S, S)."""
    return torch.from_numpy(local_log_normalise(view.image))[None]


def centre_maps(view: View, stride: int = 4) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Heat maps of the centres and which of them may be judged.

    Returns
    -------
    maps : ndarray
        float32 (10, S / stride, S / stride) in 0..1: a Gaussian with peak 1 at the centre of each level in view
        (sigma 11 % of the body's width, at least 1.2 cells), then the maximum over T10-L5.
    weight : ndarray
        float32 (10,): 0 for a level of which between 10 and 50 % is in view, else 1.
    """
    cells = view.image.shape[0] // stride
    maps = np.zeros((len(LEVELS) + 1, cells, cells), np.float32)
    weight = np.ones(len(LEVELS) + 1, np.float32)
    share, grid = view.share_in_view(), np.arange(cells, dtype=np.float32)
    for level, corners in enumerate(view.corners):
        cx, cy = (corners.mean(0) + 0.5) / stride - 0.5
        inside = -0.5 <= cx < cells - 0.5 and -0.5 <= cy < cells - 0.5
        if share[level] < 0.5 or not inside:
            weight[level] = 0.0 if share[level] > 0.1 else 1.0
            continue
        sigma = max(1.2, 0.11 * float(np.linalg.norm(corners[1] - corners[0])) / stride)
        bell = np.exp(-((grid - cy) ** 2)[:, None] / (2 * sigma**2) - (grid - cx) ** 2 / (2 * sigma**2))
        bell[round(cy), round(cx)] = 1.0
        maps[level] = bell
    maps[-1] = maps[: LEVELS.index("S1")].max(0)
    return maps, weight


def encode_masks(film: Film, view: View, rng: np.random.Generator) -> Example:
    """Example for CM-Net: film (1, S, S), then labels, metal, centre maps and their weights."""
    maps, weight = centre_maps(view)
    targets = {
        "labels": torch.from_numpy(np.ascontiguousarray(view.labels)),
        "metal": torch.from_numpy(np.ascontiguousarray(view.metal)),
        "centres": torch.from_numpy(maps),
        "centre_weight": torch.from_numpy(weight),
    }
    return image_tensor(view), targets


def encode_outlines(film: Film, view: View, rng: np.random.Generator) -> Example:
    """Example for a network of masks alone: film (1, S, S), then labels."""
    return image_tensor(view), {"labels": torch.from_numpy(np.ascontiguousarray(view.labels))}


# --- validation ---------------------------------------------------------------------------------------------------
def view_batches(films: Items[Film], size: int, count: int, stride: int = 1) -> Iterator[tuple[list[Film], list[View]]]:
    """Films and their plain views, ``count`` at a time."""
    for start in range(0, len(films), count):
        some = [films[i] for i in range(start, min(start + count, len(films)))]
        yield some, [plain_view(film, size, stride) for film in some]


def device_of(network: nn.Module) -> torch.device:
    """Where a network's weights are."""
    return next(network.parameters()).device


Judged = dict[str, list[float]]
"""What was judged on one film: for each figure one value for each body, or one for the film."""


def validate_masks(network: nn.Module, films: Items[Film], size: int) -> Metrics:
    """The figures of ``judge_masks`` over all films."""
    return of_masks(judge_masks(network, films, size))


@torch.inference_mode()
def judge_masks(network: nn.Module, films: Items[Film], size: int) -> list[Judged]:
    """What is judged on every film, by a network in eval mode.

    ``dice`` of L1-L5 in view at the film's resolution, ``dice_any_bone``, ``level_exact`` (the centre has the right
    level), ``found`` (a peak at all) and ``sacrum``; ``shows_metal`` and ``metal``, the largest value of its map. A
    peak counts when it lies within 0.4 of the mean distance between neighbouring centres.
    """
    judged: list[Judged] = []
    for _, views in view_batches(films, size, 8):
        x = torch.stack([image_tensor(view) for view in views])
        out = network(x.to(device_of(network)))
        fine = nn.functional.interpolate(out["masks"].softmax(1), x.shape[-2:], mode="bilinear")
        masks, centres = fine.argmax(1).cpu().numpy(), out["centres"].sigmoid().cpu().numpy()
        metal = out["metal"].amax((1, 2, 3)).tolist() if "metal" in out else [None] * len(views)
        for view, mask, maps, most in zip(views, masks, centres, metal, strict=True):
            found = _judged(view, mask, maps)
            if most is not None:
                found |= {"shows_metal": [float(view.metal.any())], "metal": [float(most)]}
            judged.append(found)
    return judged


def _judged(view: View, mask: NDArray[np.int64], maps: NDArray[np.float32]) -> Judged:
    """One film: masks (S, S) of levels, maps of centres (10, S / 4, S / 4)."""
    found: Judged = {name: [] for name in ("dice", "dice_any_bone", "level_exact", "found", "sacrum")}
    seen, truth = view.share_in_view() > 0.7, view.corners.mean(1)
    reach = 0.4 * float(np.median(np.linalg.norm(np.diff(truth[:-1], axis=0), axis=1)))
    peaks = _local_peaks(maps[-1]) * 4 + 1.5
    for level in np.flatnonzero(seen):
        y, x = np.unravel_index(int(maps[level].argmax()), maps[level].shape)
        hit = np.hypot(x * 4 + 1.5 - truth[level, 0], y * 4 + 1.5 - truth[level, 1]) < reach
        if level == LEVELS.index("S1"):
            found["sacrum"].append(float(hit))
        elif level >= FIRST_LUMBAR:
            found["level_exact"].append(float(hit))
            found["dice"].append(overlap(mask == level + 1, view.labels == level + 1))
            near = np.linalg.norm(peaks - truth[level], axis=1) if len(peaks) else np.array([np.inf])
            found["found"].append(float(near.min() < reach))
    judged = view.labels != UNNAMED
    found["dice_any_bone"].append(overlap(judged & (mask > 0), judged & (view.labels > 0)))
    return found


def of_masks(films: Sequence[Judged]) -> Metrics:
    """Figures of films that ``judge_masks`` judged; ``metal_auc`` tells films with metal from others."""
    names = ("dice", "dice_any_bone", "level_exact", "found", "sacrum")
    lists = {name: [value for film in films for value in film[name]] for name in names}
    metrics = {name: float(np.mean(values)) if values else float("nan") for name, values in lists.items()}
    shows, metal = ([value for film in films for value in film.get(name, ())] for name in ("shows_metal", "metal"))
    return metrics | ({"metal_auc": auc(np.array(shows) > 0, np.array(metal))} if metal else {})


def validate_outlines(network: nn.Module, films: Items[Film], size: int) -> Metrics:
    """Dice of L1-L5 in view at the film's resolution, and of all bone whatever its level."""
    named, bone = [], []
    for _, views in view_batches(films, size, 8):
        x = torch.stack([image_tensor(view) for view in views])
        masks = network(x.to(device_of(network)))["masks"]
        fine = nn.functional.interpolate(masks.softmax(1), x.shape[-2:], mode="bilinear").argmax(1).cpu().numpy()
        for view, mask in zip(views, fine, strict=True):
            seen = np.flatnonzero(view.share_in_view() > 0.7)
            lumbar = [level for level in seen if FIRST_LUMBAR <= level < LEVELS.index("S1")]
            named += [overlap(mask == level + 1, view.labels == level + 1) for level in lumbar]
            judged = view.labels != UNNAMED
            bone.append(overlap(judged & (mask > 0), judged & (view.labels > 0)))
    return {
        "dice": float(np.mean(named)) if named else float("nan"),
        "dice_any_bone": float(np.mean(bone)) if bone else float("nan"),
    }


@torch.inference_mode()
def pixel_figures(
    network: nn.Module, films: Items[Film], size: int, levels: tuple[str, ...]
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float64]]]:
    """How well the bodies of ``levels``, as one foreground, are told from all else, film by film.

    Returns
    -------
    film : ndarray
        int64 (n,) of those with such a body in view.
    columns : dict of ndarray
        (n,) each: ``dice``, ``pixel_accuracy``, ``precision``, ``recall`` where the foreground is likelier than not,
        and ``auprc``, the average precision of its probability over the pixels. Bodies above T10 are not judged.
    """
    chosen = [LEVELS.index(level) + 1 for level in levels]
    rows: list[tuple[float, ...]] = []
    where = []
    for number, (_, views) in enumerate(view_batches(films, size, 8)):
        x = torch.stack([image_tensor(view) for view in views])
        out = network(x.to(device_of(network)))["masks"].float().softmax(1)[:, chosen].sum(1, keepdim=True)
        fine = nn.functional.interpolate(out, x.shape[-2:], mode="bilinear")[:, 0].cpu().numpy()
        for k, (view, said) in enumerate(zip(views, fine, strict=True)):
            truth = np.isin(view.labels, chosen)
            if truth.any():
                where.append(8 * number + k)
                rows.append(_pixels(truth[view.labels != UNNAMED], said[view.labels != UNNAMED]))
    names = ("dice", "pixel_accuracy", "precision", "recall", "auprc")
    columns = np.array(rows, np.float64).reshape(-1, len(names)).T
    return np.array(where, np.int64), dict(zip(names, columns, strict=True))


def _pixels(truth: NDArray[np.bool_], said: NDArray[np.float32]) -> tuple[float, ...]:
    """The five figures of one film from its judged pixels (n,)."""
    found = said > 0.5
    hit, marked, real = float((found & truth).sum()), float(found.sum()), float(truth.sum())
    levels = np.minimum((said * BINS).astype(np.int64), BINS - 1)
    positives, all_ = (np.bincount(levels[which], minlength=BINS)[::-1].cumsum() for which in (truth, slice(None)))
    precision = positives / np.maximum(all_, 1)
    auprc = float((np.diff(positives, prepend=0) / real * precision).sum())
    share = hit / marked if marked else float("nan")
    return 2 * hit / (marked + real), float((found == truth).mean()), share, hit / real, auprc


BINS = 1000
"""Steps of probability at which precision and recall are read."""


def _local_peaks(heat: NDArray[np.float32], threshold: float = 0.3) -> NDArray[np.float64]:
    """Cells (n, 2) as (x, y) that exceed the threshold and all eight neighbours."""
    padded = np.pad(heat, 1, constant_values=-1)
    shifted = [np.roll(padded, (dy, dx), (0, 1))[1:-1, 1:-1] for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    y, x = np.nonzero((heat > threshold) & (heat >= np.max(shifted, 0)))
    return np.stack([x, y], 1).astype(float)


MASKS = Task[Film, View](
    name="masks",
    inputs="letterbox to the input size, local log normalisation (bmd/inputs/film.py: film_tensor)",
    cohort="simulated_films",
    unit="films",
    headline="level_exact",
    read=MetalFilms,
    plain=partial(plain_view, stride=1),
    augment=lambda recipe: FilmAugment(recipe.size, 1, recipe.tight),
    encode=encode_masks,
    validate=validate_masks,
)
OUTLINES = replace(
    MASKS, name="outlines", headline="dice", read=Films, encode=encode_outlines, validate=validate_outlines
)
