"""The training loop of every network: draw examples, add up the losses the network returns, step, average, validate."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from bmd.errors import WeightsError
from bmd.models import _registry as registry
from bmd.models._metadata import card
from bmd.models._precision import bf16_is_faster
from bmd.models._recipe import Recipe, as_dict, check_choice, override
from bmd.models._weights import read_state
from bmd.training import checkpoint, tasks
from bmd.training.examples import Examples, batches, make_examples
from bmd.training.rehearsal import move, rehearse
from bmd.training.task import Items, Metrics

log = logging.getLogger(__name__)
PRINT_EVERY = 50
SWA_FROM = 0.75
"""Share of the budget after which "swa" averages (Izmailov et al. 2018: the last quarter)."""
SGD = partial(torch.optim.SGD, momentum=0.9)
OPTIMISERS: Mapping[str, Callable[..., torch.optim.Optimizer]] = MappingProxyType(
    {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": SGD, "swa": SGD}
)


@dataclass
class Progress:
    """Where a training stands."""

    step: int = 0
    seconds: float = 0.0
    averaged: int = 0
    """Steps whose weights are in the mean of "swa"."""


class RunningMean:
    """Mean of the weights: exponential (EMA), starting fast so that the first validations are not of random numbers;
    or with every step counting alike (SWA).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state = {k: v.detach().clone() for k, v in network.state_dict().items()}

    def update(self, network: nn.Module, step: int, keep: float | None = None) -> None:
        """Move a little towards the network's present weights; ``keep`` is the share of the mean that stays."""
        keep = min(self.decay, (1 + step) / (10 + step)) if keep is None else keep
        now = network.state_dict()
        soft = [k for k, v in self.state.items() if v.is_floating_point()]
        with torch.no_grad():
            torch._foreach_lerp_([self.state[k] for k in soft], [now[k] for k in soft], 1 - keep)
            for k in self.state.keys() - set(soft):
                self.state[k].copy_(now[k])

    def network_like(self, network: nn.Module, build: Any) -> nn.Module:
        """A copy of the network with the mean weights, in eval mode."""
        twin: nn.Module = build().to(next(network.parameters()).device)
        twin.load_state_dict(self.state)
        return twin.eval()


def learning_rate(step: int, share: float, recipe: Recipe) -> float:
    """Linear warm-up, then a cosine from the peak to 1 % of it as ``share`` of the budget goes 0..1.

    With "swa" the cosine ends at half the peak when ``SWA_FROM`` of the budget is spent, and the rate stays there.
    """
    rise = min(1.0, (step + 1) / max(1, recipe.warmup))
    if recipe.optimiser == "swa":
        return recipe.lr * rise * (0.75 + 0.25 * math.cos(math.pi * min(1.0, share / SWA_FROM)))
    return recipe.lr * rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, share))))


def make_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW, Adam or SGD; weight decay on convolutions and matrices only, not on norms and biases.

    Raises
    ------
    OptionError
        "network.unknown_choice": the recipe names another optimiser.
    """
    check_choice("optimiser", recipe.optimiser, OPTIMISERS)
    wide = [p for p in network.parameters() if p.requires_grad and p.dim() > 1]
    thin = [p for p in network.parameters() if p.requires_grad and p.dim() <= 1]
    groups = [{"params": wide, "weight_decay": recipe.weight_decay}, {"params": thin, "weight_decay": 0.0}]
    return OPTIMISERS[recipe.optimiser](groups, lr=recipe.lr, foreach=True)


def start_from(network: nn.Module, folder: Path) -> tuple[str, ...]:
    """Fill a network with shipped weights: its own, or of another network where names and shapes agree.

    Returns
    -------
    tuple of str
        The tensors that keep their random numbers, which the log says too.

    Raises
    ------
    WeightsError
        "network.weights_do_not_fit": its own weights lack a tensor, or hold another one or one of another shape, whose
        name does not begin as one of the network's ``added``.
    """
    state, metadata = read_state(folder)
    mine = network.state_dict()
    fits = {k: v for k, v in state.items() if k in mine and v.shape == mine[k].shape}
    new = tuple(sorted(mine.keys() - fits.keys()))
    if metadata["name"] == network.spec.name:  # type: ignore[union-attr]
        added: tuple[str, ...] = getattr(network, "added", ())
        if not all(key.startswith(added) for key in {*new, *(state.keys() - fits.keys())}):
            raise WeightsError("network.weights_do_not_fit", name=folder.name)
    network.load_state_dict(mine | fits)
    if new:
        log.info("not in %s, newly initialised: %s", folder.name, ", ".join(new))
    return new


class Trainer:
    """A network in training: its weights, their running mean, the optimizer and the log."""

    def __init__(self, name: str, recipe: Recipe) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        automatic = recipe.bf16 not in ("on", "off")
        self.bf16 = bf16_is_faster(self.device.type) if automatic else recipe.bf16 == "on"  # draws random numbers
        torch.manual_seed(recipe.seed)
        torch.set_num_threads(recipe.threads)
        self.name, self.recipe, self.task = name, recipe, tasks.find(registry.spec(name).task)
        self.options = recipe.options(registry.network_class(name))
        network = registry.build(name, **self.options)
        if recipe.init:
            start_from(network, Path(recipe.weights) / (name if recipe.init == "weights" else recipe.init))
        self.network = network.to(self.device).to(memory_format=torch.channels_last)
        self.mean = RunningMean(self.network, recipe.ema)
        self.start = RunningMean(self.network, 1.0).state if recipe.init and recipe.kept else {}
        self.optimizer = make_optimizer(self.network, recipe)
        self.progress = Progress()
        self.folder = Path(recipe.out) / name
        self.folder.mkdir(parents=True, exist_ok=True)

    def precision(self) -> AbstractContextManager[Any]:
        """Autocast to bfloat16 where that is faster; losses are float32 in any case."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def resume(self) -> None:
        """Go on from the checkpoint in the run's folder, if there is one."""
        state = checkpoint.load(self.folder / "checkpoint.pt") if self.recipe.resume else None
        if state is None:
            (self.folder / "best.pt").unlink(missing_ok=True)  # of another training in the same folder
            return
        self.network.load_state_dict(state["network"])
        self.mean.state = {k: v.to(self.device) for k, v in state["mean"].items()}
        self.optimizer.load_state_dict(state["optimizer"])
        self.progress = Progress(state["step"], state["seconds"], state.get("averaged", 0))
        torch.set_rng_state(state["rng"])
        log.info("resumed at step %d, %.1f minutes", self.progress.step, self.progress.seconds / 60)

    def save(self) -> None:
        """Write the checkpoint."""
        state: dict[str, Any] = {"network": self.network.state_dict(), "mean": self.mean.state}
        state |= {"optimizer": self.optimizer.state_dict(), "recipe": as_dict(self.recipe)}
        state |= vars(self.progress) | {"rng": torch.get_rng_state()}
        checkpoint.save(self.folder / "checkpoint.pt", state)

    def write(self, record: dict[str, Any]) -> None:
        """Add one line to the run's log."""
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def spent(self) -> float:
        """Share of the budget that is spent: of the steps where they are given, else of the minutes."""
        if self.recipe.steps:
            return self.progress.step / self.recipe.steps
        return self.progress.seconds / 60 / self.recipe.minutes

    def kept(self) -> float | None:
        """Share of the mean weights that stays at a step: none before "swa" averages; None: as the EMA has it."""
        if self.recipe.optimiser != "swa":
            return None
        self.progress.averaged += self.spent() >= SWA_FROM
        return 1 - 1 / max(1, self.progress.averaged)

    def step(self, batch: Any) -> dict[str, float]:
        """One optimiser step on one batch; returns the losses."""
        lr = learning_rate(self.progress.step, self.spent(), self.recipe)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.network.train()
        with self.precision():
            losses = self.network(*move(batch, self.device))
        loss = torch.stack([v.float() for v in losses.values()]).sum()
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        if torch.isfinite(norm):  # one overflow must not spoil the weights
            self.optimizer.step()
        self.mean.update(self.network, self.progress.step, self.kept())
        self.progress.step += 1
        values = {k: float(v.detach()) for k, v in losses.items()}
        return {"loss": float(loss.detach()), **values, "norm": float(norm), "lr": lr}

    def shipped(self) -> nn.Module:
        """The network that is validated and shipped: the mean weights, mixed with those it started from where asked.

        A mean of both keeps more of what the first was right about on pictures unlike the new ones (Wortsman et al.
        2022, arXiv 2109.01903).
        """
        twin = self.mean.network_like(self.network, lambda: registry.build(self.name, **self.options))
        with torch.no_grad():
            for key, value in twin.state_dict().items():
                if key in self.start and value.is_floating_point():
                    value.lerp_(self.start[key], self.recipe.kept)
        return twin

    def rehearse(self, examples: Examples[Any], held_out: Items[Any]) -> Metrics:
        """Run one batch through everything before the first step; see ``rehearsal.rehearse``."""
        return rehearse(self.task, self.network, self.recipe, examples, held_out, self.precision)

    def validate(self, held_out: Items[Any]) -> Metrics:
        """Metrics of the weights to be shipped on items never trained on."""
        twin = self.shipped().to(memory_format=torch.channels_last)
        with torch.no_grad(), self.precision():
            metrics = self.task.validate(twin, held_out, self.recipe.size)
        self.write({"step": self.progress.step, "minutes": self.progress.seconds / 60, "validation": metrics})
        log.info("validation at step %d: %s", self.progress.step, _show(metrics))
        if self.recipe.best:
            checkpoint.keep_best(self.folder / "best.pt", twin, self.progress.step, metrics, self.task.headline)
        return metrics

    def describe(self, metrics: Metrics, held_out: int, made: dict[str, Any]) -> dict[str, Any]:
        """Metadata of the mean weights as they are now; see ``checkpoint.describe``."""
        training: dict[str, Any] = {"steps": self.progress.step, "examples": self.progress.step * self.recipe.batch}
        training |= {"minutes": round(self.progress.seconds / 60, 1), "device": self.device.type}
        training |= {"metrics": metrics, "held_out": held_out}
        return checkpoint.describe(self.network, self.recipe, training, made)

    def export(self, metadata: dict[str, Any]) -> None:
        """Ship them to the weights folder."""
        checkpoint.export(self.shipped().cpu(), Path(self.recipe.weights) / self.name, metadata)


def _show(values: dict[str, float]) -> str:
    return " ".join(f"{k} {v:.4g}" for k, v in values.items())


def train(name: str, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Train a network on simulated cases until its budget of minutes or steps is spent, then export it.

    Parameters
    ----------
    name : str
        A name of the registry.
    overrides : sequence of str
        ``key=value`` words for the network's recipe.

    Returns
    -------
    dict
        ``steps``, ``minutes``, ``metrics`` (held-out films) and ``folder``.

    Raises
    ------
    OptionError
        Unknown network, key or task; or something of the task is missing or fails on one batch. Raised before the
        first step.
    InputError
        No shards in the data folder.
    """
    task = tasks.find(registry.spec(name).task)
    if task.fit is not None:
        return task.fit(overrides)
    recipe = override(registry.network_class(name).Recipe(), overrides)
    trainer = Trainer(name, recipe)
    trainer.resume()
    examples, held_out = make_examples(task, recipe)
    rehearsed = trainer.rehearse(examples, held_out)
    made: dict[str, Any] = {}
    if recipe.weights:
        made = checkpoint.provenance(name, overrides, examples.items, held_out)
        card(trainer.describe(rehearsed, len(held_out), made) | {"files": {}})  # what export needs is there
    changed = {f.name: getattr(recipe, f.name) for f in fields(recipe) if getattr(recipe, f.name) != f.default}
    log.info("%s: %d items, %d held out, bf16 %s, %s", name, len(examples.items), len(held_out), trainer.bf16, changed)
    trainer.write({"start": name, "recipe": as_dict(recipe), "items": len(examples.items), "bf16": trainer.bf16})
    metrics = _run(trainer, examples, held_out)
    if recipe.weights:
        made |= checkpoint.read_from(examples.items, held_out)
        trainer.export(trainer.describe(metrics, len(held_out), made))
    return {
        "steps": trainer.progress.step,
        "minutes": trainer.progress.seconds / 60,
        "metrics": metrics,
        "folder": trainer.folder,
    }


def _due(recipe: Recipe, progress: Progress, validated: float) -> bool:
    """Whether to validate: after so many steps where the recipe says how many, else after so many minutes."""
    if recipe.validate_steps:
        return progress.step % recipe.validate_steps == 0
    return progress.seconds - validated > recipe.validate_every * 60


def _run(trainer: Trainer, examples: Examples[Any], held_out: Items[Any]) -> Metrics:
    """The loop itself. Validations and checkpoints do not count against the budget."""
    recipe, progress = trainer.recipe, trainer.progress
    metrics, validated = {}, progress.seconds
    stream = batches(trainer.task, examples, recipe, progress.step)
    window: list[dict[str, float]] = []
    mark = time.monotonic()
    begun, begun_step = progress.seconds, progress.step
    while trainer.spent() < 1:
        window.append(trainer.step(next(stream)))
        now = time.monotonic()
        progress.seconds, mark = progress.seconds + now - mark, now
        if len(window) == PRINT_EVERY:
            means = {k: sum(w[k] for w in window) / len(window) for k in window[0]}
            rate = (progress.step - begun_step) * recipe.batch / max(progress.seconds - begun, 1e-9)
            trainer.write({"step": progress.step, "minutes": progress.seconds / 60, "images_per_s": rate} | means)
            log.info("%.1f min step %d %.1f img/s %s", progress.seconds / 60, progress.step, rate, _show(means))
            window, begun, begun_step = [], progress.seconds, progress.step
        if _due(recipe, progress, validated) and trainer.spent() < 1:
            metrics = trainer.validate(held_out)
            trainer.save()
            if examples.items.refresh():  # cases simulated meanwhile; workers start anew to see them
                stream = batches(trainer.task, examples, recipe, progress.step)
            validated, mark = progress.seconds, time.monotonic()
    metrics = trainer.validate(held_out)
    trainer.save()
    return metrics
