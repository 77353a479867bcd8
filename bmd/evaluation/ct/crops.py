"""Names of the bodies in crops of CT volumes cut at every height: how many are named, right, certain and wrong.

A hospital sends what it has: an upper abdomen, a chest that ends at L2, a spine field. One volume with known levels
gives many such scans.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.inference.ct.levels import FoundCt, localise_ct
from bmd.inference.run import Networks
from bmd.reference import LEVELS
from bmd.simulator.ct.ribs import last_rib
from bmd.truth import CtTruth
from bmd.types import Volume

TALL_MM, STEP_MM = 160.0, 40.0
"""Height of a crop, about four lumbar vertebrae, and how far each lies below the one before."""
NEAR_MM = 14.0
"""A body whose middle lies this near to that of a level in truth is of that level: under half a vertebra."""

Centres = Mapping[str, NDArray[np.floating]]
"""Middle of each level in truth as (z, y, x) in mm."""


@dataclass(frozen=True)
class Outcome:
    """What became of one volume or crop.

    ``bodies`` were found, ``named`` have a name; ``right`` and ``wrong`` are those of them that truth knows; ``known``
    are the bodies found that truth knows at all. ``usual``: the last rib sits on T12 (as far as truth says).
    """

    slice_mm: float
    bodies: int
    known: int
    named: int
    right: int
    wrong: int
    certain: bool
    source: str | None
    usual: bool = True


def crops(volume: Volume, tall_mm: float = TALL_MM, step_mm: float = STEP_MM) -> Iterator[tuple[float, Volume]]:
    """Pieces of a volume with where each starts, mm below the first slice; a short volume is one piece."""
    dz = volume.spacing_mm[0]
    count, step = round(tall_mm / dz), max(1, round(step_mm / dz))
    for first in range(0, max(1, len(volume.voxels) - count + 1), step):
        part = np.ascontiguousarray(volume.voxels[first : first + count])
        yield first * dz, Volume(part, volume.spacing_mm, volume.acquisition)


def outcome(found: FoundCt, centres: Centres, start_mm: float, slice_mm: float, usual: bool = True) -> Outcome:
    """Compare names with truth; ``start_mm`` is where the piece starts in the volume that truth belongs to."""
    right = wrong = known = 0
    for vertebra, body in zip(found.vertebrae, found.bodies, strict=True):
        at = body.frame.origin + np.array([start_mm, 0.0, 0.0])
        apart = {level: float(np.linalg.norm(at - centre)) for level, centre in centres.items()}
        level = min(apart, key=lambda key: apart[key], default=None)
        if level is None or apart[level] > NEAR_MM:
            continue
        known += 1
        right += vertebra.level == level
        wrong += vertebra.level not in (level, None)
    named = sum(v.level is not None for v in found.vertebrae)
    return Outcome(slice_mm, len(found.bodies), known, named, right, wrong, found.certain, found.source, usual)


def simulated(seeds: Iterable[int], networks: Networks) -> Iterator[Outcome]:
    """Crops of simulated abdominal CTs, one per seed, slices of 1.25, 2, 3 and 5 mm in turn."""
    from bmd.simulator.case import simulate_ct

    for number, seed in enumerate(seeds):
        thick = (5.0, 3.0, 2.0, 1.25)[number % 4]
        case = simulate_ct(seed, spacing=(thick, 1.6, 1.6), field="abdomen_pelvis")
        volume, truth = case.study.volume, case.truth
        if volume is None or not isinstance(truth, CtTruth):
            continue
        rows = zip(LEVELS, np.asarray(truth.centres_zyx) * volume.spacing_mm, truth.visible, strict=True)
        centres = {level: at for level, at, seen in rows if seen}
        for start, piece in crops(volume):
            yield outcome(localise_ct(piece, networks), centres, start, thick, last_rib(truth.tags) == "T12")


def summary(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """One row per slice thickness and one for all: crops, and shares of the bodies that truth knows."""
    thick = sorted({o.slice_mm for o in outcomes})
    return [_row(f"{mm:g} mm", [o for o in outcomes if o.slice_mm == mm]) for mm in thick] + [_row("all", outcomes)]


def _row(name: str, some: Sequence[Outcome]) -> dict[str, Any]:
    known = max(1, sum(o.known for o in some))
    sure = [o for o in some if o.certain]
    ribs = [o for o in some if o.source == "rib"]
    return {
        "slices": name,
        "crops": len(some),
        "bodies": sum(o.known for o in some),
        "named": round(sum(o.right + o.wrong for o in some) / known, 3),
        "right": round(sum(o.right for o in some) / known, 3),
        "certain": round(sum(o.right + o.wrong for o in sure) / known, 3),
        "certain_wrong": round(sum(o.wrong for o in sure) / known, 4),
        "from_rib": round(sum(o.right + o.wrong for o in ribs) / known, 3),
        "from_rib_wrong": round(sum(o.wrong for o in ribs if o.usual) / known, 4),
        "from_rib_wrong_as_ribs_are_unusual": round(sum(o.wrong for o in ribs if not o.usual) / known, 4),
    }
