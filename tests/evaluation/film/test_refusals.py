"""Pictures that are no films: counted by folder, with the reason they were refused for."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bmd.errors import InputError
from bmd.evaluation.film.refusals import evaluate_refusals
from tests.inference.spines import TruthEngine


def test_each_folder_is_counted_with_its_reasons(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for kind, noise in (("mr", 40), ("blank", 0)):
        (tmp_path / kind).mkdir()
        picture = np.clip(128 + noise * rng.standard_normal((160, 140)), 0, 255).astype(np.uint8)
        cv2.imwrite(str(tmp_path / kind / "a.png"), picture)
    (tmp_path / "blank" / "b.txt").write_text("no picture")
    engine = TruthEngine()
    engine.shows = 8
    blank, mr = evaluate_refusals(tmp_path, engine)  # type: ignore[arg-type]
    assert blank == {
        "kind": "blank", "pictures": 2, "analysed": 0, "certain": 0, "unreadable": 1, "reasons": {"film.blank": 1},
    }  # fmt: skip
    assert mr["reasons"] == {"view.not_lateral_lumbar": 1}


def test_a_folder_without_kinds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        evaluate_refusals(tmp_path)
    assert error.value.finding.code == "network.no_pictures"
