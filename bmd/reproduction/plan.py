"""What a table of a paper is here: data by seeds, rows, what is measured, which differences are claimed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bmd.errors import OptionError
from bmd.evaluation import published
from bmd.evaluation.published import Published

Columns: TypeAlias = Mapping[str, NDArray[Any]]
Figure: TypeAlias = Callable[[Columns], float]
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Data:
    """Simulated people of a table, by seeds: one seed is one person.

    Attributes
    ----------
    name : str
        Its folder.
    modality : str
        "film", "ct" or "dxa", as ``simulate --modality``.
    cohort : str
        As ``simulate --cohort``.
    train, validation, test : range
        Seeds of each split. Networks learn from the first, checkpoints are chosen by the second, figures are of the
        third. The first two may be empty: nothing is trained then.
    console : int, optional
        All films are shown by this one of the simulated consoles.

    Raises
    ------
    OptionError
        "result.people_overlap": a person is in two splits.
    """

    name: str
    modality: str
    cohort: str
    train: range
    validation: range
    test: range
    console: int | None = None

    def __post_init__(self) -> None:
        for one, other in combinations(SPLITS, 2):
            a, b = self.seeds(one), self.seeds(other)
            if a and b and a[0] <= b[-1] and b[0] <= a[-1]:
                raise OptionError("result.people_overlap", data=self.name, one=one, other=other)

    def seeds(self, split: str) -> range:
        """Seeds of a split."""
        seeds: range = getattr(self, split)
        return seeds

    def few(self, people: int) -> Data:
        """The first ``people`` of the training people, and as many of the others at most; 0: all."""
        if not people:
            return self
        train, validation, test = (self.seeds(split)[:people] for split in SPLITS)
        return replace(self, name=f"{self.name}_{people}", train=train, validation=validation, test=test)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one row says of the test set.

    Attributes
    ----------
    people : ndarray
        int (n,): items of one person belong together.
    columns : dict of ndarray
        Each (n, ...): what figures are made of, in the order of the test set, so that rows can be paired.
    unit : str
        What an item is: "slices", "hips", "bodies", "films", "people".
    mix : tuple of float
        Shares of normal, osteopenia, osteoporosis; empty where no class is involved.
    points : dict
        What a figure is drawn from; plain values.
    """

    people: NDArray[np.int64]
    columns: dict[str, NDArray[Any]]
    unit: str
    mix: tuple[float, ...] = ()
    points: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measure:
    """How a row is measured.

    Attributes
    ----------
    answer : callable
        (network in eval mode or None, folder of the test split, size of its input) -> ``Outcome``.
    figures : dict of str to callable
        Figures by the names of ``published``, of the outcome's columns. Percent where the paper prints percent.
    """

    answer: Callable[[Any, str, int], Outcome]
    figures: Mapping[str, Figure]


@dataclass(frozen=True)
class Row:
    """One row of ours.

    Attributes
    ----------
    key : str
        Its name in files and on the command line.
    network : str
        Of the registry; empty where none is asked.
    words : tuple of str
        ``key=value`` changes to the recipe beyond those of the table.
    published : str
        The paper's name of the row it stands beside (``Published.model``); empty where the paper has no such row.
    label : str
        What it is called; the paper's name where empty.
    task : str
        ``Published.task`` of that row, where one network has several.
    shipped : bool
        Measured with the weights the product ships, whatever they were trained on; else trained on the table's data.
    core_hours, gpu_hours : float
        What its training needs, where it is not trained unless asked for by name; 0: trained with the others.
    data : Data, optional
        Measured on other people than the table's.
    measure : Measure, optional
        Measured otherwise than the table.
    """

    key: str
    network: str = ""
    words: tuple[str, ...] = ()
    published: str = ""
    label: str = ""
    task: str = ""
    shipped: bool = False
    core_hours: float = 0.0
    gpu_hours: float = 0.0
    data: Data | None = None
    measure: Measure | None = None

    @property
    def trains(self) -> bool:
        """Whether it has a training of its own."""
        return bool(self.network) and not self.shipped

    @property
    def costly(self) -> bool:
        """Whether it is left out unless asked for by name."""
        return self.core_hours > 0 or self.gpu_hours > 0


@dataclass(frozen=True)
class Claim:
    """A difference that a paper claims, or that we ask about: ``better`` exceeds ``than`` in ``figure``.

    ``why`` is a code below ``result.why``: what explains it where ours differs from the paper.
    """

    better: str
    than: str
    figure: str
    why: str = ""


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes
    ----------
    paper : str
        Key of ``published.PAPERS``.
    key : str
        Name of its file, and what ``--table`` says: "2", "figure-3", "vendor".
    printed : str
        What the paper calls it, as in ``published``; empty for what only we ask.
    data : Data
        Of all its rows.
    measure : Measure
        Of all its rows.
    rows : tuple of Row
    claims : tuple of Claim
    words : tuple of str
        Changes to the recipes of all rows.
    """

    paper: str
    key: str
    printed: str
    data: Data
    measure: Measure
    rows: tuple[Row, ...]
    claims: tuple[Claim, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Paper and key, for folders and codes: "choi2021_2"."""
        return f"{self.paper}_{self.key}".replace("-", "_")

    def row(self, key: str) -> Row:
        """A row by its key; OptionError "result.unknown_row"."""
        for row in self.rows:
            if row.key == key:
                return row
        raise OptionError("result.unknown_row", row=key, known=tuple(row.key for row in self.rows))

    def beside(self, row: Row) -> Published | None:
        """The published row that one of ours stands beside."""
        if not row.published:
            return None
        rows = [r for r in published.results(self.paper) if (r.table, r.model) == (self.printed, row.published)]
        if row.task:
            rows = [r for r in rows if r.task == row.task]
        if len(rows) != 1:
            raise OptionError("result.unknown_published", row=row.key, table=self.name)
        return rows[0]
