"""``python -m evals.tickets``: the sample tickets, n times, with whatever models the settings name.

Every trial plays all of ``scenarios/`` on a fresh shop, with a dev server and a worker of its own,
as ``make demo`` does. A ticket succeeds if it ends as its scenario file expects: status, mode,
actions, money and messages. ``evals.report.pass_power`` says what pass^k is. Exit code 0 only if
every ticket succeeded every time.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from closeloop.client import SupportDesk
from closeloop.demo.office import BackOffice
from closeloop.demo.play import Player, Run, play_all
from closeloop.demo.scenario import read_scenarios
from closeloop.demo.scorecard import flat
from closeloop.demo.worker import ROOT, demo_settings, running_worker
from closeloop.errors import CloseloopError, Unavailable
from closeloop.settings import Settings
from closeloop.telemetry import configure_logging
from evals.report import models_of, pass_power

WIDTH: Final = 120


@dataclass
class Score:
    """How one sample ticket did over the trials."""

    name: str
    successes: int = 0
    trials: int = 0
    usd_micros: list[int] = field(default_factory=list[int])
    tokens: list[int] = field(default_factory=list[int])
    resolved_seconds: list[float] = field(default_factory=list[float])
    differences: list[list[str]] = field(default_factory=list[list[str]])

    def add(self, run: Run) -> None:
        """Count one trial."""
        self.trials += 1
        self.successes += not run.differences
        self.differences.append(run.differences)
        if run.view is None:
            return
        cost, sla = run.view.cost, run.view.sla
        self.usd_micros.append(cost.usd_micros)
        self.tokens.append(cost.input_tokens + cost.output_tokens)
        if sla.resolved_at is not None:
            self.resolved_seconds.append((sla.resolved_at - run.view.opened_at).total_seconds())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the trials; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evals.tickets", description=__doc__)
    parser.add_argument("--trials", type=int, default=1, help="how often each ticket is played")
    parser.add_argument("--scenarios", type=Path, default=ROOT / "scenarios")
    parser.add_argument("--out", type=Path, help="where the JSON is written")
    options = parser.parse_args(arguments)
    if options.trials < 1:
        parser.error("--trials must be at least 1")
    configure_logging("console", "warning")
    try:
        summary = asyncio.run(_trials(options.scenarios, options.trials))
    except CloseloopError as error:
        sys.stderr.write(f"evals.tickets: {error}\n")
        return 4 if isinstance(error, Unavailable) else 2
    _print(Console() if sys.stdout.isatty() else Console(width=WIDTH), summary)
    if options.out is not None:
        options.out.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return 0 if summary["passed"] else 1


async def _trials(scenarios: Path, trials: int) -> dict[str, Any]:
    settings = demo_settings()
    scores: dict[str, Score] = {}
    began = time.monotonic()
    for trial in range(1, trials + 1):
        for run in await _trial(settings, scenarios, trial):
            name = run.scenario.name
            scores.setdefault(name, Score(name)).add(run)
    return _summary(settings, list(scores.values()), trials, time.monotonic() - began)


async def _trial(settings: Settings, scenarios: Path, trial: int) -> list[Run]:
    folder = settings.state_dir / f"trial-{trial}"
    database = f"sqlite:///{folder / 'operations.db'}"
    own = settings.model_copy(update={"state_dir": folder, "database_url": database})
    runs = [Run(scenario) for scenario in read_scenarios(scenarios)]
    async with running_worker(own):
        desk = await SupportDesk.connect(own, identity="evals-tickets")
        office = BackOffice(own)
        try:
            await play_all(Player(desk, office), runs)
        finally:
            office.close()
    return list(flat(runs))


def _summary(
    settings: Settings, scores: Sequence[Score], trials: int, seconds: float
) -> dict[str, Any]:
    counts = [(score.successes, score.trials) for score in scores]
    played = [micros for score in scores for micros in score.usd_micros]
    return {
        "eval": "sample tickets",
        "models": models_of(settings),
        "tickets": len(scores),
        "trials": trials,
        "pass_power": {k: round(pass_power(counts, k), 2) for k in range(1, trials + 1)},
        "usd": round(sum(played) / 1e6, 6),
        "usd_per_ticket": round(sum(played) / len(played) / 1e6, 6) if played else None,
        "seconds": round(seconds, 1),
        "passed": all(score.successes == score.trials for score in scores),
        "by_ticket": [_row(score) for score in scores],
    }


def _row(score: Score) -> dict[str, Any]:
    resolved = score.resolved_seconds
    return {
        "scenario": score.name,
        "successes": score.successes,
        "trials": score.trials,
        "usd": round(sum(score.usd_micros) / 1e6, 6),
        "tokens": sum(score.tokens),
        "resolved_seconds": round(mean(resolved), 2) if resolved else None,
        "differences": score.differences,
    }


def _print(console: Console, summary: dict[str, Any]) -> None:
    table = Table(title=f"Sample tickets, {', '.join(dict.fromkeys(summary['models']))}")
    for column in ("ticket", "as expected", "USD", "tokens", "resolved after", "else"):
        table.add_column(column, overflow="fold")
    for row in summary["by_ticket"]:
        seconds = row["resolved_seconds"]
        table.add_row(
            row["scenario"],
            f"{row['successes']} of {row['trials']}",
            f"{row['usd']:.4f}",
            str(row["tokens"]),
            f"{seconds:.1f} s" if seconds is not None else "-",
            next((each[0] for each in row["differences"] if each), ""),
        )
    console.print(table, markup=False)
    powers = ", ".join(f"pass^{k} {value:.1f}" for k, value in summary["pass_power"].items())
    console.print(
        f"{powers}; {summary['usd']:.4f} USD in all, {summary['usd_per_ticket'] or 0:.4f} a ticket;"
        f" {summary['seconds']:.0f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
