"""The tables of the papers: every ``Table`` in a file of this folder."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from bmd.errors import OptionError
from bmd.evaluation.published import PAPERS
from bmd.reproduction.plan import Table


@cache
def tables(paper: str | None = None) -> tuple[Table, ...]:
    """All tables, or those of one paper, in the order in which their files name them.

    Raises
    ------
    OptionError
        "result.unknown_paper".
    """
    if paper is not None and paper not in PAPERS:
        raise OptionError("result.unknown_paper", paper=paper, known=tuple(PAPERS))
    found: dict[str, Table] = {}
    for module in pkgutil.iter_modules(__path__):
        for value in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            if isinstance(value, Table) and paper in (None, value.paper):
                found[value.name] = value
    return tuple(found.values())


def find(paper: str, key: str) -> Table:
    """A table by paper and key.

    Raises
    ------
    OptionError
        "result.unknown_paper" or "result.unknown_table".
    """
    known = tables(paper)
    for table in known:
        if table.key == key:
            return table
    raise OptionError("result.unknown_table", table=key, known=tuple(table.key for table in known))
