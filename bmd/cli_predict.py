"""The command ``predict``: films, CTs, DXA images or a patient's figures in; lines, JSON, CSV and pictures out."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bmd.errors import BmdError, InputError, OptionError
from bmd.text import sentences
from bmd.types import Demographics, Modality, Report, Study, Suitability

log = logging.getLogger(__name__)

MODALITIES: dict[str, Modality] = {"film": "radiograph", "ct": "ct", "dxa": "dxa"}
_HEAD_BYTES = 65_536
_FIGURES = ("age", "sex", "height", "weight")


@dataclass(frozen=True)
class Job:
    """One thing to analyse: its name, for people, what it is taken for, and how to read it."""

    name: str
    modality: Modality
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
    command.add_argument("--modality", choices=["auto", *MODALITIES], default="auto", help="what the files are")
    command.add_argument("--json", metavar="OUT.json", help="write a list with one object per file; - for the screen")
    command.add_argument("--csv", metavar="OUT.csv", help="write a table with one row per vertebra")
    command.add_argument("--png-dir", metavar="DIR", help="write each picture with its result drawn on it")
    command.add_argument("--explain", action="store_true", help="compute heat maps; their figures go into the JSON")
    command.add_argument("--age", type=float, metavar="YEARS", help="for all files; else what the file says")
    command.add_argument("--sex", type=str.upper, choices=["F", "M"])
    command.add_argument("--height", type=float, metavar="CM")
    command.add_argument("--weight", type=float, metavar="KG")
    command.add_argument("--strict", action="store_true", help="exit status 3 when any file is refused")
    command.set_defaults(wrong=command.error)


def predict(options: argparse.Namespace) -> int:
    """Analyse lateral spine films, abdominal CTs, DXA images, or a patient's figures alone."""
    _check_patient(options)
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
        from bmd.inference import assess

        yield None, assess(given(options), "demographics"), False
    for job in jobs([Path(file) for file in options.files], options.modality):
        yield _answer(job, options)


def _answer(job: Job, options: argparse.Namespace) -> tuple[Study | None, Report, bool]:
    study = None
    try:
        study = job.read()
        study = replace(study, patient=_merged(study.patient, given(options)))
        from bmd.inference import analyse

        report = analyse(study, job.name)
        if options.explain and report.vertebrae:
            from bmd.explanation import explain

            report = replace(report, explanations=explain(study, report))
        return study, report, False
    except InputError as error:
        return study, _refused(job, str(error)), False
    except BmdError:
        raise  # missing weights and the like concern every file
    except Exception:
        log.exception("analysis failed")  # a fault of ours: the other files still run
        what = {"ct": "CT", "dxa": "image"}.get(job.modality, "film")
        return study, _refused(job, f"Something went wrong while this {what} was analysed."), True


def jobs(paths: Sequence[Path], modality: str) -> list[Job]:
    """What there is to analyse: each folder, archive, volume or picture, and the CT slices among the files as one."""
    found: list[Job] = []
    slices: list[Path] = []
    for path in paths:
        kind = MODALITIES.get(modality) or _kind(path)
        if kind != "ct":
            found.append(Job(path.name, kind, partial(_read_picture, path, kind, modality == "auto")))
        elif path.is_dir() or not _is_slice(path):
            found.append(Job(path.name, "ct", partial(_read_volume, [path])))
        else:
            slices.append(path)
            if len(slices) == 1:
                found.append(Job(path.name, "ct", partial(_read_volume, slices)))  # sees those that follow
    return found


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return b""  # reading it later gives the message


def _kind(path: Path) -> Modality:
    """What a file is, by its content; anything that is no volume is a film until it is known better."""
    if path.is_dir():
        return "ct"
    from bmd.readers.volume import is_volume

    return "ct" if is_volume(_head(path)) or _is_slice(path) else "radiograph"


def _is_slice(path: Path) -> bool:
    from bmd.readers.ct_dicom import is_ct

    return is_ct(_head(path))


def _read_volume(paths: Sequence[Path]) -> Study:
    """The volume that suits best of a folder, a file or slices; others are named in the study's notes."""
    from bmd.readers.volume import read_paths

    choices = read_paths(paths)
    study = choices[0].load()
    if len(choices) > 1:
        others = "; ".join(choice.title for choice in choices[1:4])
        notes = (*study.notes, f"{len(choices)} volumes were found; the best suited was analysed. Others: {others}")
        study = replace(study, notes=notes)
    return study


def _read_picture(path: Path, kind: Modality, auto: bool = False) -> Study:
    """A film or DXA image; with ``auto`` its header or its content says which."""
    from bmd.readers import read_study
    from bmd.readers.limits import check_file_bytes

    try:
        check_file_bytes(path.stat().st_size)
        data = path.read_bytes()
    except OSError as error:
        raise InputError("The file cannot be opened", error.strerror or "", "Check its name") from error
    study = read_study(path.name, data)
    if auto:
        from bmd.inference.film.route import routed

        return routed(study)
    if kind != "dxa":
        return study
    from bmd.readers.dxa import as_dxa

    return as_dxa(study)


def _refused(job: Job, reason: str) -> Report:
    return Report(job.name, job.modality, Suitability(False, (reason,)))


def _check_patient(options: argparse.Namespace) -> None:
    from bmd.readers.patient import AGE_Y, HEIGHT_CM, WEIGHT_KG

    for word, (low, high) in (("age", AGE_Y), ("height", HEIGHT_CM), ("weight", WEIGHT_KG)):
        value = getattr(options, word)
        if value is not None and not low < value <= high:
            raise OptionError(f"--{word} must lie between {low:g} and {high:g}", f"{value:g}")


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
        return f"{report.file}: not analysed. {' '.join(sentences(report.suitability.reasons))}"
    parts = []
    if report.vertebrae or report.modality == "radiograph":
        levels = " ".join(vertebra.level or "?" for vertebra in report.vertebrae)
        parts.append(f"{levels}{'' if report.levels_certain else ' (levels uncertain)'}")
    if report.attenuation:
        parts.append("HU " + " ".join(f"{a.level or '?'} {a.mean_hu:.0f}" for a in report.attenuation))
    prediction = report.prediction
    if prediction is not None and prediction.t_score is not None:
        text = f"{prediction.category}, T-score {prediction.t_score:+.1f}"
        if prediction.interval:
            text += f" ({prediction.interval[0]:+.1f} to {prediction.interval[1]:+.1f})"
        parts.append(text)
    elif prediction is not None and prediction.category is not None:
        parts.append(f"{prediction.category} ({prediction.probabilities.get(prediction.category, 0):.0%})")
    return f"{report.file}: " + "; ".join([*parts, f"{report.seconds:.1f} s"])


def _write_png(folder: Path, index: int, study: Study, report: Report) -> None:
    from bmd.report import annotated_png

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{Path(report.file).stem}.png"
    if path.exists():
        path = folder / f"{Path(report.file).stem}_{index + 1}.png"
    path.write_bytes(annotated_png(study, report))


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
