"""What the pair ensemble reads of a slice: ``python -m bmd evaluate ct-paintouts --data FOLDER``.

Parts of the slices of simulated people are painted over before the shipped network sees them, and each person is
classified from what is left; nothing is trained. A network that says the same of osteoporosis without the trabecular
bone reads something else, and where simulated arch and cortex tell more than a patient's do, so will its figures.
Beside it stands the attenuation of the same people's L1. The reliance of one fixed network, not what a part could tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from bmd.inference.ct.slices import FEWEST, ROLE
from bmd.inference.engine import Engine
from bmd.inference.run import Networks
from bmd.inputs.ct import SLICE_SIZE, slice_windows
from bmd.metrics import auc, bootstrap
from bmd.reference import OSTEOPOROSIS_FROM_T
from bmd.simulator.ct.reformat import ERODE_MM
from bmd.simulator.shards.ct import read_ct_shards

SHOWN_HU, SOFT_HU = 125.0, 40.0
"""What a painted body gets, the mean of people from 50 on; what everything outside gets: muscle."""
MARGIN_PX = 3
SHIFTS_HU = (-110, -60, -20, 20, 60, 110)

Hu = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Slices:
    """Intact slices of people who have two or more, and the mean trabecular HU of L1 where L1 is among them.

    ``hu`` float32 (n, 224, 224), ``body`` and ``core`` bool likewise, ``person`` int (n,), 0 to people - 1; ``t`` and
    ``l1_hu`` (people,), NaN where L1 is not intact.
    """

    hu: Hu
    body: Mask
    core: Mask
    person: NDArray[np.int64]
    t: NDArray[np.float64]
    l1_hu: NDArray[np.float64]


def read_slices(folder: str | Path, limit: int | None = None) -> Slices:
    """Slices of the people (``limit`` at most) of a folder of shards; InputError if it holds none."""
    keys = ("axial", "axial_label", "axial_ok", "roi_hu", "t_l1l4")
    found = read_ct_shards(str(folder), limit, keys)
    usable = found["axial_ok"] & (found["axial_ok"].sum(1, keepdims=True) >= FEWEST)
    kept = np.flatnonzero(usable.any(1))
    rows, parts = np.nonzero(usable)
    body = found["axial_label"][rows, parts] > 0
    side = 2 * round(ERODE_MM * body.shape[-1] / 160) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    core = np.stack([cv2.erode(one.astype(np.uint8), disc) > 0 for one in body])
    l1 = np.where(usable[kept, 0], found["roi_hu"][kept, 0], np.nan)
    hu = found["axial"][rows, parts].astype(np.float32)
    return Slices(hu, body, core, np.searchsorted(kept, rows), found["t_l1l4"][kept].astype(float), l1.astype(float))


def _painted(hu: Hu, where: Mask, value: float) -> Hu:
    return np.asarray(np.where(where, np.float32(value), hu), np.float32)


def _levelled(hu: Hu, core: Mask) -> Hu:
    """The core's mean brought to ``SHOWN_HU``, its texture kept."""
    return _raised(hu, core, SHOWN_HU - float(hu[core].mean())) if core.any() else hu


def _raised(hu: Hu, core: Mask, by_hu: float) -> Hu:
    return np.asarray(hu + core * np.float32(by_hu), np.float32)


def _wider(body: Mask) -> Mask:
    reach = np.ones((2 * MARGIN_PX + 1,) * 2, np.uint8)
    return np.asarray(cv2.dilate(body.astype(np.uint8), reach) > 0)


CHANGES: Mapping[str, Callable[[Hu, Mask, Mask], Hu]] = {
    "whole": lambda hu, body, core: hu,
    "core_painted": lambda hu, body, core: _painted(hu, core, SHOWN_HU),
    "core_levelled": lambda hu, body, core: _levelled(hu, core),
    "body_painted": lambda hu, body, core: _painted(hu, body, SHOWN_HU),
    "body_left": lambda hu, body, core: _painted(hu, ~_wider(body), SOFT_HU),
    "core_left": lambda hu, body, core: _painted(hu, ~core, SOFT_HU),
}
"""What is done to a slice (H, W) of which ``body`` and ``core`` are known."""


def person_logits(networks: Networks, slices: Slices, change: Callable[[Hu, Mask, Mask], Hu]) -> NDArray[np.float64]:
    """Mean logits (people, 3) of changed slices."""
    total = np.zeros((len(slices.t), 3))
    for start in range(0, len(slices.hu), 32):
        some = range(start, min(start + 32, len(slices.hu)))
        crops = np.stack([_crop(change(slices.hu[i], slices.body[i], slices.core[i])) for i in some])
        logits = networks.run(ROLE, slice_windows(crops))["logits"]
        np.add.at(total, slices.person[start : start + 32], logits)
    return np.asarray(total / np.bincount(slices.person)[:, None])


def _crop(hu: Hu) -> Hu:
    """The middle 120 mm at 1 mm a pixel, as training and inference see it."""
    side = 160  # mm of a slice of the shards
    small = cv2.resize(hu, (side, side), interpolation=cv2.INTER_AREA)
    first = (side - SLICE_SIZE) // 2
    return np.asarray(small[first : first + SLICE_SIZE, first : first + SLICE_SIZE], np.float32)


def evaluate_ct_paintouts(
    data: str | Path, limit: int | None = None, engine: Engine | None = None, only: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Classify people from slices with parts painted over, and with trabecular HU lowered and raised.

    Parameters
    ----------
    data : path
        Shards of people from 50 years on that no network was trained on (cohort "film").
    limit : int, optional
        People at most.
    engine : Engine, optional
        Runs the network; by default the best one here.
    only : tuple of str
        Names of ``CHANGES``; all, and the shifts of trabecular HU, when empty.

    Returns
    -------
    dict
        ``people``, ``osteoporosis``; for every change ``r`` with T of (normal - osteoporosis) logits, ``auc`` for
        T <= -2.5 with 95 % interval; ``l1_hu`` the same of attenuation; ``shifts``: HU to mean probability of
        osteoporosis and share of people for whom it moved the right way.
    """
    networks, slices = Networks(engine), read_slices(data, limit)
    found: dict[str, Any] = {"people": len(slices.t), "osteoporosis": int((slices.t <= OSTEOPOROSIS_FROM_T).sum())}
    for name in only or CHANGES:
        logits = person_logits(networks, slices, CHANGES[name])
        found[name] = _told(slices.t, logits[:, 0] - logits[:, 2])
    known = np.isfinite(slices.l1_hu)
    found["l1_hu"] = _told(slices.t[known], slices.l1_hu[known])
    if not only:
        heat = float((networks.metadata(ROLE).get("calibration") or {}).get("patient_temperature", 1.0))
        found["shifts"] = _shifted(networks, slices, heat)
    return found


def _told(t: NDArray[np.float64], score: NDArray[np.float64]) -> dict[str, float]:
    """What a score (n,), high where bone is dense, tells of T-scores (n,)."""
    ill = t <= OSTEOPOROSIS_FROM_T
    value, low, high = bootstrap(auc, ill, -score, count=500, seed=0)
    r = np.corrcoef(score, t)[0, 1] if score.std() > 0 else 0.0
    told = {"n": len(t), "r": r, "auc": value, "auc_low": low, "auc_high": high}
    return {key: round(float(number), 3) for key, number in told.items()}


def _shifted(networks: Networks, slices: Slices, heat: float) -> dict[str, dict[str, float]]:
    """Probability of osteoporosis when trabecular voxels alone are moved by ``SHIFTS_HU``."""

    def probability(shift: int) -> NDArray[np.float64]:
        moved = person_logits(networks, slices, lambda hu, body, core: _raised(hu, core, shift))
        return np.asarray(softmax(moved / heat, axis=1)[:, 2])

    still = probability(0)
    rows = {"0": {"probability": float(still.mean())}}
    for shift in SHIFTS_HU:
        now = probability(shift)
        right = (now <= still) if shift > 0 else (now >= still)
        rows[f"{shift:+d}"] = {"probability": float(now.mean()), "right_way": float(right.mean())}
    return {name: {key: round(value, 3) for key, value in row.items()} for name, row in rows.items()}
