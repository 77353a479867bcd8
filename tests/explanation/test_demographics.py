"""Shapley values: exact on games whose values are known."""

from __future__ import annotations

import numpy as np
import pytest

from bmd.explanation.demographics import FIELDS, field_effects, shapley
from bmd.types import Demographics


def test_glove_game():
    """One left glove (player 0), two right ones: a pair is worth 1 (Shapley 1953's classic: 2/3, 1/6, 1/6)."""
    values = np.array([float(bool(code & 1) and bool(code & 6)) for code in range(8)])
    assert shapley(values, 3) == pytest.approx([2 / 3, 1 / 6, 1 / 6])


def test_sum_is_the_difference_and_a_dummy_gets_nothing():
    rng = np.random.default_rng(0)
    small = rng.normal(size=8)
    values = np.concatenate([small, small])  # player 3 changes nothing
    found = shapley(values, 4)
    assert found.sum() == pytest.approx(values[-1] - values[0])
    assert found[3] == pytest.approx(0)


def test_unknown_fields_take_no_part():
    asked = []

    def answer(patients):
        asked.extend(patients)
        return np.array([2.0 * (p.age_y is not None) - (p.weight_kg is not None) for p in patients])

    effects = field_effects(Demographics(70, None, None, 60), answer)
    assert effects.effects == pytest.approx({"age_y": 2.0, "weight_kg": -1.0})
    assert (effects.start, effects.answer) == (0, 1)
    assert len(asked) == 4
    assert all(p.sex is None and p.height_cm is None for p in asked)


def test_nothing_known_moves_nothing():
    assert field_effects(Demographics(), lambda patients: np.zeros(len(patients))).effects == {}
    assert set(FIELDS) == {"age_y", "sex", "height_cm", "weight_kg"}
