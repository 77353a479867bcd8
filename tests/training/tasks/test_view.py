"""Examples of the view network: read from shards, disturbed without leaving 0..1, encoded alike in training and use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bmd.errors import InputError
from bmd.simulator.shards import views
from bmd.training.tasks import find
from bmd.training.tasks.view import STEPS, Pictures, Shown, disturbed, encode_view, filtered
from bmd.types import SHOWN


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("views")
    views.write_shards(str(out), len(views.TURN), 0)
    return out


def test_shards_hold_every_kind_at_its_own_shape(folder: Path) -> None:
    items = Pictures(str(folder))
    assert {SHOWN[items[k].kind] for k in range(len(items))} == set(SHOWN)
    for k in range(len(items)):
        assert max(items[k].picture.shape) <= views.SIDE
        assert 0 <= items[k].picture.min() <= items[k].picture.max() <= 1


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        Pictures(str(tmp_path))
    assert error.value.finding.code == "network.no_views"


@pytest.mark.parametrize("step", [*dict.fromkeys(step for _, step in STEPS), filtered], ids=lambda step: step.__name__)
def test_a_disturbed_picture_is_still_a_picture(step) -> None:
    film = np.random.default_rng(0).random((97, 61)).astype(np.float32)
    for seed in range(6):
        out = step(film.copy(), np.random.default_rng(seed))
        assert out.dtype == np.float32
        assert out.ndim == 2
        assert min(out.shape) >= 16
        assert -1e-3 <= out.min() <= out.max() <= 1 + 1e-3


def test_the_example_is_what_the_network_sees_in_use(folder: Path) -> None:
    task, items = find("view"), Pictures(str(folder))
    rng = np.random.default_rng(0)
    x, targets = encode_view(items[0], task.plain(items[0], 160), rng)
    assert x.shape == (2, 160, 160)  # type: ignore[union-attr]
    assert int(targets["kind"]) == items[0].kind  # type: ignore[index,arg-type]
    one = disturbed(Shown(items[0].picture, 0), np.random.default_rng(5))
    assert np.array_equal(one, disturbed(Shown(items[0].picture, 0), np.random.default_rng(5)))
