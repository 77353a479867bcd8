"""``predict`` answers for every input, whatever it is: one object each, in order, under the name it was given."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bmd import cli, modality
from bmd.errors import WeightsError
from bmd.readers.source import head
from bmd.types import Report, Study
from tests.readers import films, volumes
from tests.readers.damage import damaged, film_files, slices, volume_files, with_bad_vr
from tests.report import reports

MODALITY = b"\x08\x00\x60\x00"
KINDS = film_files() | volume_files()


def written(path: Path, data: bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return str(path)


def answers(inputs: Sequence[str], folder: Path, *words: str, status: int = 0) -> list[dict]:
    """The objects of one batch; the exit status is checked, and that the table names the same files."""
    out, table = folder / "out.json", folder / "out.csv"
    assert cli.main(["predict", *inputs, *words, "--json", str(out), "--csv", str(table)]) == status
    found = json.loads(out.read_text("utf-8"))
    rows = csv.DictReader(table.read_text("utf-8").splitlines())
    assert list(dict.fromkeys(row["file"] for row in rows)) == list(dict.fromkeys(one["file"] for one in found))
    return found


def code(answer: dict) -> str:
    return str(answer["reasons"][0]["code"])


def expected(inputs: Sequence[str]) -> list[str]:
    """Names in the order of the inputs; CT slices among them are one study, which bears the name of the first."""
    parts = [name for name in inputs if modality.CT.joins is not None and modality.CT.joins(head(Path(name)))]
    return [name for name in inputs if name not in parts[1:]]


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """An analysis that finds every readable file suitable."""
    monkeypatch.setattr(modality, "analyse", lambda study, file, **_: reports.report(file))


@pytest.mark.usefixtures("stand_in")
def test_files_of_one_name_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = films.picture(films.film(bits=8), "PNG")
    first, second = (written(tmp_path / folder / "film.png", data) for folder in ("a", "b"))
    found = answers([first, second, first], tmp_path, "--png-dir", str(tmp_path / "drawn"))
    assert [one["file"] for one in found] == [first, second, first]
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in said] == [first, second, first]
    assert len(list((tmp_path / "drawn").iterdir())) == 3


@pytest.mark.usefixtures("stand_in")
def test_names_are_as_given_not_as_resolved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "film.png", films.picture(films.film(bits=8), "PNG"))
    monkeypatch.chdir(tmp_path)
    names = ["film.png", "./film.png", "../" + tmp_path.name + "/film.png", "."]
    assert [one["file"] for one in answers(names, tmp_path)] == names
    assert "./film.png: L1" in capsys.readouterr().out


@pytest.mark.parametrize("vr", [b"XX", b"\xff\xfe"])
@pytest.mark.usefixtures("stand_in")
def test_an_unknown_vr_does_not_end_the_batch(vr: bytes, tmp_path: Path) -> None:
    """The element that says what the file is has a type that does not exist; the reader says so, the next file runs."""
    healthy = films.dicom()
    bad = with_bad_vr(healthy, MODALITY).replace(MODALITY + b"XX", MODALITY + vr)
    slice_ = with_bad_vr(slices()[0], MODALITY).replace(MODALITY + b"XX", MODALITY + vr)
    inputs = [
        written(tmp_path / name, data) for name, data in (("bad.dcm", bad), ("s.dcm", slice_), ("ok.dcm", healthy))
    ]
    found = answers(inputs, tmp_path)
    assert [one["file"] for one in found] == inputs
    assert found[2]["suitable"]
    assert all(one["suitable"] or code(one).startswith("read.") for one in found)


@pytest.mark.usefixtures("stand_in")
def test_what_is_no_file_is_an_answer(tmp_path: Path) -> None:
    empty, folder = written(tmp_path / "empty.png", b""), tmp_path / "folder"
    folder.mkdir()
    good = written(tmp_path / "good.png", films.picture(films.film(bits=8), "PNG"))
    absent = str(tmp_path / "absent.dcm")
    found = answers([empty, str(folder), absent, good, good], tmp_path)
    assert [one["file"] for one in found] == [empty, str(folder), absent, good, good]
    assert [code(one) for one in found[:3]] == ["read.empty", "read.ct.nothing_given", "read.cannot_open"]
    assert [one["suitable"] for one in found] == [False] * 3 + [True] * 2
    (one,) = answers([str(folder)], tmp_path, "--modality", "film")
    assert code(one) == "read.cannot_open"


def test_a_fault_inside_one_file_leaves_the_others_their_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faults of every kind, at every place a file passes."""
    inputs = [written(tmp_path / f"{k}.png", films.picture(films.film(bits=8), "PNG")) for k in range(6)]

    def analyse(study: Study, file: str, **_: object) -> Report:
        if file == inputs[0]:
            raise RecursionError
        if file == inputs[1]:
            raise MemoryError
        if file == inputs[2]:
            raise WeightsError("network.not_installed", name="x")
        answer = reports.report(file)
        return replace(answer, seconds=object()) if file == inputs[3] else answer  # cannot be written

    looked = modality.of_path
    monkeypatch.setattr(modality, "analyse", analyse)
    monkeypatch.setattr(modality, "of_path", lambda path: 1 / 0 if str(path) == inputs[4] else looked(path))
    found = answers(inputs, tmp_path, status=1)
    assert [one["file"] for one in found] == inputs
    assert [code(one) for one in found[:4]] == ["command.broke"] * 2 + ["network.not_installed", "command.broke"]
    assert [one["suitable"] for one in found[4:]] == [True, True], "what cannot be told is read as a film"


@pytest.mark.usefixtures("stand_in")
def test_a_picture_that_cannot_be_drawn_keeps_its_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "film.png", films.picture(films.film(bits=8), "PNG"))
    monkeypatch.setattr(modality, "picture", lambda *_: 1 / 0)
    (one,) = answers([path], tmp_path, "--png-dir", str(tmp_path / "drawn"), status=1)
    assert one["suitable"]


def mutants(kind: str, count: int, folder: Path, seed: str) -> list[str]:
    """Damaged files of one kind, all of one name in folders of their own."""
    chance = random.Random(f"{seed} {kind}")
    return [written(folder / str(k) / "scan.dcm", damaged(KINDS[kind], chance)) for k in range(count)]


def check_batch(inputs: list[str], folder: Path) -> None:
    """One object for each input; what is wrong with a file is said by the readers or the gates, nothing broke."""
    found = answers(inputs, folder, "--png-dir", str(folder / "drawn"))
    assert [one["file"] for one in found] == expected(inputs)
    for one in found:
        assert one["suitable"] or one["reasons"]
        for reason in one["reasons"]:
            assert reason["code"].split(".")[0] in ("read", "film", "ct", "dxa", "view", "spine"), reason
            assert reason["text"]


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_of_every_kind_are_answered(kind: str, tmp_path: Path) -> None:
    check_batch(mutants(kind, 6, tmp_path / "in", "few"), tmp_path)


def test_a_folder_with_damaged_slices_is_answered(tmp_path: Path) -> None:
    check_batch(folders_of_slices(3, tmp_path / "in", "few"), tmp_path)


def folders_of_slices(count: int, root: Path, seed: str) -> list[str]:
    """Folders with a CT series each, of which some slices are damaged."""
    chance = random.Random(seed)
    for k in range(count):
        for number, data in enumerate(slices()):
            written(root / str(k) / f"{number}.dcm", damaged(data, chance) if chance.random() < 0.3 else data)
    return [str(root / str(k)) for k in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_damaged_files_of_every_kind_are_answered(kind: str, tmp_path: Path) -> None:
    check_batch(mutants(kind, 100, tmp_path / "in", "many"), tmp_path)


@pytest.mark.slow
def test_many_folders_with_damaged_slices_are_answered(tmp_path: Path) -> None:
    check_batch(folders_of_slices(40, tmp_path / "in", "many"), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["PNG", "DICOM"])
def test_damaged_films_large_enough_to_be_analysed_are_answered(kind: str, tmp_path: Path) -> None:
    """The same with pictures that pass the gate of sizes, so that the networks see some of them."""
    whole = films.film(rows=240, columns=180, bits=12)
    data = films.picture(whole >> 4, "PNG") if kind == "PNG" else films.dicom(whole)
    chance = random.Random(kind)
    check_batch([written(tmp_path / f"{k}.dcm", damaged(data, chance)) for k in range(60)], tmp_path)


def test_volumes_and_films_in_one_batch(tmp_path: Path) -> None:
    """CT slices given one by one are one study; all else has its own answer."""
    parts = [written(tmp_path / f"{k}.dcm", data) for k, data in enumerate(volumes.series(volumes.volume()))]
    film = written(tmp_path / "film.png", films.picture(films.film(bits=8), "PNG"))
    found = answers([parts[0], film, *parts[1:]], tmp_path)
    assert [one["file"] for one in found] == [parts[0], film]
    assert [one["modality"] for one in found] == ["ct", "radiograph"]
