"""Abdominal CT of a simulated person: the scan, its volume and its truth."""

from __future__ import annotations

import numpy as np

from bmd.simulator.anatomy import build_skeleton
from bmd.simulator.population import Person
from bmd.simulator.scanner import Phase, draw_scan
from bmd.simulator.scene import Scene, build_scene


def lie_down(
    person: Person,
    rng: np.random.Generator,
    thickness: float | None = None,
    phase: Phase | None = None,
    scoliosis: bool | None = None,
) -> Scene:
    """The person's skeleton, a protocol, and everything around the bones."""
    skeleton = build_skeleton(person, rng, scoliosis=scoliosis)
    return build_scene(skeleton, draw_scan(rng, thickness, phase), rng)
