"""What a localiser found on a film, whatever kind of network it is: maps of levels or boxes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bmd.findings import Finding, note, warning
from bmd.inference.run import Networks
from bmd.inference.spine.decode import Decoded
from bmd.inference.spine.localise import Localised, localise, quality
from bmd.types import Vertebra

Film: TypeAlias = NDArray[np.float32]
"""float32 (H, W) in 0..1, bone bright."""
ROLE = "localiser"
FEWEST_BODIES = 3
MIN_EVIDENCE = 1.5
"""Least sum of body scores of a chain that is taken for a spine."""
LEAST_SACRUM = 0.1
"""Evidence below which the sacrum counts as out of view."""


@dataclass(frozen=True, eq=False)
class Found:
    """Vertebral bodies of one film, cranial to caudal, in film pixels.

    Attributes
    ----------
    vertebrae : tuple of Vertebra
        S1 not included.
    certain : bool
        The names hold together by what this localiser sees.
    enough : bool
        It is enough to be a spine.
    quality : float
        How much it looks like a lumbar spine: to choose between a film and its negative, nothing else.
    cut : frozenset of str
        Levels that the edge of the picture cuts off.
    said : tuple of Finding
        What limits names and outlines.
    second_spine : bool
        Another one lies beside it.
    metal : bool
        The picture shows an implant.
    scores : dict
        The numbers behind it, for ``Suitability.scores``.
    decoded : Decoded or None
        What the view test reads beside the picture; None of a localiser it was not fitted for.
    """

    vertebrae: tuple[Vertebra, ...]
    certain: bool
    enough: bool
    quality: float
    cut: frozenset[str] = frozenset()
    said: tuple[Finding, ...] = ()
    second_spine: bool = False
    metal: bool = False
    scores: dict[str, float] = field(default_factory=dict)
    decoded: Decoded | None = None

    @property
    def unmeasured(self) -> frozenset[str]:
        """Levels that must not be measured: cut off, not believed or under metal."""
        return self.cut | frozenset(v.level for v in self.vertebrae if v.flaw is not None and v.level is not None)


def by_maps(film: Film, networks: Networks) -> Found:
    """The bodies that a network of maps sees (task "masks")."""
    return of_maps(localise(film, networks.engine, networks.name(ROLE)))


def of_maps(found: Localised) -> Found:
    """A decoded chain as what was found."""
    decoded = found.decoded
    return Found(
        vertebrae=found.vertebrae,
        certain=decoded.certain,
        enough=len(decoded.bodies) >= FEWEST_BODIES and decoded.evidence >= MIN_EVIDENCE,
        quality=quality(decoded),
        cut=found.cut,
        said=_doubts(decoded),
        second_spine=decoded.others > 0,
        metal=found.metal,
        scores={
            "bodies": float(len(decoded.bodies)),
            "evidence": round(decoded.evidence, 3),
            "sacrum": round(decoded.sacrum, 3),
            "naming": round(decoded.posterior, 3),
            "doubt": round(decoded.doubt, 3),
            "metal": round(decoded.metal, 3),
        }
        | ({} if decoded.probability is None else {"names": round(decoded.probability, 3)}),
        decoded=decoded,
    )


def _doubts(decoded: Decoded) -> tuple[Finding, ...]:
    if decoded.certain:
        return ()
    why = "film.sacrum_unseen" if decoded.sacrum < LEAST_SACRUM else "film.off_by_one"
    return (warning("film.levels_uncertain", why=note(why)),)
