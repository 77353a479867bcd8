"""Show how simulated people match NHANES: ``python -m bmd evaluate population --nhanes FILE --vertebra FILE``.

Writes ``docs/population.md`` (every comparison beside the survey's own standard error) and ``docs/population.png``.
Without the survey files it says so and stops. The figure needs matplotlib, a development tool.

People are compared with NHANES 2005-2010, on which they were fitted; spines with the 2013-2014 morphometry. A site was
not readable in everybody (heavy people at the hip, worn discs in the lumbar spine), so the people who were measured
stand for all examined people of the same sex, decade and third of body mass index (weighting-class adjustment), and
simulated spines are weighted to the sex and age of the people of the morphometry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bmd import reference
from bmd.population import fit as population_fit
from bmd.population import fit_spine
from bmd.population import report as population_report
from bmd.population.report import Comparison
from bmd.population.survey import Array, Column, Design, Rows, combined_weight, read_table
from bmd.simulator.person.sample import FITTED, Person, sample_person
from bmd.simulator.person.spine import DISCS, MEASURED
from bmd.text import text

SITES = dict(zip(FITTED, population_fit.COLUMNS, strict=True)) | {"L1-L4": "lumbar_l1l4_bmd"}
DECADES = (20, 30, 40, 50, 60, 70, 80)
SEXES = {"women": False, "men": True}
LENGTHS = tuple(name for name in fit_spine.NAMES if name.split(":")[0] in ("T12", "L1", "L2", "L3", "L4"))
T_CLASSES = {"T <= -2.5": (-9.0, -2.5), "-2.5 < T < -1": (-2.499, -1.001), "T >= -1": (-1.0, 9.0)}
Table = dict[str, Column]
Choice = Callable[[Table], Rows]


@dataclass(frozen=True, eq=False)
class Sample:
    """People in columns, their sampling design, and designs adjusted for who could be measured at a site."""

    table: Table
    design: Design
    by_site: dict[str, Design]

    def statistic(self, kind: str, names: tuple[str, ...], rows: Choice) -> tuple[float, float]:
        """Value and standard error of ``mean``, ``sd`` or ``correlation`` of the named columns."""
        sites = [name.split("|")[0] for name in names if name.split("|")[0] in self.by_site]
        design = self.by_site[sites[0]] if sites else self.design
        columns = [np.asarray(self.table[name], float) for name in names]
        chosen = rows(self.table)
        if kind == "correlation":
            return design.correlation(columns[0], columns[1], chosen)
        return design.mean(columns[0], chosen) if kind == "mean" else design.sd(columns[0], chosen)


def compare(pair: tuple[Sample, Sample], topic: str, group: str, kind: str, names: str, rows: Choice) -> Comparison:
    """The same statistic in the survey and in the simulated people; ``names`` are separated by ``&``."""
    columns = tuple(names.split("&"))
    (a, a_se), (b, b_se) = (sample.statistic(kind, columns, rows) for sample in pair)
    return Comparison(topic, group, kind, names.replace("&", " and "), a, a_se, b, b_se)


def add_classes(table: Table) -> None:
    """Columns ``site|class``: 1 or 0 by the WHO class of the site's T-score, NaN where it is missing."""
    for site in ("L1-L4", "femoral_neck", "total_hip"):
        t = reference.t_score(np.asarray(table[site], float), site)
        known = np.isfinite(t)
        classes = np.array([reference.category(v) if ok else "" for v, ok in zip(t, known, strict=True)])
        for name in reference.CATEGORIES:
            table[f"{site}|{name}"] = np.where(known, classes == name, np.nan)


def survey_people(path: Path) -> Sample:
    """Adults of NHANES 2005-2010 under the simulator's names."""
    raw = read_table(path)
    raw["weight"] = combined_weight(raw)
    adult = (raw["age"] >= 20) & np.isin(raw["cycle"], population_fit.FIT_CYCLES)
    raw = {name: column[adult] for name, column in raw.items()}
    table: Table = {name: raw[name] for name in ("age", "height_cm", "weight_kg", "bmi")}
    table["male"] = raw["sex"] == "M"
    low, high = population_fit.VALID_BMD
    for site, column in SITES.items():
        table[site] = np.where((raw[column] > low) & (raw[column] < high), raw[column], np.nan)
    add_classes(table)
    design = Design(raw["weight"], raw["strata"], raw["psu"])
    return Sample(table, design, {site: for_measured(table, design, np.isfinite(table[site])) for site in SITES})


def for_measured(table: Table, design: Design, measured: Rows) -> Design:
    """Raise the weights of measured people so that they stand for all examined ones of their class."""
    weight = design.weight.copy()
    decade = np.clip(table["age"] // 10, 2, 8)
    for male in (False, True):
        for d in range(2, 9):
            cell = (table["male"] == male) & (decade == d)
            third = np.digitize(np.nan_to_num(table["bmi"], nan=27), np.nanquantile(table["bmi"][cell], [1 / 3, 2 / 3]))
            for k in range(3):
                rows = cell & (third == k)
                weight[rows] *= design.weight[rows].sum() / design.weight[rows & measured].sum()
    return Design(weight, design.stratum, design.psu)


def survey_spines(nhanes: Path, vertebra: Path) -> Sample:
    """People with lateral spine morphometry (2013-2014, ages 40+): grades T10-L4 and lengths of sound vertebrae, mm."""
    raw, bones = read_table(nhanes), read_table(vertebra)
    person = fit_spine.people(bones, raw)
    table: Table = {"age": person["age"], "male": person["sex"] == "M", "height_cm": person["height_cm"]}
    table |= {"t_neck": person["t_neck"], "t_lumbar": person["t_lumbar"]}
    grade = fit_spine.wide(bones, person, "sq")
    columns = {p: fit_spine.wide(bones, person, p) * fit_spine.MM_PER_PX for p in fit_spine.BODY + DISCS}
    for name in fit_spine.NAMES:
        level, part = name.split(":")
        j = MEASURED.index(level)
        table[name] = np.where(grade[:, j] == 0, columns[part][:, j], np.nan)
    return Sample(spine_columns(table, grade), Design(person["weight"], person["strata"], person["psu"]), {})


def spine_columns(table: Table, grade: Array) -> Table:
    """Add fracture indicators and shape ratios."""
    known = np.isfinite(grade).any(1)
    worst, count = np.nan_to_num(grade).max(1), (np.nan_to_num(grade) >= 1).sum(1)
    table["any fracture"] = np.where(known, worst >= 1, np.nan)
    table["moderate or severe"] = np.where(known, worst >= 2, np.nan)
    table["two or more"] = np.where(known, count >= 2, np.nan)
    for j, level in enumerate(MEASURED):
        table[f"fracture {level}"] = np.where(np.isfinite(grade[:, j]), grade[:, j] >= 1, np.nan)
        table[f"{level}:wedge"] = table[f"{level}:h_ant"] / table[f"{level}:h_post"]
        table[f"{level}:biconcavity"] = table[f"{level}:h_mid"] / table[f"{level}:h_post"]
    return table


def simulated(people: list[Person]) -> tuple[Sample, Sample]:
    """The simulated people in the columns of ``survey_people`` and of ``survey_spines``; each a sampling unit."""
    body = [p.body for p in people]
    table: Table = {
        "age": np.minimum([b.age_y for b in body], 80),  # as the survey codes it
        "male": np.array([b.sex == "M" for b in body]),
        "height_cm": np.array([b.height_cm for b in body]),
        "weight_kg": np.array([b.weight_kg for b in body]),
        "bmi": np.array([b.bmi for b in body]),
    } | {site: np.array([p.bmd[site] for p in people]) for site in SITES}
    add_classes(table)
    spine: Table = {name: table[name] for name in ("age", "male", "height_cm")}
    spine["t_neck"] = np.array([p.t_scores["femoral_neck"] for p in people])
    spine["t_lumbar"] = np.mean([[p.t_scores[level] for level in reference.LUMBAR[:4]] for p in people], 1)
    grade = np.array([[v.fracture_grade for v in p.vertebrae[:7]] for p in people], float)
    for name in fit_spine.NAMES:
        level, part = name.split(":")
        j = MEASURED.index(level)
        if part in fit_spine.BODY:
            values = [p.vertebrae[j].lengths_mm[fit_spine.BODY.index(part)] for p in people]
        else:
            values = [p.discs[j].lengths_mm[DISCS.index(part)] for p in people]
        spine[name] = np.where(grade[:, j] == 0, values, np.nan)
    design = Design(np.ones(len(people)), np.zeros(len(people)), np.arange(len(people)))
    return Sample(table, design, {}), Sample(spine_columns(spine, grade), design, {})


def age_standardised(sample: Sample, survey: Sample) -> Sample:
    """The sample weighted to the survey's shares of sex and age (five years), so that spines are like for like."""
    shares = []
    for part in (sample, survey):
        cell = (np.clip(part.table["age"] // 5, 8, 16) + 100 * part.table["male"]).astype(int)
        cell[part.table["age"] < 40] = 0
        shares.append((cell, np.bincount(cell, part.design.weight, minlength=200)))
    (cell, own), (_, other) = shares
    ratio = np.where(own > 0, other / np.maximum(own, 1e-9), 0)
    design = Design(sample.design.weight * ratio[cell], sample.design.stratum, sample.design.psu)
    return Sample(sample.table, design, {})


def group(male: bool, low: float, high: float = 200) -> Choice:
    """Rows of one sex with ``low`` <= age < ``high``."""
    return lambda t: (t["male"] == male) & (t["age"] >= low) & (t["age"] < high)


def compare_people(pair: tuple[Sample, Sample]) -> Iterator[Comparison]:
    """Means and SDs by decade and sex, correlations from 40 y, class mix from 50 y."""
    for sex, male in SEXES.items():
        for low in DECADES:
            rows = group(male, low, low + 10 if low < 80 else 200)
            for name in ("height_cm", "weight_kg", "bmi", *SITES):
                for kind in ("mean", "sd"):
                    yield compare(pair, "by decade", f"{sex} {low}-{low + 9 if low < 80 else ''}", kind, name, rows)
        for names in CORRELATIONS:
            yield compare(pair, "correlation", f"{sex} 40-", "correlation", names, group(male, 40))
        for site in ("L1-L4", "femoral_neck", "total_hip"):
            for name in reference.CATEGORIES:
                yield compare(pair, "class mix", f"{sex} 50-", "mean", f"{site}|{name}", group(male, 50))


CORRELATIONS = (
    *(f"age&{site}" for site in (*SITES, "height_cm", "weight_kg")),
    *(f"{a}&{b}" for i, a in enumerate(SITES) for b in list(SITES)[i + 1 :] if "L1-L4" not in (a, b)),
    *("L1-L4&femoral_neck", "L1-L4&total_hip", "height_cm&weight_kg"),
    *(f"{site}&{size}" for site in ("L1-L4", "femoral_neck", "total_hip") for size in ("height_cm", "weight_kg")),
)


def compare_spines(pair: tuple[Sample, Sample]) -> Iterator[Comparison]:
    """Fractures by T-score, sex, age and level; shapes of sound vertebrae; from 40 y."""
    adults: Choice = lambda t: t["age"] >= 40  # noqa: E731
    for what in ("any fracture", "moderate or severe", "two or more"):
        yield compare(pair, "fracture", "all 40-", "mean", what, adults)
        for site in ("t_neck", "t_lumbar"):
            for label, (low, high) in T_CLASSES.items():
                rows = between(site, low, high)
                yield compare(
                    pair, "fracture", f"{'neck' if site == 't_neck' else 'lumbar'} {label}", "mean", what, rows
                )
        for sex, male in SEXES.items():
            for low, high in ((40, 60), (60, 75), (75, 200)):
                name = f"{sex} {low}-{high - 1 if high < 200 else ''}"
                yield compare(pair, "fracture", name, "mean", what, group(male, low, high))
    for level in MEASURED:
        yield compare(pair, "fracture by level", "all 40-", "mean", f"fracture {level}", adults)
    for sex, male in SEXES.items():
        rows = group(male, 40)
        for name in (*LENGTHS, *(f"{lv}:{r}" for lv in MEASURED for r in ("wedge", "biconcavity"))):
            for kind in ("mean", "sd"):
                yield compare(pair, "vertebral shape", f"{sex} 40-", kind, name, rows)
        for names in SHAPE_CORRELATIONS:
            yield compare(pair, "shape correlation", f"{sex} 40-", "correlation", names, rows)


SHAPE_CORRELATIONS = (
    *("L1:h_post&L2:h_post", "L1:h_post&L4:h_post", "L2:h_ant&L3:h_ant", "T12:h_ant&L1:h_ant", "L3:h_ant&L3:h_post"),
    *("L3:h_post&height_cm", "L3:depth_inf&height_cm", "L3:depth_inf&L3:h_post", "L3:depth_sup&L4:depth_sup"),
    *("L2:disc_mid&L3:disc_mid", "L3:disc_post&age", "L3:disc_ant&t_lumbar", "L1:wedge&age", "L3:h_post&t_neck"),
)


def between(name: str, low: float, high: float) -> Choice:
    """Rows of people over 40 whose column lies in low..high."""
    return lambda t: (t["age"] >= 40) & (t[name] >= low) & (t[name] <= high)


def check(nhanes: Path, vertebra: Path, count: int, seed: int) -> tuple[list[Comparison], tuple[Sample, Sample]]:
    """All comparisons, and the two populations of people for the figure."""
    rng = np.random.default_rng(seed)
    people, spines = simulated([sample_person(rng, age_range=(20, 90)) for _ in range(count)])
    pair = (survey_people(nhanes), people)
    bones = survey_spines(nhanes, vertebra)
    spine_pair = (bones, age_standardised(spines, bones))
    return [*compare_people(pair), *compare_spines(spine_pair)], pair


def write_check(nhanes: Path, vertebra: Path, count: int = 20_000, seed: int = 1, out: Path = Path("docs")) -> str:
    """Compare and write ``population.md`` and ``population.png`` into ``out``.

    Parameters
    ----------
    nhanes, vertebra : Path
        The survey's tables, as CSV: body measures and densities; vertebral morphometry of 2013-2014.
    count, seed : int
        How many people to simulate, 20-90 years old, and their seed.
    out : Path
        Folder to write into.

    Returns
    -------
    str
        The summary, or a plain sentence where the survey's files are absent: then nothing is written.
    """
    if not (nhanes.is_file() and vertebra.is_file()):
        return text("simulator.population_skipped")
    comparisons, pair = check(nhanes, vertebra, count, seed)
    out.mkdir(parents=True, exist_ok=True)
    (out / "population.md").write_text(population_report.markdown(comparisons, count, seed), encoding="utf-8")
    tables = [(s.table, (s.by_site.get("L1-L4") or s.design).weight) for s in pair]
    population_report.figure(comparisons, tables, out / "population.png")
    return population_report.summary(comparisons)
