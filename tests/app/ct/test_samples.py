"""The built-in CT: small, readable, simulated, and what their names say."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from bmd import reference
from bmd.app.ct import samples as ct_samples
from bmd.ct_types import BANDS
from bmd.readers.volume import read_volumes
from bmd.report.fractures import fractured_levels
from bmd.text import codes
from bmd.types import Study, volume_of

CASES = pytest.mark.parametrize("sample", ct_samples.SAMPLES, ids=lambda sample: sample.name)


@cache
def read(sample: ct_samples.CtSample) -> Study:
    (choice,) = read_volumes([(sample.path.name, sample.path.read_bytes())])
    return choice.load()


def test_all_are_shipped():
    assert ct_samples.SAMPLES.shipped() == ct_samples.SAMPLES
    assert ct_samples.SAMPLES.named("ct_cut").title == "Cut off"
    assert ct_samples.SAMPLES.named(None) is None


@CASES
def test_case_is_a_small_readable_ct(sample):
    assert sample.path.stat().st_size <= ct_samples.LARGEST_BYTES
    assert sample.thumbnail.stat().st_size < 40_000
    study = read(sample)
    volume = volume_of(study)
    assert study.modality == "ct"
    assert volume.spacing_mm == pytest.approx(ct_samples.SPACING_MM, rel=1e-3)
    assert study.patient.age_y is not None
    assert study.patient.sex is not None
    fat, soft = (
        ((volume.voxels > -150) & (volume.voxels < -50)).mean(),
        ((volume.voxels > 0) & (volume.voxels < 120)).mean(),
    )
    assert fat > 0.03
    assert soft > 0.1
    assert np.percentile(volume.voxels, 5) == -1000, "air without its noise"


@CASES
def test_truth_is_what_the_name_says(sample):
    truth = sample.truth()
    taken = volume_of(read(sample)).acquisition
    assert (truth["phase"] == "portal") == (sample.name == "ct_contrast") == bool(taken.contrast)
    assert taken.kvp == truth["kvp"]
    if sample.name == "ct_normal":
        assert reference.category(truth["t_l1l4"]) == "normal"
        assert not truth["fractured"]
    if sample.name == "ct_fracture":
        assert set(truth["fractured"]) & set(reference.LUMBAR)
    assert ("metal_hip" in truth["tags"]) == (sample.name == "ct_contrast")
    if sample.name == "ct_cut":
        assert len(volume_of(read(sample)).voxels) * ct_samples.SPACING_MM[0] < 300


SLOW_BUT_ONE = [
    pytest.param(sample, id=sample.name, marks=() if sample.name == "ct_cut" else pytest.mark.slow)
    for sample in ct_samples.SAMPLES
]
"""A whole abdomen takes some seconds; the upper abdomen is always looked at."""


@pytest.mark.parametrize("sample", SLOW_BUT_ONE)
def test_hu_networks_and_fractures_answer_a_case_as_it_is(sample):
    """What the picker promises: HU on the truth's side of the cut-offs, so that they fall with density, and no less."""
    from bmd.modality import analyse

    report = analyse(read(sample))
    found, truth = report.trabecular, sample.truth()
    assert found.band == BANDS[reference.CATEGORIES.index(reference.category(truth["t_l1l4"]))]
    assert found.agrees, "the second reader says the same"
    said = set(fractured_levels(report))
    assert said <= set(truth["fractured"])
    assert bool(said) == (sample.name == "ct_fracture")
    assert report.levels_certain == (sample.name != "ct_cut"), "named, also with a metal hip"
    if sample.name == "ct_contrast":
        assert sorted("read" if hip.reason is None else hip.reason.code for hip in report.hips) == [
            "ct.hip.metal",
            "read",
        ]


def test_a_case_without_its_finding_is_no_example():
    class Truth:
        visible = np.ones(9, bool)
        fracture_grade = np.zeros(9, int)
        tags = frozenset()

    normal, fracture, metal, cut = ct_samples.SAMPLES
    assert ct_samples.good_example(normal, Truth)
    assert not ct_samples.good_example(fracture, Truth)
    assert not ct_samples.good_example(metal, Truth)
    assert not ct_samples.good_example(cut, Truth)


def test_every_network_of_the_page_has_a_plain_name():
    from bmd.models import _registry as registry

    shown = [name for name in registry.names() if registry.spec(name).modality == "ct"]
    assert shown
    roles = {registry.spec(name).role for name in shown}
    assert {f"app.ct.source.{role}.{form}" for role in roles for form in ("name", "inside")} <= codes()
