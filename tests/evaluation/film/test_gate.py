"""Pictures of all kinds: counted by folder, on both pages and by the routing, with what they seemed to be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from bmd.errors import InputError
from bmd.evaluation.film.gate import HEAD, evaluate_gate, table
from bmd.types import SHOWN
from tests.inference.spines import TruthEngine, as_film, plain_tensor, toy_spine, unstretched


class Seeing(TruthEngine):
    """Also finds no region on a DXA image."""

    def run(self, network: str, *inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        if network == "dxa_regions":
            return {"masks": np.zeros((2, 10, 128, 128), np.float32)}
        return super().run(network, *inputs)


def write(path: Path, picture: NDArray[np.floating]) -> None:
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), np.clip(255 * picture, 0, 255).astype(np.uint8))


def test_each_folder_is_counted(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    write(tmp_path / "mr" / "a.png", 0.5 + 0.15 * rng.standard_normal((160, 140)))
    write(tmp_path / "blank" / "a.png", np.full((160, 140), 0.5))
    (tmp_path / "blank" / "b.bin").write_text("no picture")
    (tmp_path / "notes.md").write_text("what is in here")
    engine = Seeing()
    engine.shows = SHOWN.index("mr")
    blank, mr = evaluate_gate([tmp_path], engine)
    assert (blank.folder, blank.pictures, blank.unreadable, blank.film, blank.dxa) == ("blank", 2, 1, 0, 0)
    assert blank.seemed == {"film.blank": 1}
    assert (mr.pictures, mr.film, mr.dxa, mr.to_dxa, dict(mr.seemed)) == (1, 0, 0, 0, {"mr": 1})
    lines = table([blank, mr]).splitlines()
    assert lines[0].split()[0] == HEAD[0]
    assert lines[2].split() == ["mr", "1", "0", "1", "0", "0", "0", "0", "0", "mr", "1"]


def test_films_that_pass_are_counted_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bmd.inference.spine.looks.film_tensor", plain_tensor)
    monkeypatch.setattr("bmd.inference.spine.localise.every_way", unstretched)
    write(tmp_path / "films" / "one.png", as_film(toy_spine(1).labels))
    (row,) = evaluate_gate([tmp_path / "films"], Seeing())
    assert (row.folder, row.film, row.film_certain, row.passed) == ("films", 1, 1, ["one.png"])
    assert dict(row.seemed) == {"lateral_lumbar": 1}
    assert row.to_dxa == 0


def test_what_seems_a_scan_is_sent_to_the_dxa_chain_and_unclear_is_said(tmp_path: Path) -> None:
    write(tmp_path / "x" / "a.png", 0.5 + 0.15 * np.random.default_rng(1).standard_normal((160, 140)))
    engine = Seeing()
    engine.shows = SHOWN.index("dxa_other")
    (scan,) = evaluate_gate([tmp_path], engine)
    assert (scan.film, scan.dxa, scan.to_dxa) == (0, 0, 1)
    engine.shows = -1  # all kinds alike
    (unsure,) = evaluate_gate([tmp_path], engine)
    assert dict(unsure.seemed) == {"unclear": 1}
    assert (unsure.film, unsure.to_dxa) == (0, 0)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        evaluate_gate([tmp_path])
    assert error.value.finding.code == "network.no_pictures"
