"""Shares, reasons and minutes of people, recounted from what tickets handed over as it happened.

Whether a ticket's word on a service level is right, ``levels`` counts minute by minute; here the
words are added up again.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from evals.week.reader import numbers
from evals.week.reader.history import Json, Step, Ticket, events_of

TARGETS: Final = ("first_response", "next_response", "resolution")
RESOLVED: Final = ("confirmed", "verified_quiet")
BY_PEOPLE: Final = ("approved", "rejected", "asked")


def recounted(tickets: list[Ticket], scale: float) -> list[tuple[str, Any]]:
    """Return the reader's shares, by the name of the printed figure."""
    return [
        *(row for target in TARGETS for row in _target(tickets, target)),
        *_reopened(tickets),
        ("left_autonomous", _left(tickets)),
        ("cost_per_resolved.human_minutes", _human_minutes(tickets, scale * numbers.CLAIM_SECONDS)),
    ]


def _target(tickets: list[Ticket], target: str) -> Iterator[tuple[str, Any]]:
    words = [said for ticket in tickets if (said := _words(ticket, target))]
    yield f"sla.{target}.count", sum(all(said) for said in words)
    yield f"sla.{target}.of", len(words)


def _words(ticket: Ticket, target: str) -> list[bool]:
    """Return what the ticket said of a target; of resolutions, only the one that stands."""
    events = [event for _, event in events_of(ticket)]
    missed = [
        False for e in events if e["kind"] == "sla_breached" and e["data"]["target"] == target
    ]
    if target == "resolution":
        ends = [e for e in events if e["kind"] in ("resolved", "reopened")][-1:]
        told = [e for e in ends if e["kind"] == "resolved"]
    else:
        told = [e for e in events if e["kind"] == target]
    within = [e["data"].get("within_sla") for e in told]
    return [*missed, *(word for word in within if word is not None)]


def _reopened(tickets: list[Ticket]) -> Iterator[tuple[str, Any]]:
    """Count how often tickets were reopened, and who once had been told that it is solved."""
    times = {t.workflow_id: _times_reopened(t) for t in tickets}
    solved = sum(any(status == "resolved" for _, _, status in t.stands()) for t in tickets)
    yield "reopened", sum(times.values())
    yield "reopened_tickets.count", sum(count > 0 for count in times.values())
    yield "reopened_tickets.of", solved


def _times_reopened(ticket: Ticket) -> int:
    """Count the words that it is not solved, and those that came while the ticket was closing."""
    steps = ticket.named("read_confirmation")
    broken = sum((step.result or {}).get("answer") == "still_broken" for step in steps)
    course = [s.name for s in ticket.named("close_ticket", "classify_ticket")]
    return broken + sum(pair == ("close_ticket", "classify_ticket") for pair in pairwise(course))


def _left(tickets: list[Ticket]) -> list[Json]:
    found: Counter[tuple[str | None, str]] = Counter()
    for ticket in tickets:
        data = [e["data"] for _, e in events_of(ticket) if e["kind"] == "left_autonomous"]
        found.update({(one["intent"], one["reason"]) for one in data})
    ranked = sorted(found.items(), key=lambda one: (-one[1], one[0][0] or "", one[0][1]))
    return [
        {"intent": intent, "reason": reason, "tickets": count} for (intent, reason), count in ranked
    ]


def _human_minutes(tickets: list[Ticket], longest: float) -> tuple[float, float] | None:
    """Return at least and at most how long people looked, for each ticket that was resolved."""
    solved = sum((t.outcome or {}).get("closure") in RESOLVED for t in tickets)
    looked = [_looked(t, request, end, longest) for t in tickets for request, end in _decided(t)]
    if not solved or not looked or None in looked:
        return None
    least = sum(one[0] for one in looked if one) / 60 / solved
    return least, sum(one[1] for one in looked if one) / 60 / solved


def _decided(ticket: Ticket) -> list[tuple[str, Step]]:
    """Return the requests on which people decided, with the first end of each."""
    ends: dict[str, Step] = {}
    for step in ticket.named("settle_approval"):
        ends.setdefault(step.given["request_id"], step)
    return [(name, end) for name, end in ends.items() if end.given["outcome"] in BY_PEOPLE]


def _looked(ticket: Ticket, request: str, end: Step, longest: float) -> tuple[float, float] | None:
    """Return the seconds from each decider's claim to their word; None where one had no claim."""
    words = [
        s
        for s in ticket.named("decide")
        if s.given["request_id"] == request and not s.failure and s.late <= end.late
    ]
    asked = [s for s in ticket.named("request_approval") if s.given["request_id"] == request]
    claims = [
        s
        for s in ticket.named("operate")
        if s.given["operation"] == "claim" and asked and s.late >= asked[0].late
    ]
    least, most = 0.0, 0.0
    for word in words:
        own = [
            c
            for c in claims
            if not c.failure
            and c.given["approver"] == word.given["approver"]
            and c.late <= word.late
        ]
        if not own:
            return None
        least += min(longest, max(0.0, (word.early - own[-1].late).total_seconds()))
        most += min(longest, (end.late - own[0].early).total_seconds())
    return least, most
