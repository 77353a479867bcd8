"""Hips of simulated people: read where head and shaft are in the field, and nothing read anywhere else, however cut."""

from __future__ import annotations

import numpy as np
import pytest

from bmd.inference.ct.hips import CUT, NOT_FOUND, UNPROVEN, HipSite, find_hips
from bmd.simulator.case import simulate_ct
from bmd.truth import Case, CtTruth
from bmd.types import Volume, volume_of

SPACING = (4.0, 2.2, 2.2)
NEAR_MM = 8.0
REASONS = (CUT, NOT_FOUND, UNPROVEN)


@pytest.fixture(scope="module")
def scan() -> Case:
    return simulate_ct(41, spacing=SPACING, field="abdomen_pelvis", finding="osteopenia", fov_mm=420)


def heads(case: Case) -> np.ndarray:
    assert isinstance(case.truth, CtTruth)
    return np.asarray(case.truth.head_zyx, float) * SPACING


def wrong(sites: tuple[HipSite, HipSite], truth: np.ndarray) -> list[HipSite]:
    """Hips that were read with their head anywhere but where it is, and those left out without a reason."""
    return [
        site
        for site, head in zip(sites, truth, strict=True)
        if (
            site.reason not in REASONS
            if site.plane is None
            else np.linalg.norm(np.subtract(site.head_mm, head)) > NEAR_MM
        )
    ]


def test_both_are_read_in_a_whole_pelvis(scan: Case) -> None:
    sites = find_hips(volume_of(scan.study))
    assert all(site.reason is None for site in sites)
    assert not wrong(sites, heads(scan))


def test_nothing_is_read_in_the_ilium_wherever_the_scan_ends(scan: Case) -> None:
    """From the iliac crests down, every 24 mm; hips are read again only where the shafts are in the field."""
    volume, truth = volume_of(scan.study), heads(scan)
    lowest = truth[:, 0].max()
    read = []
    for end in np.arange(truth[:, 0].min() - 110, len(volume.voxels) * SPACING[0], 24.0):
        sites = find_hips(Volume(volume.voxels[: int(end / SPACING[0])], SPACING))
        assert not wrong(sites, truth), end
        read += [end - lowest for site in sites if site.plane is not None]
    assert min(read) > 50


def test_nothing_else_is_read_wherever_it_begins_or_when_a_hip_is_outside(scan: Case) -> None:
    volume, truth = volume_of(scan.study), heads(scan)
    for first in (int((truth[:, 0].min() + away) / SPACING[0]) for away in (-60.0, -10.0, 30.0)):
        sites = find_hips(Volume(volume.voxels[first:], SPACING))
        assert not wrong(sites, truth - [first * SPACING[0], 0, 0]), first
    for column in (int((truth[0, 2] + away) / SPACING[2]) for away in (-30.0, 0.0, 40.0)):
        sites = find_hips(Volume(np.ascontiguousarray(volume.voxels[:, :, column:]), SPACING))
        assert not wrong(sites, truth - [0, 0, column * SPACING[2]]), column
        assert sites[0].plane is None, "its femur is cut by the edge of the field"


def test_nothing_is_read_in_a_volume_that_is_upside_down(scan: Case) -> None:
    volume = volume_of(scan.study)
    assert all(site.plane is None for site in find_hips(Volume(volume.voxels[::-1].copy(), SPACING)))
