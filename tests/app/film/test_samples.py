"""The built-in cases: small, readable, simulated, and what their names say."""

from __future__ import annotations

import numpy as np
import pytest

from bmd import reference
from bmd.app.film import samples
from bmd.readers import read_study
from bmd.report.fractures import fractured_levels

CASES = pytest.mark.parametrize("sample", samples.SAMPLES, ids=lambda sample: sample.name)


def test_there_are_eight_and_all_are_shipped():
    assert len(samples.SAMPLES) == 8
    assert samples.SAMPLES.shipped() == samples.SAMPLES
    assert samples.SAMPLES.named("implant").title == "Implant"
    assert samples.SAMPLES.named(None) is None


@CASES
def test_case_is_a_small_readable_dicom_file(sample):
    data = sample.path.read_bytes()
    assert len(data) < 400_000
    assert sample.thumbnail.stat().st_size < 40_000
    study = read_study(sample.path.name, data)
    image = study.images[0]
    assert min(image.pixels.shape) >= 200
    assert max(image.pixels.shape) >= 512
    assert np.ptp(image.pixels) > 0.3
    assert image.view == sample.view
    assert study.patient.age_y is not None


@CASES
def test_truth_is_what_the_name_says(sample):
    truth = sample.truth()
    category = reference.category(truth["t_l1l4"])
    if sample.name in reference.CATEGORIES:
        assert category == sample.name
    if sample.name == "fracture":
        assert truth["fractured"]
    if sample.name in ("implant", "scoliosis"):
        assert sample.name in truth["tags"]
    if sample.name == "normal":
        assert truth["fractured"] == []


@CASES
def test_the_networks_answer_a_case_as_it_is_named(sample):
    """What the picker promises: the truth lies in the interval, and the category is the name's where it is one."""
    from bmd.inference.film.pipeline import analyse

    report = analyse(read_study(sample.path.name, sample.path.read_bytes()))
    if sample.view != "lateral":
        assert not report.suitability.suitable
        return
    found, true_t = report.prediction, reference.reported_t(sample.truth()["t_l1l4"])
    assert report.levels_certain
    assert found.interval[0] <= true_t <= found.interval[1]
    if sample.name in reference.CATEGORIES:
        assert found.category == sample.name == max(found.probabilities, key=found.probabilities.get)
    said = set(fractured_levels(report))
    assert said <= set(sample.truth()["fractured"]), "a fracture is said where one is"
    assert bool(said) == (sample.name == "fracture")


def test_command_makes_the_same_film_again(tmp_path, monkeypatch):
    found = samples.SAMPLES.named("normal").truth()["seed"]  # the search would take most of the time
    monkeypatch.setattr(samples.FilmSample, "folder", tmp_path / "cases")
    monkeypatch.setattr(samples, "SAMPLES", samples.Samples([samples.FilmSample("normal", found, "normal")]))
    samples.main()
    first = samples.SAMPLES[0].path.read_bytes()
    samples.main()
    assert samples.SAMPLES[0].path.read_bytes() == first
    assert samples.SAMPLES[0].truth()["t_l1l4"] > -1


def test_a_badly_exposed_or_cropped_film_is_no_example():
    from dataclasses import replace

    from bmd.simulator.case import simulate_film

    sample = samples.SAMPLES.named("normal")
    case = simulate_film(sample.truth()["seed"], 512, sample.view, sample.finding)
    image = case.study.images[0]
    dark = replace(case, study=replace(case.study, images=(replace(image, pixels=image.pixels * 0.2),)))
    cropped = replace(case, truth=replace(case.truth, visible=np.zeros(9, bool)))
    assert not samples.good_example(sample, dark)
    assert not samples.good_example(sample, cropped)
