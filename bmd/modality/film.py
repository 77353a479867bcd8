"""The way in of lateral spine films."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bmd.modality.row import PICTURES, Draw, Modality, Models
from bmd.readers.source import Source, named
from bmd.types import Explanation, Report, Study

if TYPE_CHECKING:
    from bmd.inference.engine import Engine
    from bmd.inference.run import Progress


def _read_film(sources: Sequence[Source]) -> Study:
    from bmd.readers import read_study

    (source,) = sources
    return read_study(*named(source))


def _analyse_film(study: Study, file: str, progress: Progress | None, engine: Engine | None, models: Models) -> Report:
    from bmd.inference.film.pipeline import analyse

    return analyse(study, file, progress, engine, models)


def _explain_film(study: Study, report: Report, levels: tuple[str, ...] | None) -> tuple[Explanation, ...]:
    from bmd.explanation.film import explain

    return explain(study, report, levels)


def draw(study: Study, report: Report) -> bytes:
    """The first picture of a study with its result drawn on it, as PNG."""
    from bmd.report.film.png import annotated_png

    return annotated_png(study, report)


def _simulate_films(wanted: Draw) -> Sequence[str]:
    """Lateral films; with ``others`` pictures of every kind, for the network that tells them apart."""
    from bmd.simulator.shards import views
    from bmd.simulator.shards.film import write_shards

    if wanted.others:
        return views.write_shards(wanted.out, wanted.count, wanted.seed, wanted.workers)
    return write_shards(
        wanted.out, wanted.count, wanted.seed, wanted.workers, cohort=wanted.cohort, ap_share=wanted.ap_share
    )


def _film_sheet(wanted: Draw) -> bytes:
    from bmd.report.film.sheet import simulated_sheet

    return simulated_sheet(
        range(wanted.seed, wanted.seed + wanted.count), wanted.columns, wanted.view, wanted.finding, wanted.outlines
    )


FILM = Modality(
    kind="film",
    holds="radiograph",
    page="spine_xray",
    icon="radiology",
    formats=PICTURES,
    read=_read_film,
    analyse=_analyse_film,
    roles={"localiser": ("masks", "outlines", "boxes", "instances"), "density": ("measure",), "view": ("view",)},
    explain=_explain_film,
    picture=draw,
    simulate=_simulate_films,
    sheet=_film_sheet,
)
