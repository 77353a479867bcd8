"""Simulated films from shards, turned into training examples for masks, boxes and vertebra crops.

Shards are the npz files that ``python -m bmd simulate`` writes (keys in ``simulator/shards/film.py``). What is done to
a film before it becomes an example (augmentation) is handed in, so that training and validation share this file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from bmd.errors import InputError
from bmd.inputs.film import crop_tensor, local_log_normalise
from bmd.inputs.patient import demographics_vector
from bmd.reference import LEVELS, LUMBAR
from bmd.simulator.shards.store import finished

FIRST_LUMBAR = LEVELS.index("L1")
BODY_FILL = np.array([0.92] * 8 + [1.05])
"""Area of a simulated body over the area between its corners: walls are concave (medians .90-.95; S1 1.05)."""
KEYS = ("image", "labels", "corners", "visible", "bmd", "t_score", "patient", "bmd_l1l4", "t_l1l4")


@dataclass(frozen=True, eq=False)
class Film:
    """One simulated film with its truth; arrays as in ``types.Truth``, ``image`` uint8 (H, W)."""

    image: NDArray
    labels: NDArray
    corners: NDArray
    visible: NDArray
    bmd: NDArray
    t_score: NDArray
    patient: NDArray
    bmd_l1l4: float
    t_l1l4: float


@dataclass(frozen=True, eq=False)
class View:
    """A film as a network is to see it.

    Attributes
    ----------
    image : ndarray
        float32 (S, S) in 0..1, not yet normalised.
    labels : ndarray
        uint8 (S / stride, S / stride): 0 background, 1..9 levels.
    corners : ndarray
        float32 (9, 4, 2) in pixels of ``image``.
    """

    image: NDArray
    labels: NDArray
    corners: NDArray

    @property
    def stride(self) -> int:
        """Image pixels per label pixel."""
        return self.image.shape[0] // self.labels.shape[0]

    def share_in_view(self) -> NDArray:
        """Share of each body in view, about 0..1, float (9,): labelled area over that expected from the corners."""
        x, y = np.moveaxis(np.nan_to_num(self.corners.astype(np.float64)), -1, 0)  # (9, 4) each
        area = np.abs((x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(1)) / 2
        count = np.bincount(self.labels.ravel(), minlength=len(LEVELS) + 1)[1 : len(LEVELS) + 1]
        return count * self.stride**2 / np.maximum(area * BODY_FILL, 1)


class Films:
    """All films of a folder of shards, in the order of their seeds, held in memory.

    Parameters
    ----------
    folder : path
        Holds ``films_*.npz``.
    skip, limit : int
        Leave out the first ``skip`` films; take at most ``limit`` (0: all).
    """

    def __init__(self, folder: str | Path, skip: int = 0, limit: int = 0) -> None:
        self.folder, self.skip, self.limit = Path(folder), skip, limit
        self._shards: list[dict[str, NDArray]] = []
        self._names: list[str] = []
        self._where: list[tuple[int, int]] = []
        self.refresh()
        if not self._where:
            raise InputError("No simulated films to train on", str(self.folder), "Run `python -m bmd simulate` first.")

    def refresh(self) -> int:
        """Take in shards written since the last look; returns the number of films."""
        for path in finished(self.folder, "films"):
            enough = self.limit and sum(len(s["image"]) for s in self._shards) >= self.skip + self.limit
            if path.name not in self._names and not enough:
                with np.load(path) as shard:
                    self._shards.append({key: shard[key] for key in KEYS})
                self._names.append(path.name)
        where = [(i, j) for i, s in enumerate(self._shards) for j in range(len(s["image"]))][self.skip :]
        self._where = where[: self.limit] if self.limit else where
        return len(self._where)

    def __len__(self) -> int:
        return len(self._where)

    def __getitem__(self, index: int) -> Film:
        shard, row = self._where[index]
        values = {key: array[row] for key, array in self._shards[shard].items()}
        values |= {key: float(values[key]) for key in ("bmd_l1l4", "t_l1l4")}
        return Film(**values)


Example = tuple[Tensor | dict[str, Tensor], ...]
Augment = Callable[[Film, np.random.Generator], View]


class Examples(Dataset):
    """Endless training examples: example i is film ``order[i]``, augmented by random numbers of (seed, i) alone.

    Every film is used once before any is used again. Because nothing depends on what was asked before, a training
    that resumes at step n sees the same examples as one that never stopped.
    """

    def __init__(
        self, films: Films, augment: Augment, encode: Callable[[Film, View, np.random.Generator], Example], seed: int
    ) -> None:
        self.films, self.augment, self.encode, self.seed = films, augment, encode, seed
        self._order: tuple[tuple[int, int], NDArray] = ((-1, 0), np.zeros(0, int))

    def __len__(self) -> int:
        return 2**40

    def __getitem__(self, index: int) -> Example:
        rng = np.random.default_rng((self.seed, 1, index))
        epoch, place = divmod(index, len(self.films))
        if self._order[0] != (epoch, len(self.films)):
            order = np.random.default_rng((self.seed, 2, epoch)).permutation(len(self.films))
            self._order = ((epoch, len(self.films)), order)
        film = self.films[int(self._order[1][place])]
        return self.encode(film, self.augment(film, rng), rng)


def image_tensor(view: View) -> Tensor:
    """Normalise a view for a localiser: float32 (1, S, S)."""
    return torch.from_numpy(local_log_normalise(view.image))[None]


def centre_maps(view: View, stride: int = 4) -> tuple[NDArray, NDArray]:
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
    """Example for CM-Net: film (1, S, S), then labels, centre maps and their weights."""
    maps, weight = centre_maps(view)
    targets = {
        "labels": torch.from_numpy(np.ascontiguousarray(view.labels)),
        "centres": torch.from_numpy(maps),
        "centre_weight": torch.from_numpy(weight),
    }
    return image_tensor(view), targets


def view_boxes(view: View) -> tuple[NDArray, NDArray]:
    """Boxes float32 (n, 4) around the lumbar bodies of which at least half is in view, and their classes 1..5."""
    share = view.share_in_view()
    boxes, classes = [], []
    for number in range(1, len(LUMBAR) + 1):
        level = FIRST_LUMBAR + number - 1
        if share[level] < 0.5:
            continue
        mask = view.labels == level + 1
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        edges = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
        boxes.append(edges * view.stride)  # box edges in the detection convention: pixel i covers i..i + 1
        classes.append(number)
    return np.array(boxes, np.float32).reshape(-1, 4), np.array(classes, np.int64)


def encode_boxes(film: Film, view: View, rng: np.random.Generator) -> Example:
    """Example for a detector: film (1, S, S), then boxes (n, 4) in pixels and labels (n,) 1..5 = L1..L5."""
    boxes, classes = view_boxes(view)
    return image_tensor(view), {"boxes": torch.from_numpy(boxes), "labels": torch.from_numpy(classes)}


def jitter_corners(corners: NDArray, rng: np.random.Generator) -> NDArray:
    """Move corners (n, 4, 2) as a localiser would: shift 4 %, scale 6 %, turn 3 degrees, each corner 2 % (SD)."""
    n = len(corners)
    centre = corners.mean(1, keepdims=True)
    extent = np.linalg.norm(corners[:, 1] - corners[:, 0], axis=-1)[:, None, None]
    turn = np.deg2rad(rng.normal(0, 3, n))
    rotation = np.stack([np.cos(turn), np.sin(turn), -np.sin(turn), np.cos(turn)], -1).reshape(n, 2, 2)
    moved = (corners - centre) @ rotation * np.exp(rng.normal(0, 0.06, (n, 1, 1)))
    moved = moved + rng.normal(0, 0.04, (n, 1, 2)) * extent + rng.normal(0, 0.02, (n, 4, 2)) * extent
    return moved + centre


def encode_crops(film: Film, view: View, rng: np.random.Generator, jitter: bool = True) -> Example:
    """Example for C5-GAP-FC3: all lumbar bodies of one film that are in view.

    Returns
    -------
    crops : Tensor
        float32 (n, 1, 64, 64).
    demographics : Tensor
        float32 (n, 8), the same row for every crop of the film.
    targets : dict of Tensor
        ``level`` int64 (n,) 0..4; ``t_score``, ``bmd`` (n,) of the level; ``t_l1l4`` (n,) of the patient.
    """
    rows = slice(FIRST_LUMBAR, FIRST_LUMBAR + len(LUMBAR))
    good = film.visible[rows] & (view.share_in_view()[rows] > 0.7) & np.isfinite(film.t_score[rows])
    corners = view.corners[rows][good]
    corners = jitter_corners(corners, rng) if jitter and len(corners) else corners
    n = int(good.sum())
    age, male, height, weight = film.patient
    known = torch.from_numpy(demographics_vector(age, male, height, weight))
    targets = {
        "level": torch.from_numpy(np.flatnonzero(good)),
        "t_score": torch.from_numpy(film.t_score[rows][good].astype(np.float32)),
        "bmd": torch.from_numpy(film.bmd[rows][good].astype(np.float32)),
        "t_l1l4": torch.full((n,), film.t_l1l4),
    }
    return crop_tensor(view.image, corners), known.expand(n, -1), targets


def collate_stack(examples: list[Example]) -> Example:
    """Stack examples of equal shape (masks)."""
    return torch.utils.data.default_collate(examples)


def collate_lists(examples: list[Example]) -> tuple[list, ...]:
    """Keep images and targets as lists (torchvision's detection contract)."""
    return tuple(list(column) for column in zip(*examples, strict=True))


def collate_concatenate(examples: list[Example]) -> Example:
    """Join the crops of several films along the first axis."""
    crops, known, targets = zip(*examples, strict=True)
    joined = {key: torch.cat([t[key] for t in targets]) for key in targets[0]}
    return torch.cat(crops), torch.cat(known), joined


ENCODERS = {"masks": encode_masks, "boxes": encode_boxes, "measure": encode_crops}
COLLATES = {"masks": collate_stack, "boxes": collate_lists, "measure": collate_concatenate}
LABEL_STRIDE = {"masks": 1, "boxes": 1, "measure": 4}
