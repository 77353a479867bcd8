"""Step 2: find the vertebral bodies of a film and name them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bmd.inference.engine import Engine
from bmd.inference.spine.contour import Body
from bmd.inference.spine.decode import Decoded, finish, name_maps
from bmd.inference.spine.looks import LOCALISER, Frame, Region, View, look, whole
from bmd.inference.spine.maps import Maps, Points
from bmd.inference.spine.naming import Named
from bmd.inference.spine.terms import NEVER, TERMS, LookTerms, Terms
from bmd.inference.spine.trust import clues, probability
from bmd.reference import LEVELS
from bmd.types import Vertebra

Film: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Localised:
    """Bodies of one film, cranial to caudal, in film pixels, and what the decoder thought of them.

    ``cut`` holds the levels that are cut off by the edge of the film; ``metal`` is true where it shows an implant.
    """

    vertebrae: tuple[Vertebra, ...]
    decoded: Decoded
    cut: frozenset[str] = frozenset()
    metal: bool = False


class Look(Protocol):
    """One look at a film."""

    @property
    def frame(self) -> Frame:
        """Where it lies on the film."""

    @property
    def named(self) -> Named | None:
        """The bodies that its views see together."""

    def parts(self, terms: Terms) -> Iterator[Named | None]:
        """The bodies that each of its views sees alone."""

    def decoded(self, terms: Terms) -> Decoded:
        """The bodies that its views see together, with outlines."""


@dataclass(frozen=True, eq=False)
class MapsLook:
    """A look through a localiser that gives maps; ``maps.parts`` holds those of each view."""

    frame: Frame
    named: Named | None
    maps: Maps

    def parts(self, terms: Terms) -> Iterator[Named | None]:
        """See ``Look``."""
        return (name_maps(part, terms) for part in self.maps.parts)

    def decoded(self, terms: Terms) -> Decoded:
        """See ``Look``."""
        return finish(self.named, self.maps, terms)


def localise(
    film: Film, engine: Engine, network: str = LOCALISER, terms: Terms = TERMS, facing: float | None = None
) -> Localised:
    """Find the vertebral bodies on a lateral film.

    Parameters
    ----------
    film : ndarray
        float32 (H, W) in 0..1, bone bright.
    engine : Engine
        Runs the localiser.
    network : str
        Which localiser; one that gives maps.
    terms : Terms
        The numbers of the decoder.
    facing : float, optional
        +1 where anterior is known to lie to the right of the film, -1 to the left, as on a film projected from a CT.
        None: guessed from the curve of the spine, which is wrong where that is kyphotic.
    """

    def read(region: Region) -> Look:
        maps, frame = look(film, every_way(region, terms.look), engine, network=network)
        maps = on_film(maps, frame, film)
        return MapsLook(frame, faced(name_maps(maps, terms), facing), maps)

    return settle(film, read, terms, engine.metadata(network).get("calibration") or {})


def faced(named: Named | None, facing: float | None) -> Named | None:
    """A chain with the side that the patient is known to face; as it was where that is not known."""
    return named if named is None or facing is None else replace(named, facing=facing)


def settle(
    film: Film, read: Callable[[Region], Look], terms: Terms, numbers: Mapping[str, Any] = MappingProxyType({})
) -> Localised:
    """Look at the whole film, and closer where that may show more; outline the bodies of the best look.

    Parameters
    ----------
    film : ndarray
        float32 (H, W).
    read : callable
        Looks at a part of the film.
    terms : Terms
        Numbers.
    numbers : mapping
        The localiser's calibration: "names" and "metal", as ``evaluation.spine.trust`` fits them.
    """
    looks = [read(region) for region in regions(film, terms.look)]
    best = max(looks, key=lambda seen: quality(seen.named, terms.look.sacrum))
    near = closer(best, film, terms.look)
    if near is not None:
        looks.append(read(near))
        if shows_more(looks[-1].named, best.named, terms.look.keep):
            best = looks[-1]
    decoded = trusted(best.decoded(terms), best.named, agreement(best, looks, terms), numbers.get("names"))
    clear = float(numbers.get("metal", {}).get("body_from", NEVER))
    rows = [(body, flaw(body, terms.outline.believed, clear)) for body in decoded.bodies]
    vertebrae = tuple(replace(vertebra(body, best.frame), flaw=why) for body, why in rows)
    cut = frozenset(body.level for body in decoded.bodies if body.cut and body.level is not None)
    return Localised(vertebrae, decoded, cut, decoded.metal >= float(numbers.get("metal", {}).get("film_from", NEVER)))


def flaw(body: Body, believed: float, metal: float) -> Literal["doubted", "metal"] | None:
    """Why an outline must not be measured, or None; bodies above T10 are not measured in any case."""
    if body.level is None:
        return None
    return "metal" if body.metal >= metal else "doubted" if body.score < believed else None


def trusted(decoded: Decoded, named: Named | None, agree: float, numbers: Mapping[str, Any] | None) -> Decoded:
    """A decoded film with the probability that its names are right, and whether they are certain.

    Names are certain where nothing in the chain speaks against them (``Named.certain``) and their probability is high
    enough; of a localiser that was never calibrated, where all looks agree.
    """
    if named is None:
        return decoded
    found = clues(named, decoded.doubt, agree)
    if numbers is None:
        return replace(decoded, clues=found, certain=named.certain and agree >= 1)
    share = probability(found, numbers)
    certain = named.certain and share >= numbers["certain_from"]
    return replace(decoded, clues=found, probability=share, certain=certain)


def agreement(best: Look, looks: list[Look], terms: Terms) -> float:
    """Share of the looks, and of the single views of each, that give the bodies the names of the best look."""
    ours = centres(best.named, best.frame)
    same = [
        agrees(ours, centres(named, seen.frame), terms.look.same)
        for seen in looks
        for named in (seen.named, *seen.parts(terms))
    ]
    return sum(same) / len(same)


def centres(named: Named | None, frame: Frame) -> dict[str, Points]:
    """Centre (2,) in film pixels of every body that has a name."""
    rows = zip(named.levels, frame.to_film(named.chain.points), strict=True) if named else ()
    return {LEVELS[level]: xy for level, xy in rows if level >= 0}


def on_film(maps: Maps, frame: Frame, film: Film) -> Maps:
    """Maps and their parts with the edges of the whole film as those of the picture."""
    content = replace(frame, region=whole(film)).content
    return replace(maps, content=content, parts=tuple(replace(part, content=content) for part in maps.parts))


def regions(film: Film, terms: LookTerms) -> tuple[Region, ...]:
    """Where to look first: the whole film, and for long ones also overlapping squares along it."""
    height, width = film.shape
    short, long = min(height, width), max(height, width)
    found = [whole(film)]
    if long > terms.elongated * short:
        count = int(np.ceil(2 * long / short)) - 1
        for start in np.linspace(0, long - short, count).round().astype(int):
            x, y = (int(start), 0) if width > height else (0, int(start))
            found.append((x, y, x + short, y + short))
    return tuple(found)


def quality(found: Named | Decoded | None, sacrum: float = TERMS.look.sacrum) -> float:
    """How much a result looks like a lumbar spine: to choose between two looks, or a film and its negative."""
    return 0.0 if found is None else found.evidence + sacrum * found.sacrum


def shows_more(second: Named | None, first: Named | None, keep: float) -> bool:
    """Whether a closer look shows as many bodies, and of the sacrum not much less."""
    if second is None or first is None:
        return first is None
    return len(second.levels) >= len(first.levels) and second.sacrum >= keep * first.sacrum


def agrees(ours: dict[str, Points], theirs: dict[str, Points], same: float) -> bool:
    """Whether another look gives the bodies that both saw the same names.

    Names are right or wrong as a whole chain, so one shifted body is a shifted chain. A look that shares fewer than two
    bodies with the best one says nothing.

    Parameters
    ----------
    ours, theirs : dict of str to ndarray
        Centre (2,) of each level in film pixels.
    same : float
        How near two centres of the same body are, spacings.
    """
    if len(ours) < 2:
        return True
    steps = np.diff(np.array(list(ours.values())), axis=0)
    reach = same * float(np.median(np.linalg.norm(steps, axis=1)))
    equal = [
        level == name
        for name, xy in theirs.items()
        for level, at in ours.items()
        if float(np.linalg.norm(xy - at)) < reach
    ]
    return len(equal) < 2 or sum(equal) > len(equal) / 2


def every_way(region: Region, terms: LookTerms) -> tuple[View, ...]:
    """A part of the film as it is and mirrored, at each width.

    The network has no preferred side, its mistakes do; films from archives are often stretched to squares.
    """
    return tuple(View(region, mirrored, stretch) for stretch in terms.stretches for mirrored in (False, True))


def closer(best: Look, film: Film, terms: LookTerms) -> Region | None:
    """The part of the film around a small chain, in film pixels, or None when a closer look would show no more."""
    if best.named is None or len(best.named.levels) < terms.fewest:
        return None
    unit = best.named.chain.unit(len(best.named.levels) // 2)
    points = best.frame.to_film(
        np.concatenate([best.named.chain.points + unit / 2, best.named.chain.points - unit / 2])
    )
    low, high = points.min(0), points.max(0)
    length = float(high[1] - low[1])
    if length * (1 + 2 * terms.margin) > terms.closer * max(film.shape):
        return None
    border = terms.margin * length * np.array([terms.margin_x, 1.0])
    x1, y1 = np.maximum(low - border, 0).astype(int)
    x2, y2 = np.minimum(high + border, film.shape[::-1]).astype(int)
    return (int(x1), int(y1), int(x2), int(y2))


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
