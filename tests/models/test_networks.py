"""What is particular to one network."""

from __future__ import annotations

import itertools
import time

import pytest
import torch

from bmd.models import _precision
from bmd.models._blocks import GlobalContext, group_norm, position_waves
from bmd.models._density import LEAST_SPREAD, beta_likelihood
from bmd.models._masks import cells, coverage, dice_loss
from bmd.models._precision import bf16_is_faster
from bmd.models._registry import build
from bmd.models.ap_loss import APLoss
from bmd.models.cmnet import focal_loss, metal_losses
from bmd.models.retinanet import RankingHead
from bmd.reference import UNNAMED


def test_dice_loss_is_equation_1_on_hard_masks():
    p, truth = torch.zeros(1, 1, 20, 20), torch.zeros(1, 1, 20, 20)
    p[..., :10, :], truth[..., 5:15, :] = 1, 1  # TP 100, FP 100, FN 100
    assert float(dice_loss(p, truth, smooth=0)) == pytest.approx(1 - 200 / 400)
    assert float(dice_loss(truth, truth)) == pytest.approx(0)


def test_focal_loss_prefers_the_truth():
    truth = torch.zeros(1, 1, 8, 8)
    truth[0, 0, 3, 4] = 1
    good, bad, one = torch.full_like(truth, -6), torch.full_like(truth, -6), torch.ones(1, 1, 1, 1)
    good[0, 0, 3, 4], bad[0, 0, 0, 0] = 6, 6
    assert float(focal_loss(good, truth, one)) < 0.01 < float(focal_loss(bad, truth, one))
    assert float(focal_loss(bad, truth, 0 * one)) == 0


def test_half_visible_level_is_not_judged():
    torch.manual_seed(0)
    network = build("cmnet", widths=(16, 16, 16, 16, 16, 16))
    targets = {
        "labels": torch.zeros(1, 64, 64, dtype=torch.uint8),
        "centres": torch.rand(1, 10, 16, 16),
        "centre_weight": torch.ones(1, 10),
    }
    targets["centre_weight"][0, 2] = 0
    masks, centres = torch.randn(1, 10, 32, 32), torch.randn(1, 10, 16, 16, requires_grad=True)
    torch.stack(list(network.losses(masks, centres, targets).values())).sum().backward()
    assert (centres.grad[0, 2] == 0).all()
    assert (centres.grad[0, 3] != 0).any()


def test_bodies_above_t10_are_not_judged_but_hold_none_of_the_nine_centres():
    network = build("cmnet", widths=(16, 16, 16, 16, 16, 16))
    labels = torch.zeros(1, 64, 64, dtype=torch.uint8)
    labels[0, :16, :32], labels[0, 40:, 40:] = UNNAMED, 3
    targets = {"labels": labels, "centres": torch.rand(1, 10, 16, 16), "centre_weight": torch.ones(1, 10)}
    masks = torch.randn(1, 10, 32, 32, requires_grad=True)
    centres = torch.randn(1, 10, 16, 16, requires_grad=True)
    torch.stack(list(network.losses(masks, centres, targets).values())).sum().backward()
    assert (masks.grad[0, :, :8, :16] == 0).all()
    assert (masks.grad[0, :, 8:].abs().sum(0) > 0).all()
    assert (centres.grad[0, -1, :4, :8] == 0).all()
    assert (centres.grad[0, -1, 4:] != 0).all()
    assert (centres.grad[0, 0, :4, :8] != 0).all()


def test_metal_is_learned_where_it_lies_however_little_there_is():
    metal = torch.zeros(2, 64, 64, dtype=torch.uint8)
    metal[0, 10:14, 20:30] = 1
    right = torch.where(cells(metal.float(), torch.Size((2, 1, 32, 32))).mean(3)[:, None] > 0, 6.0, -6.0)
    good, none = metal_losses(right, metal), metal_losses(torch.full_like(right, -6.0), metal)
    assert set(good) == {"metal_dice", "metal_entropy"}
    assert all(float(good[key]) < 0.05 < float(none[key]) for key in good)
    empty = metal_losses(torch.full_like(right, -6.0), 0 * metal)  # most batches
    assert float(sum(empty.values())) < 0.02


def test_metal_head_is_an_option():
    x = torch.zeros(1, 1, 64, 64)
    with torch.no_grad():
        assert build("cmnet", widths=(16,) * 6).eval()(x)["metal"].shape == (1, 1, 32, 32)
        assert "metal" not in build("cmnet", widths=(16,) * 6, metal=False).eval()(x)
    assert not any(key.startswith("metal") for key in build("dxa_regions").state_dict())


def test_a_mask_label_is_the_share_of_the_cell_that_is_covered():
    labels = torch.tensor([[[0, 3, 1, 1], [3, 3, 1, 1], [0, 0, 2, 0], [0, 0, 0, 5]]], dtype=torch.uint8)
    share = coverage(labels, torch.Size((1, 10, 2, 2)))
    assert share[0, :, 0, 0].tolist() == [0.25, 0, 0, 0.75, 0, 0, 0, 0, 0, 0]
    assert share[0, 1, 0, 1] == 1
    assert share[0, [0, 2, 5], 1, 1].tolist() == [0.5, 0.25, 0.25]
    assert torch.equal(share.sum(1), torch.ones(1, 2, 2))


def test_centres_reach_the_masks():
    """The paper's point: the centre channels feed the mask head."""
    torch.manual_seed(0)
    network = build("cmnet", widths=(16, 16, 16, 16, 16, 16)).eval()
    x = torch.randn(1, 1, 64, 64)
    with torch.no_grad():
        before = network(x)["masks"]
        network.centre_head[1].bias += 3.0
        after = network(x)["masks"]
    assert not torch.allclose(before, after)


@pytest.mark.parametrize("shape", [(64, 64), (128, 64), (192, 128)])
def test_any_multiple_of_64(shape):
    with torch.no_grad():
        out = build("cmnet", widths=(16, 16, 16, 16, 16, 16)).eval()(torch.zeros(1, 1, *shape))
    assert out["masks"].shape[2:] == (shape[0] // 2, shape[1] // 2)


def test_global_context_sees_the_far_corner():
    torch.manual_seed(0)
    block = GlobalContext(16).eval()
    x = torch.randn(1, 16, 6, 6)
    y = x.clone()
    y[..., 5, 5] = torch.randn(16)
    with torch.no_grad():
        assert not torch.equal(block(x)[..., 0, 0], block(y)[..., 0, 0])


def test_position_waves_tell_places_apart():
    waves = position_waves(4, 6, 3, torch.device("cpu")).flatten(1).T
    assert waves.shape == (24, 12)
    assert float(torch.cdist(waves, waves).fill_diagonal_(9).min()) > 0.05


@pytest.mark.parametrize("channels", [1, 8, 16, 48, 100, 192])
def test_group_norm_divides(channels):
    assert channels % group_norm(channels).num_groups == 0


@pytest.fixture
def decide(monkeypatch):
    """Whether bfloat16 is used where a pass takes as long as these functions take."""

    def decision(half, full):
        monkeypatch.setattr(_precision.nn, "Conv2d", lambda *_, **__: Pass(half, full))
        bf16_is_faster.cache_clear()
        return bf16_is_faster("cpu")

    yield decision
    bf16_is_faster.cache_clear()


class Pass:
    """In place of a layer."""

    def __init__(self, half, full):
        self.half, self.full = half, full

    def to(self, **_):
        return self

    def __call__(self, x):
        (self.half if torch.is_autocast_enabled("cpu") else self.full)()


def work(seconds):
    """Keep the processor busy for so long, however often others have it meanwhile."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@pytest.mark.parametrize(("bf16_seconds", "faster"), [(0.001, True), (0.0019, False), (0.009, False)])
def test_bf16_has_to_be_clearly_faster(decide, bf16_seconds, faster):
    assert decide(lambda: work(bf16_seconds), lambda: work(0.002)) is faster


def test_a_busy_machine_does_not_change_the_precision(decide):
    waits, slow = itertools.cycle((0.02, 0.001)), itertools.cycle((0.0, 0.0, 0.01))

    def half():  # waits for a core most of the time, and every third pass is slow
        time.sleep(next(waits))
        work(0.001 + next(slow))

    assert decide(half, lambda: work(0.002))


def test_ranking_head_marks_objects_and_ignores_between():
    head = RankingHead(16, 1, 5)
    logits = torch.randn(1, 6, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    matched = torch.tensor([0, 1, head.BETWEEN_THRESHOLDS, -1, -1, -1])
    loss = head.compute_loss([{"labels": torch.tensor([2, 4])}], {"cls_logits": logits}, [matched])
    truth = torch.zeros(1, 6, 5)
    truth[0, 0, 2], truth[0, 1, 4], truth[0, 2] = 1, 1, -1
    assert float(loss.detach()) == pytest.approx(float(APLoss.apply(logits.detach(), truth)))


def test_anchors_follow_the_input_size():
    small, large = (build("retinanet_aploss", size=s, width=16).anchor_generator.sizes for s in (256, 512))
    assert [2 * a for row in small for a in row] == pytest.approx([a for row in large for a in row])


def test_anchors_cover_vertebrae():
    """Boxes as in the training views (40-160 px wide, 0.5-1 times as tall) have an anchor they match when centred."""
    generator = build("retinanet_aploss", width=16).anchor_generator
    anchors = torch.cat([c[:, 2:] - c[:, :2] for c in generator.cell_anchors])
    for width in range(40, 161, 8):
        for ratio in (0.5, 0.6, 0.8, 1.0):
            w, h = float(width), width * ratio
            overlap = anchors[:, 0].clamp(max=w) * anchors[:, 1].clamp(max=h)
            iou = overlap / (anchors.prod(1) + w * h - overlap)
            assert float(iou.max()) > 0.7, (w, h)


def test_film_gate_and_flags():
    torch.manual_seed(0)
    network = build("c5_gap_fc3").eval()
    known, one, zero = torch.randn(2, 8), torch.ones(2, 1), torch.zeros(2, 1)
    a, b = torch.randn(2, 1, 64, 64), torch.randn(2, 1, 64, 64)
    with torch.no_grad():
        assert torch.equal(network(a, known, zero)["t_score"], network(b, known, zero)["t_score"])
        assert not torch.equal(network(a, known, one)["t_score"], network(b, known, one)["t_score"])
        assert not torch.equal(network(a, known, one)["t_score"], network(a, 0 * known, one)["t_score"])


def test_hiding_hides_value_and_flag_together():
    torch.manual_seed(0)
    network = build("c5_gap_fc3", drop_film=0.3, drop_patient=0.3, drop_field=0.3)
    known = torch.cat([torch.full((500, 4), 7.0), torch.ones(500, 4)], 1)
    hidden, film = network.hide(known, torch.ones(500, 1))
    values, flags = hidden.split(4, 1)
    assert torch.equal(values, 7 * flags)
    assert 0.35 < float(flags.mean()) < 0.65
    assert 0.55 < float(film.mean()) < 0.85


def answers(t, spread=1.0, steady=0.0):
    """Two looks at bodies with these T-scores; the second is off by ``steady``."""
    t = torch.tensor(t)
    return {
        "category_logits": torch.tensor([[9.0, 0, 0], [9.0, 0, 0], [0, 9.0, 0], [0, 0, 9.0]] * 2),
        "level_logits": torch.zeros(8, 4),
        "t_score": torch.cat([t, t + steady]),
        "t_spread": torch.full((8,), spread),
    }


def test_category_target_follows_who():
    t = [0.3, -1.0, -1.01, -2.5]
    targets = {"t_score": torch.tensor(t), "level": torch.zeros(4).long()}
    network = build("c5_gap_fc3")
    assert float(network.losses(answers(t), torch.ones(4, 1), targets)["category"]) < 0.01
    assert float(network.losses(answers(t), torch.ones(4, 1), targets)["steady"]) == 0
    moved = network.losses(answers(t, steady=0.5), torch.ones(4, 1), targets)["steady"]
    assert float(moved) == pytest.approx(0.25 * network.steady)


def test_spread_is_learned_from_the_errors():
    """The loss is smallest where the spread is the root mean square error, and pulls at a wrong mean at any spread."""
    truth = torch.zeros(2000)
    mean = torch.randn(2000, generator=torch.Generator().manual_seed(0))
    mean = 0.8 * mean / (mean**2).mean().sqrt()
    for spread, sign in ((0.5, -1), (0.8, 0), (1.5, 1)):
        guess = torch.full((2000,), spread, requires_grad=True)
        beta_likelihood(mean, guess, truth).backward()
        slope = float(guess.grad.sum())
        assert abs(slope) < 0.02 if sign == 0 else slope * sign > 0.1, spread
    for spread in (0.2, 5.0):
        off = torch.full((1,), 2.0, requires_grad=True)
        beta_likelihood(off, torch.tensor([spread]), torch.zeros(1)).backward()
        assert float(off.grad) > 0.3
    estimate = build("c5_gap_fc3").eval()(*build("c5_gap_fc3").example())
    assert float(estimate["t_spread"].detach().min()) > LEAST_SPREAD


def test_film_features_are_given_and_are_zero_without_a_film():
    network = build("c5_gap_fc3").eval()
    crops, known, present = network.example()
    with torch.no_grad():
        features = network(crops, known, present)["features"]
    assert tuple(features.shape) == (3, 192)
    assert float(features[:2].abs().max()) > 0
    assert float(features[2].abs().max()) == 0


def test_contrast_of_a_crop_tells_nothing():
    network = build("c5_gap_fc3").eval()
    crops, known, _ = network.example()
    with torch.no_grad():
        t = [network(k * crops, known, torch.ones(3, 1))["t_score"] for k in (0.5, 1.0, 4.0)]
    assert float((torch.stack(t) - t[1]).abs().max()) < 0.01
