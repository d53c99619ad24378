"""The few fixed words that a ticket says without an agent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.actions.catalogue import CATALOGUE, parse
    from closeloop.models.base import clip
    from closeloop.models.proposal import ActionState, CommitmentDraft
    from closeloop.models.routing import Route
    from closeloop.models.state import TicketState

PROMISE_MISSED: Final = "promise_missed"
CALL_MISSED: Final = "call_missed"
"""Why people get a ticket whose customer was promised something that did not happen."""

PARTLY_DONE: Final = "partly_done"
"""Why people get a ticket of whose actions some were done and a later one was refused."""

EFFECT_UNDONE: Final = "effect_undone"
"""Why people get a ticket whose effect, once read back, is gone."""

HANDED_OVER: Final = (
    "Thank you for your patience. One of our colleagues is taking over your request and will get"
    " back to you here. You do not need to do anything; everything you wrote is with them."
)

ROUTED: Final = (
    "Thank you for your patience. Your request is now with {who}. You will hear from them"
    " here{by}. You do not need to do anything; everything you wrote is with them."
)

BY: Final = ", by {when} at the latest"

DONE_SO_FAR: Final = "\n\nThis is done already: {done}."

UNDONE: Final = (
    "We are sorry: something that we told you was done has not lasted. This does not hold any more:"
    " {lost}.\n\n"
    "{who} You do not need to do anything."
)

LOOKS_INTO_IT: Final = "One of our colleagues is looking into it and will get back to you here."

LOOKED_INTO_BY: Final = "It is now with {who}. You will hear from them here{by}."

TAKEN_BACK: Final = (
    "We are sorry: not everything that you asked for can be done, so we have stopped.\n\n"
    "This was not possible, or was not begun: {missing}.\n"
    "This was done before, and we have taken it back: {undone}.\n\n"
    "So nothing has changed. Please tell us how you would like to go on; if you would rather speak"
    " to a colleague, just say so."
)

CODE_SENT: Final = (
    "Thank you for writing. To protect every account, we talk about orders and payments, and change"
    " anything, only with the person they belong to, and this message alone does not show us who"
    " that is.\n\n"
    "If the address you gave is on file with us, a code is on its way to the contact on file."
    " Please answer here with that code, and we will go on. If you get none, please write to us"
    " from the address on your account, or ask for a colleague."
)

CODE_WAITS: Final = (
    "Before we go on we need the code that we sent to the contact on file. Please answer here with"
    " it. If you cannot, please ask for a colleague."
)

CODE_WRONG: Final = (
    "That is not the code that was sent to the contact on file. Please look again: it has eight"
    " digits, and only the newest one counts. Please answer here with it, or ask for a colleague."
)

CODE_EXPIRED: Final = (
    "That code is not good any more. If the address you gave is on file with us, a new one is on"
    " its way to the contact on file. Please answer here with that one, or ask for a colleague."
)

CONSENT: Final = (
    "We want to be sure that this is what you want. If you answer with yes, we will:\n\n"
    "{effects}\n\n"
    "Please answer with yes or no. If you want something else, just write what it is."
)

NOT_DONE: Final = (
    "Thank you for your answer: we have not done it. Please tell us what you would like instead; if"
    " there is nothing, you do not need to do anything."
)

DONE_BY_PERSON: Final = (
    "One of our colleagues has dealt with your request. If anything is still open, just answer"
    " this message and we will look at it again."
)

PERSON_LOOKS: Final = (
    "One of our colleagues is looking at your request right now. You do not need to do anything; we"
    " will get back to you here."
)

CALLED: Final = (
    "Thank you for the call. If anything is still open, just answer this message and we will look"
    " at it again."
)

CALL_AGAIN: Final = (
    "We called you at the time that we agreed on and could not reach you. We will try again:"
    " {when}. If another time is better, just answer this message and say when."
)

CALL_NOT_MADE: Final = (
    "We are sorry: we did not call you at the time that we agreed on. One of our colleagues is"
    " taking this over and will get back to you. You do not need to do anything."
)

NOT_HEARD: Final = (
    "We are sorry: we told you that we would do something by now, and it is not done. One of our"
    " colleagues is taking this over and will get back to you here. You do not need to do anything."
)

PROMISE: Final = "You hear from {who}."


_MISSED: Final = {PROMISE_MISSED: NOT_HEARD, CALL_MISSED: CALL_NOT_MADE}


def handed_over(state: TicketState) -> str:
    """Return what the customer hears: who has it, and by when they answer, where that is known.

    What a plan that broke off has done already is no secret.
    """
    reason = state.escalation.reason if state.escalation else ""
    if reason in _MISSED:
        return _MISSED[reason]
    route = state.escalation.route if state.escalation else None
    if reason == EFFECT_UNDONE:
        lost = [
            record.receipt.summary
            for record in state.actions
            if record.receipt is not None and record.error and record.error.code == "undone"
        ]
        looks = _routed(route, LOOKED_INTO_BY) if route else LOOKS_INTO_IT
        return UNDONE.format(lost="; ".join(lost), who=looks)
    names = [action.action_id for action in state.proposal.actions] if state.proposal else []
    done = [
        record.receipt.summary
        for record in state.actions
        if record.action.action_id in names
        and record.state is ActionState.VERIFIED
        and record.receipt is not None
    ]
    told = reason == PARTLY_DONE and done
    words = _routed(route, ROUTED) if route else HANDED_OVER
    return words + (DONE_SO_FAR.format(done="; ".join(done)) if told else "")


def answer_promised(state: TicketState, now: datetime) -> tuple[CommitmentDraft, ...]:
    """Return what the customer is promised with the hand-over: to hear from somebody by a time."""
    escalation = state.escalation
    route = escalation.route if escalation else None
    if escalation is None or route is None or route.answer_by is None or not route.answer_by_words:
        return ()
    if escalation.reason in _MISSED:
        return ()  # their message names no time
    began = now if now < route.answer_by else min(escalation.since, route.answer_by)
    # On the clock that a time scale presses together, as every promise is.
    seconds = (route.answer_by - began).total_seconds() / state.terms.time_scale
    hours = seconds / 3600
    return (CommitmentDraft(text=PROMISE.format(who=_who(route)), due_in_hours=hours),)


def _routed(route: Route, words: str) -> str:
    by = BY.format(when=route.answer_by_words) if route.answer_by_words else ""
    return words.format(who=_who(route), by=by)


def _who(route: Route) -> str:
    if route.person_name is None:
        return route.queue_name
    return f"{route.person_name} from {route.queue_name}"


def touched(state: TicketState, topics: Sequence[str]) -> str:
    """Return what people are told of topics that a ticket of theirs touches now."""
    return (
        f"Ticket {state.ticket.ticket_id}: the customer's new words touch {', '.join(topics)}."
        " Read them now."
    )


def taken_back(state: TicketState) -> str:
    """Return what the customer hears of a plan that broke off, and of which nothing is left."""
    actions = state.proposal.actions if state.proposal else ()
    undone: list[str] = []
    missing: list[str] = []
    for action in actions:
        record = next(r for r in state.actions if r.action.action_id == action.action_id)
        if not CATALOGUE[action.kind].internal:
            taken = record.state is ActionState.COMPENSATED
            (undone if taken else missing).append(parse(action).describe())
    return TAKEN_BACK.format(missing="; ".join(missing), undone="; ".join(undone))


def raised(state: TicketState) -> str:
    """Return what the people of the next rung are told: none of the customer's words."""
    request = state.approval
    assert request is not None
    total = f", {request.total}" if request.total else ""
    return (
        f"Ticket {state.ticket.ticket_id}: request {request.request_id}{total} is not decided yet."
        f" It is asked of the {request.rung} now: {', '.join(request.asked) or 'nobody'}."
        f" Decide by {request.deadline:%Y-%m-%d %H:%M} UTC."
    )


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
