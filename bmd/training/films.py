"""Simulated films with their truth, from shards, and views of them.

Shards are the npz files that ``python -m bmd simulate`` writes (keys in ``simulator/shards/film.py``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.errors import InputError
from bmd.reference import LEVELS
from bmd.training.examples import Arrays, Rows

cv2.setNumThreads(1)

FIRST_LUMBAR = LEVELS.index("L1")
OFTENER = 3
"""Metal is on every fifteenth simulated film or so, and covers a hundredth of it."""
BODY_FILL = np.array([0.92] * 8 + [1.05])
"""Area of a simulated body over the area between its corners: walls are concave (medians .90-.95; S1 1.05)."""


@dataclass(frozen=True, eq=False)
class Film:
    """One simulated film with its truth; arrays as in ``truth.Truth``, ``image`` uint8 (H, W), ``metal`` 0 or 1."""

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    metal: NDArray[np.uint8]
    corners: NDArray[np.float32]
    visible: NDArray[np.bool_]
    bmd: NDArray[np.float32]
    t_score: NDArray[np.float32]
    patient: NDArray[np.float32]
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
        uint8 (S / stride, S / stride): 0 background, 1..9 levels, ``UNNAMED`` bodies above T10.
    metal : ndarray
        uint8 (S / stride, S / stride): 1 where an implant lies.
    corners : ndarray
        float32 (9, 4, 2) in pixels of ``image``.
    """

    image: NDArray[np.float32]
    labels: NDArray[np.uint8]
    metal: NDArray[np.uint8]
    corners: NDArray[np.float32]

    @property
    def stride(self) -> int:
        """Image pixels per label pixel."""
        return int(self.image.shape[0] // self.labels.shape[0])

    def share_in_view(self) -> NDArray[np.float64]:
        """Share of each body in view, about 0..1, float (9,): labelled area over that expected from the corners."""
        x, y = np.moveaxis(np.nan_to_num(self.corners.astype(np.float64)), -1, 0)  # (9, 4) each
        area = np.abs((x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(1)) / 2
        count = np.bincount(self.labels.ravel(), minlength=len(LEVELS) + 1)[1 : len(LEVELS) + 1]
        return np.asarray(count * self.stride**2 / np.maximum(area * BODY_FILL, 1), np.float64)


class Films(Rows):
    """All films of a folder of shards; those drawn before metal had a mask are refused ("network.no_metal")."""

    prefix, missing = "films", "network.no_films"

    @staticmethod
    def take(shard: Mapping[str, NDArray[Any]]) -> Arrays:
        """See ``Rows``; metal is kept as bits, being a third more memory otherwise."""
        if "metal" not in shard:
            raise InputError("network.no_metal")
        return {field.name: shard[field.name] for field in fields(Film)} | {
            "metal": np.packbits(np.asarray(shard["metal"], np.uint8), axis=-1)
        }

    def __getitem__(self, index: int, /) -> Film:
        values = self.values(index)
        values["metal"] = np.unpackbits(values["metal"], axis=-1, count=values["labels"].shape[-1])
        return Film(**values | {key: float(values[key]) for key in ("bmd_l1l4", "t_l1l4")})


class MetalFilms(Films):
    """The same, but in training those that show metal come ``OFTENER`` times, being few."""

    def refresh(self) -> int:
        """See ``Rows``."""
        super().refresh()
        if self.repeat:
            rare = [k for k in range(len(self._where)) if self.values(k)["metal"].any()]
            self._where = self._where + [self._where[k] for k in rare] * (OFTENER - 1)
        return len(self._where)


def plain_view(film: Film, size: int, stride: int) -> View:
    """The whole film, only resized: for validation."""
    ratio = size / film.image.shape[0]
    matrix = np.array([[ratio, 0, ratio / 2 - 0.5], [0, ratio, ratio / 2 - 0.5]])
    view = warp(film, matrix, size, stride, 0)
    if ratio < 1:
        image = cv2.resize(film.image, (size, size), interpolation=cv2.INTER_AREA)
        view = replace(view, image=image.astype(np.float32) / np.float32(255))
    return view


def warp(film: Film, matrix: NDArray[np.float64], size: int, stride: int, fill: int) -> View:
    """Move image (linear), labels and metal (nearest, at 1 / stride), corners by an affine (2, 3) film -> view."""
    image, shrink = film.image, math.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if shrink < 0.8:  # linear sampling alone would alias
        image = cv2.GaussianBlur(image, (0, 0), 0.35 / shrink)
    image = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderValue=fill)
    coarse = matrix / stride
    coarse[:, 2] += 0.5 / stride - 0.5  # (x + 0.5) / stride - 0.5
    sides = (size // stride, size // stride)
    labels = cv2.warpAffine(film.labels, coarse, sides, flags=cv2.INTER_NEAREST)
    metal = cv2.warpAffine(film.metal, coarse, sides, flags=cv2.INTER_NEAREST) if film.metal.any() else 0 * labels
    corners = (film.corners @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    return View(image.astype(np.float32) / np.float32(255), labels, metal, corners)
