"""The demographics network on real people: ``python -m bmd evaluate demographics --data FOLDER``.

Measured on the survey's last cycle, which took no part in training or calibration, beside logistic regression of
degree 2 fitted on the same training people, and beside OST, OSTA and ORAI; and on the Koreans of Kim & Kim 2022.
People measured by another maker's densitometer (LUMOS) are brought to the scale used here by ``hologic_of_lunar``.
Figures count every person once, ``weighted_`` ones as the survey weighs them. An ``ece_floor`` is the mean calibration
error that probabilities which are exactly right would show with as many people: chance alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd import metrics, reference
from bmd.evaluation import groups
from bmd.evaluation.logistic import ridge_logistic
from bmd.evaluation.record import record
from bmd.evaluation.tables import Measured, markdown, rows
from bmd.inference.demographics.assess import ROLE, curves
from bmd.inference.engine import Engine, TorchEngine
from bmd.inference.run import Networks
from bmd.models._metadata import measurement
from bmd.models._registry import WEIGHTS, default
from bmd.models.demographics import SITES
from bmd.population.survey import read_table
from bmd.reference import OST_SCREEN_BELOW, OSTEOPENIA_BELOW_T, OSTEOPOROSIS_FROM_T
from bmd.training.tasks.demographics import CALIBRATION, TEST, TRAINING, People, read_people, site_t_scores, vectors

log = logging.getLogger(__name__)

NHANES, KOREA, LUMOS = "nhanes_bmd.csv", "korea_bonequality.csv", "lumos_118.csv"
SHOWN = SITES[:4]
DRAWS = 300
"""Bootstrap draws, and draws for the calibration error of chance."""
NETWORK, REGRESSION = "network", "regression"
"""What answered, codes below ``network.given``."""
OF_PARTS = ("macro_auc", "osteoporosis_auc", "mean_absolute_error", "bias", "coverage")
"""Figures that are stated of parts of the survey's people."""
FROM_Y = 50
"""Age from which T-scores are used (ISCD 2019)."""
HIGHEST_BMD = 2.5
"""g/cm2; one lumbar density of the Korean table (3.09) is impossible and is left out."""
ASKED = {"age": (0,), "age, sex": (0, 1), "age, weight": (0, 3), "age, sex, weight": (0, 1, 3), "sex, weight": (1, 3)}
"""Sets of known fields that are measured beside all four."""


def evaluate_demographics(folder: str | Path, weights: Path = WEIGHTS, write: bool = False) -> str:
    """Measure the shipped network on the tables of a folder.

    Parameters
    ----------
    folder : path
        Holds ``nhanes_bmd.csv`` and, optionally, ``korea_bonequality.csv`` and ``lumos_118.csv``.
    weights : Path
        Folder with the networks' weights.
    write : bool
        Put the figures into the weights' metadata and model card.

    Returns
    -------
    str
        Tables in Markdown, or one sentence when the survey's table is not there.
    """
    folder = Path(folder)
    if not (folder / NHANES).is_file():
        return f"Not measured: {NHANES} is not in {folder}. It is made from public files of CDC NHANES."
    engine = TorchEngine("cpu", weights, bf16=False)
    people = read_people(folder / NHANES)
    test = ask(complete(people.cycles(TEST)), engine)
    place = f"real people of 50 years and over, NHANES {TEST}"
    parts = {
        "Sites": sites(people, test, place),
        "Screening scores, T ≤ −2.5 at the lowest of three sites": scores(test, place),
        "With fields missing, lowest of three sites": missing(test.people, place, engine),
        f"Adults of 20-49 years in the calibration cycle ({CALIBRATION})": young(people, engine),
    }
    found = entries(parts["Sites"], "nhanes_2017_2020")
    for file, cohort, title, others in OUTSIDE:
        if (folder / file).is_file():
            parts[title] = beside(others(folder / file), people, engine, title)
            found += entries(parts[title], cohort)
    found += of_parts(test)
    if write:
        record(weights / default(ROLE), found)
    return "\n".join(f"### {title}\n\n{markdown(rows(found, ()))}\n" for title, found in parts.items())


def complete(people: People) -> People:
    """Those of whom all four fields are known."""
    return people.part(people.known[:, 4:].min(1) > 0)


# --- the network's answers ---------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Asked:
    """People and the network's distributions for them: grid (k,), cumulative probability (n, 5, k), tails (n, 5)."""

    people: People
    grid: NDArray[np.float64]
    cdf: NDArray[np.float64]
    tail: NDArray[np.float64]

    def answers(
        self, site: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """True T-scores (n,) of those measured at a site; probabilities (n, 3), medians (n,), inside the interval."""
        there = np.isfinite(self.people.t_score[:, site])
        truth, own, grid = self.people.t_score[there, site].astype(float), self.cdf[there, site], self.grid
        low, high = (_at(own, grid, np.full(len(own), cut)) for cut in (OSTEOPOROSIS_FROM_T, OSTEOPENIA_BELOW_T))
        middle = np.array([np.interp(0.5, row, grid) for row in own])
        inside = np.abs(_at(own, grid, truth) - 0.5) <= self.tail[there, site]
        return truth, np.stack([1 - high, high - low, low], 1), middle, inside

    def part(self, rows: NDArray[np.bool_]) -> Asked:
        """Some of them."""
        return Asked(self.people.part(rows), self.grid, self.cdf[rows], self.tail[rows])


def ask(people: People, engine: Engine, at_once: int = 256) -> Asked:
    """The network's answers for these people; few at a time, since each has 321 points at five sites."""
    starts = range(0, len(people), at_once)
    found = [curves(people.known[start : start + at_once], Networks(engine)) for start in starts]
    return Asked(people, found[0][0], np.concatenate([f[1] for f in found]), np.concatenate([f[2] for f in found]))


def _at(cdf: NDArray[np.float64], grid: NDArray[np.float64], t: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([np.interp(x, grid, row) for x, row in zip(t, cdf, strict=True)])


def floor(probabilities: NDArray[np.float64], weight: NDArray[np.float64] | None = None, draws: int = 50) -> float:
    """Mean calibration error when truth is drawn from these very probabilities."""
    rng, edges = np.random.default_rng(0), probabilities.cumsum(1)[:, :2]
    drawn = [(rng.random((len(edges), 1)) > edges).sum(1) for _ in range(draws)]
    errors = [metrics.expected_calibration_error(labels, probabilities, weight=weight) for labels in drawn]
    return float(np.mean(errors))


def figures(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64], weight: NDArray[np.float64]
) -> dict[str, float]:
    """Figures of class probabilities alone."""
    return {
        "people": float(len(labels)),
        "macro_auc": metrics.macro_auc(labels, probabilities),
        "osteoporosis_auc": metrics.auc(labels == 2, probabilities[:, 2]),
        "accuracy": float((probabilities.argmax(1) == labels).mean()),
        "largest_class": float(metrics.class_mix(labels).max()),
        "ece": metrics.expected_calibration_error(labels, probabilities),
        "ece_floor": floor(probabilities),
        "weighted_ece": metrics.expected_calibration_error(labels, probabilities, weight=weight),
        "weighted_ece_floor": floor(probabilities, weight),
    }


def network_row(asked: Asked, site: int, name: str, place: str) -> Measured:
    """The network at one site."""
    truth, chance, middle, inside = asked.answers(site)
    people = asked.people
    labels = metrics.classes_of(truth)
    error = metrics.regression(truth, middle)
    values = figures(labels, chance, people.weight[np.isfinite(people.t_score[:, site])]) | {
        "mean_absolute_error": error["mean_absolute_error"],
        "bias": error["bias_error"],
        "r": error["r"],
        "coverage": float(inside.mean()),
    }
    _, *area = metrics.bootstrap(metrics.macro_auc, labels, chance, count=DRAWS)
    _, *share = metrics.bootstrap(lambda x: float(np.mean(x)), inside, count=DRAWS)
    ends = {"macro_auc": (area[0], area[1]), "coverage": (share[0], share[1])}
    return Measured(name, SITES[site], values, place, tuple(metrics.class_mix(labels)), ends)


# --- logistic regression of degree 2 -----------------------------------------------------------------------------
def quadratic(known: NDArray[np.floating]) -> NDArray[np.float64]:
    """Age, sex, height, weight and body mass index with all squares and products, (n, 21) with a constant."""
    x = known[:, :4].astype(float)
    age, height, weight = np.minimum(x[:, 0], 4 / 3), 165 + 10 * x[:, 2], 70 + 15 * x[:, 3]  # 80 years at most
    x = np.stack([age, x[:, 1], x[:, 2], x[:, 3] / 1.5, (weight / (height / 100) ** 2 - 27) / 5, np.ones(len(x))], 1)
    i, j = np.triu_indices(x.shape[1])
    return np.asarray(x[:, i] * x[:, j], np.float64)


# --- the tables --------------------------------------------------------------------------------------------------
def sites(people: People, asked: Asked, place: str, measured_at: Sequence[int] = range(len(SHOWN))) -> list[Measured]:
    """Network and logistic regression at every site; the difference of macro AUC over the same people."""
    train, test, found = complete(people.cycles(*TRAINING)), asked.people, []
    for site in measured_at:
        name = SHOWN[site]
        row = network_row(asked, site, f"{name}: network", place)
        _, ours, _, _ = asked.answers(site)
        fit, there = np.isfinite(train.t_score[:, site]), np.isfinite(test.t_score[:, site])
        classes = metrics.classes_of(train.t_score[fit, site])
        model = ridge_logistic(quadratic(train.known[fit]), classes, ridge=1.0, intercept=False)
        theirs, labels = (
            model.predict_proba(quadratic(test.known[there])),
            metrics.classes_of(test.t_score[there, site]),
        )
        gain, low, high = metrics.bootstrap(_gain, labels, ours, theirs, count=DRAWS)
        ends = row.intervals | {"gain": (low, high)}
        found.append(replace(row, values=row.values | {"gain": gain}, intervals=ends))
        found.append(
            Measured(
                f"{name}: logistic regression, degree 2",
                name,
                figures(labels, theirs, test.weight[there]),
                place,
                row.mix,
            )
        )
    return found


def _gain(labels: NDArray[np.int64], ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    return metrics.macro_auc(labels, ours) - metrics.macro_auc(labels, theirs)


def scores(test: Asked, place: str) -> list[Measured]:
    """OST, OSTA and ORAI beside the network: women, then men."""
    found = []
    lowest = SHOWN.index("lowest")
    for sex, word in (("F", "women"), ("M", "men")):
        group = test.part((test.people.table["sex"] == sex) & np.isfinite(test.people.t_score[:, lowest]))
        truth, chance, _, _ = group.answers(lowest)
        table = group.people.table
        sick, age, weight = truth <= OSTEOPOROSIS_FROM_T, table["age"], table["weight_kg"]
        ost = np.array([reference.ost(a, w) for a, w in zip(age, weight, strict=True)])
        orai = np.array([reference.orai(a, w) for a, w in zip(age, weight, strict=True)])
        cut = OST_SCREEN_BELOW[sex]
        rules = [(f"OST, scan below {cut}", -ost, ost < cut)]
        if sex == "F":
            rules += [("OSTA, high or medium risk", -ost, ost <= -1), ("OSTA, high risk", -ost, ost < -4)]
            rules += [("ORAI without oestrogen, scan from 9", orai, orai >= reference.ORAI_SCREEN_FROM)]
        share = chance[:, 2]
        as_many = share >= np.quantile(share, 1 - rules[0][2].mean())
        rules.append(("network, as many scans as OST", share, as_many))
        mix = tuple(metrics.class_mix(metrics.classes_of(truth)))
        found += [_rule(f"{word}: {name}", sick, score, scan, place, mix) for name, score, scan in rules]
    return found


def _rule(
    name: str,
    sick: NDArray[np.bool_],
    score: NDArray[np.float64],
    scan: NDArray[np.bool_],
    place: str,
    mix: tuple[float, ...],
) -> Measured:
    area, low, high = metrics.bootstrap(metrics.auc, sick, score, count=DRAWS)
    of = metrics.binary(sick, scan)
    values = {"people": float(len(sick)), "osteoporosis_auc": area, "sensitivity": of["sensitivity"]}
    values |= {"specificity": of["specificity"], "scanned": float(scan.mean())}
    return Measured(name, "screening", values, place, mix, {"osteoporosis_auc": (low, high)})


def missing(test: People, place: str, engine: Engine) -> list[Measured]:
    """The network with some fields only."""
    found = []
    for name, fields in ASKED.items():
        keep = np.zeros(4, np.float32)
        keep[list(fields)] = 1
        some = ask(replace(test, known=test.known * np.tile(keep, 2)), engine)
        found.append(network_row(some, SHOWN.index("lowest"), name, place))
    return found


def young(people: People, engine: Engine) -> list[Measured]:
    """Adults under 50: the last cycle has none, so these are people the calibration lines were fitted on."""
    group = complete(people.cycles(CALIBRATION))
    group = group.part(group.table["age"] < 50)
    place = f"real people of 20-49 years, NHANES {CALIBRATION} (used for calibration, not for training)"
    asked = ask(group, engine)
    return [network_row(asked, site, name, place) for site, name in enumerate(SHOWN[:3])]


def korea(path: Path) -> People:
    """Lumbar spine and total hip; the femoral neck of this table is another region."""
    table: dict[str, Any] = read_table(path)
    table = {k: v[table["lumbar_l1l4_bmd"] < HIGHEST_BMD] for k, v in table.items()}
    found = site_t_scores(table)
    found[:, [SITES.index(site) for site in SITES if site not in ("lumbar", "total_hip")]] = np.nan
    return People(vectors(table), found, np.ones(len(table["age"])), table)


def hologic_of_lunar(bmd: NDArray[np.floating]) -> NDArray[np.float64]:
    """Lumbar density (n,) g/cm2 as Hologic would measure it where Lunar measured ``bmd``.

    Genant et al. 1994, J Bone Miner Res 9:1503: 0.906 x Lunar - 0.025 (L2-L4, 100 women); read as quoted by Fan et al.
    2010, Osteoporos Int 21:1227. Measured in other people and on other machines: a conversion, not a measurement.
    """
    return np.asarray(0.906 * bmd - 0.025, np.float64)


def lumos(path: Path) -> People:
    """Lumbar spine of Chinese patients on a GE-like scale, converted; of every age from 50 on."""
    table: dict[str, Any] = read_table(path)
    table = {k: v[table["age"] >= FROM_Y] for k, v in table.items()}
    table |= {"height_cm": table["h"], "weight_kg": table["w"]}
    found = np.full((len(table["age"]), len(SITES)), np.nan, np.float32)
    found[:, SITES.index("lumbar")] = reference.t_score(hologic_of_lunar(table["bmd"]), "L1-L4")
    return People(vectors(table), found, np.ones(len(table["age"])), table)


OUTSIDE: tuple[tuple[str, str, str, Callable[[Path], People]], ...] = (
    (KOREA, "korea", "Other people: Koreans of 50 years and over (Kim & Kim 2022)", korea),
    (LUMOS, "lumos", "Other people: Chinese patients of 50 years and over (LUMOS), Lunar converted to Hologic", lumos),
)
"""File, code of the cohort, title and reader of people outside the survey: measured on only."""


def beside(others: People, survey: People, engine: Engine, place: str) -> list[Measured]:
    """Network and logistic regression (fitted on the survey's training cycles) at every site others were measured."""
    measured_at = [site for site in range(len(SHOWN)) if np.isfinite(others.t_score[:, site]).any()]
    return sites(survey, ask(others, engine), place, measured_at)


def of_parts(asked: Asked) -> list[dict[str, Any]]:
    """The network at the lumbar spine for women and men, by age and body mass: entries for the metadata."""
    site, found = SHOWN.index("lumbar"), []
    asked = asked.part(np.isfinite(asked.people.t_score[:, site]))
    table = asked.people.table
    columns = (table["age"], table["sex"] == "M", table["height_cm"], table["weight_kg"])
    for code, part in groups.of_people(*columns).items():
        if part.sum() < groups.FEWEST:
            continue
        row = network_row(asked.part(part), site, code, "part")
        values = {key: round(float(row.values[key]), 4) for key in OF_PARTS} | {"share_osteoporosis": row.mix[2]}
        entry = measurement(
            "nhanes_2017_2020",
            int(part.sum()),
            "people",
            "survey",
            values,
            inputs=NETWORK,
            site=SHOWN[site],
            group=code,
        )
        found.append(entry)
    return found


def entries(found: list[Measured], cohort: str) -> list[dict[str, Any]]:
    """Rows of ``sites`` as measurements: the network's and the regression's side by side."""
    made = []
    for row in found:
        values = dict(row.values)
        for name, (low, high) in row.intervals.items():
            values |= {f"{name}_low": low, f"{name}_high": high}
        values |= dict(zip((f"share_{name}" for name in reference.CATEGORIES), row.mix, strict=True))
        rounded = {key: round(float(value), 4) for key, value in values.items() if np.isfinite(value)}
        inputs = NETWORK if row.model.endswith("network") else REGRESSION
        count = int(row.values["people"])
        made.append(measurement(cohort, count, "people", "survey", rounded, inputs=inputs, site=row.task))
    return made
