"""The few fixed words that a ticket says without an agent."""

from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.models.base import clip
    from closeloop.models.proposal import ActionState
    from closeloop.models.state import TicketState

PARTLY_DONE: Final = "partly_done"
"""Why people get a ticket of whose actions some were done and a later one was refused."""

HANDED_OVER: Final = (
    "Thank you for your patience. One of our colleagues is taking over your request and will get"
    " back to you here. You do not need to do anything; everything you wrote is with them."
)

DONE_SO_FAR: Final = "\n\nThis is done already: {done}."

DONE_BY_PERSON: Final = (
    "One of our colleagues has dealt with your request. If anything is still open, just answer"
    " this message and we will look at it again."
)

MAX_PACK_CHARS: Final = 6_000


def handed_over(state: TicketState) -> str:
    """Return what the customer hears; what a plan that broke off has done already is no secret."""
    names = [action.action_id for action in state.proposal.actions] if state.proposal else []
    done = [
        record.receipt.summary
        for record in state.actions
        if record.action.action_id in names
        and record.state is ActionState.VERIFIED
        and record.receipt is not None
    ]
    broke_off = state.escalation is not None and state.escalation.reason == PARTLY_DONE
    return HANDED_OVER + (DONE_SO_FAR.format(done="; ".join(done)) if broke_off and done else "")


def hand_over_pack(state: TicketState, reason: str, summary: str, recommendation: str) -> str:
    """Return what a person needs to take over: why, what was tried, receipts, words, advice."""
    lines = [
        f"Reason: {reason}",
        f"Summary: {summary}",
        f"Subject: {state.ticket.subject}",
    ]
    if state.classification is not None:
        c = state.classification
        lines.append(f"Understood as: {c.intent} ({c.priority}, {c.sentiment})")
    if recommendation:
        lines.append(f"Recommendation: {recommendation}")
    for record in state.actions[-8:]:
        outcome = record.receipt.summary if record.receipt else ""
        outcome = outcome or (record.error.message if record.error else "")
        lines.append(f"- {record.action.kind} {record.state.value}: {clip(outcome, 200)}")
    for promise in state.commitments:
        lines.append(f"- promised: {clip(promise.text, 200)} (due {promise.due_at:%Y-%m-%d %H:%M})")
    if any(r.state is ActionState.UNKNOWN for r in state.actions):
        lines.append("An effect is UNKNOWN: look at the backend before anything is repeated.")
    lines.append("Last words:")
    lines += [f"[{m.sender}] {clip(m.text, 600)}" for m in state.messages[-4:]]
    return clip("\n".join(lines), MAX_PACK_CHARS)


def closing_note(state: TicketState) -> str:
    """Return the note that stays on the customer's record."""
    done = [
        r.receipt.summary
        for r in state.actions
        if r.state is ActionState.VERIFIED and r.receipt is not None
    ]
    intent = state.classification.intent if state.classification else "unknown"
    what = "; ".join(done) or "answered without an action"
    return clip(f"Ticket {state.ticket.ticket_id} ({intent}), {state.closure}: {what}", 2_000)
