"""Synthetic CT shards in the simulator's format: discs of bone, denser with a higher T-score, quick to learn."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

SLICE, HIP = 224, 250  # pixels a side in the shards


def disc(rng: np.random.Generator, side: int, hu: float) -> np.ndarray:
    """Soft tissue with a disc of bone in the middle, int16 HU."""
    image = np.full((side, side), 40.0, np.float32)
    cv2.circle(image, (side // 2, side // 2), side // 5, hu, -1)
    return (image + rng.normal(0, 15, image.shape)).astype(np.int16)


def write_fake_ct(folder: Path, shards: int = 2, people: int = 9, seed: int = 0) -> Path:
    """Write ``ct_*.npz`` with every class at spine and hip; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for i in range(shards):
        t = np.array([(0.5, -1.7, -3.3)[(k + i) % 3] for k in range(people)])
        arrays = {
            "axial": np.stack([[disc(rng, SLICE, 140 + 40 * v) for _ in range(2)] for v in t]),
            "axial_ok": np.ones((people, 2), bool),
            "femur": np.stack([[disc(rng, HIP, 300 + 60 * v) for _ in range(2)] for v in t]),
            "femur_ok": np.ones((people, 2), bool),
            "patient": np.stack([[60 - 8 * v, rng.integers(2), 165, 70] for v in t]).astype(np.float32),
            "t_l1l4": t.astype(np.float32),
            "t_femoral_neck": (t + 0.2).astype(np.float32),
            "t_total_hip": t.astype(np.float32),
        }
        np.savez(folder / f"ct_{i * people:07d}.npz", **arrays)
    return folder
