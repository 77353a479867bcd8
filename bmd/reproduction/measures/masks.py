"""Masks on lateral films, pixel by pixel (Lim & Kim 2023): one foreground, lumbar or thoracic bodies."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from bmd.reproduction.plan import Columns, Figure, Measure, Outcome

LUMBAR, THORACIC = ("L1", "L2", "L3", "L4", "L5"), ("T10", "T11", "T12")
NAMES = ("dice", "pixel_accuracy", "precision", "recall", "auprc")


def films(network: Any, folder: str, size: int, levels: tuple[str, ...] = LUMBAR) -> Outcome:
    """Every film on which such a body is in view; a pixel is foreground where these levels together are likeliest."""
    from bmd.training.films import Films
    from bmd.training.tasks.film import pixel_figures

    people, columns = pixel_figures(network, Films(folder), size, levels)
    return Outcome(people, columns, "films")


def thoracic(network: Any, folder: str, size: int) -> Outcome:
    """The same of T10-T12."""
    return films(network, folder, size, THORACIC)


def _mean(name: str, columns: Columns) -> float:
    return float(np.nanmean(columns[name]))


FIGURES: dict[str, Figure] = {name: partial(_mean, name) for name in NAMES}
"""Means over films."""
MASKS = Measure(films, FIGURES)
THORACIC_MASKS = Measure(thoracic, FIGURES)
