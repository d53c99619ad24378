"""What the resolution agent proposes, and what became of each action."""

from enum import StrEnum
from typing import Literal

from pydantic import Field, JsonValue

from closeloop.models.base import Money, UtcTime, Wire
from closeloop.models.spending import ModelCall


class Action(Wire):
    """One typed step on a backend.

    ``kind`` and ``params`` are loose on the wire: they come from a model, and an unknown kind must
    escalate, not wedge the workflow. ``actions.catalogue.parse`` makes them exact.
    ``requested_by`` names the customer's messages that asked for it.
    """

    action_id: str
    kind: str
    params: dict[str, JsonValue] = Field(default_factory=dict)
    reason: str = ""
    requested_by: tuple[str, ...] = ()


class Draft(Wire):
    """A reply before it is sent.

    ``text`` may hold ``{{n.amount}}``, ``{{n.receipt_id}}`` or ``{{n.summary}}``: n counts the
    proposal's actions from 1, and the value comes from that action's receipt, or the reply is not
    sent. ``cites`` are ids of passages retrieved for this ticket. ``by_person`` says that an
    approver put their own words in its place.
    """

    text: str
    cites: tuple[str, ...] = ()
    by_person: bool = False


CommitmentKind = Literal["reply", "callback", "settlement"]
"""What is promised: to be heard from, to be called, or money that arrives."""


class CommitmentDraft(Wire):
    """A promise that the reply makes; a call is due when it was booked for, whatever it says."""

    kind: CommitmentKind = "reply"
    text: str
    due_in_hours: float
    check: str = "person"


class EscalationDraft(Wire):
    """Why a person should take over, and what they should know."""

    reason: str
    summary: str
    recommendation: str = ""


class Proposal(Wire):
    """What the agent wants next.

    Exactly one of three kinds: an answer (``reply``, with ``actions`` or without), a question
    (``reply`` and ``asks_customer``), or an ``escalation``. ``asks_identity`` says that all it asks
    is who writes: where codes are sent, that question is asked with one. ``source`` is who wrote
    it: ``offline``, or a language model by its id.
    """

    proposal_id: str = ""
    goal: str = ""
    actions: tuple[Action, ...] = ()
    reply: Draft | None = None
    asks_customer: bool = False
    asks_identity: bool = False
    commitments: tuple[CommitmentDraft, ...] = ()
    escalation: EscalationDraft | None = None
    rationale: str = ""
    source: str = "offline"
    calls: tuple[ModelCall, ...] = ()


class ActionState(StrEnum):
    """Where an action stands."""

    PROPOSED = "proposed"
    REFUSED = "refused"
    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    EXECUTING = "executing"
    VERIFIED = "verified"
    FAILED = "failed"
    UNKNOWN = "unknown"
    COMPENSATED = "compensated"
    SKIPPED = "skipped"


class Receipt(Wire):
    """What the system of record says after a write."""

    receipt_id: str
    summary: str
    amount: Money | None = None
    settled: bool = True
    at: UtcTime


class ActionError(Wire):
    """Why an action did not happen; ``code`` is stable, ``message`` is for people."""

    code: str
    message: str


class ActionRecord(Wire):
    """An action with what became of it."""

    action: Action
    effect_id: str | None = None
    state: ActionState = ActionState.PROPOSED
    attempts: int = 0
    receipt: Receipt | None = None
    error: ActionError | None = None


class Observation(Wire):
    """What the agent is told when something it proposed did not work."""

    kind: Literal["refused", "rejected", "failed", "not_verified", "invalid", "drift"]
    action_kind: str | None = None
    code: str
    message: str


class ConversationMessage(Wire):
    """A message as models see it."""

    message_id: str
    sender: str
    text: str


class ProposeRequest(Wire):
    """What a resolution agent is given; records are fetched by id inside the activity.

    ``earlier`` has a line for each message that the conversation shows no more.
    ``offline`` asks the models that need no server, whichever are in use otherwise.
    """

    tenant: str
    ticket_id: str
    proposal_number: int
    customer_id: str | None
    display_name: str | None = None
    assurance: str
    subject: str
    classification_intent: str
    confidence: float
    topics: tuple[str, ...] = ()
    order_ids: tuple[str, ...] = ()
    item_mentions: tuple[str, ...] = ()
    amounts: tuple[Money, ...] = ()
    passage_ids: tuple[str, ...] = ()
    conversation: tuple[ConversationMessage, ...]
    earlier: tuple[str, ...] = ()
    observations: tuple[Observation, ...] = ()
    done: tuple[ActionRecord, ...] = ()
    offline: bool = False
