from __future__ import annotations

import numpy as np
import pytest

from bmd.population.survey import Design, combined_weight, read_table, weighted_quantile


def simple(n: int) -> Design:
    return Design(np.ones(n), np.zeros(n), np.arange(n))


def everyone(n: int) -> np.ndarray:
    return np.ones(n, bool)


def test_simple_random_sample_has_the_textbook_standard_error() -> None:
    x = np.random.default_rng(0).normal(3, 2, 500)
    mean, error = simple(500).mean(x, everyone(500))
    assert mean == pytest.approx(x.mean())
    assert error == pytest.approx(x.std(ddof=1) / np.sqrt(500), rel=1e-9)


def test_standard_errors_of_sd_and_correlation_match_repeated_samples() -> None:
    rng = np.random.default_rng(1)
    sds, rs, sd_errors, r_errors = [], [], [], []
    for _ in range(300):
        x, noise = rng.normal(size=(2, 200))
        y = 0.6 * x + 0.8 * noise
        design, rows = simple(200), everyone(200)
        for values, errors, found in (
            (sds, sd_errors, design.sd(x, rows)),
            (rs, r_errors, design.correlation(x, y, rows)),
        ):
            values.append(found[0])
            errors.append(found[1])
    assert np.mean(sd_errors) == pytest.approx(np.std(sds), rel=0.15)
    assert np.mean(r_errors) == pytest.approx(np.std(rs), rel=0.15)


def test_people_of_one_unit_count_as_one() -> None:
    """Copies of every person add rows, not information."""
    x = np.random.default_rng(2).normal(size=60)
    copies = Design(np.ones(240), np.zeros(240), np.tile(np.arange(60), 4))
    alone = simple(60).mean(x, everyone(60))
    assert copies.mean(np.tile(x, 4), everyone(240)) == pytest.approx(alone)


def test_missing_values_leave_the_domain() -> None:
    x = np.array([1.0, 2.0, np.nan, 5.0])
    assert simple(4).mean(x, np.array([True, True, True, False]))[0] == pytest.approx(1.5)


def test_weights_move_the_mean() -> None:
    design = Design(np.array([3.0, 1.0]), np.zeros(2), np.arange(2))
    assert design.mean(np.array([0.0, 1.0]), everyone(2))[0] == pytest.approx(0.25)


def test_weighted_median() -> None:
    assert weighted_quantile(np.array([1.0, 2.0, 3.0]), np.ones(3), np.array([0.5])) == pytest.approx(2)


def test_tables_are_read_with_gaps_and_words(tmp_path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("age,sex,cycle,wt_mec\n45,F,2005-2006,10\n,M,2013-2014,20\n")
    table = read_table(file)
    assert np.isnan(table["age"][1])
    assert list(table["sex"]) == ["F", "M"]


def test_combined_weights_share_the_years_in_which_an_age_was_scanned() -> None:
    table = {
        "age": np.array([30.0, 60.0, 60.0]),
        "cycle": np.array(["2005-2006", "2005-2006", "2017-Mar2020"]),
        "wt_mec": np.full(3, 100.0),
    }
    np.testing.assert_allclose(combined_weight(table), [100 * 2 / 6, 100 * 2 / 11.2, 100 * 3.2 / 11.2])
