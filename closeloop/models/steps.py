"""What activities take and give: one model in, one model out."""

from typing import Literal

from pydantic import Field

from closeloop.models.approval import ApprovalTerms, Approver, RequestOutcome
from closeloop.models.base import Money, UtcTime, Wire
from closeloop.models.callbacks import CallbackRecord
from closeloop.models.handover import HandOverPack
from closeloop.models.identity import CodeOutcome, CodeTerms, GivenCodes
from closeloop.models.knowledge import Passage
from closeloop.models.labels import DecisionLabel
from closeloop.models.policy import RecordedJudgement
from closeloop.models.proposal import Action, ActionError, ActionRecord, Receipt
from closeloop.models.routing import Route, RouteRequest
from closeloop.models.sla import OpenHours
from closeloop.models.spending import ModelCall
from closeloop.models.state import OutcomeEvent, Terms
from closeloop.models.ticket import Assurance, Customer
from closeloop.models.triage import Classification, ClassifyRequest, CustomerContext
from closeloop.models.view import TicketView


class Scope(Wire):
    """Whose ticket a call is about; part of every activity's input."""

    tenant: str
    ticket_id: str


class ClassifyTicket(Scope):
    """Input of ``classify_ticket``; ``offline`` as in ``ProposeRequest``."""

    request: ClassifyRequest
    offline: bool = False


class LoadCustomer(Scope):
    """Input of ``load_customer``; the ticket's clocks began at ``clock_start``."""

    customer: Customer
    assurance: Assurance
    clock_start: UtcTime | None = None


class LoadedCustomer(Wire):
    """Output of ``load_customer``: the customer and the desk's terms as they stand now."""

    customer: CustomerContext
    terms: Terms


class ReadHours(Scope):
    """Input of ``read_hours``: a calendar from ``since`` on, scaled around ``clock_start``."""

    calendar: str
    clock_start: UtcTime
    since: UtcTime


class HoursRead(Wire):
    """Output of ``read_hours``."""

    hours: OpenHours


class RetrieveKnowledge(Scope):
    """Input of ``retrieve_knowledge``; ``offline`` as in ``ProposeRequest``."""

    classification: Classification
    query: str
    offline: bool = False


class RetrievedKnowledge(Wire):
    """Output of ``retrieve_knowledge``; passages without their text.

    ``missing`` says in a sentence what the customer needs to know and no passage says.
    """

    passages: tuple[Passage, ...] = ()
    missing: str = ""
    calls: tuple[ModelCall, ...] = ()


class ReadConfirmation(Scope):
    """Input of ``read_confirmation``: the customer's words after a resolution."""

    text: str


class Snapshot(Wire):
    """What an activity writes to the operations database beside its own work.

    ``sequence`` rises with every snapshot of a ticket: a late one never overwrites a newer one.
    """

    view: TicketView
    events: tuple[OutcomeEvent, ...] = ()
    judgements: tuple[RecordedJudgement, ...] = ()
    sequence: int = 0


class ExecuteAction(Scope):
    """Input of every activity that performs a WRITE action.

    ``effect_id`` and ``components`` (component id to minor units) come from the judgement's facts;
    the limits are re-checked in the transaction that records the intent, those of the ``scopes``
    (``order:#W1001``, ``instrument:card_1``) included. An undo names the effect that it
    ``takes_back``.
    """

    action: Action
    customer_id: str | None
    effect_id: str
    components: dict[str, int] = Field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    amount: Money | None = None
    approved_by: str | None = None
    request_id: str | None = None
    takes_back: str | None = None


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
    """Input of ``verify_resolution``: what a person says they did on backends.

    ``advised`` is what they were advised to do, and may have done without saying so.
    """

    effects: tuple[ExecuteAction, ...]
    advised: tuple[ExecuteAction, ...] = ()


class AdvisedEffect(Wire):
    """Something that was advised, and that the system of record shows as done by a person."""

    action: Action
    effect_id: str
    receipt: Receipt


class RecordedEffects(Wire):
    """Output of ``verify_resolution``, in the order asked for; of the advice what was done."""

    effect_ids: tuple[str, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    advised: tuple[AdvisedEffect, ...] = ()


class RecallEffects(Scope):
    """Input of ``recall_effects``: what ``made_by``, and the tickets between it and this one, did.

    ``effect_id`` None asks for all of it.
    """

    made_by: str
    effect_id: str | None = None


class RecalledEffects(Wire):
    """Output of ``recall_effects``: what still stood when it was recorded."""

    records: tuple[ActionRecord, ...] = ()


class SendReply(Scope):
    """Input of ``send_reply``: the reply goes to the contact on file, or to the ticket's e-mail."""

    reply_id: str
    customer_id: str | None
    fallback_email: str | None = None
    subject: str
    text: str
    snapshot: Snapshot


class CreateEscalation(Scope):
    """Input of ``create_escalation``: the hand-over pack, and what the ticket is routed by.

    It goes to ``queue`` where nothing routes tickets. A version before sent its pack as text.
    """

    number: int
    queue: str
    reason: str
    pack: str = ""
    details: HandOverPack | None = None
    routing: RouteRequest | None = None
    snapshot: Snapshot


class EscalationCreated(ActionOutcome):
    """Output of ``create_escalation``; ``route`` is None where nothing routes tickets."""

    route: Route | None = None


class CloseCase(Scope):
    """Input of ``close_case``: the ticket's n-th stay with people is over."""

    number: int
    snapshot: Snapshot


class RequestApproval(Scope):
    """Input of ``request_approval``: publish a request and reserve what it would spend.

    The ticket's clocks began at ``clock_start``; None on tickets older than the ladder.
    """

    request_id: str
    customer_id: str | None
    action_kinds: tuple[str, ...]
    effects: tuple[ExecuteAction, ...]
    total: Money | None
    deadline: UtcTime
    snapshot: Snapshot
    clock_start: UtcTime | None = None
    requested_at: UtcTime | None = None


class ApprovalPublished(Wire):
    """Output of ``request_approval``: who may decide now, and how."""

    roster: tuple[Approver, ...] = ()
    terms: ApprovalTerms = ApprovalTerms()


class SettleApproval(Scope):
    """Input of ``settle_approval``: a request ended; its reservations go unless it was approved.

    ``dropped`` are effects of actions that the approver took out: theirs go in any case. ``label``
    is kept where a person decided.
    """

    request_id: str
    outcome: RequestOutcome
    effect_ids: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    snapshot: Snapshot
    label: DecisionLabel | None = None


class CheckApprover(Scope):
    """Input of ``check_approver``: the live roster's word on a person, as it is ``at`` a time.

    ``customer_id`` is the customer whose contact on file counts among the ``requesters``.
    """

    approver: str
    requesters: tuple[str, ...] = ()
    customer_id: str | None = None
    total: Money | None = None
    at: UtcTime | None = None


class RaiseAlert(Scope):
    """Input of ``raise_alert``: words for the people of a queue, none of them the customer's."""

    number: int
    queue: str
    text: str
    snapshot: Snapshot


class CloseTicket(Scope):
    """Input of ``close_ticket``: the CRM note, the last outcome events, the final snapshot.

    ``past_ticket``: it may serve as an example of wording; see ``workflows.past_ticket``.
    """

    number: int
    customer_id: str | None
    note: str
    snapshot: Snapshot
    past_ticket: bool = False


class RecordOutcome(Scope):
    """Input of ``record_outcome``: events and a snapshot with no other work to ride on."""

    snapshot: Snapshot


class Recorded(Wire):
    """Output of an activity that only records."""

    receipt: Receipt | None = None


class BookNextCall(Scope):
    """Input of ``book_next_call``: another try of a call, at a free time after ``after``."""

    customer_id: str
    booking_id: str
    number: int
    after: UtcTime


class ReadCall(Scope):
    """Input of ``read_call``."""

    booking_id: str


class CallRead(Wire):
    """Output of ``read_call`` and ``book_next_call``; None where there is no such call."""

    call: CallbackRecord | None = None


class SendCode(Scope):
    """Input of ``send_code``: the ticket's n-th code, at the ticket's own time ``at``."""

    number: int
    customer_id: str | None
    customer: Customer
    at: UtcTime
    terms: CodeTerms


class CodeSent(Wire):
    """Output of ``send_code``.

    ``sent`` is also said of a stranger, to whom nothing goes: nobody can tell the two apart.
    """

    outcome: Literal["sent", "locked", "contact_changed"]


class CheckCode(Scope):
    """Input of ``check_code``: what a customer's messages hold that may be a code, oldest first."""

    customer_id: str | None
    customer: Customer
    given: tuple[GivenCodes, ...]
    at: UtcTime
    terms: CodeTerms


class CodeChecked(Wire):
    """Output of ``check_code``; ``left`` is how often a code may still be wrong."""

    outcome: CodeOutcome
    left: int = 0


class ReadConsent(Scope):
    """Input of ``read_consent``: the customer's words after a question about an effect."""

    text: str


class ConsentRead(Wire):
    """Output of ``read_consent``; ``other`` is everything but a plain yes or no."""

    answer: Literal["yes", "no", "other"]
