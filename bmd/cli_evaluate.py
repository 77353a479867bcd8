"""The command ``python -m bmd evaluate``: which networks or chains, on what, and whether the figures are recorded."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from bmd.cli_predict import chosen
from bmd.errors import OptionError
from bmd.models import _registry as registry
from bmd.reference import LUMBAR
from bmd.text import codes, text

HELD = "runs/held"


def define_evaluate(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``evaluate``."""
    command.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="networks (default: all), or: films, robustness [FOLDER...], gate FOLDER..., volumes, calibrate, ct, dxa, "
        "dxa-pictures FOLDER, view, density (as shipped, by sex, age, ...), "
        "bias (T-scores of films whose names hold sex and age), likeness (of real films to simulated ones), "
        "paintouts (what carries a film's T-score), "
        "population, attenuation (HU against DXA), cues, hip-cues (what simulated bones tell of T), "
        "ct-paintouts (what the pair ensemble reads of a slice), "
        "ct-fractures, film-fractures (said of simulated people, by grade), "
        "decoder (what each number of the spine decoder is worth), "
        "trust (when names are certain, what counts as metal), "
        "lumos DIR (films, CTs and figures of a downloaded cohort against its DXA; docs/validation.md)",
    )
    command.add_argument("--data", default=HELD, help="cases no network has seen (default runs/held; ct simulates)")
    command.add_argument("--count", type=int, help="films at most (2000), people to simulate (20000; for volumes none)")
    command.add_argument("--calibration", metavar="FOLDER", help="for ct, dxa: simulated cases to calibrate on")
    command.add_argument("--over50", metavar="FOLDER", help="for ct: people from 50 years on, measured as they are")
    command.add_argument("--model", action="append", metavar="NAME", help="for films: as for predict")
    command.add_argument("--folder", metavar="DIR", help="for volumes: one folder per CT; likeness: films")
    command.add_argument(
        "--nuisances", action="store_true", help="for decoder: grids, letters and the like on the films"
    )
    command.add_argument("--search", action="store_true", help="for decoder: also search better numbers")
    _define_recorded(command)
    _define_annotated(command)
    _define_lumos(command)
    command.add_argument("--nhanes", metavar="FILE", help="for population: the survey's body measures, as CSV")
    command.add_argument("--vertebra", metavar="FILE", help="for population: its vertebral morphometry, as CSV")
    command.add_argument(
        "--perturbation", action="append", metavar="NAME", help="for robustness: only this change; repeatable"
    )
    command.add_argument("--seed", type=int, default=900_000, help="for robustness, volumes: first simulated person")
    command.add_argument("--pictures", metavar="DIR", help="for films, robustness, likeness: draw there")
    command.add_argument("--all", action="store_true", help="for films: draw every film, not only those that fail")
    command.add_argument("--out", metavar="FOLDER", help="for films, robustness: where to write; population: docs")


def _define_recorded(command: argparse.ArgumentParser) -> None:
    command.add_argument("--write", action="store_true", help="put the figures into the networks' metadata")
    command.add_argument(
        "--cohort", default="own", metavar="CODE", help="with --write: what real pictures are called (default own)"
    )


def _define_annotated(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--annotations",
        metavar="FILE",
        help="for films, film-fractures, lumos: true corners, outlines, masks or boxes, as JSON, COCO or CSV",
    )
    command.add_argument(
        "--levels",
        metavar="LEVELS",
        type=lambda levels: tuple(levels.upper().split(",")),
        default=LUMBAR,
        help="for films: what was annotated, such as L1,L2,L3,L4 (default L1 to L5)",
    )


def _define_lumos(command: argparse.ArgumentParser) -> None:
    command.add_argument("--limit", type=int, metavar="N", help="for lumos: the first N patients of the table")
    command.add_argument("--table", metavar="FILE", help="for lumos: the clinical table (default: looked for in DIR)")
    command.add_argument("--scale", choices=["lunar", "hologic", "table"], help="for lumos: of the table's densities")
    command.add_argument("--male", metavar="NUMBER", help="for lumos: what stands for men where the sex is a number")


def evaluate(options: argparse.Namespace) -> None:
    """Measure networks (NAME), the whole chain on annotated films (films), simulated people (population); calibrate."""
    if options.count is not None and options.count < 1:
        raise OptionError("command.count")
    if f"network.cohort.{options.cohort}" not in codes():
        known = tuple(code.rpartition(".")[2] for code in codes() if code.startswith("network.cohort."))
        raise OptionError("network.unknown_cohort", cohort=options.cohort, known=known)
    special = {
        "films": _evaluate_films,
        "density": _evaluate_density,
        "bias": _evaluate_bias,
        "likeness": _evaluate_likeness,
        "paintouts": _evaluate_paintouts,
        "volumes": _evaluate_volumes,
        "calibrate": _calibrate,
        "ct": _evaluate_ct,
        "population": _evaluate_population,
        "attenuation": _evaluate_attenuation,
        "cues": _evaluate_cues,
        "hip-cues": _evaluate_hip_cues,
        "ct-paintouts": _evaluate_ct_paintouts,
        "ct-fractures": _evaluate_ct_fractures,
        "film-fractures": _evaluate_film_fractures,
        "demographics": _evaluate_demographics,
        "decoder": _evaluate_decoder,
        "trust": _evaluate_trust,
        "dxa": _evaluate_dxa,
        "view": _calibrate_view,
    }
    of_folders = {"robustness": _evaluate_robustness, "gate": _evaluate_gate, "dxa-pictures": _evaluate_dxa_pictures}
    of_folders["lumos"] = _evaluate_lumos
    rooms = special | of_folders if len(options.names) == 1 else of_folders
    if options.names and options.names[0] in rooms:
        rooms[options.names[0]](options)
        return
    from bmd.evaluation import evaluate as measure

    for name in _known(options.names):
        _say(json.dumps(measure(name, options.data, options.count or 2000, options.write)))


def _evaluate_films(options: argparse.Namespace) -> None:
    if not options.annotations:
        raise OptionError("command.needs", what="evaluate films", option="--annotations FILE")
    from bmd.evaluation.film.annotated import evaluate_films

    networks = chosen(options.model or ())
    found = evaluate_films(
        Path(options.annotations),
        _path(options.out),
        _path(options.pictures),
        every=options.all,
        models=networks,
        cohort=_cohort(options),
        levels=_levels(options.levels),
    )
    _say(json.dumps(found))


def _levels(asked: Sequence[str]) -> Sequence[str]:
    """Levels to score, from the head on; at least two, since a hit is judged by their distance."""
    if len(set(asked)) < 2 or not set(asked) <= set(LUMBAR):
        raise OptionError("command.levels_asked", asked=tuple(asked), known=LUMBAR)
    return [level for level in LUMBAR if level in asked]


def _evaluate_robustness(options: argparse.Namespace) -> None:
    from bmd.evaluation.film.robustness import evaluate_robustness

    folders = [Path(name) for name in options.names[1:]]
    seeds = range(options.seed, options.seed + (options.count or 20))
    places, cohort = (_path(options.out), _path(options.pictures)), _cohort(options)
    _say(evaluate_robustness(folders, seeds, options.perturbation or (), *places, cohort=cohort))


def _evaluate_bias(options: argparse.Namespace) -> None:
    from bmd.evaluation.film.bias import evaluate_bias

    _say(json.dumps(evaluate_bias(Path(options.data), cohort=_cohort(options)), indent=1))


def _evaluate_likeness(options: argparse.Namespace) -> None:
    if not options.folder:
        raise OptionError("command.needs", what="evaluate likeness", option="--folder DIR")
    from bmd.evaluation.film.likeness import evaluate_likeness

    _say(json.dumps(evaluate_likeness(Path(options.folder), options.data, options.count, _path(options.pictures))))


def _evaluate_paintouts(options: argparse.Namespace) -> None:
    from bmd.evaluation.film.paintouts import evaluate_paintouts

    for row in evaluate_paintouts(options.data, options.count):
        _say(json.dumps(row))


def _say(line: str) -> None:
    print(line, flush=True)


def _path(given: str | None) -> Path | None:
    return Path(given) if given else None


def _evaluate_demographics(options: argparse.Namespace) -> None:
    from bmd.evaluation.demographics.survey import evaluate_demographics

    _say(evaluate_demographics(options.data, write=options.write))


def _evaluate_decoder(options: argparse.Namespace) -> None:
    from bmd.evaluation.spine.decoder import evaluate_decoder

    for line in evaluate_decoder(options.data, options.count, options.search, nuisances=options.nuisances):
        _say(line)


def _evaluate_trust(options: argparse.Namespace) -> None:
    from bmd.evaluation.spine.trust import evaluate_trust

    _say(json.dumps(evaluate_trust(options.data, options.count), indent=1))


def _evaluate_gate(options: argparse.Namespace) -> None:
    if not options.names[1:]:
        raise OptionError("command.needs", what="evaluate gate", option="FOLDER...")
    from bmd.evaluation.film.gate import evaluate_gate, table

    _say(table(evaluate_gate([Path(folder) for folder in options.names[1:]], cohort=_cohort(options))))


def _evaluate_volumes(options: argparse.Namespace) -> None:
    if not options.folder:
        raise OptionError("command.needs", what="evaluate volumes", option="--folder DIR")
    from bmd.evaluation.ct.volumes import evaluate_people, evaluate_volumes

    for case in evaluate_volumes(Path(options.folder), cohort=_cohort(options)):
        _say(json.dumps(case, ensure_ascii=False))
    if options.count:
        _say(json.dumps(evaluate_people(options.count, options.seed), ensure_ascii=False))


def _calibrate(options: argparse.Namespace) -> None:
    from bmd.evaluation.film.calibration import calibrate

    _say(json.dumps(calibrate(options.data, options.count or 2000), indent=1))


def _evaluate_attenuation(options: argparse.Namespace) -> None:
    from bmd.evaluation.ct.attenuation import evaluate_attenuation

    _say(json.dumps(evaluate_attenuation(options.count or 400), indent=1))


def _evaluate_cues(options: argparse.Namespace) -> None:
    from bmd.evaluation.cues import evaluate_cues

    _say(json.dumps(evaluate_cues(options.count or 1500), indent=1))


def _evaluate_ct(options: argparse.Namespace) -> None:
    from bmd.evaluation.ct.networks import calibrate_ct, evaluate_ct, simulated

    data = "runs/ct_held" if options.data == HELD else options.data
    if options.data == HELD:
        simulated(data, options.count or 100, options.seed)
    if options.calibration:
        _say(json.dumps(calibrate_ct(options.calibration, data, options.over50), indent=1))
        return
    _say(json.dumps(evaluate_ct(data, options.over50, write=options.write), indent=1))


def _evaluate_density(options: argparse.Namespace) -> None:
    from bmd.evaluation.film.density import evaluate_density

    _say(json.dumps(evaluate_density(options.data, options.count, write=options.write), indent=1))


def _cohort(options: argparse.Namespace) -> str | None:
    """What real pictures are recorded as; None where nothing is to be recorded."""
    return str(options.cohort) if options.write else None


def _evaluate_ct_paintouts(options: argparse.Namespace) -> None:
    from bmd.evaluation.ct.paintouts import evaluate_ct_paintouts

    _say(json.dumps(evaluate_ct_paintouts(options.data, options.count), indent=1))


def _evaluate_film_fractures(options: argparse.Namespace) -> None:
    from bmd.evaluation.film.fractures import compare_annotated, evaluate_film_fractures

    if options.annotations:
        print(json.dumps(compare_annotated(Path(options.annotations)), indent=1))
        return
    print(json.dumps(evaluate_film_fractures(options.count or 160, options.seed), indent=1))


def _evaluate_ct_fractures(options: argparse.Namespace) -> None:
    from bmd.evaluation.ct.fractures import evaluate_fractures

    _say(json.dumps(evaluate_fractures(options.count or 30), indent=1))


def _evaluate_hip_cues(options: argparse.Namespace) -> None:
    from bmd.evaluation.ct.cues import evaluate_hip_cues

    _say(json.dumps(evaluate_hip_cues(options.count or 1000), indent=1))


def _evaluate_dxa(options: argparse.Namespace) -> None:
    if not options.calibration:
        raise OptionError("command.needs", what="evaluate dxa", option="--calibration FOLDER and --data FOLDER")
    from bmd.evaluation.dxa.networks import evaluate_dxa

    _say(json.dumps(evaluate_dxa(options.calibration, options.data), indent=1))


def _evaluate_dxa_pictures(options: argparse.Namespace) -> None:
    if len(options.names) != 2:
        raise OptionError("command.needs", what="evaluate dxa-pictures", option="FOLDER")
    from bmd.evaluation.dxa.pictures import evaluate_pictures

    found = evaluate_pictures(Path(options.names[1]), count=options.count or 1000, cohort=_cohort(options))
    _say(json.dumps(found, indent=1))


def _evaluate_lumos(options: argparse.Namespace) -> None:
    if len(options.names) != 2:
        raise OptionError("command.needs", what="evaluate lumos", option="DIR")
    if options.limit is not None and options.limit < 1:
        raise OptionError("command.limit")
    from bmd.evaluation.validation.run import REPORT, Asked, evaluate_lumos

    asked = Asked(_path(options.table), options.scale, options.male, options.limit, _path(options.annotations))
    out = Path(options.out or "runs/lumos")
    evaluate_lumos(Path(options.names[1]), out, asked, tell=lambda line: print(line, file=sys.stderr, flush=True))
    _say((out / REPORT).read_text(encoding="utf-8"))
    print(text("validation.written", path=str(out / REPORT)), file=sys.stderr)


def _calibrate_view(options: argparse.Namespace) -> None:
    from bmd.evaluation.film.view import calibrate_view

    _say(json.dumps(calibrate_view(options.data, options.count or 2000), indent=1))


def _evaluate_population(options: argparse.Namespace) -> None:
    if not (options.nhanes and options.vertebra):
        raise OptionError("command.needs", what="evaluate population", option="--nhanes FILE and --vertebra FILE")
    from bmd.population.check import write_check

    tables = Path(options.nhanes), Path(options.vertebra)
    _say(write_check(*tables, count=options.count or 20_000, out=Path(options.out or "docs")))


def _known(names: Sequence[str]) -> Sequence[str]:
    """The names given, or all; an unknown one is an error that lists the valid ones."""
    for name in names:
        registry.spec(name)
    return names or registry.names()
