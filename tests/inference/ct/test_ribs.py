"""Ribs are followed to the body they start at; processes, kidneys and the other side are not taken for one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bmd.inference.ct.bodies import Body, fit_body, frame_of
from bmd.inference.ct.canal import Spine, find_spine
from bmd.inference.ct.names import last_with_ribs, places
from bmd.inference.ct.ribs import LEAST_FALL, Rib, find_ribs
from bmd.simulator.case import simulate_ct
from bmd.simulator.ct.ribs import last_rib
from bmd.types import Volume
from tests.inference.columns import DEPTH_MM, HEIGHT_MM, Column, column

HEAD_BEHIND_MM = 20.0


def spine_and_bodies(found: Column) -> tuple[Spine, tuple[Body, ...]]:
    spine = find_spine(found.volume)
    out = []
    for z, y, _ in found.centres:
        back, front, top, low = y + DEPTH_MM / 2, y - DEPTH_MM / 2, z - HEIGHT_MM / 2, z + HEIGHT_MM / 2
        corners = np.array([[back, top], [front, top], [front, low], [back, low]])
        out.append(fit_body(found.volume, frame_of(corners, spine.x_mm, found.volume.spacing_mm[0])))
    return spine, tuple(out)


def with_rod(found: Column, body: int, side: int, length: float, fall: float, radius: float = 4.5) -> Column:
    """A rod of bone from the back of a body outwards, ``length`` mm sideways and falling ``fall`` mm per mm."""
    volume = found.volume
    z, y, x = (np.arange(n) * s for n, s in zip(volume.voxels.shape, volume.spacing_mm, strict=True))
    cz, cy, cx = found.centres[body]
    out = side * (x - cx)
    at_z = cz - 2 + fall * np.maximum(0, out - 22)
    at_y = cy + HEAD_BEHIND_MM + 0.5 * np.clip(out - 22, 0, 22)
    near = np.hypot(z[:, None, None] - at_z, y[None, :, None] - at_y) < radius
    near &= ((out > 20) & (out < 22 + length))[None, None, :]
    return replace(found, volume=Volume(np.where(near, 380, volume.voxels).astype(np.int16), volume.spacing_mm))


def ribs_of(found: Column) -> tuple[Rib, ...]:
    return find_ribs(found.volume, *spine_and_bodies(found))


@pytest.mark.parametrize("spacing", [(3.0, 1.5, 1.5), (5.0, 1.5, 1.5), (1.5, 1.5, 1.5)])
@pytest.mark.parametrize("fall", [0.3, 1.1])
def test_a_rib_is_followed_to_its_body(spacing: tuple[float, float, float], fall: float) -> None:
    found = column(spacing=spacing)
    for side in (-1, 1):
        found = with_rod(found, 1, side, 50, fall)
    clear = [rib for rib in ribs_of(found) if rib.clear]
    assert [(rib.body, rib.side) for rib in clear] == [(1, -1), (1, 1)]
    assert all(rib.fall_mm > LEAST_FALL for rib in clear)
    assert all(58 < rib.reach_mm < 82 for rib in clear)


def test_a_level_process_is_no_rib() -> None:
    found = column()
    for body in range(5):
        for side in (-1, 1):
            found = with_rod(found, body, side, 27, 0.0, 3.5)
    assert not [rib for rib in ribs_of(found) if rib.clear]


def test_a_kidney_full_of_contrast_is_no_rib() -> None:
    found = column()
    volume = found.volume
    z, y, x = np.meshgrid(*(np.arange(n) * s for n, s in zip(volume.voxels.shape, volume.spacing_mm, strict=True)),
                          indexing="ij")  # fmt: skip
    cz, cy, cx = found.centres[2]
    voxels = volume.voxels.copy()
    for side in (-1, 1):
        inside = ((z - cz) / 52) ** 2 + ((y - cy - 8) / 27) ** 2 + ((x - cx - side * 62) / 28) ** 2
        voxels[inside < 1] = 180
        voxels[inside < 0.62] = 90
    assert not [rib for rib in ribs_of(replace(found, volume=Volume(voxels, volume.spacing_mm))) if rib.clear]


def test_no_bodies_no_ribs() -> None:
    found = column()
    assert find_ribs(found.volume, find_spine(found.volume), ()) == ()


@pytest.mark.parametrize(("seed", "thick"), [(31, 5.0), (32, 3.0)])
def test_the_last_rib_of_a_simulated_upper_abdomen(seed: int, thick: float) -> None:
    case = simulate_ct(seed, spacing=(thick, 1.6, 1.6), field="upper", finding="normal")
    volume = case.study.volume
    assert volume is not None
    spine, dz, dy = find_spine(volume), volume.spacing_mm[0], volume.spacing_mm[1]
    levels = [k for k in range(8) if case.truth.visible[k]]
    corners = np.asarray(case.truth.corners_px)[levels] * [dy, dz]
    bodies = tuple(fit_body(volume, frame_of(c, spine.x_mm, dz)) for c in corners)
    last = last_with_ribs(places(bodies), frozenset(), find_ribs(volume, spine, bodies))
    names = ("T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5")
    assert last is not None
    assert names[levels[last]] == last_rib(case.truth.tags)
