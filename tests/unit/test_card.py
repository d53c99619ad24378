"""The operators' card: nothing in it that a viewer would follow, load or render."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closeloop.models.proposal import (
    Action,
    ActionError,
    ActionRecord,
    ActionState,
    EscalationDraft,
)
from closeloop.models.state import Escalation, TicketStart
from closeloop.models.ticket import Customer, Message, Ticket
from closeloop.models.triage import Classification
from workflows import state as transitions
from workflows.card import card, inert

NOW = datetime(2026, 1, 1, tzinfo=UTC)

EVIL = [
    "![x](https://evil.example/p.png)",
    "[click](javascript:alert(1))",
    "<img src=x onerror=alert(1)>",
    "<https://evil.example>",
    "https://evil.example",
    "HTTPS://EVIL.example",
    "www.evil.example",
    "someone@evil.example",
    "mailto:x@evil.example",
    "data:text/html,<script>1</script>",
    "# heading",
    "line\n\n# heading\n- list\n> quote\n```code```",
    "| a | b |\n|---|---|",
    "**bold** _em_ ~~gone~~ `code`",
    "&lt;b&gt; &#60;",
    "[^1]: note",
    "xmpp:a@b ftp://evil.example tel:+123",
]

LIVE = [
    re.compile(r"(?<!\\)[\[\]<>`|*_#~]"),  # markup that is not escaped
    re.compile(r"(?<!\\)!\\?\["),  # an image
    re.compile(r"(?i)\b(https?|ftp|mailto|javascript|data|xmpp|tel):"),  # what viewers link
    re.compile(r"://(?<! ://)"),
    re.compile(r"(?i)\bwww\."),
    re.compile(r"\w@\w"),
    re.compile(r"(?<!\\)&"),
    re.compile(r"[\r\n]"),
]


def assert_inert(text: str) -> None:
    for pattern in LIVE:
        assert not pattern.search(text), (pattern.pattern, text)


@pytest.mark.parametrize("text", EVIL)
def test_a_known_trick(text: str) -> None:
    assert_inert(inert(text))


pieces = st.sampled_from(
    [*EVIL, "http", "s:", "//", "www", ".", "@", "x", "\\", "!", "[", "](", " "]
)


@settings(deadline=None)
@given(st.lists(st.one_of(pieces, st.text(max_size=5)), max_size=12).map("".join))
def test_any_mixture_of_them(text: str) -> None:
    assert_inert(inert(text))


@settings(deadline=None)
@given(st.text(max_size=3_000))
def test_it_is_short(text: str) -> None:
    assert len(inert(text, 50)) <= 50 * 3 + 10


def test_words_stay_readable() -> None:
    assert inert("Where is order W1001? It is late, I paid $5.") == (
        "Where is order W1001? It is late, I paid \\$5."
    )


def test_nothing_of_a_customer_or_a_model_reaches_a_card_alive() -> None:
    evil = " ".join(EVIL)
    ticket = Ticket(
        ticket_id="t1",
        tenant="default",
        customer=Customer(email="c@example.com"),
        subject=evil,
        body=evil,
        received_at=NOW,
    )
    state = transitions.opened(TicketStart(ticket=ticket), NOW)
    action = Action(action_id="p1-a1", kind=evil, reason=evil)
    error = ActionError(code="x", message=evil)
    state = state.model_copy(
        update={
            "classification": Classification(
                intent=evil, confidence=0.5, why=evil, topics=("illness", evil)
            ),
            "mode_reasons": (evil,),
            "actions": (ActionRecord(action=action, state=ActionState.FAILED, error=error),),
            "escalation": Escalation(
                number=1, reason=evil, draft=EscalationDraft(reason=evil, summary=evil), since=NOW
            ),
            "messages": (Message(message_id="m1", sender="customer", text=evil, at=NOW),),
        }
    )
    shown = card(state)
    assert "**Last messages**" in shown
    assert "touches **illness, " in shown
    for pattern in (r"(?<!\\)[\[<]", r"https?://", r"\bwww\.", r"\w@\w", r"\n# ", "javascript:"):
        assert not re.search(pattern, shown), pattern
