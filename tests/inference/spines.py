"""A toy spine with known truth, and a network that answers from it: the decoder is tested without any weights."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.inference.spine.looks import Region, View
from bmd.inference.spine.maps import Maps
from bmd.inputs import film as preprocess
from bmd.reference import LEVELS
from bmd.types import SHOWN

SIZE = 384


@dataclass(frozen=True, eq=False)
class Spine:
    """Quadrilaterals (9, 4, 2) T10..S1 (posterior superior first) and the label map they fill."""

    quads: NDArray
    labels: NDArray
    anterior_left: bool


def toy_spine(seed: int, shape: tuple[int, int] = (SIZE, SIZE), scale: float = 1.0, shift: float = 0.0) -> Spine:
    """A lordotic column of nine bodies; ``shift`` moves it down by that many pixels."""
    rng = np.random.default_rng(seed)
    unit = 0.085 * SIZE * scale * rng.uniform(0.85, 1.1)
    height, depth = 0.74 * unit, 1.1 * unit * rng.uniform(0.85, 1.15)
    left = bool(rng.integers(2))
    side = -1.0 if left else 1.0
    point = np.array([shape[1] / 2, shape[0] * 0.78 + shift])
    tilts = np.radians(np.array([38, 14, 2, -6, -10, -11, -8, -3, 2]) * rng.uniform(0.8, 1.15) + rng.normal(0, 2, 9))
    quads = np.zeros((9, 4, 2))
    for k, tilt in enumerate(tilts):  # S1 first, upwards; positive tilt leans the body forward
        size = 0.97**k
        up = np.array([side * np.sin(tilt), -np.cos(tilt)])
        front = np.array([side * np.cos(tilt), np.sin(tilt)])
        h, d = height * size / 2, depth * size / 2
        quads[8 - k] = [
            point + h * up - d * front,
            point + h * up + d * front,
            point - h * up + d * front,
            point - h * up - d * front,
        ]
        ahead = tilts[min(k + 1, 8)]
        mean = (tilt + ahead) / 2
        point = point + unit * size * np.array([side * np.sin(mean), -np.cos(mean)])
    labels = np.zeros(shape, np.uint8)
    for k, quad in enumerate(quads):
        cv2.fillPoly(labels, [np.round(quad).astype(np.int32)], k + 1)
    return Spine(quads, labels, left)


def maps_of(labels: NDArray, blur: float = 1.2, confidence: float = 0.95) -> Maps:
    """What a well-trained localiser would say of a label map (a square of 384)."""
    onehot = np.stack([labels == k for k in range(10)]).astype(np.float32)
    masks = np.stack(
        [cv2.resize(cv2.GaussianBlur(m, (0, 0), blur), (SIZE // 2,) * 2, interpolation=cv2.INTER_AREA) for m in onehot]
    )
    masks = confidence * masks + (1 - confidence) / 10
    centres = np.full((10, SIZE // 4, SIZE // 4), 0.01, np.float32)
    ys, xs = np.mgrid[: SIZE // 4, : SIZE // 4] * 4 + 1.5
    for k in range(9):
        rows, columns = np.nonzero(labels == k + 1)
        if len(rows) < 30:
            continue
        blob = (
            np.exp(-0.5 * ((xs - columns.mean()) ** 2 + (ys - rows.mean()) ** 2) / (0.22 * len(rows) ** 0.5) ** 2) * 0.9
        )
        centres[k] = np.maximum(centres[k], blob)
        if k < 8:
            centres[9] = np.maximum(centres[9], blob)
    return Maps(masks / masks.sum(0), centres, SIZE, (-0.5, -0.5, SIZE - 0.5, SIZE - 0.5))


def logit(p: NDArray) -> NDArray:
    """Inverse of the sigmoid."""
    p = np.clip(p, 1e-4, 1 - 1e-4)
    return np.log(p / (1 - p)).astype(np.float32)


def as_film(labels: NDArray) -> NDArray:
    """A film whose pixel values spell the label map, with a little noise as films have."""
    noise = np.random.default_rng(0).uniform(-0.01, 0.01, labels.shape)
    return (labels / 32 + 0.2 + noise).astype(np.float32)


def spelled(film: NDArray) -> NDArray:
    """The label map that a film spells; a negative spells nothing."""
    labels = np.round((film - 0.2) * 32)
    return np.where((labels < 0) | (labels > 9), 0, labels).astype(np.uint8)


def plain_tensor(image: NDArray, size: int = SIZE):  # type: ignore[no-untyped-def]
    """Stands in for ``film_tensor``: letterboxes without interpolation, so labels survive."""
    import torch

    placement = preprocess.letterbox(image, size)[1]
    rows, columns = placement.window
    square = np.zeros((size, size), np.float32)
    square[rows, columns] = cv2.resize(
        image, (columns.stop - columns.start, rows.stop - rows.start), interpolation=cv2.INTER_NEAREST
    )
    return torch.from_numpy(square)[None, None], placement


def unstretched(region: Region, terms: object) -> tuple[View, ...]:
    """Stands in for ``every_way``: blending stretched views would spell other labels."""
    return View(region), View(region, mirrored=True)


class TruthEngine:
    """Reads the labels that ``plain_tensor`` spells; density follows the position in the film, no real meaning."""

    device = "test"

    def __init__(
        self, calibration: dict | None = None, t: float = -1.7, metal_on: str = "", spread: float = 0.8
    ) -> None:
        self.calibration, self.t, self.spread, self.calls = calibration or {}, t, spread, []
        self.metal_on = metal_on
        self.region: dict[str, NDArray] | None = None
        self.shows = 0  # index into SHOWN: a lateral lumbar film

    def run(self, network: str, *inputs: NDArray) -> dict[str, NDArray]:
        """See ``Engine.run``."""
        self.calls.append((network, inputs[0].shape))
        if network == "view_cnn":
            return {"logits": np.tile(np.where(np.arange(len(SHOWN)) == self.shows, 9.0, 0.0), (len(inputs[0]), 1))}
        if network == "cmnet":
            every = [maps_of(spelled(x[0])) for x in inputs[0]]
            if self.metal_on:
                covered = [m.masks[LEVELS.index(self.metal_on) + 1] > 0.5 for m in every]
                metal = {"metal": np.where(np.stack(covered)[:, None], 6.0, -6.0).astype(np.float32)}
            return ({} if not self.metal_on else metal) | {
                "masks": np.stack([np.log(np.maximum(m.masks, 1e-6)) for m in every]),
                "centres": np.stack([logit(m.centres) for m in every]),
            }
        count = len(inputs[0])
        t = self.t + 0.1 * np.arange(count)
        return {
            "category_logits": np.tile(np.array([0.0, 1.0, 0.5]), (count, 1)),
            "level_logits": np.zeros((count, 4)),
            "t_score": t,
            "t_spread": np.full(count, self.spread),
            "features": np.ones((count, 192), np.float32),
        }

    def metadata(self, network: str) -> dict:
        """See ``Engine.metadata``."""
        return {"calibration": self.calibration} | ({"region": {}} if self.region else {})

    def arrays(self, network: str, name: str) -> dict[str, NDArray]:
        """See ``Engine.arrays``."""
        assert (name, self.region is None) == ("region", False)
        return dict(self.region or {})


def levels_of(bodies) -> list[str | None]:  # type: ignore[no-untyped-def]
    """Names of bodies, cranial to caudal."""
    return [body.level for body in bodies]


def centroid(spine: Spine, level: str) -> NDArray:
    """Centre of a level in film pixels, (2,)."""
    return spine.quads[LEVELS.index(level)].mean(0)
