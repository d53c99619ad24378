"""The report of knowledge gaps, from outcome events and nothing else."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from closeloop.models.base import UtcTime, Wire
from closeloop.models.state import TicketEvent


class EventSource(Protocol):
    """Where outcome events are read."""

    def events(self, tenant: str, since: datetime | None = None) -> Sequence[TicketEvent]:
        """Return the tenant's events at or after ``since``, in the order they happened."""
        ...


class Gap(Wire):
    """What tickets of one intent needed to know, and no passage said."""

    intent: str
    count: int
    """How many tickets."""
    tickets: tuple[str, ...]
    """The newest of them, newest first."""
    last_at: UtcTime
    missing: tuple[str, ...] = ()
    """What was missing in words, newest first, where the agent said so."""


_GAP_SAMPLES: Final = 5


def gaps(records: EventSource, tenant: str, since: datetime | None = None) -> list[Gap]:
    """Return the tenant's knowledge gaps from ``since`` on by intent, the most frequent first.

    A gap is what retrieval did not find (event ``knowledge_gap``), or why a ticket went to people
    (``escalated`` for ``knowledge_gap``; its intent is that of the ticket's classification).

    Raises:
        BackendUnavailable: the operations database does not answer.
    """
    events = records.events(tenant)
    intents = {e.ticket_id: e.data.get("intent") for e in events if e.kind == "classified"}
    by_intent: dict[str, list[TicketEvent]] = {}
    for event in reversed(events):
        if _is_gap(event) and (since is None or event.at >= since):
            intent = event.data.get("intent") or intents.get(event.ticket_id) or "unknown"
            by_intent.setdefault(str(intent), []).append(event)
    found = [_gap(intent, events) for intent, events in by_intent.items()]
    return sorted(found, key=lambda gap: (-gap.count, gap.intent))


def _is_gap(event: TicketEvent) -> bool:
    escalated = event.kind == "escalated" and event.data.get("reason") == "knowledge_gap"
    return escalated or event.kind == "knowledge_gap"


def _gap(intent: str, events: Sequence[TicketEvent]) -> Gap:
    tickets = tuple(dict.fromkeys(event.ticket_id for event in events))
    words = (event.data.get("missing") for event in events)
    said = dict.fromkeys(word for word in words if isinstance(word, str) and word)
    return Gap(
        intent=intent,
        count=len(tickets),
        tickets=tickets[:_GAP_SAMPLES],
        last_at=events[0].at,
        missing=tuple(said)[:_GAP_SAMPLES],
    )
