"""Weights on disk: half precision safetensors below 48 MB a file, with metadata, a golden example and a model card."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bmd.errors import WeightsError
from bmd.models import _metadata
from bmd.models import _registry as registry

SHARD_BYTES = 48_000_000


def shards(state: dict[str, Tensor], limit: int = SHARD_BYTES) -> list[dict[str, Tensor]]:
    """Split half precision tensors into groups of at most ``limit`` bytes, in order."""
    groups: list[dict[str, Tensor]] = [{}]
    used = 0
    for key, value in state.items():
        half = value.detach().cpu().half().contiguous() if value.is_floating_point() else value.detach().cpu()
        if groups[-1] and used + half.nbytes > limit:
            groups.append({})
            used = 0
        groups[-1][key] = half
        used += half.nbytes
    return groups


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_weights(network: nn.Module, folder: Path, metadata: dict[str, Any], limit: int = SHARD_BYTES) -> None:
    """Write ``model*.safetensors`` and, with the files' sha256 added, the metadata to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("model*.safetensors"):
        old.unlink()
    groups, files = shards(network.state_dict(), limit), {}
    for i, group in enumerate(groups):
        name = "model.safetensors" if len(groups) == 1 else f"model-{i + 1:02d}-of-{len(groups):02d}.safetensors"
        save_file(group, folder / name)
        (folder / name).chmod(0o644)  # safetensors makes files that only their owner may read
        files[name] = sha256(folder / name)
    _metadata.write(folder, metadata | {"files": files})


def read_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """All tensors as float32, and the metadata; raises WeightsError when a file is missing or damaged."""
    metadata = _metadata.read(folder)
    state: dict[str, Tensor] = {}
    for name, expected in metadata["files"].items():
        path = folder / Path(name).name
        if not path.is_file():
            raise WeightsError("network.file_missing", file=f"{folder.name}/{name}")
        if sha256(path) != expected:
            raise WeightsError("network.file_damaged", file=f"{folder.name}/{name}")
        try:
            state |= load_file(path)
        except (SafetensorError, OSError) as error:
            raise WeightsError("network.file_unreadable", file=f"{folder.name}/{name}") from error
    return {key: v.float() if v.is_floating_point() else v for key, v in state.items()}, metadata


def read_weights(name: str, folder: Path) -> nn.Module:
    """Build a network as its metadata says and fill it; see ``registry.load``."""
    state, metadata = read_state(folder)
    try:
        network = registry.build(name, **metadata["options"])
        network.load_state_dict(state)
    except (RuntimeError, TypeError) as error:
        raise WeightsError("network.weights_do_not_fit", name=folder.name) from error
    network.metadata = metadata  # type: ignore[assignment]
    return network.eval()


def flatten(output: Any, prefix: str = "") -> dict[str, np.ndarray]:
    """Name every tensor of a nested output: dicts, lists and tuples become dotted keys."""
    if isinstance(output, Tensor):
        return {prefix: output.detach().float().cpu().numpy()}
    items = output.items() if isinstance(output, dict) else enumerate(output)
    flat: dict[str, np.ndarray] = {}
    for key, value in items:
        flat |= flatten(value, f"{prefix}.{key}" if prefix else str(key))
    return flat


def write_golden(network: nn.Module, folder: Path) -> None:
    """Store what the shipped weights give for ``network.example()``, in float32: a later change of code shows."""
    torch.manual_seed(0)
    with torch.no_grad():
        output = flatten(network.eval()(*network.example()))  # type: ignore[operator]
    arrays: dict[str, Any] = {k: np.asarray(v, np.float32) for k, v in output.items()}
    np.savez_compressed(folder / "golden.npz", **arrays)


def golden_error(network: nn.Module, folder: Path, rtol: float = 1e-3, atol: float = 1e-3) -> list[str]:
    """Names of the outputs that differ from ``golden.npz``; empty when all agree."""
    with torch.no_grad():
        output = flatten(network.eval()(*network.example()))  # type: ignore[operator]
    with np.load(folder / "golden.npz") as golden:
        if set(golden.files) != set(output):
            return sorted(set(golden.files) ^ set(output))
        return [k for k in golden.files if not _close(output[k], golden[k], rtol, atol)]


def _close(a: np.ndarray, b: np.ndarray, rtol: float, atol: float) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=rtol, atol=atol))
