"""Approval requests, decisions, operations, and the receipts their senders get.

What callers hand in here also travels to workflows, and rests in their state: a worker of another
version must not drop it for a field that it does not know. ``intake.parse_input`` refuses unknown
fields at the door.
"""

import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, StringConstraints, model_validator

from closeloop.models.base import MAX_SAFE_MINOR, Money, UtcTime, Wire
from closeloop.models.proposal import Action
from closeloop.models.ticket import Body, Id, Mode, Status

RejectCode = Literal[
    "wrong_action",
    "wrong_amount",
    "wrong_facts",
    "tone",
    "needs_information",
    "not_eligible",
    "other",
]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000)]
MessageId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:@<>+=/-]{1,200}$")]


class ActionEdit(Wire):
    """An approver's change to one action: drop it, or lower its amount (minor units)."""

    action_id: str
    drop: bool = False
    amount_minor: int | None = Field(default=None, strict=True, gt=0, le=MAX_SAFE_MINOR)


class Edit(Wire):
    """An approver's changes, inside the limits of what was asked."""

    reply: Body | None = None
    actions: tuple[ActionEdit, ...] = Field(default=(), max_length=20)


class Decision(Wire):
    """A person's decision on exactly one approval request: yes, no, or a question to the customer.

    ``decision_id`` makes a repetition harmless; ``binding_hash`` must be that of the request.
    ``ask`` is what the customer reads; the request is put aside, and their answer starts anew.
    """

    decision_id: MessageId
    request_id: str
    binding_hash: str
    approver: Id
    approve: bool
    reason: RejectCode | None = None
    words: Words = ""
    edit: Edit | None = None
    ask: Body | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.ask is not None and (self.approve or self.reason is not None):
            raise ValueError("a question to the customer goes with neither a yes nor a reason code")
        if not self.approve and self.reason is None and self.ask is None:
            raise ValueError("a rejection needs a reason code")
        if not self.approve and self.edit is not None:
            raise ValueError("an edit goes with an approval")
        return self


class RecordedEffect(Wire):
    """What a person did on a backend, to be read back from the system of record."""

    kind: Id
    params: dict[str, JsonValue] = Field(default_factory=dict)


class RecordedResolution(Wire):
    """How a person resolved an escalated ticket."""

    summary: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000)
    ]
    effects: tuple[RecordedEffect, ...] = Field(default=(), max_length=10)
    reply: Body | None = None


OperationName = Literal["claim", "take_over", "hand_back", "record_resolution", "lower_mode"]


class Operation(Wire):
    """What an operator does to a ticket; a mode is only ever lowered.

    ``claim`` says that a person is looking at the open request.
    """

    operation_id: MessageId
    operation: OperationName
    approver: Id
    resolution: RecordedResolution | None = None
    mode: Mode | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.operation == "record_resolution" and self.resolution is None:
            raise ValueError("record_resolution needs a resolution")
        if self.operation == "lower_mode" and self.mode is None:
            raise ValueError("lower_mode needs a mode")
        return self


class CustomerMessage(Wire):
    """A message of the customer; ``message_id`` makes a second delivery harmless."""

    message_id: MessageId
    text: Body


class BackendEvent(Wire):
    """A hint from a backend that something changed; it causes a read-back, it proves nothing.

    ``ticket_id`` is the closed ticket that made the effect, where a later one is told.
    """

    event_id: MessageId
    kind: Annotated[str, StringConstraints(max_length=64)]
    effect_id: Annotated[str, StringConstraints(max_length=200)] | None = None
    ticket_id: Annotated[str, StringConstraints(max_length=80)] | None = None


class UpdateReceipt(Wire):
    """What became of a message, decision or operation; repeated calls get the same one."""

    ticket_id: str
    id: str
    accepted: bool
    status: Status
    reason: str | None = None


Rung = Literal["team", "lead", "manager"]
"""Who is asked for a decision; each rung later than the one before it."""


class Absence(Wire):
    """UTC days, both included, on which ``delegate`` stands in for somebody."""

    first: datetime.date
    last: datetime.date
    delegate: str


class Approver(Wire):
    """A person who may decide; ``limit_minor`` bounds the total of one request."""

    approver_id: str
    email: str
    roles: tuple[str, ...]
    tenants: tuple[str, ...]
    limit_minor: int
    away: tuple[Absence, ...] = ()


class RungTime(Wire):
    """When a request that nobody has decided goes to the next rung."""

    rung: Rung
    at: UtcTime


class ApprovalTerms(Wire):
    """How a request is decided, as the desk's terms stood when it was asked.

    More than ``four_eyes_above`` minor units need two people; None means that one is enough.
    """

    four_eyes_above: int | None = None
    claim_seconds: float = 15 * 60
    ladder: tuple[RungTime, ...] = ()


class Claim(Wire):
    """A person is looking at a request; until it ends nobody else decides it."""

    approver: str
    at: UtcTime
    until: UtcTime


class FirstYes(Wire):
    """The first of two people's approval, with what that person changed.

    ``human_seconds`` is how long they looked at it; None where they had not claimed it.
    """

    approver: str
    at: UtcTime
    edit: Edit | None = None
    human_seconds: float | None = None


class ApprovalRequest(Wire):
    """A proposal that waits for a person, bound to a hash of exactly what would run.

    ``roster`` is who might decide when it was asked; the live roster is asked again. ``asked`` are
    those of them who are asked now; whoever may decide may do so without being asked. ``amounts``
    are minor units by action id, of those that move money.
    """

    request_id: str
    proposal_id: str
    ticket_id: str
    actions: tuple[Action, ...]
    summaries: tuple[str, ...] = ()
    reply: str | None = None
    reasons: tuple[str, ...] = ()
    total: Money | None = None
    amounts: dict[str, int] = Field(default_factory=dict)
    binding_hash: str
    requested_at: UtcTime
    reminder_at: UtcTime
    deadline: UtcTime
    reminded: bool = False
    roster: tuple[Approver, ...] = ()
    terms: ApprovalTerms = ApprovalTerms()
    rung: Rung = "team"
    asked: tuple[str, ...] = ()
    claim: Claim | None = None
    first: FirstYes | None = None


RequestOutcome = Literal["approved", "rejected", "asked", "expired", "withdrawn"]
"""``asked``: a person put a question to the customer instead."""


class ApprovalOutcome(Wire):
    """How an approval request ended; ``first_approver`` said yes before ``approver`` did."""

    request_id: str
    outcome: RequestOutcome
    approver: str | None = None
    first_approver: str | None = None
    reason: str | None = None
    words: str = ""
    edited: bool = False
    at: UtcTime
