"""From thickness maps to what the detector counts: spectrum, attenuation, scatter, blur, heel effect, noise.

Attenuation at 45, 60, 75 and 100 keV (computed: Elam cross-sections, coherent scatter included, on ICRU-44
compositions): lean tissue and fat by linear coefficients in 1/cm at 1.05 and 0.95 g/cm3, bone mineral by the mass
coefficient of hydroxyapatite in cm2/g, less the lean tissue it displaces (0.55 cm3/g with its collagen; an assumption).
"""

from __future__ import annotations

import cv2
import numpy as np

from bmd.simulator.film.projection import Geometry
from bmd.simulator.film.tissue import SoftTissue
from bmd.simulator.record import Array, Mask

MU_LEAN = (0.2555, 0.2150, 0.1959, 0.1778)  # 1/cm, muscle ICRU-44 x 1.05 g/cm3
MU_FAT = (0.2124, 0.1875, 0.1744, 0.1604)  # 1/cm, adipose ICRU-44 x 0.95 g/cm3
MU_MINERAL = (0.7436, 0.4067, 0.2827, 0.2019)  # cm2/g, hydroxyapatite
DISPLACED_CM3_G = 0.55
MU_METAL = (7.14, 3.39, 2.07, 1.21)  # 1/cm, titanium (NIST) x 4.43 g/cm3 of Ti-6Al-4V
BIN_EDGES_KEV = (30.0, 52.5, 67.5, 87.5, 150.0)
FILTER_MM_AL = 3.0


def spectrum(kvp: float) -> Array:
    """Relative energy fluence in the four bins for a tube voltage of 65..110 kVp; nothing lies above the voltage.

    Kramers' law behind 3 mm of aluminium (mass attenuation .57 cm2/g at 40 keV, photoelectric part as E to the -3).
    """
    energy = np.arange(20.5, 150.0)
    al = 2.7 * (0.40 * (40 / energy) ** 3 + 0.17 * (40 / energy) ** 0.15)
    fluence = np.clip(kvp / energy - 1, 0, None) * energy * np.exp(-al * FILTER_MM_AL * 0.1)
    weights = np.histogram(energy, BIN_EDGES_KEV, weights=fluence)[0]
    return np.asarray(weights / weights.sum())


def transmit(tissue: SoftTissue, mineral: Array, metal_cm: Array, kvp: float) -> Array:
    """Primary transmission (H, W), 1 in air: poly-energetic Beer-Lambert law."""
    lean, fat = tissue.lean * 0.1, tissue.fat * 0.1
    out = np.zeros_like(mineral)
    tables = (spectrum(kvp), MU_LEAN, MU_FAT, MU_MINERAL, MU_METAL)
    for weight, mu_lean, mu_fat, mu_mineral, mu_metal in zip(*tables, strict=True):
        if weight == 0.0:
            continue
        excess = mu_mineral - mu_lean * DISPLACED_CM3_G
        out += weight * np.exp(-(mu_lean * lean + mu_fat * fat + excess * mineral + mu_metal * metal_cm))
    return out


def add_scatter(primary: Array, body: Mask, ratio: float, geometry: Geometry) -> tuple[Array, float]:
    """Primary plus scatter, and the median primary signal behind the body.

    Scatter is a 40 mm blur of what leaves the body plus a flat veil, ``ratio`` times the primary in the middle.
    """
    height, width = primary.shape
    small = (max(8, width // 4), max(8, height // 4))
    source = cv2.resize(primary * np.where(body, 1.0, 0.15).astype(np.float32), small, interpolation=cv2.INTER_AREA)
    sigma = (max(1.0, 10 / geometry.column_mm), max(1.0, 10 / geometry.row_mm))
    veil = cv2.GaussianBlur(source, (0, 0), sigmaX=sigma[0], sigmaY=sigma[1], borderType=cv2.BORDER_REPLICATE)
    veil = np.minimum(veil, np.percentile(source, 92))
    level = float(np.median(primary[body])) if body.any() else float(primary.mean())
    return primary + ratio * (0.5 * cv2.resize(veil, (width, height)) + 0.5 * level), level


def expose(
    primary: Array, body: Mask, geometry: Geometry, rng: np.random.Generator, dose: float | None = None
) -> Array:
    """Signal of the detector, 1 behind the middle of the body, with scatter, focal blur, heel effect and quantum noise.

    Parameters
    ----------
    primary : ndarray
        Primary transmission (H, W).
    dose : float, optional
        Quanta per pixel where the signal is 1; drawn from 10,000..400,000 when None.
    """
    signal, level = add_scatter(primary, body, rng.uniform(0.3, 1.8), geometry)
    signal = cv2.GaussianBlur(signal, (0, 0), rng.uniform(0.2, 0.6))
    rows = np.linspace(-0.5, 0.5, signal.shape[0], dtype=np.float32)[:, None]
    columns = np.linspace(-0.5, 0.5, signal.shape[1], dtype=np.float32)[None, :]
    signal = signal * np.exp(rng.normal(0, 0.12) * rows + rng.normal(0, 0.12) * columns) / max(level, 1e-9)
    quanta = dose if dose is not None else 10 ** rng.uniform(4.0, 5.6)
    grain = rng.standard_normal(signal.shape, dtype=np.float32)
    counted = signal + grain * np.sqrt(np.clip(signal, 1e-4, None) / quanta)
    counted = cv2.GaussianBlur(counted.astype(np.float32), (0, 0), rng.uniform(0.25, 0.55))  # detector and resampling
    return np.asarray(counted)


def log_signal(signal: Array) -> Array:
    """Logarithmic film density, bone bright: -ln of the signal, floored at 1e-4."""
    return -np.log(np.clip(signal, 1e-4, None))
