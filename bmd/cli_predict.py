"""The command ``predict``: films, CTs, DXA images or a patient's figures in; lines, JSON, CSV and pictures out."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bmd import modality
from bmd.errors import BmdError, InputError, OptionError
from bmd.findings import Finding, note, refusal
from bmd.models import _registry as registry
from bmd.readers.source import head
from bmd.text import sentences, text
from bmd.types import Demographics, Prediction, Report, Study, Suitability

log = logging.getLogger(__name__)

_FIGURES = ("age", "sex", "height", "weight")


@dataclass(frozen=True)
class Job:
    """One thing to analyse: its name, for people, what it is taken for, and how to read it."""

    name: str
    row: modality.Modality
    read: Callable[[], Study]


def define_predict(command: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    command.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="film or DXA image (DICOM, PNG, JPEG, TIFF); CT as a folder, zip, NIfTI or its DICOM slices. "
        "None: only --age --sex --height --weight are used",
    )
    command.add_argument(
        "--modality",
        choices=["auto", *(row.kind for row in modality.with_files())],
        default="auto",
        help="what the files are",
    )
    command.add_argument(
        "--model",
        action="append",
        metavar="NAME",
        help="network to use in its role instead of the role's default; repeatable; see the command models",
    )
    command.add_argument("--json", metavar="OUT.json", help="write a list with one object per file; - for the screen")
    command.add_argument("--csv", metavar="OUT.csv", help="write a table with one row per vertebra")
    command.add_argument("--png-dir", metavar="DIR", help="write each picture with its result drawn on it")
    command.add_argument("--explain", action="store_true", help="compute heat maps; their figures go into the JSON")
    command.add_argument(
        "--exclude",
        metavar="LEVELS",
        type=lambda levels: tuple(levels.upper().split(",")),
        help="DXA: vertebrae left out of the patient's measured result, such as L3 or L1,L3",
    )
    command.add_argument("--age", type=float, metavar="YEARS", help="for all files; else what the file says")
    command.add_argument("--sex", type=str.upper, choices=["F", "M"])
    command.add_argument("--height", type=float, metavar="CM")
    command.add_argument("--weight", type=float, metavar="KG")
    command.add_argument("--strict", action="store_true", help="exit status 3 when any file is refused")
    command.set_defaults(wrong=command.error)


def predict(options: argparse.Namespace) -> int:
    """Analyse lateral spine films, abdominal CTs, DXA images, or a patient's figures alone."""
    _check_patient(options)
    chosen(options.model or ())
    if not options.files and all(getattr(options, word) is None for word in _FIGURES):
        options.wrong("give files, or at least one of --age --sex --height --weight")
    reports, failed = [], False
    for index, (study, report, broken) in enumerate(_answers(options)):
        failed |= broken
        reports.append(report)
        print(line(report), file=sys.stderr if options.json == "-" else sys.stdout)
        if options.png_dir and study is not None:
            _write_png(Path(options.png_dir), index, study, report)
    _write_all(options, reports)
    if failed:
        return 1
    return 3 if options.strict and not all(report.suitability.suitable for report in reports) else 0


def _answers(options: argparse.Namespace) -> Iterator[tuple[Study | None, Report, bool]]:
    """Study, report, and whether something broke that is not the file's fault, for each job."""
    if not options.files:
        study = Study("", patient=given(options), origin="form")
        yield None, modality.analyse(study, "demographics", models=chosen(options.model or ())), False
    for job in jobs([Path(file) for file in options.files], options.modality):
        yield _answer(job, options)


def _answer(job: Job, options: argparse.Namespace) -> tuple[Study | None, Report, bool]:
    study = None
    try:
        study = job.read()
        study = replace(study, patient=_merged(study.patient, given(options)))
        report = modality.analyse(study, job.name, models=chosen(options.model or ()))
        if options.exclude:
            from bmd.inference.dxa import without

            report = without(report, options.exclude)
        if options.explain and report.suitability.suitable:
            report = replace(report, explanations=modality.explain(study, report))
        return study, report, False
    except InputError as error:
        return study, _refused(job, error.finding), False
    except BmdError:
        raise  # missing weights and the like concern every file
    except Exception:
        log.exception("analysis failed")  # a fault of ours: the other files still run
        return study, _refused(job, refusal("command.broke", noun=note(job.row.code("noun")))), True


def jobs(paths: Sequence[Path], kind: str) -> list[Job]:
    """What there is to analyse: each folder, archive, volume or picture, and the CT slices among the files as one."""
    found: list[Job] = []
    parts: dict[str, list[Path]] = {}
    for path in paths:
        row = modality.of_path(path) if kind == "auto" else modality.by_kind(kind)
        if path.is_dir() or row.joins is None or not row.joins(head(path)):
            found.append(Job(path.name, row, partial(_read, row, [path], kind == "auto")))
        elif row.kind in parts:
            parts[row.kind].append(path)
        else:
            parts[row.kind] = [path]
            found.append(Job(path.name, row, partial(_read, row, parts[row.kind])))  # sees those that follow
    return found


def _read(row: modality.Modality, paths: Sequence[Path], auto: bool = False) -> Study:
    """The study of one kind; with ``auto`` its header or its content may still say that a picture is no film."""
    assert row.read is not None, "jobs are of kinds that have files"
    study = row.read(paths)
    return modality.adopted(study) if auto and row is modality.FILM else study


def _refused(job: Job, reason: Finding) -> Report:
    return Report(job.name, job.row.holds, Suitability(False, (reason,)))


def _check_patient(options: argparse.Namespace) -> None:
    from bmd.readers.patient import AGE_Y, HEIGHT_CM, WEIGHT_KG

    for word, (low, high) in (("age", AGE_Y), ("height", HEIGHT_CM), ("weight", WEIGHT_KG)):
        value = getattr(options, word)
        if value is not None and not low < value <= high:
            raise OptionError("command.out_of_range", option=f"--{word}", low=low, high=high, value=value)


def chosen(names: Sequence[str]) -> dict[str, str]:
    """The networks named on the command line by their roles; OptionError for an unknown one or two of one role."""
    found: dict[str, str] = {}
    for name in names:
        role = registry.spec(name).role
        if found.setdefault(role, name) != name:
            raise OptionError("command.one_of_a_role", first=found[role], second=name, role=role)
    return found


def given(options: argparse.Namespace) -> Demographics:
    """The patient's figures from the command line."""
    return Demographics(options.age, options.sex, options.height, options.weight)


def _merged(of_file: Demographics, typed: Demographics) -> Demographics:
    """Values given on the command line replace those of the file."""
    names = ("age_y", "sex", "height_cm", "weight_kg")
    return replace(of_file, **{n: v for n in names if (v := getattr(typed, n)) is not None})


def line(report: Report) -> str:
    """One file's result in one line."""
    if not report.suitability.suitable:
        return text("command.refused", file=report.file, reasons=" ".join(sentences(report.suitability.reasons)))
    parts = []
    if report.vertebrae or report.modality == modality.FILM.holds:
        levels = " ".join(vertebra.level or "?" for vertebra in report.vertebrae)
        parts.append(text("command.levels" if report.levels_certain else "command.levels_uncertain", levels=levels))
    if report.attenuation:
        parts.append("HU " + " ".join(f"{a.level or '?'} {a.mean_hu:.0f}" for a in report.attenuation))
    if report.prediction is not None:
        parts += _answered(report.prediction)
    return f"{report.file}: " + "; ".join([*parts, f"{report.seconds:.1f} s"])


def _answered(prediction: Prediction) -> list[str]:
    """The patient's result, as far as there is one."""
    if prediction.category is None:
        return []
    category = note(f"category.{prediction.category}")
    if prediction.t_score is None:
        share = prediction.probabilities.get(prediction.category, 0.0)
        return [text("command.category", category=category, share=share)]
    if prediction.interval is None:
        return [text("command.t_score", category=category, t=prediction.t_score)]
    low, high = prediction.interval
    return [text("command.t_interval", category=category, t=prediction.t_score, low=low, high=high)]


def _write_png(folder: Path, index: int, study: Study, report: Report) -> None:
    picture = modality.picture(study, report)
    if picture is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{Path(report.file).stem}.png"
    if path.exists():
        path = folder / f"{Path(report.file).stem}_{index + 1}.png"
    path.write_bytes(picture)


def _write_all(options: argparse.Namespace, reports: Sequence[Report]) -> None:
    from bmd.report import to_csv, to_json

    if options.json == "-":
        sys.stdout.write(to_json(reports))
    elif options.json:
        _write(options.json, to_json(reports))
    if options.csv:
        _write(options.csv, to_csv(reports))


def _write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")
