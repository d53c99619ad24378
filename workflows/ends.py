"""How a ticket's turns end: answered, resolved, confirmed, reopened, closed; pure transitions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.models.base import clip
    from closeloop.models.proposal import ActionState
    from closeloop.models.state import Phase, TicketOutcome, TicketState
    from closeloop.models.ticket import Closure, Message, Status
    from workflows import conversation
    from workflows import state as transitions

NOTICES: Final = frozenset({Status.AWAITING_APPROVAL, Status.ESCALATED})
"""Where a message is only a notice: it begins no new round, and what was tried stays known."""


def replied(
    state: TicketState,
    reply_id: str,
    text: str,
    now: datetime,
    *,
    status: Status,
) -> TicketState:
    """Return the state after a reply went out."""
    message = Message(message_id=reply_id, sender="closeloop", text=text, at=now, handled=True)
    state = conversation.said(state, message)
    state = state.model_copy(update={"status": status, "reply_count": state.reply_count + 1})
    if status not in NOTICES:
        state = state.model_copy(update={"observations": (), "round": 0})
    state = transitions.note(state, now, "replied", clip(text, 120))
    return resolved(state, now) if status is Status.RESOLVED else state


def resolved(state: TicketState, now: datetime) -> TicketState:
    """Return the state of a ticket whose answer went out; the customer has the word."""
    due = state.sla.due_at
    within = None if due is None else now < due
    breached = state.sla.breached or within is False
    state = state.model_copy(
        update={
            "sla": state.sla.model_copy(update={"resolved_at": now, "breached": breached}),
            "status": Status.RESOLVED,
            "closure": None,
            "customer_confirmed": False,
        }
    )
    state = transitions.event(
        state,
        now,
        "resolved",
        seconds=round((now - state.ticket.received_at).total_seconds(), 3),
        autonomous=is_autonomous(state),
        by_person=state.escalation_count > 0,
        within_sla=within,
    )
    return transitions.note(state, now, "resolved")


def confirmed(state: TicketState, message_ids: Sequence[str], now: datetime) -> TicketState:
    """Return the state after the customer said that it is solved; the ticket stays resolved."""
    state = conversation.handled(state, message_ids)
    if state.customer_confirmed:
        return state
    state = state.model_copy(update={"customer_confirmed": True})
    return transitions.note(
        transitions.event(state, now, "confirmed"),
        now,
        "confirmed",
        "the customer says it is solved",
    )


def reopened(state: TicketState, now: datetime) -> TicketState:
    """Return the state of a ticket that has to be looked at again."""
    state = state.model_copy(
        update={
            "reopened_count": state.reopened_count + 1,
            "closure": None,
            "customer_confirmed": False,
            "observations": (),
        }
    )
    state = transitions.note(transitions.event(state, now, "reopened"), now, "reopened")
    return transitions.moved(state, Phase.UNDERSTAND, Status.WORKING)


def is_autonomous(state: TicketState) -> bool:
    """Whether no person took part in what was done."""
    by_people = any(outcome.approver is not None for outcome in state.approvals)
    return state.escalation_count == 0 and not by_people


def closure_of(state: TicketState) -> Closure:
    """Return how the resolution ended: what the customer said, else what was read back.

    ``verified_quiet`` needs an effect: silence after an answer without one proves nothing.
    """
    if state.customer_confirmed:
        return "confirmed"
    done = [r for r in state.actions if r.state is ActionState.VERIFIED]
    settled = all(r.receipt is not None and r.receipt.settled for r in done)
    effects = any(r.effect_id is not None for r in done)
    quiet = state.status is Status.RESOLVED and effects and settled
    return "verified_quiet" if quiet else "unconfirmed"


def closed(state: TicketState, now: datetime) -> TicketState:
    """Return the state of a ticket at its end."""
    closure = closure_of(state)
    state = state.model_copy(
        update={
            "status": Status.CLOSED,
            "closure": closure,
            "deadline": None,
            "deadline_reason": "",
        }
    )
    state = transitions.event(
        state,
        now,
        "closed",
        closure=closure,
        autonomous=is_autonomous(state),
        by_person=state.escalation_count > 0,
        escalated=state.escalation_count > 0,
        usd_micros=state.cost.usd_micros,
        input_tokens=state.cost.input_tokens,
        output_tokens=state.cost.output_tokens,
        scored=state.csat is not None,
    )
    return transitions.note(state, now, "closed", closure)


def outcome_of(state: TicketState) -> TicketOutcome:
    """Return the small result of a closed ticket."""
    verified = [r for r in state.actions if r.state is ActionState.VERIFIED]
    return TicketOutcome(
        ticket_id=state.ticket.ticket_id,
        tenant=state.ticket.tenant,
        closure=state.closure or "unconfirmed",
        mode=state.mode,
        actions_verified=len(verified),
        refunded=tuple(r.receipt.amount for r in verified if r.receipt and r.receipt.amount),
    )
