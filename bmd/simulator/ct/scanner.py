"""What a CT scanner does to tissue: attenuation at its tube voltage, kernel, slice, noise, hardening, streaks, table.

Attenuation coefficients (cm2/g, at the effective energy of each tube voltage) are Elam cross-sections, coherent scatter
included, on ICRU-44 compositions; the effective energy of 120 kVp is that of Jang 2019's normal values (71 keV).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from bmd.simulator.record import Array

Phase = Literal["none", "arterial", "portal"]
PHASES: tuple[Phase, ...] = ("none", "arterial", "portal")

# kVp: water, muscle, adipose, hydroxyapatite, iodine in cm2/g at 57, 65, 71 and 76 keV.
MASS_ATTENUATION = {
    80: (0.21103, 0.21003, 0.20114, 0.44815, 8.692),
    100: (0.19871, 0.19751, 0.19201, 0.35306, 6.116),
    120: (0.19180, 0.19051, 0.18664, 0.30638, 4.829),
    140: (0.18702, 0.18568, 0.18280, 0.27745, 4.026),
}
HYDROXYAPATITE_G_CM3 = 3.16


@dataclass(frozen=True)
class Materials:
    """HU of tissues at one tube voltage: mineral per g/cm3 (net of the marrow it displaces), red and yellow marrow."""

    mineral: float
    red: float
    yellow: float
    fat: float
    iodine: float
    """HU of 1 mg/cm3 iodine."""

    @classmethod
    def at(cls, kvp: float) -> Materials:
        """Straight between the tabulated voltages, 80..140 kVp."""
        voltages = sorted(MASS_ATTENUATION)
        table = np.array([MASS_ATTENUATION[k] for k in voltages])
        water, muscle, adipose, mineral, iodine = (float(np.interp(kvp, voltages, column)) for column in table.T)
        fat = 1000 * (0.95 * adipose / water - 1)
        return cls(
            mineral=1000 * mineral / water,
            red=1000 * (1.055 * muscle / water - 1),
            yellow=fat,
            fat=fat - 22,  # living fat is looser than ICRU's 0.95 g/cm3: about -100 HU at 120 kVp
            iodine=iodine / water,
        )

    def bone(self, mineral: Array, yellow: Array) -> Array:
        """HU of bone with ``mineral`` g/cm3 in marrow of which ``yellow`` is fat."""
        marrow = self.red + (self.yellow - self.red) * yellow
        filled = np.clip(1 - mineral / HYDROXYAPATITE_G_CM3, 0, 1)
        return np.asarray(marrow * filled + mineral * (self.mineral - 1000 / HYDROXYAPATITE_G_CM3))


@dataclass(frozen=True)
class Scan:
    """One protocol. Lengths in mm; ``noise_hu`` is the SD in the middle of a soft-tissue slice."""

    kvp: float
    thickness_mm: float
    kernel_mm: float
    noise_hu: float
    phase: Phase
    oral: bool
    offset_hu: float
    gain: float = 1.0
    """On what mineral adds: scanners of one voltage differ in filter and calibration."""


def draw_scan(rng: np.random.Generator, thickness: float | None = None, phase: Phase | None = None) -> Scan:
    """A protocol as abdominal scans have it: mostly 120 kVp, a third without contrast, 1-5 mm slices."""
    kvp = float(rng.choice([80, 100, 110, 120, 130, 140], p=[0.04, 0.2, 0.06, 0.6, 0.04, 0.06]))
    drawn = float(rng.choice([1, 1.25, 2, 2.5, 3, 5], p=[0.1, 0.1, 0.2, 0.15, 0.25, 0.2]))
    thickness = drawn if thickness is None else thickness
    sharp = rng.random()
    kernel = 1.0 - 0.55 * sharp**2
    noise = rng.uniform(7, 14) * (1 + 1.6 * sharp**2) * (3.0 / max(thickness, 1.0)) ** 0.35
    when: Phase = PHASES[int(rng.choice(3, p=[0.35, 0.15, 0.5]))]
    return Scan(
        kvp=kvp,
        thickness_mm=thickness,
        kernel_mm=float(kernel),
        noise_hu=float(noise),
        phase=when if phase is None else phase,
        oral=bool(rng.random() < 0.3),
        offset_hu=float(rng.normal(0, 8.0)),
        gain=float(np.exp(rng.normal(0, 0.05))),
    )


def blur(hu: Array, pixel_mm: float, scan: Scan) -> Array:
    """In-plane blur of the reconstruction kernel (sharp ones overshoot a little)."""
    sigma = scan.kernel_mm / pixel_mm
    soft = cv2.GaussianBlur(hu, (0, 0), max(sigma, 0.15))
    if scan.kernel_mm < 0.7:
        soft += 0.35 * (0.7 - scan.kernel_mm) / 0.25 * (soft - cv2.GaussianBlur(soft, (0, 0), 1.6 * max(sigma, 0.3)))
    return np.asarray(soft)


def noise_texture(rng: np.random.Generator, shape: tuple[int, int], pixel_mm: float, scan: Scan) -> Array:
    """Noise of unit variance as filtered back projection leaves it: no low frequencies, cut off by the kernel."""
    white = rng.standard_normal(shape, dtype=np.float32)
    fine = max(0.35, 0.9 * scan.kernel_mm / pixel_mm)
    texture = cv2.GaussianBlur(white, (0, 0), fine)
    texture -= cv2.GaussianBlur(texture, (0, 0), 1.9 * fine)
    deviation = float(texture.std())
    return np.asarray(texture / max(deviation, 1e-6))
