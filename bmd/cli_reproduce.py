"""The command ``reproduce``: tables of the papers, ours beside theirs."""

from __future__ import annotations

import argparse
from pathlib import Path

from bmd.errors import OptionError


def define_reproduce(command: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    command.add_argument("paper", nargs="?", metavar="PAPER", help="jung2020, lim2023, choi2021, kirilov2022 or ha2024")
    command.add_argument("--all", action="store_true", help="every paper")
    command.add_argument("--list", action="store_true", help="every published row and what there is of ours")
    command.add_argument("--report", action="store_true", help="print the tables as they stand in docs/results")
    command.add_argument("--csv", metavar="OUT.csv", help="write them as CSV")
    command.add_argument("--table", action="append", metavar="N", help="only this table: 2, figure-3, ...; repeatable")
    command.add_argument("--row", action="append", metavar="KEY", help="only this row of it; repeatable")
    command.add_argument("--budget", type=float, default=60.0, metavar="MINUTES", help="of training (default 60)")
    command.add_argument("--examples", type=int, default=0, help="that every trained row sees, in place of minutes")
    command.add_argument("--people", type=int, default=0, help="of each split at most, for a trial (default: all)")
    command.add_argument("--workers", type=int, default=1, help="processes that simulate (default 1)")
    command.add_argument("--runs", default="runs/reproduce", help="data and trainings (default runs/reproduce)")
    command.add_argument("--out", metavar="FOLDER", help="where tables are written (default docs/results)")


def reproduce(options: argparse.Namespace) -> None:
    """Make the tables of a paper: simulate, train what is missing, measure, and write docs/results."""
    from bmd.reproduction import report, results

    out = Path(options.out) if options.out else results.RESULTS
    if options.list:
        for line in report.listed(out):
            report.show(line)
        return
    if not (options.paper or options.all):
        raise OptionError("command.needs", what="reproduce", option="PAPER or --all")
    if not (options.report or options.csv):
        _run(options, out)
    found = [one for one in results.read_all(out) if options.all or one.paper == options.paper]
    found = [one for one in found if not options.table or one.table in options.table]
    if options.csv:
        Path(options.csv).write_text(report.csv(found), encoding="utf-8", newline="")
    else:
        report.show(report.markdown(found))


def _run(options: argparse.Namespace, out: Path) -> None:
    from bmd.reproduction import papers, report
    from bmd.reproduction.run import Options, fill, run_tables

    if options.examples < 0 or options.people < 0 or options.budget <= 0 or options.workers < 1:
        raise OptionError("result.counts")
    keys = options.table or [table.key for table in papers.tables(None if options.all else options.paper)]
    if options.all:
        chosen = [table for table in papers.tables() if table.key in keys]
    else:
        chosen = [papers.find(options.paper, key) for key in keys]
    wanted = Options(
        Path(options.runs),
        out,
        options.examples,
        options.budget,
        options.people,
        options.workers,
        tuple(options.row or ()),
    )
    run_tables(chosen, wanted)
    fill(papers.tables(None if options.all else options.paper), out)
    report.write_page(out)
