"""CT: spine, bodies, attenuation and refusals on a column of simple shapes; the film localiser is a stand-in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bmd.errors import WeightsError
from bmd.inference.ct import levels as ct_levels
from bmd.inference.ct.attenuation import reading
from bmd.inference.ct.canal import find_spine
from bmd.inference.ct.gate import gate_ct
from bmd.inference.ct.pipeline import analyse_ct
from bmd.inference.ct.side_film import side_film
from bmd.inference.spine.decode import Decoded
from bmd.inference.spine.localise import Localised
from bmd.types import Acquisition, Attenuation, Image, Region, Report, Study, Volume
from tests.inference.columns import Column, column, seen

NAMES = ("L1", "L2", "L3", "L4", "L5")


class NoEngine:
    """An engine without any weights."""

    device = "none"

    def run(self, network: str, *inputs: Any) -> dict[str, Any]:
        raise WeightsError("Weights are missing", network)

    def metadata(self, network: str) -> dict[str, Any]:
        raise WeightsError("Weights are missing", network)


@pytest.fixture(scope="module")
def straight() -> Column:
    return column()


def localised(monkeypatch: pytest.MonkeyPatch, found: Column, error_mm: float = 0.0, **decoded: Any) -> None:
    """Let the side view see the true bodies."""
    shift = side_film(found.volume, find_spine(found.volume)).shift_mm
    bodies = seen(found, shift, NAMES, error_mm)
    answer = Localised(bodies, Decoded(**{"certain": True, "sacrum": 0.9, "posterior": 1.0, **decoded}))
    monkeypatch.setattr(ct_levels, "localise", lambda film, engine: answer)


def analysed(found: Column, **study: Any) -> Report:
    return analyse_ct(Study("x", volume=found.volume, **study), "a", engine=NoEngine())  # type: ignore[arg-type]


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
    assert "sacrum is not" in report.warnings[0]
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
    said = " ".join(report.warnings)
    assert "L1 measures" in said
    assert "100 kV" in said
    assert "Pickhardt 2016" in said
    assert "not classified" in said
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
    said = " ".join(report.warnings)
    assert "Vertebra 2 from above: as dense as cement" in said
    assert "Vertebra 4 from above: metal" in said


def test_a_cut_body_is_not_measured(monkeypatch: pytest.MonkeyPatch, straight: Column) -> None:
    start = round(20 / 3)
    cut = replace(straight, volume=replace(straight.volume, voxels=straight.volume.voxels[start:]))
    cut = replace(cut, centres=straight.centres - [start * 3.0, 0, 0], labels=straight.labels[start:])
    localised(monkeypatch, cut)
    report = analysed(cut)
    assert len(report.attenuation) == 4
    assert any("cut off" in warning for warning in report.warnings)


def test_a_chest_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    chest = column(lung=True)
    localised(monkeypatch, chest)
    report = analysed(chest)
    assert not report.suitability.suitable
    assert "lungs lie" in report.suitability.reasons[0]
    assert not report.vertebrae


def gate(voxels: np.ndarray, spacing: tuple[float, float, float] = (3.0, 1.5, 1.5)) -> str:
    verdict, volume = gate_ct(Study("x", volume=Volume(voxels.astype(np.int16), spacing)))
    assert (volume is None) == bool(verdict.reasons)
    return " ".join(verdict.reasons)


def test_the_gate_says_why(straight: Column) -> None:
    voxels = straight.volume.voxels
    assert gate(voxels) == ""
    assert "20 slices cover 40 mm" in gate(voxels[:20], (2.0, 1.5, 1.5))
    assert "mm apart" in gate(voxels[:30], (8.0, 1.5, 1.5))
    assert "too narrow" in gate(voxels[:, :20])
    assert "MRI" in gate(voxels + 1100)
    assert "bright as bone" in gate(np.minimum(voxels, 100))
    assert "soft tissue" in gate(np.where(voxels > -500, 900, voxels))
    verdict, _ = gate_ct(Study("x", (Image(np.zeros((9, 9), np.float32), "radiograph"),)))
    assert "holds radiograph" in verdict.reasons[0]


def test_reading_of_l1_follows_the_published_cutoffs() -> None:
    region = Region((0, 0, 0), np.ones((1, 1, 1), bool))
    words = [reading((Attenuation("L1", hu, 10, region, 1.0),)) for hu in (95.0, 140.0, 180.0)]
    assert "more than 90 % specific" in words[0]
    assert "between 110 and 160" in words[1]
    assert "above 160" in words[2]
    assert reading((Attenuation("L2", 95.0, 10, region, 1.0),)) == ""


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
