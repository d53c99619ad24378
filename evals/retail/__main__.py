"""``python -m evals.retail``: how Closeloop does on retail data that others wrote.

``refusals`` judges single calls, ``replay`` runs whole tickets; see the two modules. ``--data`` is
a folder that has ``tau2-retail`` in it. Exit code 0 only if everything is as the data expects.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import Progress

from closeloop.errors import CloseloopError, Unavailable
from evals.retail import data, refusals, replay, report
from evals.retail.translate import WRITES

WIDTH: Final = 120
SHOWN: Final = 20
"""How many lines of progress there are where the output is no terminal."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one eval; return the exit code."""
    options = _parser().parse_args(arguments)
    logging.disable(logging.WARNING)  # refusals are what is measured, not news
    console = Console(stderr=True) if sys.stderr.isatty() else Console(stderr=True, width=WIDTH)
    try:
        place = data.folder(options.data)
        if options.command == "refusals":
            return _refusals(console, place, options.out)
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
    for one in (calls, tickets):
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
    return parser


@contextmanager
def progress(console: Console, total: int) -> Iterator[Callable[[], None]]:
    """Yield what to call whenever one of ``total`` steps is done: a bar, or lines now and then."""
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        bar.advance(task)
        if not console.is_terminal and done % max(total // SHOWN, 1) == 0:
            console.print(f"{done} of {total} done")

    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield advance


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
        report.write_json(out, summary)
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
        report.write_json(options.out, summary)
    return 0 if summary["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
