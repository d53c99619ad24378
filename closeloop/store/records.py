"""The projections of the operations database: tickets, approvals, outcome events, audit.

They are written by activities, which run again after a crash or a timeout and may arrive late:
whatever is written twice changes nothing the second time, and what is older never wins.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, RowMapping, select

from closeloop.models.base import Money
from closeloop.models.labels import DecisionLabel, TicketDecision
from closeloop.models.metrics import Metrics
from closeloop.models.policy import TicketJudgement
from closeloop.models.state import OutcomeEvent, TicketEvent
from closeloop.models.steps import RequestApproval, Snapshot
from closeloop.models.ticket import Status
from closeloop.models.view import TicketSummary, TicketView
from closeloop.store import judgements
from closeloop.store.audit import DESK, append_audit
from closeloop.store.effects import free_expired, tenant_lock
from closeloop.store.engine import Clock, insert_into, reading, utc_now, writing
from closeloop.store.metrics import read_metrics
from closeloop.store.schema import (
    EffectState,
    approvals,
    decisions,
    effects,
    outcome_events,
    tickets,
)

# A ticket with the request it waits for; without one, those columns are null.
_SUMMARIES: Final = select(
    tickets.c.ticket_id,
    tickets.c.tenant,
    tickets.c.status,
    tickets.c.mode,
    tickets.c.intent,
    tickets.c.priority,
    tickets.c.subject,
    tickets.c.opened_at,
    approvals.c.request_id,
    approvals.c.deadline,
    approvals.c.action_kinds,
    approvals.c.total_minor,
    approvals.c.currency,
    tickets.c.view["pending_approval"].label("pending"),
    tickets.c.view["escalation"].label("escalation"),
).select_from(
    tickets.outerjoin(
        approvals,
        (approvals.c.tenant == tickets.c.tenant)
        & (approvals.c.ticket_id == tickets.c.ticket_id)
        & approvals.c.outcome.is_(None),
    )
)


class SqlRecords:
    """The ``Records`` port on SQLite or PostgreSQL, and what the command line reads of it."""

    def __init__(self, engine: Engine, *, clock: Clock = utc_now) -> None:
        """Keep the database, and the time for its ``updated_at`` columns."""
        self._engine = engine
        self._clock = clock

    def record(self, snapshot: Snapshot) -> None:
        """Upsert the ticket's projection and insert the events not seen before.

        A snapshot with a lower ``sequence`` than the one on record leaves the projection alone;
        its events count all the same. Each new event is also a line of the audit trail.
        """
        with writing(self._engine) as connection:
            _record(connection, snapshot, self._clock())

    def publish_approval(self, request: RequestApproval) -> None:
        """Put the request on the list of approvals, together with its ticket's snapshot.

        A request that was settled already stays settled.
        """
        now = self._clock()
        with writing(self._engine) as connection:
            _record(connection, request.snapshot, now)
            shown = {
                "deadline": request.deadline,
                "total_minor": request.total.amount_minor if request.total else None,
                "currency": request.total.currency if request.total else None,
                "action_kinds": list(request.action_kinds),
            }
            key = _key(request.tenant, request.ticket_id, request.request_id)
            statement = insert_into(connection, approvals).values(
                key | shown | {"published_at": now}
            )
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=list(key), set_=shown, where=approvals.c.outcome.is_(None)
                )
            )

    def settle_approval(self, tenant: str, ticket_id: str, request_id: str, outcome: str) -> None:
        """Take the request off the list, keeping how it ended; the first outcome stays.

        A request not published yet is settled too: its publication may still be under way.
        """
        ended = {"outcome": outcome, "settled_at": self._clock()}
        key = _key(tenant, ticket_id, request_id)
        with writing(self._engine) as connection:
            statement = insert_into(connection, approvals).values(
                key | ended | {"action_kinds": []}
            )
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=list(key), set_=ended, where=approvals.c.outcome.is_(None)
                )
            )

    def keep_decision(self, tenant: str, ticket_id: str, label: DecisionLabel) -> None:
        """Keep what a person made of a proposal; the first word on a request stays."""
        row = {"at": label.at, "label": label.model_dump(mode="json")}
        key = _key(tenant, ticket_id, label.request_id)
        with writing(self._engine) as connection:
            statement = insert_into(connection, decisions).values(key | row)
            connection.execute(statement.on_conflict_do_nothing(index_elements=list(key)))

    def decisions(self, tenant: str, since: datetime | None = None) -> list[TicketDecision]:
        """Return what people decided at or after ``since``, in the order they did."""
        query = select(decisions).where(decisions.c.tenant == tenant)
        if since is not None:
            query = query.where(decisions.c.at >= since)
        query = query.order_by(decisions.c.at, decisions.c.ticket_id, decisions.c.request_id)
        with reading(self._engine) as connection:
            return [
                TicketDecision.model_validate({**row.label, "ticket_id": row.ticket_id})
                for row in connection.execute(query)
            ]

    def judgements(self, tenant: str, since: datetime | None = None) -> list[TicketJudgement]:
        """Return what policy said at or after ``since``, with its facts, in that order."""
        with reading(self._engine) as connection:
            return judgements.read(connection, tenant, since)

    def list_tickets(self, tenant: str, status: Status | None = None) -> tuple[TicketSummary, ...]:
        """Return the tenant's tickets, newest first, each with the request it waits for."""
        query = _SUMMARIES.where(tickets.c.tenant == tenant)
        if status is not None:
            query = query.where(tickets.c.status == status)
        query = query.order_by(
            tickets.c.opened_at.desc(), tickets.c.ticket_id, approvals.c.deadline
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        # Two open requests of one ticket are a moment's overlap: the later one is the one in force.
        newest = {row["ticket_id"]: row for row in rows}
        return tuple(_summary(row) for row in newest.values())

    def get_ticket_view(self, tenant: str, ticket_id: str) -> TicketView | None:
        """Return the ticket as its newest snapshot shows it."""
        query = select(tickets.c.view).where(
            tickets.c.tenant == tenant, tickets.c.ticket_id == ticket_id
        )
        with reading(self._engine) as connection:
            view = connection.scalar(query)
        return None if view is None else TicketView.model_validate(view)

    def list_approvals(self, tenant: str | None = None) -> tuple[TicketSummary, ...]:
        """Return the requests that wait for a person, oldest deadline first.

        ``tenant`` None means all of them: only for an operator of the whole installation.
        """
        query = _SUMMARIES.where(approvals.c.request_id.is_not(None))
        if tenant is not None:
            query = query.where(approvals.c.tenant == tenant)
        query = query.order_by(approvals.c.deadline, tickets.c.tenant, tickets.c.ticket_id)
        with reading(self._engine) as connection:
            return tuple(_summary(row) for row in connection.execute(query).mappings())

    def events(self, tenant: str, since: datetime | None = None) -> Sequence[TicketEvent]:
        """Return the tenant's outcome events at or after ``since``, in the order they happened."""
        query = select(outcome_events).where(outcome_events.c.tenant == tenant)
        if since is not None:
            query = query.where(outcome_events.c.at >= since)
        query = query.order_by(outcome_events.c.at, outcome_events.c.number)
        with reading(self._engine) as connection:
            return [
                TicketEvent(
                    ticket_id=row.ticket_id,
                    event_id=row.event_id,
                    kind=row.kind,
                    at=row.at,
                    data=row.data,
                )
                for row in connection.execute(query)
            ]

    def metrics(self, tenant: str, since: datetime | None = None) -> Metrics:
        """Return how the tenant's desk did from ``since`` on, or from the beginning."""
        with reading(self._engine) as connection:
            return read_metrics(connection, tenant, since)

    def sweep(self, now: datetime) -> int:
        """Free every reservation past its time, of all tenants; return how many there were.

        The ledger never counts them anyway: this is for those whose tenant makes no more calls.
        """
        expired = (effects.c.state == EffectState.RESERVED) & (effects.c.reserved_until <= now)
        query = select(effects.c.tenant).where(expired).distinct()
        with reading(self._engine) as connection:
            tenants = connection.scalars(query).all()
        freed = 0
        for tenant in tenants:
            with writing(self._engine, lock=tenant_lock(tenant)) as connection:
                freed += free_expired(connection, tenant, now)
        return freed


def _record(connection: Connection, snapshot: Snapshot, now: datetime) -> None:
    _upsert_ticket(connection, snapshot, now)
    judgements.keep(connection, snapshot.view.tenant, snapshot.view.ticket_id, snapshot.judgements)
    for event in snapshot.events:
        if _insert_event(connection, snapshot.view, event):
            append_audit(
                connection,
                at=event.at,
                tenant=snapshot.view.tenant,
                ticket_id=snapshot.view.ticket_id,
                actor=_actor(snapshot.view, event),
                what=event.kind,
                detail={"event_id": event.event_id, "data": dict(event.data)},
            )


def _upsert_ticket(connection: Connection, snapshot: Snapshot, now: datetime) -> None:
    view = snapshot.view
    triage = view.classification
    columns = {
        "status": view.status,
        "mode": view.mode,
        "intent": triage.intent if triage else None,
        "priority": triage.priority if triage else None,
        "subject": view.subject,
        "opened_at": view.opened_at,
        "closure": view.closure,
        "view": view.model_dump(mode="json"),
        "sequence": snapshot.sequence,
        "updated_at": now,
    }
    key = {"tenant": view.tenant, "ticket_id": view.ticket_id}
    statement = insert_into(connection, tickets).values(key | columns)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(key),
            set_=columns,
            where=tickets.c.sequence <= statement.excluded.sequence,
        )
    )


def _insert_event(connection: Connection, view: TicketView, event: OutcomeEvent) -> bool:
    key = {"tenant": view.tenant, "ticket_id": view.ticket_id, "event_id": event.event_id}
    statement = (
        insert_into(connection, outcome_events)
        .values(key | {"kind": event.kind, "at": event.at, "data": dict(event.data)})
        .on_conflict_do_nothing(index_elements=list(key))
        .returning(outcome_events.c.number)
    )
    return connection.execute(statement).first() is not None


def _actor(view: TicketView, event: OutcomeEvent) -> str:
    if event.kind == "decided":
        for outcome in view.approvals:
            if outcome.request_id == event.data.get("request_id") and outcome.approver:
                return outcome.approver
    return DESK


def _key(tenant: str, ticket_id: str, request_id: str) -> dict[str, object]:
    return {"tenant": tenant, "ticket_id": ticket_id, "request_id": request_id}


def _summary(row: RowMapping) -> TicketSummary:
    total = None
    if row["total_minor"] is not None:
        total = Money(amount_minor=row["total_minor"], currency=row["currency"])
    pending: dict[str, Any] = row["pending"] or {}
    if pending.get("request_id") != row["request_id"]:  # the snapshot is of before or after it
        pending = {}
    with_people: dict[str, Any] = row["escalation"] or {}
    if row["status"] != Status.ESCALATED:
        with_people = {}
    route: dict[str, Any] = with_people.get("route") or {}
    return TicketSummary(
        ticket_id=row["ticket_id"],
        tenant=row["tenant"],
        status=row["status"],
        mode=row["mode"],
        intent=row["intent"],
        priority=row["priority"],
        subject=row["subject"],
        request_id=row["request_id"],
        deadline=row["deadline"],
        action_kinds=tuple(row["action_kinds"] or ()),
        total=total,
        rung=pending.get("rung"),
        claim=pending.get("claim"),
        queue=route.get("queue") or with_people.get("queue"),
        person=with_people.get("taken_by") or route.get("person"),
        opened_at=row["opened_at"],
    )
