"""Promises in replies: each is recorded, has one end, and that end is true (invariants 6 and 8)."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from evals.week.reader.case import Case
from evals.week.reader.history import Json, Step, Ticket, events_of, when

PROMISES: Final = "promises"
ENDS: Final = ("commitment_kept", "commitment_missed", "commitment_released")
OF: Final = ("reply", "callback", "settlement")
BOOKINGS: Final = ("schedule_callback", "reschedule_callback", "book_next_call")
KINDS: Final = ("commitment_made", "commitment_at_risk", *ENDS)


def promises_hold(case: Case) -> None:
    """Follow each promise through its ticket, and recount the rows that were written of them."""
    own: Counter[tuple[str, str]] = Counter()
    for ticket in case.tickets:
        said = [(step, event) for step, event in events_of(ticket) if event["kind"] in KINDS]
        own.update((ticket.tenant, event["kind"]) for _, event in said)
        for step, event in said:
            if event["kind"] == "commitment_made":
                _one(case, ticket, step, event["data"], said)
        made = {e["data"]["commitment_id"] for _, e in said if e["kind"] == "commitment_made"}
        for _, event in said:
            known = event["data"]["commitment_id"] in made
            case.check(PROMISES, known, ticket, f"{event['kind']} of a promise that nobody made")
    rows = Counter(
        (row["tenant"], row["kind"]) for row in case.rows("outcome_events") if row["kind"] in KINDS
    )
    for tenant, kind in sorted(own.keys() | rows.keys()):
        counts = (rows[tenant, kind], own[tenant, kind])
        what = f"{kind}: {counts[0]} rows, {counts[1]} recounted"
        case.check(PROMISES, counts[0] == counts[1], (tenant, "metrics"), what)


def _one(
    case: Case, ticket: Ticket, made: Step, promise: Json, said: list[tuple[Step, Json]]
) -> None:
    name, due = promise["commitment_id"], when(promise["due_at"])
    ends = [
        (step, event)
        for step, event in said
        if event["kind"] in ENDS and event["data"]["commitment_id"] == name
    ]
    case.check(PROMISES, len(ends) <= 1, ticket, f"{name} ended {len(ends)} times")
    case.check(PROMISES, ends or not ticket.over, ticket, f"closed over the open promise {name}")
    if not ends:
        return
    step, event = ends[0]
    if event["kind"] == "commitment_missed":
        case.check(PROMISES, step.late >= due, ticket, f"{name} was missed before it was due")
        answers = [a for a in ticket.answers if made.late < a.late and (a.done or a.late) < due]
        kept = promise["kind"] == "reply" and answers
        case.check(PROMISES, not kept, ticket, f"{name} was kept, and is said to be missed")
        warned = any(
            e["kind"] == "commitment_at_risk" and e["data"]["commitment_id"] == name
            for _, e in said
        )
        told = warned or any(
            s.late >= due for s in ticket.named("raise_alert", "create_escalation")
        )
        case.check(PROMISES, told, ticket, f"{name} was missed, and no person heard of it")
    if event["kind"] == "commitment_kept" and promise["kind"] == "reply":
        answered = [a for a in ticket.answers if made.late < a.late <= step.late]
        case.check(PROMISES, answered, ticket, f"{name} is said to be kept, and nobody answered")


def counted(tickets: list[Ticket]) -> Iterator[tuple[str, Any]]:
    """Yield the figures of promises and calls, by the name of the printed one."""
    events = [event for ticket in tickets for _, event in events_of(ticket)]
    said = Counter((event["data"].get("kind"), event["kind"]) for event in events)
    for kind in OF:
        kept, missed = said[kind, "commitment_kept"], said[kind, "commitment_missed"]
        yield f"promises.{kind}.made", said[kind, "commitment_made"]
        yield f"promises.{kind}.kept.count", kept
        yield f"promises.{kind}.kept.of", kept + missed
        yield f"promises.{kind}.at_risk", said[kind, "commitment_at_risk"]
        yield f"promises.{kind}.released", said[kind, "commitment_released"]
    plain = Counter(event["kind"] for event in events)
    reached = plain["callback_reached"]
    booked = [s for t in tickets for s in t.named(*BOOKINGS) if _booked(s)]
    yield "calls_booked", len(booked)
    yield "calls_reached.count", reached
    yield "calls_reached.of", reached + plain["callback_not_reached"]


def _booked(step: Step) -> bool:
    """Whether a call stood in the calendar after the step."""
    result = step.result or {}
    return not step.failure and bool(result.get("state") == "done" or result.get("call"))
