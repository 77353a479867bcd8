"""How often a body on a film is said to be low, by the grade that the simulator gave it; and heights on real films.

Run ``python -m bmd evaluate film-fractures --count N --seed S``, or with ``--annotations FILE`` on annotated films.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.evaluation.film.annotated import predict
from bmd.evaluation.film.annotations import Film, read_annotations
from bmd.inference.engine import Engine
from bmd.inference.film.found import of_maps
from bmd.inference.film.fracture import LOSS, Low, judged
from bmd.inference.run import Networks
from bmd.inference.spine.localise import localise
from bmd.reference import DENSITY_LEVELS, LEVELS
from bmd.simulator.case import simulate_film
from bmd.truth import Truth
from bmd.types import Report, Vertebra

HEIGHT_PX = 640
NEAR = 0.4
"""A found body is the true one whose centre lies within this share of the true body's height."""
GRADES = ("none", "mild", "moderate", "severe")

Row = tuple[int, bool, bool]
"""Of one true body: its grade, whether it was judged, whether it was said to be low."""


def evaluate_film_fractures(count: int = 160, seed: int = 940_000, engine: Engine | None = None) -> dict[str, Any]:
    """Simulate films, every other one of a person with a fracture somewhere, and count what is said of L1-L4.

    Parameters
    ----------
    count : int
        Films, at least 1.
    seed : int
        Of the first.
    engine : Engine, optional
        Runs the localiser.

    Returns
    -------
    dict
        ``films``; for each grade (Genant) ``bodies`` of L1-L4 whole in the picture, ``judged`` (names certain, outline
        clear, both neighbours whole) and ``said``; ``sound_films`` (no fracture at all) and ``false_films`` (of these,
        with a body said to be low).
    """
    networks = Networks(engine, {})
    rows: list[list[Row]] = []
    for k in range(count):
        case = simulate_film(seed + k, HEIGHT_PX, finding="fracture" if k % 2 else None)
        film = np.clip(np.asarray(case.study.images[0].pixels, np.float32), 0, 1)
        found = of_maps(localise(film, networks.engine, networks.name("localiser")))
        seen = judged(found.vertebrae, found.unmeasured) if found.certain else ()
        rows.append(matched(found.vertebrae, seen, case.truth))
    sound = [film for film in rows if not any(grade for grade, _, _ in film)]
    false = sum(any(said for _, _, said in film) for film in sound)
    return {"films": count, **summed(rows), "sound_films": len(sound), "false_films": false}


def matched(vertebrae: tuple[Vertebra, ...], seen: tuple[Low, ...], truth: Truth) -> list[Row]:
    """A row for each of L1-L4 that is whole in the picture; bodies are matched by place, not by name."""
    rows = []
    said = {low.level: low.said for low in seen}
    for level in DENSITY_LEVELS:
        k = LEVELS.index(level)
        if not truth.visible[k]:
            continue
        corners = np.asarray(truth.corners_px[k], float)
        reach = NEAR * float(np.linalg.norm(corners[0] - corners[3]))
        names = [v.level for v in vertebrae if v.corners_px is not None and _away(v, corners) < reach]
        name = next((one for one in names if one in said), None)
        rows.append((int(truth.fracture_grade[k]), name is not None, name is not None and said[name]))
    return rows


def _away(vertebra: Vertebra, corners: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(np.mean(np.asarray(vertebra.corners_px, float), 0) - corners.mean(0)))


def summed(films: list[list[Row]]) -> dict[str, dict[str, int]]:
    """Counts by grade; see `evaluate_film_fractures`."""
    out = {}
    for grade, name in enumerate(GRADES):
        these = [row for film in films for row in film if row[0] == grade]
        counts = {"judged": sum(row[1] for row in these), "said": sum(row[2] for row in these)}
        out[name] = {"bodies": len(these), **counts}
    return out


def compare_annotated(annotations: Path, engine: Engine | None = None) -> dict[str, Any]:
    """Loss of height against the neighbours on annotated films: from our outlines and from the true corners.

    Parameters
    ----------
    annotations : Path
        See ``annotations.read_annotations``. Measuring only: nothing is set by these films.
    engine : Engine, optional
        Runs the networks.

    Returns
    -------
    dict
        ``films, judged`` (bodies of L1-L4), ``said``, ``low_by_corners`` (bodies judged whose corners show a loss of at
        least ``LOSS``), ``said_and_low_by_corners``, and of the greater loss of each body ``shift`` (ours less that of
        the corners, mean), ``spread`` (its SD) and ``r``.
    """
    films = {film.path.name: film for film in read_annotations(annotations)}
    pairs = []
    for _, report in predict([film.path for film in films.values()], engine):
        pairs += _pairs(report, films[Path(report.file).name])
    ours, true = (np.array([pair[k] for pair in pairs], float) for k in (0, 1))
    said = np.array([pair[2] for pair in pairs], bool)
    return {
        "films": len(films),
        "judged": len(pairs),
        "said": int(said.sum()),
        "low_by_corners": int((true >= LOSS).sum()),
        "said_and_low_by_corners": int((said & (true >= LOSS)).sum()),
        "shift": round(float((ours - true).mean()), 3) if pairs else None,
        "spread": round(float((ours - true).std()), 3) if pairs else None,
        "r": round(float(np.corrcoef(ours, true)[0, 1]), 3) if len(pairs) > 2 else None,
    }


def _pairs(report: Report, film: Film) -> list[tuple[float, float, bool]]:
    """Greater loss by our outlines and by the corners, and whether it was said, of every body judged on one film."""
    if not report.suitability.suitable or not report.levels_certain:
        return []
    flawed = frozenset(str(v.level) for v in report.vertebrae if v.flaw is not None)
    cut = next((w.values["levels"] for w in report.warnings if w.code == "film.cut"), ())
    assert isinstance(cut, tuple)
    true = {low.level: low for low in judged(_true_bodies(report, film), frozenset())}
    found = []
    for low in judged(report.vertebrae, flawed | frozenset(str(level) for level in cut)):
        if low.level in true:
            other = true[low.level]
            found.append((max(low.front, low.middle), max(other.front, other.middle), low.said))
    return found


def _true_bodies(report: Report, film: Film) -> tuple[Vertebra, ...]:
    """The annotated bodies that we found, with the name that we gave them, so that the same are compared."""
    bodies = []
    for ours in report.vertebrae:
        if ours.corners_px is None or not film.quads:
            continue
        quad = min(film.quads.values(), key=lambda corners: _away(ours, corners))
        if _away(ours, quad) < NEAR * float(np.linalg.norm(quad[0] - quad[3])):
            corners = ordered(quad, np.asarray(ours.corners_px, float))
            bodies.append(Vertebra(ours.level, ours.box_px, corners, 1.0, corners))
    return tuple(bodies)


def ordered(quad: NDArray[np.float64], like: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners (4, 2) going round, begun and turned as ``like``, which goes from superior posterior to anterior."""
    ways = [np.roll(turn, step, 0) for turn in (quad, quad[::-1]) for step in range(4)]
    return min(ways, key=lambda way: float(np.linalg.norm(way - like)))
