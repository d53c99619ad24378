"""``python -m evals.retail``: how Closeloop does on retail data that others wrote.

``refusals`` judges single calls, ``replay`` runs gold's writes as tickets, and in ``solve`` the
desk's own agents resolve what customers write; see the three modules. ``--data`` is a folder that
has ``tau2-retail`` in it. Exit code 0 only if everything is as the data expects; ``solve`` has no
bar: 0 says that every ticket came to an end.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from closeloop.errors import BadInput, CloseloopError, Unavailable
from evals.report import progress, write_json
from evals.retail import data, refusals, replay, report, solve, solve_report
from evals.retail.translate import WRITES

WIDTH: Final = 120


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one eval; return the exit code."""
    options = _parser().parse_args(arguments)
    logging.disable(logging.WARNING)  # refusals are what is measured, not news
    console = Console(stderr=True) if sys.stderr.isatty() else Console(stderr=True, width=WIDTH)
    try:
        place = data.folder(options.data)
        if options.command == "refusals":
            return _refusals(console, place, options.out)
        if options.command == "solve":
            return _solve(console, place, options)
        return _replay(console, place, options)
    except CloseloopError as error:
        sys.stderr.write(f"evals.retail: {error}\n")
        return 4 if isinstance(error, Unavailable) else 2
    finally:
        logging.disable(logging.NOTSET)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals.retail", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    calls = commands.add_parser("refusals", help="calls that policy must refuse or allow")
    tickets = commands.add_parser("replay", help="whole tasks as tickets")
    own = commands.add_parser("solve", help="customers' own words, resolved by the desk's agents")
    for one in (calls, tickets, own):
        one.add_argument("--data", type=Path, required=True, help="a folder with tau2-retail in it")
        one.add_argument("--out", type=Path, help="where the JSON is written")
    tickets.add_argument(
        "--faults",
        action="store_true",
        help="backends answer 503 or time out after the work, and everything arrives twice",
    )
    tickets.add_argument(
        "--kill-workers", action="store_true", help="SIGKILL the worker every few seconds"
    )
    own.add_argument("--trials", type=int, default=1, help="how often each task is played")
    return parser


def _refusals(console: Console, place: Path, out: Path | None) -> int:
    lines = data.read_refusals(place)
    began = time.monotonic()
    results: list[refusals.LineResult] = []
    with tempfile.TemporaryDirectory() as work, progress(console, len(lines)) as advance:
        for result in refusals.run(place, lines, Path(work)):
            results.append(result)
            advance()
    summary = report.refusals_summary(results, time.monotonic() - began)
    report.print_refusals(Console(width=console.width), summary)
    if out is not None:
        write_json(out, summary)
    return 0 if summary["passed"] else 1


def _replay(console: Console, place: Path, options: argparse.Namespace) -> int:
    tasks = data.read_tasks(place, WRITES)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as work, progress(console, len(tasks)) as advance:
        run = replay.Replay(place, tasks, Path(work), faults=options.faults)
        results = asyncio.run(run.run(kill_workers=options.kill_workers, done=lambda _: advance()))
    summary = report.replay_summary(
        results,
        time.monotonic() - began,
        faults=options.faults,
        kills=run.kills if options.kill_workers else None,
    )
    report.print_replay(Console(width=console.width), summary)
    if options.out is not None:
        write_json(options.out, summary)
    return 0 if summary["passed"] else 1


def _solve(console: Console, place: Path, options: argparse.Namespace) -> int:
    if options.trials < 1:
        raise BadInput("--trials must be at least 1")
    tasks = data.read_tasks(place, WRITES)
    began = time.monotonic()
    total = len(tasks) * options.trials
    with tempfile.TemporaryDirectory() as work, progress(console, total) as advance:
        settings = solve.settings_in(Path(work) / "state", place)
        run = solve.Solve(place, tasks, settings, options.trials)
        results = asyncio.run(run.run(lambda _: advance()))
    seconds = time.monotonic() - began
    summary = solve_report.summary_of(results, settings, options.trials, seconds)
    solve_report.print_summary(Console(width=console.width), summary)
    if options.out is not None:
        write_json(options.out, summary)
    return 0 if summary["ended_all"] else 1


if __name__ == "__main__":
    sys.exit(main())
