"""Metrics, computed from outcome events and nothing else.

A report covers the events of a time window, from ``since`` on. Every formula says which rows it
counts; what was not measured in the window is None, never 0. Only counts can be 0.
"""

import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from statistics import fmean, median
from typing import Protocol, get_args

from pydantic import Field

from closeloop.models.base import UtcTime, Wire
from closeloop.models.state import TicketEvent
from closeloop.models.ticket import Closure


class EventSource(Protocol):
    """Where outcome events are read."""

    def events(self, tenant: str, since: datetime | None = None) -> Sequence[TicketEvent]:
        """Return the tenant's events at or after ``since``, in the order they happened."""
        ...


class Spread(Wire):
    """Durations in seconds: their number, median, and 90th percentile (nearest rank)."""

    count: int
    median_seconds: float
    p90_seconds: float


class AutoResolution(Wire):
    """Shares of all closed tickets, one for each closure; they are not to be added up silently."""

    confirmed: float | None = None
    verified_quiet: float | None = None
    unconfirmed: float | None = None


class Metrics(Wire):
    """How the desk did in a window of time; rates are between 0 and 1.

    - ``tickets_opened``, ``tickets_closed``: tickets with such an event in the window.
    - ``auto_resolution``: closed tickets that no person resolved (``autonomous`` and not
      ``by_person``), by closure, over all closed tickets.
    - ``first_response``: the first response of each ticket, from its opening.
    - ``resolution``: from opening to the resolution that stands: the last one of each ticket, and
      none where the ticket was reopened after it.
    - ``sla_compliance``: of those standing resolutions that had a target, the share within it.
    - ``escalation_rate``: closed tickets that were ever with people, over all closed tickets.
    - ``escalation_reasons``: tickets escalated in the window, closed or not, by reason; a ticket
      counts once for each of its reasons.
    - ``reopened``: how often tickets were reopened, each time counted.
    - ``csat_mean``, ``csat_responses``: the last score (1 to 5) of each ticket that gave one.
    - ``cost_per_ticket_usd_micros``: mean cost of closed tickets, in millionths of a US dollar.
    """

    tenant: str
    since: UtcTime | None = None
    tickets_opened: int = 0
    tickets_closed: int = 0
    auto_resolution: AutoResolution = AutoResolution()
    first_response: Spread | None = None
    resolution: Spread | None = None
    sla_compliance: float | None = None
    escalation_rate: float | None = None
    escalation_reasons: dict[str, int] = Field(default_factory=dict)
    reopened: int = 0
    csat_mean: float | None = None
    csat_responses: int = 0
    cost_per_ticket_usd_micros: float | None = None


def metrics(records: EventSource, tenant: str, since: datetime | None = None) -> Metrics:
    """Return the tenant's metrics from ``since`` on, or from the beginning.

    Raises:
        BackendUnavailable: the operations database does not answer.
    """
    events = records.events(tenant, since)
    closed = _last(events, "closed")
    standing = [
        event for event in _last(events, "resolved", "reopened") if event.kind == "resolved"
    ]
    first_responses = _last(list(reversed(events)), "first_response")
    csat = _numbers(_last(events, "csat"), "score")
    cost = _numbers(closed, "usd_micros")
    return Metrics(
        tenant=tenant,
        since=since,
        tickets_opened=len(_last(events, "ticket_opened")),
        tickets_closed=len(closed),
        auto_resolution=_auto_resolution(closed),
        first_response=_spread(_numbers(first_responses, "seconds")),
        resolution=_spread(_numbers(standing, "seconds")),
        sla_compliance=_share(standing, "within_sla"),
        escalation_rate=_share(closed, "escalated"),
        escalation_reasons=_reasons(events),
        reopened=sum(event.kind == "reopened" for event in events),
        csat_mean=fmean(csat) if csat else None,
        csat_responses=len(csat),
        cost_per_ticket_usd_micros=fmean(cost) if cost else None,
    )


def _last(events: Sequence[TicketEvent], *kinds: str) -> list[TicketEvent]:
    # Each ticket's last event of these kinds, in the order given.
    last = {event.ticket_id: event for event in events if event.kind in kinds}
    return list(last.values())


def _numbers(events: Sequence[TicketEvent], key: str) -> list[float]:
    # A row without its number measured nothing.
    values = [event.data.get(key) for event in events]
    return [
        float(value)
        for value in values
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]


def _share(events: Sequence[TicketEvent], key: str) -> float | None:
    # Of the rows that say yes or no, the share of those that say yes.
    answers = [event.data.get(key) for event in events]
    said = [answer for answer in answers if isinstance(answer, bool)]
    return fmean(said) if said else None


def _spread(seconds: Sequence[float]) -> Spread | None:
    if not seconds:
        return None
    ordered = sorted(seconds)
    return Spread(
        count=len(ordered),
        median_seconds=median(ordered),
        p90_seconds=ordered[math.ceil(len(ordered) * 9 / 10) - 1],
    )


def _auto_resolution(closed: Sequence[TicketEvent]) -> AutoResolution:
    if not closed:
        return AutoResolution()
    alone = Counter(
        event.data.get("closure")
        for event in closed
        if event.data.get("autonomous") is True and event.data.get("by_person") is not True
    )
    shares = {closure: alone[closure] / len(closed) for closure in get_args(Closure)}
    return AutoResolution.model_validate(shares)


def _reasons(events: Sequence[TicketEvent]) -> dict[str, int]:
    pairs = {
        (event.ticket_id, str(event.data.get("reason")))
        for event in events
        if event.kind == "escalated"
    }
    counts = Counter(reason for _, reason in pairs)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
