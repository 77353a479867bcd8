"""Whether a vertebral body on CT is so low that it may be fractured, and whether its shape can be judged at all.

A fracture is said only of a body with both end plates outlined, apart from its neighbours, in slices thin enough. One
that looks low without that is left out of the measurement, and nothing is said of a fracture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bmd.findings import Finding, note
from bmd.inference.ct.bodies import Body, Floats, plate, sample
from bmd.types import Volume

WEDGED, LOWER = 0.20, 0.25
"""Loss of height within a body and against its neighbours from which it counts as low: Genant's grades 1 and 2 begin
there. Against neighbours, which differ and may be broken themselves, the milder grade would not be safe."""
CRUSHED = 0.70
"""Mean height against the neighbours' below which a body counts as crushed."""
THICKEST_MM = 5.0
"""Thicker slices hold five or fewer to a body: an end plate may be a slice off at the front and the back."""
EDGE_HU = 40.0
"""Drop of density across an end plate that is seen."""
OUTLINED = 0.6
"""Least share of each third of an end plate, front to back, over which it is seen."""
OVERLAP_MM = 1.0
"""How far a body may reach into its neighbour."""


@dataclass(frozen=True)
class Shape:
    """The shape of one body.

    Attributes
    ----------
    wedge : float
        How much lower it is at the front or in the middle than at the back, as a share.
    lower : float or None
        How much lower its front or its middle is than that of its neighbours, as a share; None without any.
    height : float or None
        Its mean height over that of its neighbours.
    outlined : float
        Least share over which a third of one of its end plates is seen.
    overlap_mm : float
        How far it reaches into a neighbour; negative where a disc lies between.
    """

    wedge: float
    lower: float | None
    height: float | None
    outlined: float
    overlap_mm: float

    @property
    def low(self) -> bool:
        """Whether it is as low as a fractured one."""
        beside = self.lower is not None and self.lower > LOWER
        return self.wedge > WEDGED or beside or (self.height is not None and self.height < CRUSHED)


def shape(volume: Volume, bodies: Sequence[Body], k: int, cut: frozenset[int]) -> Shape:
    """Measure the shape of body ``k`` of a column (cranial to caudal), of which some are cut by the field."""
    body = bodies[k]
    own = np.array(body.edge_heights())
    whole = [bodies[j].edge_heights() for j in (k - 1, k + 1) if 0 <= j < len(bodies) and j not in cut]
    against = own / np.mean(whole, 0) if whole else None
    pairs = [(bodies[j], bodies[j + 1]) for j in (k - 1, k) if j >= 0 and j + 1 < len(bodies)]
    return Shape(
        wedge=float(1 - own[:2].min() / max(own[2], 1.0)),
        lower=None if against is None else float(1 - against[:2].min()),
        height=None if against is None else float(own.mean() / np.mean(whole)),
        outlined=min(min(seen_plate(volume, body, top)) for top in (True, False)),
        overlap_mm=max((overlap(*pair) for pair in pairs), default=-np.inf),
    )


def fracture(volume: Volume, found: Shape) -> Finding | None:
    """Why a body is too low to be measured: a possible fracture, or a shape that cannot be judged; else None."""
    if not found.low:
        return None
    thin = volume.spacing_mm[0] <= THICKEST_MM + 1e-3
    if not thin or found.outlined < OUTLINED or found.overlap_mm > OVERLAP_MM:
        return note("ct.shape_unjudged")
    return note("ct.wedged", loss_percent=100 * found.wedge) if found.wedge > WEDGED else note("ct.crushed")


def seen_plate(volume: Volume, body: Body, top: bool) -> tuple[float, float, float]:
    """Share of the front, middle and back third of an end plate at which density drops outwards."""
    frame = body.frame
    u, v = np.meshgrid(
        np.linspace(-0.42, 0.42, 18) * frame.depth, np.linspace(-0.35, 0.35, 11) * frame.depth, indexing="ij"
    )
    surface, out = plate(body.top if top else body.bottom, u, v), 1.0 if top else -1.0
    blur = 0.5 * volume.spacing_mm[0]
    inner = _hu(volume, body, surface - out * np.linspace(-0.5, 1.5 + blur, 5)[:, None, None], u, v).max(0)
    outer = _hu(volume, body, surface + out * np.linspace(1.0, 3.0 + blur, 4)[:, None, None], u, v).min(0)
    seen = (inner - outer > EDGE_HU).reshape(3, -1).mean(1)
    return float(seen[2]), float(seen[1]), float(seen[0])


def _hu(volume: Volume, body: Body, w: Floats, u: Floats, v: Floats) -> NDArray[np.float32]:
    """HU at several heights over a grid, (heights, grid)."""
    u, v = (np.broadcast_to(axis, w.shape) for axis in (u, v))
    return sample(volume, body.frame.points(w, u, v) / np.array(volume.spacing_mm)[:, None, None, None])


def overlap(upper: Body, lower: Body) -> float:
    """How far the lower end plate of a body reaches below the upper one of the next, mm; negative across a disc."""
    at = np.array([-0.38, 0.0, 0.38]) * upper.frame.depth
    points = upper.frame.points(plate(upper.bottom, at, 0 * at), at, 0 * at)
    w, u, v = lower.frame.local(points)
    return float((plate(lower.top, u, v) - w).max())
