"""Age, sex, height and weight from DICOM tags: plausible values only, each dropped value noted, nothing filled in."""

from __future__ import annotations

import re
from datetime import date
from typing import cast

from bmd.findings import Finding, note
from bmd.readers.header import Header, number, stored
from bmd.types import Demographics, Sex

AGE_Y = (0.0, 120.0)
HEIGHT_CM = (50.0, 250.0)
WEIGHT_KG = (2.0, 400.0)
"""Plausible ranges; zero is a common placeholder and lies outside each."""

_PER_YEAR = {"D": 365.25, "W": 52.18, "M": 12, "Y": 1}


def demographics(header: Header, notes: list[Finding]) -> Demographics:
    """Read what the header says of the patient.

    Parameters
    ----------
    header : mapping
        Anything with ``get(keyword, default)`` for DICOM keywords.
    notes : list of Finding
        A note is appended for every value that was computed or dropped. No value is repeated in it.

    Returns
    -------
    Demographics
        Whole years, centimetres, kilograms; None where the header is silent or implausible.
    """
    age = _age_y(header, notes)
    height_m = number(header, "PatientSize")
    height_cm = None if height_m is None else height_m * 100
    return Demographics(
        age_y=_plausible(age, AGE_Y, "age", notes),
        sex=_sex(header, notes),
        height_cm=_plausible(height_cm, HEIGHT_CM, "height", notes),
        weight_kg=_plausible(number(header, "PatientWeight"), WEIGHT_KG, "weight", notes),
    )


def _age_y(header: Header, notes: list[Finding]) -> float | None:
    text = str(stored(header, "PatientAge") or "").strip().upper()
    if match := re.fullmatch(r"(\d{1,3})([DWMY]?)", text):
        return float(int(match[1]) // _PER_YEAR[match[2] or "Y"])
    if text:
        notes.append(note("read.age_unreadable"))
    born = _date(stored(header, "PatientBirthDate"))
    taken = _date(stored(header, "AcquisitionDate")) or _date(stored(header, "StudyDate"))
    if born is None or taken is None:
        return None
    notes.append(note("read.age_computed"))
    return float(taken.year - born.year - ((taken.month, taken.day) < (born.month, born.day)))


def _date(value: object) -> date | None:
    text = str(value or "").replace(".", "")
    if not re.fullmatch(r"\d{8}", text):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def _sex(header: Header, notes: list[Finding]) -> Sex | None:
    text = str(stored(header, "PatientSex") or "").strip().upper()
    if text in ("F", "M"):
        return cast(Sex, text)
    if text:
        notes.append(note("read.sex_unknown"))
    return None


def _plausible(value: float | None, limits: tuple[float, float], word: str, notes: list[Finding]) -> float | None:
    if value is None:
        return None
    low, high = limits
    if not (low < value <= high):
        notes.append(note(f"read.implausible.{word}"))
        return None
    return round(value, 1)
