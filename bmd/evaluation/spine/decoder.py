"""What each number of the spine decoder is worth, measured by switching it off; and a search for better ones.

Run ``python -m bmd evaluate decoder --data SHARDS``. Simulated films only: nothing here may see a patient's film.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.evaluation.spine.films import Case, Reader, read_cases, read_disturbed
from bmd.geometry import filled
from bmd.inference.engine import Engine, default_engine
from bmd.inference.spine.localise import Localised, settle
from bmd.inference.spine.terms import TERMS, About, Terms, table
from bmd.metrics import dice
from bmd.reference import LUMBAR, UNNAMED

log = logging.getLogger(__name__)

DRAWS = 1000
RADIUS = 0.4
"""A body is found where a predicted centre lies within this share of the mean distance of neighbouring centres."""
FIGURES = ("found", "named", "sure", "wrong", "dice")
"""Lumbar vertebrae found; found under their name; films with certain and right, and with certain and wrong names;
overlap of all bodies."""
WEIGHTS = {"found": 1.0, "named": 1.0, "sure": 0.25, "wrong": -2.0, "dice": 1.0}
STEPS = (0.67, 0.85, 1.18, 1.5)
"""What a term is multiplied by in the search."""
GAIN = 0.002
"""Least rise of the score for which a term is moved: half a vertebra in a hundred films is noise."""


COLUMNS = ("true", "found", "named", "sure", "wrong", "dice", "any")
"""What is counted on a film: lumbar vertebrae that are completely in the picture, those found, those found under their
name; 1 where names are called certain and are right, or although a vertebra has another one; overlap of all outlined
and all true bodies, 0 where there is none; 1 where there is a true body."""
WHOLE = {"found": "true", "named": "true", "dice": "any"}
"""What a figure is a share of; the others of all films."""


@dataclass(frozen=True, eq=False)
class Counts:
    """What was found on films: ``rows`` (n, 7), one a film, in the order of ``COLUMNS``."""

    rows: NDArray[np.float64]

    def figure(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What to add up over films and what to divide it by."""
        of = dict(zip(COLUMNS, self.rows.T, strict=True))
        return of[name], of[WHOLE[name]] if name in WHOLE else np.ones(len(self.rows))

    def part(self, films: slice | NDArray[np.int64]) -> Counts:
        """Only some of the films."""
        return Counts(self.rows[films])

    def score(self) -> float:
        """One number for the search; certain and wrong weighs most, certain and right least."""
        return sum(weight * _ratio(*self.figure(name)) for name, weight in WEIGHTS.items())


def judge(case: Case, found: Localised) -> tuple[float, ...]:
    """One film's row of `Counts`."""
    outlines = [v.contour_px for v in found.vertebrae]
    bodies = [(v.level, np.mean(np.asarray(v.corners_px), 0)) for v in found.vertebrae]
    hits = {level: names_at(xy, bodies, spacing(case)) for level, xy in case.centres.items()}
    lumbar = [hits[level] == level for level in LUMBAR if level in hits]
    seen = [hits[level] is not None for level in LUMBAR if level in hits]
    wrong = any(name not in (None, level) for level, name in hits.items()) or not case.centres
    area = np.zeros(case.labels.shape, bool)
    for line in outlines:
        area |= filled(np.asarray(line), case.labels.shape)
    area &= case.labels != UNNAMED
    true = (case.labels > 0) & (case.labels < 9)
    sure, wrong = found.decoded.certain and not wrong, found.decoded.certain and wrong
    overlap = dice(area, true) if true.any() else 0.0
    return len(lumbar), sum(seen), sum(lumbar), sure, wrong, overlap, bool(true.any())


def spacing(case: Case) -> float:
    """Mean distance of neighbouring true centres, pixels; infinite for fewer than two."""
    points = np.array(list(case.centres.values()))
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).mean()) if len(points) > 1 else np.inf


def names_at(xy: NDArray[np.float64], bodies: list[tuple[str | None, NDArray[Any]]], unit: float) -> str | None:
    """Name of the body nearest to a place, "" for one above T10, None where there is none."""
    near = sorted((float(np.linalg.norm(at - xy)), level or "") for level, at in bodies)
    return near[0][1] if near and near[0][0] < RADIUS * unit else None


def measure(cases: Sequence[Case], reader: Reader, terms: Terms) -> Counts:
    """Decode every film with some terms."""
    rows = []
    for case in cases:
        rows.append(judge(case, settle(case.pixels, partial(reader.look, case, terms=terms), terms)))
    return Counts(np.array(rows, float))


Change = dict[str, tuple[float, float, float]]
"""By figure: value and 95 % interval."""


def figures(counts: Counts) -> Change:
    """Each figure with its interval over films."""
    return {name: interval(*counts.figure(name)) for name in FIGURES}


def change(new: Counts, old: Counts) -> Change:
    """By how much each figure changes, the same films drawn for both."""
    return {name: interval(new.figure(name)[0] - old.figure(name)[0], old.figure(name)[1]) for name in FIGURES}


def interval(part: NDArray[np.float64], whole: NDArray[np.float64]) -> tuple[float, float, float]:
    """Ratio of two sums over films and its 95 % bootstrap interval: films drawn DRAWS times, by how often each is."""
    weight = np.random.default_rng(0).multinomial(len(part), np.full(len(part), 1 / len(part)), DRAWS)
    low, high = np.percentile((weight @ part) / np.maximum(weight @ whole, 1), (2.5, 97.5))
    return _ratio(part, whole), float(low), float(high)


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> float:
    return float(part.sum() / whole.sum()) if whole.sum() else 0.0


def ablate(
    cases: Sequence[Case], reader: Reader, terms: Terms, base: Counts, only: Sequence[str] = ()
) -> Iterator[tuple[About, Change]]:
    """Switch off one term after the other (or those named ``only``): what each costs."""
    for about in table(terms):
        if about.neutral is not None and about.neutral != about.value and (not only or about.path in only):
            yield about, change(measure(cases, reader, terms.altered(about.path, about.neutral)), base)


def refit(
    cases: Sequence[Case], reader: Reader, terms: Terms, only: Sequence[str] = ()
) -> Iterator[tuple[About, float, float]]:
    """One round of coordinate search over the numbers; yields each that was moved, its new value and the gain."""
    best = measure(cases, reader, terms).score()
    for about in table(terms):
        if not isinstance(about.value, float) or (only and about.path not in only):
            continue
        tried = {about.value * step: terms.altered(about.path, about.value * step) for step in STEPS}
        scores = {value: measure(cases, reader, altered).score() for value, altered in tried.items()}
        value = max(scores, key=scores.__getitem__)
        if scores[value] > best + GAIN:
            yield about, value, scores[value] - best
            terms, best = tried[value], scores[value]


def evaluate_decoder(
    data: str | Path,
    count: int | None = None,
    search: bool = False,
    only: Sequence[str] = (),
    nuisances: bool = False,
    maps: Path = Path("runs/maps"),
    engine: Engine | None = None,
    terms: Terms = TERMS,
) -> Iterator[str]:
    """Measure, ablate and with ``search`` refit the decoder on simulated films, line by line.

    Parameters
    ----------
    data : path
        Folder of shards with films that the localiser has not seen.
    count : int, optional
        Films at most.
    search : bool
        Also search better numbers on the even films and measure them on the odd ones.
    only : sequence of str
        Paths of terms; by default all.
    nuisances : bool
        Films with everything printed on them that films suffer, each shown once.
    maps : Path
        Where the localiser's maps are kept between runs.
    engine : Engine, optional
        Runs the localiser.
    terms : Terms
        The decoder's numbers.

    Raises
    ------
    InputError
        The folder holds no films.
    """
    cases = (read_disturbed if nuisances else read_cases)(str(data), count)
    reader = Reader(engine or default_engine(), maps, terms)
    base = measure(cases, reader, terms)
    yield f"{len(cases)} simulated films: {spoken(figures(base))}"
    yield from by_kind(cases, base)
    yield "Change when a term is switched off:"
    for about, cost in ablate(cases, reader, terms, base, only):
        yield f"{about.path} {about.value} -> {about.neutral}: {spoken(cost)}"
    if search:
        yield from _searched(cases, reader, terms, base, only)


def by_kind(cases: Sequence[Case], base: Counts) -> Iterator[str]:
    """The figures for each way in which films are shown."""
    kinds = np.array([case.kind for case in cases])
    for kind in dict.fromkeys(kinds.tolist()):
        rows = np.nonzero(kinds == kind)[0]
        yield f"{kind}, {len(rows)} films: {spoken(figures(base.part(rows)))}"


def _searched(cases: Sequence[Case], reader: Reader, terms: Terms, base: Counts, only: Sequence[str]) -> Iterator[str]:
    yield "Search on the even films:"
    found = terms
    for about, value, gain in refit(cases[::2], Reader(reader.engine, reader.folder, terms), terms, only):
        yield f"{about.path} {about.value:.4g} -> {value:.4g}: {gain:+.4f}"
        found = found.altered(about.path, value)
    odd = measure(cases[1::2], Reader(reader.engine, reader.folder, terms), found)
    yield f"Change on the odd films: {spoken(change(odd, base.part(slice(1, None, 2))))}"


def spoken(values: Change) -> str:
    """Figures as one line of text."""
    return ", ".join(f"{name} {mid:+.4f} ({low:+.4f} to {high:+.4f})" for name, (mid, low, high) in values.items())
