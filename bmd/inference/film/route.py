"""Which of the products' inputs an uploaded picture is: a DXA image, or a film (from the side, from the front, other).

A header that names a densitometer decides. Else the picture itself: edge directions as for the view of a film
(``view.view_features``), and how dark, how contrasted and how sharp it is; weighed by numbers fitted on simulated
scans and films (``python -m bmd evaluate route``).
In doubt a picture is a film, whose gate then says what it lacks.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np

from bmd.inference.film.gate import BLANK_RANGE, MIN_SIDE
from bmd.inference.film.view import Floats, view_features
from bmd.readers.dxa import as_dxa
from bmd.types import Study

WEIGHTS = Path(__file__).with_name("route.npz")
LEAST_LOGIT = 1.0
"""Log odds from which a picture is taken for a DXA image."""
SIDE = 192


def route_features(picture: Floats) -> Floats:
    """Features (1160,) of a picture (H, W) in 0..1: edge directions, then eight numbers of its greys."""
    height, width = picture.shape
    small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    columns = small.mean(0)
    middle = columns[SIDE * 2 // 5 : SIDE * 3 // 5].mean()
    sides = np.concatenate([columns[SIDE // 10 : SIDE * 3 // 10], columns[SIDE * 7 // 10 : SIDE * 9 // 10]]).mean()
    fine = small - cv2.GaussianBlur(small, (0, 0), 1.0)
    greys = [
        float((small < 0.03).mean()),
        float((small < 0.12).mean()),
        float(small.mean()),
        float(small.std()),
        float(middle - sides),
        10 * float(np.abs(fine).mean()),
        10 * float(np.abs(fine[:, SIDE * 2 // 5 : SIDE * 3 // 5]).mean()),
        float(np.log(width / height)),
    ]
    return np.concatenate([view_features(picture), np.array(greys, np.float32)])


@cache
def _numbers() -> dict[str, Floats]:
    with np.load(WEIGHTS) as file:
        return {name: file[name].astype(np.float32) for name in file.files}


def dxa_logit(picture: Floats) -> float:
    """Log odds that a picture is a DXA image of the spine and not a film (either as likely beforehand)."""
    numbers = _numbers()
    return float(route_features(picture) @ numbers["weights"] + numbers["bias"])


def is_dxa(study: Study) -> bool:
    """Whether a study that was read as a film or DXA image is a DXA image, by its header, else by its content."""
    if not study.images:
        return False
    image = study.images[0]
    if image.modality == "dxa":
        return True
    pixels = np.clip(np.asarray(image.pixels, np.float32), 0, 1)
    plain = image.modality == "radiograph" and image.view is None and pixels.ndim == 2 and min(pixels.shape) >= MIN_SIDE
    if not plain or float(np.ptp(pixels)) < BLANK_RANGE:
        return False
    return dxa_logit(pixels) > LEAST_LOGIT


def routed(study: Study) -> Study:
    """The study as a DXA image where ``is_dxa`` says so, else as it is."""
    return as_dxa(study) if is_dxa(study) else study
