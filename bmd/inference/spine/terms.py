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

    level_heat: float = term(0.8, "1", "share of a level's heat that counts as heat of any body", EYE, 0.0)
    blur: float = term(0.7, "map pixels", "sigma of the blur of the heat before peaks are looked for", EYE, 0.01)
    peak: float = term(0.08, "probability", "smallest heat of a peak", EYE, 0.001)
    peak_radius: int = term(2, "map pixels", "a peak is the largest value within this", EYE, 1)
    most: int = term(22, "places", "most places that are joined", EYE, 1000)
    blob_score: float = term(0.3, "1", "score of a piece of foreground without a peak; 0: none", EYE, 0.0)
    blob_side: float = term(1 / 60, "frame", "side of the smallest such piece", EYE, 0.0)
    cover: float = term(0.45, "1", "share of the mask in the score of a place; the rest is its peak", EYE, 0.0)
    cover_radius: float = term(6 / 384, "frame", "where the mask is averaged", EYE, 0.0)
    reach: float = term(0.3, "spacing", "where levels are read, around a place", EYE, 0.0)
    single: float = term(1 / 14, "frame", "spacing assumed of a single place", EYE)
    sacra: int = term(4, "places", "most places where S1 may be", EYE, 1000)
    sacrum_peak: float = term(0.05, "probability", "smallest heat of S1", EYE, 0.001)
    sacrum_cover: float = term(0.4, "1", "share of the mask in the score of S1", EYE, 0.0)
    sacrum_radius: float = term(8 / 384, "frame", "where the mask of S1 is averaged", EYE, 0.0)


@dataclass(frozen=True)
class ChainTerms:
    """Which of them form one spine?"""

    node: float = term(0.22, "1", "a body weaker than this makes a chain worse", EYE, 0.0)
    gap: float = term(0.55, "1", "cost of a body that must have been missed", EYE, 0.0)
    longest: int = term(3, "vertebrae", "largest step: two neighbours in a row may be missing", EYE, 1)
    drift: float = term(-0.04, "log", "expected change of spacing from one step to the next, upwards", EYE, 0.0)
    spacing_sd: float = term(0.45, "log", "change of spacing that costs half a point", EYE, NEVER)
    turn_sd: float = term(45.0, "degrees", "turn that costs half a point", EYE, NEVER)
    sideways: float = term(2.2, "1", "steepest step, sideways over upwards", EYE, NEVER)
    least_step: float = term(0.45, "spacing", "shortest step for a vertebra", EYE, 0.0)
    most_step: float = term(2.4, "spacing", "longest step for a vertebra", EYE, NEVER)
    beside: float = term(2.0, "spacing", "bodies farther from the chain may be another spine", EYE)
    beside_bodies: int = term(3, "bodies", "fewest of another spine", EYE)


@dataclass(frozen=True)
class NameTerms:
    """Which level is each of them?"""

    floor: float = term(0.02, "probability", "evidence of what is not seen at all", EYE, 1e-6)
    beyond: float = term(0.08, "probability", "evidence of a body above T10, which no map shows", EYE, 1.0)
    worth: float = term(1.5, "bodies", "independent witnesses that a whole chain is worth", EYE, NEVER)
    weakest: float = term(0.05, "1", "least weight of a body among the witnesses", EYE, 0.0)
    shape: float = term(0.5, "1", "weight of the bends", EYE, 0.0)
    turns: tuple[float, ...] = term(
        (-2, -1, 2, 6, 10, 14, 25),
        "degrees",
        "turn of the line of centres at T11-L5, towards the back going down: half of the discs' lordosis",
        "discs of 4, 8, 12, 17, 32 degrees at L1-L2 to L5-S1 in standing adults",
    )
    turn_sds: tuple[float, ...] = term((6, 6, 6, 7, 8, 9, 11), "degrees", "scatter of these", EYE)
    turn_most: float = term(3.0, "SD", "a turn counts as at most this far off", EYE, NEVER)
    bulge: float = term(0.03, "length", "bulge of a chain that makes the side it faces fairly clear", EYE, NEVER)
    sacrum: float = term(1.5, "1", "weight of the sacrum", EYE, 0.0)
    sacrum_floor: float = term(0.08, "probability", "evidence of a sacrum out of place", EYE, 1e-6)
    sacrum_step: float = term(1.05, "spacing", "S1 from L5", EYE, 1.0)
    sacrum_sd: float = term(0.2, "spacing", "its scatter, for one step", EYE, NEVER)
    sacrum_turn_sd: float = term(16.0, "degrees", "scatter of the turn from the lowest body to S1", EYE, NEVER)
    unseen: float = term(0.4, "log", "cost of a lumbar body unseen below the chain, inside the picture", EYE, 0.0)
    above: float = term(0.1, "log", "cost of a body above T10", EYE, 0.0)
    body: float = term(0.6, "1", "score of a lowest place that is a body as likely as not", EYE)
    body_spread: float = term(0.08, "1", "change of that score that multiplies the odds by e", EYE)
    body_most: float = term(4.0, "log", "these odds are at most so large", EYE, NEVER)
    skip_from: int = term(4, "bodies", "fewest of a chain whose lowest may be none", EYE, 1000)
    seen: float = term(0.25, "1", "sacrum evidence from which names can be certain", EYE, 0.0)
    named: float = term(0.4, "1", "share of the name in the score of a body", EYE, 0.0)
    facing: float = term(0.04, "length", "bulge that makes the side the patient faces fairly clear", EYE)
    sure: float = term(0.80, "probability", "posterior from which names can be certain", EYE, 0.0)


@dataclass(frozen=True)
class OutlineTerms:
    """Where is the edge of each?"""

    fine: int = term(2, "1", "mask maps are enlarged by this", EYE, 1)
    valley: float = term(0.15, "probability", "bone less probable than this is no body's", EYE, 0.0)
    arm: float = term(0.28, "spacing", "half the marker of a body, along its end plates", EYE, 0.0)
    thick: float = term(0.12, "spacing", "thickness of that marker", EYE, 0.0)
    far: float = term(1.25, "spacing", "no body reaches farther from its centre", EYE, NEVER)
    faint: float = term(0.3, "probability", "a body whose bone is nowhere this probable has no outline", EYE, 0.0)
    up: int = term(4, "1", "each body is enlarged by this before it is traced", EYE, 1)
    smooth: float = term(0.4, "map pixels", "sigma of the blur before", EYE, 0.01)
    opening: bool = term(True, "", "thin bridges are cut", EYE, False)
    area: float = term(0.06, "spacing2", "smallest area of a body", EYE, 0.0)
    points: int = term(64, "points", "of an outline", EYE)
    round_off: float = term(1.0, "quarter points", "sigma of the smoothing along it", EYE, 0.01)
    clear: float = term(0.3, "1", "score from which a body without a mask borrows its neighbour's outline", EYE, NEVER)
    weak: float = term(0.22, "probability", "mean bone that is enough where the names say a body must be", EYE, NEVER)
    weak_radius: float = term(0.3, "spacing", "sigma of where it is looked for", EYE)
    weak_mass: float = term(0.12, "probability", "least weighted mean there", EYE, 0.0)
    weak_cover: float = term(0.25, "spacing", "radius over which its bone is averaged", EYE)
    weak_apart: float = term(0.6, "spacing", "least distance from its neighbours", EYE, 0.0)
    weak_score: float = term(0.45, "1", "score of such a body over its bone", EYE)
    edge: float = term(0.008, "frame", "an outline this near to the edge of the picture is cut", EYE)
    doubt: float = term(0.3, "probability", "bone on which the doubt about levels is measured", EYE)
    no_doubt: float = term(2.0, "nat", "doubt where there is no bone", EYE)


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
