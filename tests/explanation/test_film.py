"""Heat maps: where they lie on the film, what their numbers mean, and that threads do not disturb each other."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest
import torch

from bmd.errors import OptionError
from bmd.explanation import cam, fidelity
from bmd.explanation import film as maps
from bmd.explanation.dxa import LOWER
from bmd.explanation.target import category_target
from bmd.findings import note
from bmd.inputs.film import WHOLE_BODY, crop_tensor
from bmd.inputs.patient import demographics_vector
from bmd.modality import explain
from bmd.models._registry import build
from bmd.reference import CATEGORIES
from bmd.types import Image, Prediction, Report, Study, Suitability, Vertebra

NETWORK = "c5_gap_fc3"
CORNERS = np.array([[150.0, 120], [90, 130], [92, 170], [152, 160]])  # anterior to the left


@pytest.fixture(autouse=True)
def _network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network with fixed random weights stands in for the shipped one."""
    torch.manual_seed(3)
    network = build(NETWORK).eval()
    network.metadata = {"options": {}}  # type: ignore[assignment]
    monkeypatch.setattr(cam, "trained", lambda name, weights: network)


def film(seed: int = 0) -> np.ndarray:
    picture = np.random.default_rng(seed).random((300, 400), np.float32) * 0.3 + 0.2
    cv2.fillPoly(picture, [CORNERS.astype(np.int32)], 0.8)
    return cv2.GaussianBlur(picture, (0, 0), 1.5)


def report(inverted: bool = False) -> Report:
    low, high = CORNERS.min(0), CORNERS.max(0)
    box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    vertebrae = tuple(Vertebra(level, box, CORNERS, 0.9, CORNERS) for level in ("L1", "L2"))
    measured = tuple(
        Prediction(level, 0.9, t, None, dict.fromkeys(CATEGORIES, 1 / 3), c, "c5_gap_fc3")
        for level, t, c in (("L1", -3.0, "osteoporosis"), ("L2", 0.1, "normal"))
    )
    return Report("a.png", "radiograph", Suitability(True, inverted=inverted), vertebrae, measured)


def study(pixels: np.ndarray) -> Study:
    return Study("x", (Image(pixels, "radiograph", "lateral"),))


def test_every_measured_vertebra_gets_a_map_for_its_category() -> None:
    one, two = explain(study(film()), report())
    assert (one.level, two.level) == ("L1", "L2")
    assert one.target == note("heat.evidence", category=note("category.osteoporosis"))
    assert two.target == note("heat.evidence", category=note("category.normal"))
    for found in (one, two):
        assert found.heat.dtype == np.float32
        assert found.heat.min() >= 0
        assert found.heat.max() <= 1
        x1, y1, x2, y2 = found.box_px
        assert x1 < CORNERS[:, 0].min()
        assert x2 > CORNERS[:, 0].max()
        assert y1 < CORNERS[:, 1].min()
        assert y2 > CORNERS[:, 1].max()
        assert 0 <= found.fidelity["inside_share"] <= 1
        assert -1 <= found.fidelity["random_correlation"] <= 1


def test_levels_can_be_chosen_and_no_film_gives_no_map() -> None:
    assert [e.level for e in explain(study(film()), report(), ("L2",))] == ["L2"]
    assert explain(Study("x", ()), report()) == ()
    assert explain(study(film()), Report("a", "radiograph", Suitability(False))) == ()


def test_an_inverted_film_is_explained_as_it_was_analysed() -> None:
    plain = explain(study(film()), report())
    turned = explain(study(1 - film()), report(inverted=True))
    assert np.allclose(plain[0].heat, turned[0].heat, atol=1e-4)


def test_the_map_is_put_back_where_the_crop_came_from() -> None:
    """A spot of heat at the crop's anterior superior corner comes out at that corner of the film."""
    from bmd.inputs.film import letterbox

    to_film = maps._crop_to_film(CORNERS, letterbox(film())[1], WHOLE_BODY)
    inverse = cv2.invertAffineTransform(to_film)
    for corner in CORNERS:
        x, y = inverse[:, :2] @ corner + inverse[:, 2]
        heat = np.zeros((64, 64), np.float32)
        heat[round(y), round(x)] = 1
        grid, (x1, y1, x2, y2) = maps.on_film(cv2.GaussianBlur(heat, (0, 0), 1.5) * 10, to_film)
        row, column = np.unravel_index(grid.argmax(), grid.shape)
        there = [x1 + (column + 0.5) * (x2 - x1) / grid.shape[1], y1 + (row + 0.5) * (y2 - y1) / grid.shape[0]]
        assert np.linalg.norm(np.subtract(there, corner)) < 3


def test_targets_have_one_sign() -> None:
    row = torch.tensor([1.0, 2.0, 3.0])
    assert [float(category_target(c)(row)) for c in CATEGORIES] == [1, 2, 3]
    assert float(LOWER(torch.tensor([0.8]))) == pytest.approx(-0.8), "a density: the map shows what lowers it"
    with pytest.raises(OptionError):
        category_target("severe")


def test_the_library_agrees_with_grad_cam_written_out() -> None:
    """Weights are the mean gradient of the target; the map is the positive part of the weighted activations."""
    crops = crop_tensor(film(), CORNERS[None]).numpy()
    known = demographics_vector(70, 0, None, None)
    heat = maps.heat_maps(NETWORK, crops, known, [category_target("osteopenia")])[0][0]
    network = cam.trained(NETWORK, cam.WEIGHTS)
    kept = {}
    handle = cam.last_convolution(network).register_forward_hook(lambda m, i, o: kept.update(a=o))
    value = maps.Bound(network, torch.from_numpy(known)[None])(torch.from_numpy(crops))[0, 1]
    handle.remove()
    gradient = torch.autograd.grad(value, kept["a"])[0]
    own = (gradient.mean((2, 3), keepdim=True) * kept["a"]).sum(1).clamp(min=0)[0].detach().numpy()
    own = cv2.resize(own - own.min(), (64, 64))
    assert np.corrcoef(own.ravel(), heat.ravel())[0, 1] > 0.999


def test_heat_inside_is_counted_inside() -> None:
    heat = np.zeros((40, 40), np.float32)
    heat[10:20, 10:20] = 1
    flat = np.ones((40, 40), np.float32)
    assert fidelity.mask_share(heat, heat > 0) == pytest.approx(1)
    assert fidelity.mask_share(heat, heat == 0) == 0
    assert fidelity.mask_share(0 * heat, heat > 0) == 0
    assert fidelity.numbers(flat, [heat, heat], heat > 0) == {
        "inside_share": 0.062,
        "area_share": 0.062,
        "random_correlation": 0.0,
    }


def test_correlation_of_a_map_with_itself_is_one() -> None:
    one = np.random.default_rng(0).random((8, 8))
    assert fidelity.correlation(one, 3 * one + 1) == pytest.approx(1)
    assert fidelity.correlation(one, -one) == pytest.approx(-1)
    assert fidelity.correlation(one, np.ones((8, 8))) == 0


def test_threads_get_the_maps_they_asked_for() -> None:
    films = [study(film(k)) for k in range(6)]
    alone = [explain(s, report()) for s in films]
    found: dict[int, tuple] = {}
    threads = [threading.Thread(target=lambda k=k: found.update({k: explain(films[k], report())})) for k in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for k, expected in enumerate(alone):
        for a, b in zip(found[k], expected, strict=True):
            assert np.allclose(a.heat, b.heat, atol=1e-5)
            assert a.fidelity == b.fidelity


def test_explaining_leaves_the_random_state_alone() -> None:
    torch.manual_seed(9)
    before = torch.random.get_rng_state()
    cam.randomised.cache_clear()
    explain(study(film()), report())
    assert torch.equal(before, torch.random.get_rng_state())
