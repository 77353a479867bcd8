"""Calibrate what a picture shows: ``python -m bmd evaluate view --data FOLDER``; writes into the weights' metadata.

On simulated pictures no network has seen, disturbed as uploads are: one temperature for all probabilities, and the
least probability from which a picture is taken for a kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from bmd.evaluation.record import record
from bmd.inference import view
from bmd.inference.engine import Engine, default_engine
from bmd.inference.run import Networks
from bmd.inputs.view import every_way
from bmd.metrics import expected_calibration_error
from bmd.models._metadata import measurement
from bmd.models._registry import WEIGHTS
from bmd.training.tasks.view import Pictures, disturbed
from bmd.types import SHOWN

NAME = "view_cnn"
COHORT = "simulated_views"
WRONG = 0.005
"""Share of the pictures of all other kinds that may at most be taken for a lateral film, or for a scan of the spine."""
FROM = {view.LATERAL: view.SURE, view.SCAN: view.LIKELY}
"""Where the search for the least probability begins: a film that is wrongly taken gets names and numbers, on a wrongly
taken scan the network of regions still has to find a column of vertebrae."""
WANTED = tuple(FROM)
LATERAL, SCAN = (SHOWN.index(kind) for kind in WANTED)
Floats = NDArray[np.float64]


def calibrate_view(
    folder: str, count: int = 2000, engine: Engine | None = None, weights: Path = WEIGHTS
) -> dict[str, Any]:
    """Fit on the first half of the pictures, measure on the second, and write both into the metadata.

    Parameters
    ----------
    folder : str
        Shards of ``simulate --others`` that were not trained on.
    count : int
        Pictures at most.
    engine : Engine, optional
        Runs the network.
    weights : Path
        Folder of all weights.

    Returns
    -------
    dict
        ``temperature``, ``least``, ``least_scan``, and what was measured on the second half.

    Raises
    ------
    InputError
        No shards in the folder.
    """
    items = Pictures(folder, limit=count)
    networks = Networks(engine or default_engine())
    logits = np.stack(list(_answers(items, networks)))
    kinds = np.array([items[k].kind for k in range(len(items))])
    fitted, other = np.arange(len(kinds)) % 2 == 0, np.arange(len(kinds)) % 2 == 1
    temperature = _temperature(logits[fitted], kinds[fitted])
    shares = softmax(logits[fitted] / temperature, axis=1)
    least = {wanted: _least(shares, kinds[fitted], wanted) for wanted in WANTED}
    values = _values(softmax(logits[other] / temperature, axis=1), kinds[other], least)
    films = [items[int(k)].picture for k in np.flatnonzero(other & (kinds == LATERAL))]
    values["lateral_painted_out_refused"] = _refused_without_middle(films, networks, temperature, least[view.LATERAL])
    numbers = {
        "temperature": round(temperature, 3),
        "least": least[view.LATERAL],
        "least_scan": least[view.SCAN],
        "fitted_on": {"cohort": COHORT, "n": int(fitted.sum())},
    }
    measured = [measurement(COHORT, int(other.sum()), "pictures", "test", values)]
    record(weights / NAME, measured, calibration=numbers)
    return {key: numbers[key] for key in ("temperature", "least", "least_scan")} | {"n": int(other.sum()), **values}


def _answers(items: Pictures, networks: Networks) -> Iterator[Floats]:
    """Logits (11,) of every picture, disturbed by random numbers of its place alone."""
    for k in range(len(items)):
        picture = disturbed(items[k], np.random.default_rng((7, k)))
        yield networks.run(view.ROLE, every_way(picture))["logits"].mean(0).astype(np.float64)


def _temperature(logits: Floats, kinds: NDArray[np.int64]) -> float:
    """The temperature of least negative log likelihood."""

    def loss(log_t: float) -> float:
        return float(-log_softmax(logits / np.exp(log_t), axis=1)[np.arange(len(kinds)), kinds].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded").x))


def _least(shares: Floats, kinds: NDArray[np.int64], wanted: str) -> float:
    """The lowest probability that lets no more than ``WRONG`` of other pictures pass as wanted."""
    others = view.shares_of(shares, wanted)[kinds != SHOWN.index(wanted)]
    tried = np.round(np.arange(FROM[wanted], 0.96, 0.01), 2)
    return float(next((least for least in tried if (others >= least).mean() <= WRONG), tried[-1]))


def painted_out(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture with its middle, 80 % of the rows and 60 % of the columns, in its median grey: a frame is left."""
    shown = picture.copy()
    high, wide = picture.shape
    shown[high // 10 : high - high // 10, wide // 5 : wide - wide // 5] = np.median(picture)
    return shown


def _refused_without_middle(
    films: list[NDArray[np.float32]], networks: Networks, temperature: float, least: float
) -> float:
    """Share of lateral films that are none once their middle is painted out: the anatomy decides, not the frame."""
    logits = [networks.run(view.ROLE, every_way(painted_out(film)))["logits"].mean(0) for film in films]
    shares = softmax(np.stack(logits) / temperature, axis=1)[:, LATERAL]
    return round(float((shares < least).mean()), 4)


def _values(shares: Floats, kinds: NDArray[np.int64], least: dict[str, float]) -> dict[str, float]:
    film, scan = (view.shares_of(shares, wanted) >= least[wanted] for wanted in WANTED)
    named = shares.max(1) >= view.LIKELY
    right = shares.argmax(1) == kinds
    values = {
        "accuracy": right.mean(),
        "named": named.mean(),
        "accuracy_of_named": right[named].mean(),
        "ece": expected_calibration_error(kinds, shares),
        "lateral_kept": film[kinds == LATERAL].mean(),
        "others_refused": 1 - film[kinds != LATERAL].mean(),
        "dxa_kept": scan[kinds == SCAN].mean(),
        "others_refused_as_dxa": 1 - scan[kinds != SCAN].mean(),
    }
    return {key: round(float(value), 4) for key, value in values.items()}
