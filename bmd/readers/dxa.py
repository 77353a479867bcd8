"""How a study becomes a DXA image, and what a DICOM header says of whether it is one."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from bmd.findings import Finding, note
from bmd.readers.header import Header, stored, word
from bmd.types import Study

DENSITOMETRY = {"BMD", "DXA"}
"""Modality of a densitometer's image."""
UNSURE = {"", "OT", "CR", "SC", "RG", "DX"}
"""Modalities under which densitometers export their images too."""
RADIOGRAPHY = {"CR", "DX", "RG"}
SAYS_DXA, SAYS_FILM = "read.header.dxa", "read.header.film"
"""Codes of what a header says; the automatic routing goes by them."""
_FILM_CLASS = re.compile(r"1\.2\.840\.10008\.5\.1\.4\.1\.1\.1(?:\.1(?:\.1)?)?$")
"""Storage of computed and digital radiographs (PS3.4 B.5)."""
_DEVICE = re.compile(
    r"lunar|hologic.*(?:horizon|discovery|explorer|delphi|qdr|4500)|idxa|prodigy|\bdpx\b|norland|stratos|medilink"
    r"|osteocore|\bdexxum\b|osteosys.*primus|dcs-?(?:600|900)|densitomet"
)
"""Manufacturers and models of densitometers."""
_WORDS = re.compile(r"\bde?xa\b|bone (?:mineral )?densit|densitom|osteodens|knochendichte|dichtemessung|\bbmd\b")
_TEXTS = ("SeriesDescription", "StudyDescription", "ProtocolName")


def said_by_header(header: Header) -> Finding | None:
    """What a DICOM header says: a densitometer's image, an ordinary radiograph, or nothing that would tell.

    A densitometer is named by the modality (BMD, DXA), else by manufacturer and model, else by the description. A
    radiograph is one by class and modality (CR, DX) that names a part of the body or a projection and no densitometer;
    one described as densitometry contradicts itself. Names and descriptions are compared here and go no further.
    """
    kind = word(header, "Modality")
    if kind in DENSITOMETRY:
        return note(SAYS_DXA, by=note("read.header.by.modality"))
    if kind not in UNSURE:
        return None
    device = " ".join(str(stored(header, tag) or "")[:64].lower() for tag in ("Manufacturer", "ManufacturerModelName"))
    if _DEVICE.search(device):
        return note(SAYS_DXA, by=note("read.header.by.device"))
    described = bool(_WORDS.search(" ".join(str(stored(header, tag) or "")[:64].lower() for tag in _TEXTS)))
    film = kind in RADIOGRAPHY and bool(_FILM_CLASS.match(str(stored(header, "SOPClassUID") or "")))
    if film and any(word(header, tag) for tag in ("BodyPartExamined", "ViewPosition")):
        return None if described else note(SAYS_FILM)
    return note(SAYS_DXA, by=note("read.header.by.description")) if described else None


def header_says(study: Study) -> Literal["dxa", "film"] | None:
    """What the header of a study says, by the notes of its reading."""
    codes = {found.code for found in study.notes}
    return "dxa" if SAYS_DXA in codes else "film" if SAYS_FILM in codes else None


def as_dxa(study: Study) -> Study:
    """The same pictures read as a DXA image of the spine; a view that the file names is kept."""
    return replace(
        study, images=tuple(replace(image, modality="dxa", view=image.view or "ap") for image in study.images)
    )
