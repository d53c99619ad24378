"""The reports of knowledge gaps and on promotion, from outcome events and nothing else."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from closeloop.models.base import UtcTime, Wire
from closeloop.models.metrics import Share
from closeloop.models.reports import Promotion, PromotionReport
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


def promotion(records: EventSource, tenant: str, since: datetime | None = None) -> PromotionReport:
    """Return how people decided what Closeloop might do alone, from ``since`` on.

    By intent and action, what was decided most often first; rows are the events ``compared``.

    Raises:
        BackendUnavailable: the operations database does not answer.
    """
    groups: dict[tuple[str, str], list[TicketEvent]] = {}
    for event in records.events(tenant, since):
        if event.kind == "compared":
            key = str(event.data.get("intent") or "unknown"), str(event.data["action"])
            groups.setdefault(key, []).append(event)
    rows = [_promotion(intent, action, events) for (intent, action), events in groups.items()]
    rows.sort(key=lambda row: (-row.agreed.of, row.intent, row.action))
    return PromotionReport(tenant=tenant, since=since, rows=tuple(rows))


def _promotion(intent: str, action: str, events: Sequence[TicketEvent]) -> Promotion:
    def share(key: str, value: object) -> Share:
        return Share(count=sum(e.data.get(key) == value for e in events), of=len(events))

    over = [_minor(e, "proposed_minor") - _minor(e, "done_minor") for e in events]
    seconds = [e.data.get("human_seconds") for e in events]
    known = [float(s) for s in seconds if s is not None]
    return Promotion(
        intent=intent,
        action=action,
        agreed=share("agreed", True),
        edited=share("edited", True),
        asked=share("outcome", "asked"),
        over_minor=sum(more for more in over if more > 0),
        under_minor=sum(-more for more in over if more < 0),
        timed=Share(count=len(known), of=len(events)),
        minutes_saved=sum(known) / 60,
    )


def _minor(event: TicketEvent, key: str) -> int:
    value = event.data.get(key)
    return value if isinstance(value, int) else 0
