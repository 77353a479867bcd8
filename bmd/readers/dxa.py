"""How a study becomes a DXA image."""

from __future__ import annotations

from dataclasses import replace

from bmd.types import Study


def as_dxa(study: Study) -> Study:
    """The same pictures read as a DXA image of the spine; a view that the file names is kept."""
    return replace(
        study, images=tuple(replace(image, modality="dxa", view=image.view or "ap") for image in study.images)
    )
