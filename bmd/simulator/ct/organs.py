"""What lies in the torso: muscles, organs, bowel, vessels and ribs as shapes to paint.

Drawn by hand from anatomy in the patient frame (mm: x left, y anterior, z cranial, origin at the S1 end plate), sized
by the torso, stature and sex. Attenuation by tissue and contrast phase: textbook ranges.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bmd.simulator.ct.ribs import Cage, build_cage
from bmd.simulator.ct.scanner import Materials, Scan
from bmd.simulator.ct.slab import CAPSULE, ELLIPSOID, Shape, Shapes
from bmd.simulator.ct.torso import Torso
from bmd.simulator.person.anatomy import DRAWN, Skeleton
from bmd.simulator.record import Array

IN_CAVITY, IN_FLESH, ANYWHERE = 1 << 4, (1 << 3) | (1 << 4), (1 << 2) | (1 << 3) | (1 << 4) | (1 << 5)

Point = Array | tuple[float, float, float]

# HU without contrast, in the arterial and in the portal phase, at 120 kVp.
ENHANCED = {
    "aorta": (42, 290, 155),
    "cava": (40, 75, 140),
    "portal": (40, 80, 160),
    "liver": (56, 68, 108),
    "spleen": (48, 125, 118),
    "cortex": (34, 185, 180),
    "medulla": (32, 75, 165),
    "muscle": (52, 57, 62),
    "wall": (38, 75, 85),
    "pancreas": (40, 95, 88),
}


@dataclass
class Painter:
    """Collects shapes in the order in which they are painted."""

    shapes: list[Shape] = field(default_factory=list)

    def capsule(
        self, a: Point, b: Point, r0: float, r1: float, hu: float, zones: int = IN_CAVITY, flat: float = 1.0,
        **surface: float,
    ) -> None:  # fmt: skip
        """A tapered rod from ``a`` to ``b``; ``flat`` > 1 flattens it from front to back."""
        s = Shape.of(kind=CAPSULE, radius_mm=r0, end_radius_mm=r1, flat=flat, hu=hu, zones=zones)
        s.x_mm, s.y_mm, s.z_mm = a
        s.end_x_mm, s.end_y_mm, s.end_z_mm = b
        reach = float(np.linalg.norm(np.asarray(a) - b)) / 2 + max(r0, r1)
        self._finish(s, reach, **surface)

    def chain(
        self, points: Array, radii: Array, hu: float, zones: int = IN_CAVITY, flat: float = 1.0, **surface: float
    ) -> None:
        """Rods end to end."""
        for i in range(len(points) - 1):
            self.capsule(points[i], points[i + 1], float(radii[i]), float(radii[i + 1]), hu, zones, flat, **surface)

    def ellipsoid(
        self, centre: Point, radii: Sequence[float], hu: float, zones: int = IN_CAVITY, tilt: float = 0.0,
        pitch: float = 0.0, **surface: float,
    ) -> None:  # fmt: skip
        """An upright ellipsoid, sheared sideways by ``tilt`` and forward by ``pitch`` per mm of height."""
        s = Shape.of(kind=ELLIPSOID, flat=tilt, pitch=pitch, hu=hu, zones=zones)
        s.x_mm, s.y_mm, s.z_mm = centre
        s.end_x_mm, s.end_y_mm, s.end_z_mm = radii
        self._finish(s, 1.25 * max(radii), **surface)

    def _finish(
        self, s: Shape, reach: float, gas: float = 1e9, warp: float = 0.0, grain: float = 0.0, spot: float = 0.0,
        rim_hu: float = 0.0, rim_mm: float = -1e9,
    ) -> None:  # fmt: skip
        """What the surface is like, then the shape is ready; arguments as the fields of ``Shape``."""
        s.gas_mm, s.warp_mm, s.grain_hu, s.spot, s.rim_hu, s.rim_mm = gas, warp, grain, spot, rim_hu, rim_mm
        s.reach_mm = reach + 3 * s.warp_mm + 2
        self.shapes.append(s)

    def painted(self) -> Shapes:
        """All shapes in painting order, (n,)."""
        return np.array(self.shapes, Shape.DTYPE)


class Abdomen:
    """Paints one person's organs; each method adds the shapes of one system."""

    def __init__(self, skeleton: Skeleton, torso: Torso, scan: Scan, rng: np.random.Generator) -> None:
        self.skeleton, self.torso, self.scan, self.rng = skeleton, torso, scan, rng
        self.paint = Painter()
        self.z = dict(zip(DRAWN, torso.spine[:, 2], strict=True))
        self.size = skeleton.person.body.height_cm / 165.0
        self.age = skeleton.person.body.age_y
        self.phase = ("none", "arterial", "portal").index(scan.phase)
        self.iodine = Materials.at(scan.kvp).iodine / Materials.at(120).iodine
        self.strength = float(np.clip(rng.normal(1, 0.18), 0.5, 1.5))
        self.tags: frozenset[str] = frozenset()

    def hu(self, tissue: str) -> float:
        """Attenuation of a tissue in this phase at this tube voltage."""
        plain = ENHANCED[tissue][0]
        return plain + (ENHANCED[tissue][self.phase] - plain) * self.iodine * self.strength

    def shapes(self) -> Shapes:
        """All shapes in painting order, (n,)."""
        self.muscles()
        cage = self.cage()
        self.bowel()
        self.colon()
        self.upper_organs()
        self.kidneys()
        self.vessels()
        self.pelvic_organs()
        self.ribs(cage)
        return self.paint.painted()

    def muscles(self) -> None:
        """Erector spinae, multifidus, psoas, quadratus lumborum, iliacus; older muscle has more fat in it."""
        hu = self.hu("muscle") - 0.25 * max(0.0, self.age - 50)
        grain = -8.0 - 0.35 * max(0.0, self.age - 40)
        levels = ("T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5")
        bulk = self.size * (1.06 if self.skeleton.person.body.sex == "M" else 0.96) * self.rng.normal(1, 0.06)
        psoas = bulk * np.array([0, 0, 4, 9, 13, 17.5, 20.5, 20.5])
        scale, hips = float(self.skeleton.hips.scale), self.skeleton.hips
        for side in (-1, 1):
            back, inner, lateral, front = [], [], [], []
            for level, radius in zip(levels, psoas, strict=True):
                x, y, z = self.torso.spine[levels.index(level)]
                back.append((x + side * 33, y - 47, z))
                inner.append((x + side * 15, y - 42, z))
                lateral.append((x + side * 66, y - 26, z))
                front.append((x + side * (21 + 0.95 * radius), y - 2 + 0.1 * radius, z))
            back.append((side * 26.0, -52.0, -25.0))
            radii = bulk * np.array([17, 19, 22, 25, 26, 26, 25, 21, 9])
            self.paint.chain(np.array(back), radii, hu, IN_FLESH, grain=grain, flat=1.15, warp=1.5)
            self.paint.chain(np.array(inner), radii[:8] * 0.62, hu, IN_FLESH, grain=grain * 1.3)
            self.paint.chain(np.array(lateral)[4:7], bulk * np.array([9, 13, 14]), hu, IN_FLESH, flat=1.25)
            hip = scale * np.array([side * hips.head_x_mm, hips.head_y_mm, hips.head_z_mm])
            hip[2] += scale * hips.crest_z_mm
            front.append((side * 62.0, 28.0, -35.0))
            front.append(tuple(np.add(hip, (side * -8, 36, 18))))
            front.append(tuple(np.add(hip, (side * 12, 8, -55))))
            radii = np.array([*psoas, 19 * bulk, 17 * bulk, 8])
            self.paint.chain(np.array(front)[2:], radii[2:], hu, IN_FLESH, grain=-6, warp=1.0)
            iliac = np.array([(side * 88, 12, 18), (side * 84, 26, -22), (side * 80, 44, -62)]) * scale
            self.paint.chain(iliac, np.array([9, 15, 14]) * bulk, hu, IN_FLESH, grain=-6)

    def cage(self) -> Cage:
        """Lower ribs, from a generator of their own: how many there are changes nothing else about a person."""
        seed = (self.rng.random(12) * 2**32).astype(np.uint64)
        cage = build_cage(self.skeleton, self.torso, np.random.default_rng(seed))
        self.tags = cage.tags
        return cage

    def ribs(self, cage: Cage) -> None:
        """Ribs over all organs, which end before them."""
        cortex = float(np.clip(self.skeleton.cortex, 0.4, 1.6))
        for rib in cage.ribs:
            rim = 330 + 330 * cortex
            self.paint.chain(rib.points, rib.radii, 130, ANYWHERE, rim_hu=rim, rim_mm=1.5, flat=1.15)

    def vessels(self) -> None:
        """Aorta with plaques, vena cava, iliac and mesenteric vessels."""
        rng, wall = self.rng, []
        tortuous = rng.normal(0, 4) * self.age / 60
        for k, level in enumerate(DRAWN):
            x, y, z = self.torso.spine[k]
            depth = float(self.skeleton.bone(level).shape.half_depth_mm)
            wall.append((x + 9 + tortuous * math.sin(k), y + depth + 11, z))
        axis = np.array(wall[:7])
        axis = np.concatenate([[axis[0] + (axis[0] - axis[1]) * 2], axis])
        radius = rng.normal(9.2 + 0.03 * (self.age - 50), 0.9) * self.size
        aorta, cava = self.hu("aorta"), self.hu("cava")
        self.paint.chain(axis, np.linspace(1.12, 0.85, 8) * radius, aorta, ANYWHERE, rim_hu=45, rim_mm=1.0)
        vein = axis[2:] + np.array([-30, -3, 0])
        self.paint.chain(vein, np.linspace(1.25, 1.0, 6) * 9.5, cava, flat=1.25, warp=0.8)
        fork, start = axis[-1], vein[-1]
        hips, scale = self.skeleton.hips, float(self.skeleton.hips.scale)
        for side in (-1, 1):
            groin = np.array([side * hips.head_x_mm * 0.93, hips.head_y_mm + 46, hips.head_z_mm + 2])
            groin = groin * scale + [0, 0, scale * hips.crest_z_mm]
            path = np.array(
                [fork, (side * 32, 22, -8), (side * 52, 20, -45), groin, np.add(groin, (side * 6, -6, -60))]
            )
            self.paint.chain(path, np.array([7, 6, 5.2, 4.8, 4.2]), aorta, ANYWHERE ^ (1 << 2))
            path = path + np.array([side * -8, -9, 0])
            path[0] = start
            self.paint.chain(path, np.array([8.5, 7, 6.2, 6, 5]), cava, ANYWHERE ^ (1 << 2))
        self._plaques(axis, radius)
        wide, front = self.torso.cavity(self.z["L3"])
        for _ in range(16):
            a = np.array(
                [
                    rng.uniform(-0.3, 0.3) * wide,
                    rng.uniform(axis[5][1] + 15, max(axis[5][1] + 15, front - 20)),
                    self.z["L2"],
                ]
            )
            b = a + np.array([rng.normal(0, 35), rng.normal(0, 12), -rng.uniform(20, 70)])
            self.paint.capsule(a, b, 2.6, 1.6, self.hu("portal"))

    def _plaques(self, axis: Array, radius: float) -> None:
        """Calcium in the wall of the aorta, more with age."""
        count = self.rng.poisson(max(0.0, (self.age - 48) / 5) * self.rng.gamma(1.2, 1.0))
        for _ in range(min(int(count), 40)):
            at = self.rng.uniform(2, 6.99)
            middle = axis[int(at)] + (axis[int(at) + 1] - axis[int(at)]) * (at % 1)
            angle = self.rng.uniform(0, 2 * math.pi)
            point = middle + radius * np.array([math.cos(angle), math.sin(angle), 0])
            size = self.rng.uniform(1.0, 2.8)
            self.paint.capsule(
                point, np.add(point, (0, 0, self.rng.uniform(1, 8))), size, size, self.rng.uniform(350, 1000)
            )

    def kidneys(self) -> None:
        """Kidneys in their fat, with cortex, medulla and sinus."""
        fat = Materials.at(self.scan.kvp).fat
        for side in (-1, 1):
            z = self.z["L2"] + (8 if side > 0 else -6) + self.rng.normal(0, 6)
            x, y = self.torso.spine_at(z)
            centre = np.array([x + side * (64 + self.rng.normal(0, 3)), y - 10, z])
            radii = np.array([29, 27, 55]) * self.size * self.rng.normal(1, 0.05)
            halo = radii + self.rng.uniform(3, 9) * np.array([1.0, 1.0, 1.6])
            tilt = side * 0.22
            self.paint.ellipsoid(centre, tuple(halo), fat, tilt=tilt, grain=5.0, warp=3.0)
            self.paint.ellipsoid(
                centre, tuple(radii), self.hu("medulla"), tilt=tilt, rim_hu=self.hu("cortex"), rim_mm=7.0, warp=2.2
            )
            hilum = centre + np.array([-side * 14, 7, 0])
            self.paint.ellipsoid(hilum, (15, 9, 25), fat + 15, tilt=tilt, warp=3.5)
            self.paint.capsule(hilum, np.array([x + side * 16, y + 26, z + 6]), 4.5, 5.5, self.hu("cava"))

    def upper_organs(self) -> None:
        """Stomach, pancreas, liver, gall bladder and spleen."""
        rng, z = self.rng, self.z["T12"]
        wide, front = self.torso.cavity(z)
        y = self.torso.spine_at(z)[1]
        fluid = 260.0 if self.scan.oral else float(rng.uniform(5, 30))
        path = np.array([(0.42 * wide, y + 30, z + 45), (0.5 * wide, front - 52, z), (0.2 * wide, front - 38, z - 45)])
        path = np.concatenate([path, [(-0.15 * wide, front - 40, z - 52)]])
        radii = np.array([34, 32, 22, 12]) * rng.uniform(0.7, 1.1)
        self.paint.chain(path, radii, fluid, gas=float(rng.uniform(8, 40)), rim_hu=self.hu("wall"), rim_mm=4, warp=2.5)
        head = np.array([(-30, y + 48, z - 75), (8, y + 58, z - 45), (50, y + 40, z - 30), (85, y + 12, z - 18)])
        self.paint.chain(head, np.array([13, 10, 9, 8]), self.hu("pancreas"), warp=2.5, grain=-14)
        bulk, hu = (
            self.size * rng.normal(1, 0.06),
            self.hu("liver") - (rng.uniform(10, 45) if rng.random() < 0.2 else 0),
        )
        self.paint.ellipsoid(
            (-0.5 * wide, y + 34, z + 6), (0.56 * wide, 78 * bulk, 84 * bulk), hu, tilt=-0.12, grain=2.5, warp=3.0
        )
        self.paint.ellipsoid(
            (-0.66 * wide, y + 18, z - 45), (0.34 * wide, 58 * bulk, 62 * bulk), hu, grain=2.5, warp=3.0
        )
        self.paint.ellipsoid(
            (0.0, front - 36, z + 28), (0.62 * wide, 36 * bulk, 46 * bulk), hu, tilt=0.25, grain=2.5, warp=3.0
        )
        for _ in range(9):
            a = np.array([-0.3 * wide, y + 40, z + 5])
            b = a + rng.normal(0, 1, 3) * np.array([40, 32, 38])
            self.paint.capsule(a, b, 4.5, 2.0, self.hu("portal") if self.phase else hu - 12)
        self.paint.ellipsoid((-0.42 * wide, front - 40, z - 42), (15, 16, 27), 8.0, rim_hu=35, rim_mm=1.5)
        self.paint.ellipsoid(
            (0.8 * wide, y - 4, z + 12),
            (28 * bulk, 46 * bulk, 52 * bulk),
            self.hu("spleen"),
            grain=2,
            warp=2.5,
            tilt=0.3,
        )

    def bowel(self) -> None:
        """Small bowel: coiled tubes with fluid, gas or oral contrast."""
        rng = self.rng
        top, bottom = self.z["L2"] + 5, -75.0 * self.size
        for _ in range(46):
            z = rng.uniform(bottom, top)
            wide, front = self.torso.cavity(z)
            if wide < 25:
                continue
            back = self.torso.spine_at(max(z, 0.0))[1] + 34
            radius = rng.uniform(8.5, 15)
            start = np.array([rng.uniform(-0.72, 0.72) * wide, rng.uniform(back, max(back + 5, front - 14)), z])
            turns = rng.normal(0, 1, (4, 3)) * np.array([26, 14, 15])
            path = start + np.concatenate([[np.zeros(3)], np.cumsum(turns, axis=0)])
            path[:, 0] = np.clip(path[:, 0], -0.85 * wide, 0.85 * wide)
            path[:, 1] = np.clip(path[:, 1], back, front - radius)
            inside = float(rng.uniform(18, 45))
            if self.scan.oral and rng.random() < 0.75:
                inside = float(rng.uniform(160, 420))
            gas = radius * float(rng.uniform(-0.2, 0.7)) if rng.random() < 0.16 else 1e9
            self.paint.chain(
                path, np.full(5, radius), inside, gas=gas, rim_hu=self.hu("wall"), rim_mm=2.0, warp=1.2, grain=4
            )

    def colon(self) -> None:
        """Colon and sigmoid with stool and gas."""
        rng = self.rng
        hu = float(rng.uniform(120, 350)) if self.scan.oral and rng.random() < 0.5 else float(rng.uniform(0, 40))
        wide, front = self.torso.cavity(self.z["L3"])
        y = self.torso.spine_at(self.z["L4"])[1]
        up = [(-0.78 * wide, y + 22, -25), (-0.84 * wide, y + 14, 35), (-0.84 * wide, y + 10, self.z["L3"])]
        up += [(-0.78 * wide, y + 30, self.z["L1"] - 12)]
        over = [(-0.45 * wide, front - 24, self.z["L2"] - 20), (0, front - 20, self.z["L3"] - rng.uniform(0, 30))]
        over += [(0.5 * wide, front - 24, self.z["L2"]), (0.84 * wide, y + 35, self.z["T12"] - 14)]
        down = [(0.88 * wide, y + 8, self.z["L2"]), (0.87 * wide, y + 8, self.z["L4"]), (0.8 * wide, y + 22, 0)]
        down += [(0.55 * wide, y + 35, -45), (0.1 * wide, y + 30, -70), (0.0, -18, -62)]
        for path, radius in ((up, 22.0), (over, 19.0), (down, 14.0)):
            size = radius * rng.uniform(0.75, 1.15)
            spot = float(rng.uniform(0.55, 1.6))
            gas = size * float(rng.uniform(-0.1, 0.9)) if rng.random() < 0.7 else 1e9
            radii = size * rng.uniform(0.85, 1.15, len(path))
            self.paint.chain(
                np.array(path), radii, hu, gas=gas, spot=spot, grain=28, warp=3.2, rim_hu=self.hu("wall"), rim_mm=2.2
            )

    def pelvic_organs(self) -> None:
        """Rectum, bladder, and uterus or prostate."""
        hips, rng = self.skeleton.hips, self.rng
        scale, male = float(hips.scale), self.skeleton.person.body.sex == "M"
        head = scale * np.array([0, hips.head_y_mm, hips.head_z_mm + hips.crest_z_mm])
        path = np.array(
            [(0, -20, -60), np.add(head, (6, -62, 25)), np.add(head, (0, -58, -15)), np.add(head, (0, -42, -50))]
        )
        size = rng.uniform(12, 21)
        self.paint.chain(
            path, size * np.array([0.9, 1.1, 1, 0.7]), float(rng.uniform(0, 40)), IN_FLESH, spot=1.3, grain=25,
            warp=2.0, rim_hu=self.hu("wall"), rim_mm=3.0,
        )  # fmt: skip
        full = rng.uniform(0.6, 1.25)
        self.paint.ellipsoid(
            np.add(head, (0, 16, 6 + 12 * full)),
            (40 * full, 30 * full, 30 * full),
            6.0,
            IN_FLESH,
            rim_hu=38,
            rim_mm=3.0,
            warp=2.0,
        )
        organ = np.add(head, ((0, 2, -24) if male else (3, -22, 18)))
        radii = (20, 16, 17) if male else tuple(np.array([27, 18, 24]) * (0.75 if self.age > 55 else 1))
        self.paint.ellipsoid(organ, radii, self.hu("muscle") + (15 if self.phase else -8), IN_FLESH, warp=2.0, grain=4)
