"""Command line: ``python -m bmd predict | simulate | sheet | train | evaluate | reproduce | models``.

Exit status: 0 the command did its work (a refused film is an answer), 1 it could not, 2 it was asked wrongly,
3 with ``predict --strict`` when a film was refused.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Literal

from bmd import __version__, modality
from bmd.cli_predict import chosen, define_predict, predict
from bmd.cli_reproduce import define_reproduce, reproduce
from bmd.errors import BmdError, OptionError
from bmd.findings import note
from bmd.models import _metadata as metadata
from bmd.models import _registry as registry
from bmd.text import text

log = logging.getLogger(__name__)


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status.

    Parameters
    ----------
    words : sequence of str, optional
        Arguments after the program's name; those of the process by default.
    """
    options = _parser().parse_args(words)
    logging.basicConfig(level=logging.INFO if options.verbose else logging.WARNING, format="%(message)s")
    try:
        return int(options.run(options) or 0)
    except OptionError as error:
        print(error, file=sys.stderr)
        return 2
    except (BmdError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m bmd", description="OsteoLens.", epilog=text("intended_use"))
    parser.add_argument("--version", action="version", version=f"OsteoLens {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="say what is being done")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, define, run in (
        ("predict", define_predict, predict),
        ("simulate", _define_simulate, _simulate),
        ("sheet", _define_sheet, _sheet),
        ("train", _define_train, _train),
        ("evaluate", _define_evaluate, _evaluate),
        ("reproduce", define_reproduce, reproduce),
        ("models", lambda command: None, _models),
    ):
        summary = (run.__doc__ or "").partition("\n")[0]
        command = commands.add_parser(name, help=summary, description=summary, epilog=text("intended_use"))
        define(command)
        command.set_defaults(run=run)
    return parser


def _able(what: Literal["simulate", "sheet"]) -> list[str]:
    """The kinds of input that can be simulated, or drawn as a sheet."""
    return [row.kind for row in modality.MODALITIES if (row.simulate if what == "simulate" else row.sheet)]


def _define_simulate(command: argparse.ArgumentParser) -> None:
    command.add_argument("--count", type=int, default=200, help="films (default 200)")
    command.add_argument("--seed", type=int, default=0, help="seed of the first film (default 0)")
    command.add_argument("--out", default="runs/films", help="folder (default runs/films)")
    command.add_argument("--workers", type=int, default=1, help="processes (default 1)")
    command.add_argument(
        "--cohort",
        choices=["film", "adult", "young", "even", "enriched", "clinic"],
        default="film",
        help="whom to draw: film (as in the survey from 50 y; default) ... enriched (every T-score alike), "
        "clinic (every adult age, a third of each class)",
    )
    command.add_argument("--modality", choices=_able("simulate"), default="film", help="default film")
    command.add_argument(
        "--others", action="store_true", help="for film: pictures of every kind instead; for dxa: every twelfth scan"
    )
    command.add_argument("--ap-share", type=float, default=0.0, help="share of frontal films without truth (default 0)")


def _simulate(options: argparse.Namespace) -> None:
    """Simulate lateral films, or CT slices and hips, with their truth, as shards for training."""
    if options.count < 1 or options.workers < 1 or options.seed < 0:
        raise OptionError("command.simulate_counts")
    if not 0.0 <= options.ap_share <= 1.0:
        raise OptionError("command.out_of_range", option="--ap-share", low=0.0, high=1.0, value=options.ap_share)
    row = modality.by_kind(options.modality)
    assert row.simulate is not None, "the choices are the kinds that can be simulated"
    paths = row.simulate(_wanted(options))
    cases = text(row.code("cases"))
    print(text("command.simulated", cases=cases, count=options.count, files=len(paths), out=options.out))


def _wanted(options: argparse.Namespace) -> modality.Draw:
    """The options as what to simulate."""
    names = {field.name for field in fields(modality.Draw)}
    return modality.Draw(**{name: value for name, value in vars(options).items() if name in names})


def _define_sheet(command: argparse.ArgumentParser) -> None:
    command.add_argument("--count", type=int, default=24, help="films (default 24)")
    command.add_argument("--seed", type=int, default=0, help="seed of the first film (default 0)")
    command.add_argument("--out", default="runs/sheet.png", help="picture to write (default runs/sheet.png)")
    command.add_argument("--columns", type=int, default=6, help="films per row (default 6)")
    command.add_argument("--view", choices=["lateral", "ap"], default="lateral")
    command.add_argument("--finding", help="show this finding on every film")
    command.add_argument("--modality", choices=_able("sheet"), default="film", help="default film")
    command.add_argument("--outlines", action="store_true", help="draw the true vertebral bodies")


def _sheet(options: argparse.Namespace) -> None:
    """Draw a contact sheet of simulated films or CT."""
    row = modality.by_kind(options.modality)
    assert row.sheet is not None, "the choices are the kinds that have a sheet"
    Path(options.out).parent.mkdir(parents=True, exist_ok=True)
    Path(options.out).write_bytes(row.sheet(_wanted(options)))
    print(text("command.sheet", count=options.count, cases=text(row.code("cases")), out=options.out))


def _define_train(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", help="network; see the command models")
    command.add_argument("overrides", nargs="*", metavar="key=value", help="changes to the recipe")


def _train(options: argparse.Namespace) -> None:
    """Train a network on simulated films."""
    _known([options.name])
    logging.getLogger().setLevel(logging.INFO)
    from bmd.training import train

    train(options.name, options.overrides)


def _define_evaluate(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="networks (default: all), or: films, robustness [FOLDER...], gate FOLDER..., volumes, calibrate, ct, dxa, "
        "dxa-pictures FOLDER, view, "
        "bias (T-scores of films whose names hold sex and age), likeness (of real films to simulated ones), "
        "paintouts (what carries a film's T-score), "
        "population, attenuation (HU against DXA), cues, hip-cues (what simulated bones tell of T), "
        "ct-paintouts (what the pair ensemble reads of a slice), ct-fractures (said of simulated CTs, by grade), "
        "decoder (what each number of the spine decoder is worth), "
        "trust (when names are certain, what counts as metal)",
    )
    command.add_argument("--data", default="runs/held", help="films no network has seen (default runs/held)")
    command.add_argument("--count", type=int, help="films at most (2000), people to simulate (20000; for volumes none)")
    command.add_argument("--calibration", metavar="FOLDER", help="for ct, dxa: simulated cases to calibrate on")
    command.add_argument("--over50", metavar="FOLDER", help="for ct: people from 50 years on, measured as they are")
    command.add_argument("--model", action="append", metavar="NAME", help="for films: as for predict")
    command.add_argument("--annotations", metavar="FILE", help="for films: their true corners, as JSON")
    command.add_argument("--folder", metavar="DIR", help="for volumes: one folder per CT; likeness: films")
    command.add_argument(
        "--nuisances", action="store_true", help="for decoder: grids, letters and the like on the films"
    )
    command.add_argument("--search", action="store_true", help="for decoder: also search better numbers")
    command.add_argument("--write", action="store_true", help="for demographics: put the figures into its model card")
    command.add_argument("--nhanes", metavar="FILE", help="for population: the survey's body measures, as CSV")
    command.add_argument("--vertebra", metavar="FILE", help="for population: its vertebral morphometry, as CSV")
    command.add_argument(
        "--perturbation", action="append", metavar="NAME", help="for robustness: only this change; repeatable"
    )
    command.add_argument("--seed", type=int, default=900_000, help="for robustness, volumes: first simulated person")
    command.add_argument("--pictures", metavar="DIR", help="for films, robustness, likeness: draw there")
    command.add_argument("--all", action="store_true", help="for films: draw every film, not only those that fail")
    command.add_argument("--out", metavar="FOLDER", help="for films, robustness: where to write; population: docs")


def _evaluate(options: argparse.Namespace) -> None:
    """Measure networks (NAME), the whole chain on annotated films (films), simulated people (population); calibrate."""
    if options.count is not None and options.count < 1:
        raise OptionError("command.count")
    special = {
        "films": _evaluate_films,
        "bias": _evaluate_bias,
        "likeness": _evaluate_likeness,
        "paintouts": _evaluate_paintouts,
        "volumes": _evaluate_volumes,
        "calibrate": _calibrate,
        "ct": _calibrate_ct,
        "population": _evaluate_population,
        "attenuation": _evaluate_attenuation,
        "cues": _evaluate_cues,
        "hip-cues": _evaluate_hip_cues,
        "ct-paintouts": _evaluate_ct_paintouts,
        "ct-fractures": _evaluate_ct_fractures,
        "demographics": _evaluate_demographics,
        "decoder": _evaluate_decoder,
        "trust": _evaluate_trust,
        "dxa": _evaluate_dxa,
        "view": _calibrate_view,
    }
    of_folders = {"robustness": _evaluate_robustness, "gate": _evaluate_gate, "dxa-pictures": _evaluate_dxa_pictures}
    known = special | of_folders if len(options.names) == 1 else of_folders
    if options.names and options.names[0] in known:
        known[options.names[0]](options)
        return
    from bmd.evaluation import evaluate

    for name in _known(options.names):
        print(json.dumps(evaluate(name, options.data, options.count or 2000)))


def _evaluate_films(options: argparse.Namespace) -> None:
    if not options.annotations:
        raise OptionError("command.needs", what="evaluate films", option="--annotations FILE")
    from bmd.evaluation.film.annotated import evaluate_films

    networks = chosen(options.model or ())
    found = evaluate_films(
        Path(options.annotations), _path(options.out), _path(options.pictures), every=options.all, models=networks
    )
    print(json.dumps(found))


def _evaluate_robustness(options: argparse.Namespace) -> None:
    from bmd.evaluation.film.robustness import evaluate_robustness

    folders = [Path(name) for name in options.names[1:]]
    seeds = range(options.seed, options.seed + (options.count or 20))
    print(evaluate_robustness(folders, seeds, options.perturbation or (), _path(options.out), _path(options.pictures)))


def _evaluate_bias(options: argparse.Namespace) -> None:
    from bmd.evaluation.film.bias import evaluate_bias

    print(json.dumps(evaluate_bias(Path(options.data)), indent=1))


def _evaluate_likeness(options: argparse.Namespace) -> None:
    if not options.folder:
        raise OptionError("command.needs", what="evaluate likeness", option="--folder DIR")
    from bmd.evaluation.film.likeness import evaluate_likeness

    print(json.dumps(evaluate_likeness(Path(options.folder), options.data, options.count, _path(options.pictures))))


def _evaluate_paintouts(options: argparse.Namespace) -> None:
    from bmd.evaluation.film.paintouts import evaluate_paintouts

    for row in evaluate_paintouts(options.data, options.count):
        print(json.dumps(row))


def _path(given: str | None) -> Path | None:
    return Path(given) if given else None


def _evaluate_demographics(options: argparse.Namespace) -> None:
    from bmd.evaluation.demographics.survey import evaluate_demographics

    print(evaluate_demographics(options.data, write=options.write))


def _evaluate_decoder(options: argparse.Namespace) -> None:
    from bmd.evaluation.spine.decoder import evaluate_decoder

    for line in evaluate_decoder(options.data, options.count, options.search, nuisances=options.nuisances):
        print(line, flush=True)


def _evaluate_trust(options: argparse.Namespace) -> None:
    from bmd.evaluation.spine.trust import evaluate_trust

    print(json.dumps(evaluate_trust(options.data, options.count), indent=1))


def _evaluate_gate(options: argparse.Namespace) -> None:
    if not options.names[1:]:
        raise OptionError("command.needs", what="evaluate gate", option="FOLDER...")
    from bmd.evaluation.film.gate import evaluate_gate, table

    print(table(evaluate_gate([Path(folder) for folder in options.names[1:]])))


def _evaluate_volumes(options: argparse.Namespace) -> None:
    if not options.folder:
        raise OptionError("command.needs", what="evaluate volumes", option="--folder DIR")
    from bmd.evaluation.ct.volumes import evaluate_people, evaluate_volumes

    for case in evaluate_volumes(Path(options.folder)):
        print(json.dumps(case, ensure_ascii=False))
    if options.count:
        print(json.dumps(evaluate_people(options.count, options.seed), ensure_ascii=False))


def _calibrate(options: argparse.Namespace) -> None:
    from bmd.evaluation.film.calibration import calibrate

    print(json.dumps(calibrate(options.data, options.count or 2000), indent=1))


def _evaluate_attenuation(options: argparse.Namespace) -> None:
    from bmd.evaluation.ct.attenuation import evaluate_attenuation

    print(json.dumps(evaluate_attenuation(options.count or 400), indent=1))


def _evaluate_cues(options: argparse.Namespace) -> None:
    from bmd.evaluation.cues import evaluate_cues

    print(json.dumps(evaluate_cues(options.count or 1500), indent=1))


def _calibrate_ct(options: argparse.Namespace) -> None:
    if not options.calibration:
        raise OptionError("command.needs", what="evaluate ct", option="--calibration FOLDER and --data FOLDER")
    from bmd.evaluation.ct.networks import calibrate_ct

    print(json.dumps(calibrate_ct(options.calibration, options.data, options.over50), indent=1))


def _evaluate_ct_paintouts(options: argparse.Namespace) -> None:
    from bmd.evaluation.ct.paintouts import evaluate_ct_paintouts

    print(json.dumps(evaluate_ct_paintouts(options.data, options.count), indent=1))


def _evaluate_ct_fractures(options: argparse.Namespace) -> None:
    from bmd.evaluation.ct.fractures import evaluate_fractures

    print(json.dumps(evaluate_fractures(options.count or 30), indent=1))


def _evaluate_hip_cues(options: argparse.Namespace) -> None:
    from bmd.evaluation.ct.cues import evaluate_hip_cues

    print(json.dumps(evaluate_hip_cues(options.count or 1000), indent=1))


def _evaluate_dxa(options: argparse.Namespace) -> None:
    if not options.calibration:
        raise OptionError("command.needs", what="evaluate dxa", option="--calibration FOLDER and --data FOLDER")
    from bmd.evaluation.dxa.networks import evaluate_dxa

    print(json.dumps(evaluate_dxa(options.calibration, options.data), indent=1))


def _evaluate_dxa_pictures(options: argparse.Namespace) -> None:
    if len(options.names) != 2:
        raise OptionError("command.needs", what="evaluate dxa-pictures", option="FOLDER")
    from bmd.evaluation.dxa.pictures import evaluate_pictures

    print(json.dumps(evaluate_pictures(Path(options.names[1]), count=options.count or 1000), indent=1))


def _calibrate_view(options: argparse.Namespace) -> None:
    from bmd.evaluation.film.view import calibrate_view

    print(json.dumps(calibrate_view(options.data, options.count or 2000), indent=1))


def _evaluate_population(options: argparse.Namespace) -> None:
    if not (options.nhanes and options.vertebra):
        raise OptionError("command.needs", what="evaluate population", option="--nhanes FILE and --vertebra FILE")
    from bmd.population.check import write_check

    tables = Path(options.nhanes), Path(options.vertebra)
    print(write_check(*tables, count=options.count or 20_000, out=Path(options.out or "docs")))


def _models(options: argparse.Namespace) -> None:
    """List the networks: what each does, on which kinds of input it can run, and on what it was measured."""
    for name in registry.names():
        spec = registry.spec(name)
        kinds = tuple(row.kind for row in modality.MODALITIES if row.runs(name))
        card = registry.WEIGHTS / name / "metadata.json"
        print(text("command.model", name=name, title=spec.title, paper=spec.paper))
        runs = "command.model_runs" if kinds else "command.model_runs_nowhere"
        default = note("word.yes" if registry.default(spec.role) == name else "word.no")
        print("  " + text(runs, role=spec.role, kinds=kinds, default=default))
        print("  " + text("command.model_shipped" if card.is_file() else "command.model_without_weights"))
        for entry in metadata.read(card.parent)["metrics"] if card.is_file() else ():
            print("  " + text("command.model_measured", on=metadata.place(entry)))


def _known(names: Sequence[str]) -> Sequence[str]:
    """The names given, or all; an unknown one is an error that lists the valid ones."""
    for name in names:
        registry.spec(name)
    return names or registry.names()
