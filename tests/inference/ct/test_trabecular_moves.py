"""Only the spongy bone of a CT is made denser or thinner: the chance of osteoporosis follows."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from bmd.ct_types import BANDS
from bmd.inference.ct.pipeline import analyse_ct
from bmd.models._registry import WEIGHTS
from bmd.readers.volume import read_paths
from bmd.reference import CATEGORIES
from bmd.types import Demographics, Report, Study, volume_of

CASES = Path(__file__).resolve().parents[3] / "bmd" / "app" / "cases"
SHELL_MM = 3.5
"""What lies nearer to the outline of a body is cortex and end plate, and stays as it is."""

pytestmark = pytest.mark.skipif(not (WEIGHTS / "cmnet" / "metadata.json").is_file(), reason="no weights")


def study_of(path: Path) -> Study:
    """A CT, taken for one of 120 kV: at another voltage there is no chance to follow."""
    study = read_paths([path])[0].load()
    volume = volume_of(study)
    volume = replace(volume, acquisition=replace(volume.acquisition, kvp=120.0))
    return replace(study, patient=Demographics(66.0, "F"), volume=volume)


def moved(study: Study, report: Report, by_hu: int) -> Study:
    """The study with that many HU added inside every body."""
    volume = volume_of(study)
    voxels = volume.voxels.copy()
    for vertebra in report.vertebrae:
        if vertebra.body is None:
            continue
        inside = distance_transform_edt(np.pad(vertebra.body.mask, 1), sampling=volume.spacing_mm)[1:-1, 1:-1, 1:-1]
        block = tuple(slice(o, o + n) for o, n in zip(vertebra.body.offset_zyx, inside.shape, strict=True))
        part = voxels[block]
        part[(inside > SHELL_MM) & (part < 350)] += by_hu
    return replace(study, volume=replace(volume, voxels=voxels))


def follows(study: Study, steps: tuple[int, ...]) -> None:
    first = analyse_ct(study, "a")
    reports = [analyse_ct(moved(study, first, by), "a") if by else first for by in steps]
    hu = [report.trabecular.hu for report in reports if report.trabecular]
    assert len(hu) == len(steps)
    for (low, high), (before, after) in zip(pairwise(hu), pairwise(steps), strict=True):
        assert high - low > 0.4 * (after - before), "what is measured is what was changed"
    shares = [report.prediction.probabilities["osteoporosis"] for report in reports if report.prediction]
    assert shares == sorted(shares, reverse=True)
    assert len(set(shares)) == len(steps)
    bands = [BANDS.index(report.trabecular.band) for report in reports if report.trabecular and report.trabecular.band]
    assert bands == sorted(bands, reverse=True)
    assert all(not contradicts(report) for report in reports)


def contradicts(report: Report) -> bool:
    """Whether a headline names a class that the HU do not."""
    found = report.trabecular
    network = next((a for a in report.answers if a.model == "pair_acm"), None)
    if found is None or found.band is None or network is None or network.category is None:
        return report.prediction is not None and report.prediction.category is not None
    same = CATEGORIES[BANDS.index(found.band)] == network.category
    said = any(warning.code == "ct.readers_differ" for warning in report.warnings)
    assert report.prediction is not None
    return report.prediction.category is not None or found.agrees is not same or said is same


@pytest.mark.parametrize("name", [pytest.param("ct_normal", marks=pytest.mark.slow), "ct_cut"])
def test_the_chance_follows_the_spongy_bone_of_simulated_scans(name: str) -> None:
    follows(study_of(CASES / f"{name}.zip"), (-60, 0, 60))


@pytest.mark.parametrize("name", ["abdomen_pelvis_native_3mm/ct.nii.gz", "abdomen_arterial_5mm/dicom"])
def test_the_chance_follows_the_spongy_bone_of_real_scans(real_data: Path, name: str) -> None:
    follows(study_of(real_data / "ct_real" / name), (-40, -20, 0, 50, 110))
