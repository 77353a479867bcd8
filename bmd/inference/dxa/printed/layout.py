"""Words on a page as lines: turned straight, gathered by height, regions and headings recognised by their letters."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bmd.printed import Side, Word

MINUS = str.maketrans(dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\u2014\u2015\u4e00\uff0d\u00ad_~", "-"))
"""Signs that stand for a minus, or are read for one (the Chinese numeral one is a long dash)."""
SAME_LINE = 0.55
"""Distance of middles, in heights of a word, up to which two words stand on one line."""
CLOSE = 1.6
"""Gap, in heights, up to which words may belong to one name or heading."""

LEVEL = re.compile(r"l([1-5])")
LEVELS = re.compile(r"l([1-5])-l?([1-5])")
_SIDES: dict[str, Side] = {
    "left": "left",
    "l": "left",
    "links": "left",
    "li": "left",
    "right": "right",
    "r": "right",
    "rechts": "right",
    "re": "right",
    "mean": "mean",
    "mittel": "mean",
}
_SIDE = "|".join(sorted(_SIDES, key=len, reverse=True))
NECK = re.compile(rf"({_SIDE})?(?:femoral|fem|femur)?(?:neck|hals|schenkelhals|col|cuello)({_SIDE})?")
TOTAL_HIP = re.compile(rf"({_SIDE})?(?:totalhip|hiptotal|totalfemur|femurtotal)({_SIDE})?")
TOTAL = re.compile(rf"(?:total|gesamt|totale)({_SIDE})?")
HIP_PART = re.compile(
    rf"({_SIDE})?(?:troch|trochanter|inter|ward'?s?|ward'?s?triangle|shaft|upperneck|lowerneck)({_SIDE})?"
)

HEADINGS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("t_score", re.compile(r"t-?(?:score|wert|werte)|scoret|t-sc")),
    ("z_score", re.compile(r"z-?(?:score|wert|werte)|scorez|z-sc")),
    ("area_cm2", re.compile(r"(?:est\.?)?(?:area|fl[aä]che|surface|superficie|[aá]rea)(?:\(?cm.?\)?)?")),
    ("bmc_g", re.compile(r"(?:est\.?)?(?:bmc|cmo)(?:\(?g\)?)?")),
    ("bmd_g_cm2", re.compile(r"(?:bmd|kmd|dmo|bmdi?)(?:\(?g/?cm.?\)?)?")),
    ("t", re.compile(r"t-?")),
    ("z", re.compile(r"z-?")),
    ("score", re.compile(r"score|wert")),
    (
        "percent",
        re.compile(r"pr(?:\(?%\)?)?|am(?:\(?%\)?)?|\(?%\)?|ya(?:\(?%\)?)|young-?adult\(?%\)?|age-?matched\(?%\)?"),
    ),
)


@dataclass(frozen=True)
class Item:
    """A word in coordinates of the page turned straight."""

    word: Word
    x1: float
    x2: float
    y: float
    height: float

    @property
    def x(self) -> float:
        """Its middle."""
        return (self.x1 + self.x2) / 2


@dataclass(frozen=True)
class Name:
    """Some words of a line that together name something; ``kind`` is a region or a heading."""

    kind: str
    side: Side | None
    items: tuple[Item, ...]

    @property
    def x1(self) -> float:
        """Left end."""
        return self.items[0].x1

    @property
    def x2(self) -> float:
        """Right end."""
        return max(item.x2 for item in self.items)

    @property
    def y(self) -> float:
        """Height on the page."""
        return float(np.mean([item.y for item in self.items]))

    @property
    def sure(self) -> float:
        """Least probability of its letters."""
        return min(item.word.sure for item in self.items)


def lines(words: Sequence[Word], slope: float) -> list[list[Item]]:
    """The words line by line from the top, each from the left; ``slope`` is that of the lines (pixels per pixel)."""
    items = [_item(word, slope) for word in words]
    found: list[list[Item]] = []
    for item in sorted(items, key=lambda item: item.y):
        for line in reversed(found[-3:]):
            if abs(item.y - _middle(line)) <= SAME_LINE * max(_height(line), 1.0):
                line.append(item)
                break
        else:
            found.append([item])
    return [sorted(line, key=lambda item: item.x1) for line in found]


def _item(word: Word, slope: float) -> Item:
    x1, y1, x2, y2 = word.box_px
    turn = math.hypot(1, slope)
    middle = (x1 + x2) / 2
    shift = slope * (y1 + y2) / 2
    height = max((y2 - y1) - abs(slope) * (x2 - x1), 0.6 * (y2 - y1))
    return Item(word, (x1 + shift) / turn, (x2 + shift) / turn, ((y1 + y2) / 2 - slope * middle) / turn, height)


def _middle(line: Sequence[Item]) -> float:
    return float(np.median([item.y for item in line]))


def _height(line: Sequence[Item]) -> float:
    return float(np.median([item.height for item in line]))


def plain(text: str) -> str:
    """Letters of a name for comparing: small, without blanks, one kind of dash, no footnotes."""
    return text.lower().translate(MINUS).replace(" ", "").strip(".:;*|[]")


def names(line: Sequence[Item], longest: int, kind_of: type[Region] | type[Heading]) -> Iterator[Name]:
    """What a line names, from the left: each time the most words in a row that make a name."""
    start = 0
    while start < len(line):
        for count in range(min(longest, len(line) - start), 0, -1):
            items = tuple(line[start : start + count])
            gaps = [b.x1 - a.x2 for a, b in pairwise(items)]
            if any(gap > CLOSE * items[0].height for gap in gaps):
                continue
            known = kind_of.of(plain("".join(item.word.text for item in items)))
            if known is not None:
                yield Name(*known, items)
                start += count - 1
                break
        start += 1


class Region:
    """Names of rows."""

    @staticmethod
    def of(text: str) -> tuple[str, Side | None] | None:
        """Region and side of a row's name; "total" and "part" (of a hip) are told by the rows around them."""
        if found := LEVEL.fullmatch(text):
            return f"L{found[1]}", None
        if (found := LEVELS.fullmatch(text)) and found[1] < found[2]:
            return f"L{found[1]}-L{found[2]}", None
        for kind, pattern in (("neck", NECK), ("total_hip", TOTAL_HIP), ("total", TOTAL), ("part", HIP_PART)):
            if found := pattern.fullmatch(text):
                sides = [side for side in found.groups() if side]
                return (kind, _SIDES[sides[0]] if sides else None) if len(sides) < 2 else None
        return None


class Heading:
    """Names of columns."""

    @staticmethod
    def of(text: str) -> tuple[str, None] | None:
        """Which column a heading names: one of ``printed.COLUMNS``, "percent", or half of a heading in two lines."""
        return next(((kind, None) for kind, pattern in HEADINGS if pattern.fullmatch(text)), None)
