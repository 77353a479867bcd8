"""What is particular to the CT networks."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from bmd.errors import OptionError
from bmd.findings import refusal
from bmd.models._registry import build
from bmd.models.femur_demographics import BMI, FIELDS, PatientFeatures
from bmd.models.femur_image import ImageFeatures
from bmd.models.pair_acm import AttendAndCompare, PairAcm


@pytest.fixture(scope="module")
def pair() -> PairAcm:
    torch.manual_seed(0)
    return build("pair_acm", width=16).eval()


def test_attend_and_compare_is_what_one_map_sees_less_what_the_other_sees():
    torch.manual_seed(0)
    block = AttendAndCompare(16)
    x = torch.randn(2, 16, 5, 4)
    centred = x - x.mean((2, 3), keepdim=True)
    k, q = block.key(centred).flatten(1).softmax(1), block.query(centred).flatten(1).softmax(1)  # one map
    seen = torch.einsum("np,ncp->nc", k - q, centred.flatten(2))
    gate = block.gate(x.mean((2, 3), keepdim=True)).sigmoid()
    torch.testing.assert_close(block(x), (x + seen[:, :, None, None]) * gate)


def test_equal_attentions_cancel():
    block = AttendAndCompare(32)
    block.query.load_state_dict(block.key.state_dict())
    x = torch.randn(2, 32, 4, 4)
    torch.testing.assert_close(block(x), x * block.gate(x.mean((2, 3), keepdim=True)).sigmoid())


def test_each_branch_sees_its_own_window(pair):
    x = torch.randn(2, 2, 64, 64)
    other = x.clone()
    other[:, 1] = torch.randn(2, 64, 64)
    with torch.no_grad():
        a, b = pair(x), pair(other)
    assert torch.equal(a["logits_s"], b["logits_s"])
    assert not torch.equal(a["logits_t"], b["logits_t"])
    assert not torch.equal(a["logits"], b["logits"])


def test_joint_features_are_equation_2(pair):
    x = torch.randn(2, 2, 64, 64)
    with torch.no_grad():
        g = pair.features(x)
        pair.share.fill_(0.25)
        expected = pair.joint(0.25 * g["s"] + 0.75 * g["t"])
        torch.testing.assert_close(pair(x)["logits"], expected)
        pair.share.fill_(0.5)


def test_loss_is_equations_3_to_5(pair):
    features = {"s": torch.rand(4, 128), "t": torch.rand(4, 128)}
    out = {"logits": torch.randn(4, 3), "logits_s": torch.randn(4, 3), "logits_t": torch.randn(4, 3)}
    truth = torch.tensor([0, 1, 2, 1])
    total = sum(pair.losses(out, features, truth).values())
    cosine = (features["s"] * features["t"]).sum(1) / features["s"].norm(dim=1) / features["t"].norm(dim=1)
    torch.testing.assert_close(total, sum(F.cross_entropy(v, truth) for v in out.values()) + 0.1 * cosine.mean())


@pytest.mark.parametrize(("windows", "names"), [("s", {"s"}), ("t", {"t"}), ("st", {"s", "t"})])
def test_ablation_leaves_out_a_branch(windows, names):
    network = build("pair_acm", windows=windows, dissimilarity=0.0, width=16)
    assert set(network.branches) == names
    losses = network.train()(torch.randn(4, 2, 64, 64), {"category": torch.tensor([0, 1, 2, 0])})
    assert len(losses) == (3 if len(names) == 2 else 1)
    assert "similar" not in losses


@pytest.mark.parametrize(("windows", "channel"), [("ss", 0), ("tt", 1)])
def test_two_branches_on_one_window_see_nothing_of_the_other(windows, channel):
    network = build("pair_acm", windows=windows, dissimilarity=0.0, width=16).eval()
    slices = torch.randn(2, 2, 64, 64)
    other = slices.clone()
    other[:, 1 - channel] = torch.randn(2, 64, 64)
    torch.testing.assert_close(network(slices)["logits"], network(other)["logits"])
    other[:, channel] = torch.randn(2, 64, 64)
    changed = network(other)
    assert all(not torch.allclose(network(slices)[key], changed[key]) for key in ("logits_s", "logits_t"))


def test_a_fixed_share_stays_and_mixes_the_features():
    network = build("pair_acm", share=0.3, width=16)
    assert "share" not in dict(network.named_parameters())
    slices = torch.randn(4, 2, 64, 64)
    g = network.eval().features(slices)
    expected = network.joint(0.3 * g["s"] + 0.7 * g["t"])
    torch.testing.assert_close(network(slices)["logits"], expected)
    assert "share" in dict(build("pair_acm", width=16).named_parameters())
    with pytest.raises(OptionError):
        build("pair_acm", share=1.0)


def test_unknown_window_is_an_error():
    with pytest.raises(OptionError) as error:
        build("pair_acm", windows="x")
    assert error.value.finding == refusal("network.unknown_windows", windows="x")


def test_six_convolutions_as_in_the_paper():
    shapes = [m.weight.shape[:2] for m in ImageFeatures(4096, 0.2).modules() if isinstance(m, torch.nn.Conv2d)]
    assert [s[0] for s in shapes] == [16, 32, 64, 128, 256, 512]
    linear = [m for m in ImageFeatures(4096, 0.2).modules() if isinstance(m, torch.nn.Linear)]
    assert [m.out_features for m in linear] == [4096, 1024, 128]
    assert linear[0].in_features == 512 * 3 * 3


def test_hiding_takes_bmi_with_height_or_weight():
    torch.manual_seed(0)
    layer = PatientFeatures(0.2, 0.3)
    hidden = layer.hide(torch.cat([torch.full((500, FIELDS), 7.0), torch.ones(500, FIELDS)], 1))
    values, flags = hidden.split(FIELDS, 1)
    assert torch.equal(values, 7 * flags)
    assert torch.equal(flags[:, BMI], flags[:, 2] * flags[:, 3])
    assert 0.1 < float((flags.sum(1) == 0).float().mean()) < 0.35
    assert 0.4 < float(flags[:, 0].mean()) < 0.7


def test_nothing_is_hidden_outside_training():
    network = build("femur_demographics", drop_patient=1.0).eval()
    known = network.example()[0]
    with torch.no_grad():
        assert not torch.equal(network(known)["logits"][0], network(known)["logits"][1])


def test_multimodal_uses_both():
    torch.manual_seed(0)
    network = build("femur_multimodal", hidden=128).eval()
    crops, known = network.example()
    with torch.no_grad():
        both = network(crops, known)["logits"]
        assert not torch.allclose(both, network(crops, 0 * known)["logits"])
        assert not torch.allclose(both, network(0 * crops, known)["logits"])
