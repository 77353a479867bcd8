"""A DXA scan: what it measures is what is true, and everything it may show."""

from __future__ import annotations

import numpy as np
import pytest

from bmd.errors import OptionError
from bmd.inference.dxa.densitometry import LevelDensity, level_densities, pooled
from bmd.reference import LEVELS
from bmd.simulator.case import simulate_dxa
from bmd.simulator.dxa.scan import contents, scan_spine
from bmd.simulator.person.anatomy import build_skeleton
from bmd.simulator.person.sample import sample_person
from bmd.simulator.shards.dxa import square
from bmd.truth import DxaTruth
from bmd.types import Vertebra

SPINE = slice(3, 7)


@pytest.mark.parametrize("seed", range(6))
def test_measured_content_area_and_density_agree_with_the_truth(seed: int) -> None:
    rng = np.random.default_rng(seed)
    person = sample_person(rng, cohort="film")
    scanned = scan_spine(build_skeleton(person, rng), rng, extras=frozenset())
    content, area = contents(scanned.measured.mineral, scanned.labels, scanned.spacing_mm)
    whole = [k for k in range(3, 7) if np.isfinite(area[k])]
    assert len(whole) >= 3
    for k in whole:
        assert content[k] == pytest.approx(scanned.bmc_g[k], rel=0.01)
        assert area[k] == scanned.area_cm2[k]
        assert content[k] / area[k] == pytest.approx(person.bmd[LEVELS[k]], rel=0.01)


def test_l1_to_l4_together_read_the_person() -> None:
    case = simulate_dxa(11, finding="normal", calibrated=True)
    truth = case.truth
    assert isinstance(truth, DxaTruth)
    image = case.study.images[1]
    assert image.unit == "g/cm2"
    pixel = image.spacing_mm[0] * image.spacing_mm[1] / 100
    rows = [truth.labels == k + 1 for k in range(3, 7)]
    levels = [
        LevelDensity(LEVELS[3 + k], float(image.pixels[m].sum()) * pixel, float(m.sum()) * pixel, 0, 0)
        for k, m in enumerate(rows)
    ]
    total = pooled(levels)
    assert total is not None
    assert total.bmd_g_cm2 == pytest.approx(truth.bmd_l1l4, rel=0.01)


def test_same_seed_same_bytes() -> None:
    one, other, third = (simulate_dxa(seed).study for seed in (21, 21, 22))
    assert one.images[0].pixels.tobytes() == other.images[0].pixels.tobytes()
    assert one.uid == other.uid != third.uid


def test_one_person_is_scanned_as_given() -> None:
    person = sample_person(np.random.default_rng(3), cohort="film")
    first, second = (simulate_dxa(seed, person=person) for seed in (1, 2))
    assert first.truth.bmd_l1l4 == second.truth.bmd_l1l4 == person.bmd["L1-L4"]
    assert first.study.images[0].pixels.shape != second.study.images[0].pixels.shape


@pytest.mark.parametrize(("position", "lost"), [("high", "L4"), ("low", "L1")])
def test_a_wrong_position_cuts_a_level(position: str, lost: str) -> None:
    truth = simulate_dxa(31, position=position).truth
    assert not truth.visible[LEVELS.index(lost)]
    assert truth.visible[LEVELS.index("L2")] or truth.visible[LEVELS.index("L3")]


@pytest.mark.parametrize("view", ["lateral", "hip", "forearm"])
def test_other_views_hold_no_region(view: str) -> None:
    truth = simulate_dxa(41, view=view).truth
    assert truth.view == view
    assert not truth.labels.any()
    assert not truth.visible.any()


def test_screws_stand_out_of_any_bone() -> None:
    metal = simulate_dxa(51, finding="implant", calibrated=True)
    plain = simulate_dxa(51, finding="normal", calibrated=True)
    assert "implant" in metal.truth.tags
    assert np.percentile(metal.study.images[1].pixels, 99.7) > 1.5 * np.percentile(plain.study.images[1].pixels, 99.7)


def test_calcified_aorta_adds_to_what_is_measured() -> None:
    def reading(finding: str) -> float:
        case = simulate_dxa(63, finding=finding, calibrated=True)
        image, truth = case.study.images[1], case.truth
        return max(float(image.pixels[truth.labels == k + 1].mean()) / truth.bmd_g_cm2[k] for k in range(3, 7))

    assert reading("aorta") > reading("normal") + 0.005


def test_a_square_keeps_regions_on_the_bone() -> None:
    case = simulate_dxa(71, position=None, finding="normal")
    row = square(case)
    assert row["image"].shape == row["labels"].shape == (320, 320)
    inside = row["image"][row["labels"] > 0].mean()
    assert inside > 1.3 * row["image"].mean()
    level = LEVELS.index("L3")
    ys, xs = np.nonzero(row["labels"] == level + 1)
    low, high = row["corners"][level].min(0), row["corners"][level].max(0)
    assert low[0] - 8 < xs.mean() < high[0] + 8
    assert low[1] - 8 < ys.mean() < high[1] + 8


def test_wrong_wishes_are_refused() -> None:
    wishes = {
        "projection": {"view": "skull"},
        "finding": {"finding": "gout"},
        "position": {"position": "upside"},
        "look": {"look": "sepia"},
    }
    for code, wish in wishes.items():
        with pytest.raises(OptionError) as refused:
            simulate_dxa(1, **wish)
        assert refused.value.finding.code == f"simulator.{code}"


def test_plain_pictures_are_not_calibrated() -> None:
    case = simulate_dxa(81)
    assert len(case.study.images) == 1
    box = tuple(float(v) for v in case.truth.boxes_px[4])
    outline = np.array([[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]]])
    assert level_densities(case.study, [Vertebra("L2", box, outline, 1.0)]) == ()
