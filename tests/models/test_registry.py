"""One contract for every registered network: a new paper's file is tested by these without a line more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from bmd.errors import OptionError, WeightsError
from bmd.findings import note
from bmd.models import _registry as registry
from bmd.models._detections import stacked
from bmd.models._metadata import KINDS, MEASUREMENT, PROVENANCE, card, measurement, read, update, where, write
from bmd.models._recipe import Recipe
from bmd.models._weights import flatten, golden_error, write_weights
from bmd.reference import DETECTED
from bmd.simulator.shards.views import TURN
from bmd.simulator.shards.views import write_shards as write_views
from bmd.text import say
from bmd.training import tasks
from bmd.types import SHOWN
from tests.models import fakes
from tests.models.fakes import write_fake_shards
from tests.models.fakes_ct import write_fake_ct
from tests.training.people import write_survey

WEIGHTS = Path(__file__).parents[2] / "weights"
TINY = {
    "boxes": {"size": 128},
    "retinanet_r101": {"size": 128, "width": 16},
    "retinanet_nine": {"size": 128, "width": 16, "depth": 50},
    "instances": {"size": 128, "width": 32},
    "outlines": {"width": 8},
    "slice": {"width": 16},
    "xception": {"side": 72},
    "inception_v3": {"side": 80, "auxiliary": False},
    "efficientnet_b0": {"side": 64},
    "vit_b16": {"side": 64, "layers": 3, "hidden": 128},
    "hip": {"hidden": 128},
    "hip_and_patient": {"hidden": 128},
}
"""Options of networks, or of all networks of a task, that make them quick to test."""
SIZES = {"masks": 64, "outlines": 64, "boxes": 128, "instances": 128, "dxa": 256, "regions": 64}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> dict[str, str]:
    """A folder of shards, or a table, for every cohort."""
    films = write_fake_shards(tmp_path_factory.mktemp("films"), shards=1, films=8, side=192)
    ct = write_fake_ct(tmp_path_factory.mktemp("ct"), shards=1)
    people = write_survey(tmp_path_factory.mktemp("people") / "people.csv", each=100)
    pictures = tmp_path_factory.mktemp("views")
    write_views(f"{pictures}", len(TURN), 0)
    return {
        "simulated_films": f"{films}",
        "simulated_dxa": f"{films}",
        "simulated_ct": f"{ct}",
        "simulated_views": f"{pictures}",
        "nhanes": f"{people}",
    }


@pytest.fixture(scope="module", params=registry.names())
def network(request) -> torch.nn.Module:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return registry.build(request.param, **tiny(request.param))


def tiny(name: str) -> dict:
    return TINY.get(name, TINY.get(registry.spec(name).task, {}))


def batch_for(name: str, data: dict[str, str]):
    """Eight examples (two films) as the network sees them in use: a plain view holds every level."""
    task, rng = tasks.find(name), np.random.default_rng(0)
    items = task.read(data[task.cohort])
    count = {"films": 2, "scans": 2, "people": 64}.get(task.unit, 8)
    rows = [items[i] for i in range(min(count, len(items)))]
    return task.collate([task.encode(row, task.plain(row, SIZES.get(name, 0)), rng) for row in rows])


def code_of(call) -> str:
    with pytest.raises(WeightsError) as error:
        call()
    return error.value.finding.code


def output(network: torch.nn.Module) -> dict[str, np.ndarray]:
    with torch.no_grad():
        return flatten(network.eval()(*network.example()))


def test_names_come_without_torch():
    code = "import sys; from bmd.models import _registry as r; r.spec(r.names()[0]); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_known_networks():
    assert {"cmnet", "retinanet_aploss", "c5_gap_fc3"} <= set(registry.names())
    with pytest.raises(OptionError) as error:
        registry.spec("nonsense")
    assert error.value.finding.code == "network.unknown"
    assert error.value.finding.values == {"name": "nonsense", "known": registry.names()}


def test_every_role_has_one_default():
    for role in registry.roles():
        members = registry.of_role(role)
        marked = [name for name in members if registry.spec(name).default]
        assert len(marked) == 1 or len(members) == 1
        assert registry.default(role) == (marked or members)[0]
        assert len({registry.spec(name).modality for name in members}) == 1
    assert sorted(name for role in registry.roles() for name in registry.of_role(role)) == list(registry.names())
    assert registry.of_role("localiser")[0] == "cmnet"
    assert {"retinanet_aploss", "unet", "modified_unet"} < set(registry.of_role("localiser"))
    with pytest.raises(OptionError) as error:
        registry.of_role("nonsense")
    assert error.value.finding.code == "network.unknown_role"
    assert error.value.finding.values["known"] == registry.roles()


def test_detections_stack_to_fixed_shapes():
    boxes = torch.arange(12.0).reshape(3, 4)
    found = [
        {"boxes": boxes, "labels": torch.tensor([2, 1, 5]), "scores": torch.tensor([0.9, 0.6, 0.5])},
        {"boxes": boxes[:0], "labels": torch.zeros(0, dtype=torch.int64), "scores": torch.zeros(0)},
    ]
    out = stacked(found, count=2)
    assert {key: tuple(value.shape) for key, value in out.items()} == {
        "boxes": (2, 2, 4),
        "labels": (2, 2),
        "scores": (2, 2),
    }
    assert out["boxes"][0].equal(boxes[:2])
    assert out["labels"].tolist() == [[2, 1], [0, 0]]
    assert out["scores"].dtype == torch.float32


def test_detector_takes_a_batch_as_well_as_a_list():
    network = registry.build("retinanet_aploss", size=128).eval()
    (film,) = network.example()[0]
    with torch.inference_mode():
        as_list, as_batch = network([film, film]), network(torch.stack([film, film]))
    for one, other in zip(as_list, as_batch, strict=True):
        assert all(one[key].equal(other[key]) for key in ("boxes", "labels", "scores"))


def test_source_spec_is_the_class_spec(network):
    assert registry.spec(network.spec.name) == network.spec


def test_recipe_is_commented_and_typed(network):
    recipe = network.Recipe()
    assert isinstance(recipe, Recipe)
    source = Path(sys.modules[type(network).__module__].__file__).read_text(encoding="utf-8")
    body = source[source.index(f"class {type(recipe).__name__}") :].split("\n\n\n")[0]
    lines = [line for line in body.splitlines() if ": " in line and " = " in line]
    assert lines
    assert all("#" in line for line in lines)


def test_options_of_the_recipe_are_those_of_the_shipped_weights(network):
    card = WEIGHTS / network.spec.name / "metadata.json"
    if not card.is_file():
        pytest.skip(f"{network.spec.name} has no shipped weights")
    shipped = json.loads(card.read_text(encoding="utf-8"))["options"]
    now = network.Recipe().options(type(network))
    assert set(shipped) <= set(now), "an option that is gone"  # one added since has its default, and golden.npz judges


def test_one_step_trains(network, data):
    network.train()
    before = {k: v.detach().clone() for k, v in network.named_parameters()}
    torch.manual_seed(1)
    losses = network(*batch_for(network.spec.task, data))
    assert all(torch.isfinite(v) for v in losses.values())
    total = torch.stack(list(losses.values())).sum()
    network.zero_grad()
    total.backward()
    gradients = {k: p.grad for k, p in network.named_parameters()}
    assert all(g is not None and torch.isfinite(g).all() for g in gradients.values())
    dead = [k for k, g in gradients.items() if float(g.abs().max()) == 0]
    assert len(dead) < 0.02 * len(gradients), dead
    torch.optim.SGD(network.parameters(), 1e-3).step()
    assert any(not torch.equal(before[k], p) for k, p in network.named_parameters())
    network.zero_grad(set_to_none=True)


def test_eval_is_deterministic(network):
    first, second = output(network), output(network)
    assert first
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])


def test_eval_contract(network):
    out = network.eval()
    with torch.no_grad():
        out = network(*network.example())
    if network.spec.task in ("masks", "regions"):
        n, _, h, w = network.example()[0].shape
        assert out["masks"].shape == (n, 10, h // 2, w // 2)
        assert out["centres"].shape == (n, 10, h // 4, w // 4)
    elif network.spec.task == "outlines":
        n, _, h, w = network.example()[0].shape
        assert {k: tuple(v.shape) for k, v in out.items()} == {"masks": (n, 10, h, w)}
    elif network.spec.task in ("boxes", "instances"):
        (found,) = out
        assert found["boxes"].shape == (len(found["labels"]), 4)
        assert found["scores"].shape == found["labels"].shape
        assert len(found["labels"])
        assert int(found["labels"].min()) >= 1
        assert int(found["labels"].max()) <= len(DETECTED[network.classes])
        assert (found["scores"].diff() <= 0).all()
        assert (found["boxes"] >= 0).all()
        assert (found["boxes"] <= 128).all()
    elif network.spec.task == "survey":
        assert out["cdf"].shape == (3, 5, 321)
        assert out["tail"].shape == (3, 5)
    elif network.spec.task == "view":
        assert {k: tuple(v.shape) for k, v in out.items()} == {"logits": (2, len(SHOWN)), "features": (2, 160)}
    elif "logits" in out:
        assert {tuple(v.shape) for v in out.values()} == {(3, 3)}
    elif network.spec.task == "dxa":
        assert {k: tuple(v.shape) for k, v in out.items()} == {"bmd": (2,)}
    else:
        assert {k: tuple(v.shape) for k, v in out.items()} == {
            "category_logits": (3, 3),
            "level_logits": (3, 4),
            "t_score": (3,),
            "t_spread": (3,),
            "features": (3, network.features),
        }
    assert all(np.isfinite(v).all() for v in flatten(out).values())


def test_saves_and_loads_identically(network, tmp_path):
    name = network.spec.name
    options = tiny(name)
    write_weights(network, tmp_path / name, fakes.metadata(name=name, options=options), limit=20_000_000)
    assert all(p.stat().st_size < 21_000_000 for p in (tmp_path / name).iterdir())
    loaded = registry.load(name, tmp_path)
    rounded = registry.build(name, **options)
    rounded.load_state_dict({k: v.half().float() for k, v in network.state_dict().items()})
    expected, found = output(rounded), output(loaded)
    for key in expected:
        np.testing.assert_array_equal(expected[key], found[key])
    damaged = next((tmp_path / name).glob("model*.safetensors"))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x01")
    assert code_of(lambda: registry.load(name, tmp_path)) == "network.file_damaged"
    damaged.unlink()
    assert code_of(lambda: registry.load(name, tmp_path)) == "network.file_missing"


@pytest.mark.parametrize("name", registry.names())
def test_missing_weights_say_so(name, tmp_path):
    assert code_of(lambda: registry.load(name, tmp_path)) == "network.not_installed"


@pytest.mark.parametrize("name", registry.names())
def test_shipped_weights(name):
    folder = WEIGHTS / name
    if not (folder / "metadata.json").is_file():
        pytest.skip(f"{name} has no shipped weights yet")
    metadata = read(folder)
    assert metadata["name"] == name
    assert "Not for diagnosis" in metadata["intended_use"]
    assert metadata["metrics"]
    assert all(entry["values"] and entry["kind"] in KINDS and say(where(entry)) for entry in metadata["metrics"])
    assert all((folder / file).stat().st_size < 48_000_000 + 1_000_000 for file in metadata["files"])
    assert (folder / "README.md").read_text(encoding="utf-8") == card(metadata)
    assert golden_error(registry.load(name, WEIGHTS), folder, rtol=1e-3, atol=1e-3) == []


@pytest.mark.parametrize("folder", sorted(p.parent for p in WEIGHTS.glob("*/metadata.json")), ids=lambda p: p.name)
def test_shipped_weights_say_what_made_them(folder):
    """Commit, command and data, or null with a reason and the commit that shipped them; never an empty word."""
    made = read(folder)["provenance"]
    for key in PROVENANCE:
        assert made[key] or (made[key] is None and made["reason"])
    assert made.get("data_sha256") is None or len(made["data_sha256"]) == 64
    if "reason" in made:
        assert made["shipped_in"]
        assert say(note(f"network.reason.{made['reason']}", shipped_in=made["shipped_in"]))
    assert folder.name in registry.names()


@pytest.mark.parametrize("key", PROVENANCE)
def test_weights_are_not_written_without_what_made_them(key, tmp_path):
    metadata = fakes.metadata()
    metadata["provenance"][key] = ""
    assert code_of(lambda: write(tmp_path / "new", metadata)) == "network.provenance"
    assert not (tmp_path / "new").exists()
    metadata["provenance"] |= {key: None, "reason": "not_recorded"}
    write(tmp_path / "new", metadata)


@pytest.mark.parametrize("key", MEASUREMENT)
def test_a_measurement_says_on_whom_by_keys(key, tmp_path):
    entry = measurement("simulated_films", 9, "films", "test", {"dice": 0.9}, measured=fakes.MEASURED)
    write(tmp_path, fakes.metadata(metrics=[entry]))
    entry.pop(key)
    with pytest.raises(WeightsError) as error:
        write(tmp_path, fakes.metadata(metrics=[entry]))
    assert error.value.finding.values == {"missing": (f"metrics.{key}",)}


def test_measurements_replace_all_but_the_trainings_own(tmp_path):
    own = measurement("simulated_films", 9, "films", "validation", {"dice": 0.9})
    write(tmp_path, fakes.metadata(metrics=[own]))
    for dice in (0.5, 0.6):
        entry = measurement("simulated_films", 8, "films", "test", {"dice": dice}, measured=fakes.MEASURED)
        update(tmp_path, [entry], calibration={"a": 1.0})
    found = read(tmp_path)
    assert [entry["values"]["dice"] for entry in found["metrics"]] == [0.6, 0.9]
    assert found["calibration"] == {"a": 1.0}
    assert "8 simulated films held out of training and calibration | dice | 0.6" in (tmp_path / "README.md").read_text()
