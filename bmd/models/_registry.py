"""The list of networks: names and specs without importing torch, networks on demand.

A new paper is one new file in this folder with a class decorated by ``@register(Spec(...))``. The spec is written
with literal values only, so that it can be read from the source text: lists, pickers and ``python -m bmd models``
never wait for torch. The class has its training ``Recipe``, whose keys say what the arguments of its constructor are
and what they are when nobody says otherwise, and ``example()``, a fixed input for golden outputs and contract tests.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bmd.errors import OptionError

if TYPE_CHECKING:
    from torch import nn

WEIGHTS = Path(__file__).resolve().parents[2] / "weights"
"""Where shipped weights lie, one folder a network."""

Network = TypeVar("Network", bound=type)


@dataclass(frozen=True)
class Spec:
    """What a network is, for lists, cards and the training loop.

    Attributes
    ----------
    name : str
        The key everywhere: command line, ``weights/<name>``, metadata.
    title : str
        Name shown to the user.
    paper : str
        Citation.
    task : str
        Name of the ``Task`` it is trained on (``bmd/training/tasks``): examples, batches and validation. Networks of
        one task give the same outputs.
    role : str
        What it does when a case is read: "localiser", "density", "slices", ... Networks of one role can stand in for
        each other; ``default`` says which one does when nobody chooses.
    modality : str
        One of ``types.Modality``.
    default : bool
        Whether it is the role's choice; needed only where a role has several networks.
    """

    name: str
    title: str
    paper: str
    task: str
    role: str
    modality: str
    default: bool = False


def register(spec: Spec) -> Callable[[Network], Network]:
    """Class decorator: tie a network to its spec (kept as the class attribute ``spec``)."""

    def decorate(network: Network) -> Network:
        network.spec = spec  # type: ignore[attr-defined]
        return network

    return decorate


@cache
def _entries() -> dict[str, tuple[Spec, str, str]]:
    """Spec, module and class name of every decorated class, read from the source text."""
    entries: dict[str, tuple[Spec, str, str]] = {}
    folders = importlib.import_module(__package__).__path__
    for path in sorted(path for folder in folders for path in Path(folder).glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            found = _decorated(node)
            if found is not None:
                entries[found.name] = (found, f"{__package__}.{path.stem}", getattr(node, "name", ""))
    return entries


def _decorated(node: ast.stmt) -> Spec | None:
    for decorator in getattr(node, "decorator_list", []):
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "register":
            call = decorator.args[0]
            if isinstance(call, ast.Call):
                given = {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
                return Spec(*(ast.literal_eval(value) for value in call.args), **given)
    return None


def names() -> tuple[str, ...]:
    """Names of all networks, sorted."""
    return tuple(sorted(_entries()))


def _entry(name: str) -> tuple[Spec, str, str]:
    if name not in _entries():
        raise OptionError("network.unknown", name=name, known=names())
    return _entries()[name]


def spec(name: str) -> Spec:
    """Return the spec of a network; raises OptionError for an unknown name."""
    return _entry(name)[0]


def roles() -> tuple[str, ...]:
    """Roles that have a network, sorted."""
    return tuple(sorted({entry[0].role for entry in _entries().values()}))


def of_role(role: str) -> tuple[str, ...]:
    """Names of the networks of a role: the default first, then sorted; raises OptionError for an unknown role."""
    found = [entry[0] for entry in _entries().values() if entry[0].role == role]
    if not found:
        raise OptionError("network.unknown_role", role=role, known=roles())
    return tuple(s.name for s in sorted(found, key=lambda s: (not s.default, s.name)))


def default(role: str) -> str:
    """Name of the network that takes a role when nobody chooses: its only one, or the one marked as default."""
    return of_role(role)[0]


def has_weights(name: str, weights_dir: str | Path = WEIGHTS) -> bool:
    """Whether weights of a network lie here; their files are not looked at."""
    return (Path(weights_dir) / name / "metadata.json").is_file()


def network_class(name: str) -> Any:
    """Import and return the network's class (imports torch); its ``Recipe`` attribute is the training recipe."""
    _, module, class_name = _entry(name)
    return getattr(importlib.import_module(module), class_name)


def build(name: str, **options: Any) -> nn.Module:
    """Build a network with random weights; ``options`` go to its constructor, the others are those of its recipe."""
    kind = network_class(name)
    network: nn.Module = kind(**kind.Recipe().options(kind) | options)
    return network


def load(name: str, weights_dir: str | Path = WEIGHTS) -> nn.Module:
    """Build a network and fill it with the shipped weights.

    Returns
    -------
    nn.Module
        In eval mode, float32, with its metadata as the attribute ``metadata`` (dict).

    Raises
    ------
    WeightsError
        The weights are missing, damaged (sha256 differs) or do not fit the network.
    """
    from bmd.models._weights import read_weights

    return read_weights(name, Path(weights_dir) / name)
