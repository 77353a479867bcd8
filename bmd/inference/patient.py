"""What the patient's figures mean for a result, whatever it was made from."""

from __future__ import annotations

from bmd.findings import Finding, warning
from bmd.types import Demographics

WHO_AGE_Y = 50
"""From here WHO categories hold, in women after the menopause and in men (ISCD 2023)."""


def of_age(patient: Demographics) -> tuple[Finding, ...]:
    """What the patient's age means for the WHO categories; nothing when it is not known."""
    if patient.age_y is None or patient.age_y >= WHO_AGE_Y:
        return ()
    return (warning("patient.below_who_age", who_age_y=WHO_AGE_Y),)
