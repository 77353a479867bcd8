"""The demographics network's task: bone density of adults of the survey NHANES from age, sex, height and weight.

People are rows of a table, not cases of shards, and are trained on by epochs: ``training.demographics.train``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bmd.errors import InputError
from bmd.inputs.patient import demographics_vector
from bmd.models.demographics import GRID, SITES
from bmd.population.survey import combined_weight, read_table
from bmd.reference import REFERENCES, t_score
from bmd.training.task import Example, Few, Items, Metrics, Task

CALIBRATION, TEST = "2009-2010", "2017-Mar2020"
TRAINING = ("2005-2006", "2007-2008", "2013-2014")
YOUNGEST_Y = 20
COLUMNS = {"lumbar": "lumbar_l1l4_bmd", "femoral_neck": "femoral_neck_bmd", "total_hip": "total_femur_bmd"}


@dataclass(frozen=True, eq=False)
class People:
    """Adults of the survey: n rows.

    Attributes
    ----------
    known : ndarray
        float32 (n, 8), from ``demographics_vector``.
    t_score : ndarray
        float32 (n, 5) at ``SITES``, NaN where not measured.
    weight : ndarray
        (n,) examination weight, mean 1.
    table : dict of str to ndarray
        The columns of the same rows.
    digests : dict of str to str
        SHA-256 of the file they were read from, by its name.
    """

    known: NDArray[np.float32]
    t_score: NDArray[np.float32]
    weight: NDArray[np.float64]
    table: dict[str, NDArray[Any]]
    digests: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.known)

    def __getitem__(self, index: int, /) -> People:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.part(np.array([index]))

    def refresh(self) -> int:
        """A table does not grow; returns the number of people."""
        return len(self)

    def part(self, rows: NDArray[Any]) -> People:
        """Some rows; weights have mean 1 again."""
        weight = self.weight[rows]
        table = {k: v[rows] for k, v in self.table.items()}
        return People(self.known[rows], self.t_score[rows], weight / weight.mean(), table, self.digests)

    def cycles(self, *names: str) -> People:
        """The people of some survey cycles."""
        return self.part(np.isin(self.table["cycle"], names))


def read_people(path: str | Path) -> People:
    """Adults of the survey's table with at least one site measured.

    Raises
    ------
    InputError
        "network.no_survey": there is no such file.
    """
    if not Path(path).is_file():
        raise InputError("network.no_survey", file=Path(path).name)
    table = read_table(path)
    t = site_t_scores(table)
    rows = (table["age"] >= YOUNGEST_Y) & np.isfinite(t).any(1)
    weight = combined_weight({k: np.maximum(v, YOUNGEST_Y) if k == "age" else v for k, v in table.items()})
    digests = {Path(path).name: hashlib.sha256(Path(path).read_bytes()).hexdigest()}
    return People(vectors(table), t, weight, table, digests).part(rows)


def vectors(table: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    """Input vectors (n, 8) of a table with age, sex, height_cm and weight_kg."""
    male = np.where(table["sex"] == "M", 1.0, 0.0)
    columns = (table["age"], male, table["height_cm"], table["weight_kg"])
    return np.stack([demographics_vector(*row) for row in zip(*columns, strict=True)])


def site_t_scores(table: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    """T-scores (n, 5) at ``SITES`` from the densities measured; the lowest where all three sites are."""
    by = {
        name: np.stack([t_score(table[column], site, reference) for column, site in _SITES], 1)
        for name, reference in REFERENCES.items()
        if name in ("hologic", "nhanes_2005_2010")
    }
    lowest = [v.min(1, keepdims=True) for v in by.values()]  # NaN where one is
    return np.concatenate([by["hologic"], *lowest], 1).astype(np.float32)


_SITES = tuple(zip(COLUMNS.values(), ("L1-L4", "femoral_neck", "total_hip"), strict=True))


def read_training(folder: str, skip: int = 0, limit: int = 0, repeat: bool = True) -> Items[People]:
    """The training cycles of the table ``folder``; with ``limit`` the first people of the calibration cycle."""
    people = read_people(folder)
    return Few(people.cycles(CALIBRATION), limit) if limit else people.cycles(*TRAINING)


def seen(person: People, size: int = 0) -> People:
    """People are seen as they are; fields are hidden in the network."""
    return person


def encode(person: People, seen: People, rng: np.random.Generator) -> Example:
    """Example of one person: vector (8,), then T-scores (5,), NaN where not measured, and weight 1."""
    targets = {"t_score": torch.from_numpy(seen.t_score[0]), "weight": torch.tensor(1.0)}
    return torch.from_numpy(seen.known[0]), targets


@torch.inference_mode()
def validate(network: nn.Module, people: Items[People], size: int) -> Metrics:
    """Mean absolute error of the median T-score, by site."""
    rows = [people[k] for k in range(len(people))]
    truth = np.concatenate([row.t_score for row in rows])
    cdf = network(torch.from_numpy(np.concatenate([row.known for row in rows])))["cdf"].numpy()  # (n, 5, k)
    error = np.abs(np.linspace(*GRID)[(cdf >= 0.5).argmax(2)] - truth)
    found = [error[np.isfinite(truth[:, k]), k] for k in range(len(SITES))]
    return {f"{site}_mae": float(e.mean()) if len(e) else float("nan") for site, e in zip(SITES, found, strict=True)}


def fit(overrides: Sequence[str]) -> dict[str, Any]:
    """Train by epochs; see ``training.demographics.train``."""
    from bmd.training.demographics import train

    return train(overrides)


SURVEY = Task[People, People](
    name="survey",
    inputs="standardised values and presence flags (bmd/inputs/patient.py: patient_vector)",
    cohort="nhanes",
    unit="people",
    headline="lowest_mae",
    read=read_training,
    plain=seen,
    augment=lambda recipe: lambda person, rng: person,
    encode=encode,
    validate=validate,
    fit=fit,
)
