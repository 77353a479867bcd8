"""How small the vertebrae of a film may be: warned of, then refused."""

from __future__ import annotations

import numpy as np
import pytest

from bmd.app.film import samples
from bmd.evaluation.film.perturbations import reduced
from bmd.inference.film import size
from bmd.inference.film.pipeline import analyse
from bmd.modality import FILM
from bmd.types import Vertebra


def body(height: float, lean: float = 0.0) -> Vertebra:
    """A body so high, its lower end plate shifted by ``lean``."""
    corners = np.array([[0, 0], [40, 0], [40 + lean, height], [lean, height]], float)
    return Vertebra("L3", (0.0, 0.0, 40.0, height), corners, 0.9, corners)


def test_height_is_from_end_plate_to_end_plate():
    assert size.body_px([body(12.0, 9.0)]) == 15.0
    assert size.body_px([body(10.0), body(30.0), body(20.0)]) == 20.0
    assert size.body_px([]) is None


@pytest.mark.parametrize(("height", "refused", "warned"), [(7.9, 1, 1), (8.0, 0, 1), (15.9, 0, 1), (16.0, 0, 0)])
def test_small_bodies_are_warned_of_then_refused(height, refused, warned):
    assert len(size.too_small([body(height)])) == refused
    assert len(size.few_pixels([body(height)])) == warned


def film(longer_px: int):
    """The built-in normal film, so many pixels on its longer side, and its report."""
    from dataclasses import replace

    study = FILM.read([samples.SAMPLES.named("normal").path])
    picture = reduced(longer_px)(study.images[0].pixels, np.random.default_rng(0)).pixels
    return analyse(replace(study, images=(replace(study.images[0], pixels=picture),)))


def test_a_film_of_170_pixels_is_answered_with_a_warning():
    report = film(170)
    assert report.suitability.suitable
    assert "film.few_pixels" in [said.code for said in report.warnings]


def test_the_whole_film_has_no_such_warning():
    assert "film.few_pixels" not in [said.code for said in film(1000).warnings]
