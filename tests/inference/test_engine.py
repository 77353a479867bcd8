"""The engines: same answers, shared safely, chosen plainly. Networks with random weights stand in for trained ones."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from bmd.errors import OptionError, WeightsError
from bmd.inference import engine as engines
from bmd.models._registry import build
from bmd.models._weights import write_weights
from tests.models.fakes import metadata


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    for name in ("cmnet", "c5_gap_fc3"):
        write_weights(build(name).eval(), folder / name, metadata(name=name, options={}))
    return folder


def inputs(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(2, 1, 128, 128)).astype(np.float32)


def test_torch_gives_named_float32_arrays(weights: Path) -> None:
    engine = engines.TorchEngine("cpu", weights)
    out = engine.run("cmnet", inputs())
    assert {k: (v.shape, v.dtype) for k, v in out.items()} == {
        "masks": ((2, 10, 64, 64), np.float32),
        "metal": ((2, 1, 64, 64), np.float32),
        "centres": ((2, 10, 32, 32), np.float32),
    }
    again = engine.run("cmnet", inputs())
    assert all(np.array_equal(out[k], again[k]) for k in out)


def test_half_precision_agrees_with_full(weights: Path) -> None:
    full = engines.TorchEngine("cpu", weights, bf16=False).run("cmnet", inputs())
    half = engines.TorchEngine("cpu", weights, bf16=True).run("cmnet", inputs())
    for name in full:
        spread = full[name].std()
        assert np.abs(full[name] - half[name]).mean() < 0.05 * spread


def test_openvino_agrees_with_torch(weights: Path) -> None:
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    torch_out = engines.TorchEngine("cpu", weights, bf16=False).run("cmnet", inputs())
    other = engines.OpenVinoEngine(weights)
    assert "OpenVINO" in other.device
    out = other.run("cmnet", inputs())
    for name in torch_out:
        assert np.abs(torch_out[name] - out[name]).mean() < 0.05 * torch_out[name].std()
    one = other.run("cmnet", inputs()[:1])
    assert np.abs(one["masks"] - out["masks"][:1]).max() < 0.2, "a batch of one and of two agree"


def test_threads_share_one_engine(weights: Path) -> None:
    engine = engines.TorchEngine("cpu", weights)
    alone = [engine.run("cmnet", inputs(k))["masks"] for k in range(4)]
    found: dict[int, np.ndarray] = {}
    threads = [
        threading.Thread(target=lambda k=k: found.update({k: engine.run("cmnet", inputs(k))["masks"]}))
        for k in range(4)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all(np.allclose(found[k], alone[k], atol=1e-4) for k in range(4))


def test_missing_weights_say_so(tmp_path: Path) -> None:
    with pytest.raises(WeightsError):
        engines.TorchEngine("cpu", tmp_path).run("cmnet", inputs())
    with pytest.raises(WeightsError):
        engines.read_metadata(tmp_path, "cmnet")


def test_the_environment_chooses_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    engines._started.cache_clear()
    monkeypatch.setenv("OSTEOLENS_ENGINE", "abacus")
    with pytest.raises(OptionError, match="abacus"):
        engines.default_engine()
    monkeypatch.setenv("OSTEOLENS_ENGINE", "cpu")
    assert "CPU, PyTorch" in engines.default_engine().device
    monkeypatch.setattr(engines, "engine_names", lambda: ("cpu",))
    with pytest.raises(OptionError, match="not available"):
        engines.default_engine("cuda")
    engines._started.cache_clear()
