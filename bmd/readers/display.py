"""Stored values to the picture a viewer would show: 0..1, bone bright."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.errors import InputError

PERCENTILES = (0.5, 99.5)
_SAMPLE = 1_000_000  # values looked at for percentiles
_SHOWN = 0.05  # a window that leaves less than this share between black and white hides the picture


def refuse_nan(values: NDArray[Any]) -> None:
    """Refuse pictures with values that are not numbers.

    Raises
    ------
    InputError
        When any value is NaN or infinite.
    """
    if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
        raise InputError("read.not_numbers")


def window(values: NDArray[Any], centre: float, width: float, function: str = "LINEAR") -> NDArray[np.float32]:
    """DICOM windowing to 0..1 (PS3.3 C.11.2.1.2 and C.11.2.1.3).

    Parameters
    ----------
    values : ndarray
        Rescaled values.
    centre, width : float
        Window centre and width, in the unit of `values`; width at least 1 for LINEAR, above 0 otherwise.
    function : str
        "LINEAR", "LINEAR_EXACT" or "SIGMOID"; anything else counts as LINEAR.
    """
    x: NDArray[np.float32] = values.astype(np.float32)
    if function == "SIGMOID":
        return unit(1 / (1 + np.exp(np.clip(-4 * (x - centre) / width, -50, 50), dtype=np.float32)))
    if function == "LINEAR_EXACT":
        return unit((x - centre) / width + 0.5)
    return unit((x - (centre - 0.5)) / max(width - 1, 1e-6) + 0.5)


def unit(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values cut to 0..1."""
    out: NDArray[np.float32] = np.clip(values, 0, 1, dtype=np.float32)
    return out


def hides_the_picture(shown: NDArray[np.float32], keep: NDArray[np.bool_] | None = None) -> bool:
    """Whether a window turned nearly everything black or white."""
    sample = _sample(shown if keep is None else shown[keep])
    return bool(np.mean((sample > 0.01) & (sample < 0.99)) < _SHOWN)


def stretch(values: NDArray[Any], keep: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """Map `PERCENTILES` of the kept values to 0..1; a flat picture becomes 0."""
    sample = _sample(values if keep is None else values[keep])
    if sample.size == 0:
        return np.zeros(values.shape, np.float32)
    low, high = np.percentile(sample.astype(np.float64), PERCENTILES)
    if high <= low:
        low, high = float(sample.min()), float(sample.max())
    if high <= low:
        return np.zeros(values.shape, np.float32)
    shown = values.astype(np.float32)
    shown -= np.float32(low)
    shown /= np.float32(high - low)
    return np.clip(shown, 0, 1, out=shown)


def grey(colours: NDArray[Any]) -> tuple[NDArray[np.float32], float]:
    """Luminance of a colour picture, and how much its colours vary beyond a uniform tint.

    Parameters
    ----------
    colours : ndarray
        (H, W, 3 or more) red, green, blue; unsigned integers.

    Returns
    -------
    luminance : ndarray
        float32 (H, W) on the scale of the input.
    variation : float
        Spread, 0..1, of red - green and blue - green among pixels of equal brightness. A blue-tinted film scan has
        nearly none; a photograph of anything else has more than `COLOURFUL`.
    """
    full = float(np.iinfo(colours.dtype).max)
    luminance = np.zeros(colours.shape[:2], np.float32)
    for channel, weight in enumerate((0.299, 0.587, 0.114)):  # ITU-R BT.601
        luminance += np.float32(weight) * colours[..., channel].astype(np.float32)
    step = max(1, int(np.sqrt(luminance.size / 40_000)))
    few = colours[::step, ::step, :3].reshape(-1, 3).astype(np.float32) / full
    chroma = np.stack([few[:, 0] - few[:, 1], few[:, 2] - few[:, 1]], 1)
    shade = np.clip(few.mean(1) * 16, 0, 15).astype(int)
    spread = [chroma[shade == i].std(0).mean() * (shade == i).mean() for i in range(16) if (shade == i).any()]
    return luminance, float(sum(spread))


COLOURFUL = 0.03


def _sample(values: NDArray[Any]) -> NDArray[Any]:
    flat = values.reshape(-1)
    return flat[:: max(1, flat.size // _SAMPLE)]
