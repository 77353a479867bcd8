"""What an answer rests on, said wherever the answer stands: on the card, in JSON and CSV, on the picture."""

from __future__ import annotations

from dataclasses import asdict

from bmd.findings import Finding, note
from bmd.reference import HOLOGIC
from bmd.types import Report

FIELDS = {"age_y": "age", "sex": "sex", "height_cm": "height", "weight_kg": "weight"}


def basis(report: Report) -> tuple[Finding, ...]:
    """What went into the answer for the patient, what its network learned from, and whom a T-score compares with.

    Nothing for a report without an answer, and of a DXA image, which says it in its own way.
    """
    if report.trabecular is not None:
        learned = (note("basis.ct_networks"),) if report.answers else ()
        return note("basis.hu"), note("basis.hu_cutoffs"), note("basis.hu_chance"), *learned
    if report.prediction is None:
        return ()
    known = tuple(note(f"word.{FIELDS[name]}") for name, value in asdict(report.patient).items() if value is not None)
    if report.modality == "radiograph":
        used = note("basis.film_and", fields=known) if known else note("basis.film")
        compared = (note("basis.reference", name=HOLOGIC.name),) if report.prediction.t_score is not None else ()
        return used, note("basis.simulated"), *compared
    if report.modality == "demographics":
        return note("basis.form", fields=known), note("basis.survey")
    return ()
