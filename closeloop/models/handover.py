"""The hand-over pack: what a person needs to go on with a ticket, from its state; pure."""

import re
from collections.abc import Iterator
from typing import Final

from closeloop.models.base import Wire, clip
from closeloop.models.policy import Ruling
from closeloop.models.proposal import ActionState, Receipt
from closeloop.models.state import Commitment, Escalation, TicketState
from closeloop.models.ticket import Assurance

MAX_PACK_CHARS: Final = 6_000
MAX_TRIED: Final = 8
MAX_QUESTIONS: Final = 8
MAX_WORDS: Final = 4

_DONE: Final = frozenset({ActionState.VERIFIED, ActionState.COMPENSATED})
_QUESTION: Final = re.compile(r"[^.!?\n]{3,300}\?")


class Tried(Wire):
    """Something that was tried, and what came of it."""

    what: str
    state: str
    outcome: str = ""


class Said(Wire):
    """Words of the conversation."""

    sender: str
    text: str


class HandOverPack(Wire):
    """Why people have the ticket, what was done and promised, what is advised, and what is open."""

    reason: str
    summary: str
    subject: str
    understood: str = ""
    tried: tuple[Tried, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    promises: tuple[Commitment, ...] = ()
    recommendation: str = ""
    open_questions: tuple[str, ...] = ()
    last_words: tuple[Said, ...] = ()


def pack_of(state: TicketState, escalation: Escalation) -> HandOverPack:
    """Return the pack as things stand; every list and text of it is bounded."""
    draft, triage = escalation.draft, state.classification
    understood = ""
    if triage is not None:
        how = (triage.priority, triage.sentiment, triage.language, *triage.topics)
        understood = clip(f"{triage.intent} ({', '.join(how)})", 300)
    return HandOverPack(
        reason=escalation.reason,
        summary=clip(draft.summary, 1_500),
        subject=clip(state.ticket.subject, 300),
        understood=understood,
        tried=tuple(_tried(state)),
        receipts=tuple(
            record.receipt
            for record in state.actions[-MAX_TRIED:]
            if record.receipt is not None and record.state in _DONE
        ),
        promises=state.commitments[-MAX_TRIED:],
        recommendation=clip(draft.recommendation, 1_500),
        open_questions=tuple(dict.fromkeys(_questions(state, escalation.reason)))[:MAX_QUESTIONS],
        last_words=tuple(
            Said(sender=m.sender, text=clip(m.text, 600)) for m in state.messages[-MAX_WORDS:]
        ),
    )


def rendered(pack: HandOverPack) -> str:
    """Return the pack as a person reads it in the helpdesk."""
    lines = [f"Reason: {pack.reason}", f"Summary: {pack.summary}", f"Subject: {pack.subject}"]
    if pack.understood:
        lines.append(f"Understood as: {pack.understood}")
    if pack.recommendation:
        lines.append(f"Recommendation: {pack.recommendation}")
    lines += [f"- {one.what} {one.state}: {one.outcome}".rstrip(": ") for one in pack.tried]
    lines += [f"- receipt {one.receipt_id}: {clip(one.summary, 200)}" for one in pack.receipts]
    for promise in pack.promises:
        due = f"{promise.state}, due {promise.due_at:%Y-%m-%d %H:%M}"
        lines.append(f"- promised: {clip(promise.text, 200)} ({due})")
    if pack.open_questions:
        lines += ["Open questions:", *(f"- {question}" for question in pack.open_questions)]
    if pack.last_words:
        lines += ["Last words:", *(f"[{one.sender}] {one.text}" for one in pack.last_words)]
    return clip("\n".join(lines), MAX_PACK_CHARS)


def _tried(state: TicketState) -> Iterator[Tried]:
    for record in state.actions[-MAX_TRIED:]:
        outcome = record.receipt.summary if record.receipt else ""
        outcome = outcome or (record.error.message if record.error else "")
        yield Tried(what=record.action.kind, state=record.state.value, outcome=clip(outcome, 200))
    for seen in state.observations[-MAX_TRIED:]:
        if seen.action_kind is None:
            yield Tried(what="proposal", state=seen.kind, outcome=clip(seen.message, 200))


def _questions(state: TicketState, why: str) -> Iterator[str]:
    """Yield what somebody has to find out: of backends, of the rules, and of the customer."""
    for record in state.actions:
        if record.state is ActionState.UNKNOWN:
            yield (
                f"Did {record.action.kind} ({record.effect_id}) happen? It is UNKNOWN: look at the"
                " backend before anything is repeated."
            )
    if (state.assurance or state.ticket.assurance) is Assurance.NONE:
        yield "Who writes? It is not known: change and disclose nothing before it is."
    kinds = {record.action.action_id: record.action.kind for record in state.actions}
    for verdict in state.judgement.verdicts if state.judgement else ():
        kind = kinds.get(verdict.action_id)
        if kind is None or verdict.ruling is Ruling.ALLOW:
            continue
        for reason in verdict.reasons[:2]:
            if reason.rule_id != why:  # why people have the ticket is said already
                yield clip(f"May {kind} be done? {reason.text} ({reason.rule_id})", 300)
    triage = state.classification
    if triage is not None and triage.alternatives and triage.alternatives[0].probability >= 0.3:
        yield f"Is it about {triage.intent}, or about {triage.alternatives[0].intent}?"
    said = [m for m in state.messages if m.sender == "customer"]
    for question in _QUESTION.findall(said[-1].text)[:2] if said else ():
        yield f"The customer asks: {question.strip()}"
