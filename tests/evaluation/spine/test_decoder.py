"""Switching terms off and searching better ones, on a few films whose maps are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bmd.evaluation.spine.decoder import Counts, ablate, change, evaluate_decoder, figures, judge, measure, refit
from bmd.evaluation.spine.films import KINDS, Reader, read_cases, shown
from bmd.inference.spine.decode import Decoded
from bmd.inference.spine.localise import Localised
from bmd.inference.spine.terms import TERMS
from bmd.reference import LEVELS, LUMBAR
from bmd.types import Vertebra
from tests.inference.spines import TruthEngine, as_film, plain_tensor, toy_spine, unstretched

FILMS = 2


@pytest.fixture
def shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a few toy films in the form of simulated ones, and a network that reads them."""
    monkeypatch.setattr("bmd.inference.spine.looks.film_tensor", plain_tensor)
    monkeypatch.setattr("bmd.evaluation.spine.films.every_way", unstretched)
    spines = [toy_spine(seed) for seed in range(FILMS)]
    np.savez_compressed(
        tmp_path / "films_0000000.npz",
        image=np.stack([np.round(as_film(s.labels) * 255).astype(np.uint8) for s in spines]),
        labels=np.stack([s.labels for s in spines]),
        corners=np.stack([s.quads for s in spines]).astype(np.float32),
        visible=np.ones((FILMS, 9), bool),
    )
    return tmp_path


def reader(folder: Path) -> Reader:
    return Reader(TruthEngine(), folder / "maps", TERMS)


def test_known_maps_are_decoded_right_and_the_network_runs_once(shards: Path) -> None:
    cases = [case for case in read_cases(str(shards)) if case.kind == "whole"]
    kept = reader(shards)
    counts = measure(cases, kept, TERMS)
    assert figures(counts)["named"][0] == 1
    assert figures(counts)["wrong"][0] == 0
    assert figures(counts)["dice"][0] > 0.9
    calls = len(kept.engine.calls)  # type: ignore[attr-defined]
    again = reader(shards)
    measure(cases, again, TERMS.altered("name.seen", 0.3))
    assert calls > 0
    assert not again.engine.calls, "maps are kept on disk"  # type: ignore[attr-defined]


def test_a_term_that_is_needed_costs_and_one_that_is_not_does_not(shards: Path) -> None:
    cases = [case for case in read_cases(str(shards)) if case.kind == "whole"]
    kept = reader(shards)
    base = measure(cases, kept, TERMS)
    needless = {about.path: cost for about, cost in ablate(cases, kept, TERMS, base, ("chain.gap",))}
    assert list(needless) == ["chain.gap"]
    assert needless["chain.gap"]["named"][0] == 0
    blind = change(measure(cases, kept, TERMS.altered("propose.peak", 2.0).altered("propose.piece", 9.0)), base)
    assert blind["found"][0] == -1


def test_the_search_mends_a_bad_number(shards: Path) -> None:
    cases = [case for case in read_cases(str(shards)) if case.kind == "whole"]
    bad = TERMS.altered("chain.node", 0.98)
    moved = list(refit(cases, Reader(TruthEngine(), shards / "maps", bad), bad, ("chain.node",)))
    assert len(moved) == 1
    about, value, gain = moved[0]
    assert value < 0.9
    assert gain > 0.1
    assert about.path == "chain.node"


def test_the_command_prints_every_part(shards: Path) -> None:
    lines = list(evaluate_decoder(shards, search=True, only=("name.seen",), maps=shards / "maps", engine=TruthEngine()))
    assert lines[0].startswith(f"{3 * FILMS} simulated films: found")
    assert any(line.startswith("name.seen ") for line in lines)
    assert lines[-1].startswith("Change on the odd films: found")


# --- what counts -----------------------------------------------------------------------------------------------------
def found(levels: tuple[str | None, ...], certain: bool = True, shift: float = 0.0) -> Localised:
    """True outlines of the toy spine's lumbar bodies under some names."""
    quads = toy_spine(0).quads[LEVELS.index("L1") : LEVELS.index("L1") + len(levels)] + np.array([0, shift])
    bodies = [
        Vertebra(level, (0, 0, 1, 1), quad.astype(np.float32), 0.9, quad.astype(np.float32))
        for level, quad in zip(levels, quads, strict=True)
    ]
    return Localised(tuple(bodies), Decoded(certain=certain))


def test_names_boxes_and_certainty_are_judged() -> None:
    spine = toy_spine(0)
    film = np.round(as_film(spine.labels) * 255).astype(np.uint8)
    case = shown("whole", 0, film, spine.labels, spine.quads, np.ones(9, bool))
    true, seen, named, sure, wrong, overlap, _ = judge(case, found(LUMBAR))
    assert (true, seen, named, sure, wrong) == (5, 5, 5, 1, 0)
    assert 0.7 < overlap < 0.85, "three bodies of eight are missing"
    assert judge(case, found(("T12", "L1", "L2", "L3", "L4")))[1:5] == (5, 0, 0, 1)
    assert judge(case, found(("T12", "L1", "L2", "L3", "L4"), certain=False))[3:5] == (0, 0)
    assert judge(case, found(LUMBAR, shift=200.0))[1] == 0
    nothing = replace(case, centres={}, labels=np.zeros_like(case.labels))
    assert judge(nothing, found(LUMBAR))[4] == 1, "certain names on a film without a spine from the side are wrong"


@pytest.mark.parametrize("kind", KINDS)
def test_centres_lie_on_their_bodies_however_a_film_is_shown(kind: str) -> None:
    spine = toy_spine(1)
    film = np.round(as_film(spine.labels) * 255).astype(np.uint8)
    case = shown(kind, 5, film, spine.labels, spine.quads, np.ones(9, bool))
    assert case.centres
    assert case.pixels.shape == case.labels.shape
    assert case.pixels.min() >= 0
    assert case.pixels.max() <= 1
    for level, (x, y) in case.centres.items():
        assert case.labels[round(y), round(x)] == LEVELS.index(level) + 1
    if kind == "no sacrum":
        assert (case.labels == 9).sum() < 0.3 * (spine.labels == 9).sum()


def test_changes_are_paired_by_film() -> None:
    rng = np.random.default_rng(0)
    true = np.full(40, 5.0)
    found, named = rng.integers(0, 6, (2, 40))
    one = Counts(np.column_stack([true, found, named, true / 5, true * 0, true / 9, true / 5]))
    same = change(one, one)
    assert all(value == (0, 0, 0) for value in same.values())
    better = change(Counts(one.rows + np.array([0, 0.5, 0, 0, 0, 0, 0])), one)
    assert better["found"] == pytest.approx((0.1, 0.1, 0.1)), "every film gains alike, so the interval is a point"
