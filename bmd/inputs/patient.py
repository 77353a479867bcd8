"""What the networks are told of the patient: standardised values, and flags that say which of them are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bmd.types import Demographics

DEMOGRAPHIC_SCALE = {"age_y": (60.0, 15.0), "male": (0.5, 0.5), "height_cm": (165.0, 10.0), "weight_kg": (70.0, 15.0)}
"""Centre and spread used to standardise what is known of the patient (round numbers for adults)."""

BMI_CENTRE, BMI_SPREAD = 24.0, 4.5


def demographics_vector(
    age_y: float | None = None,
    male: float | None = None,
    height_cm: float | None = None,
    weight_kg: float | None = None,
) -> NDArray[np.float32]:
    """What is known of the patient as float32 (8,): age, sex, height, weight standardised, then four presence flags.

    A missing value (None or NaN) is zero with flag zero; ``male`` is 1 for men, 0 for women.
    """
    values = np.array([np.nan if v is None else v for v in (age_y, male, height_cm, weight_kg)], np.float32)
    present = np.isfinite(values)
    centre, spread = np.array(list(DEMOGRAPHIC_SCALE.values()), np.float32).T
    standard = np.where(present, (values - centre) / spread, 0)
    return np.concatenate([standard, present]).astype(np.float32)


def patient_vector(patient: Demographics) -> NDArray[np.float32]:
    """``demographics_vector`` of a patient, float32 (8,)."""
    male = None if patient.sex is None else float(patient.sex == "M")
    return demographics_vector(patient.age_y, male, patient.height_cm, patient.weight_kg)


def patient_vector_with_bmi(patient: Demographics) -> NDArray[np.float32]:
    """The same with the body mass index, float32 (10,): five standardised values, then five presence flags."""
    eight, bmi = patient_vector(patient), patient.bmi
    value = 0.0 if bmi is None else (bmi - BMI_CENTRE) / BMI_SPREAD
    return np.concatenate([eight[:4], [value], eight[4:], [float(bmi is not None)]]).astype(np.float32)
