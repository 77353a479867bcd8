"""CT, step 3b: what measured HU mean by published numbers, and whether the slice network says the same.

No published regression from HU to a T-score could be read (docs/decisions/0025), so there is none: the value, the
published cut-offs, and the chance of osteoporosis by DXA that follows from published normal values, the published
correlation of HU with DXA and the share of people of that age and sex who have it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from statistics import NormalDist

import numpy as np

from bmd import reference
from bmd.ct_types import BANDS, TRABECULAR, Attenuation, Band, Chance, Trabecular
from bmd.findings import Finding, Value, note, warning
from bmd.inference.patient import WHO_AGE_Y, below_who_age
from bmd.types import Demographics, Prediction

NORMAL = NormalDist()


def band_of(hu: float, kvp: float | None) -> Band | None:
    """Where a HU lies against the cut-offs of 120 kV; an unknown voltage is taken for that.

    HU of bone rise as the voltage falls: at a lower one "low" still holds, at a higher one "high"; else None.
    """
    band: Band = "low" if hu <= reference.HU_L1_SPECIFIC else "between"
    if hu > reference.HU_L1_SENSITIVE:
        band = "high"
    if of_source(kvp):
        return band
    assert kvp is not None
    return band if band == ("low" if kvp < reference.HU_KVP else "high") else None


def of_source(kvp: float | None) -> bool:
    """Whether published HU may be used as they are."""
    return kvp is None or abs(kvp - reference.HU_KVP) <= 1


def chance(hu: float, patient: Demographics) -> Chance:
    """Chance of osteoporosis by DXA at the lowest of spine and hip, in people from 50 on.

    HU and the lowest T-score of people of one age and sex are taken for jointly normal: HU with the published mean and
    SD of that age, T below -2.5 as often as in the survey, their correlation the published one. What is unknown of the
    patient is averaged over people from 50 on, weighed by how often such HU are among them.

    Parameters
    ----------
    hu : float
        At L1 and 120 kV.
    patient : Demographics
        Age, if known, from 50.
    """
    ages = reference.OSTEOPOROSIS_AGES if patient.age_y is None else (patient.age_y,)
    sexes = ("F", "M") if patient.sex is None else (patient.sex,)
    groups = [(age, sex, _people(age, sex, patient)) for age in ages for sex in sexes]
    share, low, high = (_averaged(hu, groups, r) for r in (reference.HU_DXA_R, *reference.HU_DXA_R_ENDS))
    before = sum(n * reference.osteoporosis_share(age, sex) for age, sex, n in groups) / sum(n for *_, n in groups)
    return Chance(share, min(share, low, high), max(share, low, high), round(before, 4))


def _people(age: float, sex: str, patient: Demographics) -> float:
    """Weight of a group: its share of the people from 50 on."""
    shares = reference.PEOPLE_FROM_50[sex]
    if patient.age_y is None:
        return shares[reference.OSTEOPOROSIS_AGES.index(age)]
    return float(np.interp(age, reference.OSTEOPOROSIS_AGES, shares))


def _averaged(hu: float, groups: Iterable[tuple[float, str, float]], r: float) -> float:
    total = osteoporosis = 0.0
    for age, sex, people in groups:
        mean, sd = reference.hu_normal(age)
        z, limit = (hu - mean) / sd, NORMAL.inv_cdf(reference.osteoporosis_share(age, sex))
        often = people * NORMAL.pdf(z) / sd
        total += often
        osteoporosis += often * NORMAL.cdf((limit - r * z) / (1 - r * r) ** 0.5)
    return round(osteoporosis / total, 4)


def judge(
    values: tuple[Attenuation, ...], kvp: float | None, patient: Demographics
) -> tuple[tuple[Attenuation, ...], Trabecular | None]:
    """Set every body's HU, and L1 or what stands for it, against the published numbers.

    Parameters
    ----------
    values : tuple of Attenuation
        What was measured.
    kvp : float or None
        Tube voltage.
    patient : Demographics
        What is known.

    Returns
    -------
    tuple of Attenuation, Trabecular or None
        The same with their ``band``; None where nothing was measured that the cut-offs are used at.
    """
    young = below_who_age(patient)
    usable = [one for one in values if one.level is None or one.level in reference.HU_LEVELS]
    bands = {id(one): band_of(one.mean_hu, kvp) for one in usable if not young}
    values = tuple(replace(one, band=bands.get(id(one))) for one in values)
    usable = [one for one in values if one.level in reference.HU_LEVELS]
    usable = usable or [one for one in values if one.level is None]
    if not usable:
        return values, None
    first = [one for one in usable if one.level == "L1"] or usable
    hu = round(float(np.mean([one.mean_hu for one in first])), 1)
    band = None if young else band_of(hu, kvp)
    expected, z = _for_age(hu, kvp, patient)
    found = Trabecular(
        hu=hu,
        level="L1" if first[0].level == "L1" else None,
        vertebrae=tuple(one.vertebra for one in first),
        mean_hu=round(float(np.mean([one.mean_hu for one in usable])), 1),
        band=band,
        where=_where(first),
        verdict=_verdict(hu, _where(first), band, kvp, z if young else None, young),
        chance=chance(hu, patient) if of_source(kvp) and not young else None,
        expected_hu=expected,
        z_score=z if young else None,
    )
    return values, found


def _for_age(hu: float, kvp: float | None, patient: Demographics) -> tuple[float | None, float | None]:
    """Published mean of the age and how many SDs lie between."""
    if patient.age_y is None or not of_source(kvp):
        return None, None
    mean, sd = reference.hu_normal(patient.age_y)
    return round(mean, 1), reference.reported_t((hu - mean) / sd)


def _where(measured: list[Attenuation]) -> Finding:
    """What the value is of: L1, a mean of named levels, or of bodies without names."""
    levels = tuple(one.level for one in measured if one.level is not None)
    if levels:
        return note("ct.where.levels" if len(levels) > 1 else "ct.where.level", levels=levels)
    return note("ct.where.unnamed", count=len(measured))


def _verdict(hu: float, where: Finding, band: Band | None, kvp: float | None, z: float | None, young: bool) -> Finding:
    numbers: dict[str, Value] = {"hu": hu, "where": where}
    if young and z is not None:
        low = z <= reference.LOW_FOR_AGE_FROM_Z
        return note("ct.verdict.below_age" if low else "ct.verdict.of_age", z=z, **numbers)
    if young:
        return note("ct.verdict.young", who_age_y=WHO_AGE_Y, **numbers)
    if band is None:
        return note("ct.verdict.other_kvp", kvp=kvp or 0.0, reference_kvp=reference.HU_KVP, **numbers)
    cuts: dict[str, Value] = {"specific_hu": reference.HU_L1_SPECIFIC, "sensitive_hu": reference.HU_L1_SENSITIVE}
    return note(f"ct.verdict.{band}", **numbers, **cuts)


def as_prediction(found: Trabecular | None) -> Prediction | None:
    """The chance of osteoporosis as the patient's prediction; there is no T-score and no WHO class in it."""
    if found is None or found.chance is None:
        return None
    return Prediction(None, None, None, None, {"osteoporosis": found.chance.share}, None, TRABECULAR)


def with_second_reader(found: Trabecular | None, network: Prediction | None) -> tuple[Trabecular | None, list[Finding]]:
    """Compare the class of the band with the one the slice network names for the patient."""
    if found is None or found.band is None or network is None or network.category is None:
        return found, []
    agrees = BANDS.index(found.band) == reference.CATEGORIES.index(network.category)
    if agrees:
        return replace(found, agrees=True), []
    said = warning(
        "ct.readers_differ",
        hu=found.hu,
        band=note(f"ct.band.{found.band}"),
        category=note(f"category.{network.category}"),
        share=network.probabilities.get(network.category, 0.0),
    )
    return replace(found, agrees=False), [said]
