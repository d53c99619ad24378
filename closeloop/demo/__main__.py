"""``make demo``: real tickets on a real Temporal dev server, with the people they need.

Exit code 0 only if every ticket ended as its scenario file expects.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.live import Live

from closeloop.client import SupportDesk
from closeloop.demo.office import BackOffice
from closeloop.demo.play import Player, Run, play_all
from closeloop.demo.scenario import read_scenarios
from closeloop.demo.scorecard import flat, print_scorecard, progress, write_report
from closeloop.demo.worker import ROOT, demo_settings, running_worker
from closeloop.errors import CloseloopError, Unavailable
from closeloop.settings import Settings
from closeloop.telemetry import configure_logging

WIDTH: Final = 140
"""Columns of the scorecard where the output is no terminal."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m closeloop.demo", description=__doc__)
    parser.add_argument("--scenarios", type=Path, default=ROOT / "scenarios")
    parser.add_argument("--out", type=Path, default=Path(), help="where demo.json is written")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    try:
        return asyncio.run(_demo(console, options.scenarios, options.out))
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("stopped")
        return 130
    except CloseloopError as error:
        sys.stderr.write(f"demo: {error}\n")
        return 4 if isinstance(error, Unavailable) else 2


async def _demo(console: Console, scenarios: Path, out: Path) -> int:
    _stop_in_order()
    settings = demo_settings()
    configure_logging("console", "warning")
    runs = [Run(scenario) for scenario in read_scenarios(scenarios)]
    keep = os.environ.get("KEEP") == "1"
    console.print(f"Starting Temporal's dev server and a worker in {settings.state_dir} ...")
    async with running_worker(settings) as ui_url:
        console.print(f"Temporal Web UI: {ui_url}")
        desk = await SupportDesk.connect(settings, identity="demo-shop")
        office = BackOffice(settings)
        try:
            await _play(console, Player(desk, office), runs)
            office.export(out / "demo-backends.json")
        finally:
            office.close()
        write_report(out / "demo.json", runs, time_scale=settings.time_scale)
        print_scorecard(console, runs)
        console.print(f"Written: {out / 'demo.json'}, {out / 'demo-backends.json'}")
        if keep:
            await _kept(console, settings, ui_url)
    return 0 if all(not run.differences for run in flat(runs)) else 1


def _stop_in_order() -> None:
    """Let a closed terminal and `kill` end the demo as Ctrl-C does: its worker is never left."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def _play(console: Console, player: Player, runs: Sequence[Run]) -> None:
    playing = asyncio.create_task(play_all(player, runs))
    if console.is_terminal:
        with Live(progress(runs), console=console, refresh_per_second=4) as live:
            while not playing.done():
                await asyncio.wait([playing], timeout=0.25)
                live.update(progress(runs))
    else:
        shown: dict[int, str] = {}
        while not playing.done():
            await asyncio.wait([playing], timeout=0.25)
            _print_changes(console, runs, shown)
        _print_changes(console, runs, shown)
    await playing


def _print_changes(console: Console, runs: Sequence[Run], shown: dict[int, str]) -> None:
    for number, run in enumerate(flat(runs)):
        if run.view is None:
            continue
        line = f"{run.scenario.name}: {run.view.status.value} ({run.view.mode.value})"
        if shown.get(number) != line:
            shown[number] = line
            console.print(line, markup=False, highlight=False)


async def _kept(console: Console, settings: Settings, ui_url: str) -> None:
    console.print(f"Web UI {ui_url}")
    console.print(f"In another terminal: export CLOSELOOP_STATE_DIR={settings.state_dir}")
    console.print("then: python starter.py list. Ctrl-C here ends everything.")
    await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
