"""What a picture shows: named where the network is sure, doubted where it is not, never silently passed on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bmd.inference import view
from bmd.inference.dxa.route import is_dxa
from bmd.inference.run import Networks
from bmd.inputs.view import every_way
from bmd.text import say
from bmd.types import SHOWN, Image, Study


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
        assert inputs[0].shape == (4, 2, 160, 160)
        return {"logits": np.tile(self.logits, (4, 1))}

    def metadata(self, network: str) -> dict[str, Any]:
        """See ``Engine.metadata``."""
        return {"calibration": {"temperature": self.temperature}}


def shown(**shares: float) -> view.Shown:
    return view.look(np.random.default_rng(0).random((80, 60), np.float32), Networks(Says(**shares)))


@pytest.mark.parametrize(
    ("shares", "code", "seems"),
    [
        ({"lateral_lumbar": 0.9}, None, None),
        ({"lateral_lumbar": 0.65}, "view.unclear_lateral_lumbar", None),  # likely is not enough
        ({"mr": 0.9}, "view.not_lateral_lumbar", "view.kind.mr"),
        ({"ap_spine": 0.45, "chest": 0.3}, "view.not_lateral_lumbar", "view.kind.film"),
        ({"lateral_lumbar": 0.4, "chest": 0.3}, "view.unclear_lateral_lumbar", None),
        ({"dxa": 0.3, "dxa_other": 0.3}, "view.not_lateral_lumbar", "view.kind.scan"),
        ({"ct": 0.3, "mr": 0.3}, "view.not_lateral_lumbar", "view.kind.slice"),
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


@pytest.mark.parametrize(
    "shares", [{"lateral_lumbar": 0.9}, {"ap_spine": 0.8}, {"ap_spine": 0.4, "lateral_lumbar": 0.3}]
)
def test_an_ordinary_film_among_scans_is_sent_to_the_page_of_films(shares: dict[str, float]) -> None:
    (said,) = view.objections(shown(**shares), view.SCAN)
    assert said.code == "view.film_not_dxa"
    assert "the page Spine X-ray" in say(said)


@pytest.mark.parametrize("kind", [kind for kind in SHOWN if kind != view.LATERAL])
def test_the_page_of_films_names_what_it_refuses_and_sends_only_scans_to_the_page_of_scans(kind: str) -> None:
    (said,) = view.objections(shown(**{kind: 0.9}), view.LATERAL)
    assert say(said).endswith("A film of the lumbar spine from the side is needed.")
    assert ("page DXA image" in say(said)) is (kind == "dxa")
    assert ("page Abdominal CT" in say(said)) is (kind == "ct")


def test_a_doubtful_film_is_said_to_be_doubtful() -> None:
    assert view.doubts(shown(lateral_lumbar=0.95), view.LATERAL) == ()
    (said,) = view.doubts(shown(lateral_lumbar=0.8), view.LATERAL)
    assert said.code == "view.doubtful_lateral_lumbar"
    assert said.values["probability"] == pytest.approx(0.8)
    (said,) = view.doubts(shown(dxa=0.8), view.SCAN)
    assert say(said)


def test_a_temperature_softens_the_answer() -> None:
    picture = np.zeros((50, 50), np.float32)
    hard = view.look(picture, Networks(Says(lateral_lumbar=0.8)))
    soft = view.look(picture, Networks(Says(temperature=2.0, lateral_lumbar=0.8)))
    assert soft.probabilities[view.LATERAL] < hard.probabilities[view.LATERAL]
    assert sum(soft.probabilities.values()) == pytest.approx(1)


def test_the_least_probability_is_that_of_the_weights() -> None:
    class Strict(Says):
        def metadata(self, network: str) -> dict[str, Any]:
            return {"calibration": {"least": 0.95}}

    seen = view.look(np.zeros((50, 50), np.float32), Networks(Strict(lateral_lumbar=0.9)))
    assert [said.code for said in view.objections(seen, view.LATERAL)] == ["view.unclear_lateral_lumbar"]


def test_a_negative_gives_the_same_inputs_in_another_order() -> None:
    film = np.random.default_rng(3).random((90, 70), np.float32)
    one, other = every_way(film), every_way(1 - film)
    assert np.allclose(one[[2, 3, 0, 1]], other, atol=1e-4)


@pytest.mark.parametrize(
    ("shares", "taken"),
    [
        ({"dxa": 0.9}, True),
        ({"dxa": 0.4, "dxa_other": 0.4}, True),  # of what is open, that it is a scan is not
        ({"dxa": 0.5, "ap_spine": 0.4}, False),
        ({"lateral_lumbar": 0.9}, False),
    ],
)
def test_only_a_sure_scan_is_sent_to_the_dxa_chain(shares: dict[str, float], taken: bool) -> None:
    picture = np.random.default_rng(0).random((160, 140), np.float32)
    study = Study("x", (Image(picture, "radiograph"),))
    assert is_dxa(study, Networks(Says(**shares))) is taken


def test_header_and_size_decide_before_the_content() -> None:
    class Never(Says):
        def run(self, network: str, *inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
            raise AssertionError("the picture was looked at")

    never, picture = Networks(Never()), np.random.default_rng(0).random((160, 140), np.float32)
    assert is_dxa(Study("0", (Image(picture, "dxa", "ap"),)), never)
    assert not is_dxa(Study("1", (Image(picture, "radiograph", "lateral"),)), never)
    assert not is_dxa(Study("2", (Image(picture[:40, :40], "radiograph"),)), never)
    assert not is_dxa(Study("3", (Image(np.zeros((160, 140), np.float32), "radiograph"),)), never)
    assert not is_dxa(Study("4", ()), never)


@pytest.mark.parametrize(
    ("shares", "accepted"),
    [
        ({"dxa": 0.6, "dxa_other": 0.2}, True),  # surely a scan, and likeliest of the spine
        ({"dxa": 0.2, "dxa_other": 0.6}, False),
        ({"dxa": 0.6, "ap_spine": 0.35}, False),
    ],
)
def test_a_scan_of_the_spine_may_be_unsure_of_its_site_only(shares: dict[str, float], accepted: bool) -> None:
    assert (view.objections(shown(**shares), view.SCAN) == ()) is accepted
