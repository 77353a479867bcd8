"""Heat maps on a CT: one per branch and slice, one per hip, each where it belongs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bmd.explanation import cam, ct
from bmd.findings import note
from bmd.inputs.ct import HIP_HEAD, HIP_MM, body_centre, hip_crop, hip_plane, hip_window
from bmd.modality import explain
from bmd.models._registry import build
from bmd.reference import CATEGORIES
from bmd.types import Hip, Prediction, Report, Study, Suitability
from tests.inference.phantoms import HEADS_MM, RADIUS, TURN, column, pelvis

SMALL = {
    "pair_acm": {"width": 16},
    "femur_image": {"hidden": 128},
    "resnet18_acm": {"width": 16, "window": "s"},
}


@pytest.fixture(autouse=True)
def _networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks with fixed random weights stand in for the shipped ones."""
    torch.manual_seed(3)
    networks = {}
    for name, options in SMALL.items():
        networks[name] = build(name, **options).eval()
        networks[name].metadata = {"options": options}  # type: ignore[assignment]
    monkeypatch.setattr(cam, "trained", lambda name, weights: networks[name])
    cam.randomised.cache_clear()


def says(level: str, category: str, model: str) -> Prediction:
    return Prediction(level, None, None, None, dict.fromkeys(CATEGORIES, 1 / 3), category, model)


@pytest.fixture(scope="module")
def spine() -> tuple[Study, Report]:
    volume, vertebrae = column(("L1", "L2"))
    measured = (says("L1", "osteoporosis", "pair_acm"), says("L2", "normal", "pair_acm"))
    return Study("x", volume=volume), Report("a", "ct", Suitability(True), vertebrae, measured)


def hip_report() -> Report:
    volume, hips = pelvis(), []
    for side, (z, y, x) in HEADS_MM.items():
        sign = -1 if side == "right" else 1
        plane = hip_plane((z, y, x), (z + 50, y + 50 * TURN, x + 50 * sign))
        crop = hip_window(hip_crop(volume.voxels, volume.spacing_mm, plane))
        hips.append(Hip(side, None, crop, None, says("hip", "osteopenia", "femur_multimodal")))  # type: ignore[arg-type]
    return Report("a", "ct", Suitability(True), hips=tuple(hips))


def test_both_branches_are_explained_for_every_slice(spine) -> None:
    found = explain(*spine)
    assert [e.level for e in found] == ["L1", "L1", "L2", "L2"]
    assert [e.method for e in found[:2]] == [
        note("heat.slice", branch=b, low_hu=hu) for b, hu in (("s", -128.0), ("t", -450.0))
    ]
    assert [e.window_hu for e in found[:2]] == [(-128.0, 1024.0), (-450.0, 1024.0)]
    assert not np.allclose(found[0].heat, found[1].heat)
    assert found[0].target == note("heat.evidence", category=note("category.osteoporosis"))
    assert found[2].target == note("heat.evidence", category=note("category.normal"))
    for e in found:
        assert e.heat.shape == (120, 120)
        assert 0 <= e.heat.min() <= e.heat.max() <= 1
        assert 0 <= e.fidelity["inside_share"] <= 1
        assert -1 <= e.fidelity["random_correlation"] <= 1


def test_a_network_of_one_window_has_one_map_for_every_slice(spine) -> None:
    study, report = spine
    measured = tuple(replace(one, model="resnet18_acm") for one in report.measurements)
    found = explain(study, replace(report, measurements=measured))
    assert [e.level for e in found] == ["L1", "L2"]
    assert found[0].method == note("heat.window", low_hu=-128.0)
    assert found[0].heat.shape == (120, 120)
    assert found[0].heat.max() > 0


def test_map_covers_the_crop_in_the_axial_plane(spine) -> None:
    volume, vertebrae = column(("L1", "L2"))
    e = explain(*spine)[0]
    x1, y1, x2, y2 = e.box_px
    assert (x2 - x1) * volume.spacing_mm[2] == pytest.approx(120)
    assert (x1 + x2) / 2 == pytest.approx(body_centre(vertebrae[0])[2])
    assert (y1 + y2) / 2 > body_centre(vertebrae[0])[1]  # the arch is behind
    body = 20 * 24 * 1.5 * 1.5  # mm2
    assert e.fidelity["area_share"] == pytest.approx(body / 120**2, rel=0.05)


def test_hips_are_explained(spine) -> None:
    found = explain(Study("x", volume=pelvis()), hip_report())
    assert [e.level for e in found] == ["right femur", "left femur"]
    assert all(e.heat.shape == (250, 250) for e in found)
    assert {e.target for e in found} == {note("heat.evidence", category=note("category.osteopenia"))}
    assert all(0.08 < e.fidelity["area_share"] < 0.3 for e in found)


def test_levels_can_be_chosen_and_nothing_gives_nothing(spine) -> None:
    study, report = spine
    assert [e.level for e in explain(study, report, ("L2",))] == ["L2", "L2"]
    assert [e.level for e in explain(study, hip_report(), ("left femur",))] == ["left femur"]
    assert explain(Study("x", ()), report) == ()
    assert explain(study, Report("a", "ct", Suitability(False))) == ()


def test_femur_mask_holds_head_and_shaft_but_not_the_socket() -> None:
    crop = hip_report().hips[0].crop
    mask = ct.femur_mask(crop)
    row, column_ = (int(v) for v in HIP_HEAD)
    assert mask[row, column_]
    assert mask[row + int(75 / HIP_MM), column_ - int(48 / HIP_MM)]
    assert not mask[row, column_ + int((RADIUS + 7) / HIP_MM)]
    assert not mask[row + int(75 / HIP_MM), column_ + 20]
