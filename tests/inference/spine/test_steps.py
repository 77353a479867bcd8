"""Each step of the decoder alone: propose, chain, name, outline; and the table of their numbers."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmd.geometry import filled
from bmd.inference.spine import propose as propose_module
from bmd.inference.spine.chain import Chain, join
from bmd.inference.spine.contour import outline
from bmd.inference.spine.decode import name_maps
from bmd.inference.spine.maps import S1, Maps
from bmd.inference.spine.naming import L5, Named, name, room
from bmd.inference.spine.propose import Proposals, propose
from bmd.inference.spine.terms import TERMS, Terms, table
from bmd.inference.spine.trust import CLUES, clues, metal_on, metal_seen, probability
from bmd.reference import LEVELS
from tests.inference.spines import SIZE, centroid, maps_of, toy_spine

SEEDS = range(4)
STEP = 30.0


def column(count: int, at: np.ndarray | None = None, sure: float = 0.9) -> Proposals:
    """A straight column of even bodies, the lowest L5 with S1 seen below, without any map."""
    points = np.array([[150.0, 300.0 - STEP * k] for k in range(count)])
    levels = np.full((count, S1 + 1), 0.02)
    levels[np.arange(count), np.clip(L5 - np.arange(count), 0, S1)] = sure
    sacra = np.array([[150.0, 300.0 + STEP, 0.8]]) if at is None else at
    return Proposals(points, np.full(count, 0.8), levels, STEP, sacra, (0.0, 0.0, 384.0, 384.0))


def only(found: Proposals, rows: list[int]) -> Proposals:
    """Some of the places, in some order."""
    return replace(found, points=found.points[rows], scores=found.scores[rows], levels=found.levels[rows])


def joined(found: Proposals) -> Chain:
    chain = join(found, TERMS.chain)
    assert chain is not None
    return chain


# --- propose -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", SEEDS)
def test_every_body_is_proposed_with_its_level_and_the_sacrum_apart(seed: int) -> None:
    spine = toy_spine(seed)
    found = propose(maps_of(spine.labels), TERMS.propose)
    assert (np.diff(found.scores) <= 0).all()
    assert found.scores.min() >= 0
    assert found.scores.max() <= 1
    for level in LEVELS[:-1]:
        away = np.linalg.norm(found.points - centroid(spine, level), axis=1)
        assert away.min() < 4
        assert LEVELS[int(found.levels[int(away.argmin())].argmax())] == level
    assert np.linalg.norm(found.sacra[0, :2] - centroid(spine, "S1")) < 4
    truth = np.array([centroid(spine, level) for level in LEVELS[:-1]])
    assert found.spacing == pytest.approx(np.median(np.linalg.norm(np.diff(truth, axis=0), axis=1)), rel=0.1)


@pytest.mark.parametrize("seed", SEEDS)
def test_mirrored_maps_give_mirrored_places(seed: int) -> None:
    maps = maps_of(toy_spine(seed).labels)
    turned = replace(maps, masks=maps.masks[..., ::-1].copy(), centres=maps.centres[..., ::-1].copy())
    one, other = propose(maps, TERMS.propose), propose(turned, TERMS.propose)
    assert len(one.points) == len(other.points)
    for x, y in one.points:
        assert np.linalg.norm(other.points - [SIZE - 1 - x, y], axis=1).min() < 0.1


def test_bone_without_a_peak_is_a_place_too() -> None:
    maps = maps_of(toy_spine(0).labels)
    silent = replace(maps, centres=np.full_like(maps.centres, 0.01))
    found = propose(silent, TERMS.propose)
    assert len(found.points) > 0
    assert len(propose(silent, replace(TERMS.propose, piece=1.0)).points) == 0


def test_nothing_is_proposed_where_nothing_is_seen() -> None:
    found = propose(maps_of(np.zeros((SIZE, SIZE), np.uint8)), TERMS.propose)
    assert found.points.shape == (0, 2)
    assert found.levels.shape == (0, 9)
    assert join(found, TERMS.chain) is None


# --- chain: places and evidence alone, whatever localiser gave them ---------------------------------------------------
@given(count=st.integers(2, 9), order=st.randoms(use_true_random=False), scale=st.floats(0.3, 3))
def test_a_column_is_joined_from_below_whatever_its_order_and_size(count: int, order: object, scale: float) -> None:
    rows = list(range(count))
    order.shuffle(rows)  # type: ignore[attr-defined]
    found = only(column(count), rows)
    chain = joined(replace(found, points=found.points * scale, spacing=found.spacing * scale))
    assert chain.slots.tolist() == list(range(count))
    assert (np.diff(chain.points[:, 1]) < 0).all()


@pytest.mark.parametrize("missing", [{3}, {2, 3}])
def test_missed_bodies_leave_a_gap_in_the_slots(missing: set[int]) -> None:
    rows = [k for k in range(8) if k not in missing]
    assert joined(only(column(8), rows)).slots.tolist() == rows


@given(x=st.floats(20, 110), y=st.floats(60, 340))
def test_a_weak_place_beside_the_column_stays_out(x: float, y: float) -> None:
    found = column(8)
    more = replace(
        found,
        points=np.vstack([found.points, [x, y]]),
        scores=np.append(found.scores, 0.2),
        levels=np.vstack([found.levels, np.full(S1 + 1, 0.02)]),
    )
    assert [x, y] not in joined(more).points.tolist()


def test_a_second_column_is_counted() -> None:
    found = column(7)
    both = replace(
        found,
        points=np.vstack([found.points, found.points[:5] + np.array([150, 0])]),
        scores=np.append(found.scores, np.full(5, 0.6)),
        levels=np.vstack([found.levels, found.levels[:5]]),
    )
    assert joined(both).others == 5
    assert joined(found).others == 0


# --- name ----------------------------------------------------------------------------------------------------------
@given(first=st.integers(0, 3), count=st.integers(3, 7))
def test_the_levels_of_a_chain_are_consecutive_and_those_the_evidence_says(first: int, count: int) -> None:
    whole = column(8)
    part = only(whole, list(range(first, min(8, first + count))))
    named = name(joined(part), TERMS.name)
    assert list(named.levels) == [L5 - k for k in range(first, min(8, first + count))]
    assert 0 <= named.posterior <= 1 + 1e-9
    assert all(0 <= score <= 1 for score in named.scores)


def test_names_are_never_certain_without_a_sacrum() -> None:
    seen = name(joined(column(6)), TERMS.name)
    unseen = name(joined(column(6, np.zeros((0, 3)))), TERMS.name)
    assert seen.certain
    assert not unseen.certain
    assert unseen.sacrum == 0
    assert unseen.levels == seen.levels


def test_the_sacrum_decides_where_the_levels_say_nothing() -> None:
    found = column(5, sure=0.02)
    assert name(joined(found), TERMS.name).levels[0] == L5
    lower = replace(found, sacra=found.sacra + np.array([0, STEP, 0]))
    assert name(joined(lower), TERMS.name).levels[0] == L5 - 1


@given(count=st.integers(2, 6), far=st.integers(3, 8), sure=st.sampled_from([0.02, 0.1, 0.9]))
def test_a_chain_far_above_the_sacrum_is_never_certain(count: int, far: int, sure: float) -> None:
    """Whether the levels say nothing, or that its lowest body is so high."""
    low = S1 - far
    found = column(count, np.array([[150.0, 300.0, 0.9]]), sure)
    levels = np.full_like(found.levels, 0.02)
    levels[np.arange(count), np.clip(low - np.arange(count), 0, S1)] = sure
    found = replace(found, points=found.points - [0, far * STEP], levels=levels)
    assert not name(joined(found), TERMS.name).certain


@given(count=st.integers(2, 5), space=st.integers(3, 9))
def test_with_room_below_the_lowest_body_is_not_taken_for_a_high_one(count: int, space: int) -> None:
    """Unless the levels say so clearly."""
    found = column(count, np.zeros((0, 3)), sure=0.02)
    found = replace(found, content=(0.0, 0.0, 384.0, 300.0 + (space + 0.6) * STEP))
    assert name(joined(found), TERMS.name).levels[0] == L5
    assert room(joined(found)) == space
    clear = np.full_like(found.levels, 0.02)
    clear[np.arange(count), np.clip(2 - np.arange(count), 0, S1)] = 0.9
    assert name(joined(replace(found, levels=clear)), TERMS.name).levels[0] == 2


def test_names_are_judged_by_what_is_known_of_them() -> None:
    named = name(joined(column(6)), TERMS.name)
    found = clues(named, doubt=0.3, agree=0.75)
    assert tuple(found) == CLUES
    assert (found["bodies"], found["holes"], found["below"], found["all"], found["agree"]) == (6, 0, 0, 0, 0.75)
    gap = clues(name(joined(only(column(6), [0, 1, 3, 4, 5])), TERMS.name), 0.3, 1.0)
    assert (gap["bodies"], gap["holes"], gap["all"]) == (5, 1, 1)
    numbers = {"weights": dict.fromkeys(CLUES, 0.0) | {"agree": 4.0}, "offset": -3.0}
    assert probability(found, numbers) == pytest.approx(0.5)
    assert probability(gap, numbers) > 0.7


def test_metal_is_as_clear_as_its_clearest_spot() -> None:
    maps = maps_of(toy_spine(0).labels)
    assert metal_seen(maps, 30.0, 0.06) == 0
    heat = np.full(maps.masks.shape[1:], 0.01, np.float32)
    heat[50:56, 60:80] = 0.9
    metal = replace(maps, metal=heat)
    assert metal_seen(metal, 30.0, 0.06) == pytest.approx(0.9)
    assert 0.01 < metal_seen(metal, 200.0, 0.06) < 0.9
    square = np.array([[60, 50], [79, 50], [79, 55], [60, 55]]) * 2.0 + 0.5
    assert metal_on(metal, square) == pytest.approx(0.9)
    assert metal_on(metal, square + 100) == pytest.approx(0.01)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mirrored_spine_has_the_same_names_and_faces_the_other_way(seed: int) -> None:
    maps = maps_of(toy_spine(seed).labels)
    turned = replace(maps, masks=maps.masks[..., ::-1].copy(), centres=maps.centres[..., ::-1].copy())
    one, other = found_in(maps), found_in(turned)
    assert one.levels == other.levels
    assert one.facing == pytest.approx(-other.facing, abs=0.02)


def found_in(maps: Maps) -> Named:
    named = name_maps(maps)
    assert named is not None
    return named


# --- outline -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", SEEDS)
def test_outlines_hold_their_centres_and_do_not_overlap(seed: int) -> None:
    maps = maps_of(toy_spine(seed).labels)
    bodies = outline(found_in(maps), maps, TERMS.outline)
    assert [b.level for b in bodies] == list(LEVELS[:-1])
    areas = np.array([filled(b.outline, (SIZE, SIZE)) for b in bodies])
    for body, area in zip(bodies, areas, strict=True):
        x, y = np.round(body.centre).astype(int)
        assert area[y, x]
    assert (areas.sum(0) > 1).sum() < 0.01 * areas.sum()


def test_corners_are_told_by_the_side_that_is_faced() -> None:
    spine = toy_spine(2)
    maps = maps_of(spine.labels)
    named = found_in(maps)
    right = outline(replace(named, facing=1.0), maps, TERMS.outline)
    left = outline(replace(named, facing=-1.0), maps, TERMS.outline)
    for one, other in zip(right, left, strict=True):
        np.testing.assert_allclose(one.corners, other.corners[[1, 0, 3, 2]], atol=1e-6)
        assert one.corners[0, 0] < one.corners[1, 0], "superior posterior lies left where the patient faces right"


# --- the numbers ---------------------------------------------------------------------------------------------------
def test_every_term_says_its_unit_its_meaning_and_where_it_comes_from() -> None:
    for about in table(TERMS):
        assert about.meaning, about.path
        assert about.source, about.path
        assert about.unit, about.path


def test_one_term_can_be_changed_and_the_rest_stays() -> None:
    changed = TERMS.altered("chain.gap", 0.0)
    assert changed.chain.gap == 0
    assert changed.name == TERMS.name
    assert changed.altered("chain.gap", TERMS.chain.gap) == TERMS
    with pytest.raises(TypeError):
        TERMS.altered("chain.nothing", 0.0)


FREE = (0, 1, 2, 0.5)
MOST = 64


def literals(source: str) -> list[float]:
    """Numbers in a piece of code that are none of ``FREE``."""
    nodes = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return [value for value in nodes if type(value) in (int, float) and value not in FREE]


HEAD_OF_OTHERS = "outlines.py"
"""Stands in for the centre maps that a U-Net has not; CM-Net is decoded without it."""


def test_the_decoder_has_few_numbers() -> None:
    assert literals("x = 3 * y + 0.25 + 1") == [0.25, 3]
    folder = Path(propose_module.__file__).parent
    steps = [path for path in folder.glob("*.py") if path.name not in ("terms.py", HEAD_OF_OTHERS)]
    unnamed = [value for path in steps for value in literals(path.read_text("utf-8"))]
    named = sum(len(about.value) if isinstance(about.value, tuple) else 1 for about in table(Terms()))
    assert named + len(unnamed) < MOST
