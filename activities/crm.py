"""The helpdesk's records: notes, cases for people, and the end of a ticket."""

from temporalio import activity

from activities.effects import Effects, Reader
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
    Recorded,
)
from closeloop.names import idempotency_key
from closeloop.ports import Crm, Records


class CrmActivities:
    """Activities that write to the CRM."""

    def __init__(self, crm: Crm, effects: Effects, records: Records) -> None:
        """Keep the CRM port, the exactly-once executor and the operations database."""
        self._crm = crm
        self._effects = effects
        self._records = records

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
    def close_ticket(self, step: CloseTicket) -> Recorded:
        """Write the closing note to the CRM, then the last events and the final snapshot."""
        key = idempotency_key(step.tenant, f"closed:{step.ticket_id}:{step.number}")
        note = self._crm.find_note(step.tenant, key) or self._crm.add_note(
            step.tenant, key, step.customer_id, step.note
        )
        self._records.record(step.snapshot)
        return Recorded(receipt=_note(note))

    def _read_note(self, tenant: str, key: str) -> Receipt | None:
        record = self._crm.find_note(tenant, key)
        return None if record is None else _note(record)


def _note(record: NoteRecord) -> Receipt:
    return Receipt(
        receipt_id=record.note_id, summary=f"note {record.note_id}", at=record.created_at
    )
