"""The way in of a patient's figures alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bmd.modality.row import Modality, Models
from bmd.types import Report, Study

if TYPE_CHECKING:
    from bmd.inference.engine import Engine
    from bmd.inference.run import Progress


def _assess(study: Study, file: str, progress: Progress | None, engine: Engine | None, models: Models) -> Report:
    from bmd.inference.demographics.assess import assess_patient

    return assess_patient(study.patient, file, engine=engine, models=models)


DEMOGRAPHICS = Modality(
    kind="demographics",
    holds="demographics",
    page="demographics",
    icon="person",
    analyse=_assess,
    roles={"demographics": ("survey",)},
)
