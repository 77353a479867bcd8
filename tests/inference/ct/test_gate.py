"""Volumes that show no lumbar spine, or whose slices cannot be measured, are refused by what they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bmd.findings import Finding
from bmd.inference.ct.canal import Spine
from bmd.inference.ct.gate import gate_ct, judge_ct, lungs_end
from bmd.inference.ct.part import BELOW_NECK_MM, BELOW_SKULL_MM, SLENDER_MM, look_at_shape
from bmd.inference.ct.stack import PLANES, repeated, stacked_along
from bmd.text import say
from bmd.types import Acquisition, Study, Volume
from tests.inference.columns import Column, column
from tests.inference.ct import parts


def refused(volume: Volume) -> list[str]:
    """Codes of the gate's reasons; each has its words."""
    verdict, passed = gate_ct(Study("x", volume=volume))
    assert (passed is None) == bool(verdict.reasons)
    assert all(say(reason) for reason in verdict.reasons)
    return [reason.code for reason in verdict.reasons]


@pytest.fixture(scope="module")
def straight() -> Column:
    return column()


def test_a_trunk_passes(straight: Column) -> None:
    assert refused(straight.volume) == []
    shape = look_at_shape(straight.volume)
    assert (shape.skull_mm, shape.slender, shape.below_neck_mm) == (0.0, 0.0, float("inf"))


@pytest.mark.parametrize("brain", [20.0, 35.0, 60.0])
@pytest.mark.parametrize("tilt", [-25.0, 0.0, 20.0])
def test_a_head_is_a_head_however_it_lies(tilt: float, brain: float) -> None:
    assert refused(parts.head(tilt, brain=brain)) == ["ct.head"]


@pytest.mark.parametrize("spacing", [(5.0, 1.0, 1.0), (1.5, 2.0, 2.0)])
def test_a_head_with_a_neck_and_shoulders_is_a_head(spacing: tuple[float, float, float]) -> None:
    assert refused(parts.head(below_mm=150.0, spacing=spacing)) == ["ct.head"]


def test_a_head_in_a_field_that_cuts_the_scalp_is_a_head() -> None:
    whole = parts.head()
    cut = replace(whole, voxels=np.ascontiguousarray(whole.voxels[:, 20:-20, 22:-22]))
    assert refused(cut) == ["ct.head"]


def test_a_neck_and_limbs() -> None:
    assert refused(parts.neck()) == ["ct.neck"]
    assert refused(parts.neck(shoulders_mm=0.0)) == ["ct.slender"]
    assert refused(parts.legs()) == ["ct.slender"]


def test_a_whole_body_is_not_refused_for_its_head(straight: Column) -> None:
    """Head, neck and a trunk long enough for a lumbar spine, as a PET-CT has them; and one that ends in the chest."""
    head, trunk = parts.head(), straight.volume.voxels
    shape = (head.voxels.shape[1], max(head.voxels.shape[2], trunk.shape[2]))
    body = np.concatenate([padded(head.voxels, shape), padded(np.tile(trunk, (3, 1, 1)), shape)])
    assert refused(Volume(body, head.spacing_mm)) == []
    enough = len(head.voxels) + round(BELOW_SKULL_MM / 3) - 30
    assert refused(Volume(body[:enough], head.spacing_mm)) == ["ct.head"]


def padded(voxels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """In a field of this size, with air around."""
    out = np.random.default_rng(0).normal(-1000, 8, (len(voxels), *shape)).astype(np.int16)
    rows, columns = min(shape[0], voxels.shape[1]), min(shape[1], voxels.shape[2])
    y, x = (shape[0] - rows) // 2, (shape[1] - columns) // 2
    out[:, y : y + rows, x : x + columns] = voxels[:, :rows, :columns]
    return out


def test_a_small_field_is_no_slender_body(straight: Column) -> None:
    """A dedicated scan of the spine, its field a square or a disc of 150 mm that the body fills."""
    square = replace(straight.volume, voxels=np.ascontiguousarray(straight.volume.voxels[:, 14:114, 16:116]))
    assert refused(square) == []
    y, x = np.mgrid[-50:50, -50:50]
    disc = replace(square, voxels=np.where(np.hypot(y, x) < 50, square.voxels, np.int16(-1024)))
    assert refused(disc) == []


def test_limits_are_those_of_anatomy() -> None:
    assert SLENDER_MM < 200
    assert 300 < BELOW_SKULL_MM < 390
    assert 200 < BELOW_NECK_MM < 280


@pytest.mark.parametrize(("slab", "step"), [(3, 1), (4, 2), (6, 3), (10, 2)])
def test_overlapping_projections_are_refused(slab: int, step: int) -> None:
    """Maxima over slabs of slices that have noise of their own."""
    shape = (64 * step + slab, 127, 133)
    still = np.where(column().volume.voxels[30] < -500, -1000, 45)
    still[60:70, 60:70] = 400
    thin = np.round(still + np.random.default_rng(3).normal(0, 12, shape)).astype(np.int16)
    found = parts.projected(Volume(thin, (3.0 / step, 1.5, 1.5)), slab, step)
    assert float(np.median(repeated(found.voxels, 0))) == pytest.approx((slab - step) / (slab + step), abs=0.06)
    assert refused(found) == ["ct.projection"]
    assert refused(parts.projected(Volume(thin, (3.0 / step, 1.5, 1.5)), step, step)) == [], "slabs side by side"


@pytest.mark.parametrize("step_hu", [8, 16, 32])
def test_numbers_stored_in_coarse_steps_are_no_projections(step_hu: int) -> None:
    """Smoothed or quantised scans hold the same numbers again and again, in a slice as much as between slices."""
    still = np.where(column().volume.voxels[30] < -500, -1000, 45)
    still[60:70, 60:70] = 400
    noisy = still + np.random.default_rng(4).normal(0, 10, (70, *still.shape))
    coarse = (np.round(noisy / step_hu) * step_hu).astype(np.int16)
    assert refused(Volume(coarse, (3.0, 1.5, 1.5))) == []


def test_slices_that_were_repeated_are_no_projections(straight: Column) -> None:
    for times in (2, 3):
        voxels = np.repeat(straight.volume.voxels, times, 0)
        assert refused(Volume(voxels, (3.0 / times, 1.5, 1.5))) == [], times


def test_thick_slabs_are_refused_by_their_thickness(straight: Column) -> None:
    slab = replace(straight.volume, acquisition=Acquisition(slice_thickness_mm=10.0))
    assert refused(slab) == ["ct.too_thick.axial"]
    assert refused(replace(slab, acquisition=Acquisition(slice_thickness_mm=5.0))) == []


def reformat(volume: Volume, axis: int, step_mm: float, width_mm: float = 999.0) -> Volume:
    """The same volume as slices along another axis that are so far apart, each the mean of its thickness."""
    planes = np.moveaxis(volume.voxels, axis, 0).astype(np.float32)
    per = max(1, round(step_mm / volume.spacing_mm[axis]))
    count = min(len(planes) // per, round(width_mm / (per * volume.spacing_mm[axis])))
    first = (len(planes) - count * per) // 2
    thick = planes[first : first + count * per].reshape(count, per, *planes.shape[1:]).mean(1)
    spacing = list(volume.spacing_mm)
    spacing[axis] *= per
    voxels = np.round(np.moveaxis(thick, 0, axis)).astype(np.int16)
    return Volume(np.ascontiguousarray(voxels), (spacing[0], spacing[1], spacing[2]))


def test_reformats_are_read_where_they_cover_and_resolve_the_spine() -> None:
    fine = column(spacing=(1.5, 1.5, 1.5), count=4).volume
    assert refused(reformat(fine, 2, 3.0)) == []
    assert refused(reformat(fine, 2, 3.0, 90.0)) == ["ct.narrow_sagittal"]
    assert refused(reformat(fine, 2, 3.0, 60.0)) == ["ct.too_narrow"]
    assert refused(reformat(fine, 2, 6.0)) == ["ct.too_thick.sagittal"]
    assert refused(reformat(fine, 1, 3.0)) == []
    assert refused(reformat(fine, 1, 6.0)) == ["ct.too_thick.coronal"]
    assert refused(reformat(fine, 0, 6.0)) == []
    assert refused(reformat(fine, 0, 9.0)) == ["ct.too_thick.axial"]


STACKED = {
    "axial": [(5.0, 0.8, 0.8), (1.0, 1.0, 1.0), (0.6, 0.7, 0.7)],
    "sagittal": [(0.7, 0.7, 3.0)],
    "coronal": [(0.7, 2.0, 0.7)],
}


@pytest.mark.parametrize(
    ("spacing", "plane"), [(spacing, plane) for plane, every in STACKED.items() for spacing in every]
)
def test_the_way_slices_were_stacked(spacing: tuple[float, float, float], plane: str) -> None:
    assert PLANES[stacked_along(spacing)] == plane


def judged(lung: np.ndarray, slice_mm: float = 5.0) -> list[str]:
    flat = np.zeros(len(lung))
    reasons: tuple[Finding, ...]
    reasons, _ = judge_ct(Spine(flat, flat, flat, lung, flat, 0.7), 4, slice_mm)
    return [reason.code for reason in reasons]


def test_a_chest_that_ends_just_below_the_lungs_is_refused() -> None:
    """A lumbar vertebra with its disc needs 35 mm below them."""
    for below, code in ((0, ["ct.chest"]), (5, ["ct.chest"]), (12, [])):
        assert judged(np.concatenate([np.full(50, 0.6), np.zeros(below)])) == code, below
    abdomen = np.concatenate([np.full(10, 0.6), np.zeros(50)])
    assert judged(abdomen) == []
    bowel = abdomen.copy()
    bowel[-6:-2] = 0.2
    assert judged(bowel) == [], "gas in the bowel is no lung"
    assert lungs_end(abdomen, 5.0) == 50.0
    assert lungs_end(bowel, 5.0) == 0.0
