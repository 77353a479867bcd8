"""A volume cannot be without a spacing, and a study says what it holds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bmd.findings import note
from bmd.types import Explanation, Image, Study, Volume, volume_of

VOXELS = np.zeros((2, 3, 4), np.int16)


@pytest.mark.parametrize(
    "spacing", [(0.0, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, math.nan), (1.0, math.inf, 1.0), (1.0, 1.0)]
)
def test_a_volume_needs_three_positive_spacings(spacing: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="positive"):
        Volume(VOXELS, spacing)  # type: ignore[arg-type]


@pytest.mark.parametrize("voxels", [VOXELS[0], VOXELS.astype(np.float32)])
def test_a_volume_holds_whole_hu_in_three_axes(voxels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="int16"):
        Volume(voxels, (1.0, 1.0, 1.0))


def test_a_study_says_what_it_holds() -> None:
    ct = Study("a", volume=Volume(VOXELS, (3.0, 1.0, 1.0)))
    film = Study("b", (Image(np.zeros((5, 4), np.float32), "radiograph"),))
    assert (ct.modality, film.modality, Study("c").modality) == ("ct", "radiograph", None)
    assert (ct.nbytes, film.nbytes, Study("c").nbytes) == (48, 80, 0)
    assert volume_of(ct) is ct.volume
    with pytest.raises(ValueError, match="radiograph"):
        volume_of(film)


@pytest.mark.parametrize(
    ("peak", "inside", "even", "random", "verdict"),
    [
        (0.0, 0.0, 0.3, 0.0, "heat.empty"),
        (1.0, 0.3, 0.2, 0.0, "heat.outside"),
        (1.0, 0.6, 0.7, 0.0, "heat.outside"),
        (1.0, 0.8, 0.4, 0.7, "heat.as_random"),
        (1.0, 0.8, 0.4, 0.1, "heat.on_bone"),
    ],
)
def test_a_heat_map_is_judged_in_words(peak: float, inside: float, even: float, random: float, verdict: str) -> None:
    shares = {"inside_share": inside, "area_share": even, "random_correlation": random}
    heat = np.zeros((4, 4), np.float32)
    heat[1, 1] = peak
    found = Explanation("L1", heat, (0, 0, 4, 4), note("heat.grad_cam"), note("heat.grad_cam"), shares)
    assert found.verdict.code == verdict
