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
from bmd.ct_types import Trabecular
from bmd.errors import BmdError, InputError, OptionError, WeightsError
from bmd.findings import Finding, note, refusal
from bmd.inference.patient import below_who_age
from bmd.models import _registry as registry
from bmd.readers.source import head
from bmd.report.headline import headline
from bmd.text import say, sentences, text
from bmd.types import Demographics, Prediction, Report, Study, Suitability

log = logging.getLogger(__name__)

_FIGURES = ("age", "sex", "height", "weight")


@dataclass(frozen=True)
class Job:
    """One thing to analyse: its path as it was given, what it is taken for, and how to read it."""

    name: str
    row: modality.Modality
    read: Callable[[], modality.Opened]


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
    _check_excluded(options)
    if not options.files and all(getattr(options, word) is None for word in _FIGURES):
        options.wrong("give files, or at least one of --age --sex --height --weight")
    reports, status = [], 0
    for index, (study, report, fault) in enumerate(_answers(options)):
        status = max(status, fault)
        reports.append(report)
        print(line(report), file=sys.stderr if options.json == "-" else sys.stdout)
        if options.png_dir and study is not None:
            status = max(status, _write_png(Path(options.png_dir), index, study, report))
    _write_all(options, reports)
    if status:
        return status
    return 3 if options.strict and not all(report.suitability.suitable for report in reports) else 0


def _answers(options: argparse.Namespace) -> Iterator[tuple[Study | None, Report, int]]:
    """Study, report and, where something went wrong that is not the file's fault, its exit status, for each job."""
    if not options.files:
        study = Study("", patient=given(options), origin="form")
        yield None, modality.analyse(study, "demographics", models=chosen(options.model or ())), 0
    found = jobs(options.files, options.modality)
    for job in found:  # what was asked wrongly is said before anything runs
        _check_networks(job, options)
    for job in found:
        yield _answer(job, options)


def _check_networks(job: Job, options: argparse.Namespace) -> None:
    """Raise OptionError for a network that cannot run on what a file is, nor on what its content may show it to be.

    WeightsError "network.not_installed" for one that could but has no weights here.
    """
    may_be = modality.with_files() if options.modality == "auto" and job.row is modality.FILM else ()
    adopting = [row for row in may_be if row.adopt is not None]
    for role, name in chosen(options.model or ()).items():
        if not any(row.runs(name) for row in adopting):
            job.row.check(name, role)
        if not registry.has_weights(name):
            raise WeightsError("network.not_installed", name=name)


def _answer(job: Job, options: argparse.Namespace) -> tuple[Study | None, Report, int]:
    """Whatever happens to one file, it has its answer and the other files have theirs."""
    study = None
    try:
        opened = job.read()
        study = opened.study
        study, report = opened.analysed(partial(_analysed, job, options))
        study = replace(study, patient=_merged(study.patient, given(options)))
        if options.exclude:
            from bmd.inference.dxa import without

            report = without(report, options.exclude)
        if options.explain and report.suitability.suitable:
            report = replace(report, explanations=modality.explain(study, report))
        _writable(report)
        return study, report, 0
    except InputError as error:
        return study, _refused(job, error.finding), 0
    except OptionError as error:
        return study, _refused(job, error.finding), 2
    except BmdError as error:  # missing weights and the like: files of other kinds may still be answered
        return study, _refused(job, error.finding), 1
    except Exception:
        log.exception("analysis failed")  # a fault of ours: the other files still run
        return study, _refused(job, refusal("command.broke", noun=note(job.row.code("noun")))), 1


def _analysed(job: Job, options: argparse.Namespace, study: Study) -> Report:
    """The report on a study, with the patient's figures that were typed."""
    study = replace(study, patient=_merged(study.patient, given(options)))
    return modality.analyse(study, job.name, models=chosen(options.model or ()))


def _writable(report: Report) -> None:
    """Raise now, while the other files can still be answered, what would stop writing all the answers at the end."""
    from bmd.report import to_csv, to_json

    line(report)
    to_json([report])
    to_csv([report])


def jobs(files: Sequence[str], kind: str) -> list[Job]:
    """What there is to analyse: each folder, archive, volume or picture, and the CT slices among the files as one.

    A job bears the path of its file as given, of the first one where there are several; two files of one name in two
    folders stay apart.
    """
    found: list[Job] = []
    parts: dict[str, list[Path]] = {}
    for file in files:
        path = Path(file)
        row, joins = _taken_for(path, kind)
        if not joins:
            found.append(Job(file, row, partial(_read, row, [path], kind == "auto")))
        elif row.kind in parts:
            parts[row.kind].append(path)
        else:
            parts[row.kind] = [path]
            found.append(Job(file, row, partial(_read, row, parts[row.kind])))  # sees those that follow
    return found


def _taken_for(path: Path, kind: str) -> tuple[modality.Modality, bool]:
    """The row of a path, and whether it is one part of a study of many files; a film where even looking at it fails."""
    try:
        row = modality.of_path(path) if kind == "auto" else modality.by_kind(kind)
        return row, not path.is_dir() and row.joins is not None and row.joins(head(path))
    except Exception:
        log.exception("cannot tell what a file is")
        return (modality.FILM if kind == "auto" else modality.by_kind(kind)), False


def _read(row: modality.Modality, paths: Sequence[Path], auto: bool = False) -> modality.Opened:
    """What files hold; with ``auto`` a header or the content may still say that a picture is no film."""
    opened = modality.open_files(row, paths)
    return replace(opened, study=modality.adopted(opened.study)) if auto and row is modality.FILM else opened


def _refused(job: Job, reason: Finding) -> Report:
    return Report(job.name, job.row.holds, Suitability(False, (reason,)))


def _check_patient(options: argparse.Namespace) -> None:
    from bmd.readers.patient import AGE_Y, HEIGHT_CM, WEIGHT_KG

    for word, (low, high) in (("age", AGE_Y), ("height", HEIGHT_CM), ("weight", WEIGHT_KG)):
        value = getattr(options, word)
        if value is not None and not low < value <= high:
            raise OptionError("command.out_of_range", option=f"--{word}", low=low, high=high, value=value)


def _check_excluded(options: argparse.Namespace) -> None:
    """Raise OptionError for a level that no DXA result has, before anything runs."""
    if options.exclude:
        from bmd.inference.dxa import without

        without(Report("", modality.DXA.holds, Suitability(False)), options.exclude)


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
    if report.trabecular is not None:
        parts += _judged(report.trabecular)
    elif report.prediction is not None:
        parts += _answered(report.prediction, below_who_age(report.patient))
    elif any(warning.code == "film.density_unjudged" for warning in report.warnings):
        parts.append(text("command.unjudged"))
    elif any(warning.code == "dxa.no_unit" for warning in report.warnings):
        parts.append(text("command.no_density"))
    return f"{report.file}: " + "; ".join([*parts, f"{report.seconds:.1f} s"])


def _judged(found: Trabecular) -> list[str]:
    """A CT's primary answer: HU against the cut-offs, the chance of osteoporosis, and whether the network differs."""
    parts = [say(found.verdict)]
    if found.band is not None:
        parts = [text("command.band", hu=found.hu, where=found.where, band=note(f"ct.band.{found.band}"))]
    if found.chance is not None:
        parts.append(text("command.chance", share=found.chance.share, before=found.chance.before))
    return [*parts, text("command.readers_differ")] if found.agrees is False else parts


def _answered(prediction: Prediction, young: bool) -> list[str]:
    """The patient's result, as far as there is one; ``young`` where WHO categories do not hold."""
    if prediction.z_score is not None:
        return [text("command.z_score", z=prediction.z_score)]
    if prediction.category is None:
        density = prediction.bmd_g_cm2
        if density is None or prediction.t_score is not None:
            return []
        return [text("command.density_young" if young else "command.density_alone", bmd=density)]
    category = note(f"category.{prediction.category}")
    if prediction.t_score is None:
        share = prediction.probabilities.get(prediction.category, 0.0)
        return [text("command.category", category=category, share=share)]
    if prediction.interval is None:
        return [text("command.t_score", answer=headline(prediction), t=prediction.t_score)]
    low, high = prediction.interval
    return [text("command.t_interval", answer=headline(prediction), t=prediction.t_score, low=low, high=high)]


def _write_png(folder: Path, index: int, study: Study, report: Report) -> int:
    """Write the picture of a study that has one; exit status 1 when it cannot be drawn, which the log says."""
    try:
        picture = modality.picture(study, report)
    except Exception:
        log.exception("drawing failed")
        return 1
    if picture is None:
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{Path(report.file).stem}.png"
    if path.exists():
        path = folder / f"{Path(report.file).stem}_{index + 1}.png"
    path.write_bytes(picture)
    return 0


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
