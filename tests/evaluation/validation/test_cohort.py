"""A made-up cohort through the whole chain: everyone is counted once, a rerun goes on, nobody can be told by it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from bmd import cli
from bmd.errors import InputError
from bmd.evaluation.validation import run
from bmd.evaluation.validation.patient import INPUTS, OUTCOMES
from bmd.evaluation.validation.run import LINES, REPORT, RESULTS, ROWS, evaluate_lumos
from bmd.report.ct.dicom import ct_zip
from bmd.report.film.dicom import film_dicom
from bmd.simulator.case import simulate_ct, simulate_film

HEAD = "Patient ID;Age;Sex;Height;Weight;L1-L4 BMD;T-score;Name"
ROWS_OF_TABLE = (
    "HOSPA7001;64;F;158;55;0,874;-2,0;Surname A",  # lateral and frontal film, CT
    "HOSPA7002;;M;172;80;1,05;-0,5;Surname B",  # lateral film, age unknown
    "HOSPA7003;71;F;150;48;0,80;-2,6;Surname C",  # damaged file
    "HOSPA7004;80;F;155;60;0,90;x;Surname D",  # frontal film only
    "HOSPA7005;42;M;180;75;1,20;0,7;Surname E",  # no file
    "HOSPA7003;71;F;150;48;0,80;-2,6;Surname C",  # the third again
)
EXPECTED = {1: "judged", 2: "judged", 3: "unread", 4: "no_lateral", 5: "no_film"}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films and a CT by the simulator, in the layout of two kinds of releases."""
    folder = tmp_path_factory.mktemp("cohort")
    (folder / "clinical.csv").write_text("\n".join((HEAD, *ROWS_OF_TABLE)), encoding="utf-8")
    lateral = film_dicom(simulate_film(31, 600, finding="normal").study)
    other = film_dicom(simulate_film(32, 600, finding="normal").study)
    frontal = film_dicom(simulate_film(31, 400, view="ap").study)
    for name, data in {
        "films/HOSPA7001/LAT.dcm": lateral,
        "films/HOSPA7001/AP.dcm": frontal,
        "films/HOSPA7002/1.dcm": other,
        "films/HOSPA7003/LAT.dcm": lateral[: len(lateral) // 3],
        "films/HOSPA7004_AP.dcm": frontal,
        "films/stranger/LAT.dcm": lateral,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    scan = ct_zip(simulate_ct(31, finding="normal", spacing=(5.0, 2.5, 2.5), phase="none"))
    with zipfile.ZipFile(io.BytesIO(scan)) as archive:
        archive.extractall(folder / "CT" / "HOSPA7001")
    return folder


@pytest.fixture(scope="module")
def measured(cohort: Path) -> Path:
    """Where the first run wrote."""
    out = cohort / "out"
    evaluate_lumos(cohort, out, tell=lambda line: None)
    return out


def records(out: Path) -> list[dict]:
    return [json.loads(line)["record"] for line in (out / LINES).read_text("utf-8").splitlines()]


def same(results: dict) -> dict:
    return {key: value for key, value in results.items() if key != "measured"}


def test_everyone_is_accounted_for_once(measured: Path) -> None:
    results, found = json.loads((measured / RESULTS).read_text("utf-8")), records(measured)
    assert {record["row"]: record["outcome"] for record in found} == EXPECTED
    assert results["films"]["outcomes"] == {name: list(EXPECTED.values()).count(name) for name in OUTCOMES}
    assert results["patients"] == results["table"]["patients"] == 5
    assert results["table"]["rows"] == 6
    assert results["compared"] + sum(results["left_out"].values()) == 5
    assert results["left_out"] == {"no_truth": 1, "age_unknown": 1, "young": 1}
    assert (results["table"]["nobodys"], results["table"]["shapes"]) == (1, ["aaaaa/aaaaaaaa/aaa.dcm"])
    for name in INPUTS:
        assert results["answers"][name]["all"]["n"] + sum(results["answers"][name]["without"].values()) == 2


def test_films_and_scans_are_judged_as_an_upload_would_be(measured: Path) -> None:
    first, second, third, fourth, _ = records(measured)
    assert [film["state"] for film in first["films"]] == ["refused", "analysed"], "the frontal film is refused"
    assert all(first[name]["low"] <= first[name]["t"] <= first[name]["high"] for name in INPUTS)
    assert first["ct"]["state"] == "measured"
    assert 20 < first["ct"]["hu"] < 400
    assert second["films"][0]["tag"] == "lateral", "its name is silent, its header is not"
    assert second["film"] is not None
    assert third["films"][0]["code"].startswith("read.")
    assert fourth["films"][0]["state"] == "refused"
    assert fourth["film"] is None
    assert fourth["demographics"] is not None, "figures of the table need no film"


def test_a_rerun_measures_nothing_again_and_says_the_same(
    cohort: Path, measured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: (measured / name).read_text("utf-8") for name in (LINES, ROWS)}
    first = json.loads((measured / RESULTS).read_text("utf-8"))
    with monkeypatch.context() as patch:
        patch.setattr(run, "examine", lambda *_: pytest.fail("measured again"))
        again = evaluate_lumos(cohort, measured)
    assert json.loads(json.dumps(same(again))) == same(first)
    assert {name: (measured / name).read_text("utf-8") for name in before} == before


def test_a_run_that_was_broken_off_goes_on(cohort: Path, measured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, done = (measured / LINES).read_text("utf-8"), []
    kept = {record["row"]: record for record in records(measured)}
    (measured / LINES).write_text(whole[: len(whole) - 50], "utf-8")  # in the midst of the last line
    monkeypatch.setattr(run, "examine", lambda patient, *_: done.append(patient.row) or kept[patient.row])
    evaluate_lumos(cohort, measured, tell=lambda line: None)
    assert done == [5]
    film = cohort / "films/HOSPA7001/LAT.dcm"
    before = film.read_bytes()
    film.write_bytes(before + b"\0\0")
    evaluate_lumos(cohort, measured, tell=lambda line: None)
    assert done == [5, 1], "another file is another measurement"
    results = evaluate_lumos(cohort, measured, run.Asked(limit=2), tell=lambda line: None)
    assert (results["patients"], results["table"]["patients"]) == (2, 5)
    (measured / LINES).write_text(whole, "utf-8")
    film.write_bytes(before)


def test_nothing_that_is_written_tells_who_it_was(cohort: Path, measured: Path) -> None:
    evaluate_lumos(cohort, measured, tell=lambda line: None)
    words = "\n".join((measured / name).read_text("utf-8") for name in (LINES, RESULTS, REPORT, ROWS))
    for name in ("HOSPA", "A7001", "7001", "Surname", "Simulated^Patient", "stranger", "LAT.dcm", str(cohort)):
        assert name not in words, name
    assert simulate_film(31, 600, finding="normal").study.uid not in words, "the header's identifier"


def test_no_cohort_is_said_plainly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError):
        evaluate_lumos(tmp_path / "none", tmp_path / "out")
    assert cli.main(["evaluate", "lumos", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "clinical table" in capsys.readouterr().err
    assert cli.main(["evaluate", "lumos"]) == 2
    assert cli.main(["evaluate", "lumos", str(tmp_path), "--limit", "0"]) == 2
