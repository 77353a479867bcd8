"""The demographics network: one distribution, and nothing of an unknown value in it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bmd.inputs.patient import demographics_vector
from bmd.models._registry import build
from bmd.models.demographics import GRID, SITES, DemographicsNetwork, coalition, features


@pytest.fixture(scope="module")
def network() -> DemographicsNetwork:
    torch.manual_seed(0)
    network = build("demographics", members=2, width=16).eval()
    network.slope.normal_(0, 0.1)
    return network


def known(*values) -> torch.Tensor:
    return torch.from_numpy(demographics_vector(*values))[None]


def test_cumulative_probability_rises_from_0_to_1(network):
    with torch.no_grad():
        cdf = network(known(67, 0, 160, 58))["cdf"]
    assert cdf.shape == (1, len(SITES), GRID[2])
    assert (cdf.diff(dim=-1) >= 0).all()
    assert float(cdf[..., 0].max()) < 0.01
    assert float(cdf[..., -1].min()) > 0.99


@pytest.mark.parametrize("field", range(4))
def test_value_under_a_flag_that_is_off_changes_nothing(network, field):
    person = known(67, 0, 160, 58)
    person[0, 4 + field] = 0
    with torch.no_grad():
        answers = [
            network(torch.cat([person[:, :field], v, person[:, field + 1 :]], 1)) for v in torch.eye(3)[:, :1, None]
        ]
    for key in answers[0]:
        assert torch.equal(answers[0][key], answers[1][key])


def test_missing_is_not_the_same_as_the_centre(network):
    with torch.no_grad():
        absent, centre = network(known(67, 0, None, 58)), network(known(67, 0, 165, 58))
    assert not torch.allclose(absent["cdf"], centre["cdf"])


def test_mass_index_is_seen_only_with_height_and_weight():
    full, no_height = features(known(67, 0, 160, 64)), features(known(67, 0, None, 64))
    assert float(full[0, 4]) == pytest.approx((64 / 1.6**2 - 27) / 5, rel=1e-4)
    assert float(full[0, 9]) == 1
    assert no_height[0, 4] == no_height[0, 9] == 0


def test_everyone_from_80_is_80(network):
    with torch.no_grad():
        assert torch.equal(network(known(80, 1, 170, 70))["cdf"], network(known(95, 1, 170, 70))["cdf"])
        assert not torch.equal(network(known(79, 1, 170, 70))["cdf"], network(known(80, 1, 170, 70))["cdf"])


def test_coalitions_are_numbered():
    rows = torch.cat([known(60, 0, 160, 60), known(60, None, None, None), known(None, 1, None, 60), known()])
    assert coalition(rows).tolist() == [15, 1, 10, 0]


def test_hiding_hides_value_and_flag_together():
    torch.manual_seed(0)
    network = build("demographics", members=1, width=8, drop_some=0.5, drop_field=0.5)
    hidden = network.hide(torch.cat([torch.full((4000, 4), 7.0), torch.ones(4000, 4)], 1))
    values, flags = hidden.split(4, 1)
    assert torch.equal(values, 7 * flags)
    assert float((flags.min(1).values > 0).float().mean()) == pytest.approx(0.5 + 0.5 / 16, abs=0.03)


def test_loss_ignores_sites_not_measured(network):
    person, weight = known(67, 0, 160, 58), torch.ones(1)
    t = torch.full((1, len(SITES)), float("nan"))
    t[0, 0] = -2.0
    one = network(person, {"t_score": t, "weight": weight})
    five = network(person, {"t_score": torch.full((1, len(SITES)), -2.0), "weight": weight})
    assert all(bool(v.isfinite()) for v in one.values())
    assert float(one["density"]) != pytest.approx(float(five["density"]))


def test_density_is_the_slope_of_the_distribution(network):
    """The two losses speak of one and the same distribution."""
    single = build("demographics", members=1, width=8).eval()
    person, at = known(67, 0, 160, 58), torch.tensor([-1.51, -1.49])
    with torch.no_grad():
        low, high = torch.sigmoid(single.log_odds(person, at.expand(1, len(SITES), 2)))[0, 0]
        t = torch.full((1, len(SITES)), float("nan"))
        t[0, 0] = -1.5
        loss = single(person, {"t_score": t, "weight": torch.ones(1)})
        cuts = torch.sigmoid(single.log_odds(person, torch.tensor([-2.5, -1.0]).expand(1, len(SITES), 2)))[0, 0]
    assert float(loss["density"]) == pytest.approx(-np.log(float(high - low) / 0.02), abs=0.01)
    assert float(loss["category"]) == pytest.approx(-np.log(float(cuts[1] - cuts[0])), abs=1e-3)
