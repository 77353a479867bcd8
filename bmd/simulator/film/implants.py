"""Metal of spine and hips, as thickness in cm along each ray, and how a film shows it.

Titanium saturates: consoles show it light grey rather than white, as bright as the window and the processing let it.
"""

from __future__ import annotations

import cv2
import numpy as np

from bmd.simulator.film.devices import add_rod, solid
from bmd.simulator.film.projection import Geometry
from bmd.simulator.person.anatomy import Bone, Skeleton
from bmd.simulator.record import F32, Array, Mask

SHARE = 0.08
"""Of films with implants."""

SEEN_CM = 0.04
"""Metal from which a pixel belongs to the silhouette."""


def implants(
    skeleton: Skeleton, upper: tuple[Bone, ...], geometry: Geometry, view: Array, rng: np.random.Generator
) -> Array:
    """Metal (H, W) of one operation: screws and rods short or long, with or without cages, cages, a plate, a hip.

    ``upper`` are the vertebrae above T10, T9 first. What would lie outside the picture is replaced by screws.
    """
    out = np.zeros((geometry.height, geometry.width), np.float32)
    kind = rng.random()
    if kind < 0.40:
        out += short_rods(skeleton, geometry, view, rng)
    elif kind < 0.68:
        _long_rods(out, skeleton, upper, geometry, view, rng)
    elif kind < 0.78:
        _cages(out, skeleton, geometry, view, rng)
    elif kind < 0.85:
        _plate(out, skeleton, geometry, view, rng)
    else:
        _hip(out, skeleton, geometry, view, rng)
    if kind < 0.68 and rng.random() < 0.4:
        _cages(out, skeleton, geometry, view, rng)
    if np.count_nonzero(out > SEEN_CM) < 0.0008 * out.size:
        out += short_rods(skeleton, geometry, view, rng)
    return out


def short_rods(skeleton: Skeleton, geometry: Geometry, view: Array, rng: np.random.Generator) -> Array:
    """Metal in cm of pedicle screws in two to five vertebrae, sometimes in the sacrum, and the rods that join them."""
    out = np.zeros((geometry.height, geometry.width), np.float32)
    first = int(rng.integers(2, 7))
    chosen = skeleton.bones[first : min(8, first + int(rng.integers(2, 6)))]
    sacral = len(chosen) < 2 or (chosen[-1].level == "L5" and rng.random() < 0.6)
    for side in (-1, 1):
        heads = [_screw(out, bone, side, geometry, view, rng) for bone in chosen]
        if sacral:
            heads.append(_sacral_screw(out, skeleton, side, geometry, view, rng))
        ends = [heads[0] * 1.25 - heads[1] * 0.25, *heads, heads[-1] * 1.2 - heads[-2] * 0.2]
        add_rod(out, np.stack(ends), solid(rng.uniform(2.4, 3.2)), geometry, view)
    return out


def _long_rods(
    out: F32, skeleton: Skeleton, upper: tuple[Bone, ...], geometry: Geometry, view: Array, rng: np.random.Generator
) -> None:
    """Rods from the thoracic spine to L3 or the sacrum, held by screws at most levels and now and then by hooks."""
    column = (*upper[: int(rng.integers(1, 9))][::-1], *skeleton.bones)
    last = int(rng.integers(len(column) - 3, len(column) + 1))
    chosen, hooks = column[:last], rng.random() < 0.35
    radius = rng.uniform(2.2, 3.2)
    for side in (-1, 1):
        heads = []
        for k, bone in enumerate(chosen):
            if hooks and (k % 3 == 0):
                heads.append(_hook(out, bone, side, geometry, view))
            elif rng.random() < (0.3 if hooks else 0.85):
                heads.append(_screw(out, bone, side, geometry, view, rng))
            else:
                heads.append(_head(bone, side))
        if last == len(column) and rng.random() < 0.75:
            heads.append(_sacral_screw(out, skeleton, side, geometry, view, rng))
        ends = [2.2 * heads[0] - 1.2 * heads[1], *heads, heads[-1] * 1.3 - heads[-2] * 0.3]
        add_rod(out, np.stack(ends), solid(radius), geometry, view)


def _head(bone: Bone, side: int) -> Array:
    """Where a rod runs past a vertebra, patient frame."""
    p = bone.shape
    local = np.array([side * p.half_width_mm * 0.8, -p.half_depth_mm - 24.0, float(p.pedicle_z_mm)])
    return np.asarray(bone.to_patient(local)[0])


def _screw(out: F32, bone: Bone, side: int, geometry: Geometry, view: Array, rng: np.random.Generator) -> Array:
    """A screw through a pedicle with its head; returns the head (patient frame)."""
    p, head = bone.shape, _head(bone, side)
    end = np.array([side * p.half_width_mm * 0.45, p.half_depth_mm * rng.uniform(0.1, 0.7), 0.0])
    end[2] = p.pedicle_z_mm - rng.uniform(0, 5)
    tip = bone.to_patient(end)[0]
    add_rod(out, np.stack([head, tip]), solid(rng.uniform(2.3, 3.3)), geometry, view)
    add_rod(out, np.stack([head, head + (tip - head) * 0.18]), solid(rng.uniform(4.5, 6.5)), geometry, view)
    return head


def _sacral_screw(
    out: F32, skeleton: Skeleton, side: int, geometry: Geometry, view: Array, rng: np.random.Generator
) -> Array:
    """A screw into S1; returns its head (patient frame)."""
    half = float(skeleton.sacrum.half_depth_mm)
    ends = np.array([[side * 24.0, -half - 16.0, -14.0], [side * 12.0, 0.6 * half, rng.uniform(-14, -5)]])
    head, tip = ends @ skeleton.sacral_rotation
    add_rod(out, np.stack([head, tip]), solid(3.3), geometry, view)
    add_rod(out, np.stack([head, head + (tip - head) * 0.16]), solid(6.0), geometry, view)
    return np.asarray(head)


def _hook(out: F32, bone: Bone, side: int, geometry: Geometry, view: Array) -> Array:
    """A hook round a lamina; returns where the rod runs through it."""
    head, p = _head(bone, side), bone.shape
    back = -p.half_depth_mm - 14.0
    local = np.array([[back - 8, 6.0], [back + 3, 4.0], [back + 5, -3.0], [back - 1, -7.0]])
    points = bone.to_patient(np.column_stack([np.full(4, side * 11.0), local]))
    add_rod(out, np.vstack([head, points]), solid(2.2), geometry, view)
    add_rod(out, np.stack([head, head * 0.8 + points[0] * 0.2]), solid(5.0), geometry, view)
    return head


def _cages(out: F32, skeleton: Skeleton, geometry: Geometry, view: Array, rng: np.random.Generator) -> None:
    """Cages in one to three discs: blocks of titanium, or of plastic that only marker beads and pins betray."""
    titanium = rng.random() < 0.4
    first = int(rng.integers(3, 7))
    for upper, lower in list(zip(skeleton.bones[first:], skeleton.bones[first + 1 :], strict=False))[
        : int(rng.integers(1, 4))
    ]:
        below, above = upper.corners()[[3, 2]], lower.corners()[[0, 1]]  # posterior, anterior
        ends = np.stack([0.5 * (below[0] + above[0]), 0.5 * (below[1] + above[1])])
        tall = float(np.linalg.norm(below.mean(0) - above.mean(0))) / 2
        start, stop = rng.uniform(0.1, 0.3), rng.uniform(0.65, 0.9)
        line = ends[0] + np.array([[start], [stop]]) * (ends[1] - ends[0])
        up = (below.mean(0) - above.mean(0)) / max(2 * tall, 1e-3)
        if titanium:
            for lift in (-0.6, 0.6):
                add_rod(out, line + lift * tall * up, solid(max(1.2, 0.45 * tall)), geometry, view)
            for t in (0.0, 0.5, 1.0):
                at = line[0] + t * (line[1] - line[0])
                add_rod(out, np.stack([at - tall * up, at + tall * up]), solid(1.4), geometry, view)
        else:
            for at in line:
                pin = np.stack([at - 0.6 * tall * up, at + 0.6 * tall * up]) if rng.random() < 0.5 else None
                bead = np.stack([at, at + np.array([6.0, 0, 0.5])])
                add_rod(out, bead if pin is None else pin, solid(rng.uniform(0.8, 1.4)), geometry, view)


def _plate(out: F32, skeleton: Skeleton, geometry: Geometry, view: Array, rng: np.random.Generator) -> None:
    """A plate on the front of two or three bodies, with a pair of screws into each of the outer ones."""
    first = int(rng.integers(3, 7))
    chosen = skeleton.bones[first : min(8, first + int(rng.integers(2, 4)))]
    fronts = [b.to_patient(np.array([0.0, b.shape.half_depth_mm + 2.5, 0.0]))[0] for b in chosen]
    for x in (-7.0, 0.0, 7.0):
        add_rod(out, np.stack(fronts) + np.array([x, 0, 0]), solid(1.6), geometry, view)
    for bone in (chosen[0], chosen[-1]):
        for x in (-6.0, 6.0):
            front, back = float(bone.shape.half_depth_mm) + 3, -0.4 * float(bone.shape.half_depth_mm)
            ends = bone.to_patient(np.array([[x, front, rng.normal(0, 2)], [x, back, rng.normal(0, 2)]]))
            add_rod(out, ends, solid(2.2), geometry, view)


def _hip(out: F32, skeleton: Skeleton, geometry: Geometry, view: Array, rng: np.random.Generator) -> None:
    """A prosthesis of one hip, now and then of both: cup, head, neck and stem."""
    hips = skeleton.hips
    scale = float(hips.scale)
    sides = (-1, 1) if rng.random() < 0.25 else (int(rng.choice([-1, 1])),)
    for side in sides:
        at = scale * np.array([side * float(hips.head_x_mm), float(hips.head_y_mm), float(hips.head_z_mm)])
        at[2] += scale * float(hips.crest_z_mm)
        centre = geometry.project((view @ at)[None])[0]
        radius = rng.uniform(22, 28) * geometry.magnification
        size = (max(1, round(radius / geometry.column_mm)), max(1, round(radius / geometry.row_mm)))
        cup = np.zeros_like(out)
        middle = (round(float(centre[0])), round(float(centre[1])))
        cv2.ellipse(cup, middle, size, 0, 0, 360, 2.5, -1, cv2.LINE_AA)
        np.maximum(out, cup, out=out)
        trochanter = at + np.array([side * 38.0, -6.0, -42.0])
        add_rod(out, np.stack([at, trochanter]), solid(8.0), geometry, view)
        add_rod(
            out, np.stack([trochanter, trochanter + np.array([-side * 4.0, 8.0, -140.0])]), solid(8.0), geometry, view
        )


def silhouette(metal: Array) -> Mask:
    """Where implants are seen, bool (H, W)."""
    return np.asarray(metal > SEEN_CM)


def show_metal(shown: Array, metal: Array, rng: np.random.Generator) -> Array:
    """The picture with metal in the grey that films show: .6 to .85 on most, always above its surround where it can be.

    ``shown`` is the processed picture, in which thick metal is white; ``metal`` its thickness in cm.
    """
    if rng.random() < 0.2:
        return shown  # white
    cover = 1 - np.exp(-metal / 0.06)
    cover = cv2.GaussianBlur(cover.astype(np.float32), (0, 0), rng.uniform(0.3, 0.9))
    weight = 1 - np.minimum(cv2.dilate(cover, np.ones((3, 3), np.uint8)), 0.999)
    sigma = 0.05 * shown.shape[0]
    around = cv2.GaussianBlur(shown * weight, (0, 0), sigma) / cv2.GaussianBlur(weight, (0, 0), sigma)
    grey = np.maximum(rng.uniform(0.6, 0.85), around + rng.uniform(0.05, 0.2))
    depth = 0.10 * (1 - np.exp(-metal / rng.uniform(0.4, 1.2))) - 0.05
    return np.asarray(np.clip(shown + cover * (grey + depth - shown), 0, 1), np.float32)
