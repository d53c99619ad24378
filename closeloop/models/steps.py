"""What activities take and give: one model in, one model out."""

from typing import Literal

from pydantic import Field

from closeloop.models.approval import Approver
from closeloop.models.base import Money, UtcTime, Wire
from closeloop.models.knowledge import Passage
from closeloop.models.proposal import Action, ActionError, Receipt
from closeloop.models.state import OutcomeEvent, Terms
from closeloop.models.ticket import Assurance, Customer
from closeloop.models.triage import Classification, ClassifyRequest, CustomerContext
from closeloop.models.view import TicketView


class Scope(Wire):
    """Whose ticket a call is about; part of every activity's input."""

    tenant: str
    ticket_id: str


class ClassifyTicket(Scope):
    """Input of ``classify_ticket``."""

    request: ClassifyRequest


class LoadCustomer(Scope):
    """Input of ``load_customer``."""

    customer: Customer
    assurance: Assurance


class LoadedCustomer(Wire):
    """Output of ``load_customer``: the customer and the desk's terms as they stand now."""

    customer: CustomerContext
    terms: Terms


class RetrieveKnowledge(Scope):
    """Input of ``retrieve_knowledge``."""

    classification: Classification
    query: str


class RetrievedKnowledge(Wire):
    """Output of ``retrieve_knowledge``; passages without their text."""

    passages: tuple[Passage, ...] = ()


class ReadConfirmation(Scope):
    """Input of ``read_confirmation``: the customer's words after a resolution."""

    text: str


class Snapshot(Wire):
    """What an activity writes to the operations database beside its own work.

    ``sequence`` rises with every snapshot of a ticket: a late one never overwrites a newer one.
    """

    view: TicketView
    events: tuple[OutcomeEvent, ...] = ()
    sequence: int = 0


class ExecuteAction(Scope):
    """Input of every activity that performs a WRITE action.

    ``effect_id`` and ``components`` (component id to minor units) come from the judgement's facts;
    the limits are re-checked in the transaction that records the intent, those of the ``scopes``
    (``order:#W1001``, ``instrument:card_1``) included.
    """

    action: Action
    customer_id: str | None
    effect_id: str
    components: dict[str, int] = Field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    amount: Money | None = None
    approved_by: str | None = None
    request_id: str | None = None


class ActionOutcome(Wire):
    """Output of every activity that performs a WRITE action."""

    state: Literal["done", "unknown"]
    receipt: Receipt | None = None
    attempts: int = 1


class VerifyAction(Scope):
    """Input of ``verify_action``: read the effect back from the system of record.

    ``besides`` are ids of receipts that prove something else already.
    """

    action: Action
    effect_id: str
    amount: Money | None = None
    besides: tuple[str, ...] = ()


class Verification(Wire):
    """Output of ``verify_action``: whether the postcondition holds, and what was read."""

    holds: bool
    receipt: Receipt | None = None
    problem: ActionError | None = None


class VerifyResolution(Scope):
    """Input of ``verify_resolution``: what a person says they did on backends."""

    effects: tuple[ExecuteAction, ...]


class RecordedEffects(Wire):
    """Output of ``verify_resolution``, in the order asked for."""

    effect_ids: tuple[str, ...] = ()
    receipts: tuple[Receipt, ...] = ()


class SendReply(Scope):
    """Input of ``send_reply``: the reply goes to the contact on file, or to the ticket's e-mail."""

    reply_id: str
    customer_id: str | None
    fallback_email: str | None = None
    subject: str
    text: str
    snapshot: Snapshot


class CreateEscalation(Scope):
    """Input of ``create_escalation``: the hand-over pack for the human queue."""

    number: int
    queue: str
    reason: str
    pack: str
    snapshot: Snapshot


class RequestApproval(Scope):
    """Input of ``request_approval``: publish a request and reserve what it would spend."""

    request_id: str
    customer_id: str | None
    action_kinds: tuple[str, ...]
    effects: tuple[ExecuteAction, ...]
    total: Money | None
    deadline: UtcTime
    snapshot: Snapshot


class ApprovalPublished(Wire):
    """Output of ``request_approval``: who may decide now."""

    roster: tuple[Approver, ...] = ()


class SettleApproval(Scope):
    """Input of ``settle_approval``: a request ended; its reservations go unless it was approved.

    ``dropped`` are effects of actions that the approver took out: theirs go in any case.
    """

    request_id: str
    outcome: Literal["approved", "rejected", "expired", "withdrawn"]
    effect_ids: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    snapshot: Snapshot


class CheckApprover(Scope):
    """Input of ``check_approver``: the live roster's word on a person.

    ``customer_id`` is the customer whose contact on file counts among the ``requesters``.
    """

    approver: str
    requesters: tuple[str, ...] = ()
    customer_id: str | None = None
    total: Money | None = None


class CloseTicket(Scope):
    """Input of ``close_ticket``: the CRM note, the last outcome events, the final snapshot."""

    number: int
    customer_id: str | None
    note: str
    snapshot: Snapshot


class RecordOutcome(Scope):
    """Input of ``record_outcome``: events and a snapshot with no other work to ride on."""

    snapshot: Snapshot


class Recorded(Wire):
    """Output of an activity that only records."""

    receipt: Receipt | None = None
