"""The CT networks on simulated people that none has seen: temperatures fitted on one part, figures on another.

Run ``python -m bmd evaluate ct --calibration FOLDER --data FOLDER``. Crops are the simulator's own, in the class mix of
each paper; the chain from a volume to a crop is not in these figures.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from bmd.evaluation import published
from bmd.metrics import (
    auc,
    bootstrap,
    brier_error,
    class_mix,
    classification,
    confusion,
    expected_calibration_error,
    macro_auc,
)
from bmd.models import _registry as registry
from bmd.models._metadata import measurement, update
from bmd.models._registry import WEIGHTS
from bmd.reference import CATEGORIES

log = logging.getLogger(__name__)

NETWORKS = ("pair_acm", "femur_image", "femur_demographics", "femur_multimodal")
PUBLISHED = {
    "pair_acm": ("choi2021", "pair ensemble"),
    "femur_image": ("ha2024", "6-layer CNN, image"),
    "femur_demographics": ("ha2024", "2-layer network, demographics"),
    "femur_multimodal": ("ha2024", "both"),
}
"""Paper and row of ``published`` that asked the same."""


def figures(
    truth: NDArray[np.int64],
    logits: NDArray[np.floating],
    temperature: float,
    people: NDArray[np.integer],
    seed: int = 0,
) -> dict[str, float]:
    """Figures of calibrated answers, with 95 % intervals over people.

    Parameters
    ----------
    truth : ndarray
        int (n,) classes.
    logits : ndarray
        (n, 3).
    temperature : float
        Logits are divided by it.
    people : ndarray
        int (n,) whose rows belong together.
    """
    z = logits / temperature
    share = softmax(z, axis=1)
    said = share.argmax(1)
    table = confusion(truth, said)
    found = {"n": float(len(truth)), "people": float(len(np.unique(people)))}
    found |= {f"share_{name}": float(v) for name, v in zip(CATEGORIES, class_mix(truth), strict=True)}
    found |= classification(truth, said) | {"macro_auc": macro_auc(truth, share)}
    for name, statistic in (("accuracy", _accuracy), ("macro_auc", macro_auc)):
        given = said if name == "accuracy" else share
        _, low, high = bootstrap(statistic, truth, given, patients=people, count=300, seed=seed)
        found |= {f"{name}_low": low, f"{name}_high": high}
    found["osteoporosis_auc"] = auc(truth == 2, share[:, 2])
    found["calibration_error"] = expected_calibration_error(truth, share)
    found["brier_error"] = brier_error(truth, share)
    for i, true in enumerate(CATEGORIES):
        found[f"sensitivity_{true}"] = float(table[i, i] / max(1, table[i].sum()))
        found |= {f"true_{true}_said_{name}": float(table[i, j]) for j, name in enumerate(CATEGORIES)}
    return {key: round(value, 4) for key, value in found.items()}


def _accuracy(truth: NDArray[np.int64], said: NDArray[np.int64]) -> float:
    return float((truth == said).mean())


def answers(
    name: str, folder: str | Path, weights: Path = WEIGHTS
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """A network's logits for the items of a folder in the paper's class mix, the true classes and the people."""
    from bmd.training.tasks.ct import KINDS, CtItems, ct_logits

    kind = KINDS[registry.spec(name).task]
    items = CtItems(folder, kind, repeat=False)
    logits = ct_logits(kind, registry.load(name, weights), items)["logits"]
    rows = [items[i] for i in range(len(items))]
    return logits, np.array([r.category for r in rows]), np.array([r.person for r in rows])


def of_people(
    logits: NDArray[np.floating], truth: NDArray[np.int64], people: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Mean logits and the class of everyone with two or more slices, as ``inference.slices`` answers for a patient."""
    _, first, inverse, count = np.unique(people, return_index=True, return_inverse=True, return_counts=True)
    total = np.zeros((len(first), 3))
    np.add.at(total, inverse, logits)
    return (total / count[:, None])[count >= 2], truth[first][count >= 2]


def calibrate_ct(
    calibration: str | Path, data: str | Path, weights: Path = WEIGHTS, names: tuple[str, ...] = NETWORKS
) -> dict[str, Any]:
    """Fit temperatures, measure, and write both into the metadata of the networks that have weights.

    Parameters
    ----------
    calibration, data : path
        Shards of people that were not trained on: to fit, and to measure.
    weights : Path
        Folder with the networks' weights.
    names : tuple of str
        Which networks.

    Returns
    -------
    dict
        For each network ``calibration`` and ``metrics``.
    """
    from bmd.training import tasks

    found = {}
    for name in names:
        if not (weights / name / "metadata.json").is_file():
            log.info("%s has no weights", name)
            continue
        task = tasks.find(registry.spec(name).task)
        logits, truth, people = answers(name, calibration, weights)
        test_logits, test_truth, test_people = answers(name, data, weights)
        temperature, seen = fit_temperature(logits, truth), len(np.unique(test_people))
        numbers: dict[str, Any] = {"fitted_on": {"cohort": task.cohort, "n": len(np.unique(people))}}
        values = figures(test_truth, test_logits, temperature, test_people)
        parts = {"people": None} if task.unit == "people" else {"people": seen}
        entries = [measurement(task.cohort, len(test_truth), task.unit, "test", values, **parts)]
        if task.unit == "slices":
            joined, classes = of_people(logits, truth, people)
            numbers |= {"slice_temperature": temperature, "patient_temperature": fit_temperature(joined, classes)}
            joined, classes = of_people(test_logits, test_truth, test_people)
            values = figures(classes, joined, numbers["patient_temperature"], np.arange(len(classes)))
            entries.append(measurement(task.cohort, len(classes), "people", "test", values, inputs="slices"))
        else:
            numbers["temperature"] = temperature
        numbers = {k: round(v, 4) if isinstance(v, float) else v for k, v in numbers.items()}
        found[name] = {"calibration": numbers, "metrics": entries}
        update(weights / name, entries, calibration=numbers, published=_published(name))
    return found


def _published(name: str) -> dict[str, Any]:
    """What the paper reports of its own network."""
    paper, row = PUBLISHED[name]
    beside = next(r for r in published.results(paper) if r.model == row)
    return {"paper": published.PAPERS[paper], "measured_on": beside.measured_on, "values": beside.values}


def log_loss(logits: NDArray[np.floating], truth: NDArray[np.int64], temperature: float) -> float:
    """Mean negative log likelihood of classes (n,) under logits (n, 3) divided by a temperature."""
    return float(-log_softmax(logits / temperature, axis=1)[np.arange(len(logits)), truth].mean())


def fit_temperature(logits: NDArray[np.floating], truth: NDArray[np.int64]) -> float:
    """Temperature with the smallest log loss (Guo et al. 2017, On calibration of modern neural networks)."""
    best = minimize_scalar(lambda s: log_loss(logits, truth, float(np.exp(s))), bounds=(-2.5, 2.5), method="bounded")
    return float(np.exp(best.x))
