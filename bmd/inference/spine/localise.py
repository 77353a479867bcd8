"""Step 2: find the vertebral bodies of a film and name them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bmd.inference.engine import Engine
from bmd.inference.spine.decode import Body, Decoded, decode
from bmd.inference.spine.looks import Frame, Region, View, look, whole
from bmd.types import Vertebra

CLOSER = 0.72
"""A second, closer look is worth it when the spine fills less than this share of the frame."""
ELONGATED = 1.8
"""Films longer than this many times their width are also looked at in overlapping squares."""
STRETCHES = (1.0, 0.8)
"""Each look is taken at these widths: of 1; 1, 0.8; 1, 0.8, 1.25; 1, 0.7 best on 120 simulated films (.985 of bodies
named right, .963 on the films stretched to squares; with one width .980 and .963), with weights half way through their
training and after a first look at real films."""
MARGIN = 0.42
"""Border of the closer look around the chain, as a share of the chain's length."""


@dataclass(frozen=True, eq=False)
class Localised:
    """Bodies of one film, cranial to caudal, in film pixels, and what the decoder thought of them.

    ``cut`` holds the levels that are cut off by the edge of the film.
    """

    vertebrae: tuple[Vertebra, ...]
    decoded: Decoded
    cut: frozenset[str] = frozenset()


def localise(film: NDArray, engine: Engine) -> Localised:
    """Find the vertebral bodies on a lateral film.

    Parameters
    ----------
    film : ndarray
        float32 (H, W) in 0..1, bone bright.
    engine : Engine
        Runs the localiser.
    """
    looks = [_decoded(film, region, engine) for region in regions(film)]
    best = max(looks, key=lambda found: quality(found.decoded))
    near = closer(best.decoded, best.frame, film)
    if near is not None:
        second = _decoded(film, near, engine)
        looks.append(second)
        if (
            len(second.decoded.bodies) >= len(best.decoded.bodies)
            and second.decoded.sacrum >= 0.5 * best.decoded.sacrum
        ):
            best = second
    decoded, frame = best.decoded, best.frame
    if decoded.certain and not all(agrees(best, part) for look in looks for part in (look, *look.parts)):
        decoded = replace(decoded, certain=False)
    vertebrae = tuple(vertebra(body, frame) for body in decoded.bodies)
    cut = frozenset(body.level for body in decoded.bodies if body.cut and body.level is not None)
    return Localised(vertebrae, decoded, cut)


def regions(film: NDArray) -> tuple[Region, ...]:
    """Where to look first: the whole film, and for long ones also overlapping squares along it."""
    height, width = film.shape
    short, long = min(height, width), max(height, width)
    found = [whole(film)]
    if long > ELONGATED * short:
        count = int(np.ceil(2 * long / short)) - 1
        for start in np.linspace(0, long - short, count).round().astype(int):
            x, y = (int(start), 0) if width > height else (0, int(start))
            found.append((x, y, x + short, y + short))
    return tuple(found)


def quality(decoded: Decoded) -> float:
    """How much a result looks like a lumbar spine: to choose between two looks, or a film and its negative."""
    return decoded.evidence + 2 * decoded.sacrum


@dataclass(frozen=True, eq=False)
class Look:
    """One decoded look: where its frame lies, and the same of each of the views that were averaged for it."""

    decoded: Decoded
    frame: Frame
    parts: tuple[Look, ...] = ()

    def centres(self) -> dict[str, NDArray]:
        """Centre (2,) in film pixels of every named body."""
        return {b.level: self.frame.to_film(b.centre[None])[0] for b in self.decoded.bodies if b.level is not None}


def _decoded(film: NDArray, region: Region, engine: Engine) -> Look:
    maps, frame = look(film, every_way(region), engine)
    content = _edges(frame, film)
    parts = tuple(Look(decode(replace(part, content=content)), frame) for part in maps.parts)
    return Look(decode(replace(maps, content=content)), frame, parts)


def agrees(best: Look, other: Look) -> bool:
    """Whether another look gives the bodies that both saw the same names.

    Names are right or wrong as a whole chain, so one shifted body is a shifted chain. A look that shares fewer than two
    bodies with the best one says nothing.
    """
    here, there = best.centres(), other.centres()
    if len(here) < 2:
        return True
    steps = np.diff(np.array(list(here.values())), axis=0)
    reach = 0.4 * float(np.median(np.linalg.norm(steps, axis=1)))
    same = [
        level == name
        for name, xy in there.items()
        for level, at in here.items()
        if float(np.linalg.norm(xy - at)) < reach
    ]
    return len(same) < 2 or sum(same) > len(same) / 2


def every_way(region: Region) -> tuple[View, ...]:
    """A part of the film as it is and mirrored, both also narrower.

    The network has no preferred side, its mistakes do; and films from archives are often stretched to squares.
    """
    return tuple(View(region, mirrored, stretch) for stretch in STRETCHES for mirrored in (False, True))


def closer(decoded: Decoded, frame: Frame, film: NDArray) -> Region | None:
    """The part of the film around a small chain, in film pixels, or None when a closer look would show no more."""
    if len(decoded.bodies) < 3:
        return None
    points = frame.to_film(np.concatenate([body.outline for body in decoded.bodies]))
    low, high = points.min(0), points.max(0)
    length = float(high[1] - low[1])
    if length * (1 + 2 * MARGIN) > CLOSER * max(film.shape):
        return None
    border = MARGIN * length * np.array([1.2, 1.0])
    x1, y1 = np.maximum(low - border, 0).astype(int)
    x2, y2 = np.minimum(high + border, film.shape[::-1]).astype(int)
    return (int(x1), int(y1), int(x2), int(y2))


def _edges(frame: Frame, film: NDArray) -> tuple[float, float, float, float]:
    """The edges of the whole film in the coordinates of a closer frame."""
    return replace(frame, region=whole(film)).content


def vertebra(body: Body, frame: Frame) -> Vertebra:
    """A decoded body in film pixels; its box encloses the corners too, which outlines from masks round off."""
    outline, corners = frame.to_film(body.outline), frame.to_film(body.corners)
    both = np.concatenate([outline, corners])
    low, high = both.min(0), both.max(0)
    return Vertebra(
        level=body.level,
        box_px=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
        contour_px=outline.astype(np.float32),
        score=round(body.score, 4),
        corners_px=corners.astype(np.float32),
    )
