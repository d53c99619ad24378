"""Each metric by a plain loop over events, as docs/metrics.md words it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import mean, median

from closeloop.models.metrics import (
    Day,
    Leaving,
    Metrics,
    Promises,
    ResolvedCost,
    Share,
    Spread,
)
from closeloop.models.sla import Goal
from closeloop.models.state import TicketEvent

PEOPLE = ("approved", "rejected")


def naive_metrics(tenant: str, told: Sequence[TicketEvent]) -> Metrics:
    """Return the metrics of these events, told in the order of their arrival."""
    events = sorted(told, key=lambda event: event.at)
    names = sorted({event.ticket_id for event in events})
    tickets = {name: [event for event in events if event.ticket_id == name] for name in names}
    closed = [own[-1] for own in each(tickets, "closed") if own]
    scores = numbers([own[-1] for own in each(tickets, "csat") if own], "score")
    costs = numbers(closed, "usd_micros")
    decisions = [e for e in events if e.kind == "decided" and e.data.get("outcome") in PEOPLE]
    asked = [e for e in events if e.kind == "decided" and e.data.get("outcome") == "asked"]
    edited = [e for e in decisions if e.data["outcome"] == "approved" and e.data.get("edited")]
    rejected = [e for e in decisions if e.data["outcome"] == "rejected"]
    back = [own for own in each(tickets, "reopened") if own]
    done = [own for own in each(tickets, "resolved", "reopened") if own]
    return Metrics(
        tenant=tenant,
        tickets_opened=len([own for own in each(tickets, "ticket_opened") if own]),
        tickets_closed=len(closed),
        days=days(events),
        auto_resolved={
            "confirmed": alone(closed, "confirmed"),
            "verified_quiet": alone(closed, "verified_quiet"),
            "unconfirmed": alone(closed, "unconfirmed"),
        },
        first_response=spread(
            numbers([own[0] for own in each(tickets, "first_response") if own], "seconds")
        ),
        resolution=spread(numbers(standing(tickets), "seconds")),
        sla={
            Goal.FIRST_RESPONSE: kept(tickets, "first_response"),
            Goal.NEXT_RESPONSE: kept(tickets, "next_response"),
            Goal.RESOLUTION: kept(tickets, "resolution"),
        },
        escalated=yes(closed, "escalated"),
        escalation_reasons=reasons(events),
        left_autonomous=leavings(events),
        reopened=len([event for event in events if event.kind == "reopened"]),
        reopened_tickets=Share(count=len(back), of=len(done)),
        csat_mean=mean(scores) if scores else None,
        csat_responses=len(scores),
        csat_answered=yes(closed, "scored"),
        edited=Share(count=len(edited), of=len(decisions)),
        rejected=Share(count=len(rejected), of=len(decisions)),
        promises={kind: promises(events, kind) for kind in ("reply", "callback", "settlement")},
        calls_booked=len([e for e in events if e.kind == "callback_booked"]),
        calls_reached=calls(events),
        tickets_costed=len(costs),
        cost_per_ticket_usd_micros=mean(costs) if costs else None,
        cost_per_resolved=cost(closed, [*decisions, *asked]),
    )


def each(tickets: dict[str, list[TicketEvent]], *kinds: str) -> list[list[TicketEvent]]:
    return [[event for event in own if event.kind in kinds] for own in tickets.values()]


def numbers(events: Sequence[TicketEvent], key: str) -> list[float]:
    return [float(value) for event in events if (value := event.data.get(key)) is not None]


def yes(events: Sequence[TicketEvent], key: str) -> Share:
    said = [event.data[key] for event in events if event.data.get(key) is not None]
    return Share(count=said.count(True), of=len(said))


def alone(closed: Sequence[TicketEvent], closure: str) -> Share:
    own = [e for e in closed if e.data["closure"] == closure and e.data["autonomous"]]
    return Share(count=len([e for e in own if not e.data["by_person"]]), of=len(closed))


def standing(tickets: dict[str, list[TicketEvent]]) -> list[TicketEvent]:
    ends = [own[-1] for own in each(tickets, "resolved", "reopened") if own]
    return [end for end in ends if end.kind == "resolved"]


def spread(values: list[float]) -> Spread | None:
    """The 90th percentile is the smallest value that nine of ten do not exceed."""
    if not values:
        return None
    enough = [v for v in values if 10 * sum(w <= v for w in values) >= 9 * len(values)]
    return Spread(count=len(values), median_seconds=median(values), p90_seconds=min(enough))


def kept(tickets: dict[str, list[TicketEvent]], target: str) -> Share:
    count = of = 0
    for own in tickets.values():
        answers = [event for event in own if event.kind == target]
        if target == "resolution":
            answers = standing({"": own})
        words = [event.data.get("within_sla") for event in answers]
        missed = [e for e in own if e.kind == "sla_breached" and e.data["target"] == target]
        if missed or True in words or False in words:
            of += 1
            count += not missed and False not in words
    return Share(count=count, of=of)


def reasons(events: Sequence[TicketEvent]) -> dict[str, int]:
    pairs = {(e.ticket_id, str(e.data["reason"])) for e in events if e.kind == "escalated"}
    return dict(Counter(reason for _, reason in pairs))


def leavings(events: Sequence[TicketEvent]) -> tuple[Leaving, ...]:
    left = [event for event in events if event.kind == "left_autonomous"]
    rows = {(e.ticket_id, e.data.get("intent"), str(e.data["reason"])) for e in left}
    counts = Counter((intent, reason) for _, intent, reason in rows)
    found = [
        Leaving(intent=None if intent is None else str(intent), reason=reason, tickets=tickets)
        for (intent, reason), tickets in counts.items()
    ]
    return tuple(sorted(found, key=lambda row: (-row.tickets, row.intent or "", row.reason)))


def days(events: Sequence[TicketEvent]) -> tuple[Day, ...]:
    def on(day: object, kind: str) -> int:
        return len({e.ticket_id for e in events if e.kind == kind and e.at.date() == day})

    counted = {e.at.date() for e in events if e.kind in ("ticket_opened", "closed")}
    return tuple(
        Day(day=day, opened=on(day, "ticket_opened"), closed=on(day, "closed"))
        for day in sorted(counted)
    )


def promises(events: Sequence[TicketEvent], kind: str) -> Promises:
    own = Counter(e.kind for e in events if e.data.get("kind") == kind)
    kept, missed = own["commitment_kept"], own["commitment_missed"]
    return Promises(
        made=own["commitment_made"],
        kept=Share(count=kept, of=kept + missed),
        at_risk=own["commitment_at_risk"],
        released=own["commitment_released"],
    )


def calls(events: Sequence[TicketEvent]) -> Share:
    made = [e for e in events if e.kind in ("callback_reached", "callback_not_reached")]
    return Share(count=len([e for e in made if e.kind == "callback_reached"]), of=len(made))


def cost(closed: Sequence[TicketEvent], decisions: Sequence[TicketEvent]) -> ResolvedCost:
    resolved = [e for e in closed if e.data["closure"] in ("confirmed", "verified_quiet")]

    def each_one(events: Sequence[TicketEvent], key: str) -> float | None:
        values = numbers(events, key)
        if not resolved or not events or len(values) < len(events):
            return None
        return sum(values) / len(resolved)

    seconds = each_one(decisions, "human_seconds")
    return ResolvedCost(
        tickets=len(resolved),
        usd_micros=each_one(closed, "usd_micros"),
        input_tokens=each_one(closed, "input_tokens"),
        output_tokens=each_one(closed, "output_tokens"),
        human_minutes=None if seconds is None else seconds / 60,
    )
