"""What becomes of a scan once it is passed around: lines where the vertebrae meet, and the same spine below."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bmd.simulator.case import simulate_dxa
from bmd.simulator.dxa.archive import bridged, coarse, streaked, technicians_lines
from bmd.truth import Truth


def _plain() -> tuple[np.ndarray, Truth]:
    case = simulate_dxa(4, finding="normal", height=400)
    assert isinstance(case.truth, Truth)
    return case.study.images[0].pixels, case.truth


def test_the_technicians_lines_lie_between_the_vertebrae() -> None:
    shown, truth = _plain()
    drawn = technicians_lines(shown, truth.corners_px, truth.labels, truth.visible, np.random.default_rng(1))
    added = (drawn - shown) > 0.2
    between = [round(float(truth.corners_px[k, :2, 1].mean())) for k in range(3, 7)]
    x = truth.corners_px[3:7, :2, 0].mean()  # the middle of the column
    for row in between:
        assert added[row - 3 : row + 4, int(x) - 6 : int(x) + 7].any()
    middles = [round(float(truth.corners_px[k, :, 1].mean())) for k in range(3, 7)]
    assert not added[middles, int(x) - 2 : int(x) + 3].any()


@pytest.mark.parametrize("change", [coarse, streaked, bridged])
def test_the_spine_stays_where_it_is(change: Callable[..., np.ndarray]) -> None:
    shown, _ = _plain()
    changed = change(shown, np.random.default_rng(2))
    assert changed.shape == shown.shape
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert not np.array_equal(changed, shown)
    assert np.corrcoef(changed.ravel(), shown.ravel())[0, 1] > 0.6


def test_bridging_fills_the_discs() -> None:
    shown, truth = _plain()
    changed = bridged(shown, np.random.default_rng(2))
    column = slice(*np.sort(truth.corners_px[4, :2, 0]).astype(int))
    rows = slice(int(truth.corners_px[3, 0, 1]), int(truth.corners_px[6, 3, 1]))
    assert changed[rows, column].mean(1).std() < 0.95 * shown[rows, column].mean(1).std()
