"""What the pair ensemble reads: painting does what it says, and the shipped one does not read arch and cortex alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bmd import cli
from bmd.evaluation.ct import paintouts
from bmd.inference.run import Networks
from bmd.simulator.ct.reformat import AXIAL_LEVELS, axial_slice, trabecular_hu
from bmd.simulator.ct.scan import lie_down
from bmd.simulator.person.sample import sample_person
from bmd.simulator.shards import store
from bmd.simulator.shards.ct import PEOPLE

SIDE, BONE_HU = 224, 180.0


def shards(folder: Path, people: int = 6) -> Path:
    """Discs of bone on muscle, trabecular HU 60 + 20 a person; L1 of the first is broken, the last has one slice."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    body = np.hypot(x, y) < 30
    core = np.hypot(x, y) < 22
    trabecular = 60.0 + 20 * np.arange(people)
    hu = np.where(core, trabecular[:, None, None], np.where(body, BONE_HU, 40.0)).astype(np.int16)
    ok = np.ones((people, 4), bool)
    ok[0, 0], ok[-1, 1:] = False, False
    arrays = {
        "axial": np.repeat(hu[:, None], 4, 1),
        "axial_label": np.repeat(np.repeat(body[None, None].astype(np.uint8), 4, 1), people, 0),
        "axial_ok": ok,
        "roi_hu": np.repeat(trabecular[:, None], 4, 1).astype(np.float32),
        "t_l1l4": (-3.5 + 0.8 * np.arange(people)).astype(np.float32),
    }
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "ct_0000000.npz", **arrays)
    return folder


class MeanOf:
    """Says normal by the mean of the middle 20 mm (trabecular), or of a ring beside it."""

    def __init__(self, inner_mm: float, outer_mm: float) -> None:
        y, x = np.mgrid[:120, :120] - 59.5
        self.ring = (np.hypot(x, y) >= inner_mm) & (np.hypot(x, y) < outer_mm)
        self.device = "none"

    def run(self, network: str, windows: np.ndarray) -> dict[str, np.ndarray]:
        mean = windows[:, 0][:, self.ring].mean(1) * 20
        return {"logits": np.stack([mean, 0 * mean, -mean], 1)}

    def metadata(self, network: str) -> dict:
        return {"calibration": {"patient_temperature": 2.0}}

    def arrays(self, network: str, name: str) -> dict[str, np.ndarray]:
        return {}


def test_people_with_one_slice_are_left_out_and_l1_must_be_whole(tmp_path: Path) -> None:
    slices = paintouts.read_slices(shards(tmp_path))
    assert len(slices.t) == 5
    assert np.bincount(slices.person).tolist() == [3, 4, 4, 4, 4]
    assert np.isnan(slices.l1_hu).tolist() == [True, False, False, False, False]
    assert (slices.core <= slices.body).all()
    assert slices.core.any((1, 2)).all()


def test_who_reads_the_core_loses_all_by_its_paint_and_who_reads_the_rim_nothing(tmp_path: Path) -> None:
    folder = shards(tmp_path)
    core = paintouts.evaluate_ct_paintouts(folder, engine=MeanOf(0, 8))
    assert core["whole"]["r"] > 0.99
    assert core["core_left"]["r"] > 0.99
    assert core["shifts"]["+110"]["probability"] < core["shifts"]["0"]["probability"]
    assert core["shifts"]["+60"]["right_way"] == core["shifts"]["-60"]["right_way"] == 1
    painted = paintouts.person_logits(
        Networks(MeanOf(0, 8)), paintouts.read_slices(folder), paintouts.CHANGES["core_painted"]
    )
    assert np.ptp(painted[:, 0]) < 1e-3
    rim = Networks(MeanOf(19, 20))
    slices = paintouts.read_slices(folder)
    whole = paintouts.person_logits(rim, slices, paintouts.CHANGES["whole"])
    np.testing.assert_allclose(whole, paintouts.person_logits(rim, slices, paintouts.CHANGES["core_painted"]))
    assert not np.allclose(whole, paintouts.person_logits(rim, slices, paintouts.CHANGES["body_painted"]))
    assert not np.allclose(whole, paintouts.person_logits(rim, slices, paintouts.CHANGES["core_left"]))


def test_the_command_prints_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(paintouts, "evaluate_ct_paintouts", lambda data, count: {"data": data, "count": count})
    assert cli.main(["evaluate", "ct-paintouts", "--data", "somewhere", "--count", "5"]) == 0
    assert json.loads(capsys.readouterr().out) == {"data": "somewhere", "count": 5}


def row(seed: int) -> dict[str, np.ndarray]:
    """Slices of someone from 50 on; every second one has osteoporosis, which leaves an AUC as it is and steadies it."""
    rng = np.random.default_rng(seed)
    person = sample_person(rng, cohort="film", t_range=(-9.0, -2.5) if seed % 2 else (-2.5, 9.0))
    scene = lie_down(person, rng)
    slices = [axial_slice(scene, level, rng) for level in AXIAL_LEVELS]
    whole = [scene.skeleton.bone(level).fracture_grade == 0 for level in AXIAL_LEVELS]
    return {
        "axial": np.stack([hu for hu, _ in slices]),
        "axial_label": np.stack([body for _, body in slices]),
        "axial_ok": np.array(whole) & (not {"implant", "cement"} & scene.tags),
        "roi_hu": np.array([trabecular_hu(hu, body) for hu, body in slices], np.float32),
        "t_l1l4": np.float32(person.t_scores["L1-L4"]),
    }


MORE_THAN_HU, STANDARD_ERROR = 0.15, 0.03
"""AUC that what is left may tell beyond L1's HU, and how exactly 300 people, half of them ill, show a difference."""


@pytest.mark.slow
def test_simulated_ct_tells_no_more_than_life_does(tmp_path: Path) -> None:
    """300 people from 50 on: without trabecular bone the shipped network must know little more than HU alone."""
    store.write_all(str(tmp_path), PEOPLE, range(1_500_000, 1_500_300), row, "a test")
    found = paintouts.evaluate_ct_paintouts(tmp_path, only=("whole", "core_painted", "core_levelled"))
    assert 0.62 < found["l1_hu"]["auc"] < 0.84, found
    for name in ("core_painted", "core_levelled"):
        assert found[name]["auc"] < found["l1_hu"]["auc"] + MORE_THAN_HU + STANDARD_ERROR, found
    assert 0.75 < found["whole"]["auc"] < 0.94, found
