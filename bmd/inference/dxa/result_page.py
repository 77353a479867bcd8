"""A DXA image or a page with printed results in, a report out: what is printed is read first, and read alone.

On a page with a table the pictures are illustrations: they are not analysed, and the answer is the densitometer's own,
read by machine. Everything else goes the way of a scan (``pipeline``).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from bmd import reference
from bmd.findings import Finding, refusal, warning
from bmd.inference.dxa.pipeline import analyse_dxa
from bmd.inference.dxa.printed import read_printed
from bmd.inference.engine import Engine
from bmd.inference.patient import below_who_age, of_age
from bmd.inference.run import Progress, Teller
from bmd.printed import PRINTED, UNNAMED, PrintedRow
from bmd.types import Demographics, Prediction, Report, Study, Suitability

log = logging.getLogger(__name__)

SITES = {"neck": "femoral_neck", "total_hip": "total_hip"}
"""Code of the site that a row's region is."""


def analyse(
    study: Study,
    file: str = "",
    progress: Progress | None = None,
    engine: Engine | None = None,
    models: Mapping[str, str] | None = None,
) -> Report:
    """Read what is printed; where there is no table, analyse the picture; see ``modality.analyse``."""
    start = time.perf_counter()
    rows: tuple[PrintedRow, ...] = ()
    lacking: tuple[Finding, ...] = ()
    try:
        rows = tuple(_rows(study, progress))
    except ImportError as error:  # everything else works without
        log.warning("printed results are not read: %s is not installed", error.name)
        lacking = (warning("dxa.printed.no_reader"),)
    if not rows and study.origin != "PDF":
        report = analyse_dxa(study, file, progress, engine, models)
        return replace(report, warnings=(*report.warnings, *lacking)) if lacking else report
    if progress is not None:
        Teller(progress)(1.0, "progress.done")
    reason = why_not(rows)
    verdict = Suitability(
        reason is None, () if reason is None else (reason,), scores={"printed_rows": float(len(rows))}
    )
    report = Report(file, "dxa", verdict, patient=study.patient, notes=study.notes, warnings=lacking)
    if reason is None:
        report = described(report, rows)
    return replace(report, seconds=round(time.perf_counter() - start, 3))


def has_table(study: Study) -> bool:
    """Whether a picture that was read as a film is a page with a densitometer's results."""
    try:
        return len(study.images) == 1 and any(certain(row) for row in _rows(study, None))
    except ImportError:
        return False


def _rows(study: Study, progress: Progress | None) -> Iterator[PrintedRow]:
    """The rows of all pages, but of a scan that holds its own densities."""
    if any(image.unit == "g/cm2" for image in study.images):
        return
    for page, image in enumerate(study.images):
        Teller(progress)(0.01 + 0.9 * page / len(study.images), "progress.reading_letters")
        words = study.words[page] if page < len(study.words) else ()
        yield from (replace(row, page=page) for row in read_printed(image.pixels, words))


def certain(row: PrintedRow) -> bool:
    """Whether any density or score of a row was read for certain."""
    return any(value is not None for value in (row.bmd_g_cm2, row.t_score, row.z_score))


def why_not(rows: Sequence[PrintedRow]) -> Finding | None:
    """Why a page is refused: no table, or nothing certain in it."""
    if not rows:
        return refusal("dxa.printed.no_table")
    return None if any(certain(row) for row in rows) else refusal("dxa.printed.unread")


def described(report: Report, rows: Sequence[PrintedRow]) -> Report:
    """The report with what is printed, what may be doubted in it, and the patient's result where it is certain."""
    deciding = tuple(_deciding(rows))
    found = None if _lacks(rows, deciding) else _answer(deciding, report.patient)
    return replace(
        report,
        printed=tuple(rows),
        prediction=found,
        answers=() if found is None else (found,),
        levels_certain=True,
        warnings=tuple(_warnings(rows, deciding, found, report.patient)),
    )


def _deciding(rows: Sequence[PrintedRow]) -> Iterator[PrintedRow]:
    """The rows that the WHO category goes by: the spine's whole, femoral neck and total hip (ISCD 2023)."""
    wholes = [row for row in rows if _levels(row.region)[1:]]
    if wholes:
        most = max(len(_levels(row.region)) for row in wholes)
        yield from (row for row in wholes if len(_levels(row.region)) == most)
    for region in SITES:
        hips = [row for row in rows if row.region == region]
        sides = [row for row in hips if row.side != "mean"]
        yield from sides or hips


def _lacks(rows: Sequence[PrintedRow], deciding: Sequence[PrintedRow]) -> bool:
    """Whether a row that would decide may stand on the page unread: an unnamed one, the whole of all levels that are
    there, neck or total of a hip of which the other is there.
    """
    single = {row.region for row in rows if len(_levels(row.region)) == 1}
    wholes = [set(_levels(row.region)) for row in deciding if row.region not in SITES]
    uncovered = bool(single) and not any(single <= levels for levels in wholes)
    sides = [{row.side for row in rows if row.region == region} for region in SITES]
    return uncovered or sides[0] != sides[1] or any(row.region == UNNAMED for row in rows)


def _levels(region: str) -> tuple[str, ...]:
    """The vertebrae that a row is of."""
    if not region.startswith("L"):
        return ()
    if "-" in region:
        return tuple(f"L{number}" for number in range(int(region[1]), int(region[-1]) + 1))
    return tuple(region.split(", "))


def _answer(rows: Sequence[PrintedRow], patient: Demographics) -> Prediction | None:
    """The lowest T-score with its category; under 50 the lowest Z-score; None where a printed one is not certain."""
    young = below_who_age(patient)
    column = "z_score" if young else "t_score"
    if any(column in row.doubts for row in rows):
        return None
    told = [(score, row) for row in rows if (score := getattr(row, column)) is not None]
    if not told:
        return None
    score, row = min(told, key=lambda pair: pair[0])
    level = None if row.region == "L1-L4" else SITES.get(row.region, row.region)
    bare = Prediction(level, row.bmd_g_cm2, None, None, {}, None, PRINTED)
    if young:
        return replace(bare, z_score=score)
    shown = reference.reported_t(score)
    return replace(bare, t_score=shown, category=reference.category(shown))


def _warnings(
    rows: Sequence[PrintedRow], deciding: Sequence[PrintedRow], found: Prediction | None, patient: Demographics
) -> Iterator[Finding]:
    yield warning("dxa.printed.compare")
    if any(row.doubts for row in rows):
        yield warning("dxa.printed.doubtful", count=sum(len(row.doubts) for row in rows))
    if not deciding:
        yield warning("dxa.printed.no_whole")
    elif found is None:
        yield warning("dxa.printed.undecided")
    if found is not None:
        yield warning("dxa.printed.own_reference")
    yield from of_age(patient)
