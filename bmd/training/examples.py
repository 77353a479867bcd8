"""From shards to batches: what every task shares of reading, drawing and joining examples."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from bmd.errors import InputError
from bmd.models._recipe import Recipe
from bmd.simulator.shards import store
from bmd.training.task import Example, Items, Task

Item = TypeVar("Item")
Arrays = dict[str, NDArray[Any]]


class Shards:
    """The npz files of a folder, in the order of their seeds, held in memory; what is taken from each is given.

    Parameters
    ----------
    folder : path
        Holds ``<prefix>_*.npz``.
    prefix : str
        How their names begin.
    take : callable
        What to keep of the arrays of one file.
    enough : int
        Rows after which no more files are read (0: all files).
    """

    def __init__(
        self, folder: str | Path, prefix: str, take: Callable[[Mapping[str, NDArray[Any]]], Arrays], enough: int = 0
    ) -> None:
        self.folder, self.prefix, self.take, self.enough = Path(folder), prefix, take, enough
        self.parts: list[Arrays] = []
        self.digests: dict[str, str] = {}

    def refresh(self) -> None:
        """Read files written since the last look; refuses files of different versions of the simulator."""
        for path in store.finished(self.folder, self.prefix):
            if path.name in self.digests:
                continue
            if self.enough and sum(map(rows, self.parts)) >= self.enough:
                break
            content = path.read_bytes()
            with np.load(io.BytesIO(content)) as shard:
                self.parts.append(self.take(shard))
            self.digests[path.name] = hashlib.sha256(content).hexdigest()

    def places(self, skip: int, limit: int) -> list[tuple[int, int]]:
        """File and row of all cases but the first ``skip``, at most ``limit`` (0: all)."""
        where = [(i, j) for i, part in enumerate(self.parts) for j in range(rows(part))][skip:]
        return where[:limit] if limit else where


class Rows:
    """Rows of a folder of shards, in the order of their seeds; a kind of shard says what a row is in ``__getitem__``.

    Attributes
    ----------
    prefix : str
        How the names of its files begin.
    missing : str
        Code of the error where the folder holds none.

    Parameters
    ----------
    folder : path
        Holds ``<prefix>_*.npz``.
    skip, limit : int
        Leave out the first ``skip`` rows; take at most ``limit`` (0: all).
    repeat : bool
        Whether rare rows may come more often, in training; here none does.

    Raises
    ------
    InputError
        ``missing``.
    """

    prefix: str
    missing: str

    def __init__(self, folder: str | Path, skip: int = 0, limit: int = 0, repeat: bool = True) -> None:
        self.skip, self.limit, self.repeat = skip, limit, repeat
        self._shards = Shards(folder, self.prefix, self.take, skip + limit if limit else 0)
        self._where: list[tuple[int, int]] = []
        if not self.refresh():
            raise InputError(self.missing, folder=str(folder))

    @staticmethod
    def take(shard: Mapping[str, NDArray[Any]]) -> Arrays:
        """What to keep of the arrays of one file."""
        raise NotImplementedError

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of every file read, by its name."""
        return self._shards.digests

    def refresh(self) -> int:
        """Take in shards written since the last look; returns the number of rows."""
        self._shards.refresh()
        self._where = self._shards.places(self.skip, self.limit)
        return len(self._where)

    def __len__(self) -> int:
        return len(self._where)

    def values(self, index: int) -> dict[str, Any]:
        """The arrays of one row."""
        shard, row = self._where[index]
        return {key: array[row] for key, array in self._shards.parts[shard].items()}


def rows(part: Arrays) -> int:
    """Cases in one file."""
    return len(next(iter(part.values())))


def digest(*items: Items[Any]) -> str:
    """One SHA-256 of all files read, from their names and contents; files read twice count once."""
    files = {name: value for some in items for name, value in some.digests.items()}
    return hashlib.sha256("".join(f"{name} {files[name]}\n" for name in sorted(files)).encode()).hexdigest()


class Examples(Dataset[Example], Generic[Item]):
    """Endless training examples: example i is item ``order[i]``, augmented by random numbers of (seed, i) alone.

    Every item is used once before any is used again. Because nothing depends on what was asked before, a training
    that resumes at step n sees the same examples as one that never stopped.
    """

    def __init__(
        self,
        items: Items[Item],
        augment: Callable[[Item, np.random.Generator], Any],
        encode: Callable[[Item, Any, np.random.Generator], Example],
        seed: int,
    ) -> None:
        self.items, self.augment, self.encode, self.seed = items, augment, encode, seed
        self._order: tuple[tuple[int, int], NDArray[np.int64]] = ((-1, 0), np.zeros(0, np.int64))

    def __len__(self) -> int:
        return 2**40

    def __getitem__(self, index: int) -> Example:
        rng = np.random.default_rng((self.seed, 1, index))
        epoch, place = divmod(index, len(self.items))
        if self._order[0] != (epoch, len(self.items)):
            order = np.random.default_rng((self.seed, 2, epoch)).permutation(len(self.items))
            self._order = ((epoch, len(self.items)), order)
        item = self.items[int(self._order[1][place])]
        return self.encode(item, self.augment(item, rng), rng)


def make_examples(task: Task[Any, Any], recipe: Recipe) -> tuple[Examples[Any], Items[Any]]:
    """Training examples and held-out items of a task; the latter from a folder of their own where there is one."""
    items = task.read(recipe.data, skip=0 if recipe.validation else recipe.holdout)
    if recipe.validation:
        held_out = task.read(recipe.validation, repeat=False)
    else:
        held_out = task.read(recipe.data, limit=recipe.holdout, repeat=False)
    return Examples(items, task.augment(recipe), task.encode, recipe.seed), held_out


def batches(task: Task[Any, Any], examples: Examples[Any], recipe: Recipe, step: int) -> Iterator[Any]:
    """Endless batches from ``step`` on."""
    order = range(step * recipe.batch, 2**40)
    loader: DataLoader[Example] = DataLoader(
        examples,
        recipe.batch,
        sampler=cast(Any, order),
        num_workers=recipe.workers,
        collate_fn=task.collate,
        worker_init_fn=_one_thread,
    )
    return iter(loader)


def _one_thread(worker: int) -> None:
    torch.set_num_threads(1)


# --- joining examples --------------------------------------------------------------------------------------------
def collate_lists(examples: list[Example]) -> Any:
    """Keep images and targets as lists (torchvision's detection contract)."""
    return tuple(list(column) for column in zip(*examples, strict=True))


def collate_concatenate(examples: list[Example]) -> Any:
    """Join examples that are stacks themselves, such as the crops of several films, along the first axis."""
    crops, known, targets = cast(Any, zip(*examples, strict=True))
    joined = {key: torch.cat([t[key] for t in targets]) for key in targets[0]}
    return torch.cat(crops), torch.cat(known), joined
