"""Looks that contradict each other about the names make them uncertain."""

from __future__ import annotations

import numpy as np
import pytest

from bmd.inference.film.warnings import neighbours_differ
from bmd.inference.spine.localise import agrees, localise
from bmd.inference.spine.terms import TERMS
from bmd.inference.spine.trust import CLUES
from bmd.reference import LEVELS
from bmd.types import Prediction
from tests.inference.spines import TruthEngine, as_film, plain_tensor, toy_spine, unstretched


def seen(levels: tuple[str, ...], first: float = 40.0, step: float = 30.0) -> dict[str, np.ndarray]:
    """Centres at even steps down from ``first``, under these names."""
    return {name: np.array([100.0, first + step * k]) for k, name in enumerate(levels)}


@pytest.mark.parametrize(
    ("other", "agree"),
    [
        (seen(LEVELS[3:8]), True),
        (seen(LEVELS[4:8], first=70.0), True),
        (seen(LEVELS[2:7]), False),
        (seen(LEVELS[4:9]), False),
        (seen(LEVELS[3:8], first=300.0, step=10.0), True),  # elsewhere: says nothing
        (seen(()), True),
    ],
)
def test_looks_agree_when_the_same_bodies_get_the_same_names(other: dict[str, np.ndarray], agree: bool) -> None:
    assert agrees(seen(LEVELS[3:8]), other, TERMS.look.same) is agree


class ShiftedMirror(TruthEngine):
    """Sees the second, mirrored view of each pair one level lower than the first, a little less clearly."""

    def run(self, network: str, *inputs: np.ndarray) -> dict[str, np.ndarray]:
        out = super().run(network, *inputs)
        if network == "cmnet" and len(inputs[0]) == 2:
            for key, first in (("masks", 1), ("centres", 0)):
                maps = out[key][1].copy()
                out[key][1, first : first + 8] = maps[first + 1 : first + 9]
                out[key][1, first + 8] = maps[first]
            out["centres"] = np.where(np.arange(2)[:, None, None, None] == 1, out["centres"] - 2, out["centres"])
        return out


def test_a_view_that_names_the_chain_otherwise_makes_levels_uncertain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bmd.inference.spine.looks.film_tensor", plain_tensor)
    monkeypatch.setattr("bmd.inference.spine.localise.every_way", unstretched)
    film = as_film(toy_spine(1).labels)
    assert localise(film, TruthEngine()).decoded.certain
    assert not localise(film, ShiftedMirror()).decoded.certain


def test_names_are_certain_from_the_probability_that_was_calibrated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bmd.inference.spine.looks.film_tensor", plain_tensor)
    monkeypatch.setattr("bmd.inference.spine.localise.every_way", unstretched)
    film = as_film(toy_spine(1).labels)

    def certain(engine: type[TruthEngine], level: float) -> tuple[bool, float | None]:
        weights = dict.fromkeys(CLUES, 0.0) | {"agree": 6.0}
        found = localise(film, engine({"names": {"weights": weights, "offset": -4.0, "certain_from": level}})).decoded
        return found.certain, found.probability

    assert certain(TruthEngine, 0.8) == (True, pytest.approx(0.881, abs=1e-3))
    assert certain(TruthEngine, 0.9)[0] is False
    assert certain(ShiftedMirror, 0.8)[0] is False
    assert localise(film, TruthEngine()).decoded.probability is None


@pytest.mark.parametrize("facing", [-1.0, 1.0])
def test_a_side_that_is_known_outweighs_the_curve(monkeypatch: pytest.MonkeyPatch, facing: float) -> None:
    """For one of the two sides this spine is curved the wrong way round, as a kyphotic one is."""
    monkeypatch.setattr("bmd.inference.spine.looks.film_tensor", plain_tensor)
    monkeypatch.setattr("bmd.inference.spine.localise.every_way", unstretched)
    film = as_film(toy_spine(1).labels)
    found = localise(film, TruthEngine(), facing=facing)
    assert found.decoded.facing == facing
    corners = np.array([v.corners_px for v in found.vertebrae])
    assert len(corners) == 8
    assert (facing * (corners[:, 1:3, 0].mean(1) - corners[:, ::3, 0].mean(1)) > 5).all()
    guess = localise(film, TruthEngine())
    assert np.sign(guess.decoded.facing) == (-1 if toy_spine(1).anterior_left else 1)


def test_only_adjacent_vertebrae_are_compared() -> None:
    def each(**t: float) -> tuple[Prediction, ...]:
        return tuple(Prediction(level, None, value, None, {}, None, "") for level, value in t.items())

    assert neighbours_differ(each(L1=-1.0, L2=-2.2))
    assert not neighbours_differ(each(L1=-1.0, L3=-2.2))
    assert not neighbours_differ(each(L1=-1.0, L2=-2.0))
