"""Step 3: bone density of every lumbar vertebra, and of the patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.data.preprocess import crop_tensor, demographics_vector
from bmd.inference.engine import Engine
from bmd.inference.views import softmax
from bmd.reference import CATEGORIES, LUMBAR, bmd, category, reported_interval, reported_t
from bmd.reference import t_score as reference_t
from bmd.types import Demographics, Prediction, Vertebra

NETWORK = "c5_gap_fc3"
PATIENT_LEVELS = ("L1", "L2", "L3", "L4")
FEWEST = 2
"""A patient is never reported from a single vertebra (ISCD 2023)."""


@dataclass(frozen=True, eq=False)
class Raw:
    """What the network says of n crops: logits (n, 3) and T-scores (n,).

    Its density head is a training signal only: density and T-score shown must be one number, so the first follows from
    the second by the reference.
    """

    logits: NDArray
    t_score: NDArray


def measure(
    film: NDArray,
    vertebrae: tuple[Vertebra, ...],
    patient: Demographics,
    engine: Engine,
    skip: frozenset[str] = frozenset(),
) -> tuple[tuple[Prediction, ...], Prediction | None]:
    """Bone density of the lumbar vertebrae and of the patient.

    Parameters
    ----------
    film : ndarray
        float32 (H, W) in 0..1.
    vertebrae : tuple of Vertebra
        Any levels; only L1-L5 are measured.
    patient : Demographics
        What is known; missing values stay missing.
    engine : Engine
        Runs the network.
    skip : frozenset of str
        Levels that cannot be measured (cut off by the edge).

    Returns
    -------
    tuple of Prediction, Prediction or None
        One per measured vertebra, and the patient's (mean of L1-L4; None with fewer than two of them).
    """
    chosen = [v for v in vertebrae if v.level in LUMBAR and v.level not in skip and v.corners_px is not None]
    if not chosen:
        return (), None
    raw = run(film, np.stack([v.corners_px for v in chosen]), patient, engine)  # type: ignore[misc]
    numbers = calibration(engine.metadata(NETWORK), patient)
    each = tuple(of_vertebra(str(v.level), raw.logits[k], float(raw.t_score[k]), numbers) for k, v in enumerate(chosen))
    rows = [k for k, v in enumerate(chosen) if v.level in PATIENT_LEVELS]
    if len(rows) < FEWEST:
        return each, None
    return each, of_patient(Raw(raw.logits[rows], raw.t_score[rows]), numbers)


def run(film: NDArray, corners: NDArray, patient: Demographics, engine: Engine, with_film: bool = True) -> Raw:
    """The network's answers for vertebrae with corners (n, 4, 2) in film pixels."""
    crops = crop_tensor(film, corners).numpy()
    count = len(crops)
    known = np.repeat(patient_vector(patient)[None], count, 0)
    present = np.full((count, 1), float(with_film), np.float32)
    out = engine.run(NETWORK, crops if with_film else np.zeros_like(crops), known, present)
    return Raw(out["category_logits"], out["t_score"].reshape(-1))


def patient_vector(patient: Demographics) -> NDArray:
    """What the network is told of the patient, float32 (8,)."""
    male = None if patient.sex is None else float(patient.sex == "M")
    return demographics_vector(patient.age_y, male, patient.height_cm, patient.weight_kg)


def calibration(metadata: dict[str, Any], patient: Demographics) -> dict[str, float]:
    """Calibration numbers for what is known of the patient, without their prefix.

    They were fitted twice: on films alone and with age, sex, height and weight. When only some of these are known the
    wider intervals of films alone are used.
    """
    known = all(v is not None for v in (patient.age_y, patient.sex, patient.height_cm, patient.weight_kg))
    prefix = "both_" if known else "film_"
    numbers = metadata.get("calibration") or {}
    return {key.removeprefix(prefix): float(v) for key, v in numbers.items() if key.startswith(prefix)}


def of_vertebra(level: str, logits: NDArray, t_score: float, numbers: dict[str, float]) -> Prediction:
    """One vertebra's prediction; its density to 0.001 g/cm2 gives the T-score reported, so that both always agree."""
    density = round(float(bmd(t_score, level)), 3)
    return prediction(level, logits, float(reference_t(density, level)), density, numbers)


def of_patient(raw: Raw, numbers: dict[str, float]) -> Prediction:
    """The patient's prediction from the network's answers for two or more of L1-L4.

    The mean T-score is put on the scale of the L1-L4 T-score by a line fitted on simulated films.
    """
    t = numbers.get("patient_offset", 0.0) + numbers.get("patient_slope", 1.0) * float(raw.t_score.mean())
    density = round(float(bmd(t, "L1-L4")), 3)
    return prediction(None, raw.logits.mean(0), float(reference_t(density, "L1-L4")), density, numbers)


def prediction(
    level: str | None, logits: NDArray, t_score: float, bmd_g_cm2: float, numbers: dict[str, float]
) -> Prediction:
    """One prediction with calibrated probabilities and interval; T-scores as they are reported, to 0.1.

    ``numbers`` are ``vertebra_`` or ``patient_`` ``temperature`` and ``half_width``; without them probabilities are the
    network's own and there is no interval.
    """
    of = "patient_" if level is None else "vertebra_"
    share = softmax(np.asarray(logits, float)[None] / numbers.get(of + "temperature", 1.0))[0]
    half = numbers.get(of + "half_width")
    t = reported_t(t_score)
    return Prediction(
        level=level,
        bmd_g_cm2=round(float(bmd_g_cm2), 3),
        t_score=t,
        interval=None if half is None else reported_interval(t_score - half, t_score + half),
        probabilities={name: round(float(p), 4) for name, p in zip(CATEGORIES, share, strict=True)},
        category=category(t),
        model=NETWORK,
    )
