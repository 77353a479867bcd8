"""Step 3: bone density of L1-L4, and of the patient, each from one calibrated distribution of its T-score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bmd.findings import Finding, note
from bmd.inference.film import region
from bmd.inference.run import Networks
from bmd.inputs.film import CROP_SIZE, CROP_WAYS, Cut, crop_tensor
from bmd.inputs.patient import patient_vector
from bmd.reference import (
    CATEGORIES,
    DENSITY_LEVELS,
    bmd,
    category,
    class_shares,
    reported_interval,
    reported_t,
)
from bmd.reference import t_score as reference_t
from bmd.types import Demographics, Prediction, Vertebra

Film: TypeAlias = NDArray[np.float32]
Floats: TypeAlias = NDArray[np.floating[Any]]
Numbers: TypeAlias = Mapping[str, float]
ROLE = "density"
PATIENT_LEVELS = DENSITY_LEVELS
FEWEST = 2
"""A patient is never reported from a single vertebra (ISCD 2023)."""
INTERVAL = 0.90
INTERVAL_SDS = 1.6448536
"""Half width, in standard deviations, of the middle ``INTERVAL`` of a normal distribution."""


@dataclass(frozen=True, eq=False)
class Raw:
    """What the network says of n crops: mean and spread (n,) of each T-score, and the film's features (n, c).

    Its class and level heads are training signals only.
    """

    t_score: Floats
    spread: Floats
    features: Floats


@dataclass(frozen=True)
class Normal:
    """A calibrated normal distribution of a T-score."""

    t: float
    spread: float


@dataclass(frozen=True, eq=False)
class Measured:
    """Bone density on one film.

    Attributes
    ----------
    each : tuple of Prediction
        One per measured vertebra.
    patient : Prediction or None
        Of L1-L4 together; None with fewer than two of them, or where density cannot be judged.
    said : tuple of Finding
        Why there is no number, or where category and most likely class differ.
    """

    each: tuple[Prediction, ...] = ()
    patient: Prediction | None = None
    said: tuple[Finding, ...] = ()


def measure(
    film: Film,
    vertebrae: tuple[Vertebra, ...],
    patient: Demographics,
    networks: Networks,
    skip: frozenset[str] = frozenset(),
) -> Measured:
    """Bone density of L1-L4 and of the patient.

    Parameters
    ----------
    film : ndarray
        float32 (H, W) in 0..1.
    vertebrae : tuple of Vertebra
        Any levels; only L1-L4 are measured.
    patient : Demographics
        What is known; missing values stay missing.
    networks : Networks
        Which density network runs, and on what.
    skip : frozenset of str
        Levels that cannot be measured (cut off by the edge).
    """
    chosen = [v for v in vertebrae if v.level in DENSITY_LEVELS and v.level not in skip and v.corners_px is not None]
    if not chosen:
        return Measured()
    raw = run(film, np.stack([np.asarray(v.corners_px) for v in chosen]), patient, networks)
    numbers, model = calibration(networks.metadata(ROLE), patient), networks.name(ROLE)
    outside = region.outside(raw.features, networks, ROLE)
    if outside is not None:
        return Measured(said=(outside,))
    levels = [str(v.level) for v in chosen]
    bodies, whole = joint(levels, raw, numbers)
    known = bool(numbers)
    each = tuple(prediction(level, body, model, known) for level, body in zip(levels, bodies, strict=True))
    if whole is None:
        return Measured(each, None, between(each))
    of_all = prediction(None, whole, model, known)
    return Measured(each, of_all, between((of_all, *each)))


def joint(levels: Sequence[str], raw: Raw, numbers: Numbers) -> tuple[list[Normal], Normal | None]:
    """Distributions of the vertebrae and of the patient, estimated together so that they cannot contradict each other.

    The network sees one vertebra at a time and keeps close to the mean of all people. Several vertebrae of one person
    are several witnesses: their mean is put on the scale of the L1-L4 T-score by a line, and each vertebra lies around
    the patient's value by a share of what sets it apart from the others, with the usual step of its level. The
    patient's spread is the root mean square of the vertebrae's times a scale. Everything is fitted on simulated films
    (``evaluation.film.calibration``); without that the network's own values remain.

    Parameters
    ----------
    levels : sequence of str
        L1-L4, one for each T-score.
    raw : Raw
        The network's answers.
    numbers : dict
        ``patient_slope, patient_offset, patient_scale, vertebra_share, vertebra_scale, alone_slope, alone_offset,
        alone_scale`` and ``vertebra_step_L1`` ... ``_L4``.

    Returns
    -------
    list of Normal, Normal or None
        Of each vertebra, and of the patient; None with fewer than two vertebrae.
    """
    own, spread = np.asarray(raw.t_score, float), np.asarray(raw.spread, float)
    if len(levels) < FEWEST:
        t = numbers.get("alone_offset", 0.0) + numbers.get("alone_slope", 1.0) * own
        return _normals(t, numbers.get("alone_scale", 1.0) * spread), None
    mean = float(own.mean())
    patient = numbers.get("patient_offset", 0.0) + numbers.get("patient_slope", 1.0) * mean
    steps = np.array([numbers.get(f"vertebra_step_{level}", 0.0) for level in levels])
    t = patient + steps + numbers.get("vertebra_share", 1.0) * (own - mean)
    whole = Normal(patient, numbers.get("patient_scale", 1.0) * pooled(spread))
    return _normals(t, numbers.get("vertebra_scale", 1.0) * spread), whole


def _normals(t: Floats, spread: Floats) -> list[Normal]:
    return [Normal(float(a), float(b)) for a, b in zip(t, spread, strict=True)]


def pooled(spread: ArrayLike) -> float:
    """Root mean square of the vertebrae's spreads: they err together, so their mean errs hardly less than one."""
    return float(np.sqrt(np.mean(np.square(np.asarray(spread, float)))))


def run(film: Film, corners: Floats, patient: Demographics, networks: Networks, with_film: bool = True) -> Raw:
    """The network's answers for vertebrae with corners (n, 4, 2) in film pixels."""
    crops = crop_tensor(film, corners, cut(networks)).numpy()
    count = len(crops)
    known = np.repeat(patient_vector(patient)[None], count, 0)
    present = np.full((count, 1), float(with_film), np.float32)
    out = networks.run(ROLE, crops if with_film else np.zeros_like(crops), known, present)
    return Raw(out["t_score"].reshape(-1), out["t_spread"].reshape(-1), out["features"])


def cut(networks: Networks) -> Cut:
    """How the density network's crops are cut, as its weights say."""
    options = networks.metadata(ROLE).get("options") or {}
    return Cut.of(int(options.get("size", CROP_SIZE)), str(options.get("crop", CROP_WAYS[0])))


def calibration(metadata: dict[str, Any], patient: Demographics) -> Numbers:
    """Calibration numbers for what is known of the patient, without their prefix.

    They were fitted on films alone, with age and sex, and with height and weight too. What is known beyond these does
    not change them.
    """
    aged = patient.age_y is not None and patient.sex is not None
    prefix = "both_" if aged and patient.height_cm is not None and patient.weight_kg is not None else "aged_"
    prefix = prefix if aged else "film_"
    numbers = metadata.get("calibration") or {}
    return {key.removeprefix(prefix): float(v) for key, v in numbers.items() if key.startswith(prefix)}


def prediction(level: str | None, found: Normal, model: str, calibrated: bool = True) -> Prediction:
    """One prediction from one distribution: T-score, interval, category and probabilities.

    The density to 0.001 g/cm2 gives the T-score reported, so that both always agree; limits of the classes are those
    of reported T-scores. No interval and no probabilities without calibration.
    """
    site = level or "L1-L4"
    density = round(float(bmd(found.t, site)), 3)
    t = float(reference_t(density, site))
    half = INTERVAL_SDS * found.spread
    return Prediction(
        level=level,
        bmd_g_cm2=density,
        t_score=reported_t(t),
        interval=reported_interval(t - half, t + half) if calibrated else None,
        probabilities=class_shares(t, found.spread) if calibrated else {},
        category=category(reported_t(t)),
        model=model,
    )


def likeliest(found: Prediction) -> str | None:
    """The class with the most probability; the reported category where none has more."""
    shares = found.probabilities
    if not shares or found.category is None:
        return None
    best = max(CATEGORIES, key=lambda name: shares[name])
    return best if shares[best] > shares[found.category] else found.category


def between(predictions: Sequence[Prediction]) -> tuple[Finding, ...]:
    """Where the reported T-score's class is not the most likely one: near a cut-off, with a wide spread.

    Osteopenia is only 1.5 T wide, so a wide distribution can have more of its mass beyond the nearer cut-off.
    """
    odd = [p for p in predictions if likeliest(p) not in (None, p.category)]
    said = [_between(p) for p in odd if p.level is None]
    levels = tuple(str(p.level) for p in odd if p.level is not None)
    return (*said, *((note("film.between_levels", levels=levels),) if levels else ()))


def _between(found: Prediction) -> Finding:
    other = str(likeliest(found))
    return note(
        "film.between",
        category=note(f"category.{found.category}"),
        likeliest=note(f"category.{other}"),
        share=found.probabilities[other],
        own=found.probabilities[str(found.category)],
    )
