"""Masks alone hold what the decoder needs: their bodies' middles."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from bmd.inference.spine.decode import decode
from bmd.inference.spine.localise import localise
from bmd.inference.spine.maps import ANY
from bmd.inference.spine.outlines import centres_of
from bmd.reference import LEVELS
from tests.inference.spines import TruthEngine, as_film, centroid, levels_of, maps_of, plain_tensor, toy_spine

NAMES = list(LEVELS[:-1])


@pytest.mark.parametrize("seed", range(5))
def test_masks_alone_decode_to_the_same_bodies(seed: int) -> None:
    spine = toy_spine(seed)
    whole = maps_of(spine.labels)
    alone = decode(replace(whole, centres=centres_of(whole.masks)))
    assert levels_of(alone.bodies) == levels_of(decode(whole).bodies)
    for body in alone.bodies:
        assert np.linalg.norm(body.centre - centroid(spine, str(body.level))) < 6


def test_the_middle_of_a_body_is_a_peak_and_the_disc_is_not() -> None:
    spine = toy_spine(0)
    masks = np.stack([spine.labels == k for k in range(10)]).astype(
        np.float32
    )  # as U-Net gives them: a film pixel each
    heat = centres_of(masks)
    middles = [np.round((centroid(spine, level) - 1.5) / 4).astype(int) for level in NAMES]
    assert min(heat[ANY][y, x] for x, y in middles) > 0.8
    for (x1, y1), (x2, y2) in pairwise(middles):
        assert heat[ANY][(y1 + y2) // 2, (x1 + x2) // 2] < 0.75
    assert all(heat[k][y, x] > 0.8 for k, (x, y) in enumerate(middles))


def test_nothing_gives_no_centres() -> None:
    empty = np.zeros((10, 96, 96), np.float32)
    empty[0] = 1
    assert centres_of(empty).shape == (10, 24, 24)
    assert not centres_of(empty).any()


class MasksAlone(TruthEngine):
    """A U-Net that is right."""

    def run(self, network: str, *inputs: np.ndarray) -> dict[str, np.ndarray]:
        return {"masks": super().run("cmnet", *inputs)["masks"]} if network == "unet" else super().run(network, *inputs)


def test_a_network_of_masks_alone_takes_the_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bmd.inference.spine.looks.film_tensor", plain_tensor)
    found = localise(as_film(toy_spine(1).labels), MasksAlone(), "unet")
    assert [v.level for v in found.vertebrae][-5:] == ["L1", "L2", "L3", "L4", "L5"]
