"""How a CT was read is in JSON and CSV, by code and with its values, for every way it may have been read."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmd import cli
from tests.readers.volumes import series, volume


def even(**tags: Any) -> list[bytes]:
    return series(volume(30), **tags)


def torn() -> list[bytes]:
    files = even()
    files[7] = files[7][:-200]
    return files


def turned(degrees: float) -> list[bytes]:
    """Slices of a patient who lies turned about the long axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return even(ImageOrientationPatient=[c, s, 0, -s, c, 0])


GAP = np.array([*range(0, 60, 3), *range(200, 230, 3)], float)
UNEVEN = np.cumsum([0, *[3] * 12, 4.4, *[3] * 10, 3.9, *[3] * 5])
READ: dict[str, tuple[list[bytes], dict[str, Any]]] = {
    "read.ct.gap": (series(volume(30), places=GAP), {"gap_mm": 143.0, "count": 10}),
    "read.ct.filled": ([*(whole := even())[:9], *whole[10:]], {"count": 1}),
    "read.ct.resampled": (series(volume(30), places=UNEVEN), {"step_mm": 3.0}),
    "read.ct.tilt_undone": (even(tilt_mm=0.5), {"degrees": 9.46}),
    "read.ct.turned": (turned(8.0), {"degrees": 8.0}),
    "read.ct.damaged_filled": (torn(), {"count": 1}),
    "read.ct.not_rescaled": (series(volume(30), RescaleSlope=None, RescaleIntercept=0), {}),
    "read.ct.tube_voltage": (even(KVP="100"), {"kvp": 100.0}),
    "read.ct.contrast_given": (even(ContrastBolusAgent="X"), {}),
    "read.ct.given_twice": ([*(twice := even()), twice[3], twice[4]], {"count": 2}),
    "read.ct.place_taken": ([*even(SeriesInstanceUID="1.3"), even(SeriesInstanceUID="1.3")[4]], {"count": 1}),
    "read.ct.several_patients": ([*even(PatientID="A"), *even(PatientID="B")], {"count": 2}),
    "read.ct.passed_over": ([*even(), b"read me"], {}),
    "read.ct.chosen": ([*even(), *series(volume(20))], {}),
    "read.ct.others": ([*even(), *series(volume(20))], {"count": 1}),
}


@pytest.mark.parametrize("code", READ)
def test_a_note_of_reading_is_in_json_and_csv(code: str, tmp_path: Path) -> None:
    """All of them, of one upload each, through the command; such small volumes are refused and still say it."""
    files, values = READ[code]
    folder = tmp_path / "in"
    folder.mkdir()
    for k, data in enumerate(files):
        (folder / f"{k}").write_bytes(data)
    out, table = tmp_path / "out.json", tmp_path / "out.csv"
    assert cli.main(["predict", str(folder), "--json", str(out), "--csv", str(table)]) == 0
    (answer,) = json.loads(out.read_text("utf-8"))
    said = [one for one in answer["notes"] if one["code"] == code]
    assert len(said) == 1, answer["notes"]
    assert {name: said[0]["values"][name] for name in values} == pytest.approx(values, abs=0.01)
    assert said[0]["text"]
    (row, *_) = csv.DictReader(table.read_text("utf-8").splitlines())
    (cell,) = [note for note in row["notes"].split(" | ") if note.split(" ")[0] == code]
    for name, value in values.items():
        found = dict(part.split("=", 1) for part in shlex.split(cell)[1:])
        assert float(found[name]) == pytest.approx(value, abs=0.01)
