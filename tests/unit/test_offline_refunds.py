"""Money back, as the resolver without a key proposes it for the example shop."""

from pathlib import Path

import pytest

from closeloop.actions.orders import CancelOrder
from closeloop.actions.refunds import RefundPayment
from closeloop.models.base import Money
from closeloop.models.proposal import Action
from tests.ports.small_shop import small_shop, write_shop
from tests.unit.offline_support import (
    TENANT,
    Desk,
    Us,
    kind_of,
    reason_of,
    receipt_for,
    text_of,
    the_action,
)

# --- refunds -------------------------------------------------------------------------------------

REFUNDS: list[tuple[str, str, tuple[str, ...], str, tuple[str, ...]]] = [
    ("order named", "nora_whitfield", ("Please refund #W1001.",), "#W1001", ()),
    ("number without #", "samuel_reyes", ("refund order w1005 pls",), "#W1005", ()),
    ("digits alone", "theo_marchetti", ("Refund for order 1002, please",), "#W1002", ()),
    ("only one fits", "nora_whitfield", ("I want my money back",), "#W1001", ()),
    (
        "item named",
        "samuel_reyes",
        ("#W1005: the speaker crackles. My money back, please",),
        "#W1005",
        ("item:710501:1",),
    ),
    (
        "item of two in one order",
        "wei_lindgren",
        ("I would like a refund for the soy candle",),
        "#W1030",
        ("item:710201:1",),
    ),
    (
        "variant of two in one order",
        "elise_moreau",
        ("please refund the brass lamp",),
        "#W1028",
        ("item:710401:1",),
    ),
    (
        "one of two units",
        "yuki_tanabe",
        ("One of the two mugs in #W1020 is chipped, refund it please",),
        "#W1020",
        ("item:710103:1",),
    ),
    ("both units", "yuki_tanabe", ("Refund both mugs of #W1020",), "#W1020", ()),
    (
        "every item in full",
        "arthur_penrose",
        ("Full refund for #W1008 please: turntable and speakers hum",),
        "#W1008",
        (),
    ),
    (
        "units and shipping",
        "yuki_tanabe",
        ("Refund the two candles and the shipping of #W1021",),
        "#W1021",
        ("item:710202:1", "item:710202:2", "shipping"),
    ),
    (
        "shipping alone",
        "yuki_tanabe",
        ("Please refund the shipping fee of #W1021",),
        "#W1021",
        ("shipping",),
    ),
    (
        "fee alone",
        "wei_lindgren",
        ("#W1029 was not wrapped: refund the gift wrap",),
        "#W1029",
        ("fee:gift_wrap",),
    ),
    (
        "what is left of the whole",
        "grace_ellery",
        ("refund the whole order #W1023",),
        "#W1023",
        ("item:710301:1", "shipping"),
    ),
    (
        "the number as an answer",
        "leo_brandt",
        ("My mug is ugly, refund please", Us("Is it #W1014 or #W1015?"), "#W1014"),
        "#W1014",
        (),
    ),
    (
        "the colour as an answer, our question quoted",
        "leo_brandt",
        (
            "My mug is ugly, refund please",
            Us("Is it #W1014 or #W1015?"),
            "The moss one\n> Is it #W1014 or #W1015?",
        ),
        "#W1015",
        (),
    ),
    (
        "another item as an answer",
        "clara_novak",
        ("Refund #W1012 please", Us("..."), "sorry, I meant the ivory headphones"),
        "#W1013",
        (),
    ),
    (
        "yes as an answer",
        "leo_brandt",
        ("refund my mug please", Us("Is it order #W1015?"), "Yes, that one."),
        "#W1015",
        (),
    ),
    (
        "newer words win",
        "priya_raman",
        ("Refund #W9999", Us("We could not find it."), "sorry: #W1006"),
        "#W1006",
        (),
    ),
]


@pytest.mark.parametrize(
    ("who", "said", "order_id", "components"),
    [case[1:] for case in REFUNDS],
    ids=[case[0] for case in REFUNDS],
)
def test_refund_of_what_was_named(
    desk: Desk, who: str, said: tuple[str, ...], order_id: str, components: tuple[str, ...]
) -> None:
    proposal = desk.propose(desk.request("refund_request", *said, who=who))
    assert the_action(proposal) == RefundPayment(order_id=order_id, components=components)
    assert "{{1.amount}}" in text_of(proposal)
    assert "{{1.receipt_id}}" in text_of(proposal)
    assert order_id in text_of(proposal)


def test_a_refund_cites_the_policy_and_greets_by_name(desk: Desk) -> None:
    request = desk.request(
        "refund_request", "Please refund #W1001.", who="nora_whitfield", about="money arrives"
    )
    proposal = desk.propose(request)
    assert proposal.reply is not None
    assert proposal.reply.cites == ("refund-policy#when-the-money-arrives",)
    assert proposal.reply.text.startswith("Hello Nora,\n\n")
    assert "5 to 10 business days" in proposal.reply.text


def test_the_subject_asks_too(desk: Desk) -> None:
    words = "The brass lamp arrived broken"
    request = desk.request(
        "damaged_or_wrong_item", words, who="elise_moreau", subject="Refund please"
    )
    proposal = desk.propose(request)
    assert proposal.actions[0].requested_by == ("m1",)


def test_all_of_it_is_the_whole_order_whatever_the_subject_names(desk: Desk) -> None:
    words = "I want a refund for order #W1029, all of it please."
    request = desk.request("refund_request", words, who="wei_lindgren", subject="Sand speaker")
    assert the_action(desk.propose(request)) == RefundPayment(order_id="#W1029")


def test_the_action_points_to_the_messages_that_asked(desk: Desk) -> None:
    said = ("My mug is ugly, refund please", Us("#W1014 or #W1015?"), "#W1014")
    proposal = desk.propose(desk.request("refund_request", *said, who="leo_brandt"))
    assert proposal.actions[0].requested_by == ("m1", "m3")


@pytest.mark.parametrize(
    ("who", "words", "listed"),
    [
        ("clara_novak", "I'd like a refund for my headphones", ("#W1012", "#W1013", "ivory")),
        ("leo_brandt", "refund please", ("#W1014", "#W1015", "moss")),
        ("elise_moreau", "One of the lamps is broken. Refund!", ("#W1028", "brass", "matte black")),
        ("wei_lindgren", "Refund #W1029, the candle is awful", ("#W1029", "#W1030")),
        ("wei_lindgren", "refund #W1029 and #W1030", ("#W1029", "#W1030")),
    ],
)
def test_it_asks_where_more_than_one_could_be_meant(
    desk: Desk, who: str, words: str, listed: tuple[str, ...]
) -> None:
    proposal = desk.propose(desk.request("refund_request", words, who=who))
    assert kind_of(proposal) == "question"
    assert all(part in text_of(proposal) for part in listed)


def test_an_item_that_the_order_does_not_hold_is_not_the_whole_order(desk: Desk) -> None:
    request = desk.request(
        "refund_request", "refund the vase of #W1023", who="grace_ellery", item_mentions=("vase",)
    )
    assert kind_of(desk.propose(request)) == "question"


@pytest.mark.parametrize(
    ("who", "words", "number"),
    [
        ("grace_ellery", "please refund my mug from #W1023", "$24.90"),
        ("grace_ellery", "refund #W1024", "$27.90"),
        ("theo_marchetti", "refund #W1003", "$95.50"),
        ("nora_whitfield", "When will I get my refund for #W1031?", "$15.90"),
    ],
)
def test_what_was_refunded_is_told_and_not_refunded_again(
    desk: Desk, who: str, words: str, number: str
) -> None:
    proposal = desk.propose(desk.request("refund_request", words, who=who))
    assert kind_of(proposal) == "answer"
    assert proposal.actions == ()
    assert number in text_of(proposal)
    assert "refunded already" in text_of(proposal)


def test_after_the_refund_of_one_unit_only_the_other_is_left(tmp_path: Path) -> None:
    with Desk(tmp_path) as desk:
        first = Action(
            action_id="p1-a1",
            kind="refund_payment",
            params={"order_id": "#W1020", "components": ["item:710103:1"]},
        )
        key = f"{TENANT}:refund:#W1020:item:710103:1"
        made = desk.backends.payments.refund(TENANT, key, "#W1020", Money(amount_minor=2490))
        done = [receipt_for(first, receipt_id=made.refund_id)]
        said = ("Refund one of my mugs, it is chipped (#W1020)", Us(f"Refunded: {made.refund_id}"))

        again = desk.request(
            "refund_request", *said, "still not solved", who="yuki_tanabe", done=done
        )
        proposal = desk.propose(again)
        assert kind_of(proposal) == "answer"
        assert proposal.actions == ()
        assert made.refund_id in text_of(proposal)
        assert "the other one" in text_of(proposal)

        other = "the other mug is chipped too, refund it as well"
        proposal = desk.propose(
            desk.request("refund_request", *said, other, who="yuki_tanabe", done=done)
        )
        assert the_action(proposal) == RefundPayment(
            order_id="#W1020", components=("item:710103:2",)
        )


def test_a_wished_amount_bounds_the_refund(desk: Desk) -> None:
    words = "Please refund me $10 for the speaker of #W1005, it has a scratch"
    proposal = desk.propose(desk.request("refund_request", words, who="samuel_reyes"))
    assert the_action(proposal) == RefundPayment(
        order_id="#W1005", components=("item:710501:1",), amount_minor=1000
    )


def test_an_amount_that_is_the_price_of_one_item_means_that_item(desk: Desk) -> None:
    request = desk.request("refund_request", "refund $24.90 of #W1030", who="wei_lindgren")
    assert the_action(desk.propose(request)) == RefundPayment(
        order_id="#W1030", components=("item:710102:1",)
    )
    request = desk.request("refund_request", "refund $89 of #W1028", who="elise_moreau")
    assert kind_of(desk.propose(request)) == "question"


def test_part_of_a_price_without_an_amount_is_for_a_person(desk: Desk) -> None:
    words = "It got cheaper, refund me the price difference for #W1005"
    proposal = desk.propose(desk.request("refund_request", words, who="samuel_reyes"))
    assert reason_of(proposal) == "amount_unclear"


def test_an_order_that_was_not_sent_is_offered_to_be_cancelled(desk: Desk) -> None:
    words = "I want my money back for #W1032"
    proposal = desk.propose(desk.request("refund_request", words, who="tomas_vega"))
    assert kind_of(proposal) == "question"
    assert "cancel #W1032" in text_of(proposal)
    said = (words, Us(text_of(proposal)), "cancel #W1032")
    proposal = desk.propose(desk.request("refund_request", *said, who="tomas_vega"))
    assert the_action(proposal) == CancelOrder(order_id="#W1032")


def test_asking_how_refunds_work_is_not_asking_for_one(desk: Desk) -> None:
    request = desk.request("refund_request", "How long does a refund take?", who="nora_whitfield")
    proposal = desk.propose(request)
    assert kind_of(proposal) == "answer"
    assert proposal.actions == ()
    assert proposal.reply is not None
    assert proposal.reply.cites[0].startswith("refund-policy")


def test_a_refund_that_is_waited_for_and_not_on_record_goes_to_a_person(desk: Desk) -> None:
    words = "I sent #W1001 back weeks ago, where is my refund?"
    proposal = desk.propose(desk.request("refund_request", words, who="nora_whitfield"))
    assert reason_of(proposal) == "refund_expected"


# --- damaged and wrong items, double charges -----------------------------------------------------


def test_damage_with_a_wish_for_money_is_refunded(desk: Desk) -> None:
    words = "The brass lamp arrived broken, I want a refund"
    proposal = desk.propose(desk.request("damaged_or_wrong_item", words, who="elise_moreau"))
    assert the_action(proposal) == RefundPayment(order_id="#W1028", components=("item:710401:1",))
    assert "sorry" in text_of(proposal)


def test_damage_without_a_wish_asks_what_would_put_it_right(desk: Desk) -> None:
    words = "The brass lamp arrived broken"
    proposal = desk.propose(desk.request("damaged_or_wrong_item", words, who="elise_moreau"))
    assert kind_of(proposal) == "question"
    said = (words, Us(text_of(proposal)), "refund")
    proposal = desk.propose(desk.request("damaged_or_wrong_item", *said, who="elise_moreau"))
    assert the_action(proposal) == RefundPayment(order_id="#W1028", components=("item:710401:1",))


def test_a_replacement_is_for_a_person(desk: Desk) -> None:
    words = "The brass lamp arrived broken, please send me a new one"
    proposal = desk.propose(desk.request("damaged_or_wrong_item", words, who="elise_moreau"))
    assert reason_of(proposal) == "replacement_wanted"


def test_two_equal_orders_are_shown_and_the_second_can_be_cancelled(desk: Desk) -> None:
    words = "I was charged twice!"
    proposal = desk.propose(desk.request("double_charge", words, who="ruben_castel"))
    assert kind_of(proposal) == "question"
    assert "cancel #W1026" in text_of(proposal)
    said = (words, Us(text_of(proposal)), "yes, cancel #W1026 please")
    proposal = desk.propose(desk.request("double_charge", *said, who="ruben_castel"))
    assert the_action(proposal) == CancelOrder(order_id="#W1026", reason="ordered by mistake")


def test_one_payment_is_explained_and_then_goes_to_a_person(desk: Desk) -> None:
    words = "You charged me twice for #W1005"
    proposal = desk.propose(desk.request("double_charge", words, who="samuel_reyes"))
    assert kind_of(proposal) == "question"
    assert "one payment of $145.50" in text_of(proposal)
    said = (words, Us(text_of(proposal)), "there are two on my statement")
    proposal = desk.propose(desk.request("double_charge", *said, who="samuel_reyes"))
    assert reason_of(proposal) == "repeated_question"


@pytest.mark.parametrize(("twice", "extra"), [(True, None), (False, 1000)])
def test_what_was_taken_beyond_the_price_is_given_back(
    tmp_path: Path, twice: bool, extra: int | None
) -> None:
    shop = small_shop()
    order = shop["orders"]["#W7"]
    price = order["items"][0]["price"]
    payment = {
        "transaction_type": "payment",
        "amount": price,
        "payment_method_id": "credit_card_1",
    }
    order["status"] = "delivered"
    order["payment_history"] = [payment, payment if twice else payment | {"amount": 10.0}]
    with Desk(tmp_path, shop_file=write_shop(tmp_path, shop)) as desk:
        words = f"I was charged twice for {order['order_id']}"
        proposal = desk.propose(desk.request("double_charge", words, who=order["user_id"]))
    assert the_action(proposal) == RefundPayment(order_id=order["order_id"], amount_minor=extra)
