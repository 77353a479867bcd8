"""Sites, populations, classes and fields of the form, by code; light enough for the app to import at its start."""

from __future__ import annotations

from bmd.findings import Finding, note

SITES = {"lumbar": "L1-L4", "femoral_neck": "femoral_neck", "total_hip": "total_hip"}
"""Name of each site in a report ("site.<code>.name"), and in ``reference``."""
LOWEST = "lowest"
POPULATIONS = ("hologic", "nhanes_2005_2010")
"""Keys of ``reference.REFERENCES`` that know all three sites on the scale the survey measured with."""
WITHIN, BELOW = "within_expected", "below_expected"
"""ISCD's classes of a Z-score above -2.0, and of one of -2.0 or lower (words: "category.below_expected")."""
FIELDS = {"age_y": "age", "sex": "sex", "height_cm": "height", "weight_kg": "weight"}
"""Fields of ``Demographics``, and the code of what each is called ("word.age")."""
UNITS = {"age_y": "years", "height_cm": "cm", "weight_kg": "kg"}
"""Code of the unit of each number ("unit.years")."""


def field_word(name: str) -> Finding:
    """What a field of ``Demographics`` is called inside a sentence."""
    return note(f"word.{FIELDS[name]}")


def unit_word(name: str) -> Finding:
    """What the unit of a field is called."""
    return note(f"unit.{UNITS[name]}")
