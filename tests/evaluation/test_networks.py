"""Evaluation of one network: a fresh, untrained one gives figures in range and says on what they were measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmd.errors import InputError, OptionError
from bmd.evaluation import evaluate, networks
from bmd.models import _registry as registry
from bmd.simulator.shards import film as shards


def test_unknown_network_is_refused() -> None:
    with pytest.raises(OptionError) as error:
        evaluate("resnet9000")
    assert error.value.finding.code == "network.unknown"


def test_untrained_network_has_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    torch.set_num_threads(1)
    network = registry.build("cmnet").eval()
    network.metadata = {"preprocessing": {"size": 128}}  # type: ignore[assignment]
    monkeypatch.setattr(registry, "load", lambda name, weights: network)
    with pytest.raises(InputError):
        networks.evaluate("cmnet", tmp_path)
    shards.write_shards(str(tmp_path), 2, 5_000_000)
    answer = networks.evaluate("cmnet", tmp_path, films=2)
    assert (answer["cohort"], answer["n"], answer["unit"]) == ("simulated_films", 2, "films")
    assert 0 <= answer["values"]["dice"] < 0.6
    assert answer["task"] == "masks"
