"""The ways in: one row per kind of input, from its files to its page.

Reading, analysing, explaining, drawing and simulating go through the row of the kind, so a new kind is one row here,
one folder in each layer, one page and its words ("[modality.<kind>]"). What a row calls is imported when it is called:
lists, pickers and the first screen wait for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bmd.findings import note
from bmd.readers.source import Source, head, named
from bmd.types import Explanation, Report, Study

if TYPE_CHECKING:
    from bmd.inference.engine import Engine
    from bmd.inference.film.pipeline import Progress


@dataclass(frozen=True)
class Draw:
    """What to simulate: so many cases from a seed on. A kind leaves out what it has not.

    ``out`` is the folder of the shards; ``view``, ``finding``, ``columns`` and ``outlines`` are for contact sheets.
    """

    count: int
    seed: int = 0
    out: str = ""
    workers: int = 1
    cohort: str = "film"
    ap_share: float = 0.0
    others: bool = False
    view: str = "lateral"
    finding: str | None = None
    columns: int = 6
    outlines: bool = False


@dataclass(frozen=True, kw_only=True)
class Modality:
    """One way in.

    Attributes
    ----------
    kind : str
        Its key: what a session holds it under, ``predict --modality``, the folder's name in every layer.
    holds : str
        ``Image.modality`` and ``Report.modality`` of such a study.
    page, icon : str
        File in ``pages/`` without its ending, and its sign in the navigation.
    analyse : callable
        (study, file, progress, engine) to a report.
    formats : tuple of str
        What its files may be, for people; empty where there are no files.
    read : callable or None
        Files of one study to that study; raises ``InputError`` or ``LimitError``.
    claims : callable or None
        Whether a path is such an input, by its first bytes; a picture that nobody claims is a film.
    joins : callable or None
        Whether a file, by its first bytes, is one part of a study of many files.
    adopt : callable or None
        Such a study out of one that was read as a film but shows this; None where it does not.
    explain : callable or None
        (study, report, levels) to heat maps.
    picture : callable or None
        (study, report) to a PNG with the result drawn on it.
    simulate : callable or None
        Writes cases as shards for training; gives their paths.
    sheet : callable or None
        Draws simulated cases as one PNG.
    """

    kind: str
    holds: str
    page: str
    icon: str
    analyse: Callable[[Study, str, Progress | None, Engine | None], Report]
    formats: tuple[str, ...] = ()
    read: Callable[[Sequence[Source]], Study] | None = None
    claims: Callable[[Path, bytes], bool] | None = None
    joins: Callable[[bytes], bool] | None = None
    adopt: Callable[[Study], Study | None] | None = None
    explain: Callable[[Study, Report, tuple[str, ...] | None], tuple[Explanation, ...]] | None = None
    picture: Callable[[Study, Report], bytes] | None = None
    simulate: Callable[[Draw], Sequence[str]] | None = None
    sheet: Callable[[Draw], bytes] | None = None

    @property
    def title(self) -> str:
        """Code of its name for people, that of its page."""
        return f"modality.{self.kind}.title"

    @property
    def noun(self) -> str:
        """Code of the word for one such input."""
        return f"modality.{self.kind}.noun"

    @property
    def way(self) -> str:
        """Code of the sentence on what such an input is and what comes out."""
        return f"modality.{self.kind}.way"

    @property
    def cases(self) -> str:
        """Code of the word for many simulated ones."""
        return f"modality.{self.kind}.cases"


# --- films -------------------------------------------------------------------------------------------------------
def _read_film(sources: Sequence[Source]) -> Study:
    from bmd.readers import read_study

    (source,) = sources
    return read_study(*named(source))


def _analyse_film(study: Study, file: str, progress: Progress | None, engine: Engine | None) -> Report:
    from bmd.inference.film.pipeline import analyse

    return analyse(study, file, progress, engine)


def _explain_film(study: Study, report: Report, levels: tuple[str, ...] | None) -> tuple[Explanation, ...]:
    from bmd.explanation.film import explain

    return explain(study, report, levels)


def _draw(study: Study, report: Report) -> bytes:
    from bmd.report.film.png import annotated_png

    return annotated_png(study, report)


def _simulate_films(wanted: Draw) -> Sequence[str]:
    from bmd.simulator.shards.film import write_shards

    return write_shards(
        wanted.out, wanted.count, wanted.seed, wanted.workers, cohort=wanted.cohort, ap_share=wanted.ap_share
    )


def _film_sheet(wanted: Draw) -> bytes:
    from bmd.report.film.sheet import simulated_sheet

    return simulated_sheet(
        range(wanted.seed, wanted.seed + wanted.count), wanted.columns, wanted.view, wanted.finding, wanted.outlines
    )


# --- CT ----------------------------------------------------------------------------------------------------------
def _read_ct(sources: Sequence[Source]) -> Study:
    """The volume that suits best; others are named in the study's notes."""
    from bmd.readers.volume import read_paths, read_volumes

    files = [source for source in sources if not isinstance(source, Path)]
    choices = read_volumes(files) if files else read_paths([source for source in sources if isinstance(source, Path)])
    study = choices[0].load()
    if len(choices) > 1:
        others = tuple(choice.title for choice in choices[1:4])
        study = replace(study, notes=(*study.notes, note("read.ct.others", count=len(choices), others=others)))
    return study


def _is_ct(path: Path, start: bytes) -> bool:
    from bmd.readers.volume import is_volume

    return path.is_dir() or is_volume(start) or _is_slice(start)


def _is_slice(start: bytes) -> bool:
    from bmd.readers.ct_dicom import is_ct

    return is_ct(start)


def _analyse_ct(study: Study, file: str, progress: Progress | None, engine: Engine | None) -> Report:
    from bmd.inference.ct.pipeline import analyse_ct

    return analyse_ct(study, file, progress, engine)


def _explain_ct(study: Study, report: Report, levels: tuple[str, ...] | None) -> tuple[Explanation, ...]:
    from bmd.explanation.ct import explain_ct

    return explain_ct(study, report, levels)


def _draw_ct(study: Study, report: Report) -> bytes:
    from bmd.report.ct.plane import spine_plane

    return _draw(*spine_plane(study, report))


def _simulate_ct(wanted: Draw) -> Sequence[str]:
    from bmd.simulator.shards.ct import write_ct_shards

    return write_ct_shards(wanted.out, wanted.count, wanted.seed, wanted.workers, cohort=wanted.cohort)


def _ct_sheet(wanted: Draw) -> bytes:
    from bmd.report.ct.sheet import simulated_sheet

    return simulated_sheet(range(wanted.seed, wanted.seed + wanted.count), wanted.finding)


# --- DXA ---------------------------------------------------------------------------------------------------------
def _read_dxa(sources: Sequence[Source]) -> Study:
    from bmd.readers import read_study

    (source,) = sources
    return read_study(*named(source), "dxa")


def _adopt_dxa(study: Study) -> Study | None:
    from bmd.inference.film.route import is_dxa
    from bmd.readers.dxa import as_dxa

    return as_dxa(study) if is_dxa(study) else None


def _analyse_dxa(study: Study, file: str, progress: Progress | None, engine: Engine | None) -> Report:
    from bmd.inference.dxa.pipeline import analyse_dxa

    return analyse_dxa(study, file, progress, engine)


def _explain_dxa(study: Study, report: Report, levels: tuple[str, ...] | None) -> tuple[Explanation, ...]:
    from bmd.explanation.dxa import explain_dxa

    return explain_dxa(study, report)


def _simulate_dxa(wanted: Draw) -> Sequence[str]:
    from bmd.simulator.shards.dxa import write_shards

    return write_shards(
        wanted.out, wanted.count, wanted.seed, wanted.workers, cohort=wanted.cohort, others=wanted.others
    )


# --- a patient's figures -----------------------------------------------------------------------------------------
def _assess(study: Study, file: str, progress: Progress | None, engine: Engine | None) -> Report:
    from bmd.inference import assess

    return assess(study.patient, file)


PICTURES = ("DICOM", "PNG", "JPEG", "TIFF")
FILM = Modality(
    kind="film",
    holds="radiograph",
    page="spine_xray",
    icon="radiology",
    formats=PICTURES,
    read=_read_film,
    analyse=_analyse_film,
    explain=_explain_film,
    picture=_draw,
    simulate=_simulate_films,
    sheet=_film_sheet,
)
CT = Modality(
    kind="ct",
    holds="ct",
    page="abdominal_ct",
    icon="view_in_ar",
    formats=("DICOM", "NIfTI", "ZIP"),
    read=_read_ct,
    claims=_is_ct,
    joins=_is_slice,
    analyse=_analyse_ct,
    explain=_explain_ct,
    picture=_draw_ct,
    simulate=_simulate_ct,
    sheet=_ct_sheet,
)
DXA = Modality(
    kind="dxa",
    holds="dxa",
    page="dxa",
    icon="skeleton",
    formats=PICTURES,
    read=_read_dxa,
    adopt=_adopt_dxa,
    analyse=_analyse_dxa,
    explain=_explain_dxa,
    picture=_draw,
    simulate=_simulate_dxa,
)
DEMOGRAPHICS = Modality(
    kind="demographics",
    holds="demographics",
    page="demographics",
    icon="person",
    analyse=_assess,
)
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


# --- doing -------------------------------------------------------------------------------------------------------
def analyse(study: Study, file: str = "", progress: Progress | None = None, engine: Engine | None = None) -> Report:
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

    Returns
    -------
    Report
        An unsuitable input gives a report with ``suitability.suitable`` False and its reasons, not an exception.

    Raises
    ------
    WeightsError
        Weights without which there is no result are missing or damaged.
    """
    return of(study).analyse(study, file, progress, engine)


def explain(study: Study, report: Report, levels: tuple[str, ...] | None = None) -> tuple[Explanation, ...]:
    """Heat maps for what was measured, of these levels or of all; none for kinds that have none. Imports torch."""
    row = of_report(report)
    return () if row.explain is None else row.explain(study, report, levels)


def picture(study: Study, report: Report) -> bytes | None:
    """A PNG of the study with its result drawn on it; None for kinds that have no picture."""
    row = of_report(report)
    return None if row.picture is None else row.picture(study, report)
