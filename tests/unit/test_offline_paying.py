"""How an order is paid, credit, parts of prices, money on its way, as the resolver sees it."""

import pytest

from closeloop.actions.customers import IssueStoreCredit
from closeloop.actions.orders import ModifyOrderPayment
from closeloop.actions.refunds import RefundPayment
from tests.unit.offline_support import (
    Desk,
    Us,
    kind_of,
    plan,
    reason_of,
    text_of,
    the_action,
)

# --- paying --------------------------------------------------------------------------------------


def test_an_order_is_paid_by_another_method_on_file(desk: Desk) -> None:
    words = "Please charge #W1016 to my PayPal instead of the card"
    proposal = plan(desk, "change_payment_method", words, who="dana_kowalski")
    assert the_action(proposal) == ModifyOrderPayment(
        order_id="#W1016", payment_method_id="paypal_4102"
    )


def test_a_method_that_is_not_named_is_asked_for(desk: Desk) -> None:
    words = "I want to pay #W1017 differently"
    proposal = plan(desk, "change_payment_method", words, who="dana_kowalski")
    assert kind_of(proposal) == "question"
    assert "credit card" in text_of(proposal)
    assert "4101" not in text_of(proposal)


@pytest.mark.parametrize(("who", "order"), [("tomas_vega", "#W1032"), ("omar_haddad", "#W1018")])
def test_without_another_method_or_with_two_payments_a_person_sees_to_it(
    desk: Desk, who: str, order: str
) -> None:
    proposal = plan(desk, "change_payment_method", f"Pay {order} by PayPal", who=who)
    assert reason_of(proposal) == "payment_method"


def test_credit_is_proposed_for_the_order_and_amount_named(desk: Desk) -> None:
    words = "Please give me $5 store credit for #W1001, it came late"
    proposal = plan(desk, "store_credit", words, who="nora_whitfield")
    assert the_action(proposal) == IssueStoreCredit(order_id="#W1001", amount_minor=500)


@pytest.mark.parametrize(
    "words",
    [
        "I want a voucher for the trouble with #W1001",
        "Give me $500 of store credit for #W1001",
        "Give me $5 or $10 of credit for #W1001",
    ],
)
def test_credit_without_an_amount_that_could_be_given_is_for_a_person(
    desk: Desk, words: str
) -> None:
    assert reason_of(plan(desk, "store_credit", words, who="nora_whitfield")) == "credit_wanted"


# --- part of a price, and money on its way -------------------------------------------------------


def test_part_of_a_price_is_what_the_customer_names(desk: Desk) -> None:
    for words in ("Refund me $5 of the mug, I keep it", "I'd keep it for 5 dollars back"):
        proposal = plan(desk, "partial_refund", words, who="nora_whitfield")
        action = the_action(proposal)
        assert isinstance(action, RefundPayment)
        assert (action.order_id, action.amount_minor) == ("#W1001", 500)


def test_part_of_a_price_touches_one_item_only(desk: Desk) -> None:
    words = "refund $5 of the throw in #W1021"
    action = the_action(plan(desk, "partial_refund", words, who="yuki_tanabe"))
    assert action == RefundPayment(
        order_id="#W1021", components=("item:710301:1",), amount_minor=500
    )
    open_item = plan(desk, "partial_refund", "refund $5 of #W1021", who="yuki_tanabe")
    assert "Linen Throw" in text_of(open_item)


@pytest.mark.parametrize(
    "words", ["Half of the mug's price back please", "Refund $24.90 of it", "refund $99 of the mug"]
)
def test_a_share_or_no_less_than_the_price_is_for_a_person(desk: Desk, words: str) -> None:
    assert reason_of(plan(desk, "partial_refund", words, who="nora_whitfield")) == "amount_unclear"


def test_a_part_without_an_amount_is_asked_for(desk: Desk) -> None:
    said = "I keep the mug if I get a bit of the money back"
    asked = plan(desk, "partial_refund", said, who="nora_whitfield")
    assert kind_of(asked) == "question"
    again = plan(
        desk, "partial_refund", said, Us(text_of(asked)), "refund $4", who="nora_whitfield"
    )
    action = the_action(again)
    assert isinstance(action, RefundPayment)
    assert action.amount_minor == 400


def test_a_refund_on_record_is_told_with_its_number(desk: Desk) -> None:
    words = "Has my refund for #W1024 been processed?"
    proposal = plan(desk, "refund_status", words, who="grace_ellery")
    assert kind_of(proposal) == "answer"
    assert "$27.90" in text_of(proposal)
    assert "another refund" not in text_of(proposal)


def test_a_refund_that_nobody_made_is_for_a_person(desk: Desk) -> None:
    proposal = plan(desk, "refund_status", "Where is my refund for #W1005?", who="samuel_reyes")
    assert reason_of(proposal) == "refund_expected"


def test_how_long_refunds_take_is_in_the_articles(desk: Desk) -> None:
    proposal = plan(desk, "refund_status", "How long does a refund take?", who="samuel_reyes")
    assert kind_of(proposal) == "answer"
    assert proposal.reply is not None
    assert proposal.reply.cites
