"""The metrics of the run, recounted from histories alone."""

from collections import Counter
from datetime import datetime
from math import ceil
from statistics import median
from typing import Any, Final

from evals.week.reader.case import Case
from evals.week.reader.history import Json, Ticket
from evals.week.reader.promises import counted
from evals.week.reader.shares import recounted

FIGURES: Final = "metrics agree"
SLACK_SECONDS: Final = 0.01
"""What rounding takes from seconds."""

Between = tuple[float, float]
"""A ticket's own time of a thing is known to lie between two moments of its history."""


def figures_agree(case: Case) -> None:
    """Hold the figures that the desk prints against the reader's own."""
    for tenant, printed in case.evidence["metrics"].items():
        tickets = [t for t in case.tickets if t.tenant == tenant]
        for name, own in _own(tickets, case.evidence["scale"]):
            theirs = _path(printed, name)
            same = _same(theirs, own)
            what = f"{name}: printed {theirs}, recounted {own}"
            case.check(FIGURES, same, (tenant, "metrics"), what)


def _same(theirs: Any, own: Any) -> bool:
    if isinstance(own, tuple):
        least, most = own
        return theirs is not None and least - SLACK_SECONDS <= theirs <= most + SLACK_SECONDS
    return theirs == own


def _path(printed: Json, name: str) -> Any:
    value: Any = printed
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _own(tickets: list[Ticket], scale: float) -> list[tuple[str, Any]]:
    """Return the reader's figures."""
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
        ("tickets_opened", len(tickets)),
        ("tickets_closed", len(closed)),
        *((f"auto_resolved.{c}.count", alone[c]) for c in closures),
        ("auto_resolved.confirmed.of", len(closed)),
        ("escalated.count", sum(bool(t.named("create_escalation")) for t in closed)),
        ("escalated.of", len(closed)),
        ("escalation_reasons", _reasons(tickets)),
        ("rejected.count", rejected),
        ("rejected.of", decided),
        ("edited.count", sum(one["edited"] for one in settled)),
        ("csat_responses", len(scores)),
        ("csat_mean", sum(scores) / len(scores) if scores else None),
        ("csat_answered.count", sum(_score(t) is not None for t in closed)),
        *_spread("first_response", first),
        *_spread("resolution", solved),
        ("tickets_costed", len(closed)),
        ("cost_per_ticket_usd_micros", 0 if closed else None),
        *recounted(tickets, scale),
        *counted(tickets),
    ]


def _spread(name: str, seconds: list[Between]) -> list[tuple[str, Any]]:
    if not seconds:
        return [(name, None)]
    least, most = (sorted(one) for one in zip(*seconds, strict=True))
    place = ceil(len(seconds) * 9 / 10) - 1
    return [
        (f"{name}.count", len(seconds)),
        (f"{name}.median_seconds", (median(least), median(most))),
        (f"{name}.p90_seconds", (least[place], most[place])),
    ]


def _between(ticket: Ticket, early: datetime, late: datetime) -> Between:
    """Return the seconds from receipt, at least and at most."""
    zero = ticket.received_at
    return (early - zero).total_seconds(), (late - zero).total_seconds()


def _first_response(ticket: Ticket) -> Between | None:
    answers = ticket.answers
    return _between(ticket, answers[0].early, answers[0].late) if answers else None


def _resolution(ticket: Ticket) -> Between | None:
    """Return how long it took to the resolution that stands: nobody said that it is none."""
    solved = [(early, late) for early, late, status in ticket.stands() if status == "resolved"]
    broken = [
        step.late
        for step in ticket.named("read_confirmation")
        if (step.result or {}).get("answer") == "still_broken"
    ]
    if not solved or (broken and broken[-1] > solved[-1][1]):
        return None
    return _between(ticket, *solved[-1])


def _score(ticket: Ticket) -> int | None:
    words = [step.result or {} for step in ticket.named("read_confirmation")]
    return next((w["score"] for w in words if w.get("score") is not None), None)


def _settlements(ticket: Ticket) -> Counter[str]:
    """Return what came of the requests that people decided, and how many were changed."""
    found: Counter[str] = Counter()
    settled = {s.given["request_id"]: s for s in reversed(ticket.named("settle_approval"))}
    for step in settled.values():
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
    """Whether no person decided on it, and it was never with people."""
    decided = {"approved", "rejected", "asked"} & _settlements(ticket).keys()
    void = any(step.given.get("label") for step in ticket.named("settle_approval"))
    return not decided and not void and not ticket.named("create_escalation")


def _reasons(tickets: list[Ticket]) -> Json:
    found: Counter[str] = Counter()
    for ticket in tickets:
        found.update({step.given["reason"] for step in ticket.named("create_escalation")})
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
