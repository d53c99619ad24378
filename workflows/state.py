"""Pure transitions of a ticket's state: each takes a state and returns the next."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.models.approval import UpdateReceipt
    from closeloop.models.base import clip
    from closeloop.models.proposal import (
        ActionError,
        ActionRecord,
        ActionState,
        CommitmentDraft,
        ConversationMessage,
        Observation,
        Proposal,
        Receipt,
    )
    from closeloop.models.state import (
        Commitment,
        OutcomeEvent,
        Phase,
        TicketOutcome,
        TicketStart,
        TicketState,
        TimelineEntry,
    )
    from closeloop.models.ticket import Closure, Message, Mode, Status

MAX_TIMELINE: Final = 200
MAX_RECEIPTS: Final = 400
MAX_MESSAGES: Final = 80
MAX_OLD_MESSAGE_CHARS: Final = 2_000
MAX_READ_BYTES: Final = 200_000
MAX_UNREAD_BYTES: Final = 500_000
"""What the texts of all messages read, and of all unread, may take in the carried state."""
MAX_PROPOSALS: Final = 6
MAX_VERDICTS: Final = 20
MAX_ACTIONS: Final = 40
MAX_APPROVALS: Final = 30
MAX_EVENTS: Final = 100
WINDOW_MESSAGES: Final = 12
MAX_WINDOW_MESSAGES: Final = 60
WINDOW_CHARS: Final = 4_000
WINDOW_TOTAL_CHARS: Final = 52_000
MAX_TURN_CHARS: Final = 20_000

OPENING_MESSAGE: Final = "#0"
"""The message id of the ticket's own body; no id that a caller may give begins like this."""


def opened(start: TicketStart, now: datetime) -> TicketState:
    """Return the state of a ticket that was just opened."""
    ticket = start.ticket
    first = Message(
        message_id=OPENING_MESSAGE, sender="customer", text=ticket.body, at=ticket.received_at
    )
    state = TicketState(
        ticket=ticket,
        opened_by=start.opened_by,
        opened_at=now,
        linked=start.linked,
        messages=(first,),
    )
    state = note(state, now, "opened", f"by {ticket.channel}")
    return event(state, now, "ticket_opened", channel=ticket.channel)


def note(state: TicketState, now: datetime, what: str, detail: str = "") -> TicketState:
    """Add a line to the timeline."""
    entry = TimelineEntry(at=now, what=what, detail=clip(detail, 300))
    return state.model_copy(update={"timeline": (*state.timeline, entry)[-MAX_TIMELINE:]})


def event(
    state: TicketState, now: datetime, kind: str, /, **data: str | int | float | bool | None
) -> TicketState:
    """Queue an outcome event; it is written with the next activity that records."""
    count = state.event_count + 1
    row = OutcomeEvent(event_id=f"{count}:{kind}", kind=kind, at=now, data=data)
    events = (*state.pending_events, row)[-MAX_EVENTS:]
    return state.model_copy(update={"event_count": count, "pending_events": events})


def flushed(state: TicketState, written: Sequence[OutcomeEvent]) -> TicketState:
    """Drop the events that were written."""
    gone = {row.event_id for row in written}
    left = tuple(row for row in state.pending_events if row.event_id not in gone)
    return state.model_copy(update={"pending_events": left})


def unread(state: TicketState) -> tuple[Message, ...]:
    """Return the customer's messages that no turn has read yet, oldest first."""
    return tuple(m for m in state.messages if m.sender == "customer" and not m.handled)


def received(state: TicketState, message_id: str, text: str, now: datetime) -> TicketState:
    """Add a message of the customer."""
    message = Message(message_id=message_id, sender="customer", text=text, at=now)
    state = state.model_copy(update={"messages": _trimmed((*state.messages, message))})
    return note(state, now, "customer wrote", clip(text, 80))


def said(state: TicketState, message_id: str, text: str, now: datetime) -> TicketState:
    """Add a message of ours."""
    message = Message(message_id=message_id, sender="closeloop", text=text, at=now, handled=True)
    return state.model_copy(update={"messages": _trimmed((*state.messages, message))})


def handled(state: TicketState, message_ids: Sequence[str]) -> TicketState:
    """Mark messages as read by a turn."""
    ids = set(message_ids)
    messages = tuple(
        m.model_copy(update={"handled": True}) if m.message_id in ids else m for m in state.messages
    )
    return state.model_copy(update={"messages": _trimmed(messages)})


def _trimmed(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Bound what is carried: read messages shortened, the oldest of them dropped.

    An unread message is never dropped, and stands whole while there are not too many of them.
    """
    surplus = len(messages) - MAX_MESSAGES
    kept: list[Message] = []
    for position, message in enumerate(messages):
        if surplus > 0 and message.handled and position > 0:
            surplus -= 1
        elif message.handled:
            kept.append(_shortened(message, MAX_OLD_MESSAGE_CHARS))
        else:
            kept.append(message)
    for handled, room in ((True, MAX_READ_BYTES), (False, MAX_UNREAD_BYTES)):
        group = [m for m in kept if m.handled is handled]
        if sum(_bytes(m.text) for m in group) > room:
            share = room // len(group) // _MOST_BYTES
            kept = [_shortened(m, share) if m.handled is handled else m for m in kept]
    return tuple(kept)


_MOST_BYTES: Final = 6
"""What one character takes at most in JSON: a control character, escaped."""


def _bytes(text: str) -> int:
    """Return what a text takes in JSON, counted only where it could be much."""
    return len(text) if text.isascii() and text.isprintable() else _MOST_BYTES * len(text)


def _shortened(message: Message, limit: int) -> Message:
    if len(message.text) <= limit:
        return message
    return message.model_copy(update={"text": clip(message.text, limit)})


def window(state: TicketState) -> tuple[ConversationMessage, ...]:
    """Return the bounded part of the conversation that models see.

    It holds the first message and the last ones; of those the customer sent since our last word
    all, as far as there is room: the more there are, the less of each.
    """
    messages = state.messages
    ours = [n for n, m in enumerate(messages) if m.sender != "customer"]
    since = ours[-1] + 1 if ours else 0
    start = max(0, len(messages) - MAX_WINDOW_MESSAGES, min(len(messages) - WINDOW_MESSAGES, since))
    shown = (*messages[: 1 if start else 0], *messages[start:])
    limit = min(WINDOW_CHARS, WINDOW_TOTAL_CHARS // len(shown))
    return tuple(
        ConversationMessage(message_id=m.message_id, sender=m.sender, text=clip(m.text, limit))
        for m in shown
    )


def turns(state: TicketState) -> tuple[str, ...]:
    """Return what the customer wrote, turn by turn: all that is unread together is the last turn.

    So a classifier that looks at the latest turn misses no message, however many came at once.
    """
    fresh = unread(state)
    new = {m.message_id for m in fresh}
    before = tuple(t for name, t in customer_texts(state).items() if name not in new)
    if not fresh:
        return before
    limit = min(MAX_TURN_CHARS, WINDOW_TOTAL_CHARS // len(fresh))
    return (*before, "\n\n".join(clip(m.text, limit) for m in fresh))


def customer_texts(state: TicketState) -> dict[str, str]:
    """Return the customer's messages in the window by id."""
    return {m.message_id: m.text for m in window(state) if m.sender == "customer"}


def asking_texts(state: TicketState) -> dict[str, str]:
    """Return what the customer may have asked for with: their messages, the first with its subject."""
    texts = customer_texts(state)
    if OPENING_MESSAGE in texts:
        texts[OPENING_MESSAGE] = f"{state.ticket.subject}\n{texts[OPENING_MESSAGE]}"
    return texts


def with_receipt(state: TicketState, receipt: UpdateReceipt) -> TicketState:
    """Keep the receipt of a message, decision or operation; the oldest go first."""
    receipts = {**state.receipts, receipt.id: receipt}
    for old in list(receipts)[: max(0, len(receipts) - MAX_RECEIPTS)]:
        del receipts[old]
    return state.model_copy(update={"receipts": receipts})


def observed(state: TicketState, *observations: Observation) -> TicketState:
    """Tell the next proposal what did not work."""
    return state.model_copy(update={"observations": (*state.observations, *observations)[-12:]})


def proposed(state: TicketState, proposal: Proposal, now: datetime) -> TicketState:
    """Take up a new proposal."""
    records = tuple(ActionRecord(action=action) for action in proposal.actions)
    state = state.model_copy(
        update={
            "proposal": proposal,
            "proposals": (*state.proposals, proposal)[-MAX_PROPOSALS:],
            "judgement": None,
            "approved_by": None,
            "actions": (*state.actions, *records)[-MAX_ACTIONS:],
            "round": state.round + 1,
            "proposal_count": state.proposal_count + 1,
        }
    )
    kinds = ", ".join(action.kind for action in proposal.actions) or "no action"
    return note(state, now, "proposed", f"{kinds}: {proposal.rationale}")


def record_of(state: TicketState, action_id: str) -> ActionRecord:
    """Return the record of an action of this ticket."""
    return next(r for r in state.actions if r.action.action_id == action_id)


def action_became(
    state: TicketState,
    action_id: str,
    to: ActionState,
    *,
    effect_id: str | None = None,
    receipt: Receipt | None = None,
    error: ActionError | None = None,
    attempts: int | None = None,
) -> TicketState:
    """Move one action to another state, keeping what is not given."""
    changes: dict[str, object] = {"state": to, "error": error}
    if effect_id is not None:
        changes["effect_id"] = effect_id
    if receipt is not None:
        changes["receipt"] = receipt
    if attempts is not None:
        changes["attempts"] = attempts
    actions = tuple(
        r.model_copy(update=changes) if r.action.action_id == action_id else r
        for r in state.actions
    )
    return state.model_copy(update={"actions": actions})


def open_actions_become(
    state: TicketState, to: ActionState, error: ActionError | None = None
) -> TicketState:
    """Move every action of the proposal that did not run yet to another state."""
    waiting = {ActionState.PROPOSED, ActionState.AWAITING_APPROVAL, ActionState.APPROVED}
    for action in state.proposal.actions if state.proposal else ():
        if record_of(state, action.action_id).state in waiting:
            state = action_became(state, action.action_id, to, error=error)
    return state


def replied(
    state: TicketState,
    reply_id: str,
    text: str,
    now: datetime,
    *,
    status: Status,
    promises: Sequence[CommitmentDraft] = (),
) -> TicketState:
    """Return the state after a reply went out; the waiting notice of a hand-over is no response."""
    state = said(state, reply_id, text, now)
    if state.sla.first_response_at is None and status is not Status.ESCALATED:
        seconds = (now - state.ticket.received_at).total_seconds()
        state = event(state, now, "first_response", seconds=round(seconds, 3))
        state = state.model_copy(
            update={"sla": state.sla.model_copy(update={"first_response_at": now})}
        )
    made = tuple(
        Commitment(
            commitment_id=f"{reply_id}-c{position}",
            text=draft.text,
            due_at=now + timedelta(hours=draft.due_in_hours),
            check=draft.check,
        )
        for position, draft in enumerate(promises, start=1)
    )
    state = state.model_copy(
        update={
            "status": status,
            "reply_count": state.reply_count + 1,
            "commitments": (*state.commitments, *made)[-20:],
            "observations": (),
            "round": 0,
        }
    )
    state = note(state, now, "replied", clip(text, 120))
    return resolved(state, now) if status is Status.RESOLVED else state


def resolved(state: TicketState, now: datetime) -> TicketState:
    """Return the state of a ticket whose answer went out; the customer has the word."""
    due = state.sla.due_at
    within = None if due is None else now <= due
    breached = state.sla.breached or within is False
    state = state.model_copy(
        update={
            "sla": state.sla.model_copy(update={"resolved_at": now, "breached": breached}),
            "status": Status.RESOLVED,
            "closure": None,
            "customer_confirmed": False,
        }
    )
    state = event(
        state,
        now,
        "resolved",
        seconds=round((now - state.ticket.received_at).total_seconds(), 3),
        autonomous=is_autonomous(state),
        by_person=state.escalation_count > 0,
        within_sla=within,
    )
    return note(state, now, "resolved")


def confirmed(state: TicketState, message_ids: Sequence[str], now: datetime) -> TicketState:
    """Return the state after the customer said that it is solved; the ticket stays resolved."""
    state = handled(state, message_ids)
    if state.customer_confirmed:
        return state
    state = state.model_copy(update={"customer_confirmed": True})
    return note(event(state, now, "confirmed"), now, "confirmed", "the customer says it is solved")


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
    state = note(event(state, now, "reopened"), now, "reopened")
    return moved(state, Phase.UNDERSTAND, Status.WORKING)


def with_target(state: TicketState, seconds: float | None) -> TicketState:
    """Set when the resolution is due; the clock starts when the ticket was received."""
    if seconds is None:
        return state
    due_at = state.ticket.received_at + timedelta(seconds=seconds)
    return state.model_copy(update={"sla": state.sla.model_copy(update={"due_at": due_at})})


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
    state = event(
        state,
        now,
        "closed",
        closure=closure,
        autonomous=is_autonomous(state),
        by_person=state.escalation_count > 0,
        escalated=state.escalation_count > 0,
        usd_micros=state.cost.usd_micros,
    )
    return note(state, now, "closed", closure)


def lowered(state: TicketState, mode: Mode, reasons: Sequence[str], now: datetime) -> TicketState:
    """Lower the mode to what a judgement came to; leaving autonomous is an outcome of its own.

    A ticket keeps the least autonomous mode it was in: a person has taken part in it.
    """
    effective = max(mode, state.mode_cap, state.mode, key=lambda m: m.rank)
    left = effective is not Mode.AUTONOMOUS and state.mode is Mode.AUTONOMOUS
    state = state.model_copy(
        update={
            "mode": effective,
            "mode_reasons": tuple(clip(r, 300) for r in reasons[:8]) or state.mode_reasons,
        }
    )
    if left:
        reason = reasons[0] if reasons else effective.value
        state = event(state, now, "left_autonomous", mode=effective.value, reason=clip(reason, 120))
    return state


def moved(state: TicketState, phase: Phase, status: Status | None = None) -> TicketState:
    """Go on to another phase."""
    changes: dict[str, object] = {"phase": phase}
    if status is not None:
        changes["status"] = status
    return state.model_copy(update=changes)


def due(state: TicketState, seconds: float, reason: str, now: datetime) -> TicketState:
    """Set the ticket's one deadline."""
    return state.model_copy(
        update={"deadline": now + timedelta(seconds=seconds), "deadline_reason": reason}
    )


def overdue(state: TicketState, now: datetime) -> TicketState:
    """Say that the resolution is late, once it is."""
    sla = state.sla
    if sla.breached or sla.due_at is None or sla.resolved_at is not None or now <= sla.due_at:
        return state
    return state.model_copy(update={"sla": sla.model_copy(update={"breached": True})})


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
