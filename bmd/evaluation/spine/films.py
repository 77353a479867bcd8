"""Simulated films made harder - in part, stretched, without sacrum, small, tilted, faint - and what is seen on them.

The localiser runs once per film and region; its maps are kept on disk, so that decoding with other terms is cheap.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.inference.engine import Engine
from bmd.inference.spine.chain import Chain, join
from bmd.inference.spine.decode import Decoded, finish
from bmd.inference.spine.localise import Film, Look, every_way, on_film
from bmd.inference.spine.looks import LOCALISER, Frame, Region, View, frame_of, look, whole
from bmd.inference.spine.maps import S1, Maps
from bmd.inference.spine.naming import Named, name
from bmd.inference.spine.propose import Proposals, propose
from bmd.inference.spine.terms import Terms
from bmd.reference import LEVELS
from bmd.simulator.shards.film import read_shards
from bmd.training.augment import draw_display, draw_printed

KINDS = ("whole", "part", "stretched", "no sacrum", "small", "tilted", "faint", "all at once")
"""How films are shown; "no sacrum" is cut at the lower end of L5, "faint" has little contrast and much noise."""
AGAIN = 1_000_000
"""Added to the seed of a film that is shown a second time."""
SHARE = 0.6
"""Of the levels' maps that falsified ones give to a neighbouring level: real failures shift whole chains."""
PRINTED = 3.0
"""How much oftener something is printed on a disturbed film than on one of a training."""
NEAREST = cv2.INTER_NEAREST
NEAR = 0.05
"""A region whose edges move by less than this share of the film is not looked at anew."""


@dataclass(frozen=True, eq=False)
class Case:
    """One film with its truth."""

    kind: str  # one of KINDS
    pixels: Film
    labels: NDArray[np.uint8]  # (H, W): 0 background, 1-9 LEVELS
    centres: dict[str, NDArray[np.float64]]  # (2,) of the bodies T10-L5 that lie completely in the picture, pixels
    shift: int = 0  # by how many levels the localiser's maps are falsified
    metal: NDArray[np.bool_] | None = None  # (H, W) silhouettes of implants, where the shards tell


def read_cases(folder: str, count: int | None = None) -> list[Case]:
    """Films of a folder of shards, each three times: in one of the ``KINDS`` in turn, the same misnamed, all at once.

    Raises
    ------
    InputError
        The folder holds no films.
    """
    shards = read_shards(folder, count)
    rows = list(zip(*(shards[key] for key in ("image", "labels", "corners", "visible")), strict=True))
    once = [shown(KINDS[k % len(KINDS)], k, *row) for k, row in enumerate(rows)]
    wrong = [replace(case, kind="misnamed", shift=(-1, 1)[k // len(KINDS) % 2]) for k, case in enumerate(once)]
    return once + wrong + [shown(KINDS[-1], AGAIN + k, *row) for k, row in enumerate(rows)]


def read_disturbed(folder: str, count: int | None = None) -> list[Case]:
    """Films of a folder of shards, each once: in one of the ``KINDS``, printed on and processed as files are.

    Kinds take turns by two, so that even and odd films have each alike. Grids, seams, letters and the like are drawn
    ``PRINTED`` times as often as in training.

    Raises
    ------
    InputError
        The folder holds no films.
    """
    shards = read_shards(folder, count)
    metal = shards.get("metal", np.zeros_like(shards["labels"]))
    rows = zip(*(shards[key] for key in ("image", "labels", "corners", "visible")), metal, strict=True)
    return [disturbed(shown(KINDS[k // 2 % len(KINDS)], k, *row), k) for k, row in enumerate(rows)]


def disturbed(case: Case, seed: int) -> Case:
    """The same film with nuisances that leave everything in its place."""
    rng = np.random.default_rng((seed, 1))
    return replace(case, pixels=draw_display(draw_printed(case.pixels, rng, PRINTED), rng))


def shown(
    kind: str,
    seed: int,
    image: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    corners: NDArray[Any],
    visible: Any,
    metal: NDArray[np.uint8] | None = None,
) -> Case:
    """A simulated square as a film of one kind."""
    rng = np.random.default_rng(seed)
    chance = {each: kind == each or (kind == "all at once" and rng.random() < 0.5) for each in KINDS}
    x1, y1, x2, y2 = _content(image)
    if chance["no sacrum"] and visible[LEVELS.index("L5")]:
        y2 = min(y2, round(float(corners[LEVELS.index("L5"), :, 1].max())))
    if chance["part"]:
        (x1, x2), (y1, y2) = _part(x1, x2, rng), _part(y1, y2, rng)
    size = np.array([x2 - x1, y2 - y1])
    scale = np.exp(rng.uniform(-0.5, 0.5, 2)) if chance["stretched"] else np.ones(2)
    margin = rng.uniform(0.3, 0.6) if chance["small"] else 0.0
    angle = np.radians(rng.uniform(8, 20) * rng.choice((-1, 1))) if chance["tilted"] else 0.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale[:, None]
    shape = np.ceil(size * scale * (1 + margin)).astype(int)
    matrix = np.column_stack([turn, (shape - 1) / 2 - turn @ (np.array([x1 + x2, y1 + y2]) - 1) / 2])
    film = cv2.warpAffine(_only(image, x1, y1, x2, y2), matrix, shape.tolist()).astype(np.float32) / 255
    seen, covered = (
        None if truth is None else cv2.warpAffine(_only(truth, x1, y1, x2, y2), matrix, shape.tolist(), flags=NEAREST)
        for truth in (labels, metal)
    )
    points = corners.astype(float) @ turn.T + matrix[:, 2]
    inside = ((points >= 0) & (points < shape)).all((1, 2)) & np.asarray(visible, bool)
    inside &= ((corners >= [x1, y1]) & (corners < [x2, y2])).all((1, 2))
    centres = {level: points[k].mean(0) for k, level in enumerate(LEVELS[:-1]) if inside[k]}
    film = _faint(film, rng) if chance["faint"] else film
    return Case(kind, film, np.asarray(seen), centres, metal=None if covered is None else covered > 0)


def _content(image: NDArray[np.uint8]) -> Region:
    """The part of a square that is no letterbox."""
    rows, columns = np.nonzero(image.any(1))[0], np.nonzero(image.any(0))[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _only(picture: NDArray[np.uint8], x1: int, y1: int, x2: int, y2: int) -> NDArray[np.uint8]:
    """A picture with nothing outside a region."""
    kept = np.zeros_like(picture)
    kept[y1:y2, x1:x2] = picture[y1:y2, x1:x2]
    return kept


def _faint(film: Film, rng: np.random.Generator) -> Film:
    """A film with 10 to 30 % of its local contrast, and noise."""
    wide = cv2.GaussianBlur(film, (0, 0), max(film.shape) / 40)
    faint = wide + rng.uniform(0.1, 0.3) * (film - wide) + rng.normal(0, 0.03, film.shape) * (film > 0)
    clipped: Film = np.clip(faint, 0, 1).astype(np.float32)
    return clipped


def _part(low: int, high: int, rng: np.random.Generator) -> tuple[int, int]:
    """A random stretch of at least half."""
    length = round((high - low) * rng.uniform(0.5, 0.9))
    start = low + int(rng.integers(high - low - length + 1))
    return start, start + length


def misnamed(maps: Maps, shift: int) -> Maps:
    """Maps that take each body T10-L5 mostly for its neighbour, ``shift`` levels lower; the sacrum stays."""
    masks, centres = maps.masks.copy(), maps.centres.copy()
    for stack, first in ((masks, 1), (centres, 0)):
        levels = stack[first : first + S1]
        moved = np.roll(levels, shift, axis=0)
        end = -1 if shift > 0 else 0  # the last level has no neighbour and keeps its name
        moved[end] += moved[0 if shift > 0 else -1]
        moved[0 if shift > 0 else -1] = 0
        stack[first : first + S1] = (1 - SHARE) * levels + SHARE * moved
    return replace(maps, masks=masks, centres=centres)


@dataclass
class Reader:
    """Looks at films with any terms, running the localiser only where it has not looked before.

    Attributes
    ----------
    engine : Engine
        Runs the localiser.
    folder : Path
        Where maps are kept.
    base : Terms
        Terms whose intermediate results are kept in memory.
    """

    engine: Engine
    folder: Path
    base: Terms
    kept: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    seen: dict[tuple[int, tuple[float, ...]], list[Region]] = field(default_factory=dict)

    def look(self, case: Case, region: Region, terms: Terms) -> Look:
        """What ``localise`` would see of a region of a film."""
        film = case.pixels
        views = every_way(self._near(id(film), film, region, terms), terms.look)
        stored = Stored(self._stored(film, views), frame_of(views[0]), film, case.shift)
        return KeptLook(stored.frame, self._named(stored, 0, terms), self, stored, len(views))

    def _near(self, number: int, film: Film, region: Region, terms: Terms) -> Region:
        known = self.seen.setdefault((number, terms.look.stretches), [])
        reach = NEAR * max(film.shape) if region != whole(film) else 0
        for other in known:
            if np.abs(np.subtract(other, region)).max() <= reach and (other == whole(film)) == (region == whole(film)):
                return other
        known.append(region)
        return region

    def _stored(self, film: Film, views: tuple[View, ...]) -> Path:
        about = json.dumps([str(views), self.engine.metadata(LOCALISER), self.engine.device], sort_keys=True)
        path = self.folder / f"{hashlib.sha1(film.tobytes() + about.encode()).hexdigest()}.npz"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            maps, _ = look(film, views, self.engine)
            rows = enumerate((maps, *maps.parts))
            names = ("masks", "centres") if maps.metal is None else ("masks", "centres", "metal")
            arrays = {f"{key}{k}": getattr(part, key) for k, part in rows for key in names}
            part = path.with_suffix(".part.npz")
            np.savez(part, **{key: value.astype(np.float16) for key, value in arrays.items()})
            part.rename(path)
        return path

    def _named(self, stored: Stored, part: int, terms: Terms) -> Named | None:
        """The first three steps, none of them done again whose terms and whose predecessors' are the base's."""
        same = terms.propose == self.base.propose
        places: Proposals = self._once("propose", stored, part, same, lambda: propose(stored.maps(part), terms.propose))
        same = same and terms.chain == self.base.chain
        chain: Chain | None = self._once("chain", stored, part, same, lambda: join(places, terms.chain))
        same = same and terms.name == self.base.name
        if chain is None:
            return None
        named: Named = self._once("name", stored, part, same, lambda: name(chain, terms.name))
        return named

    def _once(self, step: str, stored: Stored, part: int, same: bool, make: Any) -> Any:
        if not same:
            return make()
        return self.once((step, stored.key, part), make)

    def once(self, key: tuple[Any, ...], make: Any) -> Any:
        """What was made for a key, made now if it never was."""
        if key not in self.kept:
            self.kept[key] = make()
        return self.kept[key]


@dataclass(frozen=True, eq=False)
class Stored:
    """Maps of one look on disk: number 0 is the mean of the views, then each of them."""

    path: Path
    frame: Frame
    film: Film
    shift: int

    @property
    def key(self) -> tuple[str, int]:
        """What tells them apart."""
        return self.path.name, self.shift

    def maps(self, number: int) -> Maps:
        """One of the maps, read when it is asked for."""
        with np.load(self.path) as file:
            masks, centres = (file[f"{key}{number}"].astype(np.float32) for key in ("masks", "centres"))
            metal = file[f"metal{number}"].astype(np.float32) if f"metal{number}" in file else None
        maps = Maps(masks, centres, self.frame.size, self.frame.content, metal=metal)
        maps = on_film(maps, self.frame, self.film)
        return misnamed(maps, self.shift) if self.shift else maps


@dataclass(frozen=True, eq=False)
class KeptLook:
    """A look whose maps lie on disk; the same bodies are outlined only once."""

    frame: Frame
    named: Named | None
    reader: Reader
    stored: Stored
    views: int

    def parts(self, terms: Terms) -> Iterator[Named | None]:
        """See ``Look``."""
        return (self.reader._named(self.stored, k + 1, terms) for k in range(self.views))

    def decoded(self, terms: Terms) -> Decoded:
        """See ``Look``."""
        if self.named is None:
            return Decoded()
        named, points = self.named, self.named.chain.points.round(2).tobytes()
        sacrum = None if named.sacrum_xy is None else tuple(named.sacrum_xy)
        key = (self.stored.key, points, named.levels, terms.outline, named.facing > 0, named.scores, sacrum)
        made: Decoded = self.reader.once(key, lambda: finish(named, self.stored.maps(0), terms))
        return replace(made, certain=named.certain, posterior=named.posterior, sacrum=named.sacrum)
