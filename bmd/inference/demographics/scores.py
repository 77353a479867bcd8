"""Published screening scores from age, sex and weight: OST, OSTA and ORAI, each with what it lacks."""

from __future__ import annotations

from bmd import reference
from bmd.findings import Finding, Value, note
from bmd.types import Demographics, ScreeningScore

ORAI_FROM_Y = 45
"""Women it was made for (CMAJ 2000;162:1289)."""


def screening(patient: Demographics) -> tuple[ScreeningScore, ...]:
    """OST, OSTA and ORAI, each with what it lacks."""
    return _ost(patient), _osta(patient), _orai(patient)


def _says(code: str, **values: Value) -> Finding:
    return note(f"demographics.score.{code}", **values)


def _too_young(patient: Demographics) -> Finding | None:
    """Why no score judges a patient of this age, or None."""
    young = patient.age_y is not None and patient.age_y < reference.MINIMUM_AGE_FOR_T
    return _says("too_young", from_y=reference.MINIMUM_AGE_FOR_T) if young else None


def _lacks(patient: Demographics) -> tuple[str, ...]:
    given = {"age": patient.age_y, "weight": patient.weight_kg}
    return tuple(name for name, value in given.items() if value is None)


def _ost(patient: Demographics) -> ScreeningScore:
    below = reference.OST_SCREEN_BELOW
    cutoff, source = _says("ost_cutoff", women=below["F"], men=below["M"]), _says("ost_source")
    if why := _too_young(patient):
        return ScreeningScore("OST", None, cutoff, why, source)
    if patient.age_y is None or patient.weight_kg is None:
        return ScreeningScore("OST", None, cutoff, None, source, _lacks(patient))
    value = reference.ost(patient.age_y, patient.weight_kg)
    scan = {value < below[sex] for sex in ([patient.sex] if patient.sex else ["F", "M"])}
    if len(scan) == 2:
        return ScreeningScore("OST", value, cutoff, _says("depends_on_sex"), source, ("sex",))
    return ScreeningScore("OST", value, cutoff, _says("scan" if scan == {True} else "no_scan"), source)


def _osta(patient: Demographics) -> ScreeningScore:
    cutoff, source = _says("osta_cutoff"), _says("osta_source")
    if why := _says("women_only") if patient.sex == "M" else _too_young(patient):
        return ScreeningScore("OSTA", None, cutoff, why, source)
    if patient.age_y is None or patient.weight_kg is None:
        return ScreeningScore("OSTA", None, cutoff, None, source, _lacks(patient))
    risk = reference.osta_risk(patient.age_y, patient.weight_kg)
    value = reference.ost(patient.age_y, patient.weight_kg)
    return ScreeningScore("OSTA", value, cutoff, _says(f"risk_{risk}"), source)


def _orai(patient: Demographics) -> ScreeningScore:
    """Whether she takes oestrogen is not asked: the points are given without it, and what it would change is said."""
    cutoff = _says("orai_cutoff", points=reference.ORAI_SCREEN_FROM, from_y=ORAI_FROM_Y)
    source = _says("orai_source")
    if patient.sex == "M" or (patient.age_y is not None and patient.age_y < ORAI_FROM_Y):
        return ScreeningScore("ORAI", None, cutoff, _says("women_from", from_y=ORAI_FROM_Y), source)
    if patient.age_y is None or patient.weight_kg is None:
        return ScreeningScore("ORAI", None, cutoff, None, source, _lacks(patient))
    value, less = (reference.orai(patient.age_y, patient.weight_kg, oestrogen) for oestrogen in (False, True))
    advised = [points >= reference.ORAI_SCREEN_FROM for points in (value, less)]
    code = "scan" if all(advised) else "scan_unless_oestrogen" if any(advised) else "no_scan"
    return ScreeningScore(
        "ORAI", value, cutoff, _says("orai_verdict", verdict=_says(code), with_oestrogen=less), source
    )
