"""The metrics of the run, recounted from histories alone."""

from collections import Counter
from math import ceil, isclose
from statistics import median
from typing import Any, Final

from evals.week.reader.case import Case
from evals.week.reader.history import Json, Ticket

FIGURES: Final = "metrics agree"
SLACK_SECONDS: Final = 1.0
"""Of the machines: between the ticket's own time of an answer and the history's."""


def figures_agree(case: Case) -> None:
    """Hold the figures that the desk prints against the reader's own."""
    for tenant, printed in case.evidence["metrics"].items():
        tickets = [t for t in case.tickets if t.tenant == tenant]
        for name, own, slack in _own(tickets):
            theirs = _path(printed, name)
            same = _same(theirs, own, slack)
            what = f"{name}: printed {theirs}, recounted {own}"
            case.check(FIGURES, same, (tenant, "metrics"), what)


def _same(theirs: Any, own: Any, slack: float) -> bool:
    if isinstance(theirs, int | float) and isinstance(own, int | float):
        return isclose(theirs, own, abs_tol=max(slack, 1e-6))
    return theirs == own


def _path(printed: Json, name: str) -> Any:
    value: Any = printed
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _own(tickets: list[Ticket]) -> list[tuple[str, Any, float]]:
    """Return the reader's figures, each with what it may differ by."""
    closed = [t for t in tickets if t.over == "completed"]
    first = [seconds for t in tickets if (seconds := _first_response(t)) is not None]
    solved = [seconds for t in tickets if (seconds := _resolution(t)) is not None]
    scores = [score for t in tickets if (score := _score(t)) is not None]
    settled = [_settlements(t) for t in tickets]
    rejected = sum(one["rejected"] for one in settled)
    decided = rejected + sum(one["approved"] for one in settled)
    alone = Counter((t.outcome or {})["closure"] for t in closed if _alone(t))
    closures = ("confirmed", "verified_quiet", "unconfirmed")
    return [
        ("tickets_opened", len(tickets), 0),
        ("tickets_closed", len(closed), 0),
        *((f"auto_resolved.{c}.count", alone[c], 0) for c in closures),
        ("auto_resolved.confirmed.of", len(closed), 0),
        ("escalated.count", sum(bool(t.named("create_escalation")) for t in closed), 0),
        ("escalated.of", len(closed), 0),
        ("escalation_reasons", _reasons(tickets), 0),
        ("rejected.count", rejected, 0),
        ("rejected.of", decided, 0),
        ("edited.count", sum(one["edited"] for one in settled), 0),
        ("csat_responses", len(scores), 0),
        ("csat_mean", sum(scores) / len(scores) if scores else None, 0),
        ("csat_answered.count", sum(_score(t) is not None for t in closed), 0),
        *_spread("first_response", first),
        *_spread("resolution", solved),
        ("tickets_costed", len(closed), 0),
        ("cost_per_ticket_usd_micros", 0 if closed else None, 0),
    ]


def _spread(name: str, seconds: list[float]) -> list[tuple[str, Any, float]]:
    if not seconds:
        return [(name, None, 0)]
    nine_in_ten = sorted(seconds)[ceil(len(seconds) * 9 / 10) - 1]
    return [
        (f"{name}.count", len(seconds), 0),
        (f"{name}.median_seconds", median(seconds), SLACK_SECONDS),
        (f"{name}.p90_seconds", nine_in_ten, SLACK_SECONDS),
    ]


def _first_response(ticket: Ticket) -> float | None:
    answers = ticket.answers
    return (answers[0].late - ticket.received_at).total_seconds() if answers else None


def _resolution(ticket: Ticket) -> float | None:
    """Return how long it took to the resolution that stands: nobody said that it is none."""
    solved = [late for _, late, status in ticket.stands() if status == "resolved"]
    broken = [
        step.late
        for step in ticket.named("read_confirmation")
        if (step.result or {}).get("answer") == "still_broken"
    ]
    if not solved or (broken and broken[-1] > solved[-1]):
        return None
    return (solved[-1] - ticket.received_at).total_seconds()


def _score(ticket: Ticket) -> int | None:
    words = [step.result or {} for step in ticket.named("read_confirmation")]
    return next((w["score"] for w in words if w.get("score") is not None), None)


def _settlements(ticket: Ticket) -> Counter[str]:
    """Return what came of the requests that people decided, and how many were changed."""
    found: Counter[str] = Counter()
    for step in ticket.named("settle_approval"):
        found[step.given["outcome"]] += 1
        yes = [
            s
            for s in ticket.named("decide")
            if s.given["request_id"] == step.given["request_id"] and not s.failure
        ]
        if step.given["outcome"] == "approved" and any(s.given.get("edit") for s in yes):
            found["edited"] += 1
    return found


def _alone(ticket: Ticket) -> bool:
    """Whether no person decided, and nobody took it over: the mode stayed autonomous."""
    return (ticket.outcome or {})["mode"] == "autonomous" and not ticket.named("create_escalation")


def _reasons(tickets: list[Ticket]) -> Json:
    found: Counter[str] = Counter()
    for ticket in tickets:
        found.update({step.given["reason"] for step in ticket.named("create_escalation")})
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
