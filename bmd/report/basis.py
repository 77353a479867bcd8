"""What an answer rests on, said wherever the answer stands: on the card, in JSON and CSV, on the picture."""

from __future__ import annotations

from dataclasses import asdict

from bmd.findings import Finding, note
from bmd.reference import REFERENCES
from bmd.types import Prediction, Report

FIELDS = {"age_y": "age", "sex": "sex", "height_cm": "height", "weight_kg": "weight"}


def basis(report: Report) -> tuple[Finding, ...]:
    """What went into the answer for the patient, what its network learned from, and whom a T-score compares with.

    Nothing for a report without an answer.
    """
    if report.modality == "ct":
        return _of_ct(report)
    if report.prediction is None:
        return ()
    if report.modality == "dxa":
        return _of_dxa(report, report.prediction)
    known = tuple(note(f"word.{FIELDS[name]}") for name, value in asdict(report.patient).items() if value is not None)
    if report.modality == "radiograph":
        used = note("basis.film_and", fields=known) if known else note("basis.film")
        return used, note("basis.simulated"), *compared_with(report, report.prediction)
    return note("basis.form", fields=known), note("basis.survey"), *compared_with(report, report.prediction)


def compared_with(report: Report, answer: Prediction) -> tuple[Finding, ...]:
    """Whom a T-score or Z-score compares with; nothing without either."""
    if answer.z_score is not None:
        return (note("basis.z_reference"),)
    return (note("basis.reference", name=REFERENCES[report.reference].name),) if answer.t_score is not None else ()


def _of_ct(report: Report) -> tuple[Finding, ...]:
    """Measured HU with the numbers they are judged by; networks as far as they answered."""
    learned = (note("basis.ct_networks"),) if report.answers else ()
    if report.trabecular is None:
        return learned
    judged = [note("basis.hu_cutoffs")] if report.trabecular.band is not None else []
    judged += [note("basis.hu_chance")] if report.trabecular.chance is not None else []
    judged += [note("basis.hu_age")] if report.trabecular.z_score is not None else []
    return note("basis.hu"), *judged, *learned


def _of_dxa(report: Report, answer: Prediction) -> tuple[Finding, ...]:
    """What the file holds, or what is printed on the page."""
    if report.printed:
        return note("basis.printed"), note("basis.printed_reference")
    # Where density was measured, a warning speaks of the network's estimate beside it.
    networks = "basis.dxa_regions" if report.densities else "basis.dxa_network"
    rests = note("basis.scan") if report.densities else note("basis.dxa_picture")
    return rests, note(networks), *compared_with(report, answer)
