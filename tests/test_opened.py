"""Of several studies in one upload the next is tried where the best is refused; what was tried is said."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from bmd import cli, modality
from bmd.errors import InputError
from bmd.findings import Finding, note, refusal
from bmd.modality import opened
from bmd.modality.opened import MOST_TRIED, open_best
from bmd.types import Report, Study, Suitability, volume_of
from tests.readers.volumes import series, volume
from tests.report import reports


@dataclass(frozen=True)
class Place:
    """The name of a part of the body."""

    part: str

    def same(self, other: object) -> bool:
        return self == other


@dataclass
class Choice:
    """A study that is suitable where ``refused`` is empty; ``torn`` cannot be read."""

    name: str
    refused: str = ""
    torn: bool = False
    place: Place | None = None
    loaded: list[str] = field(default_factory=list)

    @property
    def title(self) -> Finding:
        return note("read.ct.part", number=self.name, total=9)

    def load(self, progress: object = None) -> Study:
        self.loaded.append(self.name)
        if self.torn:
            raise InputError("read.ct.damaged")
        return Study(self.name, origin=self.refused)


def analyse(study: Study) -> Report:
    reasons = (refusal(study.origin),) if study.origin else ()
    return replace(reports.report(), suitability=Suitability(not reasons, reasons), notes=study.notes)


def tried(*choices: Choice) -> tuple[Study, Report, list[str]]:
    """What comes out, and which were decoded, in order."""
    seen: list[str] = []
    for one in choices:
        one.loaded = seen
    study, report = open_best(choices).analysed(analyse)
    return study, report, seen


def names(findings: tuple[Finding, ...], code: str) -> list[str]:
    return [str(one.values["title"].values["number"]) for one in findings if one.code == code]  # type: ignore[union-attr]


def test_the_only_study_needs_no_words() -> None:
    study, report, _ = tried(Choice("a"))
    assert report.suitability.suitable
    assert not study.notes
    _, report, _ = tried(Choice("a", "ct.chest"))
    assert [reason.code for reason in report.suitability.reasons] == ["ct.chest"]


def test_the_best_is_taken_and_the_others_are_named() -> None:
    _, report, seen = tried(Choice("a"), Choice("b"), Choice("c"))
    assert seen == ["a"]
    assert names(report.notes, "read.ct.chosen") == ["a"]
    (others,) = [one for one in report.notes if one.code == "read.ct.others"]
    assert others.values["count"] == 2


def test_the_next_is_tried_where_the_best_is_refused_or_torn() -> None:
    study, report, seen = tried(Choice("chest", "ct.chest"), Choice("torn", torn=True), Choice("abdomen"), Choice("x"))
    assert seen == ["chest", "torn", "abdomen"]
    assert report.suitability.suitable
    assert study.uid == "abdomen"
    assert names(report.notes, "read.ct.chosen") == ["abdomen"]
    assert names(report.notes, "read.ct.not_used") == ["chest", "torn"]
    assert {one.severity for one in report.notes} == {"note"}
    why = [one.values["reasons"][0].code for one in report.notes if one.code == "read.ct.not_used"]  # type: ignore[index, union-attr]
    assert why == ["ct.chest", "read.ct.damaged"]


def test_where_none_is_suitable_all_reasons_are_given() -> None:
    study, report, _ = tried(Choice("a", "ct.chest"), Choice("torn", torn=True), Choice("b", "ct.no_body"))
    assert not report.suitability.suitable
    assert study.uid == "a"
    assert [reason.code for reason in report.suitability.reasons] == ["ct.chest", *["read.ct.not_used"] * 2]
    assert names(report.suitability.reasons, "read.ct.not_used") == ["torn", "b"]
    with pytest.raises(InputError):
        open_best([Choice("a", torn=True), Choice("b", torn=True)])


def test_tries_are_bounded_in_number_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    _, report, seen = tried(*(Choice(str(k), "ct.no_body") for k in range(12)))
    assert len(seen) == MOST_TRIED
    assert len(report.suitability.reasons) == MOST_TRIED
    monkeypatch.setattr(opened, "MOST_SECONDS", -1.0)
    with pytest.raises(InputError):
        open_best([Choice("a", torn=True), Choice("b")])


def test_another_series_of_a_place_that_was_refused_is_not_tried() -> None:
    chest, belly = Place("chest"), Place("abdomen")
    choices = [Choice("a", "ct.chest", place=chest), Choice("b", "ct.chest", place=chest), Choice("c", place=belly)]
    assert tried(*choices)[2] == ["a", "c"]
    thick = [Choice("a", "ct.too_thick", place=belly), Choice("b", place=belly)]
    assert tried(*thick)[2] == ["a", "b"], "thinner slices of the same place may do"


@pytest.mark.parametrize("swap", [False, True])
def test_the_command_reads_the_abdomen_beside_a_chest(
    swap: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both in one folder; which is which is decided by the pixels, here by the first voxel."""
    parts = series(volume(20), SeriesDescription="abdomen" if swap else ""), series(volume(12) + 100)
    for k, data in enumerate(parts[0] + parts[1]):
        (tmp_path / f"{k}").write_bytes(data)

    def stand_in(study: Study, file: str, **_: object) -> Report:
        chest = volume_of(study).voxels[0, 0, 0] == -200
        verdict = Suitability(not chest, (refusal("ct.chest"),) if chest else ())
        return replace(reports.report(file), modality="ct", suitability=verdict, notes=study.notes)

    monkeypatch.setattr(modality, "analyse", stand_in)
    assert cli.main(["predict", str(tmp_path), "--json", "-"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert answer["suitable"]
    said = {one["code"]: one for one in answer["notes"]}
    assert said["read.ct.chosen"]["values"]["title"]["text"] == "Axial, 12 slices of 3.0 mm"
    assert said["read.ct.not_used"]["values"]["title"]["text"] == "Axial, 20 slices of 3.0 mm"
    assert [one["code"] for one in said["read.ct.not_used"]["values"]["reasons"]] == ["ct.chest"]


def test_the_volume_that_was_analysed_is_the_one_that_is_kept() -> None:
    files = [(str(k), data) for k, data in enumerate([*series(volume(20)), *series(volume(12) + 100)])]

    def stand_in(study: Study) -> Report:
        chest = volume_of(study).voxels[0, 0, 0] == -200
        return replace(reports.report(), suitability=Suitability(not chest, (refusal("ct.chest"),) if chest else ()))

    study, report = modality.open_files(modality.CT, files).analysed(stand_in)
    assert report.suitability.suitable
    assert np.array_equal(volume_of(study).voxels, volume(12) + 100)
