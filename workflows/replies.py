"""A reply before it is sent: what it is held against, and what is sent back; pure."""

from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.models.base import clip
    from closeloop.models.grounding import ReplyToCheck
    from closeloop.models.policy import Judgement, Ruling
    from closeloop.models.proposal import ActionRecord, ActionState, Observation
    from closeloop.models.state import TicketState
    from closeloop.models.ticket import Assurance
    from closeloop.policy.voice import dressed
    from workflows import identity

UNGROUNDED: Final = "ungrounded"
"""The code of what the resolver is told about a reply that claims what nothing supports."""


def of_proposal(state: TicketState) -> ReplyToCheck | None:
    """Return the proposed reply; None without one, and on a ticket older than this check."""
    proposal = state.proposal
    if proposal is None or proposal.reply is None or not state.terms.checks_replies:
        return None
    return ReplyToCheck(
        text=proposal.reply.text,
        cites=proposal.reply.cites,
        commitments=proposal.commitments,
        asks_customer=proposal.asks_customer,
        passage_ids=tuple(passage.passage_id for passage in state.passages),
        done=done(state),
    )


def in_voice(state: TicketState, text: str) -> str:
    """Return a message as the desk says it, by name where it is known who writes."""
    voice = state.terms.voice
    if voice is None:
        return text
    known = identity.assurance(state) is not Assurance.NONE and state.customer is not None
    name = state.customer.display_name if known and state.customer else None
    topics = state.classification.topics if state.classification else ()
    return dressed(text, voice, name, topics)


def own_words(state: TicketState) -> tuple[str, ...]:
    """Return what the ticket itself says of who writes: a person may use it, known or not."""
    said, known = state.ticket.customer, state.customer
    names = (said.email, said.id, said.name, known.display_name if known else None)
    return tuple(name for name in names if name)


def served(state: TicketState, language: str) -> bool:
    """Whether the desk's assistant answers in a language, of which the first part counts."""
    voice = state.terms.voice
    return voice is None or language.partition("-")[0].lower() in voice.languages


def done(state: TicketState) -> tuple[ActionRecord, ...]:
    """Return the actions of the ticket that have a receipt and were not taken back."""
    return tuple(
        record
        for record in state.actions
        if record.receipt is not None and record.state is not ActionState.COMPENSATED
    )


def to_revise(state: TicketState, judgement: Judgement) -> Observation | None:
    """Return what the resolver hears of an ungrounded reply: once, then a person decides."""
    found = judgement.facts.grounding
    settled = judgement.escalate is not None or judgement.ruling is Ruling.REFUSE
    told = any(observation.code == UNGROUNDED for observation in state.observations)
    if found is None or settled or told or not found.problems:
        return None
    words = "; ".join(map(str, found.problems))
    return Observation(kind="invalid", code=UNGROUNDED, message=clip(words, 1_000))
