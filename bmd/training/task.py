"""What a training task is: all that the loop needs to know of it, in one object."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import default_collate

from bmd.errors import OptionError

Example: TypeAlias = tuple[Tensor | dict[str, Tensor], ...]
"""A network's inputs, then its targets."""
Metrics: TypeAlias = dict[str, float]

Item = TypeVar("Item")
Seen = TypeVar("Seen")
Given = TypeVar("Given", covariant=True)


class Items(Protocol[Given]):
    """Cases of a folder, held in memory, in a fixed order."""

    @property
    def digests(self) -> Mapping[str, str]:
        """SHA-256 of every file read, by its name."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Given: ...

    def refresh(self) -> int:
        """Take in files written since the last look; returns the number of items."""


class Read(Protocol[Given]):
    """Reads the items of a folder: all but the first ``skip``, at most ``limit`` (0: all)."""

    def __call__(self, folder: str, skip: int = 0, limit: int = 0, repeat: bool = True) -> Items[Given]:
        """``repeat`` False: every item at most once, for figures; True: rare ones may come more often, in training."""


@dataclass(frozen=True)
class Task(Generic[Item, Seen]):
    """One thing that networks are trained to do. A file of ``bmd/training/tasks`` that holds one is a task.

    Attributes
    ----------
    name : str
        What ``Spec.task`` of its networks says.
    inputs : str
        How a picture becomes the network's input, for the metadata.
    cohort, unit : str
        On whom it is trained and what is counted; codes below ``network.cohort`` and ``network.unit`` of the words.
    headline : str
        The metric of ``validate`` by which a training is judged.
    read : callable
        Reads the items of a folder.
    plain : callable
        (item, size) -> the item as the network sees it in use.
    augment : callable
        recipe -> function (item, rng) -> the item as the network sees it in training.
    encode : callable
        (item, what is seen of it, rng) -> example.
    validate : callable
        (network in eval mode, items, size) -> metrics.
    collate : callable
        Examples -> batch, the arguments of the network's ``forward`` in training; stacks them, being of equal shape.
    fit : callable, optional
        Trains instead of the loop: ``key=value`` words -> what ``train`` returns.
    """

    name: str
    inputs: str
    cohort: str
    unit: str
    headline: str
    read: Read[Item]
    plain: Callable[[Item, int], Seen]
    augment: Callable[[Any], Callable[[Item, np.random.Generator], Seen]]
    encode: Callable[[Item, Seen, np.random.Generator], Example]
    validate: Callable[[nn.Module, Any, int], Metrics]
    collate: Callable[[list[Example]], Any] = default_collate
    fit: Callable[[Sequence[str]], dict[str, Any]] | None = None

    def measure(self, network: nn.Module, items: Items[Item], size: int) -> Metrics:
        """The metrics of a trained network, which is put in eval mode."""
        with torch.inference_mode():
            return self.validate(network.eval(), items, size)

    def check(self) -> None:
        """Raise OptionError "network.task_incomplete" unless everything but ``fit`` is there."""
        words = {"name", "inputs", "cohort", "unit", "headline"}
        missing = tuple(
            field.name
            for field in fields(self)
            if field.name != "fit"
            and not (getattr(self, field.name) if field.name in words else callable(getattr(self, field.name)))
        )
        if missing:
            raise OptionError("network.task_incomplete", task=str(self.name), missing=missing)


class Few(Generic[Given]):
    """The first items of others."""

    def __init__(self, items: Items[Given], count: int) -> None:
        self.items, self.count = items, min(count, len(items))
        self.digests = items.digests

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int, /) -> Given:
        if not 0 <= index < self.count:
            raise IndexError(index)
        return self.items[index]

    def __iter__(self) -> Iterator[Given]:
        return (self[k] for k in range(self.count))

    def refresh(self) -> int:
        """Nothing new is taken in."""
        return self.count
