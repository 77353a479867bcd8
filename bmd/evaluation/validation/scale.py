"""Which densitometer's scale a table's densities are on, and what T-score they mean on the scale used here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bmd.evaluation.validation.table import Patient
from bmd.reference import HOLOGIC, LUNAR, lunar_to_hologic, t_score

Scale = Literal["lunar", "hologic", "table"]
SCALES: tuple[Scale, ...] = ("lunar", "hologic", "table")
FEWEST = 20
"""Pairs of density and T-score from which the table's own reference is worked out."""
STRAIGHT = 0.99
"""Least correlation of such pairs: below it they were made with several references, and none is stated."""
NEAR = 0.004
"""g/cm2 within which the SD of the table's reference must be that of a maker (Hologic 0.110, Lunar 0.120)."""


@dataclass(frozen=True)
class Truth:
    """What T-scores of a cohort are compared with.

    Attributes
    ----------
    scale : {"lunar", "hologic", "table"}
        Lunar densities are converted to Hologic (Genant et al. 1994, ``reference.lunar_to_hologic``), Hologic ones
        taken as they are; "table": no density is used, T-scores are the table's own, whatever reference made them.
    asked : bool
        Whether the scale was given, not worked out.
    mean, sd : float or None
        The table's own reference, g/cm2, from its pairs of density and T-score.
    pairs : int
    """

    scale: Scale
    asked: bool
    mean: float | None = None
    sd: float | None = None
    pairs: int = 0

    def t(self, patient: Patient) -> float | None:
        """T-score of a patient against the reference used here, unrounded; None where it is not known."""
        if self.scale == "table":
            return patient.t
        if patient.bmd is None:
            return None
        bmd = lunar_to_hologic(patient.bmd) if self.scale == "lunar" else patient.bmd
        return float(t_score(bmd, "L1-L4"))


def truth_of(patients: Sequence[Patient], asked: Scale | None = None) -> Truth:
    """Work out the scale of a table, unless it is given.

    The SD of the reference tells makers apart better than its mean, which differs between populations: for Chinese
    women Lunar uses 1.114 g/cm2 and 0.12 where it uses 1.18 and 0.12 for white women. What fits neither maker is not
    guessed: the table's own T-scores are used as they are.
    """
    pairs = [(p.bmd, p.t) for p in patients if p.bmd is not None and p.t is not None]
    mean = sd = None
    if len(pairs) >= FEWEST:
        bmd, t = np.array(pairs, float).T
        if np.std(t) > 0 and np.corrcoef(bmd, t)[0, 1] >= STRAIGHT:
            slope, start = np.polyfit(t, bmd, 1)
            sd, mean = round(float(slope), 4), round(float(start), 4)
    if asked is not None:
        return Truth(asked, True, mean, sd, len(pairs))
    makers: dict[Scale, float] = {"lunar": LUNAR.sd["L1-L4"], "hologic": HOLOGIC.sd["L1-L4"]}
    near = [name for name, typical in makers.items() if sd is not None and abs(sd - typical) <= NEAR]
    return Truth(near[0] if near else "table", False, mean, sd, len(pairs))
