"""From a study to a report: ``bmd.modality.analyse`` for whatever was read, ``assess`` for a form."""

from __future__ import annotations

from bmd.types import Demographics, Report

__all__ = ["assess"]


def assess(patient: Demographics, file: str = "", reference: str = "hologic") -> Report:
    """What age, sex, height and weight alone say; see ``demographics.assess_patient``. Imports torch."""
    from bmd.inference.demographics.assess import assess_patient

    return assess_patient(patient, file, reference)
