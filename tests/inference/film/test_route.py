"""What an uploaded picture is: a DXA image or a film."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bmd.inference.film.route import dxa_logit, is_dxa, routed
from bmd.simulator.case import simulate_dxa, simulate_film
from bmd.types import Image, Study


def _unknown(study: Study) -> Study:
    """The same picture as a PNG would be read: a radiograph of no known view."""
    return replace(study, images=(Image(study.images[0].pixels, "radiograph"),))


@pytest.mark.parametrize("look", ["bone", "film"])
def test_a_scan_is_told_by_its_content(look: str) -> None:
    study = _unknown(simulate_dxa(901, finding="normal", look=look, height=400).study)
    assert is_dxa(study)
    assert (routed(study).images[0].modality, routed(study).images[0].view) == ("dxa", "ap")


@pytest.mark.parametrize("view", ["lateral", "ap"])
def test_a_film_stays_a_film(view: str) -> None:
    study = _unknown(simulate_film(901, 256, view, finding="normal").study)  # type: ignore[arg-type]
    assert not is_dxa(study)
    assert routed(study) is study


def test_the_header_decides() -> None:
    study = simulate_dxa(902).study
    assert is_dxa(study)
    film = simulate_film(902, 128).study  # its header names the view
    assert not is_dxa(film)


def test_blank_tiny_or_missing_pictures_are_no_scans() -> None:
    blank = Study("0", (Image(np.zeros((200, 200), np.float32), "radiograph"),))
    tiny = Study("1", (Image(np.random.default_rng(0).random((40, 40), np.float32), "radiograph"),))
    assert not any(map(is_dxa, (blank, tiny, Study("2", ()))))
    assert np.isfinite(dxa_logit(np.random.default_rng(0).random((200, 150)).astype(np.float32)))
