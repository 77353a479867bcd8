"""Synthetic shards in the simulator's format: bright blobs in a column, quick to make and to learn."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from bmd.models._metadata import REQUIRED
from bmd.reference import LEVELS


def fake_film(rng: np.random.Generator, side: int = 384) -> dict[str, np.ndarray]:
    """One film: nine grey quadrilaterals on a noisy slope, brighter with a higher T-score."""
    image = np.full((side, side), 60.0, np.float32) + np.linspace(0, 40, side, dtype=np.float32)
    labels = np.zeros((side, side), np.uint8)
    corners = np.zeros((9, 4, 2), np.float32)
    boxes = np.full((9, 4), np.nan, np.float32)
    t = float(rng.normal(-1.2, 1.3))
    half_w, half_h, gap = side * 0.055, side * 0.036, side * 0.1
    x0, bow = side * rng.uniform(0.4, 0.6), rng.uniform(0.0, 0.06) * side
    for i in range(9):
        cx, cy = x0 + bow * np.sin(i / 2.5), side * 0.07 + gap * i
        sag = 0.3 if i == 8 else 0.0  # the sacrum is wider and tilted, so that counting has an anchor
        w = half_w * (1 + sag)
        quad = np.array([[-w, -half_h], [w, -half_h + sag * w], [w, half_h + sag * w], [-w, half_h]])
        quad += np.array([cx, cy])
        corners[i] = quad
        cv2.fillPoly(labels, [np.round(quad).astype(np.int32)], i + 1)
        cv2.fillPoly(image, [np.round(quad).astype(np.int32)], float(150 + 15 * t))
        ys, xs = np.nonzero(labels == i + 1)
        boxes[i] = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
    image = cv2.GaussianBlur(image, (0, 0), 1.5) + rng.normal(0, 4, image.shape)
    t_score = np.full(9, np.nan, np.float32)
    t_score[3:8] = t + rng.normal(0, 0.2, 5)
    return {
        "image": np.clip(image, 0, 255).astype(np.uint8),
        "labels": labels,
        "metal": (labels == 5).astype(np.uint8) if rng.random() < 0.5 else np.zeros_like(labels),
        "corners": corners,
        "boxes": boxes,
        "visible": np.ones(9, bool),
        "bmd": np.float32(1.05) + np.float32(0.12) * t_score,
        "t_score": t_score,
        "fracture": np.zeros(9, np.int8),
        "patient": np.array([65 - 4 * t, rng.integers(2), 165, 70], np.float32),
        "bmd_l1l4": np.float32(1.05 + 0.12 * t),
        "t_l1l4": np.float32(t),
        "tags": np.array("fake"),
    }


def write_fake_shards(folder: Path, shards: int = 2, films: int = 6, side: int = 384, seed: int = 0) -> Path:
    """Write ``films_*.npz``; returns the folder."""
    assert len(LEVELS) == 9
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for i in range(shards):
        rows = [fake_film(rng, side) for _ in range(films)]
        arrays = {key: np.stack([row[key] for row in rows]) for key in rows[0]}
        np.savez(folder / f"films_{i * films:07d}.npz", **arrays)
    return folder


MEASURED = {"date": "2026-11-22", "commit": "abc1234", "command": "python -m bmd evaluate cmnet"}
"""When, at which commit and by which command figures were measured."""


def metadata(**changes: object) -> dict:
    """Metadata of weights that nothing was measured on, as the writer wants it."""
    made = {"commit": "abc1234", "command": "python -m bmd train", "data_sha256": "0" * 64, "data_files": 1}
    plain = dict.fromkeys(REQUIRED, "") | {"provenance": made, "metrics": [], "calibration": {}, "files": {}}
    plain |= {"preprocessing": {"size": 64, "steps": "none"}, "trained_on": {"cohort": "simulated_films", "n": None}}
    return plain | changes
