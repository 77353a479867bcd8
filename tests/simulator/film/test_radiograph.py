"""Films obey physics: more mineral is brighter, thicker patients let less through, seeds repeat, truth fits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bmd.errors import OptionError
from bmd.findings import refusal
from bmd.reference import LEVELS
from bmd.simulator.case import FINDINGS, simulate_film
from bmd.simulator.film import beam, devices, radiograph
from bmd.simulator.film.projection import Geometry
from bmd.simulator.film.tissue import SoftTissue, lateral_tissue
from bmd.simulator.person import bones
from bmd.simulator.person.anatomy import Skeleton, build_skeleton
from bmd.simulator.person.density import MASS_STEP_MM
from bmd.simulator.person.sample import Person, sample_person

SIDE = np.eye(3)
SIZE = 160


@pytest.fixture(scope="module")
def person() -> Person:
    return sample_person(np.random.default_rng(3), cohort="film", fracture=False)


def skeleton_of(person: Person) -> Skeleton:
    return build_skeleton(person, np.random.default_rng(4), scoliosis=False)


def geometry_for(skeleton: Skeleton, size: int = SIZE) -> Geometry:
    _, y, z = skeleton.bone("L3").centre_mm
    return Geometry(900, 230, y, z, y - 200, z + 200, 400 / size, 400 / size, size, size)


def test_same_seed_same_bytes_other_seed_other_film() -> None:
    first, again, other = (simulate_film(seed, SIZE) for seed in (11, 11, 12))
    assert first.study.uid == again.study.uid
    assert np.array_equal(first.study.images[0].pixels, again.study.images[0].pixels)
    assert np.array_equal(first.truth.labels, again.truth.labels)
    assert first.study.uid != other.study.uid


@pytest.mark.parametrize("seed", range(6))
def test_truth_fits_the_film(seed: int) -> None:
    case = simulate_film(seed, SIZE)
    truth, pixels = case.truth, case.study.images[0].pixels
    assert pixels.dtype == np.float32
    assert pixels.shape == truth.labels.shape
    assert pixels.min() >= 0
    assert pixels.max() <= 1
    for i, box in enumerate(truth.boxes_px):
        rows, columns = np.nonzero(truth.labels == i + 1)
        if np.isnan(box).any():
            assert len(rows) < 12
            assert not truth.visible[i]
            continue
        assert box[0] <= columns.min()
        assert columns.max() <= box[2]
        assert box[1] <= rows.min()
        assert rows.max() <= box[3]
        if truth.visible[i]:  # the middle of the corners lies in the mask or in an end plate's dip beside it
            x, y = truth.corners_px[i].mean(0)
            assert truth.labels[round(float(y)), round(float(x))] == i + 1
    order = [truth.corners_px[LEVELS.index(x)].mean(0)[1] for x in ("T10", "T12", "L2", "L4", "S1")]
    assert order == sorted(order)


@pytest.mark.parametrize("seed", range(3))
def test_mass_has_converged_on_a_grid_of_half_a_millimetre(seed: int) -> None:
    somebody = sample_person(np.random.default_rng(seed), cohort="film")
    skeleton = build_skeleton(somebody, np.random.default_rng(seed))
    for level in ("L1", "L4"):
        p = skeleton.bone(level).shape
        weights = np.append([p.trabecular_g_cm3, p.cortex_g_cm3, p.endplate_g_cm3], 1.0)
        coarse, fine = (float(bones.component_mass(p.copy(), step) @ weights) for step in (MASS_STEP_MM, 0.5))
        assert coarse == pytest.approx(fine, rel=0.01)


def test_more_mineral_is_brighter_bone(person: Person) -> None:
    dense = replace(person, bmd={site: 1.3 * value for site, value in person.bmd.items()})
    maps = [radiograph.cast_bones(skeleton_of(p), geometry_for(skeleton_of(p)), SIDE) for p in (person, dense)]
    inside = maps[0].labels == LEVELS.index("L3") + 1
    assert inside.sum() > 50
    ratio = maps[1].bodies[inside].mean() / maps[0].bodies[inside].mean()
    assert 1.1 < ratio < 1.35  # much of what a denser bone has more lies in its arch
    tissue = SoftTissue(np.full((SIZE, SIZE), 200, np.float32), np.zeros((SIZE, SIZE), np.float32), inside | True)
    nothing = np.zeros((SIZE, SIZE), np.float32)
    thin, thick = (beam.transmit(tissue, m.bodies, nothing, 80) for m in maps)
    assert (beam.log_signal(thick)[inside] > beam.log_signal(thin)[inside]).all()


def test_thicker_patients_let_less_through(person: Person) -> None:
    skeleton = skeleton_of(person)
    stout = replace(skeleton, torso=replace(skeleton.torso, half_width_mm=skeleton.torso.half_width_mm + 40))
    nothing = np.zeros((SIZE, SIZE), np.float32)
    slim_tissue, stout_tissue = (
        lateral_tissue(s, geometry_for(s), np.random.default_rng(1)) for s in (skeleton, stout)
    )
    middle = (slice(60, 100), slice(60, 100))
    slim_signal, stout_signal = (beam.transmit(t, nothing, nothing, 80)[middle] for t in (slim_tissue, stout_tissue))
    assert np.median(stout_signal) < 0.5 * np.median(slim_signal)


@pytest.mark.parametrize("kvp", [65, 80, 110])
def test_spectrum_hardens_with_voltage(kvp: float) -> None:
    weights = beam.spectrum(kvp)
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    assert not weights[np.array(beam.BIN_EDGES_KEV[:-1]) >= kvp].any()  # no photon has more than the tube's voltage
    harder = beam.spectrum(kvp + 10)
    assert (np.cumsum(harder)[:-1] <= np.cumsum(weights)[:-1]).all()
    assert harder[0] < weights[0]


@pytest.mark.parametrize("degrees", [-12.0, 9.0, 90.0])
def test_devices_and_pelvis_turn_with_the_vertebrae(person: Person, degrees: float) -> None:
    skeleton = skeleton_of(person)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    view = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
    geometry = geometry_for(skeleton)
    geometry = replace(geometry, left_mm=-200, source_y_mm=0)
    bone = skeleton.bone("L3")
    side = bone.to_patient(np.array([60.0, 10, 0]))[0]  # a rod beside the body, far from the axis of rotation
    rod = np.zeros((SIZE, SIZE), np.float32)
    devices.add_rod(rod, side + np.array([[0, 0, -3.0], [0, 0, 3.0]]), devices.solid(2.0), geometry, view)
    rows, columns = np.nonzero(rod > 0)
    expected = geometry.project(view @ side)[0]
    assert [columns.mean(), rows.mean()] == pytest.approx(expected, abs=1.0)


@pytest.mark.parametrize("degrees", [-20.0, 20.0])
def test_hips_turn_with_the_vertebrae(person: Person, degrees: float) -> None:
    skeleton = skeleton_of(person)
    sacrum = skeleton.sacrum.changed(core_g_cm3=0, rind_g_cm3=0)
    hips = skeleton.hips.changed(core_g_cm3=0, rind_g_cm3=0)  # only the femora are left
    skeleton = replace(skeleton, sacrum=sacrum, hips=hips, obliquity=0.0)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    view = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
    geometry = Geometry(900, 230, 0, -60, -200, 120, 2.5, 2.5, SIZE, SIZE)
    scale = hips.scale
    x, y, z = scale * np.array([hips.head_x_mm, hips.head_y_mm, hips.head_z_mm])
    z += scale * hips.crest_z_mm
    heads = np.array([[x, y, z], [-x, y, z]]) @ view.T
    radius = np.array([0.0, scale * hips.head_radius_mm, 0.0])
    rims = geometry.project(np.concatenate([heads - radius, heads + radius]))
    row = int(rims[:, 1].min())  # the upper of the two heads; necks lie lower
    columns = np.nonzero(radiograph.cast_bones(skeleton, geometry, view).pelvis[row] > 0.1)[0]
    assert [columns.min(), columns.max()] == pytest.approx([rims[:, 0].min(), rims[:, 0].max()], abs=3.5)


def test_magnification_follows_the_cone(person: Person) -> None:
    geometry = geometry_for(skeleton_of(person))
    near, far = np.array([[100.0, 0, 0], [100, 10, 0]]), np.array([[-100.0, 0, 0], [-100, 10, 0]])
    detector_side, tube_side = (float(np.ptp(geometry.project(p)[:, 0])) for p in (near, far))
    assert tube_side > detector_side > 10 / geometry.column_mm
    columns = (np.array([0.0, 30.0]), geometry.halved())
    world = np.array([[0.0, geometry.source_y_mm + 5, geometry.source_z_mm - 7]])
    full, half = geometry.project(world)[0], columns[1].project(world)[0]
    assert full == pytest.approx(2 * half + 0.5)


@pytest.mark.parametrize("finding", sorted(FINDINGS))
def test_findings_show(finding: str) -> None:
    case = simulate_film(5, 128, finding=finding)
    t, tags = case.truth.t_l1l4, case.truth.tags
    assert {"osteoporosis": t <= -2.5, "normal": t >= -1, "osteopenia": -2.5 < t < -1}.get(finding, True)
    assert ("implant" in tags) == (finding == "implant")
    assert ("scoliosis" in tags) == (finding == "scoliosis")
    if finding == "fracture":
        assert case.truth.fracture_grade.max() >= 1
    if finding == "stout":
        assert (case.study.patient.bmi or 0) >= 34


def test_a_console_shows_the_same_film_otherwise() -> None:
    one, other, again = (simulate_film(5, 128, console=k) for k in (0, 3, 0))
    np.testing.assert_array_equal(one.study.images[0].pixels, again.study.images[0].pixels)
    np.testing.assert_array_equal(one.truth.corners_px, other.truth.corners_px)
    assert np.abs(one.study.images[0].pixels - other.study.images[0].pixels).mean() > 0.02


def test_bad_options_name_the_valid_ones() -> None:
    with pytest.raises(OptionError) as refused:
        simulate_film(1, finding="bruise")
    assert refused.value.finding == refusal("simulator.finding", asked="bruise", known=tuple(FINDINGS))
    with pytest.raises(OptionError) as refused:
        simulate_film(1, view="axial")
    assert refused.value.finding == refusal("simulator.view", view="axial")
    with pytest.raises(OptionError) as refused:
        simulate_film(1, size=20)
    assert refused.value.finding == refusal("simulator.size", rows=20, least=64)


def test_shards_hold_what_was_simulated(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from bmd.simulator.shards.film import read_shards, square, write_shards

    write_shards(str(tmp_path), 3, 40, size=96)
    shards = read_shards(str(tmp_path))
    case = square(simulate_film(41, 96, cohort="film"), 96)
    for key, value in case.items():
        assert np.array_equal(shards[key][1], value, equal_nan=key in ("boxes", "bmd", "t_score")), key
    assert shards["image"].shape == (3, 96, 96)
    assert shards["image"].dtype == np.uint8


def test_frontal_films_are_mixed_in_without_truth(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from bmd.simulator.shards.film import frontal, read_shards, write_shards

    write_shards(str(tmp_path), 12, 0, size=96, ap_share=0.4)
    shards = read_shards(str(tmp_path))
    front = np.array([frontal(seed, 0.4) for seed in range(12)])
    assert 0 < front.sum() < 12
    assert np.array_equal(front, ["ap" in tags.split(",") for tags in shards["tags"]])
    assert not shards["visible"][front].any()
    assert not shards["labels"][front].any()
    assert np.isnan(shards["boxes"][front]).all()
    assert shards["visible"][~front].any()
    assert np.isfinite(shards["t_l1l4"]).all()
    assert 0.02 < np.mean([frontal(seed, 0.03) for seed in range(5000)]) < 0.04
