"""A wish has a positive form, and nothing beside or after it that speaks against it."""

from __future__ import annotations

import pytest

from closeloop.actions.base import ActionParams
from closeloop.actions.callbacks import ScheduleCallback
from closeloop.actions.items import ExchangeItems
from closeloop.actions.orders import CancelOrder, ModifyOrderAddress
from closeloop.actions.refunds import RefundPayment
from closeloop.policy.consent import read_answer
from closeloop.policy.wished import names_remedy


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        # what happened, what we will do, and disbelief
        (CancelOrder, "You cancelled #W1032 without asking me?!"),
        (CancelOrder, "Are you going to cancel #W1032? I need it!"),
        (CancelOrder, "I can't believe that you would cancel #W1032"),
        (CancelOrder, "My wife says you will cancel #W1032, is that true? That would be awful"),
        (CancelOrder, "cancel my earlier request about #W1032 please"),
        (CancelOrder, "It was a mistake to cancel #W1032, I want it"),
        (CancelOrder, "I want my cancelled order #W1032 back"),
        (CancelOrder, "Order #W1032 has been cancelled, I want it please"),
        (CancelOrder, "Order cancelled #W1032 please explain"),
        (CancelOrder, "Please un-cancel #W1032"),
        (CancelOrder, "Please tell my husband not to cancel #W1032"),
        (RefundPayment, "Thanks for the refund of the candle #W1002!"),
        (RefundPayment, "You have refunded the candle #W1002, thank you, all good"),
        (RefundPayment, "Refund arrived for #W1001"),
        (RefundPayment, "I am still waiting for the refund, please hurry"),
        (RefundPayment, "I'd like to praise your refund of the mug"),
        (RefundPayment, "I asked for a refund of the mug"),
        (RefundPayment, "I was about to ask you to refund the mug but it is lovely after all."),
        (RefundPayment, "I expect that you refund people quickly"),
        (RefundPayment, "Please send me the refund receipt for #W1001"),
        (RefundPayment, "I would like to decline the refund of the mug"),
        (RefundPayment, "I want to pay back the refund of #W1001"),
        (RefundPayment, "Please update me on the refund of #W1001"),
        (CancelOrder, "Please do everything but cancel #W1032"),
        (CancelOrder, "I must have accidentally pressed cancel on #W1032"),
        # questions
        (CancelOrder, "What do I have to pay to cancel order #W1032?"),
        (CancelOrder, "Can I cancel order #W1032?"),
        (CancelOrder, "Cancel #W1032?"),
        (CancelOrder, "So I must cancel #W1032 to get the discount?"),
        (RefundPayment, "Will you refund the mug of #W1001?"),
        (RefundPayment, "Can you tell me when you refund the mug?"),
        (RefundPayment, "Has my refund for #W1024 been processed?"),
        (RefundPayment, "Refund\nWhere is the mug?"),
        # taken back by later sentences, with or without the remedy's word
        (CancelOrder, "Cancel order #W1032. Edit: sorry, wrong order, don't."),
        (CancelOrder, "Cancel order #W1032 please. Leave it as it is."),
        (RefundPayment, "Please refund the candle #W1002. Cancel this, I found it's fine."),
        (RefundPayment, "Refund the candle #W1002? Nah. Just tell me how long it burns."),
        (RefundPayment, "Please refund the candle of #W1002... just kidding, love it!"),
        (RefundPayment, "Please refund the candle. Never mind."),
        (RefundPayment, "Please refund the mug. Haha"),
        (RefundPayment, "Please refund the mug. I'm keeping it."),
        (RefundPayment, "Please refund the mug.\n\nUpdate: it turned up!"),
        (RefundPayment, "Please refund the mug. Ignore that."),
        (RefundPayment, "Please refund the candle. On second thought, no."),
        (
            RefundPayment,
            "My sister asked me to say: please refund the candle. I told her no, we like it.",
        ),
    ],
)
def test_a_mention_is_no_wish(kind: type[ActionParams], text: str) -> None:
    assert not names_remedy([text], kind)


@pytest.mark.parametrize(
    "later",
    [
        "actually only a question: is it dishwasher safe?",
        "don't",
        "nah",
        "never mind",
        "Edit: the other shop",
        "just kidding",
        "sorry, wrong order",
        "only a question",
        "it's fine",
        "love it",
        "It works after all",
        "No wait",
        "no",
        "Please cancel that",
    ],
)
def test_a_later_message_takes_a_wish_back(later: str) -> None:
    assert not names_remedy(["hi", "please refund the mug of #W1001", "hm", later], RefundPayment)


@pytest.mark.parametrize("later", ["It is #W1001", "Thanks!", "The blue one.", "No rush."])
def test_what_follows_a_wish_and_says_nothing_against_it(later: str) -> None:
    assert names_remedy(["Please refund the mug", later], RefundPayment)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (RefundPayment, "refund for the mug please"),
        (RefundPayment, "money back please"),
        (RefundPayment, "money back for #W1009"),
        (RefundPayment, "My mug is ugly, refund please"),
        (RefundPayment, "Can I get a refund for the mug?"),
        (RefundPayment, "Could I please have a refund?"),
        (RefundPayment, "Would you please refund the mug?"),
        (RefundPayment, "Would you mind refunding the mug?"),
        (RefundPayment, "It would be great if you could refund the mug"),
        (RefundPayment, "I want the mug refunded"),
        (RefundPayment, "I'm writing to request a refund of #W1001"),
        (RefundPayment, "I am not happy with the mug and would like a refund."),
        (RefundPayment, "I want to send it back and get a refund"),
        (RefundPayment, "You did not refund me. Please refund the mug."),
        (RefundPayment, "Refund #W1029, the candle is awful"),
        (RefundPayment, "Requesting a refund for order #W1001"),
        (RefundPayment, "You sent me the wrong order. Refund it please"),
        (RefundPayment, "Refund the $24.90 of #W1001"),
        (RefundPayment, "Give me my money back"),
        (RefundPayment, "refund"),  # the answer to which of several
        (CancelOrder, "Cancel #W1032"),
        (CancelOrder, "cancel w1032 thx"),
        (CancelOrder, "can you cancel #W1007?"),
        (CancelOrder, "I was wondering if you could cancel #W1007."),
        (CancelOrder, "I want #W1032 cancelled"),
        (CancelOrder, "I have decided to cancel order #W1032"),
        (CancelOrder, "I ordered twice. Cancel the second one please"),
        (ModifyOrderAddress, "Can you ship #W1016 to 2 New Lane?"),
        (ModifyOrderAddress, "Change address of #W1016 to 2 New Lane, Boston, MA 02110"),
        (ModifyOrderAddress, "New address for #W1016 please: 1 Road"),
        (ModifyOrderAddress, "I've moved, please update the shipping address of #W1016"),
        (ScheduleCallback, "Could someone phone me back this afternoon?"),
        (ScheduleCallback, "I would like to be called back tomorrow morning."),
        (ExchangeItems, "Can I swap the oat mug for moss?"),
    ],
)
def test_a_plain_wish_is_one(kind: type[ActionParams], text: str) -> None:
    assert names_remedy([text], kind)


@pytest.mark.parametrize(
    "message",
    [
        "Would you do that for me",
        "ok thanks",
        "Okay, thank you very much",
        "do you want this",
        "Is it right",
        "I want to",
    ],
)
def test_a_question_or_thanks_is_no_yes(message: str) -> None:
    assert read_answer(message) == "other"


@pytest.mark.parametrize(
    "message",
    [
        "ok",
        "yes thanks",
        "Yes, all of it please",
        "Please do that for me, thank you",
        "yes i do",
        "Sure, go ahead. Thanks!",
        "Yes, I agree",
    ],
)
def test_a_plain_yes_is_one(message: str) -> None:
    assert read_answer(message) == "yes"
