"""The decoder: probability maps in, a named chain of vertebral bodies out. Four steps, none of which looks back."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bmd.inference.spine.chain import join
from bmd.inference.spine.contour import Body, outline
from bmd.inference.spine.maps import TINY, Maps
from bmd.inference.spine.naming import Named, name
from bmd.inference.spine.propose import propose
from bmd.inference.spine.terms import TERMS, Terms
from bmd.inference.spine.trust import metal_seen

__all__ = ["Body", "Decoded", "decode", "finish", "name_maps"]


@dataclass(frozen=True, eq=False)
class Decoded:
    """What the maps mean.

    Attributes
    ----------
    bodies : tuple of Body
        Cranial to caudal, S1 not included.
    certain : bool
        The names can be relied on: of one look, that its chain reaches the sacrum that was seen where the names say it
        is; of a film, that they are probable enough besides (``localise.trusted``).
    posterior : float
        Probability of the chosen naming among all possible ones.
    sacrum : float
        Evidence 0..1 for S1 in its place.
    evidence : float
        How much chain there is: sum of the scores of the bodies.
    facing : float
        +1 when anterior is to the right of the picture, -1 to the left; its size is the confidence.
    others : int
        Bodies of a second spine beside the first.
    doubt : float
        Mean entropy (nats) of the level on bone: how unsure the localiser is which vertebra is which.
    metal : float
        How clearly the picture shows an implant, 0..1; 0 of a localiser that does not look for it.
    clues : dict
        What the names of a film are judged by; see ``trust.clues``.
    probability : float or None
        That all names of a film are right, 0..1; None where that was never calibrated.
    """

    bodies: tuple[Body, ...] = ()
    certain: bool = False
    posterior: float = 0.0
    sacrum: float = 0.0
    evidence: float = 0.0
    facing: float = 0.0
    others: int = 0
    doubt: float = 2.0
    metal: float = 0.0
    clues: dict[str, float] = field(default_factory=dict)
    probability: float | None = None


def decode(maps: Maps, terms: Terms = TERMS) -> Decoded:
    """Find, name and outline the vertebral bodies of one film.

    Parameters
    ----------
    maps : Maps
        Probabilities on one frame.
    terms : Terms
        All numbers of the four steps.
    """
    return finish(name_maps(maps, terms), maps, terms)


def name_maps(maps: Maps, terms: Terms = TERMS) -> Named | None:
    """The first three steps: bodies with their levels, or None where there is none."""
    chain = join(propose(maps, terms.propose), terms.chain)
    return None if chain is None else name(chain, terms.name)


def finish(named: Named | None, maps: Maps, terms: Terms = TERMS) -> Decoded:
    """The last step, on the maps that the bodies were named on."""
    if named is None:
        return Decoded()
    bodies = outline(named, maps, terms.outline)
    unit = named.chain.unit(len(named.levels) // 2)
    return Decoded(
        bodies=bodies,
        certain=named.certain,
        posterior=named.posterior,
        sacrum=named.sacrum,
        evidence=float(sum(body.score for body in bodies)),
        facing=named.facing,
        others=named.chain.others,
        doubt=doubt(maps, terms.outline.doubt),
        metal=metal_seen(maps, unit if np.isfinite(unit) else named.chain.found.spacing, terms.outline.area),
    )


def doubt(maps: Maps, bone: float) -> float:
    """Mean entropy of the mask classes where a body is more probable than ``bone``, nats; 2 without any."""
    p = maps.masks[:, maps.body > bone]
    return float(-(p * np.log(p + TINY)).sum(0).mean()) if p.size else 2.0
