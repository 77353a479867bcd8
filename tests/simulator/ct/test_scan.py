"""Simulated CT obeys physics and its own truth: seeds repeat, mineral and voltage show in HU, labels lie in bone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from bmd.errors import InputError, OptionError
from bmd.reference import LEVELS, category, t_score
from bmd.simulator.case import simulate_ct, simulate_film
from bmd.simulator.ct import metal, scanner
from bmd.simulator.ct import scan as ct
from bmd.simulator.ct.reformat import axial_slice, femur_plane, trabecular_hu
from bmd.simulator.ct.scanner import Materials, Scan
from bmd.simulator.ct.scene import Scene, expose, render_layers
from bmd.simulator.person import femur
from bmd.simulator.person.anatomy import Bone
from bmd.simulator.person.clinic import clinic_person
from bmd.simulator.person.sample import Person, sample_person
from bmd.simulator.shards.ct import read_ct_shards, training_views, write_ct_shards
from bmd.truth import Case, CtTruth
from bmd.types import volume_of

COARSE = (6.0, 4.0, 4.0)
QUIET = Scan(120, 3.0, 0.8, 0.0, "none", False, 0.0)


@pytest.fixture(scope="module")
def case() -> Case:
    return simulate_ct(5, spacing=COARSE, field="abdomen_pelvis", finding="osteopenia", fov_mm=440)


@pytest.fixture(scope="module")
def truth(case: Case) -> CtTruth:
    assert isinstance(case.truth, CtTruth)
    return case.truth


@pytest.fixture(scope="module")
def person() -> Person:
    return sample_person(np.random.default_rng(3), cohort="film", fracture=False)


@pytest.fixture(scope="module")
def scene(person: Person) -> Scene:
    lying = ct.lie_down(person, np.random.default_rng(4), finding="normal")
    return replace(lying, scan=QUIET)


def roi_hu(scene: Scene, level: str = "L2") -> float:
    return trabecular_hu(*axial_slice(scene, level, np.random.default_rng(0)))


def test_same_seed_same_bytes_other_seed_other_scan() -> None:
    first, again, other = (simulate_ct(seed, spacing=(10, 5, 5), field="upper") for seed in (1, 1, 2))
    assert first.study.uid == again.study.uid
    assert np.array_equal(volume_of(first.study).voxels, volume_of(again.study).voxels)
    assert np.array_equal(first.truth.labels, again.truth.labels)
    assert first.study.uid != other.study.uid


def test_seed_gives_the_same_person_as_the_film() -> None:
    scan, film = simulate_ct(7, spacing=(10, 5, 5), field="upper"), simulate_film(7, 64)
    assert scan.study.patient == film.study.patient
    assert scan.truth.t_l1l4 == film.truth.t_l1l4


def test_volume_keeps_the_contract(case: Case, truth: CtTruth) -> None:
    volume = volume_of(case.study)
    assert (case.study.modality, volume.spacing_mm) == ("ct", COARSE)
    assert volume.voxels.dtype == np.int16
    assert volume.voxels.shape == truth.labels.shape == truth.femora.shape
    assert -1024 <= volume.voxels.min() < -900  # air beside the patient
    assert volume.voxels.max() > 400


def test_levels_run_from_head_to_feet_and_lie_in_their_labels(case: Case, truth: CtTruth) -> None:
    assert (np.diff(truth.centres_zyx[:, 0]) > 0).all()
    for i, level in enumerate(LEVELS):
        if not truth.visible[i]:
            continue
        where = np.argwhere(truth.labels == i + 1)
        assert len(where) > 20, level
        assert np.abs(where.mean(0) - truth.centres_zyx[i]).max() < 2.5, level
    inside = volume_of(case.study).voxels[truth.labels > 0]
    assert np.percentile(inside, 5) > -120  # bone and marrow, never air
    assert truth.visible[2:].all()


def test_femora_are_on_their_sides_and_bone(case: Case, truth: CtTruth) -> None:
    pixels = volume_of(case.study).voxels
    for side in (1, 2):
        where = np.argwhere(truth.femora == side)
        assert len(where) > 200
        assert (where[:, 2].mean() < pixels.shape[2] / 2) == (side == 1)  # axis 2 runs from right to left
        z, y, x = np.round(truth.head_zyx[side - 1]).astype(int)
        assert truth.femora[z, y, x] == side
    outward = truth.neck_axis_zyx[:, 2]
    assert outward[0] < -0.5 < 0.5 < outward[1]
    assert np.allclose(np.linalg.norm(truth.neck_axis_zyx, axis=1), 1, atol=1e-5)


def test_body_lies_face_up(case: Case) -> None:
    pixels = volume_of(case.study).voxels
    rows = np.argwhere((pixels > -200).any(axis=(0, 2))).ravel()
    spine = np.argwhere(case.truth.labels > 0)[:, 1].mean()
    assert spine > rows.mean()  # the spine is in the rear half: axis 1 runs from front to back


def richer(bone: Bone, mineral: float) -> Bone:
    shape = bone.shape.copy()
    shape.trabecular_g_cm3 += mineral
    return replace(bone, shape=shape)


def with_skeleton(scene: Scene, **changed: Any) -> Scene:
    return replace(scene, skeleton=replace(scene.skeleton, **changed))


def test_more_mineral_gives_higher_hu(scene: Scene) -> None:
    dense = with_skeleton(scene, bones=tuple(richer(b, 0.05) for b in scene.skeleton.bones))
    assert roi_hu(dense) - roi_hu(scene) == pytest.approx(0.05 * 1270, rel=0.15)


def test_lower_voltage_and_red_marrow_give_higher_hu(scene: Scene) -> None:
    values = [roi_hu(replace(scene, scan=replace(QUIET, kvp=kvp))) for kvp in (80, 100, 120, 140)]
    assert values == sorted(values, reverse=True)
    assert roi_hu(with_skeleton(scene, yellow=0.1)) > roi_hu(with_skeleton(scene, yellow=0.9)) + 50


def test_trabecular_hu_is_that_of_the_mineral(scene: Scene) -> None:
    p = scene.skeleton.bones[4].shape
    mineral = np.array([p.trabecular_g_cm3])
    material = replace(Materials.at(120), red=Materials.at(120).red + scene.marrow_hu)
    expected = material.bone(mineral, np.array([scene.skeleton.yellow]))
    assert roi_hu(scene) == pytest.approx(float(expected[0]), abs=12)


def test_materials_agree_with_published_physics() -> None:
    """FACTS: 100 mg/cm3 in half yellow marrow is 119 HU at 70 keV and gains 1.3 HU per mg/cm3."""
    at = Materials.at(120)
    low, high = (float(at.bone(np.array([m]), np.array([0.5]))[0]) for m in (0.1, 0.2))
    assert low == pytest.approx(117, abs=8)
    assert (high - low) / 100 == pytest.approx(1.29, abs=0.06)
    assert -130 < at.fat < -80


@pytest.mark.parametrize("kind", ["arterial", "portal"])
def test_contrast_brightens_the_aorta(person: Person, kind: scanner.Phase) -> None:
    def aorta(phase: scanner.Phase) -> float:
        lying = ct.lie_down(person, np.random.default_rng(9), phase=phase, finding="normal")
        hu, body = axial_slice(replace(lying, scan=replace(QUIET, phase=phase)), "L3", np.random.default_rng(1))
        rows, columns = np.nonzero(body)
        front, middle = rows.min(), int(columns.mean())
        near = hu[front - 30 : front - 4, middle - 10 : middle + 30]
        return float(np.percentile(near, 80))

    assert aorta(kind) > aorta("none") + 60


def test_dxa_reading_of_the_femur_is_the_persons_on_the_same_day(person: Person, scene: Scene) -> None:
    hips = scene.skeleton.hips
    same = femur.build_femora(person, hips, np.random.default_rng(4), same_day=True)[1]
    neck, hip, neck_area, hip_area = femur.areal_density(same, float(hips.scale))
    assert neck == pytest.approx(person.bmd["femoral_neck"], rel=0.03)
    assert hip == pytest.approx(person.bmd["total_hip"], rel=0.02)
    assert 3 < neck_area < 8  # cm2, as hip scans have
    assert 25 < hip_area < 55


def test_a_hip_scan_of_another_day_reads_what_bones_hold_and_not_the_label(person: Person, scene: Scene) -> None:
    """Error of a reading .4 T; core and cortex scatter by some .6 T more; the mean stays."""
    hips, off, core = scene.skeleton.hips, [], []
    for seed in range(40):
        left = femur.build_femora(person, hips, np.random.default_rng(seed))[1]
        hip = femur.areal_density(left, float(hips.scale), step=2.0)[1]
        off.append(t_score(hip, "total_hip") - person.t_scores["total_hip"])
        core.append(left.core_g_cm3 / (left.cortical_g_cm3 * left.thickness))
    assert 0.45 < np.std(off) < 1.1
    assert abs(np.mean(off)) < 0.4
    assert np.std(np.log(core)) > 0.15, "the split between trabecular bone and cortex is no constant"


def test_scanners_of_one_voltage_differ() -> None:
    scans = [scanner.draw_scan(np.random.default_rng(seed)) for seed in range(300)]
    assert np.std([scan.offset_hu for scan in scans]) == pytest.approx(8, rel=0.15)
    assert np.std(np.log([scan.gain for scan in scans])) == pytest.approx(0.05, rel=0.15)


def test_gain_acts_on_mineral_alone(scene: Scene) -> None:
    hu, body = axial_slice(scene, "L2", np.random.default_rng(0))
    more, _ = axial_slice(replace(scene, scan=replace(QUIET, gain=1.1)), "L2", np.random.default_rng(0))
    inside, outside = body > 0, cv2.dilate((body > 0).astype(np.uint8), np.ones((61, 61))) == 0
    assert 5 < (more[inside].astype(float) - hu[inside]).mean() < 60
    assert np.median(np.abs(more[outside].astype(float) - hu[outside])) <= 1


def test_noise_is_as_strong_as_asked_and_has_no_low_frequencies() -> None:
    scan = replace(QUIET, noise_hu=10.0)
    texture = scanner.noise_texture(np.random.default_rng(0), (128, 128), 0.8, scan)
    assert texture.std() == pytest.approx(1, abs=0.01)
    spectrum = np.abs(np.fft.fft2(texture)) ** 2
    assert spectrum[1:3, 1:3].mean() < 0.1 * spectrum[5:12, 5:12].mean()


def test_metal_is_bright_streaks_and_is_tagged() -> None:
    case = simulate_ct(3, spacing=(8, 4, 4), finding="metal_hip", field="pelvis")
    assert "metal_hip" in case.truth.tags
    pixels = volume_of(case.study).voxels
    assert (pixels > 2800).sum() > 30
    mask = np.zeros((64, 64), bool)
    mask[30:34, 10:14] = mask[30:34, 50:54] = True
    rays = metal.streaks(mask, 2.0, np.random.default_rng(0))
    assert rays[31, 20:44].mean() < -50  # the dark band between two hips
    assert rays.std() > 10


@pytest.mark.parametrize(
    ("finding", "tag"), [("implant", "implant"), ("cement", "cement"), ("scoliosis", "scoliosis"), ("normal", None)]
)
def test_findings_are_shown_and_nothing_else(finding: str, tag: str | None) -> None:
    tags = simulate_ct(2, spacing=(10, 5, 5), finding=finding, field="abdomen").truth.tags - {"transitional"}
    assert tags == (frozenset({tag}) if tag else frozenset())


def test_shortened_fields_hide_levels(person: Person) -> None:
    upper = simulate_ct(1, person, spacing=(8, 5, 5), field="upper", finding="normal").truth
    assert isinstance(upper, CtTruth)
    assert not upper.visible[6:].any()
    assert not (upper.labels == 9).any()
    assert not upper.femora.any()


def test_femur_plane_holds_head_and_trochanters(scene: Scene) -> None:
    for side in (0, 1):
        plane = femur_plane(scene, side, np.random.default_rng(side))
        for point in (scene.head(side), scene.neck_end(side)):
            box = plane.window(point, 30.0)
            assert box is not None
            assert box[0] > 0
            assert box[1] < 250
        layers = render_layers(scene, plane)
        assert (layers.femur == side + 1).sum() > 4000
        hu = expose(scene, plane, layers, np.random.default_rng(0))
        assert hu.dtype == np.int16


def test_shards_hold_what_was_simulated(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError) as nothing:
        read_ct_shards(str(tmp_path))
    assert nothing.value.finding.code == "simulator.shards_none"
    assert nothing.value.finding.values["options"] == "--modality ct "
    write_ct_shards(str(tmp_path), 2, 40, cohort="clinic")
    shards, row = read_ct_shards(str(tmp_path)), training_views(41, "clinic")
    assert set(shards) == set(row)
    for key, value in row.items():
        assert np.array_equal(shards[key][1], value, equal_nan=key in ("bmd", "t_score", "roi_hu")), key
    assert shards["axial"].shape == (2, 4, 224, 224)
    assert shards["femur"].shape == (2, 2, 250, 250)
    assert (shards["axial_label"].sum((2, 3)) > 1000).all()
    assert read_ct_shards(str(tmp_path), 1, ("seed",))["seed"].tolist() == [40]


def test_clinic_has_every_class_and_age() -> None:
    people = [clinic_person(np.random.default_rng(seed)) for seed in range(60)]
    lowest = [min(p.t_scores[site] for site in ("L1-L4", "femoral_neck", "total_hip")) for p in people]
    classes = [category(t) for t in lowest]
    assert min(classes.count(name) for name in ("normal", "osteopenia", "osteoporosis")) >= 8
    ages = np.array([p.body.age_y for p in people], float)
    normal = np.array([name == "normal" for name in classes])
    assert ages[normal].mean() < 50 < ages[~normal].mean()


def test_wrong_wishes_are_refused() -> None:
    wishes: dict[str, dict[str, Any]] = {
        "finding": {"finding": "gallstone"},
        "field": {"field": "head"},
        "phase": {"phase": "venous"},
        "voxels": {"spacing": (3, 1, 2)},
    }
    for code, wish in wishes.items():
        with pytest.raises(OptionError) as refused:
            simulate_ct(1, **wish)
        assert refused.value.finding.code == f"simulator.{code}"
