"""Real or simulated CT volumes: names, Dice of the bodies, attenuation, refusals. Measuring only, never training.

Run ``python -m bmd evaluate volumes --folder DIR``; ``--count N`` adds crops of N simulated people, from ``--seed`` on.
Every folder directly in DIR is one case: a NIfTI volume (or DICOM slices in it or in ``dicom/``), and, where known,
``seg_vertebrae_body.nii.gz`` (1 = vertebral bodies) with ``seg_total*.nii.gz`` or ``seg_vertebrae_spine*.nii.gz``,
whose labels are TotalSegmentator's (27 = L5 ... 32 = T12). Such a volume is also cut into crops at every height.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.ct_types import Region
from bmd.errors import BmdError, InputError
from bmd.evaluation.ct.crops import Outcome, crops, outcome, simulated, summary
from bmd.evaluation.record import record
from bmd.inference.ct.levels import localise_ct
from bmd.inference.engine import Engine
from bmd.inference.run import Networks
from bmd.models._metadata import measurement
from bmd.models._registry import WEIGHTS, default
from bmd.readers.volume import read_folder, read_paths
from bmd.reference import LUMBAR
from bmd.text import sentences
from bmd.types import Report, Volume, volume_of

log = logging.getLogger(__name__)

LABELS = {"L5": 27, "L4": 28, "L3": 29, "L2": 30, "L1": 31, "T12": 32, "T11": 33, "T10": 34}
"""TotalSegmentator's numbers of the vertebrae."""
_MASKS = ("seg", "msk", "mask", "label")


def evaluate_volumes(folder: Path, engine: Engine | None = None, cohort: str | None = None) -> list[dict[str, Any]]:
    """Analyse every case of a folder as an upload would be, and score it where masks lie beside it.

    With ``cohort``, a code, the figures are put into the localiser's metadata.

    Returns
    -------
    list of dict
        ``case, suitable, reasons, levels, levels_certain, named_from ("sacrum", "rib" or null), hu, warnings, seconds``
        and, with masks, ``right`` (bodies whose name is that of the mask they lie in), ``wrong`` (names that are not),
        ``dice`` per level and ``crops``, the rows of `crops.summary`.

    Raises
    ------
    InputError
        The folder holds no case.
    """
    cases = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if not cases:
        raise InputError("network.no_volumes")
    found = [evaluate_case(case, engine) for case in cases]
    if cohort is not None:
        record(WEIGHTS / default("localiser"), [entry(found, cohort)])
    return found


def entry(cases: list[dict[str, Any]], cohort: str) -> dict[str, Any]:
    """Cases as a measurement: refused, and of those with masks how many named bodies are right, and their Dice."""
    refused = sum(not case["suitable"] for case in cases)
    values: dict[str, float] = {"refused": round(refused / len(cases), 4), "refused_of": len(cases)}
    scored = [case for case in cases if "dice" in case]
    right, named = sum(case["right"] for case in scored), sum(case["right"] + len(case["wrong"]) for case in scored)
    if named:
        values |= {"names_of_bodies": round(right / named, 4), "names_of_bodies_of": named}
    dice = [value for case in scored for level, value in case["dice"].items() if level in LUMBAR]
    values |= {"dice": round(float(np.mean(dice)), 3), "dice_least": min(dice)} if dice else {}
    return measurement(cohort, len(cases), "scans", "real", values)


def evaluate_case(case: Path, engine: Engine | None = None) -> dict[str, Any]:
    """Analyse one case; see `evaluate_volumes`."""
    from bmd.modality import analyse

    try:
        study = read_paths([_volume(case)])[0].load()
        report = analyse(study, case.name, engine=engine)
    except BmdError as error:
        return {"case": case.name, "suitable": False, "reasons": [str(error)], "levels": []}
    found: dict[str, Any] = {
        "case": case.name,
        "suitable": report.suitability.suitable,
        "reasons": list(sentences(report.suitability.reasons)),
        "levels": [v.level for v in report.vertebrae],
        "levels_certain": report.levels_certain,
        "named_from": named_from(report),
        "hu": [{"level": a.level, "mean": a.mean_hu, "sd": a.sd_hu, "cm3": a.volume_cm3} for a in report.attenuation],
        "warnings": list(sentences(report.warnings)),
        "seconds": report.seconds,
    }
    masks = _masks(case)
    if masks is None:
        return found
    pieces = cut_up(volume_of(study), *masks, Networks(engine))
    return found | score(report, *masks) | {"crops": summary(pieces)}


def named_from(report: Report) -> str | None:
    """What the levels of a CT were counted from."""
    if not any(v.level for v in report.vertebrae):
        return None
    return "rib" if any(said.code == "ct.named_from_rib" for said in report.warnings) else "sacrum"


def cut_up(volume: Volume, bodies: NDArray[np.bool_], named: NDArray[np.int16], networks: Networks) -> list[Outcome]:
    """Names in crops of a volume whose masks tell the true ones; see `score` for the masks."""
    centres = {}
    for level, label in LABELS.items():
        at = np.argwhere(bodies & (named == label))
        if len(at):
            centres[level] = at.mean(0) * np.array(volume.spacing_mm)
    pieces = crops(volume)
    return [outcome(localise_ct(part, networks), centres, at, volume.spacing_mm[0]) for at, part in pieces]


def evaluate_people(count: int, seed: int, engine: Engine | None = None) -> dict[str, Any]:
    """Crops of simulated people, as a row of `evaluate_volumes`."""
    rows = summary(list(simulated(range(seed, seed + count), Networks(engine))))
    return {"case": f"{count} simulated people from seed {seed} on", "crops": rows}


def _volume(case: Path) -> Path:
    """The NIfTI of a case that is no mask; else its folder of DICOM files."""
    for path in sorted([*case.glob("*.nii.gz"), *case.glob("*.nii")]):
        stem = path.name.lower().replace("_label-", "")
        if not any(word in stem for word in _MASKS):
            return path
    return case / "dicom" if (case / "dicom").is_dir() else case


def _masks(case: Path) -> tuple[NDArray[np.bool_], NDArray[np.int16]] | None:
    """Bodies (bool) and numbered vertebrae in the order of `types.Volume`, or None."""
    bodies = sorted(case.glob("seg_vertebrae_body*.nii*"))
    named = sorted([*case.glob("seg_total*.nii*"), *case.glob("seg_vertebrae_spine*.nii*")])
    if not bodies or not named:
        return None
    return _labels(bodies[0]) == 1, _labels(named[0])


def _labels(path: Path) -> NDArray[np.int16]:
    return volume_of(read_folder(path)[0].load()).voxels


def score(report: Report, bodies: NDArray[np.bool_], named: NDArray[np.int16]) -> dict[str, Any]:
    """Names and Dice of a report against masks of its volume.

    Parameters
    ----------
    report : Report
        Of a CT.
    bodies : ndarray
        bool (D, H, W): any vertebral body.
    named : ndarray
        int (D, H, W): `LABELS`.
    """
    right, wrong, dice = 0, [], {}
    for vertebra in report.vertebrae:
        if vertebra.body is None or vertebra.level not in LABELS:
            continue
        mask = full(vertebra.body, bodies.shape)
        inside = named[mask & (named > 0)]
        there = int(np.bincount(inside).argmax()) if inside.size else 0
        if there == LABELS[vertebra.level]:
            right += 1
        else:
            wrong.append(vertebra.level)
        truth = bodies & (named == LABELS[vertebra.level])
        dice[vertebra.level] = round(2 * float((truth & mask).sum()) / max(1, int(truth.sum() + mask.sum())), 3)
    return {"right": right, "wrong": wrong, "dice": dice}


def full(region: Region, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """A region as a mask of the whole volume."""
    out = np.zeros(shape, bool)
    part = tuple(slice(o, o + n) for o, n in zip(region.offset_zyx, region.mask.shape, strict=True))
    out[part] = region.mask
    return out
