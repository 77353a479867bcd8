"""The seam between the product and whatever runs its networks.

An engine takes the name of a network and plain arrays and gives plain float32 arrays back. PyTorch always works; a
CUDA device is used when there is one. ``OSTEOLENS_ENGINE`` chooses by hand: ``auto`` (default: ``cuda``, else
``cpu``), ``cuda``, ``cpu`` (PyTorch) or ``openvino`` (where it is installed). OpenVINO is not chosen by itself: for
these small networks it was no faster than PyTorch in bfloat16 and its first run took 15 s to convert them.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import threading
import warnings
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bmd.errors import OptionError
from bmd.models._registry import WEIGHTS, spec
from bmd.models._turn import TURN

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads starve the web server; read when torch loads

log = logging.getLogger(__name__)

Floats: TypeAlias = NDArray[np.float32]
DETECTION = ("boxes", "instances")
"""Tasks whose outputs have no fixed shape."""
_starting = threading.Lock()
ENGINES = ("auto", "cuda", "cpu", "openvino")


class Engine(Protocol):
    """Runs networks. Safe to share between threads: each call waits for its turn (``models._turn``)."""

    device: str
    """Where and how it runs, for people: "CPU, PyTorch, bfloat16"."""

    def run(self, network: str, *inputs: NDArray[Any]) -> dict[str, Floats]:
        """Forward pass in eval mode: float32 arrays in, the network's named outputs as float32 arrays out."""

    def metadata(self, network: str) -> dict[str, Any]:
        """The contents of the weights' metadata.json."""

    def arrays(self, network: str, name: str) -> dict[str, Floats]:
        """Arrays beside the weights that the metadata names, such as the region of films they were fitted on."""


class TorchEngine:
    """PyTorch on one device, in bfloat16 where that is measured to be faster; outputs are float32."""

    def __init__(self, device: str = "cpu", weights: Path = WEIGHTS, bf16: bool | None = None) -> None:
        import torch

        from bmd.models._precision import bf16_is_faster

        self._torch, self._weights, self._kind = torch, weights, device
        self._bf16 = bf16_is_faster(device) if bf16 is None else bf16
        self._loaded: dict[str, Any] = {}
        place = torch.cuda.get_device_name(device) if device.startswith("cuda") else "CPU"
        self.device = f"{place}, PyTorch, {'bfloat16' if self._bf16 else 'float32'}"

    def run(self, network: str, *inputs: NDArray[Any]) -> dict[str, Floats]:
        """See ``Engine.run``."""
        torch = self._torch
        with TURN.taken(), torch.inference_mode():
            model = self._model(network)
            tensors = [torch.from_numpy(np.ascontiguousarray(x, np.float32)).to(self._kind) for x in inputs]
            with torch.autocast(self._kind.split(":")[0], torch.bfloat16, enabled=self._bf16):
                outputs = model(*tensors)
            return {name: value.float().cpu().numpy() for name, value in _named(outputs).items()}

    def metadata(self, network: str) -> dict[str, Any]:
        """See ``Engine.metadata``."""
        return read_metadata(self._weights, network)

    def arrays(self, network: str, name: str) -> dict[str, Floats]:
        """See ``Engine.arrays``."""
        return read_arrays(self._weights, network, name)

    def _model(self, network: str) -> Any:
        if network not in self._loaded:
            from bmd.models._registry import load

            model = load(network, self._weights).eval().to(self._kind)
            self._loaded[network] = model.to(memory_format=self._torch.channels_last)
        return self._loaded[network]


def _named(outputs: Any) -> dict[str, Any]:
    """Outputs by name; a detector's lists, one dict a picture, as arrays of fixed shape."""
    from bmd.models._detections import stacked

    return stacked(outputs) if isinstance(outputs, list) else dict(outputs)


class OpenVinoEngine:
    """OpenVINO on the CPU. Networks are converted from the PyTorch ones when they are first used.

    A detector, whose outputs have no fixed shape, runs in PyTorch.
    """

    def __init__(self, weights: Path = WEIGHTS) -> None:
        import openvino

        self._openvino, self._weights = openvino, weights
        self._core = openvino.Core()
        capabilities = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self._compiled: dict[tuple[str, tuple[tuple[int, ...], ...]], Any] = {}
        self._torch: TorchEngine | None = None
        self.device = f"CPU, OpenVINO, {'bfloat16' if 'BF16' in capabilities else 'float32'}"

    def run(self, network: str, *inputs: NDArray[Any]) -> dict[str, Floats]:
        """See ``Engine.run``."""
        if spec(network).task in DETECTION:
            with TURN.taken():
                self._torch = self._torch or TorchEngine("cpu", self._weights)
            return self._torch.run(network, *inputs)
        arrays = [np.ascontiguousarray(x, np.float32) for x in inputs]
        key = (network, tuple(a.shape[1:] for a in arrays))
        with TURN.taken():
            if key not in self._compiled:
                self._compiled[key] = self._compile(network, arrays)
            names, compiled = self._compiled[key]
            outputs = compiled(arrays)
            return {name: np.array(outputs[k], np.float32) for k, name in enumerate(names)}

    def metadata(self, network: str) -> dict[str, Any]:
        """See ``Engine.metadata``."""
        return read_metadata(self._weights, network)

    def arrays(self, network: str, name: str) -> dict[str, Floats]:
        """See ``Engine.arrays``."""
        return read_arrays(self._weights, network, name)

    def _load(self, network: str) -> Any:
        from bmd.models._registry import load

        return load(network, self._weights).eval()

    def _compile(self, network: str, arrays: list[Floats]) -> tuple[list[str], Any]:
        import torch

        model = self._load(network)
        example = tuple(torch.from_numpy(a[:1]) for a in arrays)
        with torch.inference_mode():
            names = list(model(*example))
        wrapped = _tuple_output(model, names)
        with warnings.catch_warnings():  # tracing warns of shapes that are fixed on purpose
            warnings.simplefilter("ignore")
            graph = self._openvino.convert_model(wrapped, example_input=example)
        return names, self._core.compile_model(graph, "CPU", {"PERFORMANCE_HINT": "LATENCY"})


def _tuple_output(model: Any, names: list[str]) -> Any:
    """Wrap a network that returns a dict so that it returns its values in a fixed order."""
    from torch import nn

    class Ordered(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *inputs: Any) -> tuple[Any, ...]:
            outputs = self.model(*inputs)
            return tuple(outputs[name] for name in names)

    return Ordered().eval()


def read_metadata(weights: Path, network: str) -> dict[str, Any]:
    """The metadata of a network's weights; raises WeightsError when there is none."""
    from bmd.models._metadata import read

    return read(weights / network)


@cache
def read_arrays(weights: Path, network: str, name: str) -> dict[str, Floats]:
    """Arrays beside a network's weights, kept in memory; raises WeightsError when they are missing or damaged."""
    from bmd.models._metadata import read_attached

    return read_attached(weights / network, name)


def engine_names() -> tuple[str, ...]:
    """The engines that would run on this machine."""
    import torch

    names = ["cpu"]
    if torch.cuda.is_available():
        names.insert(0, "cuda")
    if importlib.util.find_spec("openvino") is not None:
        names.append("openvino")
    return tuple(names)


def default_engine(choice: str | None = None) -> Engine:
    """Return the shared engine of this process; whoever comes first starts it.

    Parameters
    ----------
    choice : str, optional
        One of ``ENGINES``; by default the environment variable ``OSTEOLENS_ENGINE``, else ``auto``.

    Raises
    ------
    OptionError
        The engine is unknown or not available here.
    """
    with _starting:  # two threads at once would start two, each with networks of its own
        return _started(choice or os.environ.get("OSTEOLENS_ENGINE", "auto"))


@cache
def _started(choice: str) -> Engine:
    if choice not in ENGINES:
        raise OptionError("network.unknown_engine", engine=choice, known=ENGINES)
    there = engine_names()
    if choice == "auto":
        choice = there[0]
    if choice not in there:
        raise OptionError("network.engine_not_here", engine=choice, there=there)
    engine: Engine = OpenVinoEngine() if choice == "openvino" else TorchEngine(choice)
    log.info("engine: %s", engine.device)
    return engine
