"""What a picture shows: named where the network is sure, doubted where it is not, never silently passed on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bmd.inference import view
from bmd.inference.run import Networks
from bmd.types import SHOWN


class Says:
    """An engine whose view network gives fixed probabilities."""

    device = "test"

    def __init__(self, temperature: float = 1.0, **shares: float) -> None:
        rest = (1 - sum(shares.values())) / (len(SHOWN) - len(shares))
        self.logits = np.log(np.array([shares.get(kind, rest) for kind in SHOWN]))
        self.temperature = temperature

    def run(self, network: str, *inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """See ``Engine.run``."""
        assert network == "view_cnn"
        assert inputs[0].shape == (2, 2, 160, 160)
        return {"logits": np.tile(self.logits, (2, 1))}

    def metadata(self, network: str) -> dict[str, Any]:
        """See ``Engine.metadata``."""
        return {"calibration": {"temperature": self.temperature}}


def shown(**shares: float) -> view.Shown:
    return view.look(np.random.default_rng(0).random((80, 60), np.float32), Networks(Says(**shares)))


@pytest.mark.parametrize(
    ("shares", "code", "seems"),
    [
        ({"lateral_lumbar": 0.9}, None, None),
        ({"lateral_lumbar": 0.4}, None, None),  # still the most likely kind
        ({"mr": 0.9}, "view.not_lateral_lumbar", "view.kind.mr"),
        ({"ap_spine": 0.45, "chest": 0.3}, "view.unclear_lateral_lumbar", None),
    ],
)
def test_a_picture_of_something_else_is_named_or_said_to_be_unclear(
    shares: dict[str, float], code: str | None, seems: str | None
) -> None:
    said = view.objections(shown(**shares), view.LATERAL)
    assert [finding.code for finding in said] == ([] if code is None else [code])
    if seems:
        assert said[0].values["seems"].code == seems  # type: ignore[union-attr]
        assert said[0].severity == "refusal"


def test_a_doubtful_film_is_said_to_be_doubtful() -> None:
    assert view.doubts(shown(lateral_lumbar=0.9), view.LATERAL) == ()
    (said,) = view.doubts(shown(lateral_lumbar=0.6), view.LATERAL)
    assert said.code == "view.doubtful"
    assert said.values["probability"] == pytest.approx(0.6)


def test_a_temperature_softens_the_answer() -> None:
    picture = np.zeros((50, 50), np.float32)
    hard = view.look(picture, Networks(Says(lateral_lumbar=0.8)))
    soft = view.look(picture, Networks(Says(temperature=2.0, lateral_lumbar=0.8)))
    assert soft.probabilities[view.LATERAL] < hard.probabilities[view.LATERAL]
    assert sum(soft.probabilities.values()) == pytest.approx(1)
