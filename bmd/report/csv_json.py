"""Reports as JSON (one object per file) and CSV (one row per vertebra, one for the patient).

Coordinates are pixels of the input picture; densities g/cm2; a value that is not known is null or an empty cell.
Of the patient only age, sex, height and weight are written.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from io import StringIO
from typing import Any

import numpy as np

from bmd import __version__
from bmd.ct_types import Attenuation, Trabecular
from bmd.findings import Finding, Value
from bmd.reference import CATEGORIES, reached_categories
from bmd.report import printed
from bmd.report.basis import basis
from bmd.text import record, say, sentences, text
from bmd.types import Explanation, Hip, Prediction, Report, ScreeningScore

COLUMNS = (
    "file modality suitable reasons level x1 y1 x2 y2 score bmd_g_cm2 t_score t_low t_high category reaches z_score "
    "bmc_g area_cm2 hu_mean hu_sd hu_band p_normal p_osteopenia p_osteoporosis age_y sex height_cm weight_kg "
    "levels_certain warnings notes basis model device seconds intended_use"
).split()
PATIENT_ROW = "L1-L4"
"""The level named in the patient's row, unless a reader left some out."""


def to_json(reports: Iterable[Report]) -> str:
    """Write reports as a JSON list, one object per file; see `as_object`."""
    return json.dumps([as_object(report) for report in reports], indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_object(report: Report) -> dict[str, Any]:
    """One report as plain JSON types.

    Returns
    -------
    dict
        ``file, modality, suitable, reasons, inverted, upside_down, vertebrae, prediction, patient, levels_certain,
        warnings, notes, basis, model, models, device, seconds, version, intended_use``. ``vertebrae`` is a list of
        ``level, box [x1, y1, x2, y2], contour [[x, y], ...], corners, score, flaw`` (null, or why it is not measured:
        "doubted", "metal") and, where measured, ``bmd_g_cm2, t_score,
        interval [low, high], category, reaches, probabilities`` (``category`` is that of the T-score, ``reaches`` are
        all that the interval reaches into); ``prediction`` is the patient's, or null when there is none.
        ``reasons``, ``warnings``, ``notes`` (how it was read) and ``basis`` (what the answer rests on) are lists of
        ``{code, severity, values, text}`` (`bmd.text.record`): programs go by the code.

        A film adds ``levels_probability``, of all names being right; null where that is not calibrated. A CT adds
        ``hu {mean, sd, volume_cm3, band}`` (null where not measured) to each vertebra, whose coordinates are those of
        the sagittal plane (x = row, y = slice), ``trabecular``, the primary answer (`_trabecular`; ``prediction`` holds
        its chance of osteoporosis and no class), ``femur``, one object per hip, and ``answers``, what each network says
        of the patient. A DXA image adds ``answers``, the levels ``left_out``, and ``printed``, one object per row of
        the densitometer's table (`report.printed`). A patient's figures alone (``modality`` "demographics") add
        ``sites`` and ``scores``.
    """
    return _common(report) | _of_modality(report)


def _common(report: Report) -> dict[str, Any]:
    return {
        "file": report.file,
        "modality": report.modality,
        "suitable": report.suitability.suitable,
        "reasons": [record(reason) for reason in report.suitability.reasons],
        "inverted": report.suitability.inverted,
        "upside_down": report.suitability.upside_down,
        "vertebrae": [_vertebra(index, report) for index in range(len(report.vertebrae))],
        "prediction": None if report.prediction is None else _prediction(report.prediction),
        "patient": {name: _number(value) for name, value in asdict(report.patient).items()},
        "levels_certain": report.levels_certain,
        "warnings": [record(warning) for warning in report.warnings],
        "notes": [record(note) for note in report.notes],
        "basis": [record(part) for part in basis(report)],
        "model": model_name(report),
        "models": dict(report.models),
        "device": report.device,
        "seconds": _number(report.seconds, 3),
        "version": __version__,
        "intended_use": text("intended_use"),
    }


def _of_modality(report: Report) -> dict[str, Any]:
    """What only some kinds of input have."""
    said = [{"level": a.level, "model": a.model, **_prediction(a)} for a in report.answers]
    if report.modality == "ct":
        return {
            "trabecular": None if report.trabecular is None else _trabecular(report.trabecular),
            "femur": [_hip(hip) for hip in report.hips],
            "answers": said,
        }
    if report.modality == "demographics":
        return {"sites": said, "scores": [_score(score) for score in report.scores]}
    if report.modality == "dxa":
        left_out = list(_left_out(report)[0])
        return {"answers": said, "printed": printed.as_objects(report.printed), "left_out": left_out}
    return {"levels_probability": report.suitability.scores.get("names")}


def _left_out(report: Report) -> tuple[tuple[str, ...], str]:
    """DXA: levels that the reader left out, and the name of the rest, which is L1-L4 when there are none."""
    said = next((warning.values for warning in report.warnings if warning.code == "dxa.left_out"), None)
    if said is None or not isinstance(said["levels"], tuple):
        return (), PATIENT_ROW
    return tuple(str(level) for level in said["levels"]), str(said["rest"])


def _trabecular(found: Trabecular) -> dict[str, Any]:
    """The fields of `Trabecular`; chances are of osteoporosis by DXA."""
    chance = found.chance
    return {
        "hu": found.hu,
        "level": found.level,
        "vertebrae": list(found.vertebrae),
        "mean_hu": found.mean_hu,
        "band": found.band,
        "verdict": record(found.verdict),
        "osteoporosis": None if chance is None else asdict(chance),
        "expected_hu": found.expected_hu,
        "z_score": found.z_score,
        "network_agrees": found.agrees,
    }


def _hip(hip: Hip) -> dict[str, Any]:
    centre = None if hip.centre_zyx is None else [_number(value, 1) for value in hip.centre_zyx]
    model = None if hip.prediction is None else hip.prediction.model
    numbers = _prediction(hip.prediction or _NOTHING)
    return {
        "side": hip.side,
        "reason": None if hip.reason is None else record(hip.reason),
        "centre_zyx": centre,
        "model": model,
        **numbers,
    }


def _score(score: ScreeningScore) -> dict[str, Any]:
    return {
        "name": score.name,
        "value": _number(score.value),
        "cutoff": record(score.cutoff),
        "verdict": None if score.verdict is None else record(score.verdict),
        "source": say(score.source),
        "missing": list(score.missing),
    }


def model_name(report: Report) -> str:
    """The networks behind a report in one line, in the order they ran."""
    return " + ".join(report.models.values())


def _vertebra(index: int, report: Report) -> dict[str, Any]:
    vertebra = report.vertebrae[index]
    measured = _of_level(report.measurements, vertebra.level)
    explained = _of_level(report.explanations, vertebra.level)
    corners = vertebra.corners_px
    found = {"hu": _hu(report.attenuation_of(index))} if report.modality == "ct" else {}
    return {
        "level": vertebra.level,
        "box": [_number(value, 2) for value in vertebra.box_px],
        "contour": np.round(np.asarray(vertebra.contour_px, float), 2).tolist(),
        "corners": None if corners is None else np.round(np.asarray(corners, float), 2).tolist(),
        "score": _number(vertebra.score, 4),
        "flaw": vertebra.flaw,
        **(_prediction(measured) if measured else _prediction(_NOTHING)),
        **found,
        "explanation": None
        if explained is None
        else {
            "target": say(explained.target),
            "method": say(explained.method),
            "verdict": record(explained.verdict),
            "fidelity": {name: _number(value, 4) for name, value in explained.fidelity.items()},
        },
    }


def _hu(found: Attenuation | None) -> dict[str, Any] | None:
    if found is None:
        return None
    values = {"mean": found.mean_hu, "sd": found.sd_hu, "volume_cm3": found.volume_cm3}
    return {name: _number(value, 2) for name, value in values.items()} | {"band": found.band}


_NOTHING = Prediction(None, None, None, None, {}, None, "")


def _prediction(prediction: Prediction) -> dict[str, Any]:
    interval = prediction.interval
    return {
        "bmd_g_cm2": _number(prediction.bmd_g_cm2, 4),
        "t_score": _number(prediction.t_score, 3),
        "interval": None if interval is None else [_number(value, 3) for value in interval],
        "category": prediction.category,
        "reaches": list(reached_categories(prediction.interval)),
        "probabilities": {name: _number(value, 4) for name, value in prediction.probabilities.items()},
        **_z_score(prediction),
    }


def _z_score(prediction: Prediction) -> dict[str, Any]:
    """Only under 50 years."""
    if prediction.z_score is None:
        return {}
    ends = prediction.z_interval
    interval = None if ends is None else [_number(value, 3) for value in ends]
    return {"z_score": _number(prediction.z_score, 3), "z_interval": interval}


def _of_level(items: Sequence[Any], level: str | None) -> Any | None:
    """The prediction or explanation of a level; an unnamed vertebra has none."""
    found: Prediction | Explanation
    for found in items:
        if level is not None and found.level == level:
            return found
    return None


def _number(value: Any, digits: int = 3) -> Any:
    """A rounded plain float; None for what is not a number, words untouched."""
    if value is None or isinstance(value, str | bool):
        return value
    number = float(value)
    return round(number, digits) if math.isfinite(number) else None


def to_csv(reports: Iterable[Report]) -> str:
    """Write reports as CSV: one row for the patient (level "L1-L4"), one per vertebra; a refused file has one row.

    Of a patient's figures alone there is one row per site.
    """
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for report in reports:
        for row in _rows(report):
            writer.writerow({name: _cell(value) for name, value in row.items()})
    return text.getvalue()


def _rows(report: Report) -> list[dict[str, Any]]:
    whole = as_object(report)
    common = {name: whole[name] for name in COLUMNS if name in whole} | whole["patient"]
    common["reasons"] = "; ".join(sentences(report.suitability.reasons))
    common["warnings"] = "; ".join(sentences(report.warnings))
    common["notes"] = " | ".join(_coded(found) for found in report.notes)
    common["basis"] = " ".join(sentences(basis(report)))
    rows = [common | {"level": site["level"]} | _cells(site) for site in whole.get("sites", ())]
    if rows:
        return rows
    judged = whole.get("trabecular")
    if whole["prediction"] is not None or judged or not whole["vertebrae"]:
        level = _left_out(report)[1] if whole["prediction"] is not None or judged else None
        if report.prediction is not None and report.prediction.level is not None:
            level = report.prediction.level  # the lowest of several printed sites
        cells = _cells(whole["prediction"] or _prediction(_NOTHING))
        if judged:
            cells |= {"hu_mean": judged["hu"], "hu_band": judged["band"], "z_score": judged["z_score"]}
        rows.append(common | {"level": level} | cells)
    for vertebra in whole["vertebrae"]:
        box = dict(zip(("x1", "y1", "x2", "y2"), vertebra["box"], strict=True))
        rows.append(common | {"level": vertebra["level"], "score": vertebra["score"]} | box | _cells(vertebra))
    return rows + [common | cells for cells in printed.as_rows(report.printed)]


def _coded(found: Finding) -> str:
    """A note for programs that read tables: "read.ct.gap gap_mm=63 count=2"."""
    return " ".join([found.code, *(f"{name}={_spelled(value)}" for name, value in found.values.items())])


def _spelled(value: Value) -> str:
    if isinstance(value, Finding):
        return json.dumps(say(value), ensure_ascii=False)
    if isinstance(value, tuple):
        return ",".join(_spelled(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cells(numbers: dict[str, Any]) -> dict[str, Any]:
    low, high = numbers["interval"] or (None, None)
    hu = numbers.get("hu") or {}
    return {
        "hu_mean": hu.get("mean"),
        "hu_sd": hu.get("sd"),
        "hu_band": hu.get("band"),
        **{name: numbers[name] for name in ("bmd_g_cm2", "t_score", "category")},
        "reaches": " ".join(numbers["reaches"]),
        "z_score": numbers.get("z_score"),
        "t_low": low,
        "t_high": high,
        **{f"p_{name}": numbers["probabilities"].get(name) for name in CATEGORIES},
    }


def _cell(value: Any) -> Any:
    """Keep spreadsheet programs from running a file name that starts like a formula."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value
