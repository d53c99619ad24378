"""Scores of the retail evals: JSON for programs, tables for people."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from evals.retail.refusals import LineResult
from evals.retail.replay import TaskResult


def refusals_summary(results: Sequence[LineResult], seconds: float) -> dict[str, Any]:
    """Return recall, allow rate and their mean in percent, by kind too, with every line."""
    refuse = [r for r in results if r.expected == "refuse"]
    allow = [r for r in results if r.expected == "allow"]
    recall, rate = percent(refuse), percent(allow)
    return {
        "eval": "retail refusals",
        "lines": len(results),
        "refuse_recall": recall,
        "allow_rate": rate,
        "headline": round((recall + rate) / 2, 2),
        "always_refuse": 50.0,
        "seconds": round(seconds, 1),
        "passed": all(r.passed for r in results),
        "by_kind": [_kind(kind, results) for kind in sorted({r.kind for r in results})],
        "results": [r.model_dump() for r in results],
    }


def _kind(kind: str, results: Sequence[LineResult]) -> dict[str, Any]:
    own = [r for r in results if r.kind == kind]
    return {
        "kind": kind,
        "expected": own[0].expected,
        "lines": len(own),
        "passed": sum(r.passed for r in own),
        "rules": dict(Counter(r.rule for r in own if r.rule).most_common()),
    }


def percent(results: Sequence[LineResult]) -> float:
    """Return the share that passed, in percent; nothing to pass counts as all of it."""
    return round(100 * sum(r.passed for r in results) / len(results), 2) if results else 100.0


def print_refusals(console: Console, summary: dict[str, Any]) -> None:
    """Print the table by kind of mutation, what failed, and the headline."""
    table = Table(title="Refusals by kind of mutation")
    for column in ("kind", "expected", "right", "refused by rule"):
        table.add_column(column)
    for row in summary["by_kind"]:
        rules = ", ".join(f"{name} {count}" for name, count in row["rules"].items())
        table.add_row(row["kind"], row["expected"], f"{row['passed']}/{row['lines']}", rules)
    console.print(table)
    for line in summary["results"]:
        if not line["passed"]:
            console.print(
                f"{line['line_id']} {line['kind']} {line['action']}: expected {line['expected']},"
                f" was {line['outcome']} ({line['rule']}: {line['reason']}),"
                f" state {'exact' if line['state_exact'] else 'differs'}",
                markup=False,
            )
    console.print(
        f"refused as expected {summary['refuse_recall']} %, allowed as expected"
        f" {summary['allow_rate']} %, headline {summary['headline']} %"
        f" (always refusing: {summary['always_refuse']} %), {summary['seconds']} s"
    )


def replay_summary(
    results: Sequence[TaskResult], seconds: float, *, faults: bool, kills: int | None
) -> dict[str, Any]:
    """Return the share of tasks whose final state is exact, and what doing nothing would score."""
    count = max(len(results), 1)
    idle = sum(r.do_nothing_exact for r in results)
    return {
        "eval": "retail replay",
        "faults": faults,
        "kill_workers": kills is not None,
        "workers_killed": kills or 0,
        "tasks": len(results),
        "exact": sum(r.passed for r in results),
        "score": round(100 * sum(r.passed for r in results) / count, 2),
        "do_nothing": round(100 * idle / count, 2),
        "gold_writes": sum(r.gold_writes for r in results),
        "verified": sum(r.verified for r in results),
        "refused": sum(r.refused for r in results),
        "attempts": sum(r.attempts for r in results),
        "seconds": round(seconds, 1),
        "passed": bool(results) and all(r.passed for r in results),
        "results": [r.model_dump() for r in results],
    }


def print_replay(console: Console, summary: dict[str, Any]) -> None:
    """Print what failed, what the writes came to, and the score."""
    table = Table(title="Tasks that are not exact")
    for column in ("task", "status", "state", "writes", "problem"):
        table.add_column(column)
    for row in summary["results"]:
        if not row["passed"]:
            writes = (
                f"{row['verified']} verified, {row['refused']} refused of {row['gold_writes']};"
                f" {row['writes']} in the shop"
            )
            state = "exact" if row["state_exact"] else "differs"
            table.add_row(row["task_id"], row["status"], state, writes, row["problem"])
    if table.row_count:
        console.print(table)
    console.print(
        f"{summary['gold_writes']} gold writes: {summary['verified']} verified in"
        f" {summary['attempts']} attempts, {summary['refused']} refused;"
        f" {summary['workers_killed']} workers killed"
    )
    console.print(
        f"{summary['exact']} of {summary['tasks']} tasks exact: {summary['score']} %"
        f" (doing nothing: {summary['do_nothing']} %), {summary['seconds']} s"
    )
