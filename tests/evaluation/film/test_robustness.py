"""Two answers on one film set side by side, and what real networks keep on simulated films."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from bmd import cli
from bmd.errors import InputError, OptionError
from bmd.evaluation.film import robustness
from bmd.evaluation.film.perturbations import PERTURBATIONS, SAME_PLACE, Changed
from bmd.evaluation.film.robustness import compare, evaluate_robustness, summary, table
from bmd.findings import refusal
from bmd.reference import LUMBAR
from bmd.simulator.case import simulate_film
from bmd.types import Prediction, Report, Study, Suitability, Vertebra

PLACE = Changed(np.zeros((4, 4), np.float32), SAME_PLACE)


def body(level: str, x: float, y: float) -> Vertebra:
    """A square outline of side 20 around a centre."""
    square = np.array([[x - 10, y - 10], [x + 10, y - 10], [x + 10, y + 10], [x - 10, y + 10]], np.float32)
    return Vertebra(level, (x - 10, y - 10, x + 10, y + 10), square, 0.9)


def report(dx: float = 0.0, dy: float = 0.0, t: float | None = -1.0, levels: tuple[str, ...] = LUMBAR) -> Report:
    """Five bodies 40 apart, all moved."""
    bodies = tuple(body(level, 100 + dx, 50 + 40 * k + dy) for k, level in enumerate(levels))
    prediction = None if t is None else Prediction(None, None, t, None, {}, None, "x")
    return Report("a", "radiograph", Suitability(True), bodies, prediction=prediction, levels_certain=True)


REFUSED = Report("a", "radiograph", Suitability(False, (refusal("film.blank"),)))


def test_the_same_answer_changes_nothing() -> None:
    found = compare("a", "noise", report(), report(), PLACE)
    assert found.same
    assert (found.bodies, found.again, found.named, found.t) == (5, 5, 5, 0)
    assert found.shifts == (0,) * 5
    assert not found.certain_other


def test_points_are_brought_back_before_they_are_compared() -> None:
    moved = Changed(PLACE.pixels, np.array([[2.0, 0, -10], [0, 2, -20]]))
    first = report()
    second = replace(
        first, vertebrae=tuple(body(v.level or "", 55, 35 + 20 * k) for k, v in enumerate(first.vertebrae))
    )
    assert compare("a", "small", first, second, moved).shifts == (0,) * 5


def test_shifts_are_in_units_of_the_spacing_and_far_bodies_are_lost() -> None:
    assert compare("a", "noise", report(), report(dx=4), PLACE).shifts == (0.1,) * 5
    lost = compare("a", "noise", report(), report(dx=30), PLACE)
    assert (lost.again, lost.named, lost.shifts) == (0, 0, ())
    assert not lost.same


def test_a_chain_one_level_off_is_found_under_other_names() -> None:
    off = compare("a", "grid", report(), report(levels=("T12", "L1", "L2", "L3", "L4")), PLACE)
    assert (off.bodies, off.again, off.named) == (5, 5, 0)
    assert off.certain_other
    assert not off.same
    unsure = replace(report(levels=("T12", "L1", "L2", "L3", "L4")), levels_certain=False)
    assert not compare("a", "grid", report(), unsure, PLACE).certain_other


def test_another_verdict_or_chain_leaves_nothing_to_compare() -> None:
    gone = compare("a", "grid", report(), REFUSED, PLACE)
    assert (gone.verdict, gone.chain, gone.refused, gone.bodies) == (False, True, True, 0)
    other = compare("a", "grid", report(), replace(report(), modality="dxa"), PLACE)
    assert (other.verdict, other.chain, other.t) == (True, False, None)
    assert compare("a", "grid", REFUSED, REFUSED, PLACE).same


def test_t_that_changes_and_t_that_is_gone() -> None:
    assert compare("a", "jpeg_30", report(), report(t=-1.3), PLACE).t == -0.3
    gone = compare("a", "jpeg_30", report(), report(t=None), PLACE)
    assert (gone.t, gone.t_gone) == (None, True)


def test_the_summary_counts_what_it_says() -> None:
    found = [
        compare("a", "grid", report(), report(dx=1, t=-1.1), PLACE),
        compare("b", "grid", report(), REFUSED, PLACE),
        compare("c", "grid", report(), report(levels=("T12", "L1", "L2", "L3", "L4"), t=-0.5), PLACE),
        compare("a", "noise", report(), report(), PLACE),
    ]
    rows = summary(found)
    grid = rows["grid"]
    assert (grid["films"], grid["verdict"], grid["chain"], grid["names"]) == (3, 0.667, 1, 0.5)
    assert (grid["bodies"], grid["lost"], grid["renamed"], grid["refused"]) == (10, 0, 5, 1)
    assert (grid["shift_median"], grid["shift_95"], grid["shift_max"]) == (0.013, 0.025, 0.025)
    assert (grid["t_films"], grid["t_mean"], grid["t_max"]) == (2, 0.3, 0.5)
    assert not grid["within"]
    assert rows["noise"]["within"]
    assert rows["all"]["films"] == 4
    header, _, *lines = table(rows).splitlines()
    assert header.startswith("| perturbation | films | verdict |")
    assert [line.split(" | ")[0] for line in lines] == ["| grid", "| noise", "| all"]


@pytest.mark.parametrize(("dx", "t", "kept"), [(1.9, -1.1, True), (2.1, -1.1, False), (0, -1.2, False)])
def test_bars_of_place_and_t(dx: float, t: float, kept: bool) -> None:
    assert summary([compare("a", "veil", report(), report(dx=dx, t=t), PLACE)])["veil"]["within"] is kept


def fake_chain(study: Study, name: str) -> tuple[Study, Report]:
    """Five bodies, and none on a film that is bright on average."""
    return study, REFUSED if study.images[0].pixels.mean() > 0.5 else report()


def test_films_of_folders_are_measured_and_what_fails_is_drawn(tmp_path: Path) -> None:
    picture = np.tile(np.linspace(0, 120, 300).astype(np.uint8), (400, 1))
    for name in ("one.png", "two.png"):
        (tmp_path / "films" / name[:3]).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "films" / name[:3] / name), picture)
    (tmp_path / "films" / "notes.json").write_text("{}")
    folders, names = [tmp_path / "films"], ["inverted", "jpeg_30"]
    shown = evaluate_robustness(folders, (), names, tmp_path / "out", tmp_path / "drawn", fake_chain)
    assert "| inverted | 2 | 0 |" in shown
    assert "| jpeg_30 | 2 | 1 |" in shown
    assert shown + "\n" == (tmp_path / "out" / "robustness.md").read_text("utf-8")
    found = json.loads((tmp_path / "out" / "changes.json").read_text("utf-8"))
    assert [(one["film"], one["perturbation"], one["verdict"]) for one in found] == [
        ("one.png", "inverted", False),
        ("one.png", "jpeg_30", True),
        ("two.png", "inverted", False),
        ("two.png", "jpeg_30", True),
    ]
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["one_inverted.png", "two_inverted.png"]


def test_wrong_names_and_empty_folders_say_so(tmp_path: Path) -> None:
    with pytest.raises(OptionError):
        evaluate_robustness([tmp_path], names=["smeared"])
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(InputError) as error:
            evaluate_robustness([folder], chain=fake_chain)
        assert error.value.finding.code == "network.no_real_films"


def test_the_command_passes_folders_and_choices_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(robustness, "evaluate_robustness", lambda *words, cohort: asked.append(words) or "| table |")
    words = ["evaluate", "robustness", "a", "b", "--perturbation", "grid", "--out", "c", "--pictures", "d"]
    assert cli.main(words) == 0
    assert cli.main(["evaluate", "robustness", "--count", "3", "--seed", "7"]) == 0
    assert capsys.readouterr().out == "| table |\n" * 2
    (folders, _, names, *places), (none, seeds, *_) = asked
    assert (folders, names, places) == ([Path("a"), Path("b")], ["grid"], [Path("c"), Path("d")])
    assert (none, seeds) == ([], range(7, 10))


def clear_films(seeds: tuple[int, ...]) -> list[tuple[str, Study]]:
    """Simulated films of people without fracture, scoliosis or metal, without anything a header would say."""
    films = []
    for seed in seeds:
        study = simulate_film(seed, 512, finding="normal").study
        films.append((str(seed), replace(study, images=(replace(study.images[0], view=None),))))
    return films


def kept(names: tuple[str, ...]) -> None:
    """Fail unless two clear films keep verdict, chain and all five names."""
    found = list(robustness.changes(clear_films((703, 704)), names))
    assert len(found) == 2 * len(names)
    for change in found:
        assert (change.bodies, change.named) == (5, 5), change
        assert change.same, change


def test_border_and_jpeg_change_no_names_on_clear_films() -> None:
    kept(("white_border", "black_border", "jpeg_30"))


def test_a_printed_grid_changes_no_names_on_clear_films() -> None:
    kept(("grid",))


@pytest.mark.slow
def test_every_perturbation_of_two_films_is_measured(tmp_path: Path) -> None:
    shown = evaluate_robustness([], (900_005, 900_006), out=tmp_path)
    found = json.loads((tmp_path / "changes.json").read_text("utf-8"))
    assert len(found) == 2 * len(PERTURBATIONS)
    assert len(shown.splitlines()) == 2 + len(PERTURBATIONS) + 1
    rows = {name: [one for one in found if one["perturbation"] == name] for name in PERTURBATIONS}
    gentle = ("white_border", "black_border", "inverted", "jpeg_30", "noise", "gamma_2", "sharpened", "resampled")
    assert all(one["chain"] for name in gentle for one in rows[name])
    for one in (
        rows[name][0] for name in gentle
    ):  # of a clear film; the other is one that the view gate just lets pass
        assert one["verdict"], one
        assert one["named"] == one["bodies"] == 5, one
        assert max(one["shifts"]) < 0.25, one
