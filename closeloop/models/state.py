"""The state of one ticket: a frozen model, carried through continue-as-new."""

from enum import StrEnum
from typing import Final, Literal

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
from closeloop.models.callbacks import BookedCall, CallbackTerms
from closeloop.models.identity import CodeTerms, Consent, EffectAsked, Verification
from closeloop.models.knowledge import Passage
from closeloop.models.policy import Judgement, RecordedJudgement, Verdict
from closeloop.models.proposal import (
    ActionRecord,
    CommitmentKind,
    EscalationDraft,
    Observation,
    Proposal,
)
from closeloop.models.routing import Route
from closeloop.models.sla import ServiceLevels, Sla, SlaWatch
from closeloop.models.ticket import Assurance, Closure, Message, Mode, Status, Ticket
from closeloop.models.triage import Classification, CustomerContext
from closeloop.models.voice import Voice

SUPPORT_QUEUE: Final = "support"
"""The people's queue that a ticket goes to unless it is routed to another."""


class Phase(StrEnum):
    """What the workflow does next; the steps of DESIGN's life of a ticket."""

    LOOK_AGAIN = "look_again"
    UNDERSTAND = "understand"
    PROPOSE = "propose"
    JUDGE = "judge"
    APPROVE = "approve"
    ACT = "act"
    TAKE_BACK = "take_back"
    VERIFY = "verify"
    ANSWER = "answer"
    CALL = "call"
    CONFIRM = "confirm"
    ESCALATE = "escalate"
    WITH_PERSON = "with_person"
    CLOSE = "close"
    DONE = "done"


class Terms(Wire):
    """The desk's terms as they stood when the ticket opened; every wait in seconds, scaled.

    ``model_budget_micros`` is what language models may cost a ticket, in millionths of a US dollar.
    ``modes`` are caps by intent, beside ``mode_cap``, which is on all of them.
    ``checks_replies`` is False on a ticket that was opened before replies were checked. ``codes``
    are None where nobody is asked for a code; ``asks_consent`` says that customers are asked about
    an effect that they did not name. ``promise_at_risk`` is the share of a promise's time after
    which people are told of it; None on a ticket older than promises that are kept an eye on.
    ``callbacks`` are None where nobody is called.
    """

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
    model_budget_micros: int | None = None
    time_scale: float = 1.0
    mode_cap: Mode = Mode.AUTONOMOUS
    modes: dict[str, Mode] = Field(default_factory=dict)
    sla: ServiceLevels | None = None
    checks_replies: bool = False
    codes: CodeTerms | None = None
    asks_consent: bool = False
    voice: Voice | None = None
    promise_at_risk: float | None = None
    callbacks: CallbackTerms | None = None


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


CommitmentState = Literal["open", "kept", "missed", "released"]
"""``released``: the customer moved it, or called it off."""


class Commitment(Wire):
    """A promise made to the customer in a sent reply.

    Its kind says by what it is checked. ``at_risk_at`` is when people are told that it is not kept
    yet, ``warned`` that they were; ``settled_at`` when it was kept, or missed. Without
    ``at_risk_at`` it is older than promises that are kept an eye on.
    """

    commitment_id: str
    text: str
    due_at: UtcTime
    check: str
    kind: CommitmentKind = "reply"
    state: CommitmentState = "open"
    at_risk_at: UtcTime | None = None
    warned: bool = False
    settled_at: UtcTime | None = None


class Escalation(Wire):
    """A ticket's stay with people: why, where, since when.

    ``stays``: it was handed back before and came again for the same reason; people keep it.
    ``route`` is None where nothing routes tickets, and until the case is created.
    """

    number: int
    reason: str
    queue: str = SUPPORT_QUEUE
    draft: EscalationDraft
    since: UtcTime
    receipt_id: str | None = None
    taken_by: str | None = None
    reminders: int = 0
    stays: bool = False
    route: Route | None = None


class Cost(Wire):
    """What the ticket cost so far, in millionths of a US dollar, and in tokens."""

    usd_micros: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


StandIn = Literal["models_down", "over_budget"]
"""Why the offline models stand in for the language models."""


class TicketState(Wire):
    """Everything one ticket knows.

    ``returned`` are the reasons of the stays with people that one of them ended by handing back.
    ``assurance`` is what a code has raised the ticket's own to. ``consent_asked`` are the effects
    that the customer was asked about; ``consent_open`` says that the answer is still to come.
    ``claim_news``: a person has claimed the request, which nobody was told yet; the customer hears
    of it once (``told_of_person``). ``question_id`` is the last question that a person, or the desk
    itself, asked them. ``callback`` is the call that is still to come.
    """

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
    assurance: Assurance | None = None
    verification: Verification | None = None
    consents: tuple[Consent, ...] = ()
    consent_asked: tuple[EffectAsked, ...] = ()
    consent_open: bool = False
    classification: Classification | None = None
    passages: tuple[Passage, ...] = ()
    messages: tuple[Message, ...] = ()
    recap: tuple[str, ...] = ()
    round: int = 0
    observations: tuple[Observation, ...] = ()
    proposal: Proposal | None = None
    proposals: tuple[Proposal, ...] = ()
    judgement: Judgement | None = None
    verdicts: tuple[Verdict, ...] = ()
    approval: ApprovalRequest | None = None
    decision: Decision | None = None
    approved_by: str | None = None
    claim_news: bool = False
    told_of_person: bool = False
    question_id: str | None = None
    approvals: tuple[ApprovalOutcome, ...] = ()
    actions: tuple[ActionRecord, ...] = ()
    commitments: tuple[Commitment, ...] = ()
    callback: BookedCall | None = None
    escalation: Escalation | None = None
    taken_by: str | None = None
    handed_back: bool = False
    returned: tuple[str, ...] = ()
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
    watch: SlaWatch = SlaWatch()
    cost: Cost = Cost()
    stand_in: StandIn | None = None
    receipts: dict[str, UpdateReceipt] = Field(default_factory=dict)
    timeline: tuple[TimelineEntry, ...] = ()
    pending_events: tuple[OutcomeEvent, ...] = ()
    pending_judgements: tuple[RecordedJudgement, ...] = ()


class TicketStart(Wire):
    """The input of ``TicketWorkflow``: a ticket, or the state of the run before.

    ``hint`` is the backend's event that opened it, where no customer's words did.
    """

    ticket: Ticket
    opened_by: str | None = None
    linked: tuple[str, ...] = ()
    hint: BackendEvent | None = None
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
