"""The command line. Analysis itself is tested elsewhere: here a stand-in says what it was given."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bmd import cli, modality
from bmd.errors import OptionError, WeightsError
from bmd.findings import refusal, warning
from bmd.models import _registry as registry
from bmd.text import text
from bmd.types import Report, Study, Suitability
from tests.readers import films
from tests.report import reports


@pytest.fixture
def analysed(monkeypatch: pytest.MonkeyPatch) -> list[Study]:
    """Studies handed to the analysis, which answers with a made report."""
    seen: list[Study] = []

    def analyse(study: Study, file: str = "", **rest: object) -> Report:
        seen.append(study)
        return replace(reports.report(file), patient=study.patient)

    monkeypatch.setattr(modality, "analyse", analyse)
    return seen


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "film.png"
    path.parent.mkdir()
    path.write_bytes(films.picture(films.film(bits=8), "PNG"))
    return path


def test_predict_writes_every_output(analysed: list[Study], film: Path, tmp_path: Path) -> None:
    out = [str(tmp_path / "new" / name) for name in ("out.json", "out.csv", "png")]
    assert cli.main(["predict", str(film), str(film), "--json", out[0], "--csv", out[1], "--png-dir", out[2]]) == 0
    first, second = json.loads(Path(out[0]).read_text("utf-8"))
    assert first["file"] == second["file"] == str(film)
    assert first["vertebrae"][0]["level"] == "L1"
    assert first["intended_use"] == text("intended_use")
    assert len(list(csv.DictReader(Path(out[1]).read_text("utf-8").splitlines()))) == 8
    assert sorted(path.name for path in Path(out[2]).iterdir()) == ["film.png", "film_2.png"]
    assert len(analysed) == 2


def test_unreadable_files_are_answers_and_the_others_still_run(
    analysed: list[Study], film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.dcm"
    bad.write_text("not a film")
    files = [str(bad), str(tmp_path / "absent.dcm"), str(tmp_path), str(film)]
    out = tmp_path / "out.json"
    assert cli.main(["predict", *files, "--json", str(out)]) == 0
    answers = json.loads(out.read_text("utf-8"))
    assert [answer["suitable"] for answer in answers] == [False, False, False, True]
    assert [answer["reasons"][0]["code"] for answer in answers[:3]] == [
        "read.not_a_film",
        "read.cannot_open",
        "read.ct.needed",
    ]
    assert len(analysed) == 1
    said = capsys.readouterr().out
    assert "bad.dcm: not analysed" in said
    assert "film.png: L1 L2 ?; Between normal and osteopenia, T-score -1.1" in said
    assert cli.main(["predict", *files, "--strict"]) == 3


def test_json_to_the_screen_is_only_json(analysed: list[Study], film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["predict", str(film), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["suitable"]


def test_values_given_replace_those_of_the_file(analysed: list[Study], tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(films.dicom(PatientAge="060Y", PatientSex="F"))
    assert cli.main(["predict", str(path), "--age", "71", "--weight", "55.5"]) == 0
    patient = analysed[0].patient
    assert (patient.age_y, patient.sex, patient.height_cm, patient.weight_kg) == (71, "F", None, 55.5)


@pytest.mark.parametrize("words", [["--age", "200"], ["--height", "1.7"], ["--weight", "0"], ["--age", "nan"]])
def test_implausible_values_are_refused(words: list[str], film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["predict", str(film), *words]) == 2
    assert "must lie between" in capsys.readouterr().err


def test_a_fault_of_ours_is_one_sentence_and_the_status_says_so(
    monkeypatch: pytest.MonkeyPatch, film: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(modality, "analyse", lambda *_, **__: 1 / 0)
    out = tmp_path / "out.json"
    assert cli.main(["predict", str(film), "--json", str(out)]) == 1
    (answer,) = json.loads(out.read_text("utf-8"))
    assert [reason["code"] for reason in answer["reasons"]] == ["command.broke"]


def test_missing_weights_are_an_answer_with_their_remedy(
    monkeypatch: pytest.MonkeyPatch, film: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def analyse(*_: object, **__: object) -> Report:
        raise WeightsError("network.not_installed", name="x")

    monkeypatch.setattr(modality, "analyse", analyse)
    assert cli.main(["predict", str(film)]) == 1
    assert str(WeightsError("network.not_installed", name="x")) in capsys.readouterr().out


def test_refused_films_are_drawn_too(monkeypatch: pytest.MonkeyPatch, film: Path, tmp_path: Path) -> None:
    monkeypatch.setattr(
        modality,
        "analyse",
        lambda s, f, **_: Report(f, "radiograph", Suitability(False, (refusal("film.from_front"),))),
    )
    assert cli.main(["predict", str(film), "--png-dir", str(tmp_path / "png")]) == 0
    assert (tmp_path / "png" / "film.png").stat().st_size > 1000


def test_lines_say_why_there_is_no_t_score(
    monkeypatch: pytest.MonkeyPatch, film: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    young = replace(reports.prediction(None, -1.1), t_score=None, interval=None, category=None, z_score=-1.4)
    unjudged = (warning("film.density_unjudged", distance=1.4),)
    for report, said in (
        (reports.report("a", prediction=None, measurements=(), warnings=unjudged), text("command.unjudged")),
        (reports.report("a", prediction=young), "Z-score -1.4"),
    ):
        monkeypatch.setattr(modality, "analyse", lambda s, f, report=report, **_: replace(report, file=f))
        assert cli.main(["predict", str(film)]) == 0
        assert said in capsys.readouterr().out


def test_networks_named_take_their_roles(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def analyse(study: Study, file: str, models: object = None) -> Report:
        asked.append(models)
        return reports.report(file)

    monkeypatch.setattr(modality, "analyse", analyse)
    assert cli.main(["predict", str(film)]) == 0
    assert cli.main(["predict", str(film), "--model", "retinanet_aploss", "--model", "c5_gap_fc3"]) == 0
    assert asked == [{}, {"localiser": "retinanet_aploss", "density": "c5_gap_fc3"}]


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["resnet9000"], "network.unknown"),
        (["pair_acm"], "network.not_here"),
        (["cmnet", "retinanet_aploss"], "command.one_of_a_role"),
    ],
)
def test_networks_that_cannot_run_are_wrong_use(names: list[str], code: str, film: Path) -> None:
    words = ["predict", str(film), *(word for name in names for word in ("--model", name))]
    assert cli.main(words) == 2
    options = cli._parser().parse_args(words)
    with pytest.raises(OptionError) as raised:
        options.run(options)
    assert raised.value.finding.code == code


def test_a_network_without_weights_says_which_command_makes_them(
    film: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "has_weights", lambda name: name != "retinanet_aploss")
    assert cli.main(["predict", str(film), "--model", "retinanet_aploss"]) == 1
    said = capsys.readouterr().err
    assert "no weights here" in said
    assert "python -m bmd train retinanet_aploss" in said


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_unknown_network_lists_the_known_ones(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([command, "resnet9000"]) == 2
    said = capsys.readouterr().err
    assert "resnet9000" in said
    assert all(name in said for name in registry.names())


def test_evaluate_films_needs_annotations(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import bmd.evaluation.film.annotated

    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(
        bmd.evaluation.film.annotated, "evaluate_films", lambda *words, **chosen: asked.append((*words, chosen)) or {}
    )
    assert cli.main(["evaluate", "films"]) == 2
    assert "--annotations" in capsys.readouterr().err
    words = ["evaluate", "films", "--annotations", "a.json", "--out", str(tmp_path)]
    assert cli.main(words) == 0
    assert cli.main([*words, "--model", "retinanet_aploss", "--pictures", "drawn", "--all"]) == 0
    first = {"every": False, "models": {}, "cohort": None, "levels": ["L1", "L2", "L3", "L4", "L5"]}
    second = first | {"every": True, "models": {"localiser": "retinanet_aploss"}}
    assert asked == [(Path("a.json"), tmp_path, None, first), (Path("a.json"), tmp_path, Path("drawn"), second)]
    assert json.loads(capsys.readouterr().out.splitlines()[0]) == {}


def test_evaluate_networks_and_calibration(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import bmd.evaluation.film.calibration

    monkeypatch.setattr(bmd.evaluation, "evaluate", lambda *words: {"asked": words})
    name = registry.names()[0]
    assert cli.main(["evaluate", name, "--data", "x", "--count", "7"]) == 0
    assert json.loads(capsys.readouterr().out) == {"asked": [name, "x", 7, False]}
    assert cli.main(["evaluate"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(registry.names())
    monkeypatch.setattr(bmd.evaluation.film.calibration, "calibrate", lambda *words: {"asked": words})
    assert cli.main(["evaluate", "calibrate", "--data", "x"]) == 0
    assert json.loads(capsys.readouterr().out) == {"asked": ["x", 2000]}
    assert cli.main(["evaluate", "--count", "0"]) == 2


def test_evaluate_population_asks_for_its_tables_and_skips_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["evaluate", "population"]) == 2
    assert "--nhanes FILE and --vertebra FILE" in capsys.readouterr().err
    absent = str(tmp_path / "absent.csv")
    assert cli.main(["evaluate", "population", "--nhanes", absent, "--vertebra", absent, "--out", str(tmp_path)]) == 0
    assert "Skipped" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_models_lists_the_registry(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models"]) == 0
    said = "\n" + capsys.readouterr().out
    for name in registry.names():
        about = said[said.index(f"\n{name}: ") + 1 :].split("\n")
        spec = registry.spec(name)
        assert f"role {spec.role}, " in about[1]
        assert ("default of its role: yes" in about[1]) == (registry.default(spec.role) == name)
        absent = f"  no weights here; `python -m bmd train {name}` makes them"
        shipped = (registry.WEIGHTS / name).is_dir()
        assert about[2] == ("  weights shipped; figures in its model card" if shipped else absent)
    assert "role localiser, runs on film; default of its role: no" in said, "RetinaNet"
    assert "role localiser, runs on film, ct; default of its role: yes" in said, "CM-Net"


def test_train_passes_the_recipe_on(monkeypatch: pytest.MonkeyPatch) -> None:
    import bmd.training

    called: list[tuple[object, ...]] = []
    monkeypatch.setattr(bmd.training, "train", lambda *words: called.append(words))
    name = registry.names()[0]
    assert cli.main(["train", name, "minutes=1", "data=runs/x"]) == 0
    assert called == [(name, ["minutes=1", "data=runs/x"])]


def test_sheet_and_simulate_make_films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import bmd.simulator.case as case_door
    import bmd.simulator.shards.film as shards

    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(shards, "write_shards", lambda *words, cohort, **_: asked.append((*words, cohort)) or ["one"])
    assert cli.main(["simulate", "--count", "3", "--seed", "5", "--out", str(tmp_path), "--workers", "2"]) == 0
    assert asked == [(str(tmp_path), 3, 5, 2, "film")]
    assert cli.main(["simulate", "--count", "0"]) == 2

    small = case_door.simulate_film
    monkeypatch.setattr(case_door, "simulate_film", lambda seed, **rest: small(seed, size=96, **rest))
    assert cli.main(["sheet", "--count", "2", "--columns", "2", "--out", str(tmp_path / "a" / "sheet.png")]) == 0
    assert (tmp_path / "a" / "sheet.png").read_bytes().startswith(b"\x89PNG")
    assert cli.main(["sheet", "--count", "1", "--finding", "no such", "--out", str(tmp_path / "b.png")]) == 2


@pytest.mark.parametrize("words", [[], ["predict"], ["nonsense"], ["predict", "x", "--sex", "X"]])
def test_wrong_use_says_how(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    assert stop.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_program_starts_without_torch(repository: Path) -> None:
    code = "import sys, bmd.cli, bmd.readers, bmd.report; sys.exit('torch' in sys.modules or 'cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=repository, timeout=60).returncode == 0
    run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run
    done = run([sys.executable, "-m", "bmd", "--version"], cwd=repository, timeout=60, capture_output=True, text=True)
    assert done.returncode == 0
    assert "OsteoLens" in done.stdout


def test_end_to_end_on_a_simulated_film(repository: Path, tmp_path: Path) -> None:
    """The real networks, once; skipped until their weights are there."""
    if not all((repository / "weights" / name / "model.safetensors").exists() for name in ("cmnet", "c5_gap_fc3")):
        pytest.skip("no weights in weights/")
    from bmd.simulator.case import simulate_film

    case = simulate_film(123, finding="osteoporosis")
    pixels = np.round(case.study.images[0].pixels * 255).astype(np.uint8)
    (tmp_path / "film.png").write_bytes(films.picture(pixels, "PNG"))
    assert cli.main(["predict", str(tmp_path / "film.png"), "--json", str(tmp_path / "out.json")]) == 0
    (answer,) = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert answer["suitable"], answer["reasons"]
    assert {"L2", "L3", "L4"} <= {vertebra["level"] for vertebra in answer["vertebrae"]}
    assert answer["prediction"]["category"] in ("normal", "osteopenia", "osteoporosis")
    low, high = answer["prediction"]["interval"]
    assert low < answer["prediction"]["t_score"] < high
