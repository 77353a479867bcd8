"""The decoder on maps of a known spine: perfect maps, and each way in which real ones fail."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from bmd.inference.spine.decode import decode
from bmd.inference.spine.maps import ANY, S1, Maps
from bmd.reference import LEVELS, LUMBAR
from tests.inference.spines import SIZE, centroid, levels_of, maps_of, toy_spine

SEEDS = range(8)


def without(maps: Maps, level: str, keep: float = 0.0) -> Maps:
    """Maps in which one level is not seen (or only ``keep`` of it)."""
    k = LEVELS.index(level)
    masks, centres = maps.masks.copy(), maps.centres.copy()
    masks[0] += masks[k + 1] * (1 - keep)
    masks[k + 1] *= keep
    near = centres[k] > 0.02
    centres[k] *= keep
    if k < S1:
        centres[ANY][near] *= keep
    return replace(maps, masks=masks, centres=centres)


def renamed(maps: Maps, by: int, share: float = 1.0, sacrum: bool = False) -> Maps:
    """Maps whose levels are shifted by one along the spine, as real failures are; the sacrum stays if asked."""
    last = S1 if not sacrum else S1 + 1
    masks, centres = maps.masks.copy(), maps.centres.copy()
    moved, heat = np.zeros_like(masks[1 : last + 1]), np.zeros_like(centres[:last])
    for k in range(last):
        moved[np.clip(k + by, 0, last - 1)] += masks[1 + k]
        heat[np.clip(k + by, 0, last - 1)] = np.maximum(heat[np.clip(k + by, 0, last - 1)], centres[k])
    masks[1 : last + 1] = (1 - share) * masks[1 : last + 1] + share * moved
    centres[:last] = (1 - share) * centres[:last] + share * heat
    return replace(maps, masks=masks, centres=centres)


def spot(maps: Maps, xy: np.ndarray, value: float, channel: int = ANY) -> Maps:
    """Maps with one more peak."""
    centres = maps.centres.copy()
    ys, xs = np.mgrid[: SIZE // 4, : SIZE // 4] * 4 + 1.5
    blob = value * np.exp(-0.5 * ((xs - xy[0]) ** 2 + (ys - xy[1]) ** 2) / 6**2)
    centres[channel] = np.maximum(centres[channel], blob)
    return replace(maps, centres=centres)


@pytest.mark.parametrize("seed", SEEDS)
def test_good_maps_give_every_level_its_body(seed: int) -> None:
    spine = toy_spine(seed)
    found = decode(maps_of(spine.labels))
    assert levels_of(found.bodies) == list(LEVELS[:-1])
    assert found.certain
    assert (found.facing < 0) == spine.anterior_left
    for body in found.bodies:
        quad = spine.quads[LEVELS.index(body.level)]
        assert np.abs(body.corners - quad).max() < 4, "corners in the agreed order, within 4 of 384 pixels"
        assert overlap(body.outline, quad) > 0.92


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Dice of two polygons."""
    areas = []
    for polygon in (one, other):
        area = np.zeros((SIZE * 4,) * 2, np.uint8)
        cv2.fillPoly(area, [np.round(polygon * 4).astype(np.int32)], 1)
        areas.append(area > 0)
    return float(2 * (areas[0] & areas[1]).sum() / (areas[0].sum() + areas[1].sum()))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("level", ["L4", "L2"])
def test_a_body_missed_in_the_middle_does_not_shift_the_names_above(seed: int, level: str) -> None:
    spine = toy_spine(seed)
    found = decode(without(maps_of(spine.labels), level))
    assert levels_of(found.bodies) == [name for name in LEVELS[:-1] if name != level]
    assert found.certain


@pytest.mark.parametrize("seed", SEEDS)
def test_a_hidden_l5_is_filled_in_from_weak_masks_and_the_sacrum(seed: int) -> None:
    spine = toy_spine(seed)
    faint = decode(without(maps_of(spine.labels), "L5", keep=0.35))
    gone = decode(without(maps_of(spine.labels), "L5"))
    assert levels_of(faint.bodies)[-2:] == ["L4", "L5"]
    assert levels_of(gone.bodies)[-1] == "L4", "the sacrum two steps below names L4, and nothing is invented"


@pytest.mark.parametrize("seed", SEEDS)
def test_false_peaks_do_not_enter_the_chain(seed: int) -> None:
    spine = toy_spine(seed)
    maps = maps_of(spine.labels)
    between = (centroid(spine, "L2") + centroid(spine, "L3")) / 2
    aside = np.add(centroid(spine, "L3"), [90 if spine.anterior_left else -90, 10])
    found = decode(spot(spot(maps, between, 0.4), aside, 0.8))
    assert levels_of(found.bodies) == list(LEVELS[:-1])


@pytest.mark.parametrize("seed", SEEDS)
def test_the_sacrum_taken_for_a_body_is_not_l5(seed: int) -> None:
    spine = toy_spine(seed)
    maps = spot(maps_of(spine.labels), centroid(spine, "S1"), 0.8)
    assert levels_of(decode(maps).bodies) == list(LEVELS[:-1])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("by", [-1, 1])
def test_a_partly_shifted_chain_is_put_right_by_the_sacrum(seed: int, by: int) -> None:
    spine = toy_spine(seed)
    found = decode(renamed(maps_of(spine.labels), by, share=0.6))
    body = next(b for b in found.bodies if b.level == "L5")
    assert np.linalg.norm(body.centre - centroid(spine, "L5")) < 8


@pytest.mark.parametrize("seed", SEEDS)
def test_levels_are_uncertain_without_the_sacrum(seed: int) -> None:
    spine = toy_spine(seed)
    found = decode(without(maps_of(spine.labels), "S1"))
    assert set(LUMBAR) <= set(levels_of(found.bodies)), "the guess is given"
    assert not found.certain, "and marked as one"


@pytest.mark.parametrize("seed", SEEDS)
def test_levels_are_uncertain_when_the_sacrum_contradicts_the_names(seed: int) -> None:
    found = decode(renamed(maps_of(toy_spine(seed).labels), -1, share=1.0))
    assert not found.certain


def test_a_body_with_a_centre_but_no_mask_borrows_its_neighbours_shape() -> None:
    spine = toy_spine(3)
    maps = maps_of(spine.labels)
    masks, centres = maps.masks.copy(), maps.centres.copy()
    masks[0] += 0.8 * masks[6]
    masks[6] *= 0.2  # L3 is faint
    found = decode(replace(maps, masks=masks, centres=centres))
    body = next(b for b in found.bodies if b.level == "L3")
    assert overlap(body.outline, spine.quads[LEVELS.index("L3")]) > 0.8


def test_touching_bodies_stay_apart_when_the_level_is_unsure() -> None:
    spine = toy_spine(3)
    maps = maps_of(spine.labels)
    masks = maps.masks.copy()
    mixed = (masks[5] + masks[6]) / 2  # L2 and L3 look alike
    masks[5], masks[6] = mixed, mixed
    found = decode(replace(maps, masks=masks))
    for level in ("L2", "L3"):
        body = next(b for b in found.bodies if b.level == level)
        assert overlap(body.outline, spine.quads[LEVELS.index(level)]) > 0.9


def test_a_body_at_the_edge_is_marked_as_cut() -> None:
    spine = toy_spine(2, shift=-90)
    maps = maps_of(spine.labels)
    top = next(b for b in decode(maps).bodies if b.outline[:, 1].min() < 3)
    assert top.cut
    assert not decode(maps).bodies[-1].cut


def test_two_spines_side_by_side_are_noticed() -> None:
    labels = np.concatenate([toy_spine(1, (SIZE, SIZE // 2)).labels, toy_spine(4, (SIZE, SIZE // 2)).labels], 1)
    found = decode(maps_of_both(labels))
    assert levels_of(found.bodies)[-5:] == list(LUMBAR)
    assert found.others >= 3


def maps_of_both(labels: np.ndarray) -> Maps:
    """Maps of two half-width label maps side by side."""
    halves = []
    for k in range(2):
        one = np.zeros_like(labels)
        part = slice(k * SIZE // 2, (k + 1) * SIZE // 2)
        one[:, part] = labels[:, part]
        halves.append(maps_of(one))
    masks = np.maximum(halves[0].masks, halves[1].masks)
    masks[0] = np.minimum(halves[0].masks[0], halves[1].masks[0])
    return replace(halves[0], masks=masks / masks.sum(0), centres=np.maximum(halves[0].centres, halves[1].centres))


def test_nothing_seen_gives_nothing() -> None:
    empty = maps_of(np.zeros((SIZE, SIZE), np.uint8))
    found = decode(empty)
    assert found.bodies == ()
    assert not found.certain
    assert found.evidence == 0


def test_noise_does_not_make_a_certain_spine() -> None:
    rng = np.random.default_rng(5)
    maps = maps_of(np.zeros((SIZE, SIZE), np.uint8))
    for _ in range(12):
        maps = spot(maps, rng.uniform(40, SIZE - 40, 2), rng.uniform(0.1, 0.5))
    assert not decode(maps).certain


def test_the_same_maps_give_the_same_answer() -> None:
    maps = maps_of(toy_spine(6).labels)
    one, two = decode(maps), decode(maps)
    assert levels_of(one.bodies) == levels_of(two.bodies)
    assert all(np.array_equal(a.outline, b.outline) for a, b in zip(one.bodies, two.bodies, strict=True))
