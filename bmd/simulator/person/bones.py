"""One mineral density function per bone, in g/cm3 hydroxyapatite, shared by every modality.

Local vertebral frame, mm: x to the patient's left, y anterior, z cranial, origin at the centre of the body. The pelvis
uses the patient frame with its origin at the centre of the S1 end plate. Functions are numba-compiled and scalar, so
a film integrates them along rays, a CT samples them on a grid and a DXA scan sums them from front to back.

Shapes are smooth implicit surfaces fitted by eye to anatomy drawings; dimensions come in as parameters measured in
people (``population``). Cortical shells (0.3 mm in life, Ritzel 1997) are spread over about 1 mm with equal mass.
"""

from __future__ import annotations

import math

import numpy as np

from bmd.simulator.kernel import kernel
from bmd.simulator.record import Array, Record


class Vertebra(Record):
    """One vertebra's shape and how dense its parts are."""

    half_width_mm: float
    half_depth_mm: float
    half_height_mm: float
    """Of the posterior wall."""
    wedge_top_mm: float
    """Loss of anterior height at the upper end plate."""
    wedge_bottom_mm: float
    dish_top_mm: float
    """Depth of the upper end plate's concavity."""
    dish_bottom_mm: float
    waist: float
    """How much narrower the body is half way up."""
    osteophyte_mm: float
    trabecular_g_cm3: float
    cortex_g_cm3: float
    endplate_g_cm3: float
    pedicle_radius_mm: float
    pedicle_z_mm: float
    spinous_length_mm: float
    spinous_height_mm: float
    transverse_length_mm: float
    posterior_core_g_cm3: float
    posterior_shell_g_cm3: float
    facet_x_mm: float
    foramen_depth_mm: float
    pillar_mm: float
    """Half depth of the articular processes."""
    sclerosis: float
    """Dense bone under the end plates on one side, over that of the plate itself; > 0: the patient's left."""


LATTICE_Y, LATTICE_Z = 0.7548776662466927, 0.5698402909980532  # powers of the plastic number (Roberts 2018)
MASS_BODY_SHARE = 0.5

POSTERIOR_WALL = 0.84  # the posterior wall lies at -0.84 half depths, the anterior one at +1


@kernel
def body_parts(x: float, y: float, z: float, p: Vertebra) -> tuple[float, float, float]:
    """Where a point lies in a vertebral body: (1 inside or 0, weight of the side wall, weight of the end plate)."""
    nx = x / p.half_width_mm
    ny = y / p.half_depth_mm
    if nx > 1.35 or nx < -1.35 or ny > 1.5 or ny < -1.15:
        return 0.0, 0.0, 0.0
    forward = (min(1.15, max(-1.0, ny)) + 1.0) * 0.5
    dish = max(0.0, 1.0 - 1.3 * (nx * nx + ny * ny))
    dish = dish * (1.7 - 0.7 * dish)
    top = p.half_height_mm - p.wedge_top_mm * forward - p.dish_top_mm * dish
    bottom = -p.half_height_mm + p.wedge_bottom_mm * forward + p.dish_bottom_mm * dish
    to_endplate = min(top - z, z - bottom)
    if to_endplate < 0.0:
        return 0.0, 0.0, 0.0
    mid = 1.0 - to_endplate / max((top - bottom) * 0.5, 0.5)  # 0 half way up, 1 at an end plate
    scale = 1.0 - p.waist * (1.0 - mid * mid)
    if p.osteophyte_mm > 0.0:
        lip = to_endplate / 2.2
        scale += p.osteophyte_mm / p.half_depth_mm * math.exp(-lip * lip) * (0.35 + 0.65 * max(0.0, ny) + 0.3 * abs(nx))
    u = abs(nx) / scale
    if y < 0.0:  # flat back with the shallow concavity of the canal
        back = POSTERIOR_WALL - 0.07 * max(0.0, 1.0 - (nx / 0.55) ** 2)
        v = -ny / (back * (1.0 - 0.45 * (1.0 - scale)))
        radius = (u * u * u + v * v * v) ** (1.0 / 3.0)
    else:
        v = ny / scale
        radius = math.sqrt(u * u * max(u, 0.6) ** 0.4 + v * v * max(v, 0.6) ** 0.4)
    to_wall = (1.0 - radius) * p.half_depth_mm * 0.9
    if to_wall < 0.0:
        return 0.0, 0.0, 0.0
    wall = to_wall / 1.0
    plate = to_endplate / 1.1
    weight = math.exp(-plate * plate)
    loaded = p.sclerosis * nx
    if loaded > 0.0 and to_endplate < 9.0:
        plate = to_endplate / 4.0
        weight += loaded * math.exp(-plate * plate)
    return 1.0, math.exp(-wall * wall), weight


@kernel
def body_density(x: float, y: float, z: float, p: Vertebra) -> float:
    """Mineral of a vertebral body in g/cm3; 0 outside."""
    inside, wall, plate = body_parts(x, y, z, p)
    return p.trabecular_g_cm3 * inside + p.cortex_g_cm3 * wall + p.endplate_g_cm3 * plate


@kernel
def ellipsoid(x: float, y: float, z: float, a: float, b: float, c: float) -> float:
    """1 at the centre, 0 on the surface, negative outside."""
    return 1.0 - (x / a) ** 2 - (y / b) ** 2 - (z / c) ** 2


@kernel
def shell(inside: float, thickness: float, core: float, rind: float) -> float:
    """Density of a small bone with a cortical rind; ``inside`` is 1 at its centre and 0 on its surface."""
    if inside <= 0.0:
        return 0.0
    t = inside * 0.5 * thickness / 1.2
    return core + rind * math.exp(-t * t)


@kernel
def facet_density(x: float, y: float, z: float, p: Vertebra, wall: float) -> float:
    """Superior and inferior articular processes with the pars between them: the column behind the foramina.

    On a real CT seen from the side (3 mm, L2-L4) this column is the brightest part of the spine: 1.0-1.5 g/cm2 over
    some 11 mm, where the middle of a body has 0.4 and a spinous process 0.2.
    """
    core = 5.5 * p.posterior_core_g_cm3
    rind = 3.0 * p.posterior_shell_g_cm3
    fx = p.facet_x_mm
    gap = p.foramen_depth_mm
    deep = p.pillar_mm
    upper = shell(
        ellipsoid(x - fx - 3.0, y - wall + gap + 0.8 * deep - 0.15 * z, z - p.pedicle_z_mm - 5.0, 7.5, deep, 13.0),
        5.0,
        core,
        rind,
    )
    back = gap + 1.9 * deep
    lower = shell(
        ellipsoid(x - fx + 1.0, y - wall + back - 0.25 * (z + 18.0), z + 17.0, 7.0, deep, 13.5), 5.0, core, rind
    )
    back = gap + 1.3 * deep
    pars = shell(ellipsoid(x - fx - 0.5, y - wall + back - 0.2 * z, z + 4.0, 6.5, 0.9 * deep, 12.0), 4.5, core, rind)
    return max(upper, max(lower, pars))


@kernel
def posterior_density(x: float, y: float, z: float, p: Vertebra) -> float:
    """Mineral of the posterior elements (pedicles, facets, laminae, spinous and transverse processes) in g/cm3."""
    wall = -POSTERIOR_WALL * p.half_depth_mm
    x = abs(x)
    if y > wall + 3.0 or y < wall - 45.0 - p.spinous_length_mm:
        return 0.0
    core = p.posterior_core_g_cm3
    rind = p.posterior_shell_g_cm3
    pedicle_x = p.half_width_mm * 0.62
    d = 0.0
    if y > wall - p.foramen_depth_mm - 6.0:
        flare = 1.0 + 0.25 * max(0.0, (y - wall + 4.0) / 7.0)  # the root widens into the body
        u = (x - pedicle_x) / p.pedicle_radius_mm
        w = (z - p.pedicle_z_mm) / (p.pedicle_radius_mm * 0.35 + 5.2) / flare
        d = shell(1.0 - u * u - w * w, p.pedicle_radius_mm, 9.0 * core, 7.0 * rind)
    d = max(d, facet_density(x, y, z, p, wall))
    fx = p.facet_x_mm
    d = max(
        d,
        shell(
            ellipsoid(x - fx * 0.5, y - wall + 20.0 + 0.55 * (fx - x), z + 6.0, fx * 0.62, 3.4, 10.5), 3.4, core, rind
        ),
    )
    mid = wall - 19.0 - p.spinous_length_mm * 0.5
    v = (y - mid) / (p.spinous_length_mm * 0.55 + 4.0)
    w = (z + 9.0 + 0.22 * (y - mid) * -1.0) / p.spinous_height_mm
    d = max(d, shell(1.0 - (x / 3.6) ** 2 - v * v * v * v - w * w * w * w, 3.6, 2.5 * core, 3.5 * rind))
    t = (x - pedicle_x) / max(p.transverse_length_mm, 1.0)
    if 0.0 < t < 1.4:
        radius = 5.5 - 1.5 * t
        along = max(0.0, (x - pedicle_x - p.transverse_length_mm) / 6.0)
        v = (y - wall + 9.0 + 6.0 * t) / radius
        w = (z - p.pedicle_z_mm + 1.0 - 2.0 * t) / radius
        d = max(d, shell(1.0 - 1.6 * v * v - w * w - along * along, radius, core, rind))
    return d


@kernel
def component_mass(p: Vertebra, step: float) -> Array:
    """Mass of each part per unit density, in cm3: trabecular, side wall, end plates, posterior elements.

    Multiplied by the four densities and summed this is the vertebra's bone mineral content in grams, which is how
    densities are set so that an AP DXA scan of the vertebra reads the BMD the person was given. The transverse
    processes are cut off at 1.25 half widths, as the DXA region is.

    Points lie on a lattice that no plane of the bone runs along (one per ``step`` cubed of the posterior elements,
    ``MASS_BODY_SHARE`` of that in the body with its thin shells), so that a shell of 1 mm is hit in proportion to its
    volume: at 1.5 mm the content is within 1 % of a grid of 0.5 mm.
    """
    out = np.zeros(4)
    wide, deep, tall = p.half_width_mm * 1.25, p.half_depth_mm * 2.4, p.half_height_mm * 2.0 + 6.0
    n = int(wide * deep * tall / (MASS_BODY_SHARE * step**3)) + 1
    for i in range(n):
        x = wide * (i + 0.5) / n  # left half; both halves are alike
        y = -p.half_depth_mm + deep * ((0.5 + i * LATTICE_Y) % 1.0)
        z = -0.5 * tall + tall * ((0.5 + i * LATTICE_Z) % 1.0)
        inside, side, plate = body_parts(x, y, z, p)
        out[0] += inside
        out[1] += side
        out[2] += plate
    out *= 2.0 * wide * deep * tall * 1e-3 / n
    back = -POSTERIOR_WALL * p.half_depth_mm - 45.0 - p.spinous_length_mm
    deep, tall = 48.0 + p.spinous_length_mm, 72.0
    n = int(wide * deep * tall / step**3) + 1
    posterior = 0.0
    for i in range(n):
        x = wide * (i + 0.5) / n
        y = back + deep * ((0.5 + i * LATTICE_Y) % 1.0)
        z = -40.0 + tall * ((0.5 + i * LATTICE_Z) % 1.0)
        density = posterior_density(x, y, z, p)
        if density > 0.0 and body_parts(x, y, z, p)[0] == 0.0:
            posterior += density
    out[3] = posterior * 2.0 * wide * deep * tall * 1e-3 / n
    return out
