"""Hips are found by geometry on a phantom, cut along the neck, and refused where there is metal or no neck."""

from __future__ import annotations

import numpy as np
import pytest

from bmd.app.ct.samples import SAMPLES
from bmd.inference.ct.femur import BOTH, IMAGE, PATIENT, find_and_read_hips
from bmd.inference.ct.hips import CUT, METAL, find_hips
from bmd.inference.run import Networks
from bmd.inputs.ct import HIP_HEAD, HIP_MM, hip_crop, hip_plane
from bmd.readers.volume import read_folder
from bmd.types import Demographics, Volume, volume_of
from tests.inference.phantoms import HEADS_MM, RADIUS, TURN, BrightEngine, column, pelvis

KNOWN = Demographics(70.0, "F", 160.0, 60.0)


@pytest.fixture(scope="module")
def sites():
    return find_hips(pelvis())


def test_heads_are_found_within_3_mm(sites):
    for site in sites:
        assert site.reason is None
        assert np.linalg.norm(np.subtract(site.head_mm, HEADS_MM[site.side])) < 3


def test_plane_follows_the_neck(sites):
    for site, sign in zip(sites, (-1, 1), strict=True):
        back, out = site.plane.lateral_mm
        assert np.degrees(np.arctan2(back, sign * out)) == pytest.approx(np.degrees(np.arctan(TURN)), abs=6)


def test_crop_shows_the_head_where_it_belongs_and_the_shaft_below(sites):
    volume = pelvis()
    for site in sites:
        crop = hip_crop(volume.voxels, volume.spacing_mm, site.plane)
        rows, columns = np.indices(crop.shape)
        ball = np.hypot(rows - HIP_HEAD[0], columns - HIP_HEAD[1]) * HIP_MM
        assert crop[ball < RADIUS - 6].mean() > 180
        shaft = crop[int(HIP_HEAD[0] + 75 / HIP_MM), int(HIP_HEAD[1] - 48 / HIP_MM)]  # down and to the left, both sides
        assert shaft > 80
        assert (crop[-5:] == -1024).all()  # the scan has ended


def test_both_hips_look_alike(sites):
    """A left hip comes out mirrored; the phantom's are the same but for noise and 3 mm of height."""
    volume = pelvis()
    right, left = (hip_crop(volume.voxels, volume.spacing_mm, hip_plane(HEADS_MM[s], _neck(s))) for s in HEADS_MM)
    inside = np.s_[20:170, 60:200]
    assert np.corrcoef(right[inside].ravel(), left[inside].ravel())[0, 1] > 0.95


def _neck(side):
    z, y, x = HEADS_MM[side]
    return z + 50, y + 50 * TURN, x + (-50 if side == "right" else 50)


def test_reads_each_hip_with_each_network():
    engine = BrightEngine({"temperature": 2.0})
    hips, answers = find_and_read_hips(pelvis(), KNOWN, Networks(engine))
    assert [hip.side for hip in hips] == ["right", "left"]
    assert all(hip.crop.shape == (250, 250) and hip.crop.min() >= 0 and hip.crop.max() <= 1 for hip in hips)
    assert [*answers] == [IMAGE, BOTH, PATIENT]
    assert all(hip.prediction.model == BOTH for hip in hips)
    for answer in answers.values():
        assert answer.t_score is None
        assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-3)
    assert engine.calls[IMAGE][0].shape == (2, 1, 250, 250)
    assert engine.calls[BOTH][1].shape == (2, 10)


def test_another_network_takes_a_role_when_chosen():
    engine = BrightEngine()
    hips, answers = find_and_read_hips(pelvis(), Demographics(), Networks(engine, {IMAGE: "other"}))
    assert set(engine.calls) == {"other"}
    assert {answers[IMAGE].model, *(hip.prediction.model for hip in hips)} == {"other"}


def test_nothing_known_of_the_patient_leaves_out_their_answers():
    engine = BrightEngine()
    hips, answers = find_and_read_hips(pelvis(), Demographics(), Networks(engine))
    assert [*answers] == [IMAGE]
    assert all(hip.prediction.model == IMAGE for hip in hips)
    assert set(engine.calls) == {IMAGE}


def test_missing_fields_stay_missing():
    engine = BrightEngine()
    find_and_read_hips(pelvis(), Demographics(age_y=70.0, height_cm=160.0), Networks(engine))
    known = engine.calls[PATIENT][0][0]
    assert list(known[5:]) == [1, 0, 1, 0, 0]
    assert (known[:5][known[5:] == 0] == 0).all()


def test_metal_is_said_and_not_read():
    hips, answers = find_and_read_hips(pelvis("left"), KNOWN, Networks(BrightEngine()))
    right, left = hips
    assert right.reason is None
    assert left.reason == METAL
    assert left.crop is None
    assert left.prediction is None
    assert left.centre_zyx is not None
    assert len(answers) == 3


def test_scan_that_ends_above_the_neck_is_not_read():
    hips, answers = find_and_read_hips(pelvis(rows_below_mm=20.0), KNOWN, Networks(BrightEngine()))
    assert all(hip.reason == CUT for hip in hips)
    assert [*answers] == [PATIENT]


def test_no_hip_in_the_scan():
    spine = column()[0]
    noise = Volume(np.full((40, 60, 60), -1000, np.int16), (3.0, 3.0, 3.0))
    for volume in (spine, noise):
        hips, answers = find_and_read_hips(volume, Demographics(), Networks(BrightEngine()))
        assert all(hip.reason and hip.crop is None for hip in hips)
        assert answers == {}


def test_nothing_above_the_end_of_the_spine_is_a_hip():
    """Heads at 150 and 153 mm: vertebrae that go on below them mean that the balls are something else."""
    volume = pelvis(rows_below_mm=75.0)
    assert all(site.plane is not None for site in find_hips(volume, 60.0))
    assert all(site.plane is None for site in find_hips(volume, 190.0))
    hips, answers = find_and_read_hips(volume, Demographics(), Networks(BrightEngine()), 190.0)
    assert all(hip.reason and hip.crop is None for hip in hips)
    assert answers == {}


def test_an_upper_abdomen_has_no_hips():
    """The built-in case once gave a hip between the ribs; the lowest of its five vertebrae lies past 90 mm."""
    sample = SAMPLES.named("ct_cut")
    assert sample is not None
    volume = volume_of(read_folder(sample.path)[0].load())
    assert all(site.plane is None for site in find_hips(volume, 90.0))
