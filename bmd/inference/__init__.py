"""From a study to a report: gate, localise, measure. ``analyse`` is the only door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bmd.types import Report, Study

if TYPE_CHECKING:
    from bmd.inference.engine import Engine
    from bmd.inference.pipeline import Progress

__all__ = ["analyse"]


def analyse(study: Study, file: str = "", progress: Progress | None = None, engine: Engine | None = None) -> Report:
    """Analyse one lateral spine film; see ``pipeline.analyse``. Imports torch when first called."""
    from bmd.inference.pipeline import analyse as run

    return run(study, file, progress, engine)
