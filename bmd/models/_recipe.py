"""How a network is trained: a typed dataclass with one comment per field, overridden by ``key=value``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields, replace
from inspect import signature
from typing import Any, TypeVar

from bmd.errors import OptionError
from bmd.models._registry import WEIGHTS


@dataclass(frozen=True)
class Recipe:
    """Keys every training has; each network's file derives its own and sets the defaults."""

    data: str = "runs/films"  # folder with shards of simulated films
    validation: str = ""  # folder with the held-out cases; "" holds out the first ones of the data
    out: str = "runs"  # checkpoints and log go to <out>/<name>
    weights: str = str(WEIGHTS)  # exports go to <weights>/<name>; "" exports nothing
    init: str = ""  # "weights" starts from the shipped weights, a network's name from its, "" from random numbers
    kept: float = 0.0  # share of the weights it started from in those that are shipped (robust fine-tuning)
    resume: bool = True  # go on from the last checkpoint in <out>/<name> when there is one
    minutes: float = 60.0  # wall clock budget; the learning rate falls along a cosine over it
    steps: int = (
        0  # that many steps instead, and the learning rate falls over them: equal budgets on an unequal machine
    )
    threads: int = 1  # torch threads; more than the free cores is much slower
    workers: int = 0  # processes that prepare examples; 0 prepares them in the training process
    batch: int = 8  # examples per step
    size: int = 384  # side of the square input, pixels
    optimiser: str = "adamw"  # or "adam", "sgd" (momentum 0.9), "swa": that, then its weights averaged (Izmailov 2018)
    lr: float = 1e-3  # peak learning rate
    weight_decay: float = 0.01  # on weights with two or more axes only; in "adam" and "sgd" part of the gradient
    warmup: int = 200  # steps of linear warm-up
    clip: float = 5.0  # largest gradient norm
    ema: float = 0.998  # decay of the running mean of the weights that is validated and exported
    seed: int = 0  # of weights, order and augmentation
    bf16: str = "auto"  # "auto" times a small convolution, "on", "off"
    holdout: int = 100  # films of the first shards that are never trained on
    validate_every: float = 5.0  # minutes between validations and checkpoints
    validate_steps: int = 0  # that many steps instead: the same checkpoints on any machine
    best: bool = False  # keep the weights of the best validation in <out>/<name>/best.pt

    def options(self, network: Callable[..., object]) -> dict[str, Any]:
        """What the recipe says of a network's constructor: its keys that are arguments there."""
        known = asdict(self)
        return {name: known[name] for name in signature(network).parameters if name in known}


@dataclass(frozen=True)
class CtRecipe(Recipe):
    """What the networks of CT pictures have in common."""

    data: str = "runs/ct"  # folder with shards of simulated CT
    batch: int = 32  # pictures per step
    weight_decay: float = 0.05  # of AdamW
    warmup: int = 100  # steps
    ema: float = 0.995  # decay of the running mean of the weights
    holdout: int = 200  # people of the first shards that are never trained on


R = TypeVar("R", bound=Recipe)


def _convert(key: str, text: str, default: Any) -> Any:
    try:
        if isinstance(default, bool):
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]
        return type(default)(text)
    except (ValueError, KeyError) as error:
        raise OptionError("network.option_type", key=key, kind=type(default).__name__, text=text) from error


def override(recipe: R, overrides: Iterable[str]) -> R:
    """Apply ``key=value`` words to a recipe.

    Raises
    ------
    OptionError
        Unknown key (the message lists the valid ones), missing ``=`` or a value of the wrong type.
    """
    known = {f.name: getattr(recipe, f.name) for f in fields(recipe)}
    changes: dict[str, Any] = {}
    for word in overrides:
        key, equals, text = word.partition("=")
        if not equals:
            raise OptionError("network.option_form", word=word)
        if key not in known:
            raise OptionError("network.unknown_option", key=key, known=tuple(known))
        changes[key] = _convert(key, text, known[key])
    return replace(recipe, **changes)


def check_choice(key: str, value: Any, known: Iterable[Any]) -> None:
    """Raise OptionError "network.unknown_choice" where a recipe's value is not among those known."""
    names = tuple(known)
    if value not in names:
        raise OptionError("network.unknown_choice", key=key, value=str(value), known=tuple(str(name) for name in names))


def as_dict(recipe: Recipe) -> dict[str, Any]:
    """Plain values of a recipe, for checkpoints and metadata."""
    return asdict(recipe)
