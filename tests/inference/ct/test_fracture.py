"""A fracture is said of a wedge with both end plates outlined, and of nothing whose shape cannot be judged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bmd.evaluation.ct.fractures import GRADES, summed
from bmd.inference.ct.bodies import Body, fit_body, frame_of
from bmd.inference.ct.fracture import fracture, overlap, shape
from bmd.types import Volume
from tests.inference.columns import DEPTH_MM, HEIGHT_MM, Column, column

BROKEN = 2
NONE: frozenset[int] = frozenset()


def wedged(found: Column, loss: float) -> Volume:
    """The front of one body lowered from above by a share of its height, its upper end plate along the slope."""
    dz, dy, _ = found.volume.spacing_mm
    depth, rows, _ = found.volume.voxels.shape
    z, y = np.arange(depth) * dz, np.arange(rows) * dy
    at, middle, _ = found.centres[BROKEN]
    forward = np.clip((middle + DEPTH_MM / 2 - y) / DEPTH_MM, 0, 1)[None, :, None]
    top = at - HEIGHT_MM / 2 + loss * HEIGHT_MM * forward
    mine = found.labels == BROKEN + 1
    below = z[:, None, None] - top
    voxels = np.where(mine & (below < 0), 45, found.volume.voxels)
    return replace(found.volume, voxels=np.where(mine & (below >= 0) & (below < 2.5), 380, voxels).astype(np.int16))


def bodies(found: Column, volume: Volume, loss: float = 0.0) -> list[Body]:
    out = []
    for k, (z, y, _) in enumerate(found.centres):
        front, back, low = y - DEPTH_MM / 2, y + DEPTH_MM / 2, z + HEIGHT_MM / 2
        top = z - HEIGHT_MM / 2
        sunk = top + (loss * HEIGHT_MM if k == BROKEN else 0.0)
        corners = np.array([[back, top], [front, sunk], [front, low], [back, low]])
        out.append(fit_body(volume, frame_of(corners, found.canal_x, volume.spacing_mm[0])))
    return out


@pytest.fixture(scope="module")
def straight() -> Column:
    return column(130.0, (1.5, 1.5, 1.5), count=4)


def test_whole_bodies_are_not_called_fractured(straight: Column) -> None:
    column_ = bodies(straight, straight.volume)
    for k in range(len(column_)):
        found = shape(straight.volume, column_, k, NONE)
        assert fracture(straight.volume, found) is None
        assert found.outlined > 0.8
        assert found.overlap_mm < -4


@pytest.mark.parametrize(("loss", "code"), [(0.1, None), (0.4, "ct.wedged")])
def test_a_wedge_is_said(straight: Column, loss: float, code: str | None) -> None:
    volume = wedged(straight, loss)
    said = fracture(volume, shape(volume, bodies(straight, volume, loss), BROKEN, NONE))
    assert (said.code if said else None) == code


def test_a_wedge_in_thick_slices_or_without_end_plates_cannot_be_judged(straight: Column) -> None:
    volume = wedged(straight, 0.4)
    column_ = bodies(straight, volume, 0.4)
    thick = replace(volume, voxels=volume.voxels[::4].copy(), spacing_mm=(6.0, 1.5, 1.5))
    assert fracture(thick, shape(volume, column_, BROKEN, NONE)).code == "ct.shape_unjudged"  # type: ignore[union-attr]
    even = replace(volume, voxels=np.full_like(volume.voxels, 130))
    found = shape(even, column_, BROKEN, NONE)
    assert found.outlined == 0
    assert fracture(even, found).code == "ct.shape_unjudged"  # type: ignore[union-attr]


def test_a_wedge_that_reaches_into_its_neighbour_cannot_be_judged(straight: Column) -> None:
    volume = wedged(straight, 0.4)
    column_ = bodies(straight, volume, 0.4)
    lower = column_[BROKEN + 1]
    raised = replace(lower, frame=replace(lower.frame, origin=lower.frame.origin - [16.0, 0, 0]))
    assert overlap(column_[BROKEN], raised) == pytest.approx(overlap(column_[BROKEN], lower) + 16, abs=0.5)
    found = shape(volume, [*column_[: BROKEN + 1], raised], BROKEN, NONE)
    assert fracture(volume, found).code == "ct.shape_unjudged"  # type: ignore[union-attr]


def test_counts_are_by_grade() -> None:
    counts = summed([(0, "", True), (0, "ct.shape_unjudged", False), (2, "ct.wedged", False), (2, "", True)])
    assert [*counts] == [*GRADES]
    assert counts["none"] == {"bodies": 2, "said": 0, "unjudged": 1, "measured": 1}
    assert counts["moderate"] == {"bodies": 2, "said": 1, "unjudged": 0, "measured": 1}
