"""The promises that a ticket's replies made, pure: when to look at them, and what became of them.

A promise on a ticket older than this is kept on record only: it has no time to look at it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.actions.callbacks import CancelCallback, TimedCallback
    from closeloop.actions.catalogue import parse
    from closeloop.models.callbacks import BookedCall, CallbackRecord
    from closeloop.models.proposal import (
        Action,
        ActionError,
        ActionRecord,
        ActionState,
        CommitmentDraft,
        CommitmentKind,
        Receipt,
    )
    from closeloop.models.state import Commitment, CommitmentState, TicketState
    from workflows import state as transitions
    from workflows.levels import Wake

MAX_PROMISES: Final = 20
LEAST: Final = timedelta(seconds=20)
"""No time scale leaves people less than this to keep a promise."""
CHECKS: Final[dict[CommitmentKind, str]] = {
    "reply": "a later answer",
    "callback": "the calendar",
    "settlement": "the receipts, read back",
}
"""What tells whether a promise was kept."""
CALL: Final = CommitmentDraft(kind="callback", text="call the customer", due_in_hours=1)
"""The promise of a call that is booked: due when it was booked for."""


def made(
    state: TicketState, reply_id: str, drafts: Sequence[CommitmentDraft], now: datetime
) -> TicketState:
    """Return the state with the promises of a reply that went out."""
    for position, draft in enumerate(drafts, start=1):
        promise = _timed(state, draft, f"{reply_id}-c{position}", now)
        state = state.model_copy(
            update={"commitments": (*state.commitments, promise)[-MAX_PROMISES:]}
        )
        if promise.at_risk_at is not None:
            state = transitions.event(
                state,
                now,
                "commitment_made",
                kind=promise.kind,
                commitment_id=promise.commitment_id,
                due_at=promise.due_at.isoformat(),
            )
    return state


def _timed(state: TicketState, draft: CommitmentDraft, name: str, now: datetime) -> Commitment:
    share, call, terms = state.terms.promise_at_risk, state.callback, state.terms.callbacks
    length = timedelta(hours=draft.due_in_hours)
    if share is None:
        return Commitment(
            commitment_id=name, text=draft.text, due_at=now + length, check=draft.check
        )
    kind = draft.kind
    if kind == "callback" and call is not None and terms is not None:
        at_risk_at = max(call.over_at, now)
        due_at = at_risk_at + terms.grace_seconds * state.terms.time_scale * _SECOND
    else:
        kind = "reply" if kind == "callback" else kind  # no call is booked: an answer has to come
        length = max(length * state.terms.time_scale, min(length, LEAST))
        at_risk_at, due_at = now + length * share, now + length
    return Commitment(
        commitment_id=name,
        text=draft.text,
        due_at=due_at,
        check=CHECKS[kind],
        kind=kind,
        at_risk_at=at_risk_at,
    )


def with_call(state: TicketState, drafts: Sequence[CommitmentDraft]) -> tuple[CommitmentDraft, ...]:
    """Return the promises of a reply, the one of a call that is booked among them."""
    if state.callback is None or any(p.kind == "callback" for p in (*watched(state), *drafts)):
        return tuple(drafts)
    return (*drafts, CALL)


def watched(state: TicketState) -> tuple[Commitment, ...]:
    """Return the promises that are open, and kept an eye on."""
    return tuple(p for p in state.commitments if p.state == "open" and p.at_risk_at is not None)


def next_wake(state: TicketState) -> Wake | None:
    """Return when a waiting ticket has to look at a promise next."""
    wakes = [Wake(_at(promise), f"a promise: {promise.kind}") for promise in watched(state)]
    return min(wakes, default=None)


def pressing(state: TicketState, now: datetime) -> tuple[Commitment, ...]:
    """Return the promises that have to be looked at now."""
    return tuple(promise for promise in watched(state) if _at(promise) <= now)


def _at(promise: Commitment) -> datetime:
    assert promise.at_risk_at is not None
    return promise.due_at if promise.warned else min(promise.at_risk_at, promise.due_at)


def last_due(state: TicketState) -> datetime | None:
    """Return when the last of the open promises is due."""
    return max((promise.due_at for promise in watched(state)), default=None)


def answered(state: TicketState, now: datetime) -> TicketState:
    """Return the state as an answer goes out, which is what some promises were about."""
    for promise in watched(state):
        if promise.kind == "reply":
            state = settled(state, promise, "kept", now)
    return state


def warned(state: TicketState, promise: Commitment, now: datetime) -> TicketState:
    """Return the state once people are to be told that a promise may be missed."""
    state = _with(state, promise.model_copy(update={"warned": True}))
    state = _event(state, now, "commitment_at_risk", promise)
    return transitions.note(state, now, "promise at risk", promise.text)


def settled(
    state: TicketState, promise: Commitment, to: CommitmentState, now: datetime
) -> TicketState:
    """Return the state after a promise was kept, missed, or is none any more."""
    changes = {"state": to, "settled_at": now}
    state = _with(state, promise.model_copy(update=changes))
    state = _event(state, now, f"commitment_{to}", promise)
    return transitions.note(state, now, f"promise {to}", promise.text)


def unsettled(state: TicketState) -> tuple[ActionRecord, ...]:
    """Return what was done and has not come to rest yet, such as money under way."""
    return tuple(
        record
        for record in state.actions
        if record.state is ActionState.VERIFIED and record.receipt and not record.receipt.settled
    )


# --- calls ---------------------------------------------------------------------------------------


def after_action(
    state: TicketState, action: Action, receipt: Receipt, now: datetime
) -> TicketState:
    """Return the state after an action was verified: a call may be booked, moved or called off."""
    terms = state.terms.callbacks
    params = parse(action)
    if isinstance(params, CancelCallback):
        return _released(state, now).model_copy(update={"callback": None})
    if not isinstance(params, TimedCallback) or terms is None:
        return state
    ends_at = params.time + terms.slot_seconds * _SECOND
    over_at = now + max(ends_at - now, timedelta(0)) * state.terms.time_scale
    call = BookedCall(
        booking_id=receipt.receipt_id, starts_at=params.time, ends_at=ends_at, over_at=over_at
    )
    return _booked(state, call, now)


def next_try_after(state: TicketState, now: datetime) -> datetime:
    """Return from when on another call may be booked: now, on the clock that customers read."""
    call = state.callback
    assert call is not None
    late = max(now - call.over_at, timedelta(0))
    return call.ends_at + late / state.terms.time_scale


def booked_again(
    state: TicketState, record: CallbackRecord, after: datetime, now: datetime
) -> TicketState:
    """Return the state after another try was booked, at a time from ``after`` on."""
    before = state.callback
    assert before is not None
    call = BookedCall(
        booking_id=record.booking_id,
        starts_at=record.starts_at,
        ends_at=record.ends_at,
        over_at=now + (record.ends_at - after) * state.terms.time_scale,
        number=before.number + 1,
    )
    return _booked(state, call, now)


def not_called(state: TicketState) -> TicketState:
    """Return the state after nobody made the call: what booked it has come to nothing."""
    call = state.callback
    error = ActionError(code="not_called", message="nobody made the call")
    for record in unsettled(state):
        if call and record.receipt and record.receipt.receipt_id == call.booking_id:
            name = record.action.action_id
            state = transitions.action_became(state, name, ActionState.FAILED, error=error)
    return state.model_copy(update={"callback": None})


def _booked(state: TicketState, call: BookedCall, now: datetime) -> TicketState:
    state = _released(state, now).model_copy(update={"callback": call})
    return transitions.event(
        state, now, "callback_booked", number=call.number, starts_at=call.starts_at.isoformat()
    )


def _released(state: TicketState, now: datetime) -> TicketState:
    for promise in watched(state):
        if promise.kind == "callback":
            state = settled(state, promise, "released", now)
    return state


# --- words ---------------------------------------------------------------------------------------


def alert(state: TicketState, promise: Commitment) -> str:
    """Return what people are told of a promise: none of the customer's words."""
    done = "was missed" if promise.state == "missed" else "is not kept yet"
    call = state.callback
    which = f" (call {call.booking_id})" if call and promise.kind == "callback" else ""
    return (
        f"Ticket {state.ticket.ticket_id}: a promise to the customer {done}: {promise.kind}{which},"
        f" due {promise.due_at:%Y-%m-%d %H:%M} UTC. It is kept by {promise.check}."
    )


_SECOND: Final = timedelta(seconds=1)


def _with(state: TicketState, promise: Commitment) -> TicketState:
    return state.model_copy(
        update={
            "commitments": tuple(
                promise if other.commitment_id == promise.commitment_id else other
                for other in state.commitments
            )
        }
    )


def _event(state: TicketState, now: datetime, kind: str, promise: Commitment) -> TicketState:
    return transitions.event(
        state, now, kind, kind=promise.kind, commitment_id=promise.commitment_id
    )
