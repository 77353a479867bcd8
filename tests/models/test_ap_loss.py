from __future__ import annotations

import numpy as np
import pytest
import torch

from bmd.models.ap_loss import DELTA, APLoss, ranking_errors


def ramp(x: np.ndarray) -> np.ndarray:
    return np.clip(x / (2 * DELTA) + 0.5, 0, 1)


def plain_loop(logits: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    """Chen et al.'s loop over the foreground scores, from the lowest up, with interpolated AP."""
    update = np.zeros_like(logits)
    foreground, background = np.flatnonzero(targets == 1), np.flatnonzero(targets == 0)
    best, precisions = 0.0, []
    for i in foreground[np.argsort(logits[foreground], kind="stable")]:
        above = ramp(logits[foreground] - logits[i]).sum() + 0.5
        pairs = ramp(logits[background] - logits[i])
        precision = above / (above + pairs.sum())
        share = pairs / (above + pairs.sum())
        if best <= precision:
            best = precision
        else:
            share = share * (1 - best) / (1 - precision)
        update[background] += share
        update[i] -= 1 - best
        precisions.append(best)
    return 1 - float(np.mean(precisions)), update / len(foreground)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("spread", [0.1, 1.0, 5.0])
def test_equals_the_plain_loop(seed, spread):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, spread, 120)
    targets = rng.choice([-1, 0, 1], 120, p=[0.1, 0.75, 0.15])
    loss, update = plain_loop(logits, targets)
    x = torch.tensor(logits, requires_grad=True)
    value = APLoss.apply(x, torch.tensor(targets))
    value.backward()
    assert float(value.detach()) == pytest.approx(loss, abs=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), update, atol=1e-7)


def test_updates_balance_and_ignored_scores_stay():
    logits = torch.randn(4, 50, 5, generator=torch.Generator().manual_seed(1), requires_grad=True)
    targets = torch.zeros(4, 50, 5)
    targets[:, :3, 1], targets[:, 3:6] = 1, -1
    APLoss.apply(logits, targets).backward()
    assert abs(float(logits.grad.sum())) < 1e-5
    assert (logits.grad[targets == -1] == 0).all()
    assert (logits.grad[targets == 1] <= 0).all()
    assert (logits.grad[targets == 0] >= 0).all()


def test_perfect_ranking_costs_nothing():
    loss, up, down = ranking_errors(torch.tensor([5.0, 6.0]), torch.tensor([-1.0, 0.0, 1.0]))
    assert float(loss) == pytest.approx(0)
    assert float(up.abs().sum() + down.sum()) == pytest.approx(0)


def test_no_objects_no_update():
    logits = torch.zeros(8, requires_grad=True)
    loss = APLoss.apply(logits, torch.zeros(8))
    loss.backward()
    assert float(loss.detach()) == 0
    assert (logits.grad == 0).all()


def test_descent_sorts_scores():
    generator = torch.Generator().manual_seed(0)
    features, targets = torch.randn(400, 6, generator=generator), torch.zeros(400)
    targets[features[:, 0] + 0.5 * features[:, 1] > 1.6] = 1
    weight = torch.zeros(6, requires_grad=True)
    optimizer = torch.optim.SGD([weight], 5.0)
    first = float(APLoss.apply(features @ weight, targets).detach())
    for _ in range(100):
        optimizer.zero_grad()
        APLoss.apply(features @ weight, targets).backward()
        optimizer.step()
    last = float(APLoss.apply(features @ weight, targets).detach())
    assert first > 0.8
    assert last < 0.1
