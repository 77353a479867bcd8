"""Crops cover a volume; outcomes count names against truth; the summary is by slice thickness."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from bmd.evaluation.ct.crops import crops, outcome, summary
from bmd.types import Volume


def found(levels: list[str | None], certain: bool, source: str | None) -> Any:
    bodies = [
        SimpleNamespace(frame=SimpleNamespace(origin=np.array([30.0 * k, 50.0, 50.0]))) for k in range(len(levels))
    ]
    vertebrae = [SimpleNamespace(level=level) for level in levels]
    return SimpleNamespace(vertebrae=vertebrae, bodies=bodies, certain=certain, source=source)


CENTRES = {level: np.array([100.0 + 30 * k, 50.0, 52.0]) for k, level in enumerate(("L1", "L2", "L3"))}


def test_crops_lie_at_every_height_and_a_short_volume_is_one() -> None:
    volume = Volume(np.zeros((100, 20, 20), np.int16), (4.0, 2.0, 2.0))
    pieces = list(crops(volume, tall_mm=160, step_mm=40))
    assert [start for start, _ in pieces] == [0, 40, 80, 120, 160, 200, 240]
    assert {part.voxels.shape[0] for _, part in pieces} == {40}
    assert [start for start, _ in crops(Volume(volume.voxels[:20], volume.spacing_mm))] == [0]


def test_names_are_counted_against_the_nearest_true_body() -> None:
    seen = outcome(found(["L1", "L3", None, "L5"], False, "rib"), CENTRES, 101.0, 3.0)
    assert (seen.known, seen.right, seen.wrong, seen.named) == (3, 1, 1, 3)


def test_the_summary_keeps_certain_and_unusual_apart() -> None:
    sure = outcome(found(["L1", "L2", "L3"], True, "sacrum"), CENTRES, 100.0, 3.0)
    off = outcome(found(["T12", "L1", "L2"], False, "rib"), CENTRES, 100.0, 5.0, usual=False)
    three, five, both = summary([sure, off])
    assert (three["slices"], three["right"], three["certain"], three["certain_wrong"]) == ("3 mm", 1.0, 1.0, 0.0)
    assert (five["from_rib_wrong"], five["from_rib_wrong_as_ribs_are_unusual"]) == (0.0, 1.0)
    assert (both["crops"], both["named"], both["right"], both["certain"]) == (2, 1.0, 0.5, 0.5)
