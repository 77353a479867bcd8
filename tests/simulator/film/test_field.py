"""Fields: how often which, what long ones show above T10, and what is printed on films."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from bmd.reference import LEVELS, UNNAMED
from bmd.simulator.case import simulate_film
from bmd.simulator.film import console, radiograph
from bmd.simulator.film.field import FIELDS, draw_extent, draw_field
from bmd.simulator.film.thorax import ABOVE, upper_vertebrae
from bmd.simulator.person.anatomy import Skeleton, build_skeleton
from bmd.simulator.person.sample import sample_person


@pytest.fixture(scope="module")
def skeleton() -> Skeleton:
    person = sample_person(np.random.default_rng(3), cohort="film", fracture=False)
    return build_skeleton(person, np.random.default_rng(4), scoliosis=False)


def test_fields_are_drawn_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    drawn = Counter(draw_field("lateral", rng) for _ in range(4000))
    for kind, share in FIELDS.items():
        assert drawn[kind] / 4000 == pytest.approx(share, abs=0.02)
    assert {draw_field("ap", rng) for _ in range(50)} == {"lumbar"}
    for _ in range(200):
        high, wide, _ = draw_extent("long", rng)
        assert 1.5 <= high / wide <= 3.5


def test_vertebrae_above_t10_climb_in_a_kyphosis_and_grow_smaller(skeleton: Skeleton) -> None:
    for seed in range(10):
        upper = upper_vertebrae(skeleton, np.random.default_rng(seed))
        assert tuple(bone.level for bone in upper) == ABOVE
        heights = [skeleton.bones[0].centre_mm[2], *(bone.centre_mm[2] for bone in upper)]
        assert (np.diff(heights) > 10).all()
        assert upper[-1].shape.half_depth_mm < 0.7 * upper[0].shape.half_depth_mm
        tilts = [np.degrees(np.arctan2(b.rotation[2, 1], b.rotation[2, 2])) for b in upper]
        assert tilts[-1] - tilts[0] > 5


@pytest.mark.parametrize(("kind", "seed"), [("long", 1), ("long", 2), ("thoracolumbar", 3)])
def test_long_films_show_bodies_that_no_level_names(
    skeleton: Skeleton, kind: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(radiograph, "draw_field", lambda view, rng: kind)
    film = radiograph.expose_film(skeleton, np.random.default_rng(seed), size=256)
    labels, truth = film.truth.labels, film.truth
    assert kind in truth.tags
    assert set(np.unique(labels)) <= {0, UNNAMED, *range(1, len(LEVELS) + 1)}
    rows = np.nonzero(labels == UNNAMED)[0]
    t10 = np.nonzero(labels == 1)[0]
    assert len(rows) > 50
    assert rows.mean() < t10.mean()
    assert truth.visible[LEVELS.index("L3")]
    if kind == "long":
        assert 1.4 < labels.shape[0] / labels.shape[1] < 4.1
        assert len(rows) > 2 * len(t10)


def test_a_third_of_films_is_clean_and_a_third_has_one_nuisance() -> None:
    picture, rng = np.full((32, 32), 0.5, np.float32), np.random.default_rng(1)
    names = [console.print_over(picture, rng)[1] for _ in range(1500)]
    counts = Counter(len(drawn) for drawn in names)
    assert counts[0] / 1500 == pytest.approx(0.33, abs=0.04)
    assert counts[1] / 1500 == pytest.approx(0.34, abs=0.04)
    assert np.mean(["grid" in drawn for drawn in names]) == pytest.approx(0.12, abs=0.03)
    assert console.NUISANCE_WEIGHTS.keys() == console.printed.NUISANCES.keys()
    assert sum(console.NUISANCE_WEIGHTS.values()) == pytest.approx(1)


def test_a_film_that_was_asked_for_has_letters_on_it_at_most() -> None:
    for seed in range(6):
        tags = simulate_film(seed, 64, finding="normal").truth.tags
        assert not tags & ({*console.NUISANCE_WEIGHTS} - {"lettering"})
        assert not tags & ({*FIELDS} | {"inverted"})
