"""What becomes of real pictures of DXA scans: ``python -m bmd evaluate dxa-pictures FOLDER``.

How many are analysed, with which names, the right way round and turned; and whether anything in a picture without a
scale ranks the density of its patient. ``labels.json`` in the folder, a list of ``{"file", "category"}``, says each
class. Measuring only: nothing is fitted on such pictures, and the scores (``ranking``) are fixed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from bmd.errors import BmdError, InputError
from bmd.evaluation.dxa.ranking import DISPLAYS, cues
from bmd.evaluation.record import record
from bmd.inference.dxa.pipeline import ROLE, analyse_dxa
from bmd.inference.dxa.regions import find_regions
from bmd.inference.engine import Engine
from bmd.inference.run import Networks
from bmd.inputs.dxa import Way, dxa_input
from bmd.metrics import auc, bootstrap
from bmd.models._metadata import measurement
from bmd.models._registry import WEIGHTS, default
from bmd.readers import read_study
from bmd.types import Report, Study

LABELS = "labels.json"
LOW = "osteoporosis"
CERTAIN, UNCERTAIN, WRONG_WAY = "names certain", "names uncertain", "read the wrong way round"
"""What became of a picture that was analysed."""
TOLD = ("negative", "upside down", "turned by 180 degrees, negative")
"""Ways that the analysis should find."""
Pixels = NDArray[np.float32]
TURNS: Mapping[str, tuple[Way, Callable[[Pixels], Pixels]]] = {
    "as it is": (Way(), lambda grey: grey),
    "negative": (Way(dark=True), lambda grey: 1 - grey),
    "upside down": (Way(down=True), lambda grey: grey[::-1]),
    "turned by 180 degrees, negative": (Way(dark=True, down=True), lambda grey: 1 - grey[::-1, ::-1]),
    "mirrored": (Way(), lambda grey: grey[:, ::-1]),
    "on its side": (Way(), lambda grey: grey.T),
}
"""Ways to hand a picture in, and how the analysis should find that it was turned."""


def evaluate_pictures(
    folder: Path, engine: Engine | None = None, count: int = 1000, cohort: str | None = None
) -> dict[str, Any]:
    """Analyse every picture of a folder in every way of ``TURNS``, and rank the classes by every score.

    Parameters
    ----------
    folder : Path
        Pictures of the lumbar spine from the front, the right way round; with classes where there is a ``labels.json``.
    engine : Engine, optional
        Runs the networks.
    count : int
        How many pictures at most are turned too, evenly taken; as they are all are analysed.
    cohort : str, optional
        Code of these pictures; the figures are put under it into the metadata of the three DXA networks.

    Returns
    -------
    dict
        ``pictures``; ``turned``, for each way counts of what became of the pictures; ``files``, what became of each as
        it is; with classes ``ranking``, for each score AUC for osteoporosis, its 95 % interval and how many pictures it
        rests on, and ``looks``, how many scores were looked at.

    Raises
    ------
    InputError
        "network.no_pictures": the folder holds none.
    """
    studies = _read(folder)
    if not studies:
        raise InputError("network.no_pictures", folder=str(folder))
    files, turned = {}, {}
    few = {file: studies[file] for file in list(studies)[:: max(1, -(-len(studies) // count))]}
    for name, (way, turn) in TURNS.items():
        some = studies if name == "as it is" else few
        reports = {file: analyse_dxa(_turned(study, turn), file, engine=engine) for file, study in some.items()}
        turned[name] = dict(Counter(_became(report, way) for report in reports.values()))
        if name == "as it is":
            turned[name] |= {"with_density": sum(report.prediction is not None for report in reports.values())}
            files = {file: _line(report) for file, report in reports.items()}
    found: dict[str, Any] = {"pictures": len(studies), "turned": turned, "files": files}
    classes = _classes(folder)
    if classes:
        scores = {file: _scores(study, Networks(engine)) for file, study in studies.items() if file in classes}
        found |= ranked(scores, classes)
    if cohort is not None:
        for network, entry in entries(found, cohort).items():
            record(WEIGHTS / default(network), [entry])
    return found


def entries(found: Mapping[str, Any], cohort: str) -> dict[str, dict[str, Any]]:
    """By role: what of the pictures is read, the right way round, and how well the network's density ranks them."""
    as_is, pictures = found["turned"]["as it is"], int(found["pictures"])
    certain, uncertain, wrong = (int(as_is.get(key, 0)) for key in (CERTAIN, UNCERTAIN, WRONG_WAY))
    regions = {"analysed": round((certain + uncertain + wrong) / pictures, 4), "analysed_of": pictures}
    regions |= {"certain": round(certain / pictures, 4), "certain_of": pictures}
    regions |= {"wrong_way": round(wrong / pictures, 4), "wrong_way_of": pictures}
    turned = [{"as it is": as_is}, {name: found["turned"][name] for name in TOLD}]
    ways: dict[str, float] = {}
    for key, rows in zip(("wrong_way", "wrong_way_turned"), turned, strict=True):
        shown = sum(sum(v for k, v in row.items() if k != "with_density") for row in rows.values())
        misread = sum(int(row.get(WRONG_WAY, 0)) for row in rows.values())
        ways |= {key: round(misread / shown, 4), f"{key}_of": shown}
    of = {ROLE: {}, "dxa_regions": regions, "dxa_way": ways}
    ranking = found.get("ranking", {}).get("network, as shown")
    if ranking:
        of[ROLE] = {"auc": ranking["auc"], "auc_low": ranking["low"], "auc_high": ranking["high"]}
        of[ROLE] |= {"osteoporosis_share": round(found["classes"].get(LOW, 0) / sum(found["classes"].values()), 4)}
    return {role: measurement(cohort, pictures, "pictures", "real", v) for role, v in of.items() if v}


def _read(folder: Path) -> dict[str, Study]:
    studies = {}
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.suffix.lower() in (".json", ".md", ".txt", ".csv"):
            continue
        try:
            studies[path.name] = read_study(path.name, path.read_bytes(), "dxa")
        except BmdError:
            continue
    return studies


def _turned(study: Study, turn: Callable[[Pixels], Pixels]) -> Study:
    first = study.images[0]
    return replace(study, images=(replace(first, pixels=np.ascontiguousarray(turn(first.pixels), np.float32)),))


def _became(report: Report, way: Way) -> str:
    """Refused with its code, analysed the right way round with names certain or not, or the wrong way and not said."""
    gate = report.suitability
    if not gate.suitable:
        return gate.reasons[0].code
    if (gate.inverted, gate.upside_down) != (way.dark, way.down):
        return WRONG_WAY
    return CERTAIN if report.levels_certain else UNCERTAIN


def _line(report: Report) -> str:
    """Levels with the row of their middle, or why not."""
    if not report.suitability.suitable:
        return report.suitability.reasons[0].code
    named = " ".join(f"{v.level}@{(v.box_px[1] + v.box_px[3]) / 2:.0f}" for v in report.vertebrae)
    return named + ("" if report.levels_certain else " (uncertain)")


def _classes(folder: Path) -> dict[str, str]:
    file = folder / LABELS
    rows = json.loads(file.read_text("utf-8")) if file.is_file() else []
    return {row["file"]: row["category"] for row in rows}


def _scores(study: Study, networks: Networks) -> dict[str, float]:
    """Every score of one picture, as handed in; those of regions are missing where none were found."""
    grey = np.clip(np.asarray(study.images[0].pixels, np.float32), 0, 1)
    found = cues(grey, find_regions(grey, networks).vertebrae)
    for name, undone in DISPLAYS.items():
        density = networks.run(ROLE, dxa_input(undone(grey))[None])["bmd"]
        found[f"network, {name}"] = -float(density.reshape(-1)[0])
    return found


def ranked(scores: Mapping[str, Mapping[str, float]], classes: Mapping[str, str]) -> dict[str, Any]:
    """How each score ranks osteoporosis above the rest, and all those of the picture together by their mean rank.

    Parameters
    ----------
    scores, classes : mapping
        By file; more of a score means less bone.
    """
    names = list(dict.fromkeys(name for found in scores.values() for name in found))
    table = {}
    whole = [file for file, found in scores.items() if len(found) == len(names)]
    for name in names:
        files = [file for file, found in scores.items() if name in found]
        table[name] = _auc([scores[file][name] for file in files], [classes[file] == LOW for file in files])
    of_picture = [name for name in names if not name.startswith("network")]
    if whole and of_picture:
        ranks = np.mean([rankdata([scores[file][name] for file in whole]) for name in of_picture], 0)
        table["mean rank of all but the network"] = _auc(list(ranks), [classes[file] == LOW for file in whole])
    return {"ranking": table, "looks": len(table), "classes": dict(Counter(classes.values()))}


def _auc(values: list[float], low: list[bool]) -> dict[str, float]:
    value, least, most = bootstrap(auc, np.array(low), np.array(values))
    return {"auc": round(value, 3), "low": round(least, 3), "high": round(most, 3), "n": len(values)}
