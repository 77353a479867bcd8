"""From a study to a report. ``analyse`` is the only door for pictures, ``assess`` the one for a form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bmd.types import Demographics, Report, Study

if TYPE_CHECKING:
    from bmd.inference.engine import Engine
    from bmd.inference.film.pipeline import Progress

__all__ = ["analyse", "assess"]


def analyse(study: Study, file: str = "", progress: Progress | None = None, engine: Engine | None = None) -> Report:
    """Analyse a lateral spine film, an abdominal CT or a DXA image, by the study's modality.

    See ``film.pipeline.analyse``, ``ct.pipeline.analyse_ct`` and ``dxa.pipeline.analyse_dxa``. Imports torch.
    """
    modality = study.modality or "radiograph"
    if modality == "ct":
        from bmd.inference.ct.pipeline import analyse_ct as run
    elif modality == "dxa":
        from bmd.inference.dxa.pipeline import analyse_dxa as run
    else:
        from bmd.inference.film.pipeline import analyse as run
    return run(study, file, progress, engine)


def assess(patient: Demographics, file: str = "", reference: str = "hologic") -> Report:
    """What age, sex, height and weight alone say; see ``demographics.assess_patient``. Imports torch."""
    from bmd.inference.demographics.assess import assess_patient

    return assess_patient(patient, file, reference)
