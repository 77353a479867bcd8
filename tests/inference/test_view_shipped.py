"""The shipped view network on simulated pictures: the same verdict whatever was done to a film, and for its anatomy."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from bmd.inference import view
from bmd.inference.run import Networks
from bmd.simulator.case import simulate_dxa, simulate_film
from bmd.simulator.views import draw_view

Picture = NDArray[np.float32]
FILMS = (901, 902, 903)


@pytest.fixture(scope="module")
def networks() -> Networks:
    return Networks()


def film(seed: int, side: str = "lateral") -> Picture:
    return simulate_film(seed, 320, side, finding="normal").study.images[0].pixels  # type: ignore[arg-type]


def framed(ground: float) -> Callable[[Picture], Picture]:
    return lambda x: np.asarray(cv2.copyMakeBorder(x, *(32,) * 4, cv2.BORDER_CONSTANT, value=ground), np.float32)


def compressed(x: Picture) -> Picture:
    packed = cv2.imencode(".jpg", np.round(255 * x).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE) / 255, np.float32)


CHANGES: dict[str, Callable[[Picture], Picture]] = {
    "as it is": lambda x: x,
    "white border": framed(1.0),
    "black border": framed(0.0),
    "inverted": lambda x: np.asarray(1 - x, np.float32),
    "mirrored": lambda x: np.ascontiguousarray(x[:, ::-1]),
    "JPEG 30": compressed,
    "gamma 2": lambda x: np.asarray(x**2, np.float32),
    "square": lambda x: np.asarray(cv2.resize(x, (320, 320)), np.float32),
}


@pytest.mark.parametrize("seed", FILMS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_lateral_film_stays_one_and_is_never_sent_to_the_dxa_chain(
    seed: int, change: str, networks: Networks
) -> None:
    shown = view.look(CHANGES[change](film(seed)), networks)
    assert view.objections(shown, view.LATERAL) == ()
    assert view.objections(shown, view.SCAN)
    assert not shown.scanned


def test_without_its_spine_most_films_are_none(networks: Networks) -> None:
    """Bodies, arch and discs painted out over the whole height: belly, pelvis, frame and letters stay.

    Not yet all of them: about a tenth of simulated films are still taken for lateral ones by what is left.
    """
    refused = 0
    for seed in FILMS:
        case = simulate_film(seed, 320, finding="normal")
        picture, columns = case.study.images[0].pixels.copy(), np.flatnonzero(case.truth.labels.any(0))
        beside = 2 * int(np.median((case.truth.labels > 0).sum(1)[case.truth.labels.any(1)]))
        picture[:, max(0, columns[0] - beside) : columns[-1] + beside] = np.median(picture)
        refused += bool(view.objections(view.look(picture, networks), view.LATERAL))
    assert refused >= 2


@pytest.mark.parametrize("seed", FILMS)
def test_frontal_films_are_refused_on_both_pages(seed: int, networks: Networks) -> None:
    shown = view.look(film(seed, "ap"), networks)
    assert view.objections(shown, view.LATERAL)
    assert view.objections(shown, view.SCAN)


@pytest.mark.parametrize("look", ["bone", "mixed", "film"])
def test_a_scan_is_one_and_no_film(look: str, networks: Networks) -> None:
    shown = view.look(simulate_dxa(901, finding="normal", look=look, height=400).study.images[0].pixels, networks)
    assert view.objections(shown, view.SCAN) == ()
    assert view.objections(shown, view.LATERAL)
    assert shown.scanned


@pytest.mark.parametrize("kind", ["mr", "ct", "picture"])
def test_slices_and_photographs_are_neither(kind: str, networks: Networks) -> None:
    for seed in range(4):
        shown = view.look(draw_view(kind, seed), networks)
        assert view.objections(shown, view.LATERAL)
        assert view.objections(shown, view.SCAN)
