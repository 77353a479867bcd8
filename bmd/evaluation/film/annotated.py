"""Annotated real films: predictions, scores and a sheet of overlays to look at. Measuring only, never training.

Run ``python -m bmd evaluate films --annotations FILE`` (``--out FOLDER`` for predictions and one sheet of overlays,
``--pictures DIR`` for a picture of each film that fails). FILE may also be a folder that holds an annotations.json;
its forms are in `annotations`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw

from bmd.errors import InputError
from bmd.evaluation.film.annotations import Film, centre, read_annotations
from bmd.evaluation.film.overlays import overlays
from bmd.evaluation.record import record, with_interval
from bmd.inference.engine import Engine
from bmd.metrics import Boxes, average_precision, bootstrap
from bmd.metrics import dice as overlap
from bmd.models._metadata import measurement
from bmd.models._registry import WEIGHTS, default
from bmd.reference import LUMBAR
from bmd.types import Report, Study

log = logging.getLogger(__name__)

RADIUS = 0.4
"""A prediction hits a vertebra within this share of the mean vertical distance between neighbouring centres."""


def predict(
    paths: list[Path], engine: Engine | None = None, models: Mapping[str, str] | None = None
) -> list[tuple[Study, Report]]:
    """Analyse films as an upload would be, by these networks; a file that cannot be read gives no entry."""
    from bmd.modality import analyse
    from bmd.readers import read_study

    found = []
    for path in paths:
        try:
            study = read_study(path.name, path.read_bytes())
        except InputError as error:
            log.warning("%s: %s", path.name, error)
            continue
        found.append((study, analyse(study, path.name, engine=engine, models=models)))
    return found


def score(films: list[Film], predictions: list[dict[str, Any]], levels: Sequence[str] = LUMBAR) -> dict[str, Any]:
    """Score predictions in the form ``predict --json`` writes.

    A vertebra is hit by a predicted box whose centre lies within 0.4 of the mean vertebra spacing of its own centre.
    Films without all of ``levels`` annotated are left out and counted.

    Returns
    -------
    dict
        ``films`` (with all of the levels annotated), ``incomplete`` (films left out), ``bodies`` (vertebrae),
        ``level_exact`` (share of vertebrae hit by a box of that name), ``found`` (hit by any box), ``all_five`` (films
        where all are), ``refused`` (films), ``dice``, ``dice_median`` (all predicted areas of these levels against all
        true ones, below the top of the first true vertebra; boxes against boxes where only boxes were annotated),
        ``ap50`` (mean over levels, 101 recall points); of the first two shares and ``dice`` also ``_low`` and
        ``_high``, the 95 % interval over films.
    """
    by_name = {Path(p["file"]).name: p for p in predictions}
    exact: list[bool] = []
    found: list[bool] = []
    dice: list[float] = []
    boxes: list[tuple[Boxes, Boxes]] = []
    all_five = refused = 0
    for film in films:
        if not set(levels) <= set(film.quads):
            continue
        prediction = by_name.get(film.path.name, {"vertebrae": [], "suitable": True})
        refused += not prediction.get("suitable", True)
        bodies = [v for v in prediction["vertebrae"] or [] if v.get("box")]
        named, seen = _hits(film, bodies, levels)
        exact, found, all_five = exact + named, found + seen, all_five + all(named)
        boxes.append(_boxes(film, bodies, levels))
        dice.append(_dice(film, bodies, levels))
    count = len(dice)
    ap50 = average_precision([truth for truth, _ in boxes], [seen for _, seen in boxes])["ap50"] / 100
    return {
        "films": count,
        "incomplete": len(films) - count,
        "bodies": count * len(levels),
        **_with_intervals({"level_exact": exact, "found": found, "dice": dice}, count),
        "all_five": all_five,
        "refused": refused,
        "dice_median": round(float(np.median(dice)), 3) if dice else 0.0,
        "ap50": round(ap50, 3) if boxes else 0.0,
    }


def _with_intervals(lists: dict[str, list[Any]], films: int) -> dict[str, float]:
    """Means, each with its 95 % interval; whole films are drawn, since vertebrae of one are not independent."""
    values: dict[str, float] = {}
    for name, found in lists.items():
        if not films:
            values[name] = 0.0
            continue
        rows = np.array(found, float).reshape(films, -1)
        with_interval(values, name, bootstrap(lambda row: float(np.mean(row)), rows))
    return {name: round(value, 3) for name, value in values.items()}


def _hits(film: Film, bodies: list[dict[str, Any]], levels: Sequence[str] = LUMBAR) -> tuple[list[bool], list[bool]]:
    """For each of the levels: hit by a box of its name; hit by any box."""
    centres = {level: centre(film.quads[level]) for level in levels}
    radius = RADIUS * np.mean(np.diff(sorted(c[1] for c in centres.values())))
    named, seen = [], []
    for level, middle in centres.items():
        near = []
        for body in bodies:
            x1, y1, x2, y2 = body["box"]
            if np.hypot((x1 + x2) / 2 - middle[0], (y1 + y2) / 2 - middle[1]) < radius:
                near.append(body["level"])
        named.append(level in near)
        seen.append(bool(near))
    return named, seen


def _boxes(film: Film, bodies: list[dict[str, Any]], levels: Sequence[str]) -> tuple[Boxes, Boxes]:
    """True and predicted boxes of the levels, classes from 1 on."""
    quads = [film.quads[level] for level in levels]
    truth = Boxes(np.array([(*quad.min(0), *quad.max(0)) for quad in quads]), np.arange(1, len(levels) + 1))
    named = [v for v in bodies if v["level"] in levels]
    labels = np.array([list(levels).index(v["level"]) + 1 for v in named], int)
    found = Boxes(np.array([v["box"] for v in named], float), labels, np.array([v["score"] for v in named], float))
    return truth, found


def _dice(film: Film, bodies: list[dict[str, Any]], levels: Sequence[str]) -> float:
    """Dice of all areas of the levels below the top of the first true vertebra."""
    quads = [film.quads[level] for level in levels]
    truth = _filled(film.size, quads)
    named = [v for v in bodies if v["level"] in levels]
    outlines = [np.asarray((not film.boxed and v.get("contour")) or _box_outline(v["box"])) for v in named]
    predicted = _filled(film.size, outlines)
    top = int(min(q[:, 1].min() for q in quads))
    truth, predicted = truth[top:], predicted[top:]
    return overlap(truth, predicted)


def _box_outline(box: list[float]) -> list[tuple[float, float]]:
    x1, y1, x2, y2 = box
    return [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]


def _filled(size: tuple[int, int], polygons: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    area = Pillow.new("1", size)
    for polygon in polygons:
        ImageDraw.Draw(area).polygon([(float(x), float(y)) for x, y in polygon], fill=1)
    return np.array(area)


def certainty(films: list[Film], predictions: list[dict[str, Any]], levels: Sequence[str] = LUMBAR) -> dict[str, Any]:
    """How far "certain" can be relied on, and which films fail.

    Parameters
    ----------
    films, predictions
        As for ``score``; films with all of the levels annotated count.

    Returns
    -------
    dict
        ``certain`` (films whose names are given as certain), ``certain_wrong`` (of these, with a vertebra hit under
        another name), and ``failures``: file name to why ("refused", "unread", "missed", "misnamed", "certain_wrong").
    """
    by_name = {Path(p["file"]).name: p for p in predictions}
    certain = 0
    failures: dict[str, list[str]] = {}
    for film in films:
        if not set(levels) <= set(film.quads):
            continue
        prediction = by_name.get(film.path.name)
        why = ["unread"] if prediction is None else _failures(film, prediction, levels)
        if prediction is not None:
            certain += bool(_sure(prediction))
        if why:
            failures[film.path.name] = why
    wrong = sum("certain_wrong" in why for why in failures.values())
    return {"certain": certain, "certain_wrong": wrong, "failures": failures}


def _sure(prediction: dict[str, Any]) -> bool:
    return bool(prediction.get("suitable", True) and prediction.get("levels_certain") and prediction["vertebrae"])


def _failures(film: Film, prediction: dict[str, Any], levels: Sequence[str]) -> list[str]:
    """What went wrong on one film."""
    if not prediction.get("suitable", True):
        return ["refused"]
    named, seen = _hits(film, [v for v in prediction["vertebrae"] or [] if v.get("box")], levels)
    misnamed = any(found and not right for right, found in zip(named, seen, strict=True))
    said = {"missed": not all(seen), "misnamed": misnamed, "certain_wrong": misnamed and _sure(prediction)}
    return [why for why, holds in said.items() if holds]


def evaluate_films(
    annotations: Path,
    out: Path | None = None,
    pictures: Path | None = None,
    every: bool = False,
    engine: Engine | None = None,
    models: Mapping[str, str] | None = None,
    cohort: str | None = None,
    levels: Sequence[str] = LUMBAR,
) -> dict[str, Any]:
    """Predict and score annotated films.

    Parameters
    ----------
    annotations : Path
        See ``annotations.read_annotations``; the films lie beside it.
    out : Path, optional
        Folder for predictions.json, scores.json and overlays.png, a sheet of all films.
    pictures : Path, optional
        Folder for one overlay of each film that fails: prediction in colour, annotation in white.
    every : bool
        Draw all films there, not only those that fail.
    engine : Engine, optional
        Runs the networks.
    models : mapping, optional
        Networks by role where the role's default is not wanted.
    cohort : str, optional
        Code of these films; the figures are put under it into the localiser's metadata.
    levels : sequence of str
        Vertebrae that were annotated on every film that is to count.

    Returns
    -------
    dict
        See ``score`` and ``certainty``.

    Raises
    ------
    InputError
        The annotations cannot be read.
    """
    from bmd.report.csv_json import as_object

    films = read_annotations(annotations)
    results = predict([film.path for film in films], engine, models)
    objects = [as_object(report) for _, report in results]
    scores = score(films, objects, levels) | certainty(films, objects, levels)
    quads = {film.path.name: film.quads for film in films}
    if cohort is not None:
        localiser = (models or {}).get("localiser") or default("localiser")
        record(WEIGHTS / localiser, [entry(scores, cohort)])
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "predictions.json").write_text(json.dumps(objects), encoding="utf-8")
        (out / "scores.json").write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
        overlays(results, quads).save(out / "overlays.png")
    if pictures is not None:
        draw_films(results, quads, pictures, None if every else set(scores["failures"]))
    return scores


def entry(scores: Mapping[str, Any], cohort: str) -> dict[str, Any]:
    """What ``score`` and ``certainty`` found as a measurement: shares, with the number that each is of."""
    films, names = int(scores["films"]), ("found", "level_exact")
    bodies = int(scores["bodies"])
    stated = [f"{name}{end}" for name in (*names, "dice") for end in ("", "_low", "_high")]
    values = {key: float(scores[key]) for key in (*stated, "dice_median") if key in scores}
    values |= {f"{name}_of": bodies for name in names}
    values["ap50"] = round(100 * float(scores["ap50"]), 1)  # in percent, as papers print it
    for name, counted in (("all_five", "all_five"), ("certain", "certain"), ("certain_and_wrong", "certain_wrong")):
        values |= {name: round(int(scores[counted]) / films, 4), f"{name}_of": films}
    values |= {"refused": round(int(scores["refused"]) / films, 4), "refused_of": films}
    return measurement(cohort, films, "films", "real", values)


def draw_films(
    results: list[tuple[Study, Report]],
    truth: dict[str, dict[str, NDArray[np.float64]]],
    folder: Path,
    wanted: set[str] | None = None,
) -> list[Path]:
    """Write one overlay for each film, or for those named; the names of the files are those of the films."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for study, report in results:
        if wanted is None or Path(report.file).name in wanted:
            paths.append(folder / f"{Path(report.file).stem}.png")
            overlays([(study, report)], truth, columns=1, side=900).save(paths[-1])
    return paths
