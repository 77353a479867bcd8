"""What limits a result on a film."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType

from bmd.findings import Finding, note, warning
from bmd.inference.film import size
from bmd.inference.film.found import Found
from bmd.inference.film.fracture import low_bodies
from bmd.inference.film.measure import FEWEST, PATIENT_LEVELS, Measured
from bmd.inference.patient import below_who_age, of_age
from bmd.reference import LUMBAR
from bmd.types import Prediction, Study, Suitability

FLAWED: Mapping[str, str] = MappingProxyType({"metal": "film.metal_levels", "doubted": "film.doubted_levels"})


def warnings(
    found: Found,
    measured: Measured,
    study: Study,
    suitability: Suitability,
) -> tuple[Finding, ...]:
    """Everything the reader should know before using the numbers, most important first."""
    said = [*_unjudged(measured), *found.said]
    if found.certain and found.decoded is not None:  # a network of boxes has no outlines
        said += low_bodies(found.vertebrae, found.unmeasured)
    said += _coverage(found, measured.each, measured.patient)
    said += size.few_pixels(found.vertebrae)
    said += of_age(study.patient)
    if found.metal:
        said.append(warning("film.metal"))
    if suitability.inverted:
        said.append(note("film.inverted"))
    if found.second_spine:
        said.append(warning("film.second_spine"))
    if measured.each and any(v.level == "L5" for v in found.vertebrae):
        said.append(note("film.no_l5"))
    if not below_who_age(study.patient):  # no classes are shown then
        said += [one for one in measured.said if one.severity == "note"]
    return tuple(said)


def _unjudged(measured: Measured) -> list[Finding]:
    """Why there is no density at all."""
    return [one for one in measured.said if one.severity == "warning"]


def _coverage(found: Found, each: tuple[Prediction, ...], patient: Prediction | None) -> list[Finding]:
    said = []
    levels = {v.level for v in found.vertebrae}
    missing = tuple(level for level in LUMBAR if level not in levels)
    if missing:
        said.append(warning("film.missing", levels=missing))
    cut = tuple(level for level in LUMBAR if level in found.cut)
    if cut:
        said.append(warning("film.cut", levels=cut))
    for flaw, code in FLAWED.items():
        marked = tuple(str(v.level) for v in found.vertebrae if v.flaw == flaw)
        if marked:
            said.append(warning(code, levels=marked))
    if each and patient is None:
        said.append(warning("film.too_few", least=FEWEST))
    used = tuple(p.level for p in each if p.level is not None and p.level in PATIENT_LEVELS)
    if patient is not None and len(used) < len(PATIENT_LEVELS):
        said.append(warning("film.rests_on", levels=used))
    if neighbours_differ(each):
        said.append(warning("film.neighbours_differ"))
    return said


def neighbours_differ(each: tuple[Prediction, ...]) -> bool:
    """Whether two adjacent vertebrae of L1-L4 differ by more than one T-score (ISCD's reason to exclude one)."""
    t = {p.level: p.t_score for p in each}
    pairs = ((t.get(a), t.get(b)) for a, b in pairwise(PATIENT_LEVELS))
    return any(a is not None and b is not None and abs(a - b) > 1.05 for a, b in pairs)  # T-scores come to 0.1
