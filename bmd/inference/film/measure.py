"""Step 3: bone density of every lumbar vertebra, and of the patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from bmd.inference.run import Networks
from bmd.inputs.film import crop_tensor
from bmd.inputs.patient import patient_vector
from bmd.reference import CATEGORIES, LUMBAR, bmd, category, reported_interval, reported_t
from bmd.reference import t_score as reference_t
from bmd.types import Demographics, Prediction, Vertebra

Film: TypeAlias = NDArray[np.float32]
Floats: TypeAlias = NDArray[np.floating[Any]]
Numbers: TypeAlias = Mapping[str, float]
ROLE = "density"
PATIENT_LEVELS = ("L1", "L2", "L3", "L4")
FEWEST = 2
"""A patient is never reported from a single vertebra (ISCD 2023)."""


@dataclass(frozen=True, eq=False)
class Raw:
    """What the network says of n crops: logits (n, 3) and T-scores (n,).

    Its density head is a training signal only: density and T-score shown must be one number, so the first follows from
    the second by the reference.
    """

    logits: Floats
    t_score: Floats


def measure(
    film: Film,
    vertebrae: tuple[Vertebra, ...],
    patient: Demographics,
    networks: Networks,
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
    networks : Networks
        Which density network runs, and on what.
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
    raw = run(film, np.stack([np.asarray(v.corners_px) for v in chosen]), patient, networks)
    numbers, model = calibration(networks.metadata(ROLE), patient), networks.name(ROLE)
    levels = [str(v.level) for v in chosen]
    t, of_all = joint(levels, raw.t_score, numbers)
    each = tuple(
        of_vertebra(level, raw.logits[k], float(t[k]), numbers, model, alone=of_all is None)
        for k, level in enumerate(levels)
    )
    if of_all is None:
        return each, None
    return each, of_patient(raw.logits[[level in PATIENT_LEVELS for level in levels]], of_all, numbers, model)


def joint(levels: Sequence[str], t_score: ArrayLike, numbers: Numbers) -> tuple[NDArray[np.float64], float | None]:
    """T-scores of the vertebrae and of the patient, estimated together so that they cannot contradict each other.

    The network sees one vertebra at a time and keeps close to the mean of all people. Several vertebrae of one person
    are several witnesses: their mean is put on the scale of the L1-L4 T-score by a line, and each vertebra lies around
    the patient's value by a share of what sets it apart from the others, with the usual step of its level. Line, share
    and steps are fitted on simulated films (``evaluation.calibration``); without them the network's own values remain.

    Parameters
    ----------
    levels : sequence of str
        L1-L5, one for each T-score.
    t_score : ndarray
        (n,) the network's answers.
    numbers : dict
        ``patient_slope``, ``patient_offset``, ``vertebra_share`` and ``vertebra_step_L1`` ... ``_L5``.

    Returns
    -------
    ndarray, float or None
        T-scores (n,) and the patient's; None, and the network's own values, with fewer than two of L1-L4.
    """
    own = np.asarray(t_score, float)
    rows = [level in PATIENT_LEVELS for level in levels]
    if sum(rows) < FEWEST:
        return own, None
    mean = float(own[rows].mean())
    patient = numbers.get("patient_offset", 0.0) + numbers.get("patient_slope", 1.0) * mean
    steps = np.array([numbers.get(f"vertebra_step_{level}", 0.0) for level in levels])
    return patient + steps + numbers.get("vertebra_share", 1.0) * (own - mean), patient


def run(film: Film, corners: Floats, patient: Demographics, networks: Networks, with_film: bool = True) -> Raw:
    """The network's answers for vertebrae with corners (n, 4, 2) in film pixels."""
    crops = crop_tensor(film, corners).numpy()
    count = len(crops)
    known = np.repeat(patient_vector(patient)[None], count, 0)
    present = np.full((count, 1), float(with_film), np.float32)
    out = networks.run(ROLE, crops if with_film else np.zeros_like(crops), known, present)
    return Raw(out["category_logits"], out["t_score"].reshape(-1))


def calibration(metadata: dict[str, Any], patient: Demographics) -> Numbers:
    """Calibration numbers for what is known of the patient, without their prefix.

    They were fitted twice: on films alone and with age, sex, height and weight. When only some of these are known the
    wider intervals of films alone are used.
    """
    known = all(v is not None for v in (patient.age_y, patient.sex, patient.height_cm, patient.weight_kg))
    prefix = "both_" if known else "film_"
    numbers = metadata.get("calibration") or {}
    return {key.removeprefix(prefix): float(v) for key, v in numbers.items() if key.startswith(prefix)}


def of_vertebra(level: str, logits: Floats, t_score: float, numbers: Numbers, model: str, alone: bool) -> Prediction:
    """One vertebra's prediction; its density to 0.001 g/cm2 gives the T-score reported, so that both always agree.

    ``alone`` where too few others were measured for ``joint``: the interval is then wider.
    """
    density = round(float(bmd(t_score, level)), 3)
    half = numbers.get("alone_half_width" if alone else "vertebra_half_width")
    share = probabilities(logits, numbers.get("vertebra_temperature", 1.0))
    return prediction(level, share, float(reference_t(density, level)), density, half, model)


def of_patient(logits: Floats, t_score: float, numbers: Numbers, model: str) -> Prediction:
    """The patient's prediction from the logits (k, 3) of two or more of L1-L4 and the T-score of ``joint``."""
    density = round(float(bmd(t_score, "L1-L4")), 3)
    share = probabilities(logits.mean(0), numbers.get("patient_temperature", 1.0))
    return prediction(
        None, share, float(reference_t(density, "L1-L4")), density, numbers.get("patient_half_width"), model
    )


def probabilities(logits: Floats, temperature: float) -> NDArray[np.float64]:
    """Calibrated probabilities (3,) of the categories."""
    return np.asarray(softmax(np.asarray(logits, float) / temperature))


def prediction(
    level: str | None, share: NDArray[np.float64], t_score: float, bmd_g_cm2: float, half: float | None, model: str
) -> Prediction:
    """One prediction; T-scores as they are reported, to 0.1, within ``half`` where that is known."""
    t = reported_t(t_score)
    return Prediction(
        level=level,
        bmd_g_cm2=round(float(bmd_g_cm2), 3),
        t_score=t,
        interval=None if half is None else reported_interval(t_score - half, t_score + half),
        probabilities={name: round(float(p), 4) for name, p in zip(CATEGORIES, share, strict=True)},
        category=category(t),
        model=model,
    )
