"""Who writes, as far as a ticket knows: pure."""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.models.identity import CodeOutcome, CodeTerms, GivenCodes, Verification
    from closeloop.models.state import TicketState
    from closeloop.models.ticket import Assurance
    from closeloop.policy import codes


def assurance(state: TicketState) -> Assurance:
    """Return how sure we are who writes: as the channel said, or as a code has shown since."""
    raised = state.assurance or Assurance.NONE
    return max(raised, state.ticket.assurance, key=lambda a: a.rank)


def code_terms(state: TicketState) -> CodeTerms | None:
    """Return the terms of codes where one could still make us surer of who writes."""
    return None if assurance(state) is Assurance.CONFIRMED else state.terms.codes


def awaits_code(state: TicketState, now: datetime) -> bool:
    """Whether a code that was sent is good still."""
    waiting = state.verification
    if waiting is None or waiting.expires_at is None or waiting.last == "expired":
        return False
    return now < waiting.expires_at


def heard(state: TicketState, message_id: str, text: str) -> tuple[TicketState, str]:
    """Put aside what may be a code that is waited for; return the rest of the message.

    One that came too late, or could not be compared, was seen in a message: it is never heard
    again, and the next one is another code.
    """
    waiting = state.verification
    given = codes.found(text) if waiting is not None else ()
    if waiting is None or not given:
        return state, text
    if waiting.last == "expired":
        return state, codes.hidden(text)
    kept = (*waiting.given, GivenCodes(message_id=message_id, codes=given))
    waiting = waiting.model_copy(update={"given": kept})
    return state.model_copy(update={"verification": waiting}), codes.hidden(text)


def checked(state: TicketState, given: tuple[GivenCodes, ...], outcome: CodeOutcome) -> TicketState:
    """Return the state after codes were compared; those that came meanwhile are still to be."""
    waiting = state.verification or Verification()
    if outcome == "right":
        return state.model_copy(update={"assurance": Assurance.CONFIRMED, "verification": None})
    left = tuple(one for one in waiting.given if one not in given)
    waiting = waiting.model_copy(update={"given": left, "last": outcome})
    return state.model_copy(update={"verification": waiting})


def only_codes(state: TicketState) -> bool:
    """Whether nothing that the customer wrote is unread but codes."""
    unread = [m for m in state.messages if m.sender == "customer" and not m.handled]
    return all(message.text == codes.HIDDEN for message in unread)
