"""What each page says of an input of another page: about what it needs itself, and where that input belongs."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from functools import cache

import numpy as np
import pydicom
import pytest
from PIL import Image as Pillow

from bmd import modality
from bmd.app import elsewhere, session
from bmd.app.ct.samples import SAMPLES as CTS
from bmd.app.dxa.samples import SAMPLES as SCANS
from bmd.app.film.samples import SAMPLES as FILMS
from bmd.errors import BmdError
from bmd.readers import read_study
from bmd.text import say
from bmd.types import Report, Study

NEEDS = {
    "film": ("lumbar spine from the side", "lateral spine", "A film must"),
    "ct": ("A CT is needed",),
    "dxa": ("DXA image",),
}
"""What a page's refusal speaks of."""
TITLES = {"film": "Spine X-ray", "ct": "Abdominal CT", "dxa": "DXA image"}


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Pillow.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


@cache
def one_slice() -> bytes:
    with zipfile.ZipFile(CTS.named("ct_cut").path) as archive:
        return archive.read(sorted(archive.namelist())[20])


def mr() -> bytes:
    header = pydicom.dcmread(io.BytesIO(one_slice()))
    header.Modality, header.SOPClassUID = "MR", "1.2.840.10008.5.1.4.1.1.4"
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    out = io.BytesIO()
    header.save_as(out)
    return out.getvalue()


def slice_png() -> bytes:
    grey = pydicom.dcmread(io.BytesIO(one_slice())).pixel_array.astype(float)
    return png(np.kron((grey - grey.min()) / np.ptp(grey), np.ones((3, 3))))


def film_png() -> bytes:
    sample = FILMS.named("normal")
    return png(np.asarray(read_study(sample.path.name, sample.path.read_bytes()).images[0].pixels))


def report_page() -> bytes:
    from tests.inference.dxa.printed.pages import page

    return png(np.asarray(page(4).pixels, float))


INPUTS: dict[str, Callable[[], bytes]] = {
    "film.dcm": lambda: FILMS.named("normal").path.read_bytes(),
    "film.png": film_png,
    "slice.dcm": one_slice,
    "slice.png": slice_png,
    "scan.dcm": lambda: SCANS.named("dxa_normal").path.read_bytes(),
    "scan.png": lambda: SCANS.named("dxa_picture").path.read_bytes(),
    "report.png": report_page,
    "mr.dcm": mr,
    "words.txt": lambda: b"This is only text.\n" * 40,
    "empty.png": lambda: b"",
}
OWN = {("film", "film.dcm"), ("film", "film.png"), ("dxa", "scan.dcm"), ("dxa", "scan.png"), ("dxa", "report.png")}
"""Where an input belongs: it is not refused there."""
SENT = {
    ("film", "slice.dcm"): "ct", ("film", "slice.png"): "ct", ("film", "scan.dcm"): "dxa", ("film", "scan.png"): "dxa",
    ("film", "report.png"): "dxa", ("dxa", "film.dcm"): "film", ("dxa", "film.png"): "film",
    ("dxa", "slice.dcm"): "ct", ("dxa", "slice.png"): "ct", ("ct", "film.dcm"): "film", ("ct", "film.png"): "film",
    ("ct", "scan.dcm"): "dxa", ("ct", "scan.png"): "dxa", ("ct", "report.png"): "dxa",
}  # fmt: skip
"""The page that a refusal names."""
CARRIED = {("film", "scan.dcm"), ("film", "scan.png"), ("dxa", "film.dcm"), ("dxa", "film.png"), ("film", "report.png")}
"""Refusals with a button that opens the picture there."""
CASES = [(kind, name) for kind in NEEDS for name in INPUTS if (kind, name) not in OWN]


def answered(kind: str, name: str) -> tuple[str, session.Held | None]:
    """What a page says of a file, and what it then holds."""
    row = modality.by_kind(kind)
    assert row.read is not None
    try:
        study: Study = row.read([(name, INPUTS[name]())])
    except BmdError as error:
        return str(error), None
    held = session.Held(name, study, kind)
    report: Report = elsewhere.misplaced(held) or modality.analyse(study)
    held = session.Held(name, study, kind, report=report)
    return " ".join(say(reason) for reason in report.suitability.reasons), held


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_page_speaks_of_its_own_input_and_names_the_right_page(kind: str, name: str) -> None:
    said, held = answered(kind, name)
    assert said, "refused"
    assert name == "empty.png" or any(words in said for words in NEEDS[kind])
    there = SENT.get((kind, name))
    assert there is None or TITLES[there] in said or (kind, name) in CARRIED
    if held is not None:
        there = elsewhere.belongs(held)
        assert ((kind, name) in CARRIED) == (there is not None)


@pytest.mark.parametrize(("kind", "name"), sorted(CARRIED))
def test_a_carried_picture_is_read_on_the_page_it_belongs_to(kind: str, name: str) -> None:
    _, held = answered(kind, name)
    assert held is not None
    there = elsewhere.belongs(held)
    assert there == SENT[(kind, name)]
    study = elsewhere.moved(held.study, there)
    assert modality.of(study).kind == there
    assert modality.analyse(study).suitability.suitable


def test_an_empty_file_is_said_to_be_empty_on_every_page() -> None:
    assert all("empty" in answered(kind, "empty.png")[0] for kind in NEEDS)
