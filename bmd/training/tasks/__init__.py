"""The tasks that networks are trained on: every ``Task`` in a file of this folder. A new task is one new file."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any

from bmd.errors import OptionError
from bmd.training.task import Task


@cache
def _found() -> dict[str, Task[Any, Any]]:
    found: dict[str, Task[Any, Any]] = {}
    for module in pkgutil.iter_modules(__path__):
        for value in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            if not isinstance(value, Task):
                continue
            if found.setdefault(value.name, value) is not value:
                raise OptionError("network.task_twice", task=value.name)
    return found


def names() -> tuple[str, ...]:
    """Names of all tasks, sorted."""
    return tuple(sorted(_found()))


def find(name: str) -> Task[Any, Any]:
    """The task of a name.

    Raises
    ------
    OptionError
        "network.unknown_task", "network.task_twice", or "network.task_incomplete" where it lacks something.
    """
    if name not in _found():
        raise OptionError("network.unknown_task", task=name, known=names())
    task = _found()[name]
    task.check()
    return task
