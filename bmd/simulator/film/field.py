"""Which field a film shows, and from where it is exposed."""

from __future__ import annotations

import numpy as np

from bmd.simulator.film.projection import Geometry
from bmd.simulator.person.anatomy import Bone, Skeleton
from bmd.simulator.record import Array
from bmd.types import View

FIELDS = {"lumbar": 0.58, "tight": 0.14, "wide": 0.10, "thoracolumbar": 0.10, "long": 0.08}
"""Share of lateral films by field: the usual one, a narrow window with little around the spine, a wide one, from T4 to
T8 on, and the whole spine; all but the usual one are tags."""

LEAST_COLUMNS = 64


def draw_field(view: View, rng: np.random.Generator) -> str:
    """A key of ``FIELDS``; frontal films are always the usual one."""
    drawn = str(rng.choice(list(FIELDS), p=list(FIELDS.values())))
    return drawn if view == "lateral" else "lumbar"


def draw_extent(kind: str, rng: np.random.Generator) -> tuple[float, float, float]:
    """Height and width of a field in mm at the detector, and how far its middle lies above that of a lumbar field."""
    if kind == "tight":
        high = rng.uniform(220, 340)
        return high, min(rng.uniform(105, 200), high), 0.0
    if kind == "wide":
        high = rng.uniform(360, 470)
        return high, high * rng.uniform(0.9, 1.25), 0.0
    if kind == "thoracolumbar":
        high = rng.uniform(520, 660)
        return high, high * rng.uniform(0.38, 0.7), rng.uniform(0.08, 0.20) * high
    if kind == "long":
        high = rng.uniform(700, 980)
        return high, high / rng.uniform(1.5, 3.5), rng.uniform(0.10, 0.22) * high
    high = rng.uniform(370, 540) if rng.random() < 0.8 else rng.uniform(270, 370)
    return high, min(430.0, high * rng.uniform(0.45, 1.05)), 0.0


def draw_geometry(
    skeleton: Skeleton,
    view: Array,
    size: int,
    rng: np.random.Generator,
    kind: str = "lumbar",
    upper: tuple[Bone, ...] = (),
) -> Geometry:
    """Distances, centring and field of one exposure.

    Fields run from tight lumbar (220 mm) to whole spine (980 mm) high at the detector. A third of the usual pictures
    are stretched to a square, as exported pictures often are: then columns and rows differ in pitch. ``upper`` are the
    vertebrae above T10, T9 first: tall fields are centred on all that they show.
    """
    sid = rng.uniform(1500, 2000) if kind == "long" else rng.uniform(1000, 1500)
    odd = rng.uniform(180, 290)
    target = view @ skeleton.bone("L3").centre_mm
    high, wide, raised = draw_extent(kind, rng)
    if kind in ("thoracolumbar", "long"):  # half way between the foremost and the hindmost vertebra
        column = [
            (view @ bone.centre_mm)[1] for bone in (*upper[: 5 if kind == "thoracolumbar" else 9], *skeleton.bones)
        ]
        target[1] = (min(column) + max(column)) / 2
    stretched = kind in ("lumbar", "wide") and rng.random() < 0.35
    width = size if stretched else max(LEAST_COLUMNS, min(size, round(size * wide / high)))
    m = sid / (sid - odd)
    off = 0.12 if kind == "wide" else 0.05
    y = target[1] + rng.normal(off * wide, 0.09 * wide)
    z = target[2] - 26 + raised / m + rng.normal(0, (0.03 if kind == "long" else 0.07) * high)
    source_y, source_z = y + rng.normal(0, 15), z + rng.normal(0, 15)
    return Geometry(
        source_to_object_mm=sid - odd,
        object_to_detector_mm=odd,
        source_y_mm=source_y,
        source_z_mm=source_z,
        left_mm=source_y + (y - source_y) * m - wide / 2,
        top_mm=source_z + (z - source_z) * m + high / 2,
        column_mm=wide / width,
        row_mm=high / size,
        width=width,
        height=size,
    )
