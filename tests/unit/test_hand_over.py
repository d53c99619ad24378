"""The hand-over pack: what it says, and that it stays small whatever a ticket has been through."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from closeloop.models.handover import MAX_PACK_CHARS, HandOverPack, pack_of, rendered
from closeloop.models.policy import Facts, Judgement, Reason, Ruling, Verdict
from closeloop.models.proposal import (
    Action,
    ActionError,
    ActionRecord,
    ActionState,
    EscalationDraft,
    Observation,
    Receipt,
)
from closeloop.models.state import Commitment, Escalation, TicketStart, TicketState
from closeloop.models.ticket import Assurance, Customer, Message, Ticket
from closeloop.models.triage import Alternative, Classification
from workflows import state as transitions

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MAX_BYTES = 60_000


def ticket(**changes: object) -> TicketState:
    start = TicketStart(
        ticket=Ticket(
            ticket_id="T-1",
            tenant="default",
            assurance=Assurance.CONFIRMED,
            customer=Customer(email="nora@example.com"),
            subject="Mug",
            body="The mug leaks. Can I have another one? Or my money back?",
            received_at=NOW,
        )
    )
    return transitions.opened(start, NOW).model_copy(update=changes)


def pack(state: TicketState, **changes: str) -> HandOverPack:
    draft = EscalationDraft(**{"reason": "odd", "summary": "It is odd.", **changes})
    return pack_of(state, Escalation(number=1, reason="odd", draft=draft, since=NOW))


def record(state: ActionState, **changes: object) -> ActionRecord:
    action = Action(action_id="p1-a1", kind="refund_payment")
    made = ActionRecord(action=action, effect_id="refund:#W1:all", state=state)
    return made.model_copy(update=changes)


RECEIPT = Receipt(receipt_id="re_1", summary="$24.90 refunded", at=NOW)


def test_it_says_what_was_tried_and_what_has_a_receipt() -> None:
    error = ActionError(code="window", message="too late")
    found = pack(
        ticket(
            actions=(
                record(ActionState.VERIFIED, receipt=RECEIPT),
                record(ActionState.REFUSED, error=error),
            ),
            observations=(Observation(kind="invalid", code="no_receipt", message="no receipt"),),
            commitments=(
                Commitment(commitment_id="r1-c1", text="We call you.", due_at=NOW, check="person"),
            ),
        ),
        recommendation="Call her.",
    )
    assert [(one.what, one.state, one.outcome) for one in found.tried] == [
        ("refund_payment", "verified", "$24.90 refunded"),
        ("refund_payment", "refused", "too late"),
        ("proposal", "invalid", "no receipt"),
    ]
    assert found.receipts == (RECEIPT,)
    text = rendered(found)
    for part in ("It is odd.", "Call her.", "re_1", "too late", "promised: We call you.", "leaks"):
        assert part in text


def test_its_questions_are_those_nobody_has_answered() -> None:
    triage = Classification(
        intent="refund_request",
        confidence=0.5,
        alternatives=(Alternative(intent="exchange_item", probability=0.4),),
    )
    reason = Reason(rule_id="money.limit", ruling=Ruling.NEEDS_APPROVAL, text="A person decides")
    said = reason.model_copy(update={"rule_id": "odd"})  # why people have it, once more
    verdict = Verdict(action_id="p1-a1", ruling=Ruling.NEEDS_APPROVAL, reasons=(said, reason))
    facts = Facts.model_construct()
    found = pack(
        ticket(
            assurance=Assurance.NONE,
            actions=(record(ActionState.UNKNOWN),),
            classification=triage,
            judgement=Judgement.model_construct(verdicts=(verdict,), facts=facts),
        )
    )
    first, second, *rest = found.open_questions
    assert "refund:#W1:all" in first
    assert "UNKNOWN" in first
    assert second.startswith("Who writes?")
    assert rest == [
        "May refund_payment be done? A person decides (money.limit)",
        "Is it about refund_request, or about exchange_item?",
        "The customer asks: Can I have another one?",
        "The customer asks: Or my money back?",
    ]
    assert pack(ticket()).open_questions == tuple(rest[2:])


text = st.text(max_size=40).map(lambda part: part * 200)


@given(text, text, text, st.integers(0, 40))
def test_it_is_bounded(summary: str, words: str, outcome: str, times: int) -> None:
    error = ActionError(code="x", message=outcome)
    message = Message(message_id="m", sender="customer", text=words, at=NOW)
    promise = Commitment(commitment_id="c", text="We call you.", due_at=NOW, check="person")
    found = pack(
        ticket(
            actions=(record(ActionState.UNKNOWN, error=error),) * times,
            observations=(Observation(kind="invalid", code="x", message=outcome),) * times,
            messages=(message,) * times,
            commitments=(promise,) * times,
        ),
        summary=summary,
        recommendation=summary,
    )
    assert len(found.model_dump_json().encode()) < MAX_BYTES
    assert len(rendered(found)) <= MAX_PACK_CHARS
