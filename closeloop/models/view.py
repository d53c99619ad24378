"""How a ticket is shown: to callers, on the command line, in the operations database."""

from collections.abc import Sequence

from closeloop.models.approval import ApprovalOutcome, Claim, FirstYes, Rung
from closeloop.models.base import Money, UtcTime, Wire, clip
from closeloop.models.handover import HandOverPack, pack_of
from closeloop.models.knowledge import Passage
from closeloop.models.policy import Verdict
from closeloop.models.proposal import ActionError, ActionRecord, Proposal, Receipt
from closeloop.models.sla import Sla
from closeloop.models.state import Commitment, Cost, Escalation, TicketState
from closeloop.models.ticket import Assurance, Closure, Message, Mode, Status
from closeloop.models.triage import Classification


class ActionView(Wire):
    """One action, flat."""

    action_id: str
    kind: str
    params: dict[str, object]
    effect_id: str | None
    state: str
    attempts: int
    receipt: Receipt | None
    error: ActionError | None


class PendingApprovalView(Wire):
    """The approval request a ticket waits for; ``approvers`` may decide, ``asked`` are asked."""

    request_id: str
    binding_hash: str
    deadline: UtcTime
    total: Money | None
    summaries: tuple[str, ...]
    reasons: tuple[str, ...]
    reply: str | None
    action_ids: tuple[str, ...]
    approvers: tuple[str, ...]
    rung: Rung = "team"
    asked: tuple[str, ...] = ()
    claim: Claim | None = None
    first: FirstYes | None = None


class TicketView(Wire):
    """A ticket as ``show`` prints it."""

    ticket_id: str
    tenant: str
    status: Status
    closure: Closure | None
    mode: Mode
    mode_reasons: tuple[str, ...]
    subject: str
    customer_id: str | None
    opened_at: UtcTime
    classification: Classification | None
    passages: tuple[Passage, ...]
    proposals: tuple[Proposal, ...]
    verdicts: tuple[Verdict, ...]
    pending_approval: PendingApprovalView | None
    approvals: tuple[ApprovalOutcome, ...]
    actions: tuple[ActionView, ...]
    messages: tuple[Message, ...]
    commitments: tuple[Commitment, ...]
    escalation: Escalation | None
    waiting_until: UtcTime | None
    waiting_for: str
    csat: int | None
    sla: Sla
    cost: Cost
    linked: tuple[str, ...]
    assurance: Assurance = Assurance.NONE
    hand_over: HandOverPack | None = None


class TicketSummary(Wire):
    """One row of ``list`` and ``approvals``.

    ``queue`` and ``person`` are where an escalated ticket is: with nobody until somebody takes it.
    """

    ticket_id: str
    tenant: str
    status: Status
    mode: Mode
    intent: str | None
    priority: str | None
    subject: str
    request_id: str | None = None
    deadline: UtcTime | None = None
    action_kinds: tuple[str, ...] = ()
    total: Money | None = None
    rung: Rung | None = None
    claim: Claim | None = None
    queue: str | None = None
    person: str | None = None
    opened_at: UtcTime


def action_view(record: ActionRecord) -> ActionView:
    """Return ``record`` as it is shown."""
    return ActionView(
        action_id=record.action.action_id,
        kind=record.action.kind,
        params=dict(record.action.params),
        effect_id=record.effect_id,
        state=record.state.value,
        attempts=record.attempts,
        receipt=record.receipt,
        error=record.error,
    )


def view_of(state: TicketState) -> TicketView:
    """Return the whole ticket as it is shown."""
    request = state.approval
    pending = None
    if request is not None:
        pending = PendingApprovalView(
            request_id=request.request_id,
            binding_hash=request.binding_hash,
            deadline=request.deadline,
            total=request.total,
            summaries=request.summaries,
            reasons=request.reasons,
            reply=request.reply,
            action_ids=tuple(action.action_id for action in request.actions),
            approvers=tuple(person.approver_id for person in request.roster),
            rung=request.rung,
            asked=request.asked,
            claim=request.claim,
            first=request.first,
        )
    return TicketView(
        ticket_id=state.ticket.ticket_id,
        tenant=state.ticket.tenant,
        status=state.status,
        closure=state.closure,
        mode=state.mode,
        mode_reasons=state.mode_reasons,
        subject=state.ticket.subject,
        customer_id=state.customer.customer_id if state.customer else None,
        opened_at=state.opened_at,
        classification=state.classification,
        passages=state.passages,
        proposals=state.proposals,
        verdicts=state.verdicts,
        pending_approval=pending,
        approvals=state.approvals,
        actions=tuple(action_view(record) for record in state.actions),
        messages=state.messages,
        commitments=state.commitments,
        escalation=state.escalation,
        waiting_until=state.deadline,
        waiting_for=state.deadline_reason,
        csat=state.csat,
        sla=state.sla,
        cost=state.cost,
        linked=state.linked,
        assurance=state.assurance or state.ticket.assurance,
        hand_over=pack_of(state, state.escalation) if state.escalation else None,
    )


SNAPSHOT_MESSAGES = 8
SNAPSHOT_MESSAGE_CHARS = 600
SNAPSHOT_ROWS = 4


def snapshot_view(state: TicketState) -> TicketView:
    """Return a view small enough to travel through history at every stop of a ticket."""
    view = view_of(state)
    pack = view.hand_over
    return view.model_copy(
        update={
            "hand_over": pack and pack.model_copy(update={"last_words": ()}),
            "messages": _short(view.messages),
            "proposals": (),
            "verdicts": view.verdicts[-SNAPSHOT_ROWS:],
            "approvals": view.approvals[-SNAPSHOT_ROWS:],
            "actions": view.actions[-2 * SNAPSHOT_ROWS :],
        }
    )


def _short(messages: Sequence[Message]) -> tuple[Message, ...]:
    return tuple(
        m.model_copy(update={"text": clip(m.text, SNAPSHOT_MESSAGE_CHARS)})
        for m in messages[-SNAPSHOT_MESSAGES:]
    )
