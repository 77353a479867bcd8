"""Names come from the sacrum, else from the last rib; where both are in view they must agree."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bmd.findings import note
from bmd.inference.ct.names import choose, last_with_ribs, places
from bmd.inference.ct.ribs import Rib

FIVE = ("L1", "L2", "L3", "L4", "L5")


def stack(count: int, missing: tuple[int, ...] = (), height: float = 27.0) -> list[Any]:
    """Bodies 35 mm apart, some left out."""
    kept = [k for k in range(count) if k not in missing]
    frames = [SimpleNamespace(origin=np.array([20.0 + 35 * k, 100.0, 100.0])) for k in kept]
    return [SimpleNamespace(frame=frame, edge_heights=lambda: (height,) * 3) for frame in frames]


def pairs(*bodies: int, bone: float = 1.0) -> list[Rib]:
    return [Rib(body, side, 3.0, 88.0, 30.0, bone) for body in bodies for side in (-1, 1)]


def named(count: int, ribs: list[Rib], cut: tuple[int, ...] = (), missing: tuple[int, ...] = ()) -> Any:
    doubts = (note("ct.sacrum_unseen"),)
    bodies = stack(count, missing)
    return choose((None,) * len(bodies), doubts, bodies, frozenset(cut), ribs)


def test_bodies_are_counted_down_from_the_last_rib() -> None:
    found = named(5, pairs(0, 1))
    assert found.levels == ("T11", "T12", "L1", "L2", "L3")
    assert (found.source, found.certain) == ("rib", False)
    assert found.doubts[0].code == "ct.sacrum_unseen"


def test_a_body_that_was_not_found_is_counted() -> None:
    assert places(stack(5, missing=(3,))) == [0, 1, 2, 4]
    assert named(6, pairs(0, 1), missing=(3,)).levels == ("T11", "T12", "L1", "L3", "L4")


def test_bodies_above_t10_and_below_l5_have_no_name() -> None:
    assert named(5, pairs(0, 1, 2, 3)).levels == (None, "T10", "T11", "T12", "L1")
    assert named(8, pairs(0, 1)).levels[-2:] == ("L5", None)


@pytest.mark.parametrize(
    ("ribs", "cut", "missing"),
    [
        pytest.param([], (), (), id="no ribs"),
        pytest.param(pairs(0, 1, 2, 3, 4), (), (), id="the last rib may lie below the volume"),
        pytest.param(pairs(0, 1, 2, 3), (4,), (), id="the first body without a rib is cut"),
        pytest.param(pairs(0, 1), (), (2,), id="the first body without a rib was not found"),
        pytest.param([*pairs(0, 1), pairs(2)[0]], (), (), id="a rib on one side only"),
        pytest.param([*pairs(0, 1), *pairs(3)], (), (), id="ribs again further down"),
        pytest.param(pairs(2), (), (), id="none on a body above"),
        pytest.param(pairs(1), (), (), id="none on the first body, which is whole"),
    ],
)
def test_no_names_where_the_last_rib_is_not_clear(
    ribs: list[Rib], cut: tuple[int, ...], missing: tuple[int, ...]
) -> None:
    found = named(5, ribs, cut, missing)
    assert set(found.levels) == {None}
    assert found.source is None


def test_the_crest_beside_l4_is_no_rib_of_a_whole_spine() -> None:
    assert last_with_ribs(range(7), frozenset(), pairs(0, 1, 5, 6)) == 1


def test_a_single_pair_needs_two_bodies_below() -> None:
    assert last_with_ribs(range(3), frozenset(), pairs(0)) == 0
    assert last_with_ribs(range(2), frozenset(), pairs(0)) is None
    assert last_with_ribs(range(3), frozenset({0}), pairs(1)) is None
    assert last_with_ribs(range(3), frozenset({0}), pairs(0, 1)) == 1


def test_the_rim_of_a_kidney_is_paler_than_the_ribs_of_the_same_person() -> None:
    kidney = Rib(2, 1, 3.0, 88.0, 30.0, 0.85)
    assert last_with_ribs(range(5), frozenset(), [*pairs(0, 1), kidney]) == 1


def test_both_in_view_agree() -> None:
    found = choose(("T12", *FIVE), (), stack(6), frozenset(), pairs(0))
    assert (found.certain, found.source, found.doubts) == (True, "sacrum", ())


@pytest.mark.parametrize(("carrier", "count"), [("T11", 6), ("L1", 4)])
def test_a_spine_that_counts_otherwise_is_said(carrier: str, count: int) -> None:
    seen = ("T11", "T12", *FIVE)
    at = seen.index(carrier)
    found = choose(seen, (), stack(7), frozenset(), pairs(*range(at + 1)))
    assert found.levels == seen
    assert (found.certain, found.source) == (False, "sacrum")
    assert [(doubt.code, doubt.values["count"]) for doubt in found.doubts] == [("ct.lumbar_types", count)]


def test_a_weak_sacrum_is_believed_where_the_rib_agrees_only() -> None:
    weak, seen = (note("ct.sacrum_unclear"),), ("T12", *FIVE)
    agrees = choose(seen, weak, stack(6), frozenset(), pairs(0))
    assert (agrees.certain, agrees.levels) == (True, seen)
    other = choose(seen, weak, stack(6), frozenset(), pairs(0, 1))
    assert (other.certain, other.source, set(other.levels)) == (False, None, {None})
    assert [doubt.code for doubt in other.doubts] == ["ct.sacrum_unclear", "ct.rib_differs"]
    assert choose(seen, (note("ct.side_unclear"),), stack(6), frozenset(), pairs(0)).source == "rib"


def test_without_ribs_in_view_the_sacrum_decides_alone() -> None:
    assert choose(FIVE, (), stack(5), frozenset(), []).certain
    assert choose((), (note("ct.sacrum_unseen"),), [], frozenset(), []).levels == ()
