"""What console and radiographer do to a film: processing, window, collimation, artefacts, what is printed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.special import expit

from bmd.simulator.film import printed
from bmd.simulator.record import Array, Mask

BONE_CONTRAST = 1.4
"""Display range per neper of bone on a well set console; sites adjust window and sigmoid until bone looks alike."""


@dataclass(frozen=True)
class Look:
    """How a console turns log signal into a picture.

    ``coarse`` is the share of the coarse band removed, ``middle`` and ``fine`` the gains of the finer ones, each with
    the width of its filter in pixels at 288 rows; ``contrast`` the display range per neper of bone; ``above`` the
    window's share above the spine's level; ``slope`` that of the sigmoid about ``centre`` (0: straight); ``gamma``.
    """

    coarse: float
    coarse_px: float
    middle: float
    middle_px: float
    fine: float
    fine_px: float
    contrast: float
    above: float
    slope: float
    centre: float
    gamma: float

    def varied(self, rng: np.random.Generator, spread: float) -> Look:
        """The same console at another site: every number changed by a few per cent."""
        return Look(*(value * math.exp(rng.normal(0, spread)) for value in vars(self).values()))

    @property
    def window(self) -> float:
        """Width of the window in nepers that gives the wanted contrast of bone about the spine's level."""
        steep = self.slope / 4 / (1 - _sigmoid(0, self)) if self.slope > 0 else 1 / SHOULDER_TOP
        return float((1 + self.middle) * steep / self.contrast)


CONSOLES = (
    Look(0.50, 30, 0.3, 10, 0.3, 3.0, BONE_CONTRAST, 0.55, 0.0, 0.5, 1.0),
    Look(0.60, 36, 0.4, 12, 0.5, 3.5, BONE_CONTRAST, 0.55, 3.4, 0.52, 1.0),
    Look(0.70, 28, 0.5, 9, 0.6, 2.5, BONE_CONTRAST, 0.55, 3.8, 0.55, 1.0),
    Look(0.82, 40, 0.6, 11, 0.8, 3.0, BONE_CONTRAST, 0.5, 3.2, 0.5, 1.0),
    Look(0.35, 24, 0.2, 8, 0.2, 4.0, BONE_CONTRAST, 0.6, 3.6, 0.55, 0.95),
)
"""Five invented but typical consoles; a film comes from one of them, a little varied, or in a fifth from anywhere."""


SHOULDER_TOP = 1.3
"""Where a straight characteristic ends that bends above 0.7, so that the pelvis is bright but not blank."""


def draw_look(rng: np.random.Generator, console: int | None = None) -> Look:
    """The console of one film; or the one of ``CONSOLES`` that is asked for, a little varied."""
    if console is not None:
        return CONSOLES[console].varied(rng, 0.05)
    if rng.random() < 0.8:
        return CONSOLES[int(rng.integers(len(CONSOLES)))].varied(rng, 0.05)
    return Look(
        coarse=rng.uniform(0.5, 0.95) if rng.random() < 0.4 else rng.uniform(0.0, 0.6),
        coarse_px=rng.uniform(18, 45),
        middle=rng.uniform(0.0, 1.0),
        middle_px=rng.uniform(7, 14),
        fine=rng.uniform(0.0, 1.4),
        fine_px=rng.uniform(2, 5),
        contrast=BONE_CONTRAST * math.exp(rng.normal(-0.1, 0.45)),
        above=rng.uniform(0.25, 0.65),
        slope=rng.uniform(2.8, 5.5) if rng.random() < 0.6 else 0.0,
        centre=rng.uniform(0.4, 0.62),
        gamma=math.exp(rng.normal(0.05, 0.25)),
    )


def _sigmoid(x: Array | float, look: Look) -> Array:
    return np.asarray(expit((x - look.centre) * look.slope))


def process(
    film: Array, body: Mask, spine: Mask, rng: np.random.Generator, tall: bool = False, console: int | None = None
) -> Array:
    """Display values 0..1 from log signal: multi-frequency processing, window, sigmoid and gamma.

    Parameters
    ----------
    film : ndarray
        Log signal (H, W), bone bright.
    body, spine : ndarray of bool
        Where the body is, and the region around the lumbar spine on which the console places its window.
    tall : bool
        Chest and abdomen are on one film: the coarse band is compressed until both are seen.
    console : int, optional
        Which of ``CONSOLES``; drawn when None.
    """
    look = draw_look(rng, console)
    if tall:
        look = replace(look, coarse=rng.uniform(0.78, 0.94), coarse_px=rng.uniform(14, 26))
    film = _multi_frequency(film, body, look)
    level = np.median(film[spine]) if spine.sum() > 100 else np.median(film)
    misplaced = rng.normal(0, 0.03) if rng.random() < 0.85 else rng.normal(0, 0.22)  # exposed too much or too little
    shown: Array = (film - level) / look.window + (1 - look.above) + misplaced
    if look.slope > 0:
        dark = _sigmoid(0, look)
        shown = (_sigmoid(shown, look) - dark) / (1 - dark)
    else:
        beyond = np.clip(shown - 0.7, 0, None)
        shown = (np.minimum(shown, 0.7) + 0.6 * (1 - np.exp(-beyond / 0.6))) / SHOULDER_TOP
    if rng.random() < 0.7:  # a toe: what lies below the window is dark, not lost
        toe = rng.uniform(0.06, 0.2)
        shown = np.where(shown < toe, toe * np.exp(np.minimum(shown / toe, 1) - 1), shown)
    shown = np.clip(shown, 0, 1) ** look.gamma
    if rng.random() < 0.12:
        tiles = (int(rng.integers(2, 9)), int(rng.integers(2, 6)))
        equaliser = cv2.createCLAHE(float(rng.uniform(1, 3.5)), tiles)
        shown = equaliser.apply((shown * 255).astype(np.uint8)).astype(np.float32) / 255
    return shown.astype(np.float32)


def _multi_frequency(film: Array, body: Mask, look: Look) -> Array:
    """Compress the coarse band and lift the finer ones."""
    height, width = film.shape
    scale = height / 288

    def low_pass(image: Array, sigma: float) -> Array:
        half = cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        smooth = cv2.GaussianBlur(half, (0, 0), max(sigma * scale / 2, 0.5))
        return np.asarray(cv2.resize(smooth, (width, height)))

    coarse = low_pass(film, look.coarse_px)
    film = film - min(look.coarse, 0.95) * (coarse - (coarse[body].mean() if body.any() else coarse.mean()))
    film = film + look.middle * (film - low_pass(film, look.middle_px))
    return film + look.fine * (film - low_pass(film, look.fine_px))


def collimate(shown: Array, rng: np.random.Generator) -> tuple[Array, Mask]:
    """Black or white beyond the shutters, sometimes turned a little; returns the picture and the exposed field."""
    height, width = shown.shape
    field = np.ones((height, width), np.float32)
    if rng.random() < 0.5:
        left, right = (int(max(0, rng.normal(0, 0.07 * width))) for _ in range(2))
        top, bottom = (int(max(0, rng.normal(0, 0.045 * height))) for _ in range(2))
        field[:] = 0
        cv2.rectangle(field, (left, top), (width - 1 - right, height - 1 - bottom), 1.0, -1)
        if rng.random() < 0.4:
            turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.normal(0, 2), 1.0)
            field = cv2.warpAffine(field, turn, (width, height))
        edge = cv2.GaussianBlur(field, (0, 0), rng.uniform(0.5, 2))
        shown = shown * edge + (1.0 if rng.random() < 0.2 else 0.0) * (1 - edge)
    return shown, np.asarray(field > 0.5)


NUISANCE_COUNTS = (0.33, 0.34, 0.20, 0.10, 0.03)
"""Share of films with none, one, two ... of the printed nuisances."""

NUISANCE_WEIGHTS = {
    "bright_or_dark_part": 0.16,
    "equalise": 0.15,
    "flat": 0.07,
    "seam": 0.07,
    "grid": 0.105,
    "ruler": 0.075,
    "sticker": 0.06,
    "lettering": 0.31,
}
"""How often each is among them, in the order in which they come upon a picture: processing before what is printed."""


def print_over(
    shown: Array, rng: np.random.Generator, names: tuple[str, ...] | None = None
) -> tuple[Array, frozenset[str]]:
    """Nuisances of ``printed`` on a picture, those of ``names`` or, when None, drawn ones; and their names."""
    count = int(rng.choice(len(NUISANCE_COUNTS), p=NUISANCE_COUNTS))
    drawn = rng.choice(list(NUISANCE_WEIGHTS), count, replace=False, p=list(NUISANCE_WEIGHTS.values()))
    chosen = frozenset(names if names is not None else (str(name) for name in drawn))
    for name in NUISANCE_WEIGHTS:
        if name in chosen:
            shown = printed.NUISANCES[name](shown, rng)
    return shown, chosen


def artefacts(shown: Array, rng: np.random.Generator) -> Array:
    """Lines of the scatter grid, a bright cassette edge, dust."""
    height, width = shown.shape
    if rng.random() < 0.08:
        lines = np.sin(np.arange(width, dtype=np.float32) * rng.uniform(0.5, 2.6) + rng.uniform(0, 6))
        shown = shown * (1 + rng.uniform(0.01, 0.05) * lines[None, :])
    if rng.random() < 0.15:
        shown = shown.copy()
        thickness = int(rng.integers(1, 5))
        if rng.random() < 0.5:
            shown[:, :thickness] = rng.uniform(0.5, 1)
        else:
            shown[-thickness:] = rng.uniform(0.5, 1)
    if rng.random() < 0.2:
        shown = shown.copy()
        for _ in range(int(rng.integers(1, 6))):
            shown[int(rng.integers(height)), int(rng.integers(width))] = 1.0
    return np.clip(shown, 0, 1)
