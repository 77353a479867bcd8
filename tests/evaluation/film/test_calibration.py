"""Calibration on numbers whose answer is known, and the command on a handful of films with a made-up network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from bmd.evaluation.film import calibration as cal
from bmd.inference.film.measure import joint
from bmd.models._registry import default
from bmd.reference import LUMBAR
from tests.models.fakes import metadata


def answers(seed: int, patients: int = 1500, noise: float = 0.7, heat: float = 1.0) -> cal.Answers:
    """Four vertebrae per patient: noisy T-scores and the exact class logits, multiplied by ``heat``."""
    rng = np.random.default_rng(seed)
    seen = rng.normal(-1.5, 1.0, patients)
    truth = seen + rng.normal(0, noise, patients)
    film = np.repeat(np.arange(patients), 4)
    cuts = norm.cdf(np.stack([(-2.5 - seen) / noise, (-1.0 - seen) / noise], 1))
    p = np.stack([1 - cuts[:, 1], cuts[:, 1] - cuts[:, 0], cuts[:, 0]], 1).clip(1e-9)
    logits = np.repeat(heat * np.log(p), 4, 0)
    level = np.tile(np.arange(4), patients)
    return cal.Answers(film, level, logits, np.repeat(seen, 4), np.repeat(truth, 4), truth)


@pytest.mark.parametrize("heat", [0.5, 1.0, 3.0])
def test_temperature_undoes_overconfidence(heat: float) -> None:
    numbers = cal.fit(answers(0, heat=heat))
    assert numbers["patient_temperature"] == pytest.approx(heat, rel=0.12)
    assert cal.measured(answers(1, heat=heat), numbers)["calibration_error"] < 0.04


def test_overconfidence_shows_in_the_calibration_error() -> None:
    numbers = cal.fit(answers(0, heat=4.0)) | {"patient_temperature": 1.0}
    assert cal.measured(answers(1, heat=4.0), numbers)["calibration_error"] > 0.1


def test_intervals_cover_as_promised_on_new_films() -> None:
    numbers = cal.fit(answers(2))
    got = cal.measured(answers(3, patients=4000), numbers)
    assert got["coverage"] == pytest.approx(0.90, abs=0.025)
    assert numbers["patient_half_width"] == pytest.approx(0.7 * norm.ppf(0.95), rel=0.08)


def test_half_width_by_hand() -> None:
    assert cal.half_width(np.arange(1, 20), 0.9) == 18, "the 18th of 19 errors: ceil(20 x 0.9)"
    assert cal.half_width(np.array([1.0, 2.0]), 0.9) == float("inf"), "two errors cannot promise 90 %"


def test_patients_need_two_of_l1_to_l4() -> None:
    one = cal.Answers(
        film=np.array([0, 0, 1, 1, 2, 2, 2]),
        level=np.array([0, 4, 1, 2, 0, 1, 4]),
        logits=np.zeros((7, 3)),
        t_score=np.array([-1.0, -9, -2, -4, 0, 1, -9]),
        true_t=np.zeros(7),
        patient_t=np.array([-1.0, -2.5, 0.2]),
    )
    _, t, truth = one.patients()
    assert t.tolist() == [-3.0, 0.5]
    assert truth.tolist() == [-2.5, 0.2]
    assert one.part(np.array([1, 2])).patients()[2].tolist() == [-2.5, 0.2]


def test_results_go_into_the_weights_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bmd.models._registry import build
    from bmd.training.checkpoint import describe, export

    network = build(default("density"))
    training = {"steps": 1, "examples": 1, "metrics": {"film_auc": 0.8}, "held_out": 3}
    made = metadata()["provenance"]
    export(network, tmp_path / default("density"), describe(network, type(network).Recipe(), training, made))
    monkeypatch.setattr(cal, "read_shards", lambda data, limit: {"image": np.zeros((1500, 1))})
    monkeypatch.setattr(cal, "answer_films", lambda shards, engine: dict.fromkeys(cal.KNOWN, answers(4)))
    for _ in range(2):  # a second run replaces the first
        got = cal.calibrate("anywhere", 1500, tmp_path, engine=object())  # type: ignore[arg-type]
    found = json.loads((tmp_path / default("density") / "metadata.json").read_text())
    assert found["calibration"] == got["calibration"]
    assert found["calibration"]["film_patient_half_width"] > 0
    assert len(found["metrics"]) == 1 + len(cal.KNOWN)
    assert "film and patient data" in (tmp_path / default("density") / "README.md").read_text()


def shrunken(seed: int, patients: int = 600) -> cal.Answers:
    """Vertebrae that differ from their patient, seen with noise and pulled towards the mean, as the network does."""
    rng = np.random.default_rng(seed)
    patient, step = rng.normal(-1.3, 1.2, patients), np.array([0.2, 0.1, -0.1, -0.2, -0.4])
    apart = rng.normal(0, 0.4, (patients, 5))
    truth = patient[:, None] + step + apart - apart[:, :4].mean(1, keepdims=True)
    seen = -1.3 + 0.5 * (truth + 1.3 + rng.normal(0, 1.0, truth.shape))
    n = 5 * patients
    film, level = np.repeat(np.arange(patients), 5), np.tile(np.arange(5), patients)
    return cal.Answers(film, level, np.zeros((n, 3)), seen.ravel(), truth.ravel(), truth[:, :4].mean(1))


def test_estimating_vertebrae_together_is_better_than_one_by_one() -> None:
    numbers, new = cal.fit(shrunken(0)), shrunken(1)
    together, error = cal.joint_errors(new, numbers)
    assert together.all()
    assert np.abs(error).mean() < 0.9 * np.abs(new.t_score - new.true_t).mean()
    assert numbers["vertebra_step_L1"] > numbers["vertebra_step_L4"] > numbers["vertebra_step_L5"]
    assert 0 < numbers["vertebra_share"] < 1
    assert (np.abs(error) <= numbers["vertebra_half_width"]).mean() == pytest.approx(0.9, abs=0.025)


def test_vertebrae_lie_around_their_patient() -> None:
    numbers, new = cal.fit(shrunken(2)), shrunken(3)
    for film in range(20):
        rows = new.film == film
        t, patient = joint(LUMBAR, new.t_score[rows], numbers)
        assert t[:4].mean() == pytest.approx(patient, abs=1e-9)
        assert t.min() < patient < t.max()


def test_one_vertebra_is_nobodys_value() -> None:
    t, patient = joint(["L2", "L5"], np.array([-1.0, -2.0]), cal.fit(shrunken(2)))
    assert patient is None
    assert t.tolist() == [-1.0, -2.0]


def test_answers_that_are_all_alike_say_nothing_of_single_vertebrae() -> None:
    alike = shrunken(4)
    means = np.repeat(alike.t_score.reshape(-1, 5).mean(1), 5) + np.random.default_rng(0).normal(0, 1e-4, 3000)
    numbers = cal.fit(cal.Answers(alike.film, alike.level, alike.logits, means, alike.true_t, alike.patient_t))
    assert numbers["vertebra_share"] == 0
