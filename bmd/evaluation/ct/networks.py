"""The CT networks on simulated people that none has seen: temperatures fitted on one part, figures on another.

Run ``python -m bmd evaluate ct [--data FOLDER] [--over50 FOLDER] [--write]``, or with ``--calibration FOLDER`` to fit
temperatures too; without a folder people are simulated into one. Crops are the simulator's own; the chain from a volume
to a crop is not in these figures. ``--data`` is measured in the class mix of each paper, of people of every age, which
no practice sees; ``--over50``, people from 50 years on, is measured as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from bmd.evaluation import published
from bmd.evaluation.record import record
from bmd.inference.ct.slices import FEWEST
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
from bmd.models._metadata import measurement, read
from bmd.models._registry import WEIGHTS
from bmd.reference import CATEGORIES
from bmd.text import text
from bmd.types import Demographics

log = logging.getLogger(__name__)

NETWORKS = ("pair_acm", "femur_image", "femur_demographics", "femur_multimodal")
BOTH = "femur_multimodal"
"""That is asked with and without the patient's data."""
PUBLISHED = {
    "pair_acm": ("choi2021", "pair ensemble"),
    "femur_image": ("ha2024", "6-layer CNN, image"),
    "femur_demographics": ("ha2024", "2-layer network, demographics"),
    "femur_multimodal": ("ha2024", "both"),
}
"""Paper and row of ``published`` that asked the same."""
OVER_50 = "simulated_ct_50"
"""Code of the cohort of ``--over50``."""
REPEATS = 300
"""Of a bootstrap."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network says of items.

    ``logits`` (n, 3); ``truth`` int (n,) classes; ``people`` int (n,), whose rows belong together; ``t`` (n,) T-scores
    that the classes are of.
    """

    logits: NDArray[np.floating]
    truth: NDArray[np.int64]
    people: NDArray[np.int64]
    t: NDArray[np.float64]

    def of_people(self) -> Answers:
        """Mean logits of everyone with two or more slices, as ``inference.ct.slices`` answers for a patient."""
        who, first, inverse, count = np.unique(self.people, return_index=True, return_inverse=True, return_counts=True)
        total = np.zeros((len(first), 3))
        np.add.at(total, inverse, self.logits)
        kept = count >= FEWEST
        return Answers((total / count[:, None])[kept], self.truth[first][kept], who[kept], self.t[first][kept])


def figures(said: Answers, temperature: float, seed: int = 0) -> dict[str, float]:
    """Figures of answers whose logits are divided by ``temperature``, with 95 % intervals over people.

    ``r`` is that of T with the logit of normal less that of osteoporosis.
    """
    share = softmax(said.logits / temperature, axis=1)
    truth, named = said.truth, share.argmax(1)
    table = confusion(truth, named)
    found = {"n": float(len(truth)), "people": float(len(np.unique(said.people)))}
    found |= {f"share_{name}": float(v) for name, v in zip(CATEGORIES, class_mix(truth), strict=True)}
    found |= classification(truth, named)
    for name, statistic in STATISTICS.items():
        value, low, high = bootstrap(
            statistic, truth, share, said.logits, said.t, patients=said.people, count=REPEATS, seed=seed
        )
        found |= {name: value, f"{name}_low": low, f"{name}_high": high}
    found["calibration_error"] = expected_calibration_error(truth, share)
    found["brier_error"] = brier_error(truth, share)
    for i, true in enumerate(CATEGORIES):
        found[f"sensitivity_{true}"] = float(table[i, i] / max(1, table[i].sum()))
        found |= {f"true_{true}_said_{name}": float(table[i, j]) for j, name in enumerate(CATEGORIES)}
    return {key: round(value, 4) for key, value in found.items() if np.isfinite(value)}


Statistic = Callable[[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]], float]


def _r(truth: NDArray[Any], share: NDArray[Any], logits: NDArray[Any], t: NDArray[Any]) -> float:
    told = logits[:, 0] - logits[:, 2]
    return float(np.corrcoef(told, t)[0, 1]) if told.std() > 0 and np.std(t) > 0 else float("nan")


STATISTICS: dict[str, Statistic] = {
    "accuracy": lambda truth, share, logits, t: float((truth == share.argmax(1)).mean()),
    "macro_auc": lambda truth, share, logits, t: macro_auc(truth, share),
    "osteoporosis_auc": lambda truth, share, logits, t: auc(truth == 2, share[:, 2]),
    "r": _r,
}
"""Figures with an interval, of true classes, probabilities, logits and T-scores."""


def gained(less: Answers, more: Answers, temperature: float, seed: int = 0) -> dict[str, float]:
    """What answers gain over others of the same items: differences with 95 % intervals, whole people drawn together."""
    shares = [softmax(one.logits / temperature, axis=1) for one in (less, more)]
    found: dict[str, float] = {}
    for name, statistic in STATISTICS.items():

        def difference(truth: Any, a: Any, b: Any, la: Any, lb: Any, t: Any, of: Statistic = statistic) -> float:
            return of(truth, b, lb, t) - of(truth, a, la, t)

        columns = (more.truth, *shares, less.logits, more.logits, more.t)
        value, low, high = bootstrap(difference, *columns, patients=more.people, count=REPEATS, seed=seed)
        found |= {f"{name}_gain": value, f"{name}_gain_low": low, f"{name}_gain_high": high}
    return {key: round(value, 4) for key, value in found.items() if np.isfinite(value)}


def answers(
    name: str, folder: str | Path, weights: Path = WEIGHTS, as_it_is: bool = False, known: bool = True
) -> Answers:
    """A network's answers for the items of a folder.

    Parameters
    ----------
    name : str
        Of the network.
    folder : path
        Shards of simulated CT.
    weights : Path
        Folder with the networks' weights.
    as_it_is : bool
        Every item, instead of the class mix of the network's paper.
    known : bool
        False hides all of the patient's data.
    """
    from bmd.training.tasks.ct import KINDS, CtItems, ct_logits

    kind = KINDS[registry.spec(name).task]
    inputs = kind.inputs
    if not known:
        kind = replace(kind, inputs=lambda hu, patient: inputs(hu, Demographics()))
    items = CtItems(folder, replace(kind, mix=()) if as_it_is else kind, repeat=False)
    logits = ct_logits(kind, registry.load(name, weights), items)["logits"]
    rows = [items[i] for i in range(len(items))]
    truth, people = np.array([r.category for r in rows]), np.array([r.person for r in rows])
    return Answers(logits, truth, people, np.array([r.t_score for r in rows]))


def calibrate_ct(
    calibration: str | Path,
    data: str | Path,
    over50: str | Path | None = None,
    weights: Path = WEIGHTS,
    names: tuple[str, ...] = NETWORKS,
) -> dict[str, Any]:
    """Fit temperatures, measure, and write both into the metadata of the networks that have weights.

    Parameters
    ----------
    calibration, data : path
        Shards of people that were not trained on: to fit, and to measure.
    over50 : path, optional
        Shards of people from 50 years on (cohort "film"), to measure as they are.
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
        said = answers(name, calibration, weights)
        fitted = {
            "fitted_on": {"cohort": task.cohort, "n": len(np.unique(said.people))},
            **temperatures(said, task.unit),
        }
        entries = _measured(name, data, task.cohort, fitted, weights)
        if over50 is not None:
            entries += _measured(name, over50, OVER_50, fitted, weights)
        found[name] = {"calibration": fitted, "metrics": entries}
        record(weights / name, entries, calibration=fitted, published=_published(name))
    return found


def evaluate_ct(
    data: str | Path, over50: str | Path | None = None, weights: Path = WEIGHTS, write: bool = False
) -> dict[str, list[dict[str, Any]]]:
    """Measure the networks that have weights as they are shipped; nothing is fitted.

    Parameters
    ----------
    data, over50, weights
        As for ``calibrate_ct``.
    write : bool
        Put the figures into the metadata.

    Returns
    -------
    dict
        For each network its measurements.
    """
    from bmd.training import tasks

    found = {}
    for name in NETWORKS:
        if not (weights / name / "metadata.json").is_file():
            continue
        fitted, task = read(weights / name)["calibration"], tasks.find(registry.spec(name).task)
        found[name] = _measured(name, data, task.cohort, fitted, weights)
        if over50 is not None:
            found[name] += _measured(name, over50, OVER_50, fitted, weights)
        if write:
            record(weights / name, found[name])
    return found


def simulated(folder: str, count: int, seed: int) -> None:
    """Simulate people of every age for ``evaluate_ct`` into a folder that is not there yet."""
    from bmd.simulator.shards.ct import write_ct_shards

    if not Path(folder).exists():
        log.warning(text("command.simulates", count=count, out=folder))
        write_ct_shards(folder, count, seed, cohort="clinic")


def temperatures(said: Answers, unit: str) -> dict[str, float]:
    """What logits are divided by, for items and, where they are slices, for people."""
    fitted = {"temperature": fit_temperature(said.logits, said.truth)}
    if unit == "slices":
        people = said.of_people()
        fitted = {"slice_temperature": fitted["temperature"]}
        fitted["patient_temperature"] = fit_temperature(people.logits, people.truth)
    return {key: round(value, 4) for key, value in fitted.items()}


def _measured(
    name: str, folder: str | Path, cohort: str, fitted: dict[str, Any], weights: Path
) -> list[dict[str, Any]]:
    """Entries for the metadata: the items, the people of slices, and what the patient's data add."""
    from bmd.training import tasks

    unit = tasks.find(registry.spec(name).task).unit
    said = answers(name, folder, weights, as_it_is=cohort == OVER_50)
    heat, seen = float(fitted.get("temperature") or fitted["slice_temperature"]), len(np.unique(said.people))

    def entry(values: dict[str, float], inputs: str | None = None) -> dict[str, Any]:
        people = None if unit == "people" else seen
        return measurement(cohort, len(said.truth), unit, "test", values, people=people, inputs=inputs)

    entries = [entry(figures(said, heat))]
    if unit == "slices":
        people = said.of_people()
        values = figures(people, fitted["patient_temperature"])
        entries.append(measurement(cohort, len(people.truth), "people", "test", values, inputs="slices"))
    if name == BOTH:
        alone = answers(name, folder, weights, as_it_is=cohort == OVER_50, known=False)
        entries.append(entry(figures(alone, heat), "alone"))
        entries.append(entry(gained(alone, said, heat), "gained"))
    return entries


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
