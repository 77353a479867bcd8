"""Paint-outs, with a network that reads the brightness of one part of a crop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bmd.evaluation.film import paintouts
from bmd.inputs.film import box_corners


def test_parts_lie_where_they_say() -> None:
    parts = paintouts.parts(0.8)
    middle, behind, before, above = (32, 32), (32, 3), (32, 60), (3, 32)
    assert [name for name, mask in parts.items() if mask[middle]] == ["everything", "core", "body"]
    assert {name for name, mask in parts.items() if mask[behind]} == {"everything", "behind", "outside"}
    assert {name for name, mask in parts.items() if mask[before]} == {"everything", "before", "outside"}
    assert {name for name, mask in parts.items() if mask[above]} == {"everything", "discs", "outside"}
    assert not (parts["core"] & parts["frame"]).any()
    assert (parts["frame"] | parts["core"])[parts["body"]].all()
    flat = paintouts.parts(0.5)
    assert flat["discs"].sum() > parts["discs"].sum(), "a flat body leaves more room above and below"


def test_painted_parts_hold_nothing() -> None:
    crops = np.random.default_rng(0).normal(0, 1, (2, 64, 64)).astype(np.float32)
    mask = np.stack([paintouts.parts(0.8)["core"]] * 2)
    out = paintouts.painted(crops, mask)
    assert out[mask].reshape(2, -1).std(1) == pytest.approx(0, abs=1e-5)
    np.testing.assert_allclose(out.mean((1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(out.std((1, 2)), 1, atol=2e-3)
    assert np.corrcoef(out[~mask], crops[~mask])[0, 1] > 0.999


class Reader:
    """Takes the contrast of the core against the surround of a crop for its T-score."""

    device = "test"

    def run(self, network: str, *inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        core, outside = (paintouts.parts(0.8)[name] for name in ("core", "outside"))
        crops = inputs[0][:, 0]
        return {"t_score": crops[:, core].mean(1) - crops[:, outside].mean(1)}


def test_painting_the_cue_takes_the_answer_away(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, count = np.random.default_rng(0), 60
    t = rng.normal(-1.5, 1.2, count)
    images = np.full((count, 384, 384), 90, np.uint8)
    corners = np.zeros((count, 9, 4, 2), np.float32)
    for k in range(count):
        for row in (3, 4):
            top = 100 + 90 * (row - 3)
            corners[k, row] = box_corners((150, top, 200, top + 40))
            images[k, top + 2 : top + 39, 152:199] = 180
            images[k, top + 8 : top + 33, 158:193] = 140 + 12 * t[k]
    visible = np.zeros((count, 9), bool)
    visible[:, 3:5] = True
    shards = {"image": images, "corners": corners, "visible": visible, "t_l1l4": t}
    monkeypatch.setattr(paintouts, "read_shards", lambda data, limit: shards)
    rows = {row["painted"]: row for row in paintouts.evaluate_paintouts("x", engine=Reader())}  # type: ignore[arg-type]
    assert rows["nothing"]["films"] == count
    assert rows["nothing"]["correlation"] > 0.9
    assert rows["nothing"]["moved"] == 0
    assert rows["nothing"]["auc_low"] > 0.9
    assert rows["everything"]["correlation"] == 0
    assert rows["everything"]["auc"] == 0.5
    assert rows["discs"]["correlation"] > 0.9
    assert abs(rows["body"]["correlation"]) < 0.3
    assert abs(rows["body"]["moved"]) > 0.5
