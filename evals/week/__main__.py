"""``python -m evals.week``: a simulated week of a support desk, and a reader that believes nothing.

Customers, approvers and vandals act at random from a seed; backends fail; two tenants share the
machines. Then ``evals.week.reader`` holds what is left behind against DESIGN's section 5. Exit code
0 only if it found nothing wrong.
"""

import argparse
import asyncio
import gzip
import json
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from closeloop.errors import CloseloopError, Unavailable
from evals.report import write_json
from evals.week.reader import read_week
from evals.week.report import print_report, summary
from evals.week.run import Week, play

WIDTH: Final = 120


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the week and read it, or read one again; return the exit code."""
    options = _parser().parse_args(arguments)
    if options.tickets < 1 or options.workers < 1:
        sys.stderr.write("evals.week: --tickets and --workers must be at least 1\n")
        return 2
    logging.disable(logging.WARNING)  # refusals are what is measured, not news
    console = Console(stderr=True) if sys.stderr.isatty() else Console(stderr=True, width=WIDTH)
    started = time.monotonic()
    try:
        found = _evidence(console, options)
    except CloseloopError as error:
        sys.stderr.write(f"evals.week: {error}\n")
        return 4 if isinstance(error, Unavailable) else 2
    finally:
        logging.disable(logging.NOTSET)
    case = read_week(found)
    print_report(console, case)
    if options.out is not None:
        write_json(options.out, summary(case, seconds=round(time.monotonic() - started, 1)))
    return 1 if case.violations else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals.week", description=__doc__)
    parser.add_argument("--tickets", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="worker processes")
    parser.add_argument(
        "--kill-workers", action="store_true", help="SIGKILL a worker every few seconds"
    )
    parser.add_argument("--database-url", help="of the operations database (default: SQLite)")
    parser.add_argument("--keep", type=Path, help="a new folder for state, logs and evidence")
    parser.add_argument("--read", type=Path, help="read this evidence again instead of playing")
    parser.add_argument("--out", type=Path, help="where the JSON is written")
    return parser


def _evidence(console: Console, options: argparse.Namespace) -> dict[str, Any]:
    if options.read is not None:
        read: dict[str, Any] = json.loads(gzip.decompress(options.read.read_bytes()))
        return read
    with tempfile.TemporaryDirectory(prefix="closeloop-week-") as place:
        folder: Path = options.keep or Path(place)
        week = Week(
            folder=folder,
            tickets=options.tickets,
            seed=options.seed,
            workers=options.workers,
            kill_workers=options.kill_workers,
            database_url=options.database_url,
        )
        played = asyncio.run(play(week, lambda words: console.print(words, highlight=False)))
        text = json.dumps(played).encode()
        (folder / "evidence.json.gz").write_bytes(gzip.compress(text))
        return played


if __name__ == "__main__":
    sys.exit(main())
