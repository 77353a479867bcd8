"""Views of DXA images for the region network: what is the wrong way round holds no region, and truth moves along."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from bmd.simulator.shards.dxa import scan_row
from bmd.training.films import Film
from bmd.training.tasks.dxa import RegionAugment, negative, passed_around, wrong_way_round


@pytest.fixture(scope="module")
def film() -> Film:
    row = scan_row(5, "film", False)
    known = {field.name: row[field.name] for field in fields(Film) if field.name != "metal"}
    return Film(**known, metal=np.zeros_like(row["labels"]))


def _kinds(film: Film) -> dict[bool, list]:
    found: dict[bool, list] = {True: [], False: []}
    for seed in range(40):
        view = RegionAugment(128, turned=0.3)(film, np.random.default_rng(seed))
        found[bool((view.labels > 0).any())].append(view)
    return found


def test_some_views_are_turned_and_these_hold_nothing(film: Film) -> None:
    found = _kinds(film)
    assert 4 <= len(found[False]) <= 22
    for view in found[False]:
        assert np.isnan(view.corners).all()
    for view in found[True]:
        assert np.isfinite(view.corners).any()


def test_corners_and_regions_turn_with_the_picture(film: Film) -> None:
    for seed in range(12):
        turned = wrong_way_round(film, np.random.default_rng(seed))
        for k in range(3, 7):
            x, y = turned.corners[k].mean(0)
            assert turned.labels[round(float(y)), round(float(x))] == k + 1


def test_the_padding_of_a_negative_stays_black() -> None:
    image = np.zeros((40, 40), np.uint8)
    image[:, 10:30] = 60
    image[5, 12] = 255
    dark = negative(image)
    assert (dark[:, :10] == 0).all()
    assert (dark[:, 30:] == 0).all()
    assert dark[20, 20] == 195
    assert dark[5, 12] == 0
    assert (negative(np.zeros((8, 8), np.uint8)) == 0).all()


def test_what_is_passed_around_keeps_its_truth(film: Film) -> None:
    changed = passed_around(film, np.random.default_rng(3))
    assert changed.labels is film.labels
    assert changed.corners is film.corners
    assert changed.image.dtype == np.uint8
    assert not np.array_equal(changed.image, film.image)
