"""Command line: ``python -m bmd predict | simulate | sheet | train | evaluate | reproduce | models | figures``.

Exit status: 0 the command did its work (a refused film is an answer), 1 it could not, 2 it was asked wrongly,
3 with ``predict --strict`` when a film was refused.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Literal

from bmd import __version__, modality
from bmd.cli_evaluate import define_evaluate, evaluate
from bmd.cli_predict import define_predict, predict
from bmd.cli_reproduce import define_reproduce, reproduce
from bmd.errors import BmdError, OptionError
from bmd.evaluation.record import asked
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
        with asked(sys.argv[1:] if words is None else words):
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
        ("evaluate", define_evaluate, evaluate),
        ("reproduce", define_reproduce, reproduce),
        ("models", lambda command: None, _models),
        ("figures", _define_figures, _figures),
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
    registry.spec(options.name)
    logging.getLogger().setLevel(logging.INFO)
    from bmd.training import train

    train(options.name, options.overrides)


def _define_figures(command: argparse.ArgumentParser) -> None:
    command.add_argument("names", nargs="*", metavar="NAME", help="networks (default: all with weights)")
    command.add_argument("--readme", metavar="FILE", help="write the tables between this page's markers anew")


def _figures(options: argparse.Namespace) -> None:
    """Print what was measured of the networks, or write it into the README."""
    from bmd.evaluation.readme import figures, renewed

    if options.readme:
        page = Path(options.readme)
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")
        return
    for name in options.names or [name for name in registry.names() if registry.has_weights(name)]:
        print("\n\n".join((f"## {registry.spec(name).title}", figures(name))))


def _models(options: argparse.Namespace) -> None:
    """List the networks: what each does, on which kinds of input it can run, and on what it was measured."""
    for name in registry.names():
        spec = registry.spec(name)
        kinds = tuple(row.kind for row in modality.MODALITIES if row.runs(name))
        shipped = registry.has_weights(name)
        print(text("command.model", name=name, title=spec.title, paper=spec.paper))
        runs = "command.model_runs" if kinds else "command.model_runs_nowhere"
        default = note("word.yes" if registry.default(spec.role) == name else "word.no")
        print("  " + text(runs, role=spec.role, kinds=kinds, default=default))
        print("  " + (text("command.model_shipped") if shipped else text("command.model_without_weights", name=name)))
        for entry in metadata.shown(metadata.read(registry.WEIGHTS / name)) if shipped else ():
            print("  " + text("command.model_measured", on=metadata.place(entry)))
