"""The helpdesk's records: notes, cases for people, and the end of a ticket."""

from temporalio import activity

from activities.effects import Effects, Reader
from activities.past_tickets import PastTickets
from closeloop.actions.catalogue import parse
from closeloop.actions.desk import AddCrmNote
from closeloop.errors import BackendRefused, BackendUnavailable
from closeloop.models.handover import rendered
from closeloop.models.proposal import Receipt
from closeloop.models.records import EscalationRecord, NoteRecord
from closeloop.models.routing import Route
from closeloop.models.steps import (
    ActionOutcome,
    CloseCase,
    CloseTicket,
    CreateEscalation,
    EscalationCreated,
    ExecuteAction,
    RaiseAlert,
    Recorded,
)
from closeloop.names import idempotency_key
from closeloop.ports import Crm, PolicyBook, Records


class CrmActivities:
    """Activities that write to the CRM."""

    def __init__(
        self, crm: Crm, effects: Effects, records: Records, past: PastTickets, book: PolicyBook
    ) -> None:
        """Keep the CRM, the exactly-once executor, operations database, past tickets, routes."""
        self._book = book
        self._crm = crm
        self._effects = effects
        self._records = records
        self._past = past

    @property
    def readers(self) -> dict[str, Reader]:
        """How each kind of this class is read back."""
        return {AddCrmNote.kind: lambda check, key: self._read_note(check.tenant, key)}

    @activity.defn
    def add_crm_note(self, step: ExecuteAction) -> ActionOutcome:
        """Write a note once; see ``Effects.perform`` for what it raises."""
        params = parse(step.action)
        if not isinstance(params, AddCrmNote):
            raise BackendRefused("not a note", code="invalid")

        def write(key: str) -> Receipt:
            return _note(self._crm.add_note(step.tenant, key, step.customer_id, params.text))

        return self._effects.perform(
            step, read=lambda key: self._read_note(step.tenant, key), write=write
        )

    @activity.defn
    def create_escalation(self, step: CreateEscalation) -> EscalationCreated:
        """Put the ticket into a human queue once, or give it to somebody; record where it stands.

        A case that is there already stays where it was put, whoever would get it now.
        """
        key = _case_key(step.tenant, step.ticket_id, step.number)
        case = self._crm.find_escalation(step.tenant, key)
        if case is not None:
            route = self._route_of(step, case)
        else:
            route = self._route(step)
            case = self._crm.create_escalation(
                step.tenant,
                key,
                route.queue if route else step.queue,
                step.reason,
                rendered(step.details) if step.details else step.pack,
                route.person if route else None,
                step.details,
            )
        self._records.record(step.snapshot)
        return EscalationCreated(
            state="done", receipt=_case(case), attempts=activity.info().attempt, route=route
        )

    @activity.defn
    def close_case(self, step: CloseCase) -> Recorded:
        """Mark the ticket's case as done, and read that back; record where the ticket stands.

        Raises:
            BackendRefused: ``no_case``.
            BackendUnavailable: the helpdesk still shows it as open.
        """
        key = _case_key(step.tenant, step.ticket_id, step.number)
        self._crm.close_escalation(step.tenant, key)
        case = self._crm.find_escalation(step.tenant, key)
        if case is None or case.status != "done":
            raise BackendUnavailable(f"the helpdesk does not show the case {key} as done")
        self._records.record(step.snapshot)
        return Recorded(receipt=_case(case))

    def _route(self, step: CreateEscalation) -> Route | None:
        if step.routing is None:
            return None
        return self._book.route(step.tenant, step.routing, self._crm.open_cases(step.tenant))

    def _route_of(self, step: CreateEscalation, case: EscalationRecord) -> Route | None:
        if step.routing is None:
            return None
        return self._book.route_to(step.tenant, step.routing, case.queue, case.person)

    @activity.defn
    def raise_alert(self, step: RaiseAlert) -> Recorded:
        """Tell the people of a queue once, and record where the ticket stands."""
        key = idempotency_key(step.tenant, f"alert:{step.ticket_id}:{step.number}")
        alert = self._crm.find_alert(step.tenant, key) or self._crm.raise_alert(
            step.tenant, key, step.queue, step.text
        )
        self._records.record(step.snapshot)
        receipt = Receipt(
            receipt_id=alert.alert_id, summary=f"alert {alert.alert_id}", at=alert.created_at
        )
        return Recorded(receipt=receipt)

    @activity.defn
    def close_ticket(self, step: CloseTicket) -> Recorded:
        """Write the closing note to the CRM, the last events and snapshot, then the past ticket."""
        key = idempotency_key(step.tenant, f"closed:{step.ticket_id}:{step.number}")
        note = self._crm.find_note(step.tenant, key) or self._crm.add_note(
            step.tenant, key, step.customer_id, step.note
        )
        self._records.record(step.snapshot)
        if step.past_ticket:
            self._past.keep(step)
        return Recorded(receipt=_note(note))

    def _read_note(self, tenant: str, key: str) -> Receipt | None:
        record = self._crm.find_note(tenant, key)
        return None if record is None else _note(record)


def _note(record: NoteRecord) -> Receipt:
    return Receipt(
        receipt_id=record.note_id, summary=f"note {record.note_id}", at=record.created_at
    )


def _case_key(tenant: str, ticket_id: str, number: int) -> str:
    return idempotency_key(tenant, f"escalation:{ticket_id}:{number}")


def _case(case: EscalationRecord) -> Receipt:
    whose = f", with {case.person}" if case.person else ""
    return Receipt(
        receipt_id=case.escalation_id,
        summary=f"case {case.escalation_id} in the {case.queue} queue{whose}",
        at=case.created_at,
    )
