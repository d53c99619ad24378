"""What ``solve`` came to: JSON for programs, tables for people."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

from rich.console import Console

from closeloop.settings import Settings
from evals.report import models_of, pass_power, percent, print_table
from evals.retail.solve import Solved

SHOWN: Final = 160
"""Characters of a write that a table has room for."""


def summary_of(
    results: Sequence[Solved], settings: Settings, trials: int, seconds: float
) -> dict[str, Any]:
    """Return how many tasks ended as gold, beside what doing nothing gets, and what went wrong."""
    successes = Counter({result.task_id: 0 for result in results})
    successes.update(result.task_id for result in results if result.exact)
    counts = [(count, trials) for count in successes.values()]

    def where(holds: Callable[[Solved], object]) -> int:
        return sum(1 for result in results if holds(result))

    played = len(results)
    micros = sum(result.usd_micros for result in results)
    return {
        "eval": "retail solve",
        "models": models_of(settings),
        "tasks": len(successes),
        "trials": trials,
        "played": played,
        "exact": where(lambda r: r.exact),
        "score": percent(where(lambda r: r.exact), played),
        "do_nothing": percent(where(lambda r: r.do_nothing_exact), played),
        "pass_power": {k: round(pass_power(counts, k), 1) for k in range(1, trials + 1)},
        "with_wrong_writes": where(lambda r: r.wrong),
        "wrong_writes": sum(len(r.wrong) for r in results),
        "right_writes": sum(len(r.right) for r in results),
        "missing_writes": sum(r.missing for r in results),
        "ended": dict(Counter(r.status for r in results).most_common()),
        "escalated": where(lambda r: r.status == "escalated"),
        "escalations": dict(Counter(r.escalation for r in results if r.escalation).most_common()),
        "asked": where(lambda r: r.asked),
        "questions": sum(r.asked for r in results),
        "stood_in": where(lambda r: r.stood_in),
        "usd": round(micros / 1e6, 6),
        "usd_per_ticket": round(micros / 1e6 / played, 6),
        "tokens": sum(r.tokens for r in results),
        "seconds": round(seconds, 1),
        "ended_all": not where(lambda r: r.problem),
        "results": [r.model_dump() for r in results],
    }


def print_summary(console: Console, summary: dict[str, Any]) -> None:
    """Print how the tickets ended, every wrong write, every problem, and the figures."""
    rows = [(name, str(count)) for name, count in summary["ended"].items()]
    rows += [(f"  handed over: {why}", str(count)) for why, count in summary["escalations"].items()]
    print_table(console, "How tickets ended", ("", "tickets"), rows)
    wrong = [
        (one["task_id"], str(one["trial"]), _short(write))
        for one in summary["results"]
        for write in one["wrong"]
    ]
    if wrong:
        print_table(console, "Writes that gold does not have", ("task", "trial", "write"), wrong)
    for one in summary["results"]:
        if one["problem"]:
            console.print(f"task {one['task_id']}: {one['problem']}", markup=False)
    console.print("\n".join(_lines(summary)), markup=False, highlight=False)


def _lines(summary: dict[str, Any]) -> list[str]:
    powers = ", ".join(f"pass^{k} {value:.1f}" for k, value in summary["pass_power"].items())
    stood_in = summary["stood_in"]
    return [
        *([f"no language model had an answer in {stood_in} tickets"] if stood_in else []),
        f"{summary['right_writes']} writes that gold has, {summary['missing_writes']} that it has"
        f" and were not made; {summary['wrong_writes']} wrong writes in"
        f" {summary['with_wrong_writes']} of {summary['played']} tickets",
        f"{summary['escalated']} tickets handed to a person; {summary['questions']} questions asked"
        f" in {summary['asked']} tickets",
        f"{', '.join(dict.fromkeys(summary['models']))}: {summary['exact']} of"
        f" {summary['played']} exact, {summary['score']} % (doing nothing:"
        f" {summary['do_nothing']} %); {powers}",
        f"{summary['usd']:.4f} USD in all, {summary['usd_per_ticket']:.4f} a ticket,"
        f" {summary['tokens']} tokens; {summary['seconds']:.0f} s",
    ]


def _short(write: str) -> str:
    return write if len(write) <= SHOWN else f"{write[: SHOWN - 1]}…"
