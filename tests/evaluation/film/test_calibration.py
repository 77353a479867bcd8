"""Calibration on numbers whose answer is known, and the command on a handful of films with a made-up network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from bmd.errors import WeightsError
from bmd.evaluation.film import calibration as cal
from bmd.evaluation.film.answers import DISTURBED, KNOWN, Answers, given, joined
from bmd.inference.engine import TorchEngine
from bmd.inference.film import region
from bmd.inference.film.measure import Raw, joint
from bmd.inference.run import Networks
from bmd.models._registry import default
from bmd.reference import DENSITY_LEVELS
from bmd.types import Demographics
from tests.models.fakes import metadata


def answers(seed: int, patients: int = 1500, noise: float = 0.7, said: float = 1.0) -> Answers:
    """Four alike vertebrae per patient, seen with noise; the network says ``said`` times that noise."""
    rng = np.random.default_rng(seed)
    seen = rng.normal(-1.5, 1.0, patients)
    each = noise * rng.uniform(0.5, 1.5, patients)
    truth = seen + rng.normal(0, each)
    film, level = np.repeat(np.arange(patients), 4), np.tile(np.arange(4), patients)
    features = rng.normal(0, 1, (patients, 6))
    spread = np.repeat(said * each, 4)
    return Answers(film, level, np.repeat(seen, 4), spread, np.repeat(truth, 4), truth, features)


@pytest.mark.parametrize("said", [0.5, 1.0, 3.0])
def test_a_scale_undoes_over_and_underconfidence(said: float) -> None:
    numbers = cal.fit(answers(0, said=said))
    assert numbers["patient_scale"] == pytest.approx(1 / said, rel=0.06)
    got = cal.measured(answers(1, 4000, said=said), numbers)
    assert got["coverage"] == pytest.approx(0.90, abs=0.02)
    assert got["calibration_error"] < 0.04
    assert got["spread"] == pytest.approx(0.7, rel=0.08)


def test_overconfidence_shows_in_coverage_and_calibration_error() -> None:
    numbers = cal.fit(answers(0)) | {"patient_scale": 0.3}
    got = cal.measured(answers(1), numbers)
    assert got["coverage"] < 0.5
    assert got["calibration_error"] > 0.1


def test_wider_distributions_lie_where_errors_are_larger() -> None:
    new, numbers = answers(3, 4000), cal.fit(answers(2))
    t, spread, truth = new.patients()
    error = np.abs(numbers["patient_offset"] + numbers["patient_slope"] * t - truth)
    for part in (spread < 0.6, spread > 0.8):
        half = norm.ppf(0.95) * numbers["patient_scale"] * spread[part]
        assert (error[part] <= half).mean() == pytest.approx(0.9, abs=0.025)


def test_half_width_by_hand() -> None:
    assert cal.half_width(np.arange(1, 20), 0.9) == 18, "the 18th of 19 errors: ceil(20 x 0.9)"
    assert cal.half_width(np.array([1.0, 2.0]), 0.9) == float("inf"), "two errors cannot promise 90 %"


def test_patients_need_two_vertebrae() -> None:
    one = Answers(
        film=np.array([0, 1, 1, 2, 2]),
        level=np.array([0, 1, 2, 0, 1]),
        t_score=np.array([-1.0, -2, -4, 0, 1]),
        spread=np.array([9.0, 3, 4, 1, 1]),
        true_t=np.zeros(5),
        patient_t=np.array([-1.0, -2.5, 0.2]),
        features=np.zeros((3, 0)),
    )
    t, spread, truth = one.patients()
    assert t.tolist() == [-3.0, 0.5]
    assert spread.tolist() == [pytest.approx(12.5**0.5), 1]
    assert truth.tolist() == [-2.5, 0.2]
    assert one.part(np.array([1, 2])).patients()[2].tolist() == [-2.5, 0.2]
    twice = joined(one, one)
    assert twice.patients()[0].tolist() == [-3.0, 0.5] * 2
    assert len(twice.features) == 6


def test_what_is_told_of_a_patient() -> None:
    row = np.array([70, 1, 175, 80])
    assert given(row, "film") == given(row, DISTURBED) == Demographics()
    assert given(row, "aged") == Demographics(70, "M")
    assert given(row, "both") == given(row, "patient") == Demographics(70, "M", 175, 80)


def test_results_go_beside_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bmd.models._registry import build
    from bmd.training.checkpoint import describe, export

    network, folder = build(default("density")), tmp_path / default("density")
    training = {"steps": 1, "examples": 1, "metrics": {"film_auc": 0.8}, "held_out": 3}
    made = metadata()["provenance"]
    export(network, folder, describe(network, type(network).Recipe(), training, made))
    monkeypatch.setattr(cal, "read_shards", lambda data, limit: {"image": np.zeros((1500, 1))})
    monkeypatch.setattr(cal, "answer_films", lambda shards, engine: dict.fromkeys((*KNOWN, DISTURBED), answers(4)))
    for _ in range(2):  # a second run replaces the first
        got = cal.calibrate("anywhere", 1500, tmp_path, engine=object())  # type: ignore[arg-type]
    found = json.loads((folder / "metadata.json").read_text())
    assert found["calibration"] == got["calibration"]
    assert found["calibration"]["film_patient_scale"] > 0
    assert len(found["metrics"]) == 1 + len(KNOWN) + 1
    assert "film, age and sex" in (folder / "README.md").read_text()
    assert 0.97 < found["region"]["inside"]["film"] <= 1
    networks = Networks(TorchEngine("cpu", tmp_path, bf16=False))
    known = region.of(networks, "density")
    assert known is not None
    assert known.distance(np.zeros(6)) < 0.5 < 1 < known.distance(np.full(6, 9.0))
    assert region.outside(np.zeros((3, 6)), networks, "density") is None
    said = region.outside(np.full((3, 6), 9.0), networks, "density")
    assert said is not None
    assert said.code == "film.density_unjudged"
    (folder / "region.npz").write_bytes(b"something else")
    with pytest.raises(WeightsError) as error:
        TorchEngine("cpu", tmp_path, bf16=False).arrays("view_cnn", "region")
    assert error.value.finding.code == "network.not_installed"
    from bmd.models._metadata import read_attached

    with pytest.raises(WeightsError) as error:
        read_attached(folder, "region")
    assert error.value.finding.code == "network.file_damaged"


def test_a_region_holds_99_of_100_films_alike_and_few_others() -> None:
    rng = np.random.default_rng(0)
    mix = rng.normal(0, 1, (20, 20))
    films = [rng.normal(0, 1, (n, 20)) @ mix for n in (1500, 1500, 4000)]
    known = region.fit(films[0], films[1])
    assert (known.distance(films[2]) <= 1).mean() == pytest.approx(0.99, abs=0.006)
    assert (known.distance(films[2] + 8 * mix[0]) > 1).mean() > 0.95
    stored = known.arrays()
    again = region.Region(stored["mean"], stored["whiten"], float(stored["limit"]))
    np.testing.assert_allclose(again.distance(films[2][:50]), known.distance(films[2][:50]), rtol=1e-4)
    with pytest.raises(ValueError, match="both sides"):
        region.fit(films[0], films[1][:0])


def shrunken(seed: int, patients: int = 600) -> Answers:
    """Vertebrae that differ from their patient, seen with noise and pulled towards the mean, as the network does."""
    rng = np.random.default_rng(seed)
    patient, step = rng.normal(-1.3, 1.2, patients), np.array([0.2, 0.1, -0.1, -0.2])
    apart = rng.normal(0, 0.4, (patients, 4))
    truth = patient[:, None] + step + apart - apart.mean(1, keepdims=True)
    seen = -1.3 + 0.5 * (truth + 1.3 + rng.normal(0, 1.0, truth.shape))
    n = 4 * patients
    film, level = np.repeat(np.arange(patients), 4), np.tile(np.arange(4), patients)
    return Answers(film, level, seen.ravel(), np.full(n, 0.8), truth.ravel(), truth.mean(1), np.zeros((patients, 0)))


def test_estimating_vertebrae_together_is_better_than_one_by_one() -> None:
    numbers, new = cal.fit(shrunken(0)), shrunken(1)
    together, error = cal.joint_errors(new, numbers)
    assert together.all()
    assert np.abs(error).mean() < 0.9 * np.abs(new.t_score - new.true_t).mean()
    assert numbers["vertebra_step_L1"] > numbers["vertebra_step_L4"]
    assert 0 < numbers["vertebra_share"] < 1
    assert cal.measured(new, numbers)["vertebra_coverage"] == pytest.approx(0.9, abs=0.025)


def test_vertebrae_lie_around_their_patient() -> None:
    numbers, new = cal.fit(shrunken(2)), shrunken(3)
    for _, raw in new.each_film()[:20]:
        bodies, whole = joint(DENSITY_LEVELS, raw, numbers)
        assert whole is not None
        t = np.array([body.t for body in bodies])
        assert t.mean() == pytest.approx(whole.t, abs=1e-9)
        assert t.min() < whole.t < t.max()


def test_one_vertebra_is_nobodys_value() -> None:
    numbers = cal.fit(shrunken(2))
    bodies, whole = joint(["L2"], Raw(np.array([-1.0]), np.array([0.8]), np.zeros((1, 0))), numbers)
    assert whole is None
    assert bodies[0].t == pytest.approx(numbers["alone_offset"] - numbers["alone_slope"])
    assert bodies[0].spread > 0.5


def test_answers_that_are_all_alike_say_nothing_of_single_vertebrae() -> None:
    alike = shrunken(4)
    means = np.repeat(alike.t_score.reshape(-1, 4).mean(1), 4) + np.random.default_rng(0).normal(0, 1e-4, 2400)
    same = Answers(alike.film, alike.level, means, alike.spread, alike.true_t, alike.patient_t, alike.features)
    assert cal.fit(same)["vertebra_share"] == 0
