"""The helpdesk's records: notes, cases for people, and the end of a ticket."""

from temporalio import activity

from activities.effects import Effects, Reader
from activities.past_tickets import PastTickets
from closeloop.actions.catalogue import parse
from closeloop.actions.desk import AddCrmNote
from closeloop.errors import BackendRefused
from closeloop.models.proposal import Receipt
from closeloop.models.records import NoteRecord
from closeloop.models.steps import (
    ActionOutcome,
    CloseTicket,
    CreateEscalation,
    ExecuteAction,
    RaiseAlert,
    Recorded,
)
from closeloop.names import idempotency_key
from closeloop.ports import Crm, Records


class CrmActivities:
    """Activities that write to the CRM."""

    def __init__(self, crm: Crm, effects: Effects, records: Records, past: PastTickets) -> None:
        """Keep the CRM, the exactly-once executor, the operations database and past tickets."""
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
    def create_escalation(self, step: CreateEscalation) -> ActionOutcome:
        """Put the ticket into a human queue once, and record where it stands."""
        key = idempotency_key(step.tenant, f"escalation:{step.ticket_id}:{step.number}")
        case = self._crm.find_escalation(step.tenant, key) or self._crm.create_escalation(
            step.tenant, key, step.queue, step.reason, step.pack
        )
        self._records.record(step.snapshot)
        receipt = Receipt(
            receipt_id=case.escalation_id,
            summary=f"case {case.escalation_id} in the {case.queue} queue",
            at=case.created_at,
        )
        return ActionOutcome(state="done", receipt=receipt, attempts=activity.info().attempt)

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
