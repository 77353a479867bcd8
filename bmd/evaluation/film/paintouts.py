"""What carries the density network's answer? Parts of the crops are painted over, and what is left is measured.

``python -m bmd evaluate paintouts --data FOLDER``: simulated films that no network has seen. Each part is replaced by
the crop's median. The network was not trained on painted crops, so this shows what it relies on, not what a part holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.inference.engine import Engine, default_engine
from bmd.inference.film.measure import FEWEST, ROLE
from bmd.inference.run import Networks
from bmd.inputs.film import CROP_MARGIN, CROP_SIZE, crop_tensor
from bmd.inputs.patient import patient_vector
from bmd.metrics import auc, bootstrap
from bmd.reference import DENSITY_LEVELS, LEVELS, OSTEOPOROSIS_FROM_T
from bmd.simulator.shards.film import read_shards
from bmd.types import Demographics

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
EDGE = round(CROP_SIZE * CROP_MARGIN / (1 + 2 * CROP_MARGIN))
"""Crop pixels before and behind the body; its end plates lie further in, since bodies are wider than high."""
RIM = 5
"""Crop pixels on both sides of the wall or end plate that make the frame."""
ALIKE = 1e-3
"""Answers that differ by less (SD, in T-scores) are one answer."""
LEAST_BLANK = 6
"""Height in pixels of the discs painted at the least, above and below."""


def parts(high: float) -> dict[str, Mask]:
    """Masks (64, 64) of what is painted over, by name, for a body whose height is ``high`` times its width.

    ``behind`` is the side of the arch, ``before`` the abdomen's: crops face right. ``outside`` is all but the body.
    """
    y, x = np.mgrid[:CROP_SIZE, :CROP_SIZE] - (CROP_SIZE - 1) / 2
    half_width = CROP_SIZE / 2 - EDGE
    half_height = half_width * min(max(high, 0.4), 1.2)
    inside = (abs(x) < half_width) & (abs(y) < half_height)
    core = (abs(x) < half_width - RIM) & (abs(y) < half_height - RIM)
    near = (abs(x) < half_width + RIM) & (abs(y) < half_height + RIM)
    top = min(half_height + 1, CROP_SIZE / 2 - LEAST_BLANK)
    return {
        "nothing": np.zeros_like(inside),
        "everything": np.ones_like(inside),
        "core": core,
        "frame": near & ~core,
        "body": inside,
        "behind": x < -half_width,
        "before": x > half_width,
        "discs": abs(y) > top,
        "outside": ~near,
    }


def painted(crops: NDArray[np.float32], masks: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Crops (n, 64, 64) with masks (n, 64, 64) filled with each crop's median, brought to mean 0 and SD 1 again."""
    median = np.median(crops, (1, 2), keepdims=True)
    filled = np.where(masks, median, crops)
    centred = filled - filled.mean((1, 2), keepdims=True)
    return np.asarray(centred / (centred.std((1, 2), keepdims=True) + 1e-3), np.float32)


def crops_of(shards: Mapping[str, NDArray[Any]], k: int) -> tuple[NDArray[np.float32], list[float]] | None:
    """Crops (n, 64, 64) of L1-L4 of film ``k`` at their true corners, and height over width of each."""
    rows = [LEVELS.index(level) for level in DENSITY_LEVELS]
    rows = [row for row in rows if shards["visible"][k][row]]
    if len(rows) < FEWEST:
        return None
    corners = np.asarray(shards["corners"][k], np.float64)[rows]
    film = np.asarray(shards["image"][k], np.float32) / np.float32(255)
    wide = np.linalg.norm(corners[:, 1] + corners[:, 2] - corners[:, 0] - corners[:, 3], axis=1)
    high = np.linalg.norm(corners[:, 2] + corners[:, 3] - corners[:, 0] - corners[:, 1], axis=1)
    return crop_tensor(film, corners).numpy()[:, 0], (high / wide).tolist()


def evaluate_paintouts(data: str, count: int | None = None, engine: Engine | None = None) -> list[dict[str, Any]]:
    """Correlation with the patient's T-score and AUC for T <= -2.5, of the film alone, for every part painted over.

    Parameters
    ----------
    data : str
        Shards of simulated films.
    count : int, optional
        Films at most.
    engine : Engine, optional
        Runs the network; by default the best one here.

    Returns
    -------
    list of dict
        ``painted``, ``films``, ``correlation``, ``auc`` with ``auc_low`` and ``auc_high``, and ``moved``, the mean
        change of T by the paint.
    """
    shards, networks = read_shards(data, count), Networks(engine or default_engine())
    films = [(k, found) for k in range(len(shards["image"])) if (found := crops_of(shards, k)) is not None]
    truth = np.asarray(shards["t_l1l4"], float)[[k for k, _ in films]]
    rows: list[dict[str, Any]] = []
    plain = np.zeros(len(films))
    for name in parts(1.0):
        t = np.array([answer(painted(c, np.stack([parts(h)[name] for h in high])), networks) for _, (c, high) in films])
        plain = t if name == "nothing" else plain
        mid, low, high_end = bootstrap(auc, truth <= OSTEOPOROSIS_FROM_T, -t, count=300)
        r = float(np.corrcoef(t, truth)[0, 1]) if t.std() > ALIKE else 0.0
        figures = {
            "correlation": r,
            "auc": mid,
            "auc_low": low,
            "auc_high": high_end,
            "moved": float((t - plain).mean()),
        }
        rows.append({"painted": name, "films": len(films)} | {key: round(v, 3) for key, v in figures.items()})
    return rows


def answer(crops: NDArray[np.float32], networks: Networks) -> float:
    """The network's mean T-score of crops (n, 64, 64) when nothing is known of the patient, before calibration."""
    known = np.repeat(patient_vector(Demographics())[None], len(crops), 0)
    out = networks.run(ROLE, crops[:, None], known, np.ones((len(crops), 1), np.float32))
    return float(out["t_score"].mean())
