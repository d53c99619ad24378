"""The outcome of a week: a table for people, JSON for programs."""

from collections import Counter
from typing import Any, Final

from rich.console import Console

from evals.report import print_table
from evals.week.reader.case import Case

SHOWN: Final = 40
"""How many violations are printed; the JSON has all of them."""


def print_report(console: Console, case: Case) -> None:
    """Print what was looked at, how tickets ended, and what was wrong."""
    wrong = Counter(one.check for one in case.violations)
    names = sorted(case.looked, key=_order)
    rows = [(name, str(case.looked[name]), str(wrong[name])) for name in names]
    print_table(console, "A simulated week", ("what must hold", "looked at", "violations"), rows)
    print_table(
        console,
        "How it went",
        ("", "count"),
        [(name, str(count)) for name, count in figures(case).items()],
    )
    for one in case.violations[:SHOWN]:
        where = f"{one.tenant} {one.ticket_id}"
        console.print(f"{one.check}: {where}: {one.what}", markup=False, highlight=False)
    if len(case.violations) > SHOWN:
        console.print(f"and {len(case.violations) - SHOWN} more")


def _order(name: str) -> tuple[int, str]:
    number = name.partition(" ")[0]
    return (int(number) if number.isdigit() else 99, name)


def figures(case: Case) -> dict[str, int]:
    """Return how much happened in the week."""
    writes = [write for write in case.all_writes() if write.done]
    closures = Counter((t.outcome or {}).get("closure", "") for t in case.tickets if t.outcome)
    journal = case.evidence["journal"]
    settled = Counter(
        step.given["outcome"] for t in case.tickets for step in t.named("settle_approval")
    )
    return {
        "tickets": len(case.tickets),
        **{f"closed: {name}": count for name, count in sorted(closures.items())},
        "still open": sum(not t.over for t in case.tickets),
        "messages of customers": sum(len(t.messages) for t in case.tickets),
        "messages to customers": len(case.backend("messages")),
        "writes done": len(writes),
        "of them alone": sum(write.approved_by is None for write in writes),
        "cents given back": sum(
            row["amount_minor"] for row in case.backend("transactions") if row["kind"] == "refund"
        ),
        **{f"requests {name}": count for name, count in sorted(settled.items())},
        "tickets with people": sum(bool(t.named("create_escalation")) for t in case.tickets),
        "linked tickets": sum("~" in t.ticket_id for t in case.tickets),
        **{f"calls {s}": n for s, n in sorted(_calls(case).items())},
        "workers killed": case.evidence.get("kills", 0),
        "bad deeds refused": sum(e["bad"] and e["outcome"] != "done" for e in journal),
        "events in histories": sum(
            len(run) for runs in case.evidence["histories"].values() for run in runs
        ),
    }


def _calls(case: Case) -> Counter[str]:
    return Counter(str(row["status"]) for row in case.backend("callbacks"))


def summary(case: Case, *, seconds: float) -> dict[str, Any]:
    """Return the outcome as JSON."""
    evidence = case.evidence
    wrong = Counter(one.check for one in case.violations)
    return {
        "eval": "week",
        "passed": not case.violations,
        "tickets": evidence["tickets"],
        "seed": evidence["seed"],
        "workers": evidence.get("workers", 1),
        "time_scale": evidence["scale"],
        "desk_days": round(evidence["hours"] / 24, 1),
        "seconds": seconds,
        "checks": [
            {"check": name, "looked_at": count, "violations": wrong[name]}
            for name, count in sorted(case.looked.items(), key=lambda item: _order(item[0]))
        ],
        "figures": figures(case),
        "metrics": evidence["metrics"],
        "violations": [vars(one) for one in case.violations],
    }
