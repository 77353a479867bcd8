from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from bmd.errors import InputError, OptionError, WeightsError
from bmd.models import _registry as registry
from bmd.models._recipe import Recipe, override
from bmd.models._weights import write_weights
from bmd.training import checkpoint, train
from bmd.training.__main__ import main
from bmd.training.examples import batches, make_examples
from bmd.training.films import Films
from bmd.training.loop import RunningMean, Trainer, learning_rate
from bmd.training.tasks.boxes import BOXES, validate_boxes
from bmd.training.tasks.density import MEASURE, validate_density
from bmd.training.tasks.film import MASKS, validate_masks
from tests.models.fakes import metadata, write_fake_shards


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_fake_shards(tmp_path_factory.mktemp("films"), shards=2, films=4, side=192)


def words(folder, out, **more):
    keys = {"data": folder, "out": out / "runs", "weights": out / "weights", "holdout": 4, "batch": 2, "warmup": 5}
    return [f"{k}={v}" for k, v in (keys | more).items()]


def test_trains_exports_and_resumes(folder, tmp_path):
    result = train("cmnet", words(folder, tmp_path, size=64, minutes=0.03))
    assert result["steps"] >= 1  # a budget is time, and the machine may be busy
    assert set(result["metrics"]) == {"dice", "dice_any_bone", "level_exact", "found", "sacrum", "metal_auc"}
    shipped = registry.load("cmnet", tmp_path / "weights")
    assert shipped.metadata["training"]["steps"] == result["steps"]
    assert "Not for diagnosis" in (tmp_path / "weights" / "cmnet" / "README.md").read_text(encoding="utf-8")
    again = train("cmnet", words(folder, tmp_path, size=64, minutes=result["minutes"] + 0.02))
    assert again["steps"] > result["steps"]
    lines = (tmp_path / "runs" / "cmnet" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert sum("start" in json.loads(line) for line in lines) == 2


def test_a_budget_of_steps_is_the_same_on_any_machine(folder, tmp_path):
    result = train("c5_gap_fc3", words(folder, tmp_path, steps=3, minutes=0.0001))
    assert result["steps"] == 3
    card = registry.load("c5_gap_fc3", tmp_path / "weights").metadata
    assert (card["training"]["examples"], card["recipe"]["steps"]) == (6, 3)
    rates = [json.loads(line) for line in (tmp_path / "runs" / "c5_gap_fc3" / "log.jsonl").read_text().splitlines()]
    assert rates[-1]["step"] == 3
    trainer = Trainer("c5_gap_fc3", Recipe(steps=4, out=str(tmp_path)))
    trainer.progress.step = 1
    assert trainer.spent() == 0.25


def test_the_best_validation_is_kept_and_the_same_on_any_machine(folder, tmp_path):
    held = write_fake_shards(tmp_path / "held", shards=1, films=14, side=192, seed=9)
    given = {"steps": 4, "validation": held, "validate_steps": 1, "best": True, "weights": "", "bf16": "off"}
    train("c5_gap_fc3", words(folder, tmp_path, **given))
    run = tmp_path / "runs" / "c5_gap_fc3"
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]
    assert lines[0]["items"] == 8, "nothing of the data is held out where there is a folder for that"
    checks = {line["step"]: line["validation"]["film_auc"] for line in lines if "validation" in line}
    assert list(checks) == [1, 2, 3, 4]
    best = checkpoint.load(run / "best.pt")
    assert checks[best["step"]] == max(checks.values()) > 0
    assert best["step"] == min(step for step, value in checks.items() if value == max(checks.values()))
    train("c5_gap_fc3", words(folder, tmp_path, **given, resume="no"))
    again = checkpoint.load(run / "best.pt")
    assert again["step"] == best["step"]
    for key, value in best["network"].items():
        assert torch.equal(value, again["network"][key])


def test_of_errors_the_smaller_is_kept(tmp_path):
    network = torch.nn.Linear(1, 1)
    for step, value in enumerate((float("nan"), 3.0, 2.0, 4.0, float("nan"))):
        checkpoint.keep_best(tmp_path / "e.pt", network, step, {"mae_percent": value}, "mae_percent")
        checkpoint.keep_best(tmp_path / "a.pt", network, step, {"macro_auc": value}, "macro_auc")
    assert (checkpoint.load(tmp_path / "e.pt")["step"], checkpoint.load(tmp_path / "a.pt")["step"]) == (2, 3)


def test_resume_restores_everything(folder, tmp_path):
    recipe = registry.network_class("c5_gap_fc3").Recipe(data=str(folder), out=str(tmp_path), holdout=4, batch=2)
    first = Trainer("c5_gap_fc3", recipe)
    examples, _ = make_examples(MEASURE, recipe)
    first.step(next(batches(MEASURE, examples, recipe, 0)))
    first.save()
    second = Trainer("c5_gap_fc3", recipe)
    second.resume()
    assert second.progress == first.progress
    batch = next(batches(MEASURE, examples, recipe, second.progress.step))
    torch.manual_seed(5)
    a = first.step(batch)
    torch.manual_seed(5)
    assert second.step(batch) == a
    for key, value in first.network.state_dict().items():
        assert torch.equal(value, second.network.state_dict()[key])
        assert torch.equal(first.mean.state[key], second.mean.state[key])


def test_starts_from_shipped_weights(folder, tmp_path):
    train("c5_gap_fc3", words(folder, tmp_path, minutes=0.01))
    shipped = registry.load("c5_gap_fc3", tmp_path / "weights")
    recipe = registry.network_class("c5_gap_fc3").Recipe(
        init="weights", weights=str(tmp_path / "weights"), out=str(tmp_path / "new")
    )
    trainer = Trainer("c5_gap_fc3", recipe)
    for key, value in shipped.state_dict().items():
        assert torch.equal(value, trainer.network.state_dict()[key])


def test_a_head_that_was_added_starts_anew_and_nothing_else_does(folder, tmp_path, caplog):
    words = {"weights": str(tmp_path / "weights"), "out": str(tmp_path / "runs")}
    before = registry.build("cmnet", metal=False)
    write_weights(before, tmp_path / "weights" / "cmnet", metadata(name="cmnet", options={}))
    with caplog.at_level("INFO"):
        trainer = Trainer("cmnet", registry.network_class("cmnet").Recipe(init="weights", **words))
    assert "metal_head.bias, metal_head.weight" in caplog.text
    for key, value in before.state_dict().items():
        torch.testing.assert_close(trainer.network.state_dict()[key], value.half().float())
    del before.mask_head
    write_weights(before, tmp_path / "weights" / "cmnet", metadata(name="cmnet", options={}))
    with pytest.raises(WeightsError) as raised:
        Trainer("cmnet", registry.network_class("cmnet").Recipe(init="weights", **words))
    assert raised.value.finding.code == "network.weights_do_not_fit"


def test_films_from_before_metal_had_a_mask_are_refused(folder, tmp_path):
    for path in folder.glob("*.npz"):
        with np.load(path) as shard:
            np.savez(tmp_path / path.name, **{key: shard[key] for key in shard.files if key != "metal"})
    with pytest.raises(InputError) as raised:
        train("cmnet", words(tmp_path, tmp_path, size=64, minutes=0.01))
    assert raised.value.finding.code == "network.no_metal"


def test_user_errors_are_plain(folder, tmp_path):
    for error, code, name, overrides in (
        (OptionError, "network.unknown", "nonsense", []),
        (OptionError, "network.unknown_option", "cmnet", ["nonsense=1"]),
        (InputError, "network.no_films", "cmnet", words(tmp_path, tmp_path)),
    ):
        with pytest.raises(error) as raised:
            train(name, overrides)
        assert raised.value.finding.code == code


def test_learning_rate_rises_then_falls():
    recipe = Recipe(lr=1.0, warmup=10)
    rates = [learning_rate(step, step / 100, recipe) for step in range(101)]
    assert rates[0] == pytest.approx(0.1, rel=0.01)
    assert max(rates) > 0.95
    assert rates[-1] == pytest.approx(0.01)
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_running_mean_converges_to_constant_weights():
    network = nn.Linear(2, 2)
    mean = RunningMean(network, 0.9)
    with torch.no_grad():
        network.weight.fill_(1.0)
    for step in range(200):
        mean.update(network, step)
    torch.testing.assert_close(mean.state["weight"], torch.ones(2, 2), atol=1e-4, rtol=0)


class Oracle(nn.Module):
    """Answers with the truth of the held-out films, in order."""

    def __init__(self, task, films, size, wrong=False):
        super().__init__()
        self.parameter, self.at = nn.Parameter(torch.zeros(1)), 0
        rng = np.random.default_rng(0)
        rows = [films[i] for i in range(len(films))]
        self.truth = [task.encode(film, task.plain(film, size), rng)[1] for film in rows]
        self.wrong = wrong

    def forward(self, x, *rest):
        rows = self.truth[self.at : self.at + len(x)]
        self.at += len(x)
        if isinstance(x, list):
            shift = 40.0 if self.wrong else 0.0
            return [
                {"boxes": r["boxes"] + shift, "labels": r["labels"], "scores": torch.ones(len(r["labels"]))}
                for r in rows
            ]
        roll = 1 if self.wrong else 0  # every level named one too low
        masks = torch.stack([nn.functional.one_hot(r["labels"].long(), 10).permute(2, 0, 1) for r in rows]).float()
        centres = torch.stack([r["centres"] for r in rows])
        masks = torch.cat([masks[:, :1], masks[:, 1:].roll(roll, 1)], 1)
        centres = torch.cat([centres[:, :9].roll(roll, 1), centres[:, 9:]], 1)
        return {"masks": masks * 20, "centres": torch.logit(centres.clamp(1e-4, 1 - 1e-4))}


def test_mask_validation_knows_right_from_wrong(folder):
    films = Films(folder, limit=4)
    right = validate_masks(Oracle(MASKS, films, 192), films, 192)
    assert right == pytest.approx({"dice": 1, "dice_any_bone": 1, "level_exact": 1, "found": 1, "sacrum": 1})
    wrong = validate_masks(Oracle(MASKS, films, 192, wrong=True), films, 192)
    assert wrong["found"] == 1
    assert wrong["level_exact"] == 0
    assert wrong["dice"] < 0.05


def test_box_validation_knows_right_from_wrong(folder):
    films = Films(folder, limit=4)
    right = validate_boxes(Oracle(BOXES, films, 192), films, 192)
    assert right == pytest.approx({"ap": 100, "ap50": 100, "ap75": 100, "level_exact": 1})
    assert validate_boxes(Oracle(BOXES, films, 192, wrong=True), films, 192)["ap50"] < 5


def test_measure_validation_runs_for_every_kind_of_input(folder):
    torch.manual_seed(0)
    with torch.no_grad():
        metrics = validate_density(registry.build("c5_gap_fc3").eval(), Films(folder), 64)
    cases = {f"{case}_{m}" for case in ("film", "known", "both") for m in ("mae", "r", "auc", "coverage")}
    assert cases | {"category", "level", "moved", "squared_error"} == set(metrics)
    assert 0 <= metrics["film_mae"] < 5


def test_command_line_says_what_is_wrong(folder, tmp_path, caplog):
    assert main([]) == 2
    assert main(["nonsense"]) == 2
    assert "Known networks" in caplog.text
    assert main(["cmnet", "sise=1"]) == 2
    assert main(["c5_gap_fc3", *words(folder, tmp_path, minutes=0.005)]) == 0
    assert (tmp_path / "weights" / "c5_gap_fc3" / "golden.npz").is_file()


def test_shipped_weights_keep_a_share_of_those_it_started_from(tmp_path: Path) -> None:
    def ways(kept: float) -> Trainer:
        words = ("init=weights", f"kept={kept}", f"out={tmp_path / str(kept)}", "bf16=off")
        return Trainer("view_cnn", override(registry.network_class("view_cnn").Recipe(), words))

    first, half = ways(0.0), ways(0.5)
    start = {k: v.clone() for k, v in first.network.state_dict().items()}
    for trainer in (first, half):
        trainer.mean.state = {k: v + 1 if v.is_floating_point() else v for k, v in start.items()}
    for key, value in start.items():
        if value.is_floating_point():
            assert torch.allclose(first.shipped().state_dict()[key], value + 1, atol=1e-5)
            assert torch.allclose(half.shipped().state_dict()[key], value + 0.5, atol=1e-5)
