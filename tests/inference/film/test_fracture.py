"""Low bodies: what is said of which shape, and of which nothing is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bmd.inference.film.fracture import heights, judged, low_bodies
from bmd.types import Vertebra

STEP = 40.0


def body(level: str | None, place: int, front: float = 30.0, middle: float = 30.0, back: float = 30.0) -> Vertebra:
    """A body 40 px deep, anterior to the left, of these heights; neighbours stand 40 px apart."""
    y = STEP * place
    x = np.linspace(0, 40, 41)
    tall = np.interp(x, [0, 20, 40], [front, middle, back])
    upper, lower = np.column_stack([x, y - tall / 2]), np.column_stack([x, y + tall / 2])[::-1]
    corners = np.array([[40, y - back / 2], [0, y - front / 2], [0, y + front / 2], [40, y + back / 2]])
    outline = np.vstack([upper, lower])
    return Vertebra(level, (0, y - 15, 40, y + 15), outline, 0.95, corners)


def column(*third: float) -> tuple[Vertebra, ...]:
    """T12 to L5, all 30 px high but L2."""
    levels = ("T12", "L1", "L2", "L3", "L4", "L5")
    return tuple(body(level, k, *(third if level == "L2" else ())) for k, level in enumerate(levels))


def said(vertebrae: tuple[Vertebra, ...], skip: frozenset[str] = frozenset()) -> list[tuple[str, object, object]]:
    return [(one.code, one.values["level"], one.values["loss"]) for one in low_bodies(vertebrae, skip)]


def test_heights_follow_front_and_back_whichever_way_the_patient_faces() -> None:
    wedge = body("L2", 0, 18, 24, 30)
    assert wedge.corners_px is not None
    front, middle, back = heights(wedge.contour_px, wedge.corners_px)
    assert front < 21 < middle < 26 < back
    turned = -np.asarray(wedge.contour_px), -np.asarray(wedge.corners_px)  # turned by half a turn: same front
    assert heights(*turned) == pytest.approx([front, middle, back])
    mirror = np.array([-1.0, 1.0])
    mirrored = wedge.contour_px * mirror, wedge.corners_px * mirror
    assert heights(*mirrored) == pytest.approx([front, middle, back])


def test_a_wedge_a_dish_and_a_flat_body_are_said_as_what_they_are() -> None:
    assert said(column(18.0, 25.0, 30.0)) == [("film.low_front", "L2", pytest.approx(0.3))]
    assert said(column(29.0, 21.0, 29.0)) == [("film.low_middle", "L2", pytest.approx(0.25))]
    assert said(column(20.0, 20.0, 20.0)) == [("film.low_body", "L2", pytest.approx(0.35))]


def test_a_sound_spine_and_one_that_grows_downwards_get_no_word() -> None:
    assert len(judged(column())) == 4
    assert said(column()) == []
    levels = ("T12", "L1", "L2", "L3", "L4", "L5")
    assert said(tuple(body(level, k, *(3 * [24.0 + 2 * k])) for k, level in enumerate(levels))) == []


def test_one_neighbour_drawn_too_high_decides_nothing() -> None:
    tall = [body("L3", 3, 52, 52, 52) if v.level == "L3" else v for v in column()]
    low = next(one for one in judged(tuple(tall)) if one.level == "L2")
    assert low.front > 0.2
    assert not low.said


def test_nothing_is_said_of_what_cannot_be_judged() -> None:
    broken = column(18.0, 25.0, 30.0)
    assert said(broken, frozenset({"L2"})) == []
    assert said(broken, frozenset({"L3"})) == []
    assert said(tuple(replace(v, score=0.5) if v.level == "L2" else v for v in broken)) == []
    assert said(tuple(replace(v, level=None) for v in broken)) == []
    assert said(broken[2:]) == [], "no neighbour above"
    gap = (*broken[:3], *(replace(v, corners_px=np.add(v.corners_px, [0, 60])) for v in broken[3:]))
    assert said(gap) == [], "a body between is missing"
