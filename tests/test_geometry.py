"""Plane geometry."""

from __future__ import annotations

import numpy as np
import pytest

from bmd.geometry import filled


def test_a_rectangle_is_filled_with_its_edges() -> None:
    mask = filled(np.array([[2, 1], [5, 1], [5, 3], [2, 3]], float), (6, 8))
    want = np.zeros((6, 8), bool)
    want[1:4, 2:6] = True
    assert mask.dtype == np.bool_
    assert np.array_equal(mask, want)


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.1])
def test_area_follows_the_outline(angle: float) -> None:
    t = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    ellipse = np.column_stack([60 * np.cos(t), 30 * np.sin(t)]) @ turn.T + 100.5
    assert filled(ellipse, (200, 200)).sum() == pytest.approx(np.pi * 60 * 30, rel=0.03)


def test_what_lies_outside_the_picture_is_cut() -> None:
    mask = filled(np.array([[-50, -50], [50, -50], [50, 3], [-50, 3]], float), (10, 10))
    assert mask[:4].all()
    assert not mask[4:].any()
