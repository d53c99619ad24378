"""The state of one ticket: a frozen model, carried through continue-as-new."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from closeloop.models.approval import (
    ApprovalOutcome,
    ApprovalRequest,
    BackendEvent,
    Decision,
    RecordedResolution,
    UpdateReceipt,
)
from closeloop.models.base import Money, UtcTime, Wire
from closeloop.models.knowledge import Passage
from closeloop.models.policy import Judgement, Verdict
from closeloop.models.proposal import ActionRecord, EscalationDraft, Observation, Proposal
from closeloop.models.ticket import Closure, Message, Mode, Status, Ticket
from closeloop.models.triage import Classification, CustomerContext


class Phase(StrEnum):
    """What the workflow does next; the steps of DESIGN's life of a ticket."""

    UNDERSTAND = "understand"
    PROPOSE = "propose"
    JUDGE = "judge"
    APPROVE = "approve"
    ACT = "act"
    ANSWER = "answer"
    CONFIRM = "confirm"
    ESCALATE = "escalate"
    WITH_PERSON = "with_person"
    CLOSE = "close"
    DONE = "done"


class Terms(Wire):
    """The desk's terms as they stood when the ticket opened; every wait in seconds, scaled."""

    reminder_seconds: float = 4 * 3600
    approval_expiry_seconds: float = 24 * 3600
    quiet_window_seconds: float = 7 * 86400
    reopen_window_seconds: float = 7 * 86400
    answer_window_seconds: float = 7 * 86400
    escalation_reminder_seconds: float = 24 * 3600
    settlement_check_seconds: float = 24 * 3600
    settlement_limit_seconds: float = 30 * 86400
    resolution_target_seconds: dict[str, float] = Field(default_factory=dict)
    max_rounds: int = 4
    time_scale: float = 1.0
    mode_cap: Mode = Mode.AUTONOMOUS


class TimelineEntry(Wire):
    """One line of what happened."""

    at: UtcTime
    what: str
    detail: str = ""


class OutcomeEvent(Wire):
    """Something measurable happened; ``event_id`` is unique in its tenant and ticket."""

    event_id: str
    kind: str
    at: UtcTime
    data: dict[str, str | int | float | bool | None] = Field(default_factory=dict)


class TicketEvent(OutcomeEvent):
    """An outcome event with the ticket it belongs to, as metrics read it."""

    ticket_id: str


class Commitment(Wire):
    """A promise made to the customer in a sent reply."""

    commitment_id: str
    text: str
    due_at: UtcTime
    check: str


class Escalation(Wire):
    """A ticket's stay with people: why, where, since when."""

    number: int
    reason: str
    queue: str = "support"
    draft: EscalationDraft
    since: UtcTime
    receipt_id: str | None = None
    taken_by: str | None = None
    reminders: int = 0


class Sla(Wire):
    """When the resolution is due, and whether that was missed."""

    due_at: UtcTime | None = None
    breached: bool = False
    first_response_at: UtcTime | None = None
    resolved_at: UtcTime | None = None


class Cost(Wire):
    """What the ticket cost so far, in millionths of a US dollar, and in tokens."""

    usd_micros: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class TicketState(Wire):
    """Everything one ticket knows."""

    ticket: Ticket
    opened_by: str | None = None
    opened_at: UtcTime
    linked: tuple[str, ...] = ()
    phase: Phase = Phase.UNDERSTAND
    status: Status = Status.NEW
    closure: Closure | None = None
    customer_confirmed: bool = False
    mode: Mode = Mode.AUTONOMOUS
    mode_cap: Mode = Mode.AUTONOMOUS
    mode_reasons: tuple[str, ...] = ()
    terms: Terms = Terms()
    customer: CustomerContext | None = None
    classification: Classification | None = None
    passages: tuple[Passage, ...] = ()
    messages: tuple[Message, ...] = ()
    round: int = 0
    observations: tuple[Observation, ...] = ()
    proposal: Proposal | None = None
    proposals: tuple[Proposal, ...] = ()
    judgement: Judgement | None = None
    verdicts: tuple[Verdict, ...] = ()
    approval: ApprovalRequest | None = None
    decision: Decision | None = None
    approved_by: str | None = None
    approvals: tuple[ApprovalOutcome, ...] = ()
    actions: tuple[ActionRecord, ...] = ()
    commitments: tuple[Commitment, ...] = ()
    escalation: Escalation | None = None
    taken_by: str | None = None
    handed_back: bool = False
    recorded: RecordedResolution | None = None
    hints: tuple[BackendEvent, ...] = ()
    deadline: UtcTime | None = None
    deadline_reason: str = ""
    proposal_count: int = 0
    request_count: int = 0
    reply_count: int = 0
    escalation_count: int = 0
    reopened_count: int = 0
    event_count: int = 0
    snapshot_count: int = 0
    csat: int | None = None
    sla: Sla = Sla()
    cost: Cost = Cost()
    receipts: dict[str, UpdateReceipt] = Field(default_factory=dict)
    timeline: tuple[TimelineEntry, ...] = ()
    pending_events: tuple[OutcomeEvent, ...] = ()


class TicketStart(Wire):
    """The input of ``TicketWorkflow``: a ticket, or the state of the run before."""

    ticket: Ticket
    opened_by: str | None = None
    linked: tuple[str, ...] = ()
    state: TicketState | None = None


class TicketOutcome(Wire):
    """The result of a closed ticket: small, without the customer's words."""

    ticket_id: str
    tenant: str
    status: Literal[Status.CLOSED] = Status.CLOSED
    closure: Closure
    mode: Mode
    actions_verified: int
    refunded: tuple[Money, ...] = ()
