"""Metal: its mask lies where it is seen, in a grey that films show, and nowhere else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from bmd.simulator.case import simulate_film
from bmd.simulator.film import implants
from bmd.simulator.film.field import draw_geometry
from bmd.simulator.film.thorax import upper_vertebrae
from bmd.simulator.person.anatomy import Skeleton, build_skeleton
from bmd.simulator.person.sample import sample_person

SIDE = np.eye(3)


@pytest.fixture(scope="module")
def skeleton() -> Skeleton:
    person = sample_person(np.random.default_rng(3), cohort="film", fracture=False)
    return build_skeleton(person, np.random.default_rng(4), scoliosis=False)


def test_the_mask_lies_on_what_is_bright_also_when_mirrored() -> None:
    brighter, greys, in_place = [], [], []
    for seed in range(12):
        case = simulate_film(seed, 192, finding="implant")
        pixels, metal = case.study.images[0].pixels, case.truth.metal
        assert metal is not None
        assert metal.dtype == bool
        assert metal.shape == pixels.shape
        assert metal.any()
        ring = cv2.dilate(metal.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
        ring &= ~cv2.dilate(metal.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
        mirrored = pixels[:, ::-1]
        brighter.append(pixels[metal].mean() - pixels[ring].mean())
        greys.append(float(np.median(pixels[metal])))
        in_place.append(brighter[-1] > mirrored[metal].mean() - mirrored[ring].mean())
    assert np.median(brighter) > 0.1
    assert np.mean(in_place) > 0.8
    assert 0.55 < np.median(greys) < 0.95, "grey, not white, on most films"


def test_films_without_implants_have_an_empty_mask() -> None:
    for seed in range(4):
        truth = simulate_film(seed, 96, finding="normal").truth
        assert truth.metal is not None
        assert not truth.metal.any()


def test_operations_differ_and_each_is_in_the_picture(skeleton: Skeleton) -> None:
    areas = []
    for seed in range(24):
        rng = np.random.default_rng(seed)
        geometry = draw_geometry(skeleton, SIDE, 128, rng, "thoracolumbar")
        metal = implants.implants(skeleton, upper_vertebrae(skeleton, rng), geometry, SIDE, rng)
        areas.append(implants.silhouette(metal).mean())
    assert min(areas) >= 0.0008
    assert max(areas) > 5 * min(areas)


def test_metal_is_shown_grey_above_its_surround() -> None:
    shown = np.full((120, 120), 0.3, np.float32)
    metal = np.zeros_like(shown)
    metal[50:70, 40:80] = 1.0
    shown[metal > 0] = 1.0
    white = 0
    for seed in range(40):
        after = implants.show_metal(shown, metal, np.random.default_rng(seed))
        inner = float(after[60, 60])
        white += inner > 0.97
        assert inner > 0.5
        assert np.abs(after[:20] - 0.3).max() < 1e-3
    assert 1 <= white <= 20
