"""From the side or from the front? Two witnesses, weighed by numbers fitted on simulated films of both kinds.

The picture: histograms of edge directions on an 8 x 8 grid, and how much they differ from those of its mirror image; a
film from the front is nearly its own mirror image. The localiser: it knows only films from the side, so on others it
is unsure which vertebra is which, finds bodies faintly and no sacrum. The numbers in ``view.npz`` come from
``python -m bmd evaluate view``; run it again when the localiser has been trained anew.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.inference.spine.decode import Decoded
from bmd.inputs.film import local_log_normalise

Floats: TypeAlias = NDArray[np.float32]
SIDE, GRID, BINS = 128, 8, 9
WEIGHTS = Path(__file__).with_name("view.npz")


def edge_histograms(film: Floats) -> Floats:
    """Edge directions of a film (H, W) in 0..1, stretched to a square, as (8, 8, 9): square roots of locally normalised
    histograms of unsigned gradient directions.
    """
    small = np.clip(cv2.resize(film, (SIDE, SIDE), interpolation=cv2.INTER_AREA), 0, 1)
    local = cv2.GaussianBlur(local_log_normalise(small), (0, 0), 0.7)
    gx, gy = cv2.Sobel(local, cv2.CV_32F, 1, 0), cv2.Sobel(local, cv2.CV_32F, 0, 1)
    size, place = np.hypot(gx, gy), (np.arctan2(gy, gx) % np.pi) / np.pi * BINS
    low = np.floor(place).astype(int)
    share = place - low
    maps = []
    for k in range(BINS):
        weight = size * ((low % BINS == k) * (1 - share) + ((low + 1) % BINS == k) * share)
        maps.append(cv2.resize(weight.astype(np.float32), (GRID, GRID), interpolation=cv2.INTER_AREA))
    histograms = np.stack(maps, -1)
    power = cv2.blur((histograms**2).sum(-1), (3, 3))
    return np.asarray(np.sqrt(np.clip(histograms / np.sqrt(power + 0.05)[..., None], 0, 1)))


def view_features(film: Floats) -> Floats:
    """Features that do not change when a film is mirrored, float32 (1152,)."""
    one = edge_histograms(film)
    other = edge_histograms(np.ascontiguousarray(film[:, ::-1]))
    return np.concatenate([((one + other) / 2).ravel(), np.abs(one - other).ravel()])


@cache
def _numbers() -> dict[str, Floats]:
    with np.load(WEIGHTS) as file:
        return {name: file[name].astype(np.float32) for name in file.files}


def borders() -> tuple[float, float, float]:
    """Log odds that part the views, set on simulated films (``evaluation.view.borders``).

    Returns
    -------
    front : float
        A film whose joint log odds lie above is one from the front: the middle between simulated films of both kinds.
    sideways : float
        Log odds of the picture alone below which a faint spine is the localiser's failure, not the view's: 1 % of the
        simulated films from the front.
    clear : float
        Log odds of the picture alone from which the view is given as the plain reason: 1 % of films from the side.
    """
    front, sideways, clear = _numbers()["borders"]
    return float(front), float(sideways), float(clear)


def picture_logit(film: Floats) -> float:
    """Log odds, from the picture alone, that a spine film was taken from the front (either as likely beforehand)."""
    numbers = _numbers()
    return float(view_features(film) @ numbers["weights"] + numbers["bias"])


def witnesses(picture: float, decoded: Decoded) -> NDArray[np.float64]:
    """What the picture and the localiser say, (6,).

    Picture logit, doubt, mean body score, sacrum evidence, posterior of the names, clearness of the side it faces.
    """
    score = decoded.evidence / max(1, len(decoded.bodies))
    return np.array([picture, decoded.doubt, score, decoded.sacrum, decoded.posterior, abs(decoded.facing)])


def frontal_logit(picture: float, decoded: Decoded) -> float:
    """Log odds of a film from the front, from the picture and the localiser together."""
    numbers = _numbers()
    return float(witnesses(picture, decoded) @ numbers["joint_weights"] + numbers["joint_bias"])
