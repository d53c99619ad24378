"""Returns, exchanges, changed orders, credit, the account: what the resolver makes of them."""

from collections.abc import Iterator

import pytest

from closeloop.actions.customers import IssueStoreCredit, UpdateCustomerAddress
from closeloop.actions.items import ExchangeItems, ModifyOrderItems, ReturnItems
from closeloop.actions.orders import ModifyOrderAddress, ModifyOrderPayment
from closeloop.actions.refunds import RefundPayment
from closeloop.models.proposal import Proposal
from closeloop.models.ticket import Assurance
from tests.unit.offline_support import (
    Desk,
    Us,
    kind_of,
    reason_of,
    refused,
    text_of,
    the_action,
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with Desk(tmp_path_factory.mktemp("desk")) as opened:
        yield opened


def plan(desk: Desk, intent: str, *said: str, who: str, about: str = "") -> Proposal:
    request = desk.request(intent, *said, who=who, assurance=Assurance.CONFIRMED, about=about)
    return desk.propose(request)


# --- returns -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "words", "order_id", "items", "method"),
    [
        (
            "nora_whitfield",
            "I want to return the mug of order #W1001",
            "#W1001",
            ("710101",),
            "credit_card_3101",
        ),
        (
            "yuki_tanabe",
            "Please return both mugs of #W1020",
            "#W1020",
            ("710103", "710103"),
            "credit_card_4301",
        ),
        (
            "yuki_tanabe",
            "I'd like to return the throw from #W1021",
            "#W1021",
            ("710301",),
            "credit_card_4301",
        ),
    ],
)
def test_a_return_of_what_is_named_is_taken_in(
    desk: Desk, who: str, words: str, order_id: str, items: tuple[str, ...], method: str
) -> None:
    proposal = plan(desk, "return_item", words, who=who)
    assert the_action(proposal) == ReturnItems(
        order_id=order_id, item_ids=items, payment_method_id=method
    )
    assert "{{1.summary}}" in text_of(proposal)


@pytest.mark.parametrize(
    ("who", "words", "phrase"),
    [
        ("nora_whitfield", "I want to return it", "#W1001"),
        ("leo_brandt", "I want to return my mug", "#W1015"),
        ("yuki_tanabe", "I want to return something of #W1021", "Linen Throw"),
        ("bea_norwood", "I want to return the mug of #W1001", "could not find"),
        ("yuki_tanabe", "I want to return all of #W1021 except the throw", "Which is it?"),
        ("yuki_tanabe", "I want to return the candles that came with the throw", "Which is it?"),
    ],
)
def test_a_return_is_asked_about_where_order_or_item_is_open(
    desk: Desk, who: str, words: str, phrase: str
) -> None:
    proposal = plan(desk, "return_item", words, who=who)
    assert kind_of(proposal) == "question"
    assert phrase in text_of(proposal)


def test_more_than_one_return_in_a_message_is_for_a_person(desk: Desk) -> None:
    words = "I want to return the mug of #W1030. I also want to return the speaker."
    assert reason_of(plan(desk, "return_item", words, who="wei_lindgren")) == "several_wishes"


def test_an_exception_is_not_what_is_refunded(desk: Desk) -> None:
    words = "Refund everything in #W1021 except the throw"
    proposal = plan(desk, "refund_request", words, who="yuki_tanabe")
    assert kind_of(proposal) == "question"


def test_a_yes_to_the_order_asked_about_is_enough(desk: Desk) -> None:
    asked = plan(desk, "return_item", "I want to return it", who="nora_whitfield")
    said = ("I want to return it", Us(text_of(asked)), "yes")
    assert isinstance(
        the_action(plan(desk, "return_item", *said, who="nora_whitfield")), ReturnItems
    )


@pytest.mark.parametrize(
    "words",
    [
        "How do I return the mug of #W1001?",
        "Do I have to pay postage for a return of #W1001?",
        "Where do I get the return label for #W1001?",
    ],
)
def test_a_question_about_returns_is_no_wish_for_one(desk: Desk, words: str) -> None:
    proposal = plan(desk, "return_item", words, who="nora_whitfield")
    assert kind_of(proposal) == "answer"
    assert proposal.actions == ()


@pytest.mark.parametrize(
    ("intent", "words"),
    [
        ("return_item", "I want to return the mug of #W1001"),
        ("exchange_item", "Please swap the mug of #W1001 for the moss one"),
        ("change_order_items", "Change #W1001 to moss"),
        ("change_payment_method", "Pay #W1001 by PayPal"),
        ("store_credit", "$5 store credit for #W1001"),
    ],
)
def test_what_changes_an_order_needs_more_certainty_about_who_writes(
    desk: Desk, intent: str, words: str
) -> None:
    proposal = desk.propose(desk.request(intent, words, who="nora_whitfield"))
    assert proposal.asks_identity
    assert "W1001" not in text_of(proposal)


def test_two_ways_of_paying_are_for_a_person(desk: Desk) -> None:
    proposal = plan(desk, "return_item", "I want to return the mug of #W1030", who="wei_lindgren")
    assert reason_of(proposal) == "split_payment"


def test_a_refused_return_is_explained_by_policy(desk: Desk) -> None:
    request = desk.request(
        "return_item",
        "I want to return the mug of #W1010",
        who="hugo_ferreira",
        assurance=Assurance.CONFIRMED,
        observations=[refused("return.window", "30 days are over.", "return_items")],
    )
    proposal = desk.propose(request)
    assert kind_of(proposal) == "answer"
    assert proposal.actions == ()
    assert "30 days" in text_of(proposal)


# --- other variants ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("intent", "who", "words", "kind", "old", "new"),
    [
        (
            "exchange_item",
            "nora_whitfield",
            "Please swap the mug of #W1001 for the moss one",
            ExchangeItems,
            "710101",
            "710102",
        ),
        (
            "exchange_item",
            "nora_whitfield",
            "I want to exchange the oat mug for the 500 ml one",
            ExchangeItems,
            "710101",
            "710104",
        ),
        (
            "exchange_item",
            "dana_kowalski",
            "Please exchange the lamp of #W1016 for matte black with the linen shade",
            ModifyOrderItems,
            "710401",
            "710402",
        ),
        (
            "change_order_items",
            "dana_kowalski",
            "Please change #W1017 to the flax throw",
            ModifyOrderItems,
            "710302",
            "710301",
        ),
        (
            "change_order_items",
            "priya_raman",
            "Change the kettle of my order to matte black please",
            ModifyOrderItems,
            "710702",
            "710701",
        ),
        (
            "change_order_items",
            "nora_whitfield",
            "Change the mug of #W1001 to moss",
            ExchangeItems,
            "710101",
            "710102",
        ),
    ],
)
def test_another_variant_is_proposed_by_the_state_of_the_order(
    desk: Desk, intent: str, who: str, words: str, kind: type, old: str, new: str
) -> None:
    action = the_action(plan(desk, intent, words, who=who))
    assert isinstance(action, ExchangeItems | ModifyOrderItems)
    assert type(action) is kind
    assert (action.item_ids, action.new_item_ids) == ((old,), (new,))


@pytest.mark.parametrize(
    ("words", "phrase"),
    [
        ("Please exchange the mug of #W1001", "Which variant"),
        ("Please exchange the mug of #W1001 for a purple one", "Which variant"),
        ("Please exchange the mug of #W1001 for slate, 500 ml", "not in stock"),
        (
            "Please exchange the mug of #W1001 for a bigger one, moss",
            "Which variant",
        ),
        ("Please exchange the mug of #W1001 for moss or slate", "Which variant"),
    ],
)
def test_a_variant_that_is_not_plain_or_not_there_is_asked_for(
    desk: Desk, words: str, phrase: str
) -> None:
    proposal = plan(desk, "exchange_item", words, who="nora_whitfield")
    assert kind_of(proposal) == "question"
    assert phrase in text_of(proposal)


def test_an_order_that_left_cannot_be_changed_any_more(desk: Desk) -> None:
    for intent, words in (
        ("change_order_items", "Change #W1019 to charcoal"),
        ("change_payment_method", "Pay #W1019 by gift card"),
    ):
        proposal = plan(desk, intent, words, who="omar_haddad", about="changing an order shipped")
        assert kind_of(proposal) == "answer"
        assert proposal.actions == ()
        assert proposal.reply is not None
        assert proposal.reply.cites[0].startswith("order-changes")


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


# --- the account ---------------------------------------------------------------------------------


def test_the_address_of_the_account_is_not_that_of_an_order(desk: Desk) -> None:
    words = "Please change the address on my account to 88 Birch Avenue, Albany, NY 12207"
    account = the_action(plan(desk, "change_address", words, who="dana_kowalski"))
    assert isinstance(account, UpdateCustomerAddress)
    assert account.customer_id == "dana_kowalski"
    order = the_action(plan(desk, "change_address", f"{words}, and #W1016", who="dana_kowalski"))
    assert isinstance(order, ModifyOrderAddress)


@pytest.mark.parametrize(
    ("intent", "words", "reason"),
    [
        ("change_contact", "Please change my e-mail to nora@new.example", "contact_change"),
        ("account_access", "Somebody has hacked my account", "account_access"),
        ("account_access", "The code never arrives", "account_access"),
        ("account_data", "Please delete my account", "personal_data"),
        ("stop_subscription", "Stop my candle subscription", "subscription"),
    ],
)
@pytest.mark.parametrize("assurance", list(Assurance))
def test_what_no_action_does_goes_to_a_person_with_how_sure_it_is_who_writes(
    desk: Desk, intent: str, words: str, reason: str, assurance: Assurance
) -> None:
    request = desk.request(intent, words, who="nora_whitfield", assurance=assurance)
    proposal = desk.propose(request)
    assert reason_of(proposal) == reason
    assert proposal.escalation is not None
    assert f"who writes: {assurance.value}" in proposal.escalation.summary


@pytest.mark.parametrize(
    ("intent", "words", "article", "phrase"),
    [
        ("account_access", "I forgot my password", "privacy-and-account", "Forgot password"),
        ("change_contact", "How do I change my e-mail?", "privacy-and-account", "yourself"),
        ("account_data", "How do I delete my account?", "privacy-and-account", "delete"),
        ("stop_subscription", "Unsubscribe me from the newsletter", "privacy", "unsubscribe link"),
        ("discount_or_gift_card", "Do gift cards expire?", "gift-cards", "never expire"),
        ("discount_or_gift_card", "Can I use two discount codes?", "payment-methods", "One code"),
        ("change_order_items", "How do I change an order?", "order-changes", "pending"),
    ],
)
def test_questions_about_the_account_are_answered_from_articles(
    desk: Desk, intent: str, words: str, article: str, phrase: str
) -> None:
    proposal = plan(desk, intent, words, who="bea_norwood")
    assert kind_of(proposal) == "answer"
    assert proposal.actions == ()
    assert proposal.reply is not None
    assert proposal.reply.cites[0].startswith(article)
    assert phrase in text_of(proposal)


def test_a_code_that_no_article_speaks_of_is_for_a_person(desk: Desk) -> None:
    words = "Is there a discount for students?"
    proposal = plan(desk, "discount_or_gift_card", words, who="bea_norwood")
    assert reason_of(proposal) == "knowledge_gap"
