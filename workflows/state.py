"""Pure transitions of a ticket's state: each takes a state and returns the next."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.models.approval import BackendEvent, UpdateReceipt
    from closeloop.models.base import clip
    from closeloop.models.policy import Judgement
    from closeloop.models.proposal import (
        ActionError,
        ActionRecord,
        ActionState,
        Observation,
        Proposal,
        Receipt,
    )
    from closeloop.models.state import (
        OutcomeEvent,
        Phase,
        TicketStart,
        TicketState,
        TimelineEntry,
    )
    from closeloop.models.ticket import Message, Mode, Status
    from closeloop.policy.judge import code_of
    from workflows import conversation, identity

MAX_TIMELINE: Final = 200
MAX_RECEIPTS: Final = 400
MAX_PROPOSALS: Final = 6
MAX_VERDICTS: Final = 20
MAX_ACTIONS: Final = 40
MAX_APPROVALS: Final = 30
MAX_EVENTS: Final = 100
MAX_JUDGEMENTS: Final = 8

Item = Literal["message", "decision", "operation", "event"]
"""What reaches a running ticket, each with an id that makes its second delivery harmless."""


def opened(start: TicketStart, now: datetime) -> TicketState:
    """Return the state of a ticket that was just opened, by a customer's words or by a hint."""
    ticket = start.ticket
    if start.hint is not None:
        return _opened_by_hint(start, start.hint, now)
    first = Message(
        message_id=conversation.OPENING_MESSAGE,
        sender="customer",
        text=ticket.body,
        at=ticket.received_at,
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


def _opened_by_hint(start: TicketStart, hint: BackendEvent, now: datetime) -> TicketState:
    """Return a ticket without a word of the customer's; it counts once there is work to do."""
    ticket = start.ticket
    state = TicketState(
        ticket=ticket,
        opened_by=start.opened_by,
        opened_at=now,
        linked=start.linked,
        phase=Phase.LOOK_AGAIN,
        hints=(hint,),
    )
    receipt = UpdateReceipt(
        ticket_id=ticket.ticket_id, id=hint.event_id, accepted=True, status=state.status
    )
    state = with_receipt(state, receipt_key("event", hint.event_id), receipt)
    return note(state, now, "opened", f"by {hint.kind} {hint.effect_id or ''}")


def counted(state: TicketState, now: datetime) -> TicketState:
    """Return the state of a ticket that a hint opened, once it has something to do."""
    return event(state, now, "ticket_opened", channel=state.ticket.channel)


def nothing_lost(state: TicketState, now: datetime) -> TicketState:
    """Return the end of a ticket that a hint opened for nothing: no outcome, none to count."""
    ended = state.model_copy(update={"status": Status.CLOSED, "closure": "unconfirmed"})
    return note(ended, now, "closed", "nothing is lost")


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
    kept = tuple(row for row in state.pending_judgements if row.event_id not in gone)
    return state.model_copy(update={"pending_events": left, "pending_judgements": kept})


def judged(state: TicketState, judgement: Judgement, now: datetime) -> TicketState:
    """Queue what policy said, with its facts, to be kept with the next activity that records."""
    state = event(state, now, "judged", ruling=judgement.ruling.value, mode=judgement.mode.value)
    row = judgement.recorded(state.pending_events[-1].event_id)
    pending = (*state.pending_judgements, row)[-MAX_JUDGEMENTS:]
    return state.model_copy(update={"pending_judgements": pending})


def received(state: TicketState, message_id: str, text: str, now: datetime) -> TicketState:
    """Add a message of the customer; what may be a code that is waited for is kept out of it."""
    state, text = identity.heard(state, message_id, text)
    message = Message(message_id=message_id, sender="customer", text=text, at=now)
    return note(conversation.added(state, message), now, "customer wrote", clip(text, 80))


def receipt_key(what: Item, item_id: str) -> str:
    """Return under what a receipt is kept: ids of different senders never meet.

    A message's id may be its writer's choice, and no such id has a ``!``.
    """
    return item_id if what == "message" else f"{what}!{item_id}"


def with_receipt(state: TicketState, key: str, receipt: UpdateReceipt) -> TicketState:
    """Keep the receipt of something that was sent to the ticket; the oldest go first."""
    receipts = {**state.receipts, key: receipt}
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


def with_record(state: TicketState, record: ActionRecord) -> TicketState:
    """Take up the record of an earlier ticket's action; one that is there stays as it is."""
    if any(r.action.action_id == record.action.action_id for r in state.actions):
        return state
    return state.model_copy(update={"actions": (*state.actions, record)[-MAX_ACTIONS:]})


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


def with_target(state: TicketState, seconds: float | None) -> TicketState:
    """Set when the resolution is due; the clock starts when the ticket was received."""
    if seconds is None:
        return state
    due_at = state.ticket.received_at + timedelta(seconds=seconds)
    return state.model_copy(update={"sla": state.sla.model_copy(update={"due_at": due_at})})


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
        state = event(
            state,
            now,
            "left_autonomous",
            mode=effective.value,
            reason=clip(code_of(reasons[0]) if reasons else effective.value, 120),
            intent=state.classification.intent if state.classification else None,
        )
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
