"""Does the same film give the same answer? ``python -m bmd evaluate robustness FOLDER [--perturbation NAME]``.

Each film goes through everything that ``predict`` does, as it is and after each change of ``perturbations``; the two
answers are compared. Without a folder simulated films are taken. Measuring only: nothing is fitted or chosen here.
"""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd import modality
from bmd.errors import InputError, OptionError
from bmd.evaluation.film.overlays import overlays
from bmd.evaluation.film.perturbations import PERTURBATIONS, SIZES, Changed
from bmd.evaluation.record import record, with_interval
from bmd.evaluation.tables import markdown
from bmd.metrics import bootstrap
from bmd.models._metadata import measurement
from bmd.models._registry import WEIGHTS, default
from bmd.reference import LUMBAR
from bmd.types import Report, Study, Vertebra

log = logging.getLogger(__name__)

Chain: TypeAlias = Callable[[Study, str], tuple[Study, Report]]
"""A study as read from a file, and its name, to the study as what it shows and its report."""

KNOWN = {**PERTURBATIONS, **SIZES}
FOUND_AGAIN = 0.5
"""A body is found again where the nearest centre lies within this share of the spacing of the original's bodies."""
DRAWS = 500
"""Of a bootstrap."""
SHIFT_BAR, T_MEAN_BAR, T_MOST_BAR = 0.05, 0.15, 0.4
"""The bars: centres in units of the spacing, mean and largest change of the patient's T."""


@dataclass(frozen=True)
class Change:
    """What one perturbation changed in the answer on one film.

    Attributes
    ----------
    verdict, chain : bool
        Analysed or refused as before; taken for the same kind of picture (film, DXA image) as before.
    refused : bool
        Refused after the change.
    bodies, again, named : int
        Of L1-L5 on the original; of these found again; of these under the same name. Zero where either is refused.
    shifts : tuple of float
        How far the centres moved of those found again, in units of the spacing.
    t : float or None
        By how much the patient's T changed; None where one of the two answers has none.
    t_gone : bool
        There was a T and there is none now.
    certain_other : bool
        The names are given as certain, and some name differs from that on the original.
    """

    film: str
    perturbation: str
    verdict: bool
    chain: bool
    refused: bool
    bodies: int = 0
    again: int = 0
    named: int = 0
    shifts: tuple[float, ...] = ()
    t: float | None = None
    t_gone: bool = False
    certain_other: bool = False

    @property
    def same(self) -> bool:
        """Whether verdict, kind of picture and all names are as before."""
        return self.verdict and self.chain and self.named == self.bodies


def compare(film: str, perturbation: str, first: Report, second: Report, changed: Changed) -> Change:
    """Set the answer on a changed film beside that on the original.

    Parameters
    ----------
    film, perturbation : str
        Their names.
    first, second : Report
        Of the original and of the changed film.
    changed : Changed
        Its ``to_original`` brings points of the second report back.
    """
    verdict = first.suitability.suitable == second.suitability.suitable
    chain = first.modality == second.modality
    plain = Change(film, perturbation, verdict, chain, not second.suitability.suitable)
    if not (chain and first.suitability.suitable and second.suitability.suitable):
        return plain
    before = [(v.level, centre(v)) for v in first.vertebrae]
    after = [(v.level, changed.to_original(centre(v)[None])[0]) for v in second.vertebrae]
    unit = _spacing([at for _, at in before])
    bodies = again = named = 0
    other, shifts = False, []
    for level, at in before:
        name, distance = _nearest(at, after, unit)
        found = distance <= FOUND_AGAIN
        other |= found and name != level
        if level in LUMBAR:
            bodies, again, named = bodies + 1, again + found, named + (found and name == level)
        if found:
            shifts.append(round(distance, 4))
    t, gone = _t_change(first, second)
    sure = bool(other and second.levels_certain)
    counted = replace(plain, bodies=bodies, again=again, named=named)
    return replace(counted, shifts=tuple(shifts), t=t, t_gone=gone, certain_other=sure)


def centre(vertebra: Vertebra) -> NDArray[np.float64]:
    """Centroid (x, y) of the outlined area; that of its points where it has none."""
    outline = np.asarray(vertebra.contour_px, np.float32)
    moments = cv2.moments(outline.reshape(-1, 1, 2))
    if moments["m00"] <= 0:
        return np.asarray(outline.mean(0), np.float64)
    return np.array([moments["m10"], moments["m01"]], np.float64) / float(moments["m00"])


def _spacing(centres: Sequence[NDArray[np.float64]]) -> float:
    """Median distance of neighbouring centres; infinite where there are not two, so that nothing is found again."""
    steps = [float(np.linalg.norm(b - a)) for a, b in pairwise(centres)]
    return float(np.median(steps)) if steps else float("inf")


def _nearest(
    at: NDArray[np.float64], bodies: Sequence[tuple[str | None, NDArray[np.float64]]], unit: float
) -> tuple[str | None, float]:
    """Name of the body whose centre lies nearest, and how far in units of the spacing; infinitely far where none is."""
    if not bodies or not np.isfinite(unit):
        return None, float("inf")
    distances = [float(np.linalg.norm(other - at)) / unit for _, other in bodies]
    nearest = int(np.argmin(distances))
    return bodies[nearest][0], distances[nearest]


def _t_change(first: Report, second: Report) -> tuple[float | None, bool]:
    before = first.prediction.t_score if first.prediction is not None else None
    after = second.prediction.t_score if second.prediction is not None else None
    if before is None or after is None:
        return None, before is not None
    return round(after - before, 3), False


# --- running -----------------------------------------------------------------------------------------------------
def as_uploaded(study: Study, name: str) -> tuple[Study, Report]:
    """The whole chain that ``predict`` runs on a picture of unknown kind."""
    shown = modality.adopted(study)
    return shown, modality.analyse(shown, name)


def films_of(folders: Sequence[Path]) -> Iterator[tuple[str, Study]]:
    """The pictures in folders, by name; what cannot be read is left out and said in the log."""
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        assert modality.FILM.read is not None, "films have files"
        try:
            yield path.name, modality.FILM.read([path])
        except InputError as error:
            log.warning("%s: %s", path.name, error)


def simulated_films(seeds: Iterable[int], size: int = 768) -> Iterator[tuple[str, Study]]:
    """Simulated lateral films, by seed, of so many rows and without anything a header would say."""
    from bmd.simulator.case import simulate_film

    for seed in seeds:
        study = simulate_film(seed, size).study
        yield f"simulated {seed}", replace(study, images=(replace(study.images[0], view=None),))


def changes(
    films: Iterable[tuple[str, Study]],
    names: Sequence[str] = tuple(PERTURBATIONS),
    chain: Chain = as_uploaded,
    pictures: Path | None = None,
) -> Iterator[Change]:
    """Analyse each film as it is and after each perturbation.

    Parameters
    ----------
    films : iterable of (str, Study)
        As read, before anyone has said what they show.
    names : sequence of str
        Keys of ``PERTURBATIONS``.
    chain : callable
        What analyses a study.
    pictures : Path, optional
        Folder for a picture of both answers wherever they are not the same (``Change.same``).
    """
    for film, study in films:
        image = study.images[0]
        before, first = chain(study, film)
        for name in names:
            chance = np.random.default_rng(zlib.crc32(f"{name} {film}".encode()))
            pixels = np.clip(np.asarray(image.pixels, np.float32), 0, 1)
            changed = KNOWN[name](pixels, chance)
            altered = replace(study, images=(replace(image, pixels=changed.pixels), *study.images[1:]))
            after, second = chain(altered, f"{film} {name}")
            change = compare(film, name, first, second, changed)
            log.info("%s", change)
            if pictures is not None and not change.same:
                pictures.mkdir(parents=True, exist_ok=True)
                overlays([(before, first), (after, second)], columns=2, side=640).save(
                    pictures / f"{Path(film).stem}_{name}.png"
                )
            yield change


def summary(found: Sequence[Change]) -> dict[str, dict[str, Any]]:
    """Per perturbation, and over all of them ("all"), what stayed the same.

    Returns
    -------
    dict
        ``films``; the shares of films with the same ``verdict``, ``chain`` and ``names`` (all of L1-L5 found again
        under their names; of films analysed both times); ``lost`` (bodies L1-L5 not found again) and ``renamed``
        (found under another name), of ``bodies``; ``certain_other`` (films); ``shift_median``, ``shift_95`` (percent)
        and ``shift_max`` of all bodies found again; ``t_mean``, ``t_max`` (absolute) of ``t_films`` films with a T both
        times; ``t_gone``, ``refused`` (films); ``within``: whether all bars are kept. None where nothing was measured.
    """
    names = dict.fromkeys(change.perturbation for change in found)
    rows = {name: _row([change for change in found if change.perturbation == name]) for name in names}
    return rows | ({"all": _row(found)} if len(names) > 1 else {})


def _row(found: Sequence[Change]) -> dict[str, Any]:
    both = [change for change in found if change.bodies]
    shifts = [shift for change in found for shift in change.shifts]
    t = [abs(change.t) for change in found if change.t is not None]
    row = {
        "films": len(found),
        "verdict": _mean([change.verdict for change in found]),
        "chain": _mean([change.chain for change in found]),
        "names": _mean([change.named == change.bodies for change in both]),
        "bodies": sum(change.bodies for change in found),
        "lost": sum(change.bodies - change.again for change in found),
        "renamed": sum(change.again - change.named for change in found),
        "certain_other": sum(change.certain_other for change in found),
        "shift_median": round(float(np.median(shifts)), 3) if shifts else None,
        "shift_95": round(float(np.percentile(shifts, 95)), 3) if shifts else None,
        "shift_max": round(max(shifts), 3) if shifts else None,
        "t_films": len(t),
        "t_mean": _mean(t),
        "t_max": round(max(t), 2) if t else None,
        "t_gone": sum(change.t_gone for change in found),
        "refused": sum(change.refused for change in found),
    }
    kept = all(change.same for change in found) and (not shifts or max(shifts) <= SHIFT_BAR)
    return row | {"within": bool(kept and (not t or (np.mean(t) <= T_MEAN_BAR and max(t) <= T_MOST_BAR)))}


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 3) if len(values) else None


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The summary as a Markdown table."""
    columns = list(next(iter(rows.values()), {}))
    cells = [["perturbation", *(column.replace("_", " ") for column in columns)]]
    cells += [[name, *(_cell(row[column]) for column in columns)] for name, row in rows.items()]
    return markdown(cells)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:g}"


def as_objects(found: Iterable[Change]) -> list[dict[str, Any]]:
    """The changes as plain JSON types."""
    return [asdict(change) | {"shifts": list(change.shifts)} for change in found]


def entry(found: Sequence[Change], cohort: str) -> dict[str, Any]:
    """All changes together as a measurement: what stayed the same, of how many, with intervals over films."""
    films, values = np.array([change.film for change in found]), dict[str, float]()
    both = np.array([change.bodies > 0 for change in found])
    shares = {"same_verdict": ([c.verdict for c in found], films)}
    shares["same_names"] = ([c.named == c.bodies for c in found if c.bodies], films[both])
    for name, (kept, of) in shares.items():
        with_interval(values, name, bootstrap(lambda x: float(np.mean(x)), kept, patients=of, count=DRAWS))
        values[f"{name}_of"] = len(kept)
    values |= {"certain_other": sum(c.certain_other for c in found) / len(found), "certain_other_of": len(found)}
    moved = [abs(c.t) for c in found if c.t is not None]
    values |= {"t_moved": round(float(np.mean(moved)), 3), "t_moved_most": max(moved)} if moved else {}
    count = len(np.unique(films))
    return measurement(cohort, count, "films", "real", values | {"changes": len(found) / count})


def evaluate_robustness(
    folders: Sequence[Path],
    seeds: Iterable[int] = range(20),
    names: Sequence[str] = (),
    out: Path | None = None,
    pictures: Path | None = None,
    chain: Chain = as_uploaded,
    cohort: str | None = None,
) -> str:
    """Measure on the films of folders, or without any on simulated films, and write down what was found.

    Parameters
    ----------
    folders : sequence of Path
        Searched with all they hold; what cannot be read as a picture is left out.
    seeds : iterable of int
        Of the simulated films.
    names : sequence of str
        Keys of ``PERTURBATIONS``; all of them by default.
    out : Path, optional
        Folder for changes.json (one object per film and perturbation) and robustness.md (the table).
    pictures : Path, optional
        See ``changes``.
    chain : callable
        What analyses a study.
    cohort : str, optional
        Code of real films; the figures are put under it into the localiser's metadata.

    Returns
    -------
    str
        The table (``summary``) in Markdown.

    Raises
    ------
    OptionError
        An unknown perturbation.
    InputError
        "network.no_real_films": a folder is none, or no picture in them can be read.
    """
    unknown = tuple(name for name in names if name not in KNOWN)
    if unknown:
        raise OptionError("network.perturbation", asked=unknown, known=tuple(KNOWN))
    for folder in folders:
        if not folder.is_dir():
            raise InputError("network.no_real_films", folder=str(folder))
    films = films_of(folders) if folders else simulated_films(seeds)
    found = list(changes(films, names or tuple(PERTURBATIONS), chain, pictures))
    if not found:
        raise InputError("network.no_real_films", folder=", ".join(str(folder) for folder in folders))
    shown = table(summary(found))
    if cohort is not None and folders:
        record(WEIGHTS / default("localiser"), [entry(found, cohort)])
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "changes.json").write_text(json.dumps(as_objects(found), indent=1) + "\n", encoding="utf-8")
        (out / "robustness.md").write_text(shown + "\n", encoding="utf-8")
    return shown
