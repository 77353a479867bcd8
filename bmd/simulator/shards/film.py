"""Films on disk for training: shards of 200 square pictures with their truth, written by several processes."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.simulator.case import simulate_film
from bmd.simulator.shards import store
from bmd.truth import Case
from bmd.types import View

FILMS = store.Kind("films", 200)
SIZE = 384


def square(case: Case, size: int) -> dict[str, Any]:
    """One case as arrays on a ``size`` x ``size`` black square, the film centred (the same letterbox as inference)."""
    pixels, truth = case.study.images[0].pixels, case.truth
    height, width = pixels.shape
    left, top = (size - width) // 2, (size - height) // 2
    image, labels, metal = (np.zeros((size, size), np.uint8) for _ in range(3))
    window = slice(top, top + height), slice(left, left + width)
    image[window] = np.round(pixels * 255)
    labels[window] = truth.labels
    if truth.metal is not None:
        metal[window] = truth.metal
    return known(case) | {
        "image": image,
        "labels": labels,
        "metal": metal,
        "corners": truth.corners_px + np.array([left, top], np.float32),
        "boxes": truth.boxes_px + np.array([left, top, left, top], np.float32),
    }


def known(case: Case) -> dict[str, Any]:
    """What a row says beyond the picture: person, densities, fractures, what is in the field."""
    patient, truth = case.study.patient, case.truth
    return {
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
    """A film on which only metal is to be found: no labels, nothing visible, no boxes; corners stay, for crops."""
    empty = {"labels": np.zeros_like(row["labels"]), "visible": np.zeros_like(row["visible"])}
    empty["boxes"] = np.full_like(row["boxes"], np.nan)
    return row | empty | {"tags": ",".join(sorted({*filter(None, row["tags"].split(",")), "ap"}))}


def film_row(
    seed: int, size: int, cohort: str, view: View, ap_share: float, console: int | None = None
) -> dict[str, Any]:
    """The arrays of one film."""
    if frontal(seed, ap_share):
        return without_truth(square(simulate_film(seed, size, "ap", cohort=cohort), size))
    return square(simulate_film(seed, size, view, cohort=cohort, console=console), size)


def write_shards(
    out: str,
    count: int,
    seed: int,
    workers: int = 1,
    size: int = SIZE,
    cohort: str = "film",
    view: View = "lateral",
    ap_share: float = 0.0,
    console: int | None = None,
) -> list[str]:
    """Simulate ``count`` films with seeds from ``seed`` on into ``out``; shards already there are kept.

    ``ap_share`` of them are frontal films without truth, on which a localiser must find nothing. ``console``: all films
    are shown by that one of ``simulator.film.console.CONSOLES``.
    """
    row = partial(film_row, size=size, cohort=cohort, view=view, ap_share=ap_share, console=console)
    command = f"python -m bmd simulate --cohort {cohort} --ap-share {ap_share:g}"
    if (size, view) != (SIZE, "lateral"):
        command += f"  # from Python: write_shards(size={size}, view={view!r})"
    if console is not None:
        command += f"  # from Python: write_shards(console={console})"
    return store.write_all(out, FILMS, range(seed, seed + count), row, command, workers)


def read_shards(folder: str, limit: int | None = None) -> dict[str, NDArray[Any]]:
    """All films of a folder, concatenated in order of seed; ``limit`` films at most. InputError if there is none."""
    return store.read(folder, FILMS, limit)
