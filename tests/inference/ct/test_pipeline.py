"""CT: spine, bodies, attenuation and refusals on a column of simple shapes; the film localiser is a stand-in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bmd.errors import WeightsError
from bmd.findings import Finding, note, warning
from bmd.inference.ct import levels as ct_levels
from bmd.inference.ct.canal import find_spine
from bmd.inference.ct.gate import gate_ct
from bmd.inference.ct.pipeline import analyse_ct
from bmd.inference.ct.side_film import side_film
from bmd.inference.spine.decode import Decoded
from bmd.inference.spine.localise import Localised
from bmd.text import say
from bmd.types import Acquisition, Image, Report, Study, Volume
from tests.inference.columns import Column, column, seen

NAMES = ("L1", "L2", "L3", "L4", "L5")


class NoEngine:
    """An engine without any weights."""

    device = "none"

    def run(self, network: str, *inputs: Any) -> dict[str, Any]:
        raise WeightsError("network.not_installed", name=network)

    def metadata(self, network: str) -> dict[str, Any]:
        raise WeightsError("network.not_installed", name=network)


@pytest.fixture(scope="module")
def straight() -> Column:
    return column()


def localised(monkeypatch: pytest.MonkeyPatch, found: Column, error_mm: float = 0.0, **decoded: Any) -> None:
    """Let the side view see the true bodies."""
    shift = side_film(found.volume, find_spine(found.volume)).shift_mm
    bodies = seen(found, shift, NAMES, error_mm)
    answer = Localised(bodies, Decoded(**{"certain": True, "sacrum": 0.9, "posterior": 1.0, **decoded}))
    monkeypatch.setattr(ct_levels, "localise", lambda film, engine, network, facing: answer)


def analysed(found: Column, **study: Any) -> Report:
    return analyse_ct(Study("x", volume=found.volume, **study), "a", engine=NoEngine())  # type: ignore[arg-type]


def codes(said: Iterable[Finding | str]) -> list[str]:
    """Codes of findings, and of the findings they hold."""
    found = []
    for one in said:
        assert isinstance(one, Finding), f"a sentence was left: {one}"
        say(one)  # every code has its words, and every value they ask for
        inner = [v for value in one.values.values() for v in (value if isinstance(value, tuple) else (value,))]
        found += [one.code, *codes(v for v in inner if isinstance(v, Finding))]
    return found


def dice(report: Report, found: Column) -> list[float]:
    out = []
    for k, vertebra in enumerate(report.vertebrae):
        assert vertebra.body is not None
        mask = np.zeros(found.labels.shape, bool)
        offset, part = vertebra.body.offset_zyx, vertebra.body.mask
        mask[tuple(slice(o, o + n) for o, n in zip(offset, part.shape, strict=True))] = part
        truth = found.labels == k + 1
        out.append(2 * float((mask & truth).sum()) / float(mask.sum() + truth.sum()))
    return out


@pytest.mark.parametrize("curve", [0.0, 25.0])
@pytest.mark.parametrize("trabecular", [40.0, 160.0])
def test_the_canal_is_followed(curve: float, trabecular: float) -> None:
    found = column(trabecular, curve_mm=curve)
    spine = find_spine(found.volume)
    dx = found.volume.spacing_mm[2]
    assert np.abs(spine.x_mm - found.canal_x)[8:-8].max() < 9 + dx
    assert np.abs(spine.y_mm - 128)[4:-4].max() < 8
    assert spine.back > 0.55
    assert spine.lung.max() < 0.1


@pytest.mark.parametrize(
    ("trabecular", "spacing"), [(45.0, (3.0, 1.5, 1.5)), (150.0, (5.0, 1.0, 1.0)), (120.0, (1.5, 2.0, 2.0))]
)
def test_bodies_are_found_in_three_dimensions(
    monkeypatch: pytest.MonkeyPatch, trabecular: float, spacing: tuple[float, float, float]
) -> None:
    found = column(trabecular, spacing, count=5)
    localised(monkeypatch, found, error_mm=2.5)
    report = analysed(found)
    assert report.suitability.suitable, report.suitability.reasons
    assert len(report.vertebrae) == 5
    assert min(dice(report, found)) > 0.88, dice(report, found)
    assert [round(a.mean_hu) for a in report.attenuation] == pytest.approx(
        [trabecular] * len(report.attenuation), abs=12
    )
    assert len(report.attenuation) == 5
    assert min(a.volume_cm3 for a in report.attenuation) > 2


def test_names_need_a_sacrum_and_agreement(monkeypatch: pytest.MonkeyPatch, straight: Column) -> None:
    localised(monkeypatch, straight, sacrum=0.0)
    report = analysed(straight)
    assert {v.level for v in report.vertebrae} == {None}
    assert not report.levels_certain
    assert codes(report.warnings)[:2] == ["ct.levels_uncertain", "ct.sacrum_unseen"]
    assert report.warnings[0].values["count"] == 5  # type: ignore[union-attr]
    localised(monkeypatch, straight, sacrum=0.35)
    assert not analysed(straight).levels_certain, "there are no wings in this volume"
    localised(monkeypatch, straight, posterior=0.3)
    assert not analysed(straight).levels_certain


def test_names_are_kept_with_a_clear_sacrum(monkeypatch: pytest.MonkeyPatch, straight: Column) -> None:
    localised(monkeypatch, straight)
    monkeypatch.setattr(ct_levels, "wing_share", lambda *_: 0.3)
    monkeypatch.setattr(ct_levels, "room_below", lambda *_: 99.0)
    taken = Acquisition(kvp=100.0, contrast=True)
    report = analysed(replace(straight, volume=replace(straight.volume, acquisition=taken)))
    assert [v.level for v in report.vertebrae] == list(NAMES)
    assert report.levels_certain
    assert [a.level for a in report.attenuation] == list(NAMES)
    said = codes(report.warnings)
    assert report.trabecular is not None
    assert (report.trabecular.level, report.trabecular.band) == ("L1", None)
    assert warning("ct.kvp_other", kvp=100.0, reference_kvp=120.0) in report.warnings
    assert {"ct.contrast", "ct.slices_not_read"} <= {*said}
    assert "ct.kvp_unknown" not in said
    assert report.prediction is None


def test_spoiled_bodies_are_named_and_left_out(monkeypatch: pytest.MonkeyPatch, straight: Column) -> None:
    voxels = straight.volume.voxels.copy()
    z, y, x = (straight.centres / straight.volume.spacing_mm).astype(int).T
    voxels[z[1] - 3 : z[1] + 4, y[1] - 6 : y[1] + 6, x[1] - 6 : x[1] + 6] = 1600  # cement
    voxels[z[3] - 2 : z[3] + 2, y[3] - 4 : y[3] + 20, x[3] + 3 : x[3] + 7] = 2900  # a screw
    spoiled = replace(straight, volume=replace(straight.volume, voxels=voxels))
    localised(monkeypatch, spoiled, sacrum=0.0)
    report = analysed(spoiled)
    assert len(report.attenuation) == 3
    assert [a.vertebra for a in report.attenuation] == [0, 2, 4]
    for number, reason in ((2, "ct.as_dense_as_cement"), (4, "ct.metal")):
        name = note("ct.nth_body", number=number)
        assert warning("ct.body_left_out", name=name, reason=note(reason)) in report.warnings


def test_a_cut_body_is_not_measured(monkeypatch: pytest.MonkeyPatch, straight: Column) -> None:
    start = round(20 / 3)
    cut = replace(straight, volume=replace(straight.volume, voxels=straight.volume.voxels[start:]))
    cut = replace(cut, centres=straight.centres - [start * 3.0, 0, 0], labels=straight.labels[start:])
    localised(monkeypatch, cut)
    report = analysed(cut)
    assert len(report.attenuation) == 4
    assert "ct.body_cut" in codes(report.warnings)


def test_a_chest_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    chest = column(lung=True)
    localised(monkeypatch, chest)
    report = analysed(chest)
    assert not report.suitability.suitable
    assert codes(report.suitability.reasons) == ["ct.chest"]
    assert not report.vertebrae


def gate(voxels: np.ndarray, spacing: tuple[float, float, float] = (3.0, 1.5, 1.5)) -> list[str]:
    verdict, volume = gate_ct(Study("x", volume=Volume(voxels.astype(np.int16), spacing)))
    assert (volume is None) == bool(verdict.reasons)
    return codes(verdict.reasons)


def test_the_gate_says_why(straight: Column) -> None:
    voxels = straight.volume.voxels
    assert gate(voxels) == []
    assert gate(voxels[:20], (2.0, 1.5, 1.5)) == ["ct.too_short"]
    assert gate(voxels[:30], (8.0, 1.5, 1.5)) == ["ct.too_thick.axial"]
    assert gate(voxels[:, :20]) == ["ct.too_narrow"]
    assert gate(voxels + 1100) == ["ct.nothing_dark"]
    assert gate(np.minimum(voxels, 100)) == ["ct.nothing_bright"]
    assert gate(np.where(voxels > -500, 900, voxels)) == ["ct.nothing_soft"]
    film = Study("x", (Image(np.zeros((9, 9), np.float32), "radiograph"),))
    assert codes(gate_ct(film)[0].reasons) == ["ct.not_a_ct", "word.radiograph"]
    assert codes(gate_ct(Study("x"))[0].reasons) == ["ct.not_a_ct", "word.nothing"]


def test_a_short_volume_is_measured_in_vertebrae(straight: Column) -> None:
    one, two = (gate_ct(Study("x", volume=Volume(straight.volume.voxels[:n], (1.0, 1.5, 1.5))))[0] for n in (40, 55))
    assert "about 1 vertebra;" in say(one.reasons[0])
    assert "55 slices cover 55 mm, about 2 vertebrae;" in say(two.reasons[0])


def test_progress_never_falls(monkeypatch: pytest.MonkeyPatch, straight: Column) -> None:
    localised(monkeypatch, straight)
    told: list[float] = []
    study = Study("x", volume=straight.volume)
    analyse_ct(study, "a", lambda share, what: told.append(share), NoEngine())  # type: ignore[arg-type]
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_short_volume_needs_the_wings_of_the_sacrum(monkeypatch: pytest.MonkeyPatch, straight: Column) -> None:
    localised(monkeypatch, straight, sacrum=0.5)
    for room, wings, certain in ((55.0, 0.06, False), (55.0, 0.3, True), (180.0, 0.06, True)):
        monkeypatch.setattr(ct_levels, "room_below", lambda *_, mm=room: mm)
        monkeypatch.setattr(ct_levels, "wing_share", lambda *_, share=wings: share)
        assert analysed(straight).levels_certain is certain, (room, wings)
