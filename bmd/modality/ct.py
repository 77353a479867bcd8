"""The way in of abdominal CT."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bmd.modality.film import draw
from bmd.modality.opened import Candidate, open_best
from bmd.modality.row import Draw, Modality, Models
from bmd.readers.source import Source
from bmd.types import Explanation, Report, Study

if TYPE_CHECKING:
    from bmd.inference.engine import Engine
    from bmd.inference.run import Progress


def _choices(sources: Sequence[Source]) -> Sequence[Candidate]:
    """The volumes in the files, best first."""
    from bmd.readers.volume import read_paths, read_volumes

    files = [source for source in sources if not isinstance(source, Path)]
    return read_volumes(files) if files else read_paths([source for source in sources if isinstance(source, Path)])


def _read_ct(sources: Sequence[Source]) -> Study:
    """The volume that suits best by its headers; others are named in the study's notes."""
    return open_best(_choices(sources)).study


def _is_ct(path: Path, start: bytes) -> bool:
    from bmd.readers.volume import is_volume

    return path.is_dir() or is_volume(start) or _is_slice(start)


def _is_slice(start: bytes) -> bool:
    from bmd.readers.ct_dicom import is_ct

    return is_ct(start)


def _analyse_ct(study: Study, file: str, progress: Progress | None, engine: Engine | None, models: Models) -> Report:
    from bmd.inference.ct.pipeline import analyse_ct

    return analyse_ct(study, file, progress, engine, models)


def _explain_ct(study: Study, report: Report, levels: tuple[str, ...] | None) -> tuple[Explanation, ...]:
    from bmd.explanation.ct import explain_ct

    return explain_ct(study, report, levels)


def _draw_ct(study: Study, report: Report) -> bytes:
    from bmd.report.ct.plane import spine_plane

    return draw(*spine_plane(study, report))


def _simulate_ct(wanted: Draw) -> Sequence[str]:
    from bmd.simulator.shards.ct import write_ct_shards

    return write_ct_shards(wanted.out, wanted.count, wanted.seed, wanted.workers, cohort=wanted.cohort)


def _ct_sheet(wanted: Draw) -> bytes:
    from bmd.report.ct.sheet import simulated_sheet

    return simulated_sheet(range(wanted.seed, wanted.seed + wanted.count), wanted.finding)


CT = Modality(
    kind="ct",
    holds="ct",
    page="abdominal_ct",
    icon="view_in_ar",
    formats=("DICOM", "NIfTI", "ZIP"),
    read=_read_ct,
    several=_choices,
    claims=_is_ct,
    joins=_is_slice,
    analyse=_analyse_ct,
    roles={
        "localiser": ("masks", "outlines"),  # on the film computed from the CT
        "slices": ("slice",),
        "femur_image": ("hip",),
        "femur_demographics": ("hip_patient",),
        "femur_multimodal": ("hip_and_patient",),
    },
    explain=_explain_ct,
    picture=_draw_ct,
    simulate=_simulate_ct,
    sheet=_ct_sheet,
)
