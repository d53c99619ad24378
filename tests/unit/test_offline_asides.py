"""What is asked beside a wish neither narrows it nor takes its place."""

from collections.abc import Sequence

import pytest

from closeloop.actions.refunds import RefundPayment
from tests.unit.offline_support import Desk, Us, kind_of, the_action


def refunded(desk: Desk, who: str, *said: str, mentions: Sequence[str] = ()) -> RefundPayment:
    """Return the refund that is proposed."""
    request = desk.request("refund_request", *said, who=who, item_mentions=mentions)
    params = the_action(desk.propose(request))
    assert isinstance(params, RefundPayment)
    return params


@pytest.mark.parametrize(
    ("who", "said", "order_id"),
    [
        (
            "yuki_tanabe",
            (
                "Please refund all of order #W1021.",
                "Hurry up. And which scent did the candle have?",
            ),
            "#W1021",
        ),
        (
            "yuki_tanabe",
            ("Please refund order #W1021.", "Thanks! Is the candle made of soy, by the way?"),
            "#W1021",
        ),
        (
            "yuki_tanabe",
            ("Please refund order #W1021.", "Could you tell me what size the mugs in #W1020 are?"),
            "#W1021",
        ),
        (
            "yuki_tanabe",
            ("Please refund all of order #W1021.", "The candle was a present by the way."),
            "#W1021",
        ),
        (
            "wei_lindgren",
            ("Please refund order #W1030 and tell me what size the mug was",),
            "#W1030",
        ),
        (
            "wei_lindgren",
            ("What size was the mug? Please refund order #W1030.",),
            "#W1030",
        ),
        (
            "wei_lindgren",
            ("Please refund order #W1030, and what size was the mug?",),
            "#W1030",
        ),
        (
            "arthur_penrose",
            ("Refund order #W1008 in full please, I am unhappy with the sound.",),
            "#W1008",
        ),
        (
            "arthur_penrose",
            ("I want a full refund for order #W1008, the speakers hum.",),
            "#W1008",
        ),
        (
            "arthur_penrose",
            ("Refund order #W1008.", "Hurry up please. And what colour were my speakers?"),
            "#W1008",
        ),
    ],
)
def test_a_question_or_a_reason_does_not_narrow_a_wish(
    desk: Desk, who: str, said: tuple[str, ...], order_id: str
) -> None:
    params = refunded(desk, who, *said)
    assert params.order_id == order_id
    assert params.components == ()
    assert params.amount_minor is None


@pytest.mark.parametrize(
    ("who", "said", "items"),
    [
        ("wei_lindgren", ("Can I get my money back for the mug of #W1030?",), 1),
        ("wei_lindgren", ("The mug of #W1030 is cracked. What can be done? Refund it please.",), 1),
        ("wei_lindgren", ("Refund #W1030 please. Why is the mug so badly made?",), 1),
        ("wei_lindgren", ("Refund the mug of order #W1030 in full please.",), 1),
        ("wei_lindgren", ("Refund #W1030 please. Is the mug covered by your guarantee?",), 1),
        ("wei_lindgren", ("Refund all of order #W1030.", "No, only the mug please."), 1),
        ("wei_lindgren", ("Refund all of order #W1030.", "Please refund the mug."), 1),
        ("wei_lindgren", ("Refund order #W1030.", Us("Which item?"), "the mug?"), 1),
        ("wei_lindgren", ("Refund order #W1030.", "The mug is chipped."), 1),
        ("yuki_tanabe", ("Refund #W1021, but not the candles? Only the throw, please.",), 0),
    ],
)
def test_what_asks_for_less_still_does(
    desk: Desk, who: str, said: tuple[str, ...], items: int
) -> None:
    request = desk.request("refund_request", *said, who=who)
    proposal = desk.propose(request)
    if not items:
        assert kind_of(proposal) == "question"
        return
    params = the_action(proposal)
    assert isinstance(params, RefundPayment)
    assert len(params.components) == items


@pytest.mark.parametrize(
    "said",
    [
        "I want a refund please. Which scent did the candle have?",
        "Please refund me and tell me what size the mug was.",
    ],
)
def test_what_only_a_question_names_is_asked_about(desk: Desk, said: str) -> None:
    proposal = desk.propose(desk.request("refund_request", said, who="yuki_tanabe"))
    assert kind_of(proposal) == "question"


def test_a_question_is_no_message_that_asked(desk: Desk) -> None:
    said = ("Please refund all of order #W1021.", "Hurry up. And which scent did the candle have?")
    proposal = desk.propose(desk.request("refund_request", *said, who="yuki_tanabe"))
    assert proposal.actions[0].requested_by == ("m1",)


def test_a_question_for_its_own_sake_names_what_it_is_about(desk: Desk) -> None:
    said = ("Where is my order #W1021?", "And when was the mug delivered?")
    request = desk.request("order_status", *said, who="yuki_tanabe")
    assert "W1020" in str(desk.propose(request).reply)
