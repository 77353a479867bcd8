"""Vertebrae L1-L4 from their crops: class, level and T-score of each body (Jung 2020, Table 5)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from bmd.metrics import class_mix, classes_of
from bmd.reference import OSTEOPENIA_BELOW_T, OSTEOPOROSIS_FROM_T
from bmd.reproduction.plan import Columns, Figure, Measure, Outcome

BORDERS = {
    "three": (OSTEOPENIA_BELOW_T, OSTEOPOROSIS_FROM_T),
    "osteoporosis": (OSTEOPOROSIS_FROM_T,),
    "at_risk": (OSTEOPENIA_BELOW_T,),
}
"""T-scores at which the classes of each of the paper's three labellings part."""
AT_ONCE = 32


def bodies(network: Any, folder: str, size: int) -> Outcome:
    """Every body of L1-L4 in view, cut at its true corners, from the film alone."""
    from bmd.training.films import Films
    from bmd.training.tasks.density import body_answers

    films = Films(folder)
    people, columns = body_answers(network, films, AT_ONCE)
    columns["truth"] = classes_of(columns["t"])
    return Outcome(people, columns, "bodies", tuple(np.round(class_mix(columns["truth"]), 4).tolist()))


def level_accuracy(columns: Columns) -> float:
    """Bodies whose level is named right, percent."""
    return float(100 * (columns["level"] == columns["level_said"]).mean())


def t_error(columns: Columns) -> float:
    """Mean squared error of the T-score; the paper does not say what its error is, its loss is this one."""
    return float(((columns["t"] - columns["t_said"]) ** 2).mean())


def head_accuracy(columns: Columns) -> float:
    """Bodies whose class is named right by the class head, in the labelling it was trained on, percent."""
    return float(100 * (columns["class"] == columns["class_said"]).mean())


def class_of(t: NDArray[Any], borders: tuple[float, ...]) -> NDArray[np.int64]:
    """Class of T-scores, counted from normal; at -2.5 and below osteoporosis, below -1.0 at risk."""
    below = [(t <= border) if border == OSTEOPOROSIS_FROM_T else (t < border) for border in borders]
    found: NDArray[np.int64] = np.sum(below, axis=0).astype(np.int64)
    return found


def mass_accuracy(scheme: str) -> Figure:
    """Bodies whose likeliest class, by the mass of the said distribution of T, is right, percent."""
    borders = BORDERS[scheme]

    def of(columns: Columns) -> float:
        below = [ndtr((border - columns["t_said"]) / columns["t_spread"]) for border in borders]
        edges = np.stack([np.ones_like(below[0]), *below, np.zeros_like(below[0])])
        said = (edges[:-1] - edges[1:]).argmax(0)
        return float(100 * (said == class_of(columns["t"], borders)).mean())

    return of


def _figures(accuracy: Figure) -> dict[str, Figure]:
    return {"accuracy": accuracy, "level_accuracy": level_accuracy, "t_error": t_error}


HEADS = Measure(bodies, _figures(head_accuracy))
BY_MASS = {scheme: Measure(bodies, _figures(mass_accuracy(scheme))) for scheme in BORDERS}
