"""How each field of the form moved the answer: exact Shapley values over the known fields.

A network that answers whatever is known can be asked about every subset of the known fields (at most 16), so that the
values are exact and no invented patient is needed. They add up to the answer minus what is said of nobody in
particular (Shapley 1953; Lundberg & Lee 2017 for the use with networks).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import factorial

import numpy as np
from numpy.typing import NDArray

from bmd.types import Demographics

FIELDS = ("age_y", "sex", "height_cm", "weight_kg")


@dataclass(frozen=True)
class FieldEffects:
    """``start`` is the answer with nothing known, ``effects`` what each known field adds, ``answer`` their sum."""

    start: float
    effects: dict[str, float]
    answer: float


def shapley(values: NDArray[np.float64], players: int) -> NDArray[np.float64]:
    """Shapley values (players,) of a game: ``values[code]`` is that of the players whose bits are set in ``code``."""
    found = np.zeros(players)
    for code in range(2**players):
        size = code.bit_count()
        for k in range(players):
            if not code >> k & 1:
                share = factorial(size) * factorial(players - size - 1) / factorial(players)
                found[k] += share * (values[code | 1 << k] - values[code])
    return found


def field_effects(
    patient: Demographics, answer: Callable[[Sequence[Demographics]], NDArray[np.float64]]
) -> FieldEffects:
    """Effect of each known field on an answer.

    Parameters
    ----------
    patient : Demographics
        Unknown fields take no part.
    answer : callable
        The answer (n,) for patients whose fields are all, some or none known.
    """
    known = [name for name in FIELDS if getattr(patient, name) is not None]
    asked = [
        replace(patient, **{name: None for k, name in enumerate(known) if not code >> k & 1})
        for code in range(2 ** len(known))
    ]
    values = np.asarray(answer(asked), float)
    parts = shapley(values, len(known))
    effects = dict(zip(known, parts.tolist(), strict=True))
    return FieldEffects(float(values[0]), effects, float(values[-1]))
