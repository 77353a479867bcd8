"""The page and the figure of ``population.check``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bmd import reference
from bmd.population.survey import Array, Column

NAMES = {"height_cm": "stature", "weight_kg": "weight", "bmi": "BMI", "femoral_neck": "neck", "total_hip": "hip"}
EXPLAINED = """\
## What differs, and why

- **Chance.** Of this many comparisons about 5 % lie beyond two standard errors when nothing differs at all.
- **One era of densitometer.** Density is fitted on 2005-2010. From 2013 on the levels of women are read differently (L1
  about 0.04 g/cm2 higher and L4 0.03 lower at the same age, L1-L4 nearly unchanged; most likely the analysis
  software), and mixing both would blur the level profile. The neck reads 0.01-0.03 g/cm2 lower from 2013 on.
- **Who could be measured.** All four lumbar vertebrae were readable in 85 % (2005-06) to 64 % (2009-10) of women of
  50-79 and 83 % to 58 % of men; dense spines are missing most. A simulated person has every site, so the L1-L4 density
  of older men is, if anything, slightly higher and its correlation with the hip slightly lower than among the measured.
- **Fractures.** About 180 people with any fracture T10-L4 carry the model. It gives everybody one tendency to fracture;
  the survey has more multiple deformities in middle-aged men of normal density (perhaps old injuries) and fewer in
  people with T <= -2.5 than the model gives.
- **Scale.** Lengths rest on 0.38 mm per pixel, inferred to within about 5 %; ratios and correlations do not need it.
- **Not in the survey, so not compared:** L5 (density after L4's T-score, wedge and depth after a CT study), discs L4-L5
  and L5-S1, widths above L1 and at L5.
"""


Axis = Literal["group", "name"]


@dataclass(frozen=True)
class Comparison:
    """One statistic (``kind`` of ``name``) in the survey and in the simulated people, each with its standard error."""

    topic: str
    group: str
    kind: str
    name: str
    survey: float
    survey_se: float
    simulated: float
    simulated_se: float

    def at(self, axis: Axis) -> str:
        """Its row or column in a table whose rows or columns are groups or names."""
        return self.group if axis == "group" else self.name

    @property
    def z(self) -> float:
        """Difference over the standard error of the difference."""
        return (self.simulated - self.survey) / float(np.hypot(self.survey_se, self.simulated_se))


Comparisons = Sequence[Comparison]


def summary(comparisons: Comparisons) -> str:
    """One row a topic: how many comparisons, and the shares within one and two standard errors."""
    rows = ["| topic | comparisons | within 1 SE | within 2 SE | root mean square of z |", "|---|---|---|---|---|"]
    for topic in [*dict.fromkeys(c.topic for c in comparisons), "all"]:
        z = np.array([c.z for c in comparisons if topic in (c.topic, "all")])
        rms = np.sqrt((z**2).mean())
        rows.append(f"| {topic} | {len(z)} | {np.mean(abs(z) < 1):.0%} | {np.mean(abs(z) < 2):.0%} | {rms:.2f} |")
    return "\n".join(rows)


def cell(c: Comparison) -> str:
    """``survey (SE) simulated``, bold when more than two standard errors apart."""
    digits = 3 if max(abs(c.survey), abs(c.simulated)) < 3 else 1
    text = f"{c.survey:.{digits}f} ({c.survey_se:.{digits}f}) {c.simulated:.{digits}f}"
    return f"**{text}**" if abs(c.z) > 2 else text


def label(name: str) -> str:
    """Readable name of a column."""
    for old, new in NAMES.items():
        name = name.replace(old, new)
    return name.replace("|", ": ").replace("_", " ")


def grid(comparisons: Comparisons, row: Axis, column: Axis) -> str:
    """A table of cells: one row a value of ``row``, one column a value of ``column``."""
    names = list(dict.fromkeys(c.at(column) for c in comparisons))
    at = {(c.at(row), c.at(column)): cell(c) for c in comparisons}
    lines = ["| | " + " | ".join(label(n) for n in names) + " |", "|---" * (len(names) + 1) + "|"]
    for key in dict.fromkeys(c.at(row) for c in comparisons):
        lines.append(f"| {label(key)} | " + " | ".join(at.get((key, n), "") for n in names) + " |")
    return "\n".join(lines)


PAGE = """\
# Simulated people against NHANES

{count:,} simulated people of 20-90 years (seed {seed}) beside the survey they were fitted on (CDC NHANES 2005-2010 for
bodies and bone density, 2013-2014 for vertebrae). Every cell reads: survey (its standard error) simulated; bold where
they are more than two standard errors of the difference apart. Survey standard errors are Taylor-linearised over
strata and primary sampling units. People measured at a site stand for all examined people of the same sex, decade and
third of body mass index; simulated spines are weighted to the sex and age of the people of the morphometry. Made by

    python -m bmd evaluate population --nhanes nhanes_bmd.csv --vertebra nhanes_vertebra_2013.csv

![Simulated people against NHANES](population.png)

{summary}

{explained}
## Beyond two standard errors ({beyond} of {total})

{listed}
"""

SECTIONS: tuple[tuple[str, str, Axis, Axis, str, str], ...] = (  # topic, kind, row, column, heading, text
    ("by decade", "mean", "group", "name", "Means by decade", "cm, kg, kg/m2 and g/cm2."),
    ("by decade", "sd", "group", "name", "Standard deviations by decade", ""),
    ("correlation", "", "name", "group", "Correlations, 40 years and older", ""),
    (
        "class mix",
        "",
        "name",
        "group",
        "Class mix, 50 years and older",
        "White female reference for both sexes (ISCD).",
    ),
    ("fracture", "", "group", "name", "Fractures T10-L4, 40 years and older", "Share of people with grade 1 or more."),
    ("fracture by level", "", "name", "group", "Fractures by level", "Share of vertebrae, 40 years and older."),
    ("vertebral shape", "mean", "name", "group", "Unfractured vertebrae and discs, means", "mm at 0.38 mm per pixel."),
    ("vertebral shape", "sd", "name", "group", "Unfractured vertebrae and discs, standard deviations", "mm."),
    ("shape correlation", "", "name", "group", "Unfractured vertebrae and discs, correlations", ""),
)


def markdown(comparisons: Comparisons, count: int, seed: int) -> str:
    """The whole page."""
    beyond = sorted((c for c in comparisons if abs(c.z) > 2), key=lambda c: -abs(c.z))
    listed = [f"- {c.group}, {c.kind} of {label(c.name)}: {cell(c).strip('*')}, z = {c.z:+.1f}" for c in beyond]
    page = PAGE.format(
        count=count,
        seed=seed,
        summary=summary(comparisons),
        explained=EXPLAINED,
        beyond=len(beyond),
        total=len(comparisons),
        listed="\n".join(listed),
    )
    for topic, kind, row, column, heading, text in SECTIONS:
        chosen = [c for c in comparisons if c.topic == topic and kind in ("", c.kind)]
        page += f"\n## {heading}\n\n" + (f"{text}\n\n" if text else "") + grid(chosen, row, column) + "\n"
    return page


def figure(comparisons: Comparisons, people: list[tuple[dict[str, Column], Array]], path: Path) -> None:
    """Six panels, survey against simulation, as a small PNG."""
    import matplotlib as mpl  # a development tool: imported only where the figure is drawn

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    plt.rcParams.update({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False})
    fig, axes = plt.subplots(2, 3, figsize=(10.5, 6.2), layout="constrained")
    for axis, site, title in zip(axes[0], ("L1-L4", "femoral_neck"), ("Lumbar L1-L4", "Femoral neck"), strict=False):
        _decades(axis, comparisons, site, title)
    _histogram(axes[0, 2], people)
    _agreement(axes[1, 0], comparisons)
    _fractures(axes[1, 1], comparisons)
    _scores(axes[1, 2], comparisons)
    fig.savefig(path, dpi=110)
    plt.close(fig)


COLOURS = {"women": "#b2456e", "men": "#2f6f9f"}


def _decades(axis: Any, comparisons: Comparisons, site: str, title: str) -> None:
    for sex, colour in COLOURS.items():
        rows = [c for c in comparisons if c.topic == "by decade" and c.name == site and c.group.startswith(sex)]
        means, sds = ([c for c in rows if c.kind == kind] for kind in ("mean", "sd"))
        x = np.arange(len(means)) * 10 + 25
        survey, model = np.array([c.survey for c in means]), np.array([c.simulated for c in means])
        axis.errorbar(x, survey, [2 * c.survey_se for c in means], fmt="o", ms=3, color=colour, label=f"{sex}, survey")
        axis.plot(x, model, color=colour, label=f"{sex}, simulated")
        for sign in (-1, 1):
            axis.plot(x, survey + sign * np.array([c.survey for c in sds]), "o", ms=2, color=colour, alpha=0.5)
            axis.plot(x, model + sign * np.array([c.simulated for c in sds]), color=colour, lw=0.6, alpha=0.5)
    axis.set(title=f"{title}: mean (2 SE) and mean ± SD", xlabel="age, y", ylabel="g/cm²")
    axis.legend(frameon=False, fontsize=6)


def _histogram(axis: Any, people: list[tuple[dict[str, Column], Array]]) -> None:
    edges = np.arange(-5, 6.01, 0.5)
    for sex, colour in COLOURS.items():
        for (table, weight), style in zip(people, ("o", "-"), strict=True):
            t = reference.t_score(np.asarray(table["L1-L4"], float), "L1-L4")
            rows = (table["male"] == (sex == "men")) & (table["age"] >= 50) & np.isfinite(t)
            density = np.histogram(t[rows], edges, weights=weight[rows], density=True)[0]
            axis.plot(edges[:-1] + 0.25, density, style, ms=3, color=colour)
    for cut in (reference.OSTEOPENIA_BELOW_T, reference.OSTEOPOROSIS_FROM_T):
        axis.axvline(cut, color="grey", lw=0.7, ls=":")
    axis.set(title="T-score L1-L4, 50 y and older", xlabel="T-score", ylabel="density")


def _agreement(axis: Any, comparisons: Comparisons) -> None:
    rows = [c for c in comparisons if c.topic in ("correlation", "shape correlation")]
    for sex, colour in COLOURS.items():
        own = [c for c in rows if c.group.startswith(sex)]
        error = [2 * c.survey_se for c in own]
        survey, model = [c.survey for c in own], [c.simulated for c in own]
        axis.errorbar(survey, model, xerr=error, fmt="o", ms=2.5, lw=0.6, color=colour)
    axis.plot([-0.6, 1], [-0.6, 1], color="grey", lw=0.7)
    axis.set(title="Correlations, 40 y and older", xlabel="survey (2 SE)", ylabel="simulated")


def _fractures(axis: Any, comparisons: Comparisons) -> None:
    rows = [c for c in comparisons if c.name == "any fracture"]
    x = np.arange(len(rows))
    axis.errorbar(
        x, [100 * c.survey for c in rows], [200 * c.survey_se for c in rows], fmt="ko", ms=3, label="survey, 2 SE"
    )
    axis.bar(x, [100 * c.simulated for c in rows], color="#9bb7c9", label="simulated")
    axis.set_xticks(x, [c.group for c in rows], rotation=60, ha="right", fontsize=6)
    axis.set(title="Any fracture T10-L4, 40 y and older", ylabel="%")
    axis.legend(frameon=False, fontsize=6)


def _scores(axis: Any, comparisons: Comparisons) -> None:
    z = np.array([c.z for c in comparisons])
    edges = np.arange(-5, 5.01, 0.5)
    axis.hist(np.clip(z, -4.9, 4.9), edges, density=True, color="#9bb7c9")
    x = np.linspace(-5, 5, 200)
    axis.plot(x, np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), "k", lw=0.8, label="chance alone")
    axis.set(title=f"All {len(z)} differences", xlabel="difference / its standard error")
    axis.legend(frameon=False, fontsize=6)
