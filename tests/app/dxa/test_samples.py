"""The built-in DXA images: small, simulated, and the page answers them as they are named."""

from __future__ import annotations

import pytest

from bmd import modality, reference
from bmd.app.dxa import samples
from bmd.readers import read_study

CASES = pytest.mark.parametrize("sample", samples.SAMPLES, ids=lambda sample: sample.name)


@CASES
def test_a_case_is_small_and_answered_as_the_truth_that_is_shown(sample):
    assert sample.path.stat().st_size < 150_000
    report = modality.analyse(read_study(sample.path.name, sample.path.read_bytes(), "dxa"))
    truth = sample.truth()
    if sample.name == "dxa_hip":
        assert not report.suitability.suitable
        return
    assert [v.level for v in report.vertebrae] == ["L1", "L2", "L3", "L4"]
    if sample.name == "dxa_picture":
        assert report.prediction is None
        return
    found = report.prediction
    assert report.levels_certain
    assert abs(found.t_score - truth["t_l1l4"]) <= samples.NEAR_T
    assert found.category == reference.category(truth["t_l1l4"])
    named = sample.name.removeprefix("dxa_")
    assert named not in reference.CATEGORIES or found.category == named
    assert (sample.name == "dxa_outlier") == any(w.code == "dxa.differs" for w in report.warnings)
    assert ("scoliosis" in truth["tags"]) == (sample.name == "dxa_scoliosis")
