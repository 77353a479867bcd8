"""Heat maps that say where a result comes from, each with the numbers that say how far to trust it."""

from __future__ import annotations

from bmd.types import Explanation, Report, Study

__all__ = ["explain"]


def explain(study: Study, report: Report, levels: tuple[str, ...] | None = None) -> tuple[Explanation, ...]:
    """Heat maps for the measured vertebrae (and, on a CT, hips) of a report; imports torch when first called.

    See ``maps.explain`` for films, ``ct.explain_ct`` for CT and ``dxa.explain_dxa`` for DXA images.
    """
    if report.modality == "dxa":
        from bmd.explanation.dxa import explain_dxa

        return explain_dxa(study, report)
    if report.modality == "ct":
        from bmd.explanation.ct import explain_ct

        return explain_ct(study, report, levels)
    from bmd.explanation.film import explain as run

    return run(study, report, levels)
