"""The command ``python -m bmd evaluate lumos DIR``: a folder of films, CTs and a clinical table to a report.

Made for LUMOS (803 Chinese patients, frontal and lateral films, CTs, DXA; CC BY-NC 4.0), and for any folder whose paths
name its patients. Measuring only: nothing is fitted or chosen here. docs/validation.md is the protocol.
"""

from __future__ import annotations

import csv
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmd import __version__
from bmd.errors import InputError
from bmd.evaluation.record import stamp
from bmd.evaluation.validation.criteria import judged
from bmd.evaluation.validation.figures import eligible, of_answers, of_films, of_scans
from bmd.evaluation.validation.files import Files, assign
from bmd.evaluation.validation.patient import INPUTS, Record, examine, kept_of
from bmd.evaluation.validation.report import markdown
from bmd.evaluation.validation.scale import Scale, Truth, truth_of
from bmd.evaluation.validation.table import Patient, Table, read_table
from bmd.inference.engine import Engine, default_engine
from bmd.models import _registry as registry
from bmd.text import text

LINES, RESULTS, REPORT, ROWS = "patients.jsonl", "results.json", "report.md", "patients.csv"
ROLES = ("view", "localiser", "density", "demographics", "slices")
"""Networks whose weights a record depends on: with others a patient is measured anew."""
COLUMNS = ("row", "age", "sex", "height", "weight", "bmd", "t", "outcome", "levels", "certain")


@dataclass(frozen=True)
class Asked:
    """What was asked for beside the folder: a table, its scale, the number that stands for men, how many patients,
    and annotations of some of the films.
    """

    table: Path | None = None
    scale: Scale | None = None
    male: str | None = None
    limit: int | None = None
    annotations: Path | None = None


def evaluate_lumos(
    folder: Path, out: Path, asked: Asked = Asked(), engine: Engine | None = None, tell: Callable[[str], None] = print
) -> dict[str, Any]:
    """Measure the whole chain on a downloaded cohort.

    Parameters
    ----------
    folder : Path
        Of the cohort, with its clinical table; see ``table.read_table`` and ``files.assign``.
    out : Path
        Where ``report.md``, ``results.json``, ``patients.csv`` and ``patients.jsonl`` go. A run that was broken off
        goes on from the last of these: patients whose files, figures and networks are the same are not measured again.
    engine : Engine, optional
        Runs the networks.
    tell : callable
        Called with one line for each patient.

    Returns
    -------
    dict
        What ``results.json`` holds; no identifier and no name of a file is among it.

    Raises
    ------
    InputError
        No folder, or no clinical table in it that can be read.
    WeightsError
        A network is missing.
    """
    if not folder.is_dir():
        raise InputError("validation.no_folder", folder=folder.name)
    table = read_table(folder, asked.table, asked.male)
    files = assign(folder, table.patients, (out, *table.files))
    out.mkdir(parents=True, exist_ok=True)
    engine = engine or default_engine()
    patients = table.patients[: asked.limit]
    records = list(_measured(patients, files, folder, out / LINES, engine, tell))
    results = summary(table, files, records, truth_of(table.patients, asked.scale))
    if asked.annotations is not None:
        from bmd.evaluation.film.annotated import evaluate_films

        scores = evaluate_films(asked.annotations, engine=engine)
        scores["failures"] = len(scores["failures"])  # by name of file
        results["annotated"] = scores
    _write(out, results, records)
    return results


def summary(table: Table, files: Files, records: Sequence[Record], truth: Truth) -> dict[str, Any]:
    """All figures of the records of a cohort; see ``evaluate_lumos``."""
    people = {patient.row: patient for patient in table.patients}
    true = {record["row"]: truth.t(people[record["row"]]) for record in records}
    own = {record["row"]: people[record["row"]].t for record in records}
    able, left = eligible(records, true)
    results: dict[str, Any] = {
        "measured": stamp(),
        "version": __version__,
        "models": {role: registry.default(role) for role in ROLES},
        "table": _table(table, files),
        "patients": len(records),
        "scale": {"scale": truth.scale, "asked": truth.asked, "mean": truth.mean, "sd": truth.sd, "pairs": truth.pairs},
        "left_out": dict(left),
        "compared": len(able),
        "films": of_films(records),
        "answers": of_answers(able, true),
        "ct": of_scans(records, true),
    }
    if truth.scale != "table" and any(t is not None for t in own.values()):
        results["own_t"] = of_answers(eligible(records, own)[0], own)
    return results | {"criteria": judged(results)}


def _table(table: Table, files: Files) -> dict[str, Any]:
    faults: dict[str, dict[str, int]] = {}
    for (name, what), count in sorted(table.faults.items()):
        faults.setdefault(name, {})[what] = count
    counts = {"rows": table.rows, "patients": len(table.patients), "with_files": len(files.of)}
    return counts | {"headings": table.headings, "faults": faults, "nobodys": files.nobodys, "shapes": files.shapes}


# --- one patient after the other ---------------------------------------------------------------------------------
def _measured(
    patients: Sequence[Patient], files: Files, folder: Path, lines: Path, engine: Engine, tell: Callable[[str], None]
) -> Iterator[Record]:
    """Records of all patients: those that stand in ``lines`` already, and new ones, which are added to it."""
    done = dict(_done(lines))
    weights = networks(engine)
    start, new = time.monotonic(), 0
    with lines.open("a+", encoding="utf-8") as file:
        file.seek(max(0, file.seek(0, 2) - 1))
        file.write("" if file.read() in ("", "\n") else "\n")  # after a line that was broken off
        for count, patient in enumerate(patients, 1):
            own = files.of.get(patient.row, ())
            key = fingerprint(patient, own, weights)
            if key not in done:
                new += 1
                done[key] = examine(patient, own, folder, engine)
                file.write(json.dumps({"key": key, "record": done[key]}) + "\n")
                file.flush()
                each = (time.monotonic() - start) / new
                left = each * (len(patients) - count) / 60
                tell(text("validation.progress", count=count, whole=len(patients), seconds=each, minutes=left))
            yield done[key]


def _done(lines: Path) -> Iterator[tuple[str, Record]]:
    """What an earlier run wrote; a line that was broken off is left out, and its patient measured again."""
    if not lines.is_file():
        return
    for line in lines.read_text(encoding="utf-8").splitlines():
        try:
            one = json.loads(line)
            yield one["key"], one["record"]
        except (ValueError, KeyError, TypeError):
            continue


def networks(engine: Engine) -> str:
    """What tells the networks' weights apart."""
    files = {role: engine.metadata(registry.default(role)).get("files") for role in ROLES}
    return hashlib.sha256(json.dumps([__version__, files], sort_keys=True).encode()).hexdigest()


def fingerprint(patient: Patient, files: Sequence[Path], weights: str) -> str:
    """What a record depends on: the patient's figures, the sizes of the files and the networks. Holds no identifier."""
    sizes = [path.stat().st_size for path in files]
    about = [kept_of(patient), patient.known.age_y, sizes, weights]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:24]


# --- what is written ---------------------------------------------------------------------------------------------
def _write(out: Path, results: dict[str, Any], records: Sequence[Record]) -> None:
    (out / RESULTS).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (out / REPORT).write_text(markdown(results), encoding="utf-8")
    with (out / ROWS).open("w", encoding="utf-8", newline="") as file:
        rows = [_flat(record) for record in records]
        writer = csv.DictWriter(file, list(rows[0]) if rows else list(COLUMNS))
        writer.writeheader()
        writer.writerows(rows)


def _flat(record: Record) -> dict[str, Any]:
    """One line of the table for other programs."""
    row = {name: record[name] for name in COLUMNS} | {"films": len(record["films"])}
    for name in INPUTS:
        told = record[name] or {"t": None, "low": None, "high": None, "p": None}
        shares = told["p"] or (None, None, None)
        row |= {f"{name}_{key}": told[key] for key in ("t", "low", "high")}
        row |= {
            f"{name}_p_osteoporosis": shares[2],
            f"{name}_p_normal": shares[0],
            f"{name}_why": record[f"{name}_why"],
        }
    scan = record["ct"] or {}
    return row | {f"ct_{key}": scan.get(key) for key in ("state", "code", "hu", "level", "chance")}
