"""The ways in: one row per kind of input, from its files to its page.

Reading, analysing, explaining, drawing and simulating go through the row of the kind, so a new kind is one row (a file
here, named in ``MODALITIES``), one folder in each layer, one page and its words ("[modality.<kind>]"). What a row calls
is imported when it is called: lists, pickers and the first screen wait for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bmd.modality.ct import CT
from bmd.modality.demographics import DEMOGRAPHICS
from bmd.modality.dxa import DXA
from bmd.modality.film import FILM
from bmd.modality.opened import Opened, open_best
from bmd.modality.row import Draw, Modality, Models
from bmd.readers.source import Source, head
from bmd.types import Explanation, Report, Study

if TYPE_CHECKING:
    from bmd.inference.engine import Engine
    from bmd.inference.run import Progress

__all__ = [
    "CT",
    "DEMOGRAPHICS",
    "DXA",
    "FILM",
    "MODALITIES",
    "Draw",
    "Modality",
    "Models",
    "Opened",
    "adopted",
    "analyse",
    "by_kind",
    "explain",
    "kinds",
    "of",
    "of_path",
    "of_report",
    "open_best",
    "open_files",
    "picture",
    "with_files",
]

MODALITIES = (FILM, CT, DXA, DEMOGRAPHICS)
"""In the order of the navigation. What a file is, is asked in this order too; a film is what nobody claims."""


# --- looking up --------------------------------------------------------------------------------------------------
def kinds() -> tuple[str, ...]:
    """Keys of all kinds, in the order of the navigation."""
    return tuple(row.kind for row in MODALITIES)


def with_files() -> tuple[Modality, ...]:
    """The kinds that are read from files."""
    return tuple(row for row in MODALITIES if row.read is not None)


def by_kind(kind: str) -> Modality:
    """The row of a kind; KeyError for an unknown one."""
    return {row.kind: row for row in MODALITIES}[kind]


def of(study: Study) -> Modality:
    """The row of a study, by what it holds; without a picture it is a patient's figures alone."""
    return {row.holds: row for row in MODALITIES}[study.modality or DEMOGRAPHICS.holds]


def of_report(report: Report) -> Modality:
    """The row of a report."""
    return {row.holds: row for row in MODALITIES}[report.modality]


def of_path(path: Path) -> Modality:
    """The row that claims a file or folder, by its content; else film."""
    start = head(path)
    return next((row for row in MODALITIES if row.claims is not None and row.claims(path, start)), FILM)


def adopted(study: Study) -> Study:
    """A study that was read as a film, as what it shows: the first kind that adopts it, else as it is."""
    found = (row.adopt(study) for row in MODALITIES if row.adopt is not None)
    return next((study for study in found if study is not None), study)


def open_files(row: Modality, sources: Sequence[Source]) -> Opened:
    """The best study in files of one kind, ready to be analysed, and those that may be tried instead.

    Raises
    ------
    InputError
        There is none that can be read.
    """
    assert row.read is not None, "only what has files is opened"
    return Opened(row.read(sources)) if row.several is None else open_best(row.several(sources))


# --- doing -------------------------------------------------------------------------------------------------------
def analyse(
    study: Study,
    file: str = "",
    progress: Progress | None = None,
    engine: Engine | None = None,
    models: Models | None = None,
) -> Report:
    """Analyse a study of any kind. Imports torch.

    Parameters
    ----------
    study : Study
        From a row's ``read`` or the simulator.
    file : str
        Name to show in the report.
    progress : callable, optional
        Called with a share 0..1 (never falling, 1 last) and what is being done.
    engine : Engine, optional
        Runs the networks; by default the best one this machine has.
    models : mapping of str to str, optional
        Networks by role where the role's default is not wanted, such as {"localiser": "retinanet_aploss"}.

    Returns
    -------
    Report
        An unsuitable input gives a report with ``suitability.suitable`` False and its reasons, not an exception.

    Raises
    ------
    WeightsError
        Weights without which there is no result are missing or damaged.
    OptionError
        A network is unknown, or cannot run in that role or on that kind of input.
    """
    row = of(study)
    for role, name in (models or {}).items():
        row.check(name, role)
    return row.analyse(study, file, progress, engine, models or {})


def explain(study: Study, report: Report, levels: tuple[str, ...] | None = None) -> tuple[Explanation, ...]:
    """Heat maps for what was measured, of these levels or of all; none for kinds that have none. Imports torch."""
    row = of_report(report)
    return () if row.explain is None else row.explain(study, report, levels)


def picture(study: Study, report: Report) -> bytes | None:
    """A PNG of the study with its result drawn on it; None for kinds that have no picture."""
    row = of_report(report)
    return None if row.picture is None else row.picture(study, report)
