"""What a densitometer printed on a picture or a report page, as words and as rows of its table. Bottom layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Side = Literal["left", "right", "mean"]
PRINTED = "printed"
"""In place of a network's name: the densitometer's own result, as its page prints it."""
UNNAMED = "?"
"""Region of a row whose name could not be read for certain."""
COLUMNS = ("area_cm2", "bmc_g", "bmd_g_cm2", "t_score", "z_score")
"""What a row may hold, in the order of a Hologic table."""


@dataclass(frozen=True)
class Word:
    """A word on a page.

    Attributes
    ----------
    text : str
        As it stands there.
    box_px : tuple of float
        (x1, y1, x2, y2) in pixels of the page.
    sure : float
        Least probability of its letters, 0..1; 1 where the file itself holds the letters (a PDF's text layer).
    """

    text: str
    box_px: tuple[float, float, float, float]
    sure: float = 1.0


@dataclass(frozen=True)
class PrintedRow:
    """One row of a densitometer's table, read by machine. A value that is not certain is None and is named.

    Attributes
    ----------
    region : str
        "L1".."L4", several together as "L1-L4" or "L1, L2, L4", "neck" or "total_hip"; ``UNNAMED``.
    side : {"left", "right", "mean"} or None
        Of a hip, where the row says it.
    area_cm2, bmc_g, bmd_g_cm2, t_score, z_score : float or None
        As printed: cm2, g, g/cm2, and SDs from young adults and from the same age.
    box_px : tuple of float
        The row on the page.
    doubts : tuple of str
        Those of ``COLUMNS`` that are printed there and could not be read for certain.
    proven : bool
        Content over area gives the density within rounding.
    page : int
        Which of the study's images it stands on, from 0.
    """

    region: str
    side: Side | None
    area_cm2: float | None
    bmc_g: float | None
    bmd_g_cm2: float | None
    t_score: float | None
    z_score: float | None
    box_px: tuple[float, float, float, float]
    doubts: tuple[str, ...] = ()
    proven: bool = False
    page: int = 0
