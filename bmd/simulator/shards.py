"""Films on disk for training: shards of 200 square pictures with their truth, written by several processes."""

from __future__ import annotations

import logging
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.errors import InputError
from bmd.simulator.case import simulate_film
from bmd.types import Case

SHARD = 200
log = logging.getLogger(__name__)


def square(case: Case, size: int) -> dict[str, Any]:
    """One case as arrays on a ``size`` x ``size`` black square, the film centred (the same letterbox as inference)."""
    pixels, truth = case.study.images[0].pixels, case.truth
    height, width = pixels.shape
    left, top = (size - width) // 2, (size - height) // 2
    image, labels = np.zeros((size, size), np.uint8), np.zeros((size, size), np.uint8)
    image[top : top + height, left : left + width] = np.round(pixels * 255)
    labels[top : top + height, left : left + width] = truth.labels
    patient = case.study.patient
    return {
        "image": image,
        "labels": labels,
        "corners": truth.corners_px + np.array([left, top], np.float32),
        "boxes": truth.boxes_px + np.array([left, top, left, top], np.float32),
        "visible": truth.visible,
        "bmd": truth.bmd_g_cm2,
        "t_score": truth.t_score,
        "fracture": truth.fracture_grade,
        "patient": np.array([patient.age_y, patient.sex == "M", patient.height_cm, patient.weight_kg], np.float32),
        "bmd_l1l4": np.float32(truth.bmd_l1l4),
        "t_l1l4": np.float32(truth.t_l1l4),
        "tags": ",".join(sorted(truth.tags)),
    }


def frontal(seed: int, share: float) -> bool:
    """Whether the film of a seed is one of the ``share`` taken from the front; the same for every run."""
    return share > 0 and float(np.random.default_rng((seed, 7)).random()) < share


def without_truth(row: dict[str, Any]) -> dict[str, Any]:
    """A film on which nothing is to be found: no labels, nothing visible, no boxes; corners stay, to aim crops at."""
    empty = {"labels": np.zeros_like(row["labels"]), "visible": np.zeros_like(row["visible"])}
    empty["boxes"] = np.full_like(row["boxes"], np.nan)
    return row | empty | {"tags": ",".join(sorted({*filter(None, row["tags"].split(",")), "ap"}))}


def film_row(seed: int, size: int, cohort: str, view: str, ap_share: float) -> dict[str, Any]:
    """The arrays of one film."""
    if frontal(seed, ap_share):
        return without_truth(square(simulate_film(seed, size, "ap", cohort=cohort), size))
    return square(simulate_film(seed, size, view, cohort=cohort), size)  # type: ignore[arg-type]


def write_shard(
    folder: str,
    first: int,
    count: int,
    size: int = 384,
    cohort: str = "film",
    view: str = "lateral",
    ap_share: float = 0.0,
) -> str:
    """Simulate films ``first`` .. ``first + count - 1`` and write them as one file; returns its path.

    ``ap_share`` of them are frontal films without truth, on which a localiser must find nothing.
    """
    cv2.setNumThreads(1)
    path = Path(folder) / f"films_{first:07d}.npz"
    if path.exists():
        return str(path)
    rows = [film_row(seed, size, cohort, view, ap_share) for seed in range(first, first + count)]
    part = path.with_suffix(".part.npz")
    arrays: dict[str, Any] = {key: np.stack([row[key] for row in rows]) for key in rows[0]}
    np.savez_compressed(part, **arrays)
    part.rename(path)
    return str(path)


def write_shards(
    out: str,
    count: int,
    seed: int,
    workers: int = 1,
    size: int = 384,
    cohort: str = "film",
    view: str = "lateral",
    ap_share: float = 0.0,
) -> list[str]:
    """Simulate ``count`` films with seeds from ``seed`` on into ``out``; shards already there are kept."""
    Path(out).mkdir(parents=True, exist_ok=True)
    jobs = [(first, min(SHARD, seed + count - first)) for first in range(seed, seed + count, SHARD)]
    paths = []
    with ProcessPoolExecutor(workers) as pool:
        for future in [pool.submit(write_shard, out, first, n, size, cohort, view, ap_share) for first, n in jobs]:
            paths.append(future.result())
            log.info("wrote %s", paths[-1])
    return paths


def read_shards(folder: str, limit: int | None = None) -> dict[str, NDArray]:
    """All films of a folder, concatenated in order of seed; ``limit`` films at most.

    Raises
    ------
    InputError
        No shard in the folder.
    """
    parts: list[dict[str, NDArray]] = []
    have = 0
    for path in sorted(Path(folder).glob("films_*.npz")):
        if path.name.endswith(".part.npz") or (limit is not None and have >= limit):
            continue
        with np.load(path) as shard:
            parts.append({key: shard[key] for key in shard.files})
        have += len(parts[-1]["image"])
    if not parts:
        raise InputError(
            "Training reads simulated films from shards.",
            f"none in {folder}",
            "Run: python -m bmd simulate --out " + folder,
        )
    return {key: np.concatenate([part[key] for part in parts])[:limit] for key in parts[0]}
