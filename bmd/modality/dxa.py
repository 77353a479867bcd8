"""The way in of DXA images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bmd.modality.film import draw
from bmd.modality.row import PICTURES, Draw, Modality, Models
from bmd.readers.source import Source, named
from bmd.types import Explanation, Report, Study

if TYPE_CHECKING:
    from bmd.inference.engine import Engine
    from bmd.inference.run import Progress


def _read_dxa(sources: Sequence[Source]) -> Study:
    from bmd.readers import read_study

    (source,) = sources
    return read_study(*named(source), "dxa")


def _adopt_dxa(study: Study) -> Study | None:
    from bmd.inference.dxa.route import is_dxa
    from bmd.readers.dxa import as_dxa

    return as_dxa(study) if is_dxa(study) else None


def _analyse_dxa(study: Study, file: str, progress: Progress | None, engine: Engine | None, models: Models) -> Report:
    from bmd.inference.dxa.result_page import analyse

    return analyse(study, file, progress, engine, models)


def _explain_dxa(study: Study, report: Report, levels: tuple[str, ...] | None) -> tuple[Explanation, ...]:
    from bmd.explanation.dxa import explain_dxa

    return explain_dxa(study, report)


def _is_report(path: Path, start: bytes) -> bool:
    """Whether a file is a document, of which only reports of densitometers are read."""
    return start.startswith(b"%PDF")


def _draw_dxa(study: Study, report: Report) -> bytes:
    if not report.printed:
        return draw(study, report)
    from bmd.report.printed import table_png

    return table_png(study, report, report.printed[0].page)


def _simulate_dxa(wanted: Draw) -> Sequence[str]:
    from bmd.simulator.shards.dxa import write_shards

    return write_shards(
        wanted.out, wanted.count, wanted.seed, wanted.workers, cohort=wanted.cohort, others=wanted.others
    )


DXA = Modality(
    kind="dxa",
    holds="dxa",
    page="dxa",
    icon="skeleton",
    formats=(*PICTURES, "PDF"),
    read=_read_dxa,
    claims=_is_report,
    adopt=_adopt_dxa,
    analyse=_analyse_dxa,
    roles={"dxa_regions": ("regions",), "dxa_way": ("regions",), "dxa_density": ("dxa",), "view": ("view",)},
    explain=_explain_dxa,
    picture=_draw_dxa,
    simulate=_simulate_dxa,
)
