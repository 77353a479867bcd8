"""What the patient's figures mean for a result, whatever it was made from."""

from __future__ import annotations

from dataclasses import replace

from bmd import reference
from bmd.findings import Finding, warning
from bmd.types import Demographics, Prediction

WHO_AGE_Y = 50
"""From here WHO categories hold, in women after the menopause and in men (ISCD 2023)."""


def of_age(patient: Demographics) -> tuple[Finding, ...]:
    """What the patient's age means for the WHO categories; nothing when it is not known."""
    if patient.age_y is None or patient.age_y >= WHO_AGE_Y:
        return ()
    return (warning("patient.below_who_age", who_age_y=WHO_AGE_Y),)


def below_who_age(patient: Demographics) -> bool:
    """Whether the patient is known to be too young for WHO categories."""
    return patient.age_y is not None and patient.age_y < WHO_AGE_Y


def as_z(found: Prediction, patient: Demographics) -> Prediction:
    """Under 50 no WHO class: the density remains, of L1-L4 together with the Z-score where the sex is known (ISCD)."""
    if patient.age_y is None or not below_who_age(patient) or found.t_score is None:
        return found
    bare = replace(found, t_score=None, interval=None, probabilities={}, category=None)
    if patient.sex is None or found.level is not None or found.bmd_g_cm2 is None:
        return bare
    age, sex = patient.age_y, patient.sex
    z = reference.reported_t(float(reference.z_score(found.bmd_g_cm2, age, sex)))
    if found.interval is None:
        return replace(bare, z_score=z)
    low, high = (float(reference.z_score(reference.bmd(t, "L1-L4"), age, sex)) for t in found.interval)
    return replace(bare, z_score=z, z_interval=reference.reported_interval(low, high))
