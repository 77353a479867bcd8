"""Every number of the spine decoder: value, unit, meaning, source, and the value that switches it off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

T = TypeVar("T")

EYE = "by eye"
NEVER = 1e9
"""A scatter so wide, or a limit so far, that it plays no part."""


def term(value: T, unit: str, meaning: str, source: str, neutral: T | None = None) -> T:
    """A field of a group of terms; ``neutral`` switches it off, None where that has no meaning."""
    about = {"unit": unit, "meaning": meaning, "source": source, "neutral": neutral}
    return field(default=value, metadata=about)


@dataclass(frozen=True)
class ProposeTerms:
    """Where may a body be?"""

    peak: float = term(0.08, "probability", "smallest heat of a peak", EYE, 0.001)
    peak_radius: int = term(2, "map pixels", "a peak is the largest value within this", EYE, 1)
    most: int = term(22, "places", "most places that are joined", EYE, 1000)
    piece: float = term(1 / 60, "frame", "side of the smallest piece of bone that is a place without a peak", EYE, 1.0)
    reach: float = term(0.3, "spacing", "where levels are read, around a place", EYE, 0.0)
    single: float = term(1 / 14, "frame", "spacing assumed of a single place", EYE)


@dataclass(frozen=True)
class ChainTerms:
    """Which of them form one spine?"""

    node: float = term(0.22, "1", "a body weaker than this makes a chain worse", EYE, 0.0)
    gap: float = term(0.55, "1", "cost of a body that must have been missed", EYE, 0.0)
    longest: int = term(3, "vertebrae", "largest step: two neighbours in a row may be missing", EYE, 1)
    spacing_sd: float = term(0.45, "log", "change of spacing that costs half a point", EYE, NEVER)
    turn_sd: float = term(45.0, "degrees", "turn that costs half a point", EYE, NEVER)
    most_step: float = term(2.4, "spacing", "longest step for a vertebra", EYE, NEVER)
    beside: float = term(2.0, "spacing", "bodies farther from the chain may be another spine", EYE)
    beside_bodies: int = term(3, "bodies", "fewest of another spine", EYE)


@dataclass(frozen=True)
class NameTerms:
    """Which level is each of them?"""

    floor: float = term(0.02, "probability", "evidence of what is not seen at all", EYE, 1e-6)
    beyond: float = term(0.08, "probability", "evidence of a body above T10, which no map shows", EYE, 1.0)
    worth: float = term(1.5, "bodies", "independent witnesses that a whole chain is worth", EYE, NEVER)
    sacrum: float = term(1.5, "1", "weight of the sacrum", EYE, 0.0)
    sacrum_floor: float = term(0.08, "probability", "evidence of a sacrum out of place", EYE, 1e-6)
    sacrum_sd: float = term(0.2, "spacing", "its scatter, for one step", EYE, NEVER)
    room: float = term(
        0.25,
        "1",
        "cost of a level above the sacrum that the picture has room for and no body",
        "best of three on 120 disturbed simulated films, with the second weights",
        0.0,
    )
    body: float = term(0.6, "1", "score of a lowest place that is a body as likely as not", EYE)
    body_spread: float = term(0.08, "1", "change of that score that multiplies the odds by e", EYE)
    skip_from: int = term(4, "bodies", "fewest of a chain whose lowest may be none", EYE, 1000)
    seen: float = term(0.25, "1", "sacrum evidence from which names can be certain", EYE, 0.0)
    named: float = term(0.4, "1", "share of the name in the score of a body", EYE, 0.0)
    facing: float = term(0.04, "length", "bulge that makes the side the patient faces fairly clear", EYE)


@dataclass(frozen=True)
class OutlineTerms:
    """Where is the edge of each?"""

    arm: float = term(0.28, "spacing", "half the marker of a body, along its end plates", EYE, 0.0)
    thick: float = term(0.12, "spacing", "thickness of that marker", EYE, 0.0)
    area: float = term(
        0.06, "spacing2", "smallest area of an outline, less is a sliver of a neighbour; and of metal", EYE, 0.0
    )
    up: int = term(4, "1", "each body is enlarged by this before it is traced", EYE, 1)
    points: int = term(64, "points", "of an outline", EYE)
    round_off: float = term(2.0, "quarter points", "sigma of the smoothing along it", EYE, 0.01)
    weak: float = term(0.22, "probability", "mean bone that is enough where the names say a body must be", EYE, NEVER)
    weak_radius: float = term(0.3, "spacing", "radius over which it is looked for", EYE)
    believed: float = term(0.5, "1", "score from which an outline is believed and measured", EYE, 0.0)
    edge: float = term(0.008, "frame", "an outline this near to the edge of the picture is cut", EYE)
    doubt: float = term(0.3, "probability", "bone on which the doubt about levels is measured", EYE)


@dataclass(frozen=True)
class LookTerms:
    """How often, and from how near?"""

    stretches: tuple[float, ...] = term(
        (1.0, 0.8),
        "width",
        "widths at which each look is taken, because archives stretch films to squares",
        "best of four sets on 120 simulated films, with the first weights",
        (1.0,),
    )
    elongated: float = term(1.8, "1", "longer films are also looked at in squares", EYE, NEVER)
    closer: float = term(0.72, "film", "a chain with margins longer than this needs no closer look", EYE, 0.0)
    margin: float = term(0.42, "chain", "border of the closer look", EYE)
    margin_x: float = term(1.2, "1", "this border is wider sideways", EYE, 1.0)
    fewest: int = term(3, "bodies", "fewest that are worth a closer look", EYE, 1)
    sacrum: float = term(2.0, "bodies", "what a sacrum is worth when two looks are compared", EYE, 0.0)
    keep: float = term(0.5, "1", "share of the sacrum that a closer look must keep", EYE, 0.0)
    same: float = term(
        0.4, "spacing", "bodies of two looks this near are the same; 0: looks are not compared", EYE, 0.0
    )


@dataclass(frozen=True)
class Terms:
    """All numbers of the decoder, by step."""

    propose: ProposeTerms = ProposeTerms()
    chain: ChainTerms = ChainTerms()
    name: NameTerms = NameTerms()
    outline: OutlineTerms = OutlineTerms()
    look: LookTerms = LookTerms()

    def altered(self, path: str, value: Any) -> Terms:
        """The same terms with one changed, by its path such as "chain.gap"."""
        group, name = path.split(".")
        return replace(self, **{group: replace(getattr(self, group), **{name: value})})


@dataclass(frozen=True)
class About:
    """One row of the table of terms."""

    path: str
    value: Any
    unit: str
    meaning: str
    source: str
    neutral: Any


def table(terms: Terms) -> Iterator[About]:
    """Every term with what is known of it, in the order of the steps."""
    for group in fields(terms):
        chosen = getattr(terms, group.name)
        for item in fields(chosen):
            yield About(f"{group.name}.{item.name}", getattr(chosen, item.name), **item.metadata)


TERMS = Terms()
"""The terms that are used."""
