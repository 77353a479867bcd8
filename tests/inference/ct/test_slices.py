"""The pair ensemble is given the right slices, and its answers become predictions."""

from __future__ import annotations

import numpy as np
import pytest

from bmd.inference.ct.slices import classify_slices
from bmd.inference.run import Networks
from bmd.inputs.ct import SLICE_BEHIND_MM, axial_crop, body_centre, slice_windows
from bmd.models._registry import default
from bmd.reference import CATEGORIES
from tests.inference.phantoms import BrightEngine, column


def test_body_centre_is_the_middle_of_its_height():
    _, vertebrae = column()
    assert body_centre(vertebrae[1]) == pytest.approx((28.5, 39.5, 49.5))


def test_crop_holds_the_body_in_mm():
    volume, vertebrae = column()
    crop = axial_crop(volume.voxels, volume.spacing_mm, body_centre(vertebrae[2]))
    assert crop.shape == (120, 120)
    bone = crop > 200
    rows, columns = np.flatnonzero(bone.any(1)), np.flatnonzero(bone.any(0))
    assert len(rows) == pytest.approx(20 * 1.5, abs=1)
    assert len(columns) == pytest.approx(24 * 1.5, abs=1)
    assert rows.mean() == pytest.approx(59.5 - SLICE_BEHIND_MM, abs=0.6)
    assert columns.mean() == pytest.approx(59.5, abs=0.6)
    assert crop[0, 0] == 40
    assert axial_crop(volume.voxels, volume.spacing_mm, (28.5, 0.0, 0.0))[0, 0] == -1024


def test_thin_slices_are_averaged():
    volume = np.zeros((30, 60, 60), np.int16)
    volume[::2] = 300
    thin = axial_crop(volume, (0.5, 1.0, 1.0), (15.0, 30.0, 30.0))
    assert thin[60, 60] == pytest.approx(150, abs=26)
    thick = axial_crop(volume, (5.0, 1.0, 1.0), (14.0, 30.0, 30.0))
    assert thick[60, 60] == 300


def test_windows_are_equation_1():
    hu = np.array([[[-2000.0, -450, -128, 1024, 3000]]], np.float32)
    shown = slice_windows(hu) * 0.2 + 0.3
    np.testing.assert_allclose(shown[0, 0, 0], [0, 0, 0, 1, 1], atol=1e-6)
    np.testing.assert_allclose(shown[0, 1, 0], [0, 0, 322 / 1474, 1, 1], atol=1e-6)


def test_every_level_and_the_patient_are_answered():
    volume, vertebrae = column()
    engine = BrightEngine()
    each, patient = classify_slices(volume, vertebrae, Networks(engine))
    assert [p.level for p in each] == ["L1", "L2", "L3"]
    assert each[0].probabilities["osteoporosis"] > each[2].probabilities["osteoporosis"]
    assert patient.level is None
    for p in (*each, patient):
        assert p.t_score is None
        assert p.model == default("slices")
        assert p.category == max(CATEGORIES, key=lambda c: p.probabilities[c])
    assert engine.calls[default("slices")][0].shape == (3, 2, 120, 120)


def test_temperature_softens():
    volume, vertebrae = column()
    sharp, _ = classify_slices(volume, vertebrae, Networks(BrightEngine()))
    soft, _ = classify_slices(volume, vertebrae, Networks(BrightEngine({"slice_temperature": 5.0})))
    assert max(soft[0].probabilities.values()) < max(sharp[0].probabilities.values())


def test_one_vertebra_is_no_patient():
    volume, vertebrae = column()
    assert classify_slices(volume, vertebrae[:1], Networks(BrightEngine()))[1] is None
    assert classify_slices(volume, (), Networks(BrightEngine())) == ((), None)


def test_other_levels_and_nameless_bodies_are_left_out():
    volume, vertebrae = column(("T12", "L1", "L5"))
    each, patient = classify_slices(volume, vertebrae, Networks(BrightEngine()))
    assert [p.level for p in each] == ["L1"]
    assert patient is None  # L5 is not classed, as on a film


def test_another_network_takes_the_role_when_chosen():
    volume, vertebrae = column()
    engine = BrightEngine()
    each, patient = classify_slices(volume, vertebrae, Networks(engine, {"slices": "other"}))
    assert set(engine.calls) == {"other"}
    assert {one.model for one in (*each, patient)} == {"other"}
