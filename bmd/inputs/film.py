"""From film pixels to what the networks see. The same functions serve training and inference.

Films are float32 (H, W) in 0..1, bone bright. Points are (x, y) pixels with (0, 0) the centre of the top left pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from bmd.errors import InputError, OptionError

FILM_SIZE = 384
"""Working resolution: side in pixels of the square that films are letterboxed to."""

CROP_SIZE = 64
"""Side of a vertebra crop in pixels (Jung 2020: resize 64 was best)."""

FLAT = 1e-3
"""Grey values added to a crop's standard deviation: a blank crop becomes 0, not noise."""

CROP_MARGIN = 0.35
"""Border around the body on each side, as a share of its larger extent: shows end plates, discs and soft tissue."""

CROP_WAYS = ("resize", "centre")
"""The whole crop made smaller, or only its middle at full size (Jung 2020, fig. 7 and 8)."""

CROP_FULL = 224
"""Pixels a side of a crop at full size: a body of 40 mm with its border, at 0.3 mm a pixel."""

MIN_SIDE = 16


@dataclass(frozen=True)
class Cut:
    """How a vertebra is cut out of a film.

    Attributes
    ----------
    size : int
        Side of the crop in pixels.
    margin : float
        Border around the body on each side, as a share of its larger extent; negative shows only the middle of it.
    """

    size: int = CROP_SIZE
    margin: float = CROP_MARGIN

    @classmethod
    def of(cls, size: int, way: str) -> Cut:
        """The cut of one of ``CROP_WAYS``: the whole crop in ``size`` pixels, or its middle ``size`` of ``CROP_FULL``.

        Raises
        ------
        OptionError
            "network.unknown_choice": another way.
        """
        if way not in CROP_WAYS:
            raise OptionError("network.unknown_choice", key="crop", value=way, known=CROP_WAYS)
        share = 1.0 if way == "resize" else size / CROP_FULL
        return cls(size, (share * (1 + 2 * CROP_MARGIN) - 1) / 2)


WHOLE_BODY = Cut()
"""The usual cut."""


def check_film(image: NDArray[np.float32]) -> None:
    """Raise InputError unless ``image`` is float32 (H, W), finite, in 0..1 and at least 16 pixels each way."""
    if image.ndim != 2 or min(image.shape) < MIN_SIDE:
        raise InputError("network.film_shape", least_px=MIN_SIDE, shape=str(image.shape))
    if image.dtype != np.float32:
        raise InputError("network.film_type", dtype=str(image.dtype))
    low, high = float(image.min()), float(image.max())
    if not (low >= -1e-3 and high <= 1 + 1e-3):  # also false for NaN
        raise InputError("network.film_range", low=low, high=high)


@dataclass(frozen=True)
class Placement:
    """Where a picture lies in its letterboxed square.

    Attributes
    ----------
    scale : tuple of float
        Square pixels per picture pixel, (x, y); equal up to rounding.
    offset : tuple of int
        Square pixel (x, y) of the picture's top left corner.
    shape : tuple of int
        Height and width of the picture.
    size : int
        Side of the square.
    """

    scale: tuple[float, float]
    offset: tuple[int, int]
    shape: tuple[int, int]
    size: int

    def to_square(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map picture points (..., 2) to the square."""
        return (np.asarray(points, float) + 0.5) * self.scale + self.offset - 0.5

    def to_image(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map square points (..., 2) to the picture."""
        return (np.asarray(points, float) + 0.5 - self.offset) / self.scale - 0.5

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the square that the picture covers."""
        (x, y), (height, width) = self.offset, self.shape
        return slice(y, y + round(height * self.scale[1])), slice(x, x + round(width * self.scale[0]))


def letterbox(image: NDArray[np.float32], size: int = FILM_SIZE) -> tuple[NDArray[np.float32], Placement]:
    """Fit a film into a square, keeping its aspect; zeros outside (Lim & Kim 2023).

    Parameters
    ----------
    image : ndarray
        float32 (H, W) in 0..1.
    size : int
        Side of the square.

    Returns
    -------
    square : ndarray
        float32 (size, size) in 0..1.
    placement : Placement
        Maps points both ways.
    """
    check_film(image)
    h, w = fitted(image.shape, size)
    method = cv2.INTER_AREA if max(image.shape) > size else cv2.INTER_LINEAR
    small = cv2.resize(image, (w, h), interpolation=method)
    placement = placed(image.shape, size)
    left, top = placement.offset
    square = np.zeros((size, size), np.float32)
    square[top : top + h, left : left + w] = small
    return np.clip(square, 0, 1), placement


def fitted(shape: tuple[int, ...], size: int = FILM_SIZE) -> tuple[int, int]:
    """Height and width that a film of some (height, width) takes in a square of some side."""
    ratio = size / max(shape)
    return max(1, round(shape[0] * ratio)), max(1, round(shape[1] * ratio))


def placed(shape: tuple[int, ...], size: int = FILM_SIZE) -> Placement:
    """Where ``letterbox`` puts a film of some (height, width): without the film, and so at no cost."""
    height, width = shape
    h, w = fitted(shape, size)
    return Placement((w / width, h / height), ((size - w) // 2, (size - h) // 2), (height, width), size)


def local_log_normalise(film: NDArray[np.float32]) -> NDArray[np.float32]:
    """Even out exposure and body thickness: what made simulated training carry over to real films.

    log(x + 0.05), minus 0.8 of its Gaussian blur (sigma 22/256 of the side), percentiles 1 and 99.5 stretched to
    0..1, then zero mean and unit variance.

    Parameters
    ----------
    film : ndarray
        float32 (H, W) in 0..1.

    Returns
    -------
    ndarray
        float32 (H, W), mean 0, standard deviation 1 (0 for a blank film).
    """
    height, width = film.shape
    log = cv2.log(np.clip(film, 0, 1) + np.float32(0.05))
    step = 4 if min(height, width) >= 64 else 1  # a blur this wide loses nothing at a quarter of the resolution
    coarse = cv2.resize(log, (width // step, height // step), interpolation=cv2.INTER_AREA)
    sigma = 22 / 256 * max(height, width) / step
    coarse = cv2.GaussianBlur(coarse, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    local = log - np.float32(0.8) * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    low, high = np.percentile(local[::2, ::2], (1, 99.5))
    local = np.clip((local - np.float32(low)) / np.float32(high - low + 1e-3), 0, 1)
    return np.asarray((local - local.mean()) / (local.std() + np.float32(1e-3)), np.float32)


def film_tensor(image: NDArray[np.float32], size: int = FILM_SIZE) -> tuple[torch.Tensor, Placement]:
    """Letterbox and normalise one film for the localisers.

    Returns
    -------
    tensor : Tensor
        float32 (1, 1, size, size).
    placement : Placement
        Maps the network's square to the film and back.
    """
    square, placement = letterbox(image, size)
    return torch.from_numpy(local_log_normalise(square))[None, None], placement


def box_corners(box: Sequence[float], angle_deg: float = 0.0, anterior_right: bool = True) -> NDArray[np.float32]:
    """Corners of an upright box (x1, y1, x2, y2) turned by ``angle_deg`` (clockwise on screen) about its centre.

    Returns
    -------
    ndarray
        float32 (4, 2): superior posterior, superior anterior, inferior anterior, inferior posterior.
    """
    x1, y1, x2, y2 = box
    corners = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float32)
    if not anterior_right:
        corners = corners[[1, 0, 3, 2]]
    centre = corners.mean(0)
    c, s = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    return np.asarray((corners - centre) @ np.array([[c, s], [-s, c]]) + centre, np.float32)


def crop_matrix(
    corners: NDArray[np.floating], size: int = CROP_SIZE, margin: float = CROP_MARGIN
) -> NDArray[np.float32]:
    """Affine (2, 3) from crop pixels to film pixels: end plates level, anterior to the right, superior up.

    The crop is a square around the body with ``margin`` times its larger extent on each side; the body keeps its
    proportions. A film that faces left is mirrored.
    """
    sp, sa, ia, ip = np.asarray(corners, float)
    forward, down = (sa + ia - sp - ip) / 2, (ia + ip - sp - sa) / 2
    extent = max(np.linalg.norm(forward), np.linalg.norm(down))
    if not np.isfinite(extent) or extent < 1:
        raise InputError("network.corners_meet", extent_px=float(extent))
    x = forward / max(float(np.linalg.norm(forward)), 1e-6)
    y = np.array([-x[1], x[0]])
    if y @ down < 0:
        y = -y
    step = extent * (1 + 2 * margin) / size  # film pixels per crop pixel
    axes = np.stack([x, y], 1) * step
    centre = (sp + sa + ia + ip) / 4
    return np.asarray(np.c_[axes, centre - axes @ np.full(2, (size - 1) / 2)], np.float64)


def vertebra_crop(
    film: NDArray[np.float32], corners: NDArray[np.floating], size: int = CROP_SIZE, margin: float = CROP_MARGIN
) -> NDArray[np.float32]:
    """Cut one vertebra, upright, anterior to the right, out of a film at the working resolution.

    Parameters
    ----------
    film : ndarray
        float32 (384, 384) in 0..1 from ``letterbox``, so that training and use see the same sharpness.
    corners : ndarray
        (4, 2) in pixels of ``film``; order as ``Vertebra.corners_px``. ``box_corners`` makes them from a box.

    Returns
    -------
    ndarray
        float32 (size, size), mean 0, standard deviation 1 (0 for a blank crop): brightness and contrast of a film are
        what its console and whoever exported it made of them, and tell nothing of the patient.
    """
    check_film(film)
    crop = cv2.warpAffine(
        film,
        crop_matrix(corners, size, margin),
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray((crop - crop.mean()) / (crop.std() + np.float32(FLAT)), np.float32)


def crop_tensor(image: NDArray[np.float32], corners: NDArray[np.floating], cut: Cut = WHOLE_BODY) -> torch.Tensor:
    """Crops of all vertebrae of a film: letterbox once, then ``vertebra_crop``.

    Parameters
    ----------
    image : ndarray
        float32 (H, W) in 0..1, the film as it came.
    corners : ndarray
        (n, 4, 2) in pixels of ``image``.
    cut : Cut
        How much of each vertebra is cut out, and to how many pixels.

    Returns
    -------
    Tensor
        float32 (n, 1, cut.size, cut.size).
    """
    film, placement = letterbox(image)
    return cut_out(film, placement.to_square(np.asarray(corners).reshape(-1, 4, 2)), cut)


def cut_out(film: NDArray[np.float32], corners: NDArray[np.floating], cut: Cut) -> torch.Tensor:
    """Crops float32 (n, 1, cut.size, cut.size) of vertebrae with corners (n, 4, 2) in pixels of a letterboxed film."""
    crops = [vertebra_crop(film, one, cut.size, cut.margin) for one in corners]
    return torch.from_numpy(np.stack(crops))[:, None] if crops else torch.zeros(0, 1, cut.size, cut.size)
