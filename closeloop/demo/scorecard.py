"""What the demo shows: progress while it runs, the scorecard at its end, and ``demo.json``."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from closeloop.demo.play import Run
from closeloop.models.view import ActionView, TicketView


def flat(runs: Sequence[Run]) -> Iterator[Run]:
    """Yield every run, a twin after the one that opened it."""
    for run in runs:
        yield run
        yield from flat(run.twins)


def progress(runs: Sequence[Run]) -> Table:
    """Return the live table: where each ticket stands."""
    table = Table(title="Closeloop demo", expand=False)
    for column in ("scenario", "status", "mode", "waits for"):
        table.add_column(column)
    for run in flat(runs):
        view = run.view
        if view is None:
            table.add_row(run.scenario.name, "not open yet", "", "")
            continue
        status = view.status.value
        if run.done:
            status += " ok" if not run.differences else " NOT AS EXPECTED"
        table.add_row(run.scenario.name, status, view.mode.value, view.waiting_for)
    return table


def print_scorecard(console: Console, runs: Sequence[Run]) -> None:
    """Print, for each ticket, what was expected and what was seen."""
    table = Table(title="Scorecard", show_lines=True)
    for column in ("ticket", "ended", "mode and why", "actions with receipts", "times"):
        table.add_column(column, overflow="fold")
    for run in flat(runs):
        verdict = "as expected" if not run.differences else "; ".join(run.differences)
        view = run.view
        if view is None:
            table.add_row(run.scenario.name, verdict, "", "", "")
            continue
        closure = f" ({view.closure})" if view.closure else ""
        table.add_row(
            run.scenario.name,
            f"{view.status.value}{closure}\n{verdict}",
            "\n".join((view.mode.value, *view.mode_reasons[:2])),
            "\n".join(_action(action) for action in view.actions) or "none",
            _times(view),
        )
    console.print(table, markup=False)
    good = sum(1 for run in flat(runs) if not run.differences)
    total = sum(1 for _ in flat(runs))
    console.print(f"{good} of {total} tickets ended as their scenario file expects.")


def _action(action: ActionView) -> str:
    tries = f", {action.attempts} attempts" if action.attempts > 1 else ""
    proof = f": {action.receipt.summary} [{action.receipt.receipt_id}]" if action.receipt else ""
    why = f": {action.error.message}" if action.error and not proof else ""
    return f"{action.kind} {action.state}{tries}{proof}{why}"


def _times(view: TicketView) -> str:
    first, resolved = _seconds(view)
    lines: list[str] = []
    if first is not None:
        lines.append(f"first response {first:.1f} s")
    if resolved is not None:
        lines.append(f"resolved {resolved:.1f} s")
    return "\n".join(lines)


def _seconds(view: TicketView) -> tuple[float | None, float | None]:
    sla, start = view.sla, view.opened_at
    first = (sla.first_response_at - start).total_seconds() if sla.first_response_at else None
    resolved = (sla.resolved_at - start).total_seconds() if sla.resolved_at else None
    return first, resolved


def write_report(file: Path, runs: Sequence[Run], *, time_scale: float) -> None:
    """Write ``demo.json``: every ticket with expectation, observation and receipts."""
    report = {
        "ok": all(not run.differences for run in flat(runs)),
        "time_scale": time_scale,
        "tickets": [_row(run) for run in flat(runs)],
    }
    file.write_text(json.dumps(report, indent=1), encoding="utf-8")


def _row(run: Run) -> dict[str, Any]:
    view = run.view
    first, resolved = _seconds(view) if view else (None, None)
    return {
        "scenario": run.scenario.name,
        "ticket_id": run.ticket_id,
        "ok": not run.differences,
        "differences": run.differences,
        "expected": run.scenario.expect.model_dump(mode="json"),
        "observed": run.observed.model_dump(mode="json") if run.observed else None,
        "mode": view.mode.value if view else None,
        "mode_reasons": list(view.mode_reasons) if view else [],
        "actions": [action.model_dump(mode="json") for action in view.actions] if view else [],
        "first_response_seconds": first,
        "resolution_seconds": resolved,
    }
