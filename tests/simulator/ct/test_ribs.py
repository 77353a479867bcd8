"""Lower ribs in a scan: tied to their vertebra, falling, as long as in life; unusual counts are said."""

from __future__ import annotations

import numpy as np
import pytest

from bmd.simulator.case import draw_person
from bmd.simulator.ct.organs import Abdomen
from bmd.simulator.ct.ribs import LAST, SHORTEST_MM, STUB_MM, Cage, build_cage, last_rib
from bmd.simulator.ct.scanner import draw_scan
from bmd.simulator.ct.torso import Torso, build_torso
from bmd.simulator.person.anatomy import DRAWN, Skeleton, build_skeleton


def drawn(seed: int) -> tuple[Skeleton, Torso, Cage]:
    rng = np.random.default_rng(seed)
    skeleton = build_skeleton(draw_person(rng, None, "film"), rng)
    torso = build_torso(skeleton, rng)
    return skeleton, torso, build_cage(skeleton, torso, rng)


@pytest.fixture(scope="module")
def people() -> list[tuple[Skeleton, Torso, Cage]]:
    return [drawn(seed) for seed in range(150)]


def length(points: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


def test_the_last_rib_starts_at_the_pedicle_of_its_vertebra(people: list[tuple[Skeleton, Torso, Cage]]) -> None:
    for skeleton, _, cage in people:
        bone = skeleton.bone(last_rib(cage.tags))
        for rib in cage.ribs[-2:]:
            x, y, z = rib.points[0] - bone.centre_mm
            assert abs(abs(x) - bone.shape.half_width_mm) < 4
            assert -30 < y < -12
            assert 0 < z < 14


def test_ribs_fall_and_reach_farther_out_than_a_transverse_process(people: list[tuple[Skeleton, Torso, Cage]]) -> None:
    for skeleton, _, cage in people:
        if cage.tags & {"short_rib", "lumbar_rib"}:
            continue
        size = skeleton.person.body.height_cm / 165
        for rib in cage.ribs[-2:]:
            out = np.abs(rib.points[:, 0] - rib.points[0, 0])
            assert out.max() > 0.5 * SHORTEST_MM * size
            assert rib.points[-1, 2] < rib.points[0, 2]
            assert length(rib.points) >= SHORTEST_MM * size - 1


def test_a_stub_is_shorter_than_any_rib(people: list[tuple[Skeleton, Torso, Cage]]) -> None:
    stubs = [rib for _, _, cage in people if cage.tags & {"short_rib", "lumbar_rib"} for rib in cage.ribs[-2:]]
    assert stubs
    assert all(STUB_MM[0] * 0.8 < length(rib.points) < STUB_MM[1] * 1.25 for rib in stubs)


def test_counts_other_than_five_are_about_as_common_as_in_life() -> None:
    kinds = [tag for seed in range(1000, 1400) for tag in drawn(seed)[2].tags]
    share = {tag: kinds.count(tag) / 400 for tag in (*LAST, "short_rib")}
    assert 0.02 < share["six_lumbar"] < 0.08
    assert 0.004 < share["four_lumbar"] < 0.035
    assert 0.004 < share["lumbar_rib"] < 0.03
    assert 0.02 < share["short_rib"] < 0.06


def test_ribs_change_nothing_else_about_a_person() -> None:
    skeleton, torso, _ = drawn(3)
    later = []
    for tags in (skeleton.tags, skeleton.tags ^ {"transitional"}):
        rng = np.random.default_rng(7)
        scan = draw_scan(rng, 3.0, None)
        Abdomen(type(skeleton)(**(vars(skeleton) | {"tags": tags})), torso, scan, rng).shapes()
        later.append(rng.random())
    assert later[0] == later[1]


def test_the_last_rib_is_told_from_the_tags() -> None:
    assert last_rib(frozenset()) == "T12"
    assert last_rib(frozenset({"short_rib", "scoliosis"})) == "T12"
    assert [last_rib(frozenset({tag})) for tag in LAST] == ["T11", "L1", "L1"]
    assert set(LAST.values()) <= set(DRAWN)
