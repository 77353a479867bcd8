"""A training in small before the first step: one batch through everything, so that nothing is missing at the end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from bmd.errors import BmdError, OptionError
from bmd.models._recipe import Recipe
from bmd.training.examples import Examples
from bmd.training.task import Few, Items, Metrics, Task

log = logging.getLogger(__name__)

BATCH, HELD = 4, 3
"""Examples and held-out items at most."""


def move(batch: Any, device: torch.device) -> Any:
    """Send every tensor of nested tuples, lists and dicts to a device; films become channels_last."""
    if isinstance(batch, Tensor):
        batch = batch.to(device, non_blocking=True)
        return batch.contiguous(memory_format=torch.channels_last) if batch.dim() == 4 else batch
    if isinstance(batch, dict):
        return {k: move(v, device) for k, v in batch.items()}
    return type(batch)(move(v, device) for v in batch)


def rehearse(
    task: Task[Any, Any],
    network: nn.Module,
    recipe: Recipe,
    examples: Examples[Any],
    held_out: Items[Any],
    precision: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Metrics:
    """Encode, join, lose, differentiate and validate a few items with a copy of the network.

    Neither the network nor torch's random numbers are changed, so a training is the same with and without.

    Returns
    -------
    dict
        The metrics of the copy: what will be measured, not how good it is.

    Raises
    ------
    OptionError
        "network.rehearsal": a step failed, with its name; "network.no_headline": ``validate`` does not give the
        task's headline metric.
    """
    twin, device = deepcopy(network), next(network.parameters()).device
    with torch.random.fork_rng():
        with _step(task, "encode"):
            drawn = [examples[k] for k in range(min(recipe.batch, BATCH))]
        with _step(task, "collate"):
            batch = move(task.collate(drawn), device)
        with _step(task, "forward"), precision():
            losses = twin.train()(*batch)
        with _step(task, "losses"):
            torch.autograd.backward(torch.stack([value.float() for value in losses.values()]).sum())
        with _step(task, "validate"), torch.no_grad(), precision():
            metrics = task.validate(twin.eval(), Few(held_out, HELD), recipe.size)
    if task.headline not in metrics:
        raise OptionError("network.no_headline", task=task.name, headline=task.headline, metrics=tuple(metrics))
    return metrics


@contextmanager
def _step(task: Task[Any, Any], name: str) -> Iterator[None]:
    """Say in which step of the rehearsal a fault of the task or the network showed."""
    try:
        yield
    except BmdError:
        raise
    except Exception as error:
        log.debug("rehearsal of %s failed", task.name, exc_info=True)
        what = f"{type(error).__name__}: {error}"
        raise OptionError("network.rehearsal", task=task.name, step=name, error=what) from error
