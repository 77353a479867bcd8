"""Does a film look to the density network like anything that was simulated?

The pooled features of its vertebrae are compared with those of simulated films that no network has seen: Mahalanobis
distance from their mean, with a covariance shrunk towards a sphere. Beyond the 99th percentile of other such films the
network's answer is an extrapolation, and none is given. Fitted by ``evaluation.film.calibration``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.findings import Finding, warning
from bmd.inference.run import Networks

NAME = "region"
"""Of the file beside the weights."""
SHARE = 0.99
"""Of simulated films inside."""
SHRINKAGE = 0.1
"""Weight of the sphere in the covariance: 192 features from some thousand films are not all independent."""

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Region:
    """Where simulated films lie.

    Attributes
    ----------
    mean : ndarray
        (192,) of the features of films.
    whiten : ndarray
        (192, 192); the distance is the length of ``whiten @ (features - mean)``.
    limit : float
        Largest distance inside.
    """

    mean: Floats
    whiten: Floats
    limit: float

    def distance(self, features: Floats) -> NDArray[np.float64]:
        """Distances of films with features (n, 192) or (192,), in units of ``limit``: 1 is the border."""
        away = (np.asarray(features, float) - self.mean) @ np.asarray(self.whiten, float).T
        return np.asarray(np.linalg.norm(away, axis=-1) / self.limit)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """As they stand in the file."""
        whole = {"mean": self.mean, "whiten": self.whiten, "limit": self.limit}
        return {key: np.asarray(value, np.float32) for key, value in whole.items()}


def fit(features: Floats, others: Floats) -> Region:
    """The region of films with features (n, 192); ``others`` (m, 192) give the limit, so that it is not too tight.

    Raises
    ------
    ValueError
        Fewer than two films, or no others.
    """
    known = np.asarray(features, float)
    if len(known) < 2 or not len(others):
        raise ValueError("a region needs films on both sides")
    covariance = np.cov(known.T)
    sphere = np.eye(len(covariance)) * np.trace(covariance) / len(covariance)
    values, axes = np.linalg.eigh((1 - SHRINKAGE) * covariance + SHRINKAGE * sphere)
    whiten = (axes / np.sqrt(np.maximum(values, 1e-12))).T
    free = Region(known.mean(0), whiten, 1.0)
    return Region(free.mean, free.whiten, float(np.quantile(free.distance(others), SHARE)))


def pooled(features: Floats) -> NDArray[np.float64]:
    """Features (192,) of a film from those (n, 192) of its measured vertebrae."""
    return np.asarray(np.asarray(features, float).mean(0), np.float64)


def of(networks: Networks, role: str) -> Region | None:
    """The region of the density network; None where none was fitted."""
    if NAME not in networks.metadata(role):
        return None
    stored = networks.arrays(role, NAME)
    return Region(stored["mean"], stored["whiten"], float(stored["limit"]))


def outside(features: Floats, networks: Networks, role: str) -> Finding | None:
    """Why density cannot be judged on a film with these features (n, 192) of its vertebrae; None where it can."""
    known = of(networks, role)
    if known is None:
        return None
    distance = float(known.distance(pooled(features)))
    return warning("film.density_unjudged", distance=round(distance, 2)) if distance > 1 else None
