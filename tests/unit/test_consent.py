"""Reading what the customer asked for, in the customer's own words."""

from __future__ import annotations

import pytest

from closeloop.actions.base import ActionParams
from closeloop.actions.desk import AddCrmNote
from closeloop.actions.orders import CancelOrder, ModifyOrderAddress
from closeloop.actions.refunds import RefundPayment
from closeloop.models.base import Money
from closeloop.models.records import OrderLine, OrderRecord
from closeloop.policy.consent import names_target, own_words, read_answer
from closeloop.policy.wished import names_remedy

NAMES = {
    "71": "Stoneware Mug",
    "72": "Soy Candle",
    "73": "Linen Throw",
    "74": "Juniper Table Lamp",
    "76": "Wren Wireless Headphones",
    "79": "Dumbbell Set",
}


def order(order_id: str, *items: str, shipping: int = 0, fee: bool = False) -> OrderRecord:
    return OrderRecord(
        order_id=order_id,
        customer_id="nora",
        status="delivered",
        lines=tuple(
            OrderLine(item_id=i, product_id=i, name=NAMES[i], price=Money(amount_minor=2_490))
            for i in items
        ),
        shipping=Money(amount_minor=shipping),
        fees={"gift_wrap": Money(amount_minor=400)} if fee else {},
    )


MUG = order("#W1001", "71")


@pytest.mark.parametrize(
    "text",
    [
        "Refund order #W1001 please",
        "Refund order W1001 please",
        "refund w1001, it broke",
        "About W1001.",
        "my mug arrived broken",
        "Both MUGS are chipped",
        "that stoneware thing... the mug!",
        "Hello,\nthe mug broke.\n\nOn Mon, 2 Mar 2026 at 10:00, Shop wrote:\n> order #W2002",
    ],
)
def test_order_is_named(text: str) -> None:
    assert names_target([text], MUG, (), ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Refund my order please",
        "Refund #W10011 please",
        "Refund XW1001 please",
        "Refund W1001-2 please",
        "The lamp is broken",
        "smuggled goods",
        "Refund #W1002, the mug",  # an order id wins over an item
        "Refund W1002, the mug",
        "> the mug is broken\nsee above",
        "see below\n-----Original Message-----\nthe mug in #W1001 is broken",
    ],
)
def test_order_is_not_named(text: str) -> None:
    assert not names_target([text], MUG, (), ())


def test_order_is_named_with_the_ticket() -> None:
    assert names_target(["refund please"], MUG, (), ["W1001"])
    assert names_target(["refund please"], MUG, (), ["#w1001"])
    assert not names_target(["refund the mug please"], MUG, (), ["#W1002"])


def test_order_and_item_may_stand_in_two_messages() -> None:
    assert names_target(["It broke!", "It is order W1001"], MUG, (), ())


def test_item_that_stands_on_two_orders_names_neither() -> None:
    other = order("#W1002", "72", "71")
    assert not names_target(["refund my mug"], MUG, (), (), others=[other, MUG])
    assert names_target(["refund my mug"], MUG, (), (), others=[order("#W1003", "72"), MUG])
    assert names_target(["refund my mug in W1001"], MUG, (), (), others=[other, MUG])


def test_ids_of_digits_alone() -> None:
    plain = order("1001", "71")
    assert names_target(["refund 1001"], plain, (), ())
    assert names_target(["refund the mug, it was 24 dollars"], plain, (), ())
    assert not names_target(["refund the mug of 1002"], plain, (), ())


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("76", "my headphone is silent"),
        ("76", "the Wren wireless ones"),
        ("74", "a table lamp, juniper"),
        ("79", "the dumbbells are rusty"),
    ],
)
def test_item_by_what_it_is_or_two_words_of_its_name(item: str, text: str) -> None:
    assert names_target([text], order("#W1001", item), (), ())


@pytest.mark.parametrize(("item", "text"), [("74", "my table broke"), ("79", "a set of plates")])
def test_one_lesser_word_names_no_item(item: str, text: str) -> None:
    assert not names_target([text], order("#W1001", item), (), ())


BASKET = order("#W1021", "72", "72", "73", shipping=650, fee=True)
CANDLE_1, CANDLE_2, THROW = "item:72:1", "item:72:2", "item:73:1"
ALL = tuple(part.component_id for part in BASKET.components())


@pytest.mark.parametrize(
    ("text", "components", "named"),
    [
        ("refund #W1021", ALL, True),
        ("refund #W1021", [CANDLE_1], True),
        ("refund the candle of #W1021", [CANDLE_1], True),
        ("refund the candles of #W1021", [CANDLE_1, CANDLE_2], True),
        ("refund the candle of #W1021", [THROW], False),
        ("refund the candle of #W1021", [CANDLE_1, THROW], False),
        ("refund the candle of #W1021", [CANDLE_1, "shipping"], False),
        ("refund the candle of #W1021", ALL, False),
        ("refund the candle of #W1021", (), False),  # the order as such is more
        ("refund #W1021", (), True),
        ("the candle broke, refund the whole order #W1021", ALL, True),
        ("the candle broke, refund everything on #W1021", ALL, True),
        ("refund the candles and the throw of #W1021", ALL, True),
        ("refund the shipping of #W1021", ["shipping"], True),
        ("refund the shipping cost of #W1021", [CANDLE_1], False),
        ("shipping of #W1021 took ages, I want a refund", ALL, True),
        ("refund the gift wrap of #W1021", ["fee:gift_wrap"], True),
        ("refund the gift wrap of #W1021", [THROW], False),
        ("refund the candle", [CANDLE_1], True),
    ],
)
def test_no_more_than_was_named(text: str, components: list[str], named: bool) -> None:
    assert names_target([text], BASKET, components, ()) is named


@pytest.mark.parametrize(
    "text",
    [
        "I want a refund",
        "Please refund me.",
        "Money back now",
        "could you reimburse me?",
        "My order came broken. Refunding it would be great",
        "I was charged twice!",
        "I don't want a replacement, I want a refund",
        "I do not want to wait any longer, please refund me",
        "The mug is not what I expected and I want my money back",
        "Not happy. Refund please",
        "No reply so far - refund this",
    ],
)
def test_refund_is_asked_for(text: str) -> None:
    assert names_remedy([text], RefundPayment)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "My mug is broken",
        "don't refund",
        "Please do not refund me, send a new one",
        "I don\N{RIGHT SINGLE QUOTATION MARK}t want a refund",
        "I don't want you to give me a refund",
        "I am not asking for a refund",
        "I never asked for it to be refunded",
        "it must not be refunded",
        "No refund needed",
        "there is no need to refund anything",
        "A refund is not necessary",
        "a refund isn't what I want",
        "a replacement instead of a refund",
        "I'd like a voucher rather than a refund",
        "it was sent without a refund",
        "What is your refund policy?",
        "> Shall we refund you?\nno answer from me",
        "prefund",
        "you did not refund me",
        "I still haven't received my refund",
        "it is still not refunded",
        "I don't see the refund on my card",
        "why don't you refund me?",
        "I can't wait for my refund",
        "Is a refund possible?",
    ],
)
def test_refund_is_not_asked_for(text: str) -> None:
    assert not names_remedy([text], RefundPayment)


def test_other_remedies() -> None:
    cancel, move = "Please cancel my order", "Please deliver it to my new address"
    assert names_remedy([cancel], CancelOrder)
    assert names_remedy(["the cancellation of my order, please"], CancelOrder)
    assert not names_remedy(["please don't cancel it"], CancelOrder)
    assert names_remedy([move], ModifyOrderAddress)
    assert not names_remedy([cancel], ModifyOrderAddress)
    assert not names_remedy([move], RefundPayment)
    assert not names_remedy([cancel, move, "note it"], AddCrmNote)  # it has no remedy words


def test_the_last_word_on_a_remedy_counts() -> None:
    wish, second_thought = "I want a refund", "Forget it, don't refund me"
    assert names_remedy([wish, "thanks"], RefundPayment)
    assert not names_remedy([wish, second_thought], RefundPayment)
    assert names_remedy([second_thought, wish], RefundPayment)
    assert not names_remedy([], RefundPayment)


def test_own_words_leave_out_what_is_quoted() -> None:
    text = "Yes PLEASE\n> Shall we?\nSoon\nOn Mon, 2 Mar 2026 at 10:00 Shop wrote:\nrefund\n"
    assert own_words(text) == "yes please\nsoon"
    assert own_words("On time, she wrote: nothing") == "on time, she wrote: nothing"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (CancelOrder, "Please do not cancel order #W1017! My neighbour said you cancel orders."),
        (CancelOrder, "I would like to cancel my request to cancel order #W1017"),
        (CancelOrder, "Someone tried to cancel my order #W1018, it must not be cancelled."),
        (CancelOrder, "Please make sure that order #W1018 is not cancelled."),
        (
            ModifyOrderAddress,
            "Please send order #W1016 not to 1 Evil Street, but to my old address.",
        ),
        (RefundPayment, "My friend got a refund. I never want a refund of the mug of #W1015."),
        (RefundPayment, "Your colleague asked whether I want a refund of #W1001. No! I am happy."),
        (RefundPayment, 'I received: "Please refund the candle". Did you send that?'),
        (RefundPayment, "Please stop the refund of order #W1004, I want to keep the cover."),
        (RefundPayment, "If it breaks within a year, will you refund the mug of order #W1014?"),
    ],
)
def test_a_condition_a_report_or_a_refusal_is_no_wish(kind: type[ActionParams], text: str) -> None:
    assert not names_remedy([text], kind)


def test_a_later_word_takes_the_wish_back() -> None:
    asked, withdrawn = "Please refund order #W1006.", "Actually never mind, I keep them."
    assert names_remedy([asked], RefundPayment)
    assert not names_remedy([asked, withdrawn], RefundPayment)
    assert names_remedy([withdrawn, asked], RefundPayment)


# --- a plain answer ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("Yes", "yes"),
        ("yes, please go ahead. Thank you!", "yes"),
        ("OK, do it", "yes"),
        ("That's right.\n\n> If you answer with yes, we will: refund everything", "yes"),
        ("Please do", "yes"),
        ("No", "no"),
        ("no thanks", "no"),
        ("please don't", "no"),
        ("Yes, but only the mug", "other"),
        ("Yes to the first one", "other"),
        ("that's not right", "other"),
        ("no, yes, I mean", "other"),
        ("Yes?", "other"),
        ("yes нет", "other"),
        ("sí", "other"),
        ("Thank you!", "other"),
        ("refund", "other"),
        ("", "other"),
        ("> yes", "other"),
    ],
)
def test_only_a_plain_yes_is_a_yes(message: str, answer: str) -> None:
    assert read_answer(message) == answer
